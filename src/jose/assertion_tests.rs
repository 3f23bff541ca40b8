//! Client assertions and the keys they are checked with. Every algorithm is tried through HTTP (`tests/assertions.rs`).

use super::*;
use crate::event::ClientJwk;
use crate::terms::ClientAlgorithm;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

static PAIR: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::generate().unwrap());

fn jwk(members: Value) -> ClientJwk {
    serde_json::from_value(members).unwrap()
}

fn own_jwk(further: Value) -> Value {
    let mut members = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(PAIR.public_key()) });
    members.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    members
}

fn signed(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(PAIR.sign(message.as_bytes())))
}

const HEADER: &str = r#"{"alg":"EdDSA"}"#;

fn claims(further: Value) -> String {
    let mut members = json!({ "iss": "c", "sub": "c", "aud": "https://op.test", "jti": "1", "exp": 1_790_000_060 });
    members.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    members.as_object_mut().unwrap().retain(|_, value| value != "absent");
    members.to_string()
}

#[test]
fn an_assertion_says_what_it_says_and_is_signed_by_its_key_alone() {
    let header = r#"{"alg":"EdDSA","kid":"k","typ":"JWT","jku":"https://c.example/keys"}"#;
    let assertion = Assertion::parse(&signed(header, &claims(json!({ "aud": ["a", "b"], "iat": 3, "nbf": 4, "other": [1] })))).unwrap();
    assert_eq!((assertion.algorithm, assertion.kid.as_deref()), (ClientAlgorithm::EdDsa, Some("k")));
    assert_eq!(assertion.jku.as_deref(), Some("https://c.example/keys"));
    assert_eq!(
        (assertion.claims.aud.clone(), assertion.claims.iat, assertion.claims.nbf),
        (vec!["a".into(), "b".into()], Some(3), Some(4))
    );
    assert!(assertion.is_signed_by(&ClientKey::from_jwk(&jwk(own_jwk(json!({})))).unwrap()));
    let other = Ed25519KeyPair::generate().unwrap();
    let other = own_jwk(json!({ "x": URL_SAFE_NO_PAD.encode(other.public_key()) }));
    assert!(!assertion.is_signed_by(&ClientKey::from_jwk(&jwk(other)).unwrap()));
}

#[test]
fn a_claim_that_is_missing_or_of_another_type_makes_no_assertion() {
    let parse = |further: Value| Assertion::parse(&signed(HEADER, &claims(further))).err();
    assert_eq!(parse(json!({})), None);
    for name in ["iss", "sub", "aud", "jti", "exp"] {
        for value in [json!("absent"), json!(null), json!(true), json!({}), json!([1]), json!([]), json!(1.5), json!(-1)] {
            assert_eq!(parse(json!({ name: value })), Some(AssertionError::Malformed), "{name} {value}");
        }
    }
    for (name, value) in [("exp", json!("1790000060")), ("nbf", json!("0")), ("iat", json!(1e300)), ("iss", json!("")), ("jti", json!(""))]
    {
        assert_eq!(parse(json!({ name: value })), Some(AssertionError::Malformed), "{name} {value}");
    }
    assert_eq!(parse(json!({ "jti": "x".repeat(512) })), None);
    assert_eq!(parse(json!({ "jti": "x".repeat(513) })), Some(AssertionError::Malformed));
    assert_eq!(parse(json!({ "aud": vec!["a"; 8] })), None);
    assert_eq!(parse(json!({ "aud": vec!["a"; 9] })), Some(AssertionError::Malformed));
}

#[test]
fn an_algorithm_that_is_none_symmetric_or_unknown_is_refused_by_name() {
    for alg in ["none", "None", "HS256", "HS512", "RS1", "RS512", "PS384", "ES512", "ES256K", "eddsa", "A128KW", ""] {
        let header = format!(r#"{{"alg":"{alg}"}}"#);
        assert_eq!(Assertion::parse(&signed(&header, &claims(json!({})))).err(), Some(AssertionError::AlgorithmRefused), "{alg}");
        let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(&header), URL_SAFE_NO_PAD.encode(claims(json!({}))));
        assert_eq!(Assertion::parse(&unsigned).err(), Some(AssertionError::AlgorithmRefused), "{alg}");
    }
    assert_eq!(Assertion::parse(&signed("{}", &claims(json!({})))).err(), Some(AssertionError::Malformed));
}

