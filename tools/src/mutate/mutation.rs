//! The changes.

use super::MutateError;
use super::dice::Dice;
use super::specimen::{Files, Specimen, head};
use writ::audit::bundle::{EventLine, Manifest};
use writ::log::{Head, leaf_hash};
use writ::terms::Digest;

/// A kind of change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Nothing,
    BitOfArchive,
    BitOfFile,
    BitOfEvent,
    Digit,
    Cut,
    Appended,
    LineGone,
    LineDoubled,
    LinesSwapped,
    LinesTurned,
    LineReformatted,
    HashOfAnother,
    LeafForged,
    LeafMoved,
    EventWithheld,
    DisclosureMoved,
    DisclosureDoubled,
    DisclosureGone,
    OtherLogsCheckpoint,
    OtherKey,
    ProofOfAnotherRange,
    ProofLine,
    Count,
    Place,
    Told,
    EverythingForged,
}

/// All kinds.
pub const KINDS: [Kind; 27] = [
    Kind::Nothing,
    Kind::BitOfArchive,
    Kind::BitOfFile,
    Kind::BitOfEvent,
    Kind::Digit,
    Kind::Cut,
    Kind::Appended,
    Kind::LineGone,
    Kind::LineDoubled,
    Kind::LinesSwapped,
    Kind::LinesTurned,
    Kind::LineReformatted,
    Kind::HashOfAnother,
    Kind::LeafForged,
    Kind::LeafMoved,
    Kind::EventWithheld,
    Kind::DisclosureMoved,
    Kind::DisclosureDoubled,
    Kind::DisclosureGone,
    Kind::OtherLogsCheckpoint,
    Kind::OtherKey,
    Kind::ProofOfAnotherRange,
    Kind::ProofLine,
    Kind::Count,
    Kind::Place,
    Kind::Told,
    Kind::EverythingForged,
];

/// The specimen's bundle with a change of this kind. Half of the changes to files are made by somebody who sets the manifest right.
pub fn mutate(kind: Kind, specimen: &Specimen, dice: &mut Dice) -> Result<Vec<u8>, MutateError> {
    let mut files = specimen.bundle()?;
    match kind {
        Kind::Nothing => {}
        Kind::BitOfArchive | Kind::Cut | Kind::Appended => return change_archive(kind, files.pack()?, dice),
        Kind::BitOfFile | Kind::Digit | Kind::OtherLogsCheckpoint | Kind::OtherKey | Kind::ProofOfAnotherRange | Kind::ProofLine => {
            change_files(kind, specimen, &mut files, dice)?;
        }
        Kind::Count | Kind::Place | Kind::Told => {
            let change = dice.below(6);
            let by = if dice.is_heads() { 1 } else { u64::MAX };
            files.tell(|told| change_manifest(kind, change, by, told));
            return files.pack();
        }
        Kind::EverythingForged => forge_everything(specimen, &mut files, dice)?,
        Kind::BitOfEvent
        | Kind::LineGone
        | Kind::LineDoubled
        | Kind::LinesSwapped
        | Kind::LinesTurned
        | Kind::LineReformatted
        | Kind::HashOfAnother
        | Kind::LeafForged
        | Kind::LeafMoved
        | Kind::EventWithheld
        | Kind::DisclosureMoved
        | Kind::DisclosureDoubled
        | Kind::DisclosureGone => change_lines(kind, &mut files, dice),
    }
    if dice.is_heads() {
        files.fix();
    }
    files.pack()
}

fn flip(bytes: &mut [u8], dice: &mut Dice) {
    let at = dice.below(bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << dice.below(8);
    }
}

fn change_archive(kind: Kind, mut archive: Vec<u8>, dice: &mut Dice) -> Result<Vec<u8>, MutateError> {
    if kind == Kind::Cut {
        archive.truncate(dice.below(archive.len()));
    } else if kind == Kind::Appended {
        archive.extend(dice.number().to_be_bytes());
    } else {
        flip(&mut archive, dice);
    }
    Ok(archive)
}

