use super::*;
use crate::audit::bundle::{About, EventLine, EventsFile, Form, Manifest, Parts, files, write};
use crate::log::{Checkpoint, CheckpointKey, Disclosure, Head, RangeProof, VerifierKey, leaf_bytes, leaf_hash, merkle};
use crate::terms::{Digest, SiteName};
use serde_json::{Map, Value, json};
use std::convert::Infallible;

const ORIGIN: &str = "auth.example.org/writ/default";

/// A log of so many events, each with two sealed fields.
struct Log {
    leaves: Vec<String>,
    disclosures: Vec<Vec<String>>,
    key: CheckpointKey,
}

impl Log {
    fn of(events: u64) -> Self {
        let (leaves, disclosures) = (0..events).map(event).unzip();
        Self { leaves, disclosures, key: CheckpointKey::new(ORIGIN, &[7; 32]).unwrap() }
    }
    fn hashes(&self) -> Vec<Digest> {
        self.leaves.iter().map(|leaf| leaf_hash(leaf.as_bytes())).collect()
    }
    fn head(&self, size: usize) -> Head {
        Head { size: u64::try_from(size).unwrap(), root: merkle::root(&self.hashes()[..size]) }
    }
    fn note(&self, size: usize) -> String {
        self.key.sign(self.head(size))
    }
    fn proof(&self, from: usize, to: usize) -> RangeProof {
        let hashes = self.hashes();
        let at = |n: u64| usize::try_from(n).unwrap();
        let root_of = |range: Range<u64>| Ok::<_, Infallible>(merkle::root(&hashes[at(range.start)..at(range.end)]));
        RangeProof::build(from as u64, to as u64, hashes.len() as u64, root_of).unwrap().unwrap()
    }
    /// Every third event is withheld; of the others the first field is disclosed.
    fn bundle(&self, from: usize, to: usize) -> Files {
        let mut events = EventsFile::new(Vec::new());
        for seq in from..to {
            match seq % 3 == 2 {
                true => events.withhold(seq as u64, self.hashes()[seq]).unwrap(),
                false => events.show(seq as u64, &self.leaves[seq], &self.disclosures[seq][..1], 2, 0).unwrap(),
            }
        }
        let about = About {
            site: &SiteName::default_site(),
            key: &self.key.verifier(),
            checkpoint: &self.note(self.leaves.len()),
            proof: &self.proof(from, to),
            counts: events.counts(),
            events: events.digest(),
            told: Map::from_iter([("program".to_owned(), json!("test"))]),
        };
        Files { files: files(about).unwrap(), events: String::from_utf8(events.into_inner()).unwrap() }
    }
}

fn event(seq: u64) -> (String, Vec<String>) {
    let field = |salt: u8, name: &str| {
        Disclosure::new([salt ^ seq.to_le_bytes()[0]; 16], name, json!(format!("{name} of {seq} \u{e9}\n"))).unwrap()
    };
    let fields = [field(0x10, "net.ip"), field(0x80, "username")];
    let members =
        json!({ "seq": seq, "site": "default", "t": format!("2026-03-11T10:02:44.{:03}Z", seq % 1000), "type": "login.failed", "v": 1 });
    let Value::Object(members) = members else { panic!() };
    let leaf = leaf_bytes(members, &fields).unwrap();
    (String::from_utf8(leaf).unwrap(), fields.iter().map(|field| field.encode().to_owned()).collect())
}

/// A bundle that can be changed.
#[derive(Clone)]
struct Files {
    files: [Vec<u8>; 5],
    events: String,
}

