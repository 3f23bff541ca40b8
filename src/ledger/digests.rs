//! The side table of state digests (AUDIT.md §8.2): what the state of a site added up to after every 10,000th event and at each
//! shutdown, so that a later replay can tell whether it adds up to the same.
//!
//! ```text
//! digests/{site}.ndjson   {"seq":9999,"t":"2026-03-14T09:26:53.589Z","digest":"…","fold":1}
//! ```
//!
//! The server believes nothing in it, so damage prevents nothing: a line that cannot be read is said and skipped. A line is written
//! after its event is durable, and away from the threads that serve requests.

use super::site::Inner;
use super::{Ledger, Site};
use crate::projection::{FOLD_VERSION, State};
use crate::terms::{Digest, Seq, SiteName, Timestamp};
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a site's state added up to right after an event was folded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordedDigest {
    /// The event.
    pub seq: Seq,
    /// Its time.
    pub t: Timestamp,
    /// The state digest.
    pub digest: Digest,
    /// The version of fold that worked it out.
    pub fold: u32,
}

/// What a site's live state adds up to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LiveDigest {
    /// How many events it has folded.
    pub head: Seq,
    /// The time until which it has forgotten.
    pub t: Timestamp,
    /// The state digest.
    pub digest: Digest,
}

/// What can be read of a site's side table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecordedDigests {
    /// The readable lines, as they stand there.
    pub digests: Vec<RecordedDigest>,
    /// The numbers of the lines that cannot be read, from 1.
    pub damaged: Vec<usize>,
}

/// So many events lie between two recorded digests.
pub const DIGEST_EVERY: u64 = 10_000;
/// No line is longer.
const LINE_BYTES_MAX: usize = 1_024;

impl RecordedDigest {
    /// Of a state that has just folded a record; none of one that never has.
    pub(super) fn of(state: &State) -> Option<Self> {
        let seq = Seq(state.head.0.checked_sub(1)?);
        Some(Self { seq, t: state.last_t, digest: state.digest(), fold: FOLD_VERSION })
    }
    /// The same, if it is this record's turn to be written.
    pub(super) fn due(state: &State) -> Option<Self> {
        state.head.0.is_multiple_of(DIGEST_EVERY).then(|| Self::of(state)).flatten()
    }
}

/// A site's side table.
pub(super) struct Digests {
    path: PathBuf,
    /// What is to be written when its event is durable. Locked for moments, after the site's own lock or without it.
    waiting: Mutex<Vec<RecordedDigest>>,
    /// The number of the last event with a line. Held while the file is written, never together with another lock.
    written: Mutex<Option<Seq>>,
}

impl Digests {
    pub(super) fn of(directory: &Path, site: &SiteName) -> Self {
        let path = directory.join("digests").join(format!("{site}.ndjson"));
        Self { path, waiting: Mutex::default(), written: Mutex::default() }
    }

    /// Says what is damaged, and learns where the table ends.
    pub(super) fn open(&self, site: &SiteName) {
        match self.read() {
            Ok(recorded) => {
                for line in &recorded.damaged {
                    tracing::warn!(%site, line, "a line of the side table of state digests cannot be read and is passed over");
                }
                *lock(&self.written) = recorded.digests.last().map(|last| last.seq);
            }
            Err(error) => tracing::warn!(%site, %error, "the side table of state digests cannot be read"),
        }
    }

    pub(super) fn read(&self) -> io::Result<RecordedDigests> {
        let file = match std::fs::File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(RecordedDigests::default()),
            opened => opened?,
        };
        let mut recorded = RecordedDigests::default();
        for (line, number) in BufReader::new(file).split(b'\n').zip(1..) {
            let line = line?;
            match serde_json::from_slice(&line) {
                Ok(digest) if line.len() <= LINE_BYTES_MAX => recorded.digests.push(digest),
                Ok(_) | Err(_) if line.is_empty() => {}
                Ok(_) | Err(_) => recorded.damaged.push(number),
            }
        }
        Ok(recorded)
    }

    fn add(&self, digest: RecordedDigest) {
        lock(&self.waiting).push(digest);
    }

    /// Writes what is waiting for events before this number. What cannot be written is said and let go.
    fn write(&self, site: &SiteName, durable: u64) {
        let mut written = lock(&self.written);
        let mut ready = Vec::new();
        lock(&self.waiting).retain(|digest| {
            let is_ready = digest.seq.0 < durable;
            ready.extend(is_ready.then_some(*digest));
            !is_ready
        });
        ready.sort_by_key(|digest| digest.seq);
        for digest in ready.into_iter().filter(|digest| *written != Some(digest.seq)).collect::<Vec<_>>() {
            match self.append(&digest) {
                Ok(()) => *written = Some(digest.seq),
                Err(error) => tracing::warn!(%site, seq = %digest.seq, %error, "a state digest could not be recorded"),
            }
        }
    }

    fn append(&self, digest: &RecordedDigest) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path)?;
        // After a line that a crash cut off, the next one must not continue it.
        let mut line = if ends_amid_a_line(&mut file)? { b"\n".to_vec() } else { Vec::new() };
        serde_json::to_writer(&mut line, digest)?;
        line.push(b'\n');
        file.write_all(&line)
    }
}