fn change_files(kind: Kind, specimen: &Specimen, files: &mut Files, dice: &mut Dice) -> Result<(), MutateError> {
    let [manifest, readme, vkey, note, proof] = &mut files.files;
    if kind == Kind::OtherKey {
        *vkey = format!("{}\n", specimen.forger.verifier()).into_bytes();
    } else if kind == Kind::OtherLogsCheckpoint {
        let other = Head { root: Digest::of(b"other"), ..specimen.head()? };
        let is_older = dice.is_heads();
        *note = specimen.forger.sign(if is_older { specimen.head()? } else { other }).into_bytes();
        if dice.is_heads() {
            *vkey = format!("{}\n", specimen.forger.verifier()).into_bytes();
        }
    } else if kind == Kind::ProofOfAnotherRange {
        let from = dice.below(specimen.range.start + 1);
        let range = from..(specimen.range.end - dice.below(specimen.range.len())).max(from + 1);
        *proof = Specimen::proof(&specimen.hashes(), range)?.to_string().into_bytes();
    } else if kind == Kind::ProofLine {
        let mut lines: Vec<Vec<u8>> = proof.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        change_order(&mut lines, dice);
        *proof = lines.join(&b'\n');
    } else if kind == Kind::Digit {
        let mut places: Vec<&mut Vec<u8>> = vec![manifest, vkey, note, proof];
        places.extend(files.lines.iter_mut().take(3));
        let which = dice.below(places.len());
        places.get_mut(which).into_iter().for_each(|bytes| change_digit(bytes, dice));
    } else {
        let mut places = [manifest, readme, vkey, note, proof];
        let which = dice.below(places.len());
        places.get_mut(which).into_iter().for_each(|bytes| flip(bytes, dice));
    }
    Ok(())
}

fn change_digit(bytes: &mut [u8], dice: &mut Dice) {
    let mut digits: Vec<&mut u8> = bytes.iter_mut().filter(|byte| byte.is_ascii_digit()).collect();
    let which = dice.below(digits.len());
    if let Some(digit) = digits.get_mut(which) {
        **digit = b'0' + u8::try_from(dice.below(10)).unwrap_or_default();
    }
}

fn change_manifest(kind: Kind, which: usize, by: u64, told: &mut Manifest) {
    let counts = &mut told.counts;
    let numbers = if kind == Kind::Count {
        [
            &mut counts.events,
            &mut counts.shown,
            &mut counts.withheld,
            &mut counts.fields_shown,
            &mut counts.fields_withheld,
            &mut counts.fields_erased,
        ]
    } else {
        let [from, to, size] = [&mut told.from, &mut told.to, &mut told.checkpoint_size];
        [from, to, size, &mut counts.events, &mut counts.shown, &mut counts.withheld]
    };
    if kind == Kind::Told {
        told.told.insert("asked".to_owned(), "somebody else".into());
        return;
    }
    if let Some(number) = numbers.into_iter().nth(which) {
        *number = number.checked_add(by).unwrap_or_else(|| number.saturating_sub(1));
    }
}

fn change_order(lines: &mut Vec<Vec<u8>>, dice: &mut Dice) {
    let (one, other) = (dice.below(lines.len()), dice.below(lines.len()));
    match dice.below(3) {
        0 => drop(lines.remove(one)),
        1 => lines.insert(one, lines.get(other).cloned().unwrap_or_default()),
        _ => lines.swap(one, other),
    }
}

fn change_lines(kind: Kind, files: &mut Files, dice: &mut Dice) {
    let lines = &mut files.lines;
    let (one, other) = (dice.below(lines.len()), dice.below(lines.len()));
    let other_line = lines.get(other).cloned().unwrap_or_default();
    if kind == Kind::LineGone {
        drop(lines.remove(one));
    } else if kind == Kind::LineDoubled {
        lines.insert(one, other_line);
    } else if kind == Kind::LinesSwapped {
        lines.swap(one, other);
    } else if kind == Kind::LinesTurned {
        lines.get_mut(one.min(other)..=one.max(other)).into_iter().for_each(<[_]>::reverse);
    } else if let Some(line) = lines.get_mut(one) {
        *line = changed_line(kind, line, &other_line, dice);
    }
}

fn changed_line(kind: Kind, line: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    if kind == Kind::BitOfEvent {
        let mut line = line.to_vec();
        flip(&mut line, dice);
        return line;
    }
    if kind == Kind::LineReformatted {
        return reformatted(line, dice);
    }
    if kind == Kind::LeafForged {
        return Files::forge(line, |leaf| forged_leaf(leaf, dice));
    }
    let Some(EventLine::Shown { seq, hash, leaf, mut disclosures }) = EventLine::decode(line) else { return other.to_vec() };
    let of_other = EventLine::decode(other);
    let changed = match (kind, of_other) {
        (Kind::HashOfAnother, Some(EventLine::Shown { hash, .. } | EventLine::Withheld { hash, .. })) => {
            EventLine::Shown { seq, hash, leaf, disclosures }
        }
        (Kind::LeafMoved, Some(EventLine::Shown { leaf: moved, .. })) => {
            EventLine::Shown { seq, hash: leaf_hash(moved.as_bytes()), leaf: moved, disclosures }
        }
        (Kind::EventWithheld, _) => EventLine::Withheld { seq, hash },
        (Kind::DisclosureMoved, Some(EventLine::Shown { disclosures: theirs, .. })) => {
            disclosures.extend(theirs);
            EventLine::Shown { seq, hash, leaf, disclosures }
        }
        (Kind::DisclosureDoubled, _) => {
            disclosures.extend(disclosures.clone());
            EventLine::Shown { seq, hash, leaf, disclosures }
        }
        (_, _) => {
            disclosures.pop();
            EventLine::Shown { seq, hash, leaf, disclosures }
        }
    };
    changed.encode().unwrap_or_default()
}