impl Files {
    fn write(&self, form: Form) -> Vec<u8> {
        let mut out = Vec::new();
        let (events, count) = (self.events.as_bytes(), self.events.lines().count());
        let parts = Parts { files: self.files.clone(), events, events_bytes: events.len() as u64, events_count: count as u64 };
        write(form, parts, &mut out).unwrap();
        out
    }
    /// The manifest again, with the digests of what the files now are.
    fn fix(&mut self) {
        let mut manifest = self.manifest();
        for (name, bytes) in crate::audit::bundle::FILES.iter().zip(&self.files).skip(1) {
            manifest.files.insert((*name).to_owned(), crate::audit::bundle::hex(&Digest::of(bytes)));
        }
        manifest.files.insert("events.ndjson".to_owned(), crate::audit::bundle::hex(&Digest::of(self.events.as_bytes())));
        self.files[0] = manifest.encode().unwrap();
    }
    fn manifest(&self) -> Manifest {
        Manifest::decode(&self.files[0]).unwrap()
    }
    fn lines(&self) -> Vec<String> {
        self.events.lines().map(str::to_owned).collect()
    }
    fn set_lines(&mut self, lines: &[String]) {
        self.events = lines.iter().map(|line| format!("{line}\n")).collect();
    }
    /// The same verdict for both forms.
    fn verify(&self) -> Result<Verified, Finding> {
        let tar = verify(&self.write(Form::Tar));
        let single = verify(&self.write(Form::Single));
        assert_eq!(tar.clone().map(|verified| verified.counts), single.map(|verified| verified.counts));
        tar
    }
    /// What is found once a forger has set the manifest right.
    fn fixed(mut self) -> (VerifyFailure, Option<u64>, Option<Range<u64>>) {
        self.fix();
        let finding = self.verify().unwrap_err();
        (finding.failure, finding.at, finding.within)
    }
}

fn verify(bytes: &[u8]) -> Result<Verified, Finding> {
    bundle(bytes, &Trust::OnFirstUse, &[]).unwrap()
}

fn rewritten(line: &str, change: impl Fn(String) -> String) -> String {
    match EventLine::decode(line.as_bytes()).unwrap() {
        EventLine::Shown { seq, leaf, disclosures, .. } => {
            let leaf = change(leaf.into_owned());
            let hash = leaf_hash(leaf.as_bytes());
            String::from_utf8(EventLine::Shown { seq, hash, leaf: leaf.into(), disclosures }.encode().unwrap()).unwrap()
        }
        EventLine::Withheld { .. } => panic!("withheld"),
    }
}

#[test]
fn every_range_verifies_in_both_forms() {
    let log = Log::of(20);
    for from in 0..20 {
        for to in from + 1..=20 {
            let verified = log.bundle(from, to).verify().unwrap();
            assert_eq!((verified.counts.events, verified.checkpoint.head), ((to - from) as u64, log.head(20)));
        }
    }
    let verified = Log::of(700).bundle(3, 650).verify().unwrap();
    let counts = verified.counts;
    assert_eq!((counts.events, counts.shown, counts.withheld, counts.fields_shown, counts.fields_withheld), (647, 432, 215, 432, 432));
    assert_eq!(verified.times.unwrap().0, "2026-03-11T10:02:44.003Z");
}

#[test]
fn independent_programs_accept_checkpoint_and_root_of_a_bundle() {
    let log = Log::of(700);
    let bundle = log.bundle(0, 700);
    let (vkey, note) = (std::str::from_utf8(&bundle.files[2]).unwrap(), &bundle.files[3]);
    let verifier = signed_note::StandardVerifier::new(vkey.trim_end()).unwrap();
    let note = signed_note::Note::from_bytes(note).unwrap();
    let (valid, _) = note.verify(&signed_note::VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!(valid.len(), 1);
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    let mut stored: Vec<tlog_tiles::tlog::Hash> = Vec::new();
    for (seq, line) in bundle.events.lines().enumerate() {
        let (EventLine::Shown { hash, .. } | EventLine::Withheld { hash, .. }) = EventLine::decode(line.as_bytes()).unwrap();
        let hash = tlog_tiles::tlog::Hash(*hash.bytes());
        let more = tlog_tiles::tlog::stored_hashes_for_record_hash(seq as u64, hash, &Stored(&stored)).unwrap();
        stored.extend(more);
    }
    let root = tlog_tiles::tlog::tree_hash(700, &Stored(&stored)).unwrap();
    assert_eq!((checkpoint.size(), checkpoint.hash().0), (700, root.0));
}

struct Stored<'a>(&'a [tlog_tiles::tlog::Hash]);
impl tlog_tiles::tlog::HashReader for Stored<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::tlog::Hash>, tlog_tiles::tlog::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

#[test]
fn every_flipped_byte_of_200_exported_leaves_is_found_and_located() {
    let log = Log::of(300);
    let (mut leaves, mut flips) = (0, 0);
    for from in (0..300).step_by(6) {
        let bundle = log.bundle(from, from + 6);
        let tar = bundle.write(Form::Tar);
        let mut line_at = tar.windows(7).position(|window| window == b"{\"seq\":").unwrap();
        for (seq, line) in (from..).zip(bundle.lines()) {
            if let Some((before, rest)) = line.split_once("\"leaf\":\"") {
                let start = line_at + before.len() + 8;
                let length = rest.find("\",\"dis\"").unwrap();
                for at in start..start + length {
                    let mut changed = tar.clone();
                    changed[at] ^= 1 << (at % 8);
                    assert_eq!(verify(&changed).unwrap_err().at, Some(seq as u64), "byte {at}");
                    flips += 1;
                }
                leaves += 1;
            }
            line_at += line.len() + 1;
        }
    }
    assert_eq!((leaves, flips), (200, 46_526));
}

