//! A log, and a bundle of a part of it that can be changed and put together again.

use super::MutateError;
use super::dice::Dice;
use std::ops::Range;
use writ::audit::bundle::{About, EVENTS, EventLine, EventsFile, FILES, Form, Manifest, Parts, files, hex, write};
use writ::log::{CheckpointKey, Disclosure, Head, RangeProof, leaf_bytes, leaf_hash, merkle};
use writ::terms::{Digest, SiteName};

const ORIGIN: &str = "auth.example.org/writ/default";

/// A log with its key.
pub struct Specimen {
    leaves: Vec<String>,
    disclosures: Vec<Vec<String>>,
    key: CheckpointKey,
    /// Somebody else's, of the same name.
    pub forger: CheckpointKey,
    /// What is exported.
    pub range: Range<usize>,
    /// Which events are withheld.
    withheld: Vec<bool>,
}

/// A bundle, apart.
#[derive(Clone)]
pub struct Files {
    /// Those before the events.
    pub files: [Vec<u8>; 5],
    /// The events' lines, without their ends.
    pub lines: Vec<Vec<u8>>,
}

fn none(what: &'static str) -> MutateError {
    MutateError::Specimen(what)
}

impl Specimen {
    /// A log of 1 to 800 events, and a range of it.
    pub fn new(dice: &mut Dice) -> Result<Self, MutateError> {
        let size = 1 + dice.below(800);
        let from = dice.below(size);
        let range = from..from + 1 + dice.below((size - from).min(400));
        let (mut leaves, mut disclosures) = (Vec::new(), Vec::new());
        for seq in 0..size {
            let (leaf, fields) = event(seq, dice)?;
            leaves.push(leaf);
            disclosures.push(fields);
        }
        let key = |seed| CheckpointKey::new(ORIGIN, &[seed; 32]).map_err(|_| none("its name is no key's name"));
        let withheld = (0..size).map(|_| dice.below(4) == 0).collect();
        Ok(Self { leaves, disclosures, key: key(1)?, forger: key(2)?, range, withheld })
    }

    /// The key of the log.
    pub fn vkey(&self) -> String {
        self.key.verifier().to_string()
    }

    /// The hashes of its leaves.
    pub fn hashes(&self) -> Vec<Digest> {
        self.leaves.iter().map(|leaf| leaf_hash(leaf.as_bytes())).collect()
    }

    /// Its head.
    pub fn head(&self) -> Result<Head, MutateError> {
        head(&self.hashes())
    }

    /// The proof for a range of a tree.
    pub fn proof(hashes: &[Digest], range: Range<usize>) -> Result<RangeProof, MutateError> {
        let at = |n: u64| usize::try_from(n).map_err(|_| none("it is too long"));
        let root_of =
            |range: Range<u64>| Ok::<_, MutateError>(merkle::root(hashes.get(at(range.start)?..at(range.end)?).unwrap_or_default()));
        let [from, to, size] = [range.start, range.end, hashes.len()].map(|n| u64::try_from(n).unwrap_or_default());
        RangeProof::build(from, to, size, root_of)?.ok_or_else(|| none("there is no such range"))
    }

    /// The bundle.
    pub fn bundle(&self) -> Result<Files, MutateError> {
        let hashes = self.hashes();
        let mut events = EventsFile::new(Vec::new());
        for n in self.range.clone() {
            let seq = u64::try_from(n).unwrap_or_default();
            match (self.withheld.get(n), self.leaves.get(n), self.disclosures.get(n)) {
                (Some(false), Some(leaf), Some(fields)) => events.show(seq, leaf, fields.get(..n % 3).unwrap_or_default(), 2, 0)?,
                (_, _, _) => events.withhold(seq, *hashes.get(n).ok_or_else(|| none("it has no such event"))?)?,
            }
        }
        let files = files(About {
            site: &SiteName::default_site(),
            key: &self.key.verifier(),
            checkpoint: &self.key.sign(self.head()?),
            proof: &Self::proof(&hashes, self.range.clone())?,
            counts: events.counts(),
            events: events.digest(),
            told: serde_json::Map::from_iter([("asked".to_owned(), serde_json::json!({ "by": "os:0", "purpose": "m\u{fc}tation" }))]),
        });
        let lines = events.into_inner().split(|byte| *byte == b'\n').map(<[u8]>::to_vec).filter(|line| !line.is_empty()).collect();
        Ok(Files { files: files.ok_or_else(|| none("its manifest cannot be written"))?, lines })
    }
}

