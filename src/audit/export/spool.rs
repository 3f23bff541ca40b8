//! Putting the events of an export on the disk, and the bundle together.

use super::{Asked, ExportError, Plan};
use crate::audit::Identify;
use crate::audit::bundle::{About, Counts, EventsFile, Form, Hashing, Parts, files, write};
use crate::audit::select::members;
use crate::ledger::{Failure, Ledger, Site};
use crate::log::{RangeProof, StoredRecord, leaf_hash};
use crate::terms::{Digest, Seq};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, Write};

/// An export whose bytes are settled.
pub struct Spooled {
    files: [Vec<u8>; 5],
    events: File,
    events_bytes: u64,
    form: Form,
    /// What is in it.
    pub counts: Counts,
    /// SHA-256 of the bundle.
    pub digest: Digest,
}

/// Spools the export: reads each of its events once. Not for threads that serve requests.
///
/// # Errors
/// An event that cannot be read, a log that is not the one that was signed, a disk that is full.
pub fn spool(ledger: &Ledger, site: &Site, plan: &Plan, asked: &Asked, form: Form) -> Result<Spooled, ExportError> {
    let mut events = EventsFile::new(BufWriter::new(tempfile::tempfile_in(ledger.directory())?));
    let mut times = Times::default();
    for seq in plan.from..plan.to {
        let stored = ledger.stored(site, Seq(seq))?;
        let members = members(&stored)?;
        times.take_in(&members);
        match asked.filter.matches(&members) {
            true => show(ledger, site, &stored, &members, asked.identify, &mut events)?,
            false => events.withhold(seq, leaf_hash(&stored.leaf))?,
        }
    }
    let (counts, digest, events_bytes) = (events.counts(), events.digest(), events.length());
    let events = events.into_inner().into_inner().map_err(io::IntoInnerError::into_error)?;
    let proof = proof(ledger, site, plan)?;
    let key = site.read(|state| state.checkpoint_key().map(str::parse)).and_then(Result::ok);
    let about = About {
        site: site.name(),
        key: &key.ok_or_else(|| Failure::Contradiction("the log does not name its checkpoint key".to_owned()))?,
        checkpoint: &plan.signed.note,
        proof: &proof,
        counts,
        events: digest,
        told: times.told(asked.told.clone()),
    };
    let files = files(about).ok_or_else(|| Failure::Contradiction("the manifest cannot be written".to_owned()))?;
    let mut spooled = Spooled { files, events, events_bytes, form, counts, digest };
    let mut hashing = Hashing::new(io::sink());
    spooled.send(&mut hashing)?;
    spooled.digest = hashing.digest();
    Ok(spooled)
}

impl Spooled {
    /// Writes the bundle: the same bytes each time.
    ///
    /// # Errors
    /// What the disk or the receiver says.
    pub fn send(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.events.rewind()?;
        let (events, events_bytes, events_count) = (BufReader::new(&self.events), self.events_bytes, self.counts.events);
        write(self.form, Parts { files: self.files.clone(), events, events_bytes, events_count }, out)
    }
}

/// Only an export that opens sealed fields can tell which ones nobody can open any more.
fn show(
    ledger: &Ledger,
    site: &Site,
    stored: &StoredRecord,
    members: &Map<String, Value>,
    identify: Identify,
    events: &mut EventsFile<impl Write>,
) -> Result<(), ExportError> {
    let leaf = std::str::from_utf8(&stored.leaf).map_err(|error| Failure::Unreadable(error.to_string()))?;
    let sealed = members.get("_sd").and_then(Value::as_array).map_or(0, Vec::len);
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let (opened, erased) = match identify {
        Identify::Withhold => (Vec::new(), 0),
        Identify::Open => {
            let opened: Vec<String> = ledger.disclosures(site, stored)?.iter().map(|field| field.encode().to_owned()).collect();
            let erased = sealed.saturating_sub(opened.len());
            (opened, erased)
        }
    };
    Ok(events.show(stored.seq.0, leaf, &opened, count(sealed), count(erased))?)
}

/// What ties the events to the checkpoint; a log that is another than the signed one proves nothing.
fn proof(ledger: &Ledger, site: &Site, plan: &Plan) -> Result<RangeProof, ExportError> {
    let (head, mut tree) = (plan.signed.head, ledger.tree(site));
    let proof = RangeProof::build(plan.from, plan.to, head.size, |range| tree.root_of(&range)).map_err(Failure::from)?;
    let sound = proof.filter(|proof| proof.root() == Ok(head.root));
    Ok(sound.ok_or_else(|| Failure::Unreadable("the tree over its events is not the one that was signed".to_owned()))?)
}

/// When the first and the last event of the export were.
#[derive(Default)]
struct Times {
    first: Option<Value>,
    last: Option<Value>,
}

impl Times {
    fn take_in(&mut self, members: &Map<String, Value>) {
        let t = members.get("t").cloned();
        self.first = self.first.take().or_else(|| t.clone());
        self.last = t;
    }
    fn told(self, mut told: Map<String, Value>) -> Map<String, Value> {
        let times = [("first_t", self.first), ("last_t", self.last)];
        told.extend(times.into_iter().filter_map(|(name, t)| Some((name.to_owned(), t?))));
        told
    }
}