fn ends_amid_a_line(file: &mut std::fs::File) -> io::Result<bool> {
    use io::{Read, Seek, SeekFrom};
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whole after every statement that could panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    /// Remembers what the state adds up to after a decision's last event, before more time passes for it.
    pub(super) fn settle(&mut self) {
        self.settled = RecordedDigest::of(&self.state);
    }
}

impl Ledger {
    /// What the side table of a site says.
    pub fn recorded_digests(&self, site: &Site) -> io::Result<RecordedDigests> {
        site.digests.read()
    }

    /// Where a site's state stands now, and what it adds up to. Its last events may not be durable yet.
    pub fn live_digest(&self, site: &Site) -> LiveDigest {
        let mut inner = site.inner();
        let now = self.now().max(inner.state.last_t);
        inner.state.forget(now);
        LiveDigest { head: inner.state.head, t: now, digest: inner.state.digest() }
    }

    /// Has these digests written once their events are durable.
    pub(super) fn record_digests_soon(&self, site: &Arc<Site>, due: Vec<RecordedDigest>) {
        let Some(last) = due.last().map(|digest| digest.seq) else { return };
        due.into_iter().for_each(|digest| site.digests.add(digest));
        let site = Arc::clone(site);
        tokio::spawn(async move {
            if site.wait(last).await.is_ok() {
                drop(tokio::task::spawn_blocking(move || site.digests.write(site.name(), site.durable().events)).await);
            }
        });
    }

    /// Writes what waits, and where each site stands: called when everything queued is durable and nothing more will be.
    pub(super) fn record_last_digests(&self) {
        let sites = self.shared.sites.read().unwrap_or_else(PoisonError::into_inner);
        for site in sites.values() {
            let settled = site.inner().settled;
            settled.into_iter().for_each(|digest| site.digests.add(digest));
            site.digests.write(site.name(), site.durable().events);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(seq: u64) -> RecordedDigest {
        RecordedDigest { seq: Seq(seq), t: Timestamp::from_unix_seconds(seq), digest: Digest::of(&seq.to_be_bytes()), fold: 1 }
    }

    #[test]
    fn a_digest_is_written_once_and_never_before_its_event_is_durable() {
        let temp = tempfile::tempdir().unwrap();
        let site = SiteName::default_site();
        let table = Digests::of(temp.path(), &site);
        [digest(9), digest(19)].into_iter().for_each(|digest| table.add(digest));
        table.write(&site, 19);
        assert_eq!(table.read().unwrap().digests, [digest(9)]);
        table.write(&site, 20);
        table.add(digest(19));
        table.write(&site, 20);
        assert_eq!(table.read().unwrap().digests, [digest(9), digest(19)]);
    }

    #[test]
    fn a_line_that_is_cut_off_or_overwritten_is_passed_over_and_the_next_stands_by_itself() {
        let temp = tempfile::tempdir().unwrap();
        let site = SiteName::default_site();
        let table = Digests::of(temp.path(), &site);
        table.add(digest(9));
        table.write(&site, 10);
        let mut bytes = std::fs::read(&table.path).unwrap();
        bytes.extend_from_slice(b"\xff\xfe{}\n{\"seq\":19,\"t\":\"2026-03");
        std::fs::write(&table.path, bytes).unwrap();
        let again = Digests::of(temp.path(), &site);
        again.open(&site);
        again.add(digest(29));
        again.write(&site, 30);
        assert_eq!(again.read().unwrap(), RecordedDigests { digests: vec![digest(9), digest(29)], damaged: vec![2, 3] });
    }
}