/// Size and root over these leaves.
pub fn head(hashes: &[Digest]) -> Result<Head, MutateError> {
    Ok(Head { size: u64::try_from(hashes.len()).map_err(|_| none("it is too long"))?, root: merkle::root(hashes) })
}

fn event(seq: usize, dice: &mut Dice) -> Result<(String, Vec<String>), MutateError> {
    let mut field = |name: &str| {
        let salt = [dice.number().to_be_bytes(), dice.number().to_be_bytes()].concat().try_into().unwrap_or_default();
        Disclosure::new(salt, name, format!("{name} \u{e9}\u{1f600}\n of {seq}").into()).map_err(|_| none("a field cannot be disclosed"))
    };
    let fields = [field("net.ip")?, field("username")?];
    let members = serde_json::json!({
        "corr": "req_0123456789abcdefABCDEF", "seq": seq, "site": "default", "t": format!("2026-03-11T10:{:02}:44.{:03}Z", seq / 60, seq / 7),
        "type": "login.failed", "v": 1, "asked": { "command": "sign_in", "why": "\u{fc}\u{1f600}\"\\\u{7}" },
    });
    let members = members.as_object().cloned().unwrap_or_default();
    let leaf = leaf_bytes(members, &fields).map_err(|_| none("an event is not fit for a leaf"))?;
    let leaf = String::from_utf8(leaf).map_err(|_| none("a leaf is no text"))?;
    Ok((leaf, fields.iter().map(|field| field.encode().to_owned()).collect()))
}

impl Files {
    /// The archive.
    pub fn pack(&self) -> Result<Vec<u8>, MutateError> {
        let (events, mut out) = (self.events(), Vec::new());
        let events_bytes = u64::try_from(events.len()).unwrap_or_default();
        write(Form::Tar, Parts { files: self.files.clone(), events: &events[..], events_bytes, events_count: 0 }, &mut out)?;
        Ok(out)
    }
    /// Sets the digests in the manifest right.
    pub fn fix(&mut self) {
        let events = self.events();
        let [manifest, others @ ..] = &mut self.files;
        let Some(mut told) = Manifest::decode(manifest) else { return };
        let digests = FILES.iter().skip(1).zip(others).map(|(name, bytes)| ((*name).to_owned(), hex(&Digest::of(bytes))));
        told.files = digests.chain([(EVENTS.to_owned(), hex(&Digest::of(&events)))]).collect();
        if let Some(fixed) = told.encode() {
            *manifest = fixed;
        }
    }
    /// Changes what the manifest tells.
    pub fn tell(&mut self, change: impl FnOnce(&mut Manifest)) {
        let [manifest, ..] = &mut self.files;
        if let Some(mut told) = Manifest::decode(manifest) {
            change(&mut told);
            *manifest = told.encode().unwrap_or_default();
        }
    }
    fn events(&self) -> Vec<u8> {
        self.lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
    }
    /// Changes an event's leaf and sets its hash right; what is withheld gets another hash.
    pub fn forge(line: &[u8], change: impl FnOnce(String) -> String) -> Vec<u8> {
        let forged = match EventLine::decode(line) {
            Some(EventLine::Shown { seq, leaf, disclosures, .. }) => {
                let leaf = change(leaf.into_owned());
                EventLine::Shown { seq, hash: leaf_hash(leaf.as_bytes()), leaf: leaf.into(), disclosures }.encode()
            }
            Some(EventLine::Withheld { seq, hash }) => EventLine::Withheld { seq, hash: Digest::of(hash.bytes()) }.encode(),
            None => return line.to_vec(),
        };
        forged.unwrap_or_default()
    }
}
