//! What the commit thread does: drain, seal, frame, append, mark, raise.

use super::commit::{Fatal, Place, UnsealedRecord};
use super::mark::{Mark, Marked};
use super::seal::{SealPlace, seal};
use super::{BATCH_FRAMES_MAX, Batch, Disclosure, EventLog, Framer, Lane, Position, SealedField, SubjectKeys, leaf_bytes, leaf_hash};
use crate::terms::{Digest, Seq, SiteName};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};

/// Records drained at once. Batching comes by itself: what arrives while one batch is synced is the next.
const DRAIN_RECORDS_MAX: usize = 1024;

pub(super) enum Message {
    Group(Group),
    ShutDown,
}

/// The records of one decision: they are never split over two batches.
pub(super) struct Group {
    pub place: Place,
    pub lane: Arc<Lane>,
    pub records: Vec<UnsealedRecord>,
}

pub(super) struct Writer {
    pub engine: Arc<dyn EventLog>,
    pub mark: Option<Mark>,
    pub framer: Framer,
    pub keys: Arc<dyn SubjectKeys>,
    pub entropy: fn(&mut [u8]),
    /// The next event number of each site.
    pub due: HashMap<SiteName, Seq>,
}

/// A group turned into frames.
struct Framed {
    first: Position,
    frames: Vec<Vec<u8>>,
    chain: Digest,
    durable: Vec<Raise>,
}

/// What to tell a lane once the frames are durable. The places are given back when this is dropped.
struct Raise {
    lane: Arc<Lane>,
    records: Vec<(Position, Digest)>,
    places: Vec<Place>,
}

impl Writer {
    /// Works until told to shut down, or until nobody can queue any more, or until the first error.
    pub fn run(&mut self, queued: &Receiver<Message>) -> Result<(), Fatal> {
        let mut is_ending = false;
        while !is_ending {
            let mut groups = Vec::new();
            is_ending = drain(queued, &mut groups);
            self.commit(groups)?;
        }
        self.mark.as_ref().map_or(Ok(()), |mark| mark.sync().map_err(Fatal::from))
    }

    fn commit(&mut self, groups: Vec<Group>) -> Result<(), Fatal> {
        let mut pending: Option<Framed> = None;
        for group in groups {
            let framed = self.frame(group)?;
            pending = Some(match pending.take() {
                None => framed,
                Some(before) if before.frames.len() + framed.frames.len() <= BATCH_FRAMES_MAX => before.followed_by(framed),
                Some(before) => {
                    self.write(before)?;
                    framed
                }
            });
        }
        pending.map_or(Ok(()), |framed| self.write(framed))
    }

    fn write(&self, framed: Framed) -> Result<(), Fatal> {
        // The commit point: what `append` has returned for is true for ever.
        let head = self.engine.append(framed.first, Batch::new(framed.frames)?)?;
        if let Some(mark) = &self.mark {
            mark.write(Marked { head, chain: framed.chain })?;
        }
        framed.durable.iter().for_each(|raise| raise.lane.raise(&raise.records));
        Ok(())
    }

    fn frame(&mut self, group: Group) -> Result<Framed, Fatal> {
        let (first, site) = (self.framer.next(), group.lane.site().clone());
        let (mut frames, mut records) = (Vec::new(), Vec::new());
        for record in group.records {
            self.check_seq(&site, record.seq)?;
            let seq = record.seq;
            let (leaf, sealed) = self.seal(&site, record)?;
            records.push((self.framer.next(), leaf_hash(&leaf)));
            frames.extend(self.framer.frames(&site, seq, &leaf, &sealed)?);
        }
        let durable = vec![Raise { lane: group.lane, records, places: vec![group.place] }];
        Ok(Framed { first, frames, chain: self.framer.chain(), durable })
    }

    fn check_seq(&mut self, site: &SiteName, found: Seq) -> Result<(), Fatal> {
        let due = self.due.entry(site.clone()).or_default();
        if *due != found {
            return Err(Fatal::Seq { site: site.clone(), expected: *due, found });
        }
        *due = found.next();
        Ok(())
    }

    /// Leaf bytes and sealed fields. A field whose subject has no key is digested and not kept.
    fn seal(&self, site: &SiteName, record: UnsealedRecord) -> Result<(Vec<u8>, Vec<SealedField>), Fatal> {
        let seq = record.seq;
        let unfit = |error| Fatal::Leaf { site: site.clone(), seq, error };
        let (mut disclosures, mut sealed) = (Vec::new(), Vec::new());
        for field in record.personal {
            let (mut salt, mut nonce) = ([0; 16], [0; 12]);
            (self.entropy)(&mut salt);
            (self.entropy)(&mut nonce);
            let disclosure = Disclosure::new(salt, &field.name, field.value).map_err(unfit)?;
            if let Some(key) = self.keys.subject_key(site, &field.subject)? {
                let place = SealPlace { site, seq, name: &field.name };
                let ciphertext = seal(&key, &place, nonce, disclosure.encode().as_bytes());
                let ciphertext = ciphertext.map_err(|error| Fatal::Seal { site: site.clone(), seq, error })?;
                sealed.push(SealedField { subject: field.subject, name: field.name, nonce, ciphertext });
            }
            disclosures.push(disclosure);
        }
        Ok((leaf_bytes(record.members, &disclosures).map_err(unfit)?, sealed))
    }
}

impl Framed {
    fn followed_by(mut self, next: Self) -> Self {
        self.frames.extend(next.frames);
        self.chain = next.chain;
        next.durable.into_iter().for_each(|raise| self.raise_also(raise));
        self
    }
    /// A lane is raised once a batch, whatever came of it in that batch.
    fn raise_also(&mut self, next: Raise) {
        match self.durable.iter_mut().find(|raise| Arc::ptr_eq(&raise.lane, &next.lane)) {
            Some(raise) => {
                raise.records.extend(next.records);
                raise.places.extend(next.places);
            }
            None => self.durable.push(next),
        }
    }
}

/// Waits for the first group and takes what else is there. Whether it is time to end.
fn drain(queued: &Receiver<Message>, groups: &mut Vec<Group>) -> bool {
    let mut records = 0;
    let mut next = queued.recv().map_err(|_| TryRecvError::Disconnected);
    loop {
        match next {
            Ok(Message::Group(group)) => {
                records += group.records.len();
                groups.push(group);
            }
            Ok(Message::ShutDown) | Err(TryRecvError::Disconnected) => return true,
            Err(TryRecvError::Empty) => return false,
        }
        if records >= DRAIN_RECORDS_MAX {
            return false;
        }
        next = queued.try_recv();
    }
}
