//! The frozen file: one JSON object a line.
//!
//! ```text
//! {"key":{"site","subject","bytes"}}            the key of a subject's sealed fields, base64; none for who was erased
//! {"frame":"…"}                                 what the engine stores at the next position, base64
//! {"record":{"site","seq","leaf","dis":[…]}}    what the frames so far say next; `dis` are the disclosures that still open
//! {"state":{"site","version","digest","folded"}}  what a site's records fold to, in that version of the fold
//! {"export":{"site","bundle"}}                  the site's whole export, every field opened that opens, as lines
//! ```

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use writ::event::Record;
use writ::log::file::FileLog;
use writ::log::{Assembler, DataDirectory, EventLog, Position, StoredRecord, SubjectKey, seal};
use writ::projection::{Collection, FOLD_VERSION, State};
use writ::terms::{SiteName, Subject};
use writ::vault::Vault;

/// A frozen log.
#[derive(Default, PartialEq, Debug)]
pub struct Frozen {
    pub keys: Vec<Key>,
    pub frames: Vec<Vec<u8>>,
    pub records: Vec<Told>,
    pub states: Vec<Folded>,
    pub exports: Vec<Exported>,
}

/// The key of a subject.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Key {
    pub site: SiteName,
    pub subject: Subject,
    pub bytes: String,
}

/// What a record says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Told {
    pub site: SiteName,
    pub seq: u64,
    pub leaf: String,
    pub dis: Vec<String>,
}

/// What a site's records fold to.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Folded {
    pub site: SiteName,
    pub version: u32,
    pub digest: String,
    pub folded: Value,
}

/// A site's export.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Exported {
    pub site: SiteName,
    pub bundle: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Key(Key),
    Frame(String),
    Record(Told),
    State(Folded),
    Export(Exported),
}

impl Frozen {
    /// What a data directory with the plain file engine holds; nobody may have it open.
    pub fn of(directory: &Path) -> Self {
        let _lock = DataDirectory::open(directory).unwrap();
        let frames: Vec<_> =
            FileLog::open(&directory.join("segment")).unwrap().read_from(Position(0)).map(|read| read.unwrap().1).collect();
        let keys = keys(directory);
        let (records, states) = (told(&frames, &keys), folded(&frames));
        Self { keys, frames, records, states, exports: Vec::new() }
    }

    pub fn parse(text: &str) -> Self {
        let mut frozen = Self::default();
        for line in text.lines() {
            match serde_json::from_str(line).unwrap() {
                Line::Key(key) => frozen.keys.push(key),
                Line::Frame(frame) => frozen.frames.push(STANDARD.decode(frame).unwrap()),
                Line::Record(record) => frozen.records.push(record),
                Line::State(state) => frozen.states.push(state),
                Line::Export(export) => frozen.exports.push(export),
            }
        }
        frozen
    }

    pub fn text(&self) -> String {
        let frames = self.frames.iter().map(|frame| Line::Frame(STANDARD.encode(frame)));
        let keys = self.keys.iter().cloned().map(Line::Key);
        let said = self.records.iter().cloned().map(Line::Record).chain(self.states.iter().cloned().map(Line::State));
        let exported = self.exports.iter().cloned().map(Line::Export);
        keys.chain(frames).chain(said).chain(exported).fold(String::new(), |mut text, line| {
            writeln!(text, "{}", serde_json::to_string(&line).unwrap()).unwrap();
            text
        })
    }
}

fn keys(directory: &Path) -> Vec<Key> {
    let vault = Vault::open(directory, None).unwrap();
    let of_site = |site: SiteName| {
        let subjects = vault.subjects(&site).unwrap();
        let key = |subject: Subject| {
            let bytes = vault.subject_key(&site, &subject).unwrap().unwrap();
            Key { site: site.clone(), bytes: STANDARD.encode(*bytes), subject }
        };
        subjects.into_iter().map(key).collect::<Vec<_>>()
    };
    vault.sites().unwrap().into_iter().flat_map(of_site).collect()
}

/// What the frames say, their fields opened as far as there are keys.
pub fn told(frames: &[Vec<u8>], keys: &[Key]) -> Vec<Told> {
    let key = |key: &Key| ((key.site.clone(), key.subject.to_string()), STANDARD.decode(&key.bytes).unwrap().try_into().unwrap());
    let keys: BTreeMap<(SiteName, String), [u8; 32]> = keys.iter().map(key).collect();
    let tell = |record: StoredRecord| {
        let open = |field: &writ::log::SealedField| {
            let key = SubjectKey::new(*keys.get(&(record.site.clone(), field.subject.to_string()))?);
            Some(seal::open_field(&key, &record, field).unwrap().encode().to_owned())
        };
        let dis = record.sealed.iter().filter_map(open).collect();
        Told { site: record.site.clone(), seq: record.seq.0, leaf: String::from_utf8(record.leaf.clone()).unwrap(), dis }
    };
    stored(frames).into_iter().map(tell).collect()
}

/// What every site's records fold to.
pub fn folded(frames: &[Vec<u8>]) -> Vec<Folded> {
    let stored = stored(frames);
    let sites: BTreeSet<_> = stored.iter().map(|record| record.site.clone()).collect();
    let fold = |site: SiteName| {
        let mut state = State::default();
        for record in stored.iter().filter(|record| record.site == site) {
            state.fold(&Record::from_leaf(&record.leaf).unwrap()).unwrap();
        }
        let things = |of: &Collection| (of.as_str().to_owned(), json!(state.entities(*of, &|_| true)));
        let mut folded: Map<String, Value> = Collection::ALL.iter().map(things).collect();
        folded.extend([("site".to_owned(), json!(state.site)), ("server".to_owned(), json!(state.server))]);
        Folded { site, version: FOLD_VERSION, digest: state.digest().to_string(), folded: folded.into() }
    };
    sites.into_iter().map(fold).collect()
}

/// Whether everything that was said is still said; members may have come since.
pub fn still_says(now: &Value, then: &Value) -> bool {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => then.iter().all(|(name, then)| now.get(name).is_some_and(|now| still_says(now, then))),
        (now, then) => now == then,
    }
}

/// The records of the frames.
pub fn stored(frames: &[Vec<u8>]) -> Vec<StoredRecord> {
    let mut assembler = Assembler::new();
    let records = (0..).zip(frames).filter_map(|(position, frame)| assembler.push(Position(position), frame).unwrap());
    let records = records.collect();
    assembler.finish().unwrap();
    records
}
