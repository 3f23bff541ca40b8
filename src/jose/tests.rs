//! Tokens as a whole: minted, read back, tampered with.

use super::*;
use crate::terms::{ClientId, KeyId, Opaque, ScopeSet, SessionId, SigningAlgorithm, SiteName, TokenId};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

/// One key of each algorithm for all tests, because making an RSA key takes long.
static KEYS: LazyLock<[SigningKey; 4]> = LazyLock::new(|| {
    let rsa = || AsDer::<Pkcs8V1Der<'_>>::as_der(&KeyPair::generate(KeySize::Rsa2048).unwrap()).unwrap();
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap();
    let ed = Ed25519KeyPair::generate().unwrap().to_pkcs8().unwrap();
    [
        SigningKey::from_pkcs8(KeyId::from_bytes([1; 16]), SigningAlgorithm::Rs256, rsa().as_ref()).unwrap(),
        SigningKey::from_pkcs8(KeyId::from_bytes([2; 16]), SigningAlgorithm::EdDsa, ed.as_ref()).unwrap(),
        SigningKey::from_pkcs8(KeyId::from_bytes([3; 16]), SigningAlgorithm::Ps256, rsa().as_ref()).unwrap(),
        SigningKey::from_pkcs8(KeyId::from_bytes([4; 16]), SigningAlgorithm::Es256, ec.as_ref()).unwrap(),
    ]
});

fn lookup(kid: &KeyId) -> Option<Arc<PublicKey>> {
    KEYS.iter().find(|key| key.kid() == *kid).map(|key| Arc::new(key.public_key().unwrap()))
}

fn access_token() -> AccessTokenClaims {
    AccessTokenClaims {
        iss: "https://op.test/oauth2/default".into(),
        sub: "0190a0b0-0000-4000-8000-000000000001".into(),
        aud: "the-client".into(),
        client_id: "the-client".parse().unwrap(),
        jti: TokenId::from_bytes([3; 16]),
        iat: 1_773_475_272,
        nbf: 1_773_475_272,
        exp: 1_773_478_872,
        scope: ScopeSet::parse("openid api:fhir").unwrap(),
        site: SiteName::default_site(),
        sid: Some(SessionId::from_bytes([4; 16])),
        further: FurtherClaims::new([("patient".into(), json!("p-1"))]).unwrap(),
    }
}

fn id_token() -> IdTokenClaims {
    IdTokenClaims {
        iss: "https://op.test/oauth2/default".into(),
        sub: "0190a0b0-0000-4000-8000-000000000001".into(),
        aud: "the-client".parse().unwrap(),
        exp: 1_773_478_872,
        iat: 1_773_475_272,
        auth_time: Some(1_773_475_200),
        nonce: Some("n\"onc\\e é".into()),
        sid: Some(SessionId::from_bytes([4; 16])),
        site: None,
        at_hash: Some(at_hash(SigningAlgorithm::Rs256, "access")),
        c_hash: None,
        acr: None,
        amr: vec!["pwd".into()],
        further: FurtherClaims::new([("name".into(), json!("Ann")), ("address".into(), json!({"locality": "Bern"}))]).unwrap(),
    }
}

/// A token of this header and these claims, rightly signed by the key, whatever they say.
fn forged(key: &SigningKey, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.signature(message.as_bytes()).unwrap());
    format!("{message}.{signature}")
}

