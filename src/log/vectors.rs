//! The vectors of tests/vectors, bit for bit.

use super::merkle::{self, Head};
use super::verify::{verify_disclosures, verify_leaf};
use super::{Checkpoint, CheckpointKey, Disclosure, Edge, InclusionProof, VerifierKey, VerifyFailure, jcs, leaf_bytes, leaf_hash};
use crate::terms::Digest;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

const VECTORS: &str = include_str!("../../tests/vectors/vectors.json");
const CHECKPOINT: &str = include_str!("../../tests/vectors/checkpoint.txt");
const VKEY: &str = include_str!("../../tests/vectors/vkey.txt");
const PROOF: &str = include_str!("../../tests/vectors/seq5.tlog-proof");

fn vectors() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}
fn events() -> Vec<Value> {
    vectors()["events"].as_array().unwrap().clone()
}
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}
fn hex(digest: &Digest) -> String {
    digest.bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
fn from_hex(hex: &str) -> Digest {
    let bytes: Vec<u8> = (0..32).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap()).collect();
    Digest::from_bytes(bytes.try_into().unwrap())
}
fn disclosures(event: &Value) -> Vec<Disclosure> {
    event["disclosures"].as_array().unwrap().iter().map(|encoded| Disclosure::decode(encoded.as_str().unwrap()).unwrap()).collect()
}
fn hashes() -> Vec<Digest> {
    events().iter().map(|event| leaf_hash(text(event, "leaf_data").as_bytes())).collect()
}
fn key() -> VerifierKey {
    VKEY.parse().unwrap()
}
fn must_fail(name: &str, found: VerifyFailure) {
    let vectors = vectors();
    let case = vectors["must_fail"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap();
    assert_eq!(case["code"], found.code(), "{name}");
}
fn case(name: &str, member: &str) -> String {
    let vectors = vectors();
    let case = vectors["must_fail"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap();
    text(case, member).to_owned()
}

#[test]
fn leaf_hashes_and_canonical_bytes_are_those_of_the_vectors() {
    for event in events() {
        let leaf = text(&event, "leaf_data");
        assert_eq!(hex(&leaf_hash(leaf.as_bytes())), text(&event, "leaf_hash"));
        assert_eq!(verify_leaf(leaf.as_bytes(), &from_hex(text(&event, "leaf_hash"))), Ok(()));
        let value: Value = serde_json::from_str(leaf).unwrap();
        assert_eq!(jcs(&value).unwrap(), leaf.as_bytes());
    }
}

#[test]
fn disclosures_are_read_written_and_found_as_in_the_vectors() {
    for event in events() {
        let disclosures = disclosures(&event);
        assert_eq!(verify_disclosures(text(&event, "leaf_data").as_bytes(), &disclosures), Ok(()));
        for disclosure in disclosures {
            let triple: (String, String, Value) =
                serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(disclosure.encode()).unwrap()).unwrap();
            let salt = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(triple.0).unwrap();
            let written = Disclosure::new(salt.try_into().unwrap(), &triple.1, triple.2).unwrap();
            assert_eq!(written.encode(), disclosure.encode());
        }
    }
}

#[test]
fn an_event_without_decoys_is_built_again_to_the_same_leaf() {
    let mut built = 0;
    for event in events() {
        let disclosures = disclosures(&event);
        let mut members: Map<String, Value> = serde_json::from_str(text(&event, "leaf_data")).unwrap();
        let digests = members.remove("_sd").unwrap().as_array().unwrap().len();
        members.remove("_sd_alg");
        if digests == disclosures.len() {
            assert_eq!(leaf_bytes(members, &disclosures).unwrap(), text(&event, "leaf_data").as_bytes());
            built += 1;
        }
    }
    assert_eq!(built, 2);
}

#[test]
fn roots_are_those_of_the_vectors() {
    let (hashes, roots) = (hashes(), vectors()["roots"].clone());
    let mut edge = Edge::new();
    for size in 0..=hashes.len() {
        assert_eq!(hex(&edge.root()), text(&roots, &size.to_string()));
        assert_eq!(edge.root(), merkle::root(&hashes[..size]));
        hashes.get(size).into_iter().for_each(|hash| edge.append(*hash));
    }
}

#[test]
fn checkpoint_and_key_are_those_of_the_vectors() {
    let checkpoint = Checkpoint::verify(CHECKPOINT, &[key()]).unwrap();
    assert_eq!(checkpoint.origin, text(&vectors(), "origin"));
    assert_eq!(checkpoint.head, Head { size: 8, root: merkle::root(&hashes()) });
    assert_eq!(key().to_string(), VKEY.trim_end());
    assert_eq!(text(&vectors(), "checkpoint"), CHECKPOINT);
    // Signing gives the same bytes except for the signature itself, whose key is not ours.
    let ours = CheckpointKey::new(&checkpoint.origin, &[1; 32]).unwrap().sign(checkpoint.head);
    assert_eq!(ours.split("\n\n").next(), CHECKPOINT.split("\n\n").next());
}

#[test]
fn the_proof_of_event_5_is_the_one_of_the_vectors_and_holds() {
    let hashes = hashes();
    let ours = InclusionProof { index: 5, hashes: merkle::inclusion_proof(&hashes, 5).unwrap(), checkpoint: CHECKPOINT.to_owned() };
    assert_eq!(ours.to_string(), PROOF);
    assert_eq!(text(&vectors(), "proof_seq5"), PROOF);
    assert!(PROOF.parse::<InclusionProof>().unwrap().verify(hashes[5], &[key()]).is_ok());
}

#[test]
fn the_consistency_proof_is_the_one_of_the_vectors_and_holds() {
    let hashes = hashes();
    let proof = merkle::consistency_proof(&hashes, 5).unwrap();
    let encoded: Vec<Value> = proof.iter().map(|hash| STANDARD.encode(hash.bytes()).into()).collect();
    assert_eq!(vectors()["consistency"]["5->8"], Value::Array(encoded));
    let head = |size: usize| Head { size: size as u64, root: merkle::root(&hashes[..size]) };
    assert_eq!(merkle::verify_consistency(&head(5), &head(8), &proof), Ok(()));
    assert_eq!(merkle::verify_consistency(&head(6), &head(8), &proof), Err(VerifyFailure::Consistency));
}

#[test]
fn a_redacted_event_verifies_and_withholds_what_it_says() {
    let (redacted, whole) = (vectors()["redacted_seq5"].clone(), disclosures(&events()[5]));
    let leaf = text(&redacted, "leaf_data").as_bytes();
    assert_eq!(leaf_hash(leaf), hashes()[5]);
    let shown = disclosures(&redacted);
    assert_eq!(verify_disclosures(leaf, &shown), Ok(()));
    let withheld: Vec<Value> = whole.iter().filter(|field| !shown.contains(field)).map(|field| field.name().into()).collect();
    assert_eq!(redacted["withheld"], Value::Array(withheld));
}

#[test]
fn the_five_that_must_fail_do_so_by_name() {
    let edited = case("leaf byte flipped", "leaf_data");
    must_fail("leaf byte flipped", verify_leaf(edited.as_bytes(), &hashes()[5]).unwrap_err());
    let edited = Disclosure::decode(&case("disclosure value edited", "disclosure")).unwrap();
    let leaf = text(&events()[5], "leaf_data").to_owned();
    must_fail("disclosure value edited", verify_disclosures(leaf.as_bytes(), &[edited]).unwrap_err());
    let edited = case("checkpoint size edited", "checkpoint");
    must_fail("checkpoint size edited", Checkpoint::verify(&edited, &[key()]).unwrap_err());
    let edited: InclusionProof = case("index edited", "proof").parse().unwrap();
    must_fail("index edited", edited.verify(hashes()[5], &[key()]).unwrap_err());
    must_fail("unknown key", case("unknown key", "vkey").parse::<VerifierKey>().unwrap_err());
    assert_eq!(vectors()["must_fail"].as_array().unwrap().len(), 5);
}