/// The same members, written otherwise.
fn reformatted(line: &[u8], dice: &mut Dice) -> Vec<u8> {
    let text = String::from_utf8_lossy(line).into_owned();
    let changes = [
        text.replace("{\"seq\"", "{ \"seq\""),
        text.replace('\u{e9}', "\\u00e9"),
        text.replace("\"leaf\"", "\"le\\u0061f\""),
        text.replacen("\"seq\":", "\"seq\":0,\"seq\":", 1),
        text.replacen("\"seq\":", "\"seq\":-", 1),
        text.replacen(",\"hash\"", ".0,\"hash\"", 1),
        text.replacen(",\"hash\"", "e0,\"hash\"", 1),
        text.replace('}', "}\r"),
        text.replace("\"hash\"", "\"withheld\""),
        text.replace(']', ",null]"),
        format!("{text}{text}"),
        format!(" {text}"),
        format!("\u{feff}{text}"),
        "[".repeat(3000),
        "NaN".to_owned(),
        "{}".to_owned(),
        String::new(),
        text.replace("\\n", "\\ud800"),
    ];
    dice.one_of(&changes).cloned().unwrap_or_default().into_bytes()
}

/// What a forger might want a leaf to say, or a clumsy one might write.
fn forged_leaf(leaf: String, dice: &mut Dice) -> String {
    let changes = [
        leaf.replace("login.failed", "login.succeeded"),
        leaf.replace("2026-03-11", "2025-03-11"),
        leaf.replace("2026-03-11", "2027-03-11"),
        leaf.replace("44.", "44,"),
        leaf.replacen("\"seq\":", "\"seq\":1", 1),
        leaf.replacen("\"seq\":", "\"seq\":\"", 1),
        leaf.replace("\"site\":\"default\"", "\"site\":\"other\""),
        leaf.replace("\"_sd\":[", "\"_sd\":[1,"),
        leaf.replace("\"_sd\":[", "\"_sd\":[["),
        leaf.replace("\"v\":1", "\"v\":1.0"),
        leaf.replace("\"v\":1", "\"v\":9007199254740992"),
        leaf.replace("\"v\":1", "\"v\":1,\"v\":1"),
        leaf.replace("\"v\":1", "\"v\":true"),
        leaf.replace("\"v\":1", "\"w\":1,\"v\":1"),
        leaf.replace("{\"_sd\"", "{ \"_sd\""),
        leaf.replace("\\u0007", "\\u0007\\ud83d"),
        leaf.replace("_sd_alg", "_sd_alh"),
        leaf.replace("\"_sd\"", "\"_sf\""),
        "[]".to_owned(),
        "null".to_owned(),
        String::new(),
    ];
    dice.one_of(&changes).cloned().unwrap_or_default()
}

/// A log that tells another story, consistent in itself: only whoever has its key from elsewhere notices.
fn forge_everything(specimen: &Specimen, files: &mut Files, dice: &mut Dice) -> Result<(), MutateError> {
    let one = dice.below(files.lines.len());
    let mut hashes = specimen.hashes();
    let line = files.lines.get_mut(one).ok_or(MutateError::Specimen("it has no events"))?;
    *line = Files::forge(line, |leaf| leaf.replace("login.failed", "login.passed"));
    if let (Some(forged), Some(EventLine::Shown { hash, .. } | EventLine::Withheld { hash, .. })) =
        (hashes.get_mut(specimen.range.start + one), EventLine::decode(line))
    {
        *forged = hash;
    }
    let [_, _, vkey, note, proof] = &mut files.files;
    *vkey = format!("{}\n", specimen.forger.verifier()).into_bytes();
    *note = specimen.forger.sign(head(&hashes)?).into_bytes();
    *proof = Specimen::proof(&hashes, specimen.range.clone())?.to_string().into_bytes();
    files.fix();
    Ok(())
}