fn with_header_member(key: &SigningKey, member: &str) -> String {
    forged(key, &format!(r#"{{"alg":"{}","kid":"{}","typ":"JWT",{member}}}"#, key.algorithm(), key.kid()), "{}")
}

#[test]
fn the_same_claims_mint_the_same_token_byte_for_byte_where_signatures_are_deterministic() {
    for key in KEYS.iter() {
        let (first, second) = (key.sign(TYP_JWT, &access_token()).unwrap(), key.sign(TYP_JWT, &access_token()).unwrap());
        assert_eq!(first == second, key.algorithm().is_deterministic(), "{}", key.algorithm());
        let signed = |token: &str| token.rsplit_once('.').unwrap().0.to_owned();
        assert_eq!(signed(&first), signed(&second));
    }
}

#[test]
fn a_token_reads_back_equal() {
    for key in KEYS.iter() {
        let access = verify(&key.sign(access_token().typ(), &access_token()).unwrap(), lookup).unwrap();
        assert_eq!((access.kid(), access.typ()), (key.kid(), Some("JWT")));
        assert_eq!(AccessTokenClaims::read(&access), Ok(access_token()));
        let id = verify(&key.sign(TYP_JWT, &id_token()).unwrap(), lookup).unwrap();
        assert_eq!(IdTokenClaims::read(&id), Ok(id_token()));
    }
}

#[test]
fn a_token_has_the_members_of_both_standards_in_a_fixed_order() {
    let compact = KEYS[1].sign(TYP_JWT, &access_token()).unwrap();
    let parts: Vec<_> = compact.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    assert_eq!(str::from_utf8(&parts[0]).unwrap(), r#"{"alg":"EdDSA","kid":"key_AgICAgICAgICAgICAgICAg","typ":"JWT"}"#);
    assert_eq!(
        str::from_utf8(&parts[1]).unwrap(),
        concat!(
            r#"{"iss":"https://op.test/oauth2/default","sub":"0190a0b0-0000-4000-8000-000000000001","aud":"the-client","#,
            r#""client_id":"the-client","jti":"tok_AwMDAwMDAwMDAwMDAwMDAw","iat":1773475272,"nbf":1773475272,"exp":1773478872,"#,
            r#""scope":"openid api:fhir","scopes":["api:fhir","openid"],"site":"default","#,
            r#""sid":"ses_BAQEBAQEBAQEBAQEBAQEBA","patient":"p-1"}"#
        )
    );
}

#[test]
fn a_token_for_a_resource_is_typed_as_access_token() {
    let for_resource = AccessTokenClaims { aud: "https://op.test/fhir".into(), ..access_token() };
    assert_eq!(for_resource.typ(), TYP_ACCESS_TOKEN);
    let verified = verify(&KEYS[1].sign(TYP_ACCESS_TOKEN, &for_resource).unwrap(), lookup).unwrap();
    assert_eq!(AccessTokenClaims::read(&verified), Ok(for_resource.clone()));
    let mistyped = verify(&KEYS[1].sign(TYP_JWT, &for_resource).unwrap(), lookup).unwrap();
    assert_eq!(AccessTokenClaims::read(&mistyped), Err(VerifyError::ClaimsMalformed));
}

#[test]
fn an_independent_library_accepts_our_tokens_with_our_published_keys() {
    let set = serde_json::to_value(JwkSet::new(KEYS.iter().rev().map(SigningKey::public_jwk))).unwrap();
    assert_eq!(set["keys"][0]["alg"], "RS256");
    for (key, algorithm) in KEYS.iter().zip([Algorithm::RS256, Algorithm::EdDSA, Algorithm::PS256, Algorithm::ES256]) {
        let published: jsonwebtoken::jwk::JwkSet = serde_json::from_value(set.clone()).unwrap();
        let jwk = published.find(&key.kid().to_string()).unwrap();
        let mut validation = Validation::new(algorithm);
        validation.set_audience(&["the-client"]);
        validation.set_issuer(&["https://op.test/oauth2/default"]);
        validation.validate_exp = false;
        let token = key.sign(TYP_JWT, &access_token()).unwrap();
        let read = decode::<Value>(&token, &DecodingKey::from_jwk(jwk).unwrap(), &validation).unwrap();
        assert_eq!(read.claims, serde_json::to_value(access_token()).unwrap());
    }
}

#[test]
fn a_published_key_reads_back_equal_and_has_a_fixed_order() {
    for key in KEYS.iter() {
        let text = serde_json::to_string(&key.public_jwk()).unwrap();
        assert_eq!(serde_json::from_str::<Jwk>(&text).unwrap(), key.public_jwk());
    }
    let text = serde_json::to_string(&JwkSet::new([KEYS[1].public_jwk()])).unwrap();
    assert!(text.starts_with(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":""#), "{text}");
    assert!(text.ends_with(r#"","kid":"key_AgICAgICAgICAgICAgICAg","alg":"EdDSA","use":"sig"}]}"#), "{text}");
}

#[test]
fn a_weak_or_mismatched_public_key_is_refused() {
    let refused = |jwk: Jwk| PublicKey::from_jwk(&jwk).err() == Some(JoseError::PublicKey);
    let [rsa, ed] = [KEYS[0].public_jwk(), KEYS[1].public_jwk()];
    assert!(refused(Jwk { alg: SigningAlgorithm::EdDsa, ..rsa.clone() }));
    assert!(refused(Jwk { alg: SigningAlgorithm::Rs256, ..ed.clone() }));
    assert!(refused(Jwk { material: KeyMaterial::Okp { crv: Curve::Ed25519, x: String::new() }, ..ed }));
    let ec = KEYS[3].public_jwk();
    let KeyMaterial::Ec { crv, x, y } = ec.material.clone() else { panic!() };
    assert!(refused(Jwk { alg: SigningAlgorithm::EdDsa, ..ec.clone() }));
    assert!(refused(Jwk { material: KeyMaterial::Ec { crv, x: y.split_at(1).1.to_owned(), y: y.clone() }, ..ec.clone() }));
    assert!(refused(Jwk { material: KeyMaterial::Ec { crv, x, y: String::new() }, ..ec }));
    let with = |n: Vec<u8>, e: &[u8]| {
        let material = KeyMaterial::Rsa { n: URL_SAFE_NO_PAD.encode(n), e: URL_SAFE_NO_PAD.encode(e) };
        Jwk { material, ..rsa.clone() }
    };
    assert!(refused(with(vec![0xff; 255], &[1, 0, 1])));
    assert!(refused(with(vec![0x7f; 256], &[1, 0, 1])));
    assert!(refused(with(vec![0xff; 513], &[1, 0, 1])));
    assert!(refused(with(vec![0xff; 256], &[1])));
    assert!(!refused(with(vec![0xff; 256], &[1, 0, 1])));
}

#[test]
fn a_private_key_is_used_with_its_own_algorithm_only() {
    let ed = Ed25519KeyPair::generate().unwrap().to_pkcs8().unwrap();
    let kid = KeyId::from_bytes([9; 16]);
    assert_eq!(SigningKey::from_pkcs8(kid, SigningAlgorithm::Rs256, ed.as_ref()).err(), Some(JoseError::PrivateKey));
    assert_eq!(SigningKey::from_pkcs8(kid, SigningAlgorithm::EdDsa, b"").err(), Some(JoseError::PrivateKey));
}

#[test]
fn claims_that_are_no_object_are_not_signed() {
    assert_eq!(KEYS[1].sign(TYP_JWT, &"text"), Err(JoseError::Claims));
    assert_eq!(KEYS[1].sign(TYP_JWT, &[1, 2]), Err(JoseError::Claims));
}

#[test]
fn a_text_that_is_no_token_is_told_from_a_token_of_another() {
    for text in ["", ".", "..", "...", "a.b.c", "e30.e30.", ".e30.AA", "e30..AA", "e30.e30.AA.AA", "e30.e30", "opaque-token"] {
        assert_eq!(verify(text, lookup), Err(VerifyError::NotAJwt), "{text}");
    }
    let token = KEYS[1].sign(TYP_JWT, &json!({})).unwrap();
    for text in [format!("{token}="), format!(" {token}"), format!("{token}\n"), token.replace('.', ".."), format!("{token}.{token}")] {
        assert_eq!(verify(&text, lookup), Err(VerifyError::NotAJwt), "{text}");
    }
    assert_eq!(verify(&token, |_| None::<PublicKey>), Err(VerifyError::UnknownKey));
}

#[test]
fn a_token_of_more_than_eight_kilobytes_is_not_read() {
    let of_length = |claim: usize| KEYS[1].sign(TYP_JWT, &json!({"a": "x".repeat(claim)})).unwrap();
    let base = of_length(0).len();
    let longest = (0..9000).find(|n| base + n * 4 / 3 + 4 > COMPACT_LENGTH_MAX).unwrap();
    assert!(verify(&of_length(longest - 6), lookup).is_ok());
    assert_eq!(verify(&of_length(longest + 6), lookup), Err(VerifyError::NotAJwt));
    assert_eq!(verify(&".".repeat(1 << 20), lookup), Err(VerifyError::NotAJwt));
}

#[test]
fn a_header_that_brings_keys_or_extensions_is_refused_although_rightly_signed() {
    let own_key = format!(r#""jwk":{}"#, serde_json::to_string(&KEYS[1].public_jwk()).unwrap());
    for member in
        [r#""crit":["exp"]"#, r#""crit":[]"#, &own_key, r#""jku":"https://evil.test""#, r#""x5u":null"#, r#""x5c":[]"#, r#""b64":false"#]
    {
        assert_eq!(verify(&with_header_member(&KEYS[1], member), lookup), Err(VerifyError::HeaderRefused), "{member}");
    }
    assert!(verify(&with_header_member(&KEYS[1], r#""other":1"#), lookup).is_ok());
}

#[test]
fn a_repeated_member_is_refused_although_rightly_signed() {
    let header = format!(r#"{{"alg":"EdDSA","kid":"{0}","kid":"{0}"}}"#, KEYS[1].kid());
    assert_eq!(verify(&forged(&KEYS[1], &header, "{}"), lookup), Err(VerifyError::NotAJwt));
    let header = format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, KEYS[1].kid());
    assert_eq!(verify(&forged(&KEYS[1], &header, r#"{"sub":"a","sub":"b"}"#), lookup), Err(VerifyError::NotAJwt));
    assert_eq!(verify(&forged(&KEYS[1], &header, "[]"), lookup), Err(VerifyError::NotAJwt));
}

#[test]
fn the_token_never_chooses_the_algorithm() {
    for key in KEYS.iter() {
        for alg in ["none", "None", "HS256", "RS256", "RS384", "PS256", "ES256", "EdDSA", "eddsa", ""]
            .iter()
            .filter(|alg| **alg != key.algorithm().as_str())
        {
            let token = forged(key, &format!(r#"{{"alg":"{alg}","kid":"{}"}}"#, key.kid()), "{}");
            assert_eq!(verify(&token, lookup), Err(VerifyError::HeaderRefused), "{alg}");
        }
        let unsigned = format!("{}.e30.", URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"none","kid":"{}"}}"#, key.kid())));
        assert_eq!(verify(&unsigned, lookup), Err(VerifyError::NotAJwt));
        let other = KEYS.iter().find(|other| other.kid() != key.kid()).unwrap();
        let crossed = forged(other, &format!(r#"{{"alg":"{}","kid":"{}"}}"#, key.algorithm(), key.kid()), "{}");
        assert_eq!(verify(&crossed, lookup), Err(VerifyError::BadSignature));
    }
}

#[test]
fn a_kid_is_a_name_and_nothing_else() {
    for kid in [
        r#""../../etc/passwd""#,
        r#""' OR 1=1""#,
        r#""""#,
        "7",
        "null",
        r#""key_AgICAgICAgICAgICAgICAg ""#,
        r#""key_AAAAAAAAAAAAAAAAAAAAAA""#,
    ] {
        let token = forged(&KEYS[1], &format!(r#"{{"alg":"EdDSA","kid":{kid}}}"#), "{}");
        assert_eq!(verify(&token, lookup), Err(VerifyError::UnknownKey), "{kid}");
    }
    assert_eq!(verify(&forged(&KEYS[1], r#"{"alg":"EdDSA"}"#, "{}"), lookup), Err(VerifyError::UnknownKey));
}

#[test]
fn a_claim_of_the_wrong_type_is_refused() {
    let whole = serde_json::to_value(access_token()).unwrap();
    let wrong = [json!("never"), json!(-1), json!(1.5), json!(1e9), json!(null), json!([1]), json!({}), json!(true)];
    for claim in ["exp", "iat", "nbf", "iss", "sub", "aud", "client_id", "jti", "scope", "scopes", "site"] {
        for value in
            wrong.iter().filter(|value| !(value.is_string() && ["iss", "sub", "aud", "client_id", "scope", "site"].contains(&claim)))
        {
            let mut claims = whole.clone();
            claims[claim] = value.clone();
            let verified = verify(&KEYS[1].sign(TYP_JWT, &claims).unwrap(), lookup).unwrap();
            assert_eq!(AccessTokenClaims::read(&verified), Err(VerifyError::ClaimsMalformed), "{claim} {value}");
        }
        let mut claims = whole.clone();
        claims.as_object_mut().unwrap().remove(claim);
        let verified = verify(&KEYS[1].sign(TYP_JWT, &claims).unwrap(), lookup).unwrap();
        assert_eq!(AccessTokenClaims::read(&verified), Err(VerifyError::ClaimsMalformed), "no {claim}");
    }
}

#[test]
fn the_two_spellings_of_the_scope_must_agree() {
    let mut claims = serde_json::to_value(access_token()).unwrap();
    claims["scopes"] = json!(["openid"]);
    let verified = verify(&KEYS[1].sign(TYP_JWT, &claims).unwrap(), lookup).unwrap();
    assert_eq!(AccessTokenClaims::read(&verified), Err(VerifyError::ClaimsMalformed));
}

#[test]
fn one_kind_of_token_is_never_read_as_another() {
    let read = |typ: &str, claims: &Value| verify(&KEYS[1].sign(typ, claims).unwrap(), lookup).unwrap();
    let access = serde_json::to_value(access_token()).unwrap();
    let id = serde_json::to_value(id_token()).unwrap();
    for typ in [TYP_JWT, TYP_ACCESS_TOKEN, "logout+jwt", "dpop+jwt", "client-authentication+jwt", "jwt", ""] {
        assert!(AccessTokenClaims::read(&read(typ, &id)).is_err(), "{typ}");
        assert!(IdTokenClaims::read(&read(typ, &access)).is_err(), "{typ}");
        assert_eq!(IdTokenClaims::read(&read(typ, &id)).is_ok(), typ == TYP_JWT, "{typ}");
        assert_eq!(AccessTokenClaims::read(&read(typ, &access)).is_ok(), typ == TYP_JWT, "{typ}");
    }
}

#[test]
fn a_further_claim_never_replaces_a_claim_of_the_token() {
    let members = [serde_json::to_value(access_token()).unwrap(), serde_json::to_value(id_token()).unwrap()];
    let own = members.iter().flat_map(|claims| claims.as_object().unwrap().keys());
    for name in own.filter(|name| !["patient", "name", "address"].contains(&name.as_str())) {
        assert_eq!(FurtherClaims::new([(name.clone(), json!(1))]), Err(JoseError::ReservedClaim), "{name}");
    }
}

#[test]
fn at_hash_is_the_left_half_of_the_digest_that_goes_with_the_algorithm() {
    // The access token and hash of OpenID Connect Core, appendix A.4 (RS256).
    assert_eq!(at_hash(SigningAlgorithm::Rs256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    assert_eq!(at_hash(SigningAlgorithm::Ps256, "access"), at_hash(SigningAlgorithm::Rs256, "access"));
    assert_eq!(at_hash(SigningAlgorithm::Es256, "access"), at_hash(SigningAlgorithm::Rs256, "access"));
    assert_eq!(at_hash(SigningAlgorithm::EdDsa, "access").len(), 43);
}

#[test]
fn every_prefix_of_a_token_is_refused() {
    let token = KEYS[1].sign(TYP_JWT, &access_token()).unwrap();
    for at in 0..token.len() {
        assert!(verify(token.split_at(at).0, lookup).is_err(), "{at}");
    }
}

#[test]
fn a_token_with_any_character_changed_is_refused() {
    for key in KEYS.iter() {
        let token = key.sign(TYP_JWT, &access_token()).unwrap();
        let public = Arc::new(key.public_key().unwrap());
        for at in 0..token.len() {
            for other in [b'A', b'_', b'.', b'=', b'\0'] {
                let mut changed = token.clone().into_bytes();
                if changed[at] == other {
                    continue;
                }
                changed[at] = other;
                let changed = String::from_utf8(changed).unwrap();
                assert!(verify(&changed, |kid| (*kid == key.kid()).then(|| public.clone())).is_err(), "{at}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_change_anywhere_is_refused(which in 0_usize..4, at in any::<prop::sample::Index>(), to in any::<char>()) {
        let key = &KEYS[which];
        let mut token: Vec<char> = key.sign(TYP_JWT, &access_token()).unwrap().chars().collect();
        let at = at.index(token.len());
        prop_assume!(token[at] != to);
        token[at] = to;
        prop_assert!(verify(&token.into_iter().collect::<String>(), lookup).is_err());
    }

    #[test]
    fn any_text_is_answered_with_a_refusal(text in ".{0,200}", header in "[ -~]{0,60}", claims in "[ -~]{0,60}") {
        prop_assert!(verify(&text, lookup).is_err());
        let _ = verify(&forged(&KEYS[1], &header, &claims), lookup);
    }

    #[test]
    fn any_id_token_reads_back_equal(nonce in prop::option::of(".{0,40}"), sub in ".{1,40}", iat in any::<u64>(), name in ".{0,40}") {
        let claims = IdTokenClaims {
            nonce, sub, iat, further: FurtherClaims::new([("name".into(), json!(name))]).unwrap(), ..id_token()
        };
        let read = verify(&KEYS[1].sign(TYP_JWT, &claims).unwrap(), lookup).unwrap();
        prop_assert_eq!(IdTokenClaims::read(&read), Ok(claims));
    }

    #[test]
    fn any_access_token_reads_back_equal(client in "[!-~]{1,255}", resource in prop::option::of("https://[a-z]{1,20}\\.test"), exp in any::<u64>()) {
        let client: ClientId = client.parse().unwrap();
        let aud = resource.unwrap_or_else(|| client.to_string());
        let claims = AccessTokenClaims { client_id: client, aud, exp, sid: None, ..access_token() };
        let read = verify(&KEYS[1].sign(claims.typ(), &claims).unwrap(), lookup).unwrap();
        prop_assert_eq!(AccessTokenClaims::read(&read), Ok(claims));
    }
}
