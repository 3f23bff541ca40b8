//! The frozen file: one JSON object a line.
//!
//! ```text
//! {"key":{"site","subject","bytes"}}            the key of a subject's sealed fields, base64; none for who was erased
//! {"frame":"…"}                                 what the engine stores at the next position, base64
//! {"record":{"site","seq","leaf","dis":[…]}}    what the frames so far say next; `dis` are the disclosures that still open
//! {"state":{"site","digest","folded"}}          what a site's records fold to
//! {"export":{"site","vkey","line"}}             one line of the site's export
//! ```

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use writ::log::file::FileLog;
use writ::log::{Assembler, DataDirectory, EventLog, Position, StoredRecord, SubjectKey, seal};
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
    pub digest: String,
    pub folded: Value,
}

/// A line of a site's export.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Exported {
    pub site: SiteName,
    pub vkey: String,
    pub line: String,
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
        let records = told(&frames, &keys);
        Self { keys, frames, records, ..Self::default() }
    }

    pub fn parse(text: &str) -> Self {
        let mut frozen = Self::default();
        for line in text.lines() {
            match serde_json::from_str(line).unwrap() {
                Line::Key(key) => frozen.keys.push(key),
                Line::Frame(frame) => frozen.frames.push(STANDARD.decode(frame).unwrap()),
                Line::Record(record) => frozen.records.push(record),
                Line::State(state) => frozen.states.push(state),
                Line::Export(line) => frozen.exports.push(line),
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

/// The records of the frames.
pub fn stored(frames: &[Vec<u8>]) -> Vec<StoredRecord> {
    let mut assembler = Assembler::new();
    let records = (0..).zip(frames).filter_map(|(position, frame)| assembler.push(Position(position), frame).unwrap());
    let records = records.collect();
    assembler.finish().unwrap();
    records
}