#[test]
fn a_header_that_brings_keys_or_extensions_or_is_of_another_kind_of_token_is_refused() {
    let with = |member: &str| Assertion::parse(&signed(&format!(r#"{{"alg":"EdDSA",{member}}}"#), &claims(json!({})))).err();
    for member in [
        r#""crit":["exp"]"#,
        r#""jwk":{}"#,
        r#""x5u":"https://e.example""#,
        r#""x5c":[]"#,
        r#""x5t":"a""#,
        r#""b64":false"#,
        r#""zip":"DEF""#,
        r#""typ":"at+jwt""#,
        r#""typ":"logout+jwt""#,
        r#""typ":"dpop+jwt""#,
        r#""typ":"secevent+jwt""#,
        r#""typ":"""#,
        r#""typ":7"#,
    ] {
        assert_eq!(with(member), Some(AssertionError::HeaderRefused), "{member}");
    }
    for member in [r#""typ":"JWT""#, r#""typ":"jwt""#, r#""typ":"client-authentication+jwt""#, r#""typ":"application/JWT""#, r#""other":1"#]
    {
        assert_eq!(with(member), None, "{member}");
    }
    for member in [r#""kid":7"#, r#""jku":null"#, r#""kid":"a","kid":"a""#] {
        assert_eq!(with(member), Some(AssertionError::Malformed), "{member}");
    }
}

#[test]
fn a_key_is_found_by_name_and_algorithm_and_without_a_name_only_if_it_is_the_only_one() {
    let rsa = json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xff; 256]), "e": "AQAB" });
    let with = |base: &Value, further: Value| {
        let mut members = base.clone();
        members.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        jwk(members)
    };
    let set = ClientKeySet::of(&[
        with(&rsa, json!({ "kid": "r" })),
        with(&rsa, json!({ "kid": "bound", "alg": "RS384" })),
        jwk(own_jwk(json!({ "kid": "e" }))),
        jwk(own_jwk(json!({ "kid": "encrypts", "use": "enc" }))),
    ]);
    let found = |kid: Option<&str>, algorithm| set.find(kid, algorithm).err();
    assert_eq!(found(Some("r"), ClientAlgorithm::Rs256), None);
    assert_eq!(found(Some("r"), ClientAlgorithm::Ps256), None);
    assert_eq!(found(Some("r"), ClientAlgorithm::EdDsa), Some(NoSuchKey::Unknown));
    assert_eq!(found(Some("bound"), ClientAlgorithm::Rs256), Some(NoSuchKey::Unknown));
    assert_eq!(found(Some("encrypts"), ClientAlgorithm::EdDsa), Some(NoSuchKey::Unknown));
    assert_eq!(found(Some("../../etc/passwd"), ClientAlgorithm::EdDsa), Some(NoSuchKey::Unknown));
    assert_eq!(found(None, ClientAlgorithm::EdDsa), None);
    assert_eq!(found(None, ClientAlgorithm::Rs256), None);
    assert_eq!(found(None, ClientAlgorithm::Rs384), Some(NoSuchKey::Ambiguous));
    let twins = ClientKeySet::of(&[jwk(own_jwk(json!({ "kid": "e" }))), jwk(own_jwk(json!({ "kid": "e" })))]);
    assert_eq!(twins.find(Some("e"), ClientAlgorithm::EdDsa).err(), Some(NoSuchKey::Ambiguous));
}

#[test]
fn a_key_that_is_weak_broken_or_not_for_signatures_is_no_key() {
    let refused = |members: Value| ClientKey::from_jwk(&jwk(members)).is_err();
    let rsa = |n: Vec<u8>, e: &str| json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(n), "e": e });
    assert!(!refused(rsa(vec![0xff; 256], "AQAB")));
    assert!(refused(rsa(vec![0xff; 128], "AQAB")) && refused(rsa(vec![0xff; 513], "AQAB")) && refused(rsa(vec![0xff; 256], "AQ")));
    let coordinate = |byte: u8, length: usize| URL_SAFE_NO_PAD.encode(vec![byte; length]);
    for (crv, length) in [("P-256", 32), ("P-384", 48), ("P-256", 31), ("P-521", 66), ("secp256k1", 32)] {
        let point = json!({ "kty": "EC", "crv": crv, "x": coordinate(1, length), "y": coordinate(1, length) });
        assert!(refused(point), "{crv} {length}: not a point on the curve");
    }
    assert!(refused(json!({ "kty": "oct", "k": "AAAA" })));
    assert!(refused(json!({ "kty": "OKP", "crv": "X25519", "x": coordinate(1, 32) })));
    for further in [
        json!({ "use": "enc" }),
        json!({ "key_ops": ["sign"] }),
        json!({ "alg": "RS256" }),
        json!({ "alg": "HS256" }),
        json!({ "x": "AA" }),
    ] {
        assert!(refused(own_jwk(further.clone())), "{further}");
    }
    assert!(!refused(own_jwk(json!({ "use": "sig", "key_ops": ["verify"], "alg": "EdDSA" }))));
}

#[test]
fn the_thumbprint_is_that_of_rfc_7638() {
    // RFC 7638 §3.1.
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4\
        Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4\
        vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let key = ClientKey::from_jwk(&jwk(json!({ "kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29" }))).unwrap();
    assert_eq!(key.thumbprint().to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    // RFC 8037, appendix A.3.
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    assert_eq!(ClientKey::from_jwk(&jwk(key)).unwrap().thumbprint().to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn a_document_is_a_key_set_or_nothing() {
    let document = json!({ "keys": [own_jwk(json!({})), 7, {"kty": 3}, {"kty": "OKP"}], "more": true }).to_string();
    assert!(ClientKeySet::parse(document.as_bytes()).unwrap().has_one_for(Some(ClientAlgorithm::EdDsa)));
    assert!(!ClientKeySet::parse(br#"{"keys":[]}"#).unwrap().has_one_for(None));
    for none in ["", "[]", "{}", "null", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#, "<html>", r#"{"keys":[]} x"#] {
        assert!(ClientKeySet::parse(none.as_bytes()).is_none(), "{none}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in ".{0,200}", header in "[ -~]{0,60}", claims in "[ -~]{0,60}", document in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Assertion::parse(&text).is_err());
        let _ = Assertion::parse(&signed(&header, &claims));
        let _ = ClientKeySet::parse(&document);
    }

    #[test]
    fn a_change_anywhere_breaks_the_signature_or_the_form(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let mut text = signed(HEADER, &claims(json!({})));
        let at = at.index(text.len());
        prop_assume!(text.as_bytes()[at] != to.as_bytes()[0]);
        text.replace_range(at..=at, &to);
        let key = ClientKey::from_jwk(&jwk(own_jwk(json!({})))).unwrap();
        prop_assert!(!Assertion::parse(&text).is_ok_and(|assertion| assertion.is_signed_by(&key)));
    }
}