#[test]
fn a_forger_who_sets_hash_and_manifest_right_is_located_to_a_block() {
    let log = Log::of(700);
    let bundle = log.bundle(100, 700);
    let forge = |seq: usize, change: &dyn Fn(String) -> String| {
        let (mut forged, mut lines) = (bundle.clone(), bundle.lines());
        lines[seq - 100] = rewritten(&lines[seq - 100], change);
        forged.set_lines(&lines);
        forged.fixed()
    };
    let other_type = |leaf: String| leaf.replace("login.failed", "login.passed");
    assert_eq!(forge(300, &other_type), (VerifyFailure::Leaf, Some(256), Some(256..512)));
    assert_eq!(forge(103, &other_type), (VerifyFailure::Leaf, Some(100), Some(100..104)));
    let other_seq = |leaf: String| leaf.replace("\"seq\":300", "\"seq\":301");
    assert_eq!(forge(300, &other_seq), (VerifyFailure::Gap, Some(300), Some(256..512)));
    let earlier = |leaf: String| leaf.replace("T10", "T09");
    assert_eq!(forge(300, &earlier), (VerifyFailure::Order, Some(300), Some(256..512)));
    let other_site = |leaf: String| leaf.replace("\"site\":\"default\"", "\"site\":\"other\"");
    assert_eq!(forge(300, &other_site), (VerifyFailure::Leaf, Some(300), Some(256..512)));
}

#[test]
fn lines_that_are_gone_doubled_swapped_or_changed_are_named() {
    let bundle = Log::of(40).bundle(5, 38);
    let change = |change: &dyn Fn(&mut Vec<String>)| {
        let (mut changed, mut lines) = (bundle.clone(), bundle.lines());
        change(&mut lines);
        changed.set_lines(&lines);
        let (failure, at, _) = changed.fixed();
        (failure, at)
    };
    let at = |seq: usize| seq - 5;
    assert_eq!(change(&|lines| drop(lines.remove(at(9)))), (VerifyFailure::Gap, Some(9)));
    assert_eq!(change(&|lines| lines.insert(at(9), lines[at(9)].clone())), (VerifyFailure::Gap, Some(10)));
    assert_eq!(change(&|lines| lines.swap(at(9), at(20))), (VerifyFailure::Gap, Some(9)));
    assert_eq!(change(&|lines| drop(lines.pop())), (VerifyFailure::Truncated, Some(37)));
    assert_eq!(change(&|lines| lines.push(lines[0].clone())), (VerifyFailure::Count, Some(38)));
    assert_eq!(change(&|lines| lines[at(9)].insert(1, ' ')), (VerifyFailure::File, Some(9)));
    let move_disclosure = |lines: &mut Vec<String>| {
        let dis = |line: &str| line[line.find(",\"dis\"").unwrap()..].to_owned();
        lines[at(9)] = lines[at(9)].replace(&dis(&lines[at(9)]), &dis(&lines[at(10)]));
    };
    assert_eq!(change(&move_disclosure), (VerifyFailure::Disclosure, Some(9)));
    let withheld_of_another = |lines: &mut Vec<String>| lines[at(8)] = lines[at(11)].replace("\"seq\":11", "\"seq\":8");
    assert_eq!(change(&withheld_of_another), (VerifyFailure::Leaf, Some(8)));
    let mut unfixed = bundle.clone();
    unfixed.files[1].push(b'!');
    assert_eq!(unfixed.verify().unwrap_err(), Finding::in_file(VerifyFailure::File, "README.txt"));
    assert!(
        verify(
            &{
                unfixed.fix();
                unfixed
            }
            .write(Form::Tar)
        )
        .is_ok(),
        "what the README says is proven by nothing"
    );
}

#[test]
fn another_logs_checkpoint_or_key_proof_and_counts_are_named() {
    let (log, mut bundle) = (Log::of(40), Log::of(40).bundle(5, 38));
    let good = bundle.clone();
    let other = CheckpointKey::new(ORIGIN, &[8; 32]).unwrap();
    bundle.files[3] = other.sign(log.head(40)).into_bytes();
    assert_eq!(bundle.clone().fixed().0, VerifyFailure::Key);
    bundle.files[2] = format!("{}\n", other.verifier()).into_bytes();
    bundle.fix();
    assert!(bundle.verify().is_ok(), "a key that comes with the bundle proves nothing");
    let trusted = bundle_of(&bundle, &[log.key.verifier()], &[]);
    assert_eq!(trusted.unwrap_err().failure, VerifyFailure::Key);
    bundle = good.clone();
    bundle.files[3] = log.note(40).replacen("\n40\n", "\n41\n", 1).into_bytes();
    assert_eq!(bundle.clone().fixed().0, VerifyFailure::Signature);
    bundle.files[3] = log.note(39).into_bytes();
    assert_eq!(bundle.clone().fixed().0, VerifyFailure::Proof);
    bundle = good.clone();
    bundle.files[4] = log.proof(5, 37).to_string().into_bytes();
    assert_eq!(bundle.clone().fixed().0, VerifyFailure::Count);
    bundle = good;
    let mut manifest = bundle.manifest();
    manifest.counts.fields_withheld += 1;
    bundle.files[0] = manifest.encode().unwrap();
    assert_eq!(bundle.verify().unwrap_err().failure, VerifyFailure::Count);
}

fn bundle_of(files: &Files, keys: &[VerifierKey], earlier: &[String]) -> Result<Verified, Finding> {
    bundle(&files.write(Form::Tar)[..], &Trust::Keys(keys.to_vec()), earlier).unwrap()
}

#[test]
fn an_earlier_checkpoint_is_continued_forked_or_not_covered() {
    let log = Log::of(700);
    let (all, keys) = (log.bundle(0, 700), [log.key.verifier()]);
    for size in [1, 2, 255, 256, 300, 699, 700] {
        let since = bundle_of(&all, &keys, &[log.note(size)]).unwrap().since;
        assert_eq!(since, [Since::Continued { size: size as u64 }]);
    }
    let part = log.bundle(300, 600);
    let sizes = [(256, true), (257, false), (300, true), (301, true), (599, true), (600, true), (601, false), (700, true)];
    for (size, is_covered) in sizes {
        let since = bundle_of(&part, &keys, &[log.note(size)]).unwrap().since;
        let size = size as u64;
        assert_eq!(since, [if is_covered { Since::Continued { size } } else { Since::NotCovered { size } }]);
    }
    let fork = log.key.sign(Head { size: 300, root: Digest::of(b"fork") });
    assert_eq!(bundle_of(&all, &keys, &[log.note(2), fork]).unwrap_err().failure, VerifyFailure::Consistency);
    let longer = Checkpoint { origin: ORIGIN.to_owned(), head: Head { size: 701, root: Digest::of(b"longer") } }.sign(&[&log.key]);
    assert_eq!(bundle_of(&all, &keys, &[longer]).unwrap().since, [Since::NotCovered { size: 701 }]);
    let stranger = CheckpointKey::new(ORIGIN, &[8; 32]).unwrap().sign(log.head(2));
    assert_eq!(bundle_of(&all, &keys, &[stranger]).unwrap_err().failure, VerifyFailure::Key);
}

#[test]
fn a_bundle_cut_anywhere_or_with_anything_behind_it_is_refused() {
    let bundle = Log::of(8).bundle(1, 7);
    for form in [Form::Tar, Form::Single] {
        let whole = bundle.write(form);
        assert!(verify(&whole).is_ok());
        for cut in 0..whole.len() {
            let finding = verify(&whole[..cut]).unwrap_err();
            assert_eq!(finding.failure, VerifyFailure::Truncated, "{form:?} cut at {cut}: {finding}");
        }
        assert_eq!(verify(&[&whole[..], b"\n"].concat()).unwrap_err().failure, VerifyFailure::File);
    }
}

#[test]
fn other_programs_read_the_archive() {
    let bundle = Log::of(8).bundle(1, 7);
    let tar = bundle.write(Form::Tar);
    let mut archive = tar::Archive::new(&tar[..]);
    let mut names = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let (name, mut bytes) = (entry.path().unwrap().display().to_string(), Vec::new());
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        let place = crate::audit::bundle::FILES.iter().position(|file| *file == name);
        assert_eq!(bytes, place.map_or(bundle.events.as_bytes(), |place| &bundle.files[place]));
        names.push(name);
    }
    assert_eq!(names.len(), 6);
}
