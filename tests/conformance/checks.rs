//! What has to be true of every answer, whichever module asks.

use crate::harness::{Answer, App, Authorization, Callback, Site, jwt_part, now};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use url::Url;

/// The clocks of the two sides differ by less than this.
const CLOCKS_SECONDS: u64 = 300;
const YEAR_SECONDS: u64 = 31_536_000;

#[track_caller]
pub fn must_be_url(value: &Value) -> Url {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no URL"));
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// An error that came to the client: what every one of them owes (RFC 6749 §4.1.2.1, RFC 9207 §2).
#[track_caller]
pub fn error_of(app: &App, request: &Authorization, callback: &Callback) -> String {
    assert_eq!(callback.get("state"), request.get("state"), "{callback:?}");
    assert_eq!(callback.get("iss"), Some(app.site.issuer().as_str()), "{callback:?}");
    let known = ["error", "error_description", "state", "session_state", "iss"];
    assert!(callback.names.iter().all(|name| known.contains(&name.as_str())), "{callback:?}");
    let is_plain = |c: u8| (0x20..=0x7e).contains(&c) && c != b'"' && c != b'\\';
    assert!(callback.get("error_description").is_some_and(|text| !text.is_empty() && text.bytes().all(is_plain)), "{callback:?}");
    callback.must("error").to_owned()
}

/// A good answer of the token endpoint, ID token and all (RFC 6749 §5.1).
#[track_caller]
pub fn token_answer(answer: &Answer) -> Value {
    let body = answer.assert_ok();
    answer.assert_not_stored();
    assert_eq!(body["token_type"], "Bearer");
    assert!((1..=YEAR_SECONDS).contains(&body["expires_in"].as_u64().unwrap()), "{body}");
    for name in ["access_token", "id_token"] {
        assert!(is_visible(body[name].as_str().unwrap_or_default()), "{name}: {body}");
    }
    assert!(body.get("refresh_token").is_none_or(|token| is_unguessable(token.as_str().unwrap_or_default())), "{body}");
    body
}

/// Whether it is as long and as mixed as 128 random bits are (RFC 6749 §10.10), and may be a token at all (§A.12, §A.17).
#[track_caller]
pub fn is_unguessable(text: &str) -> bool {
    let different: BTreeSet<char> = text.chars().collect();
    is_visible(text) && text.len() >= 22 && different.len() >= 12
}

fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| (0x21..=0x7e).contains(&c))
}

/// The claims of an ID token that is right by itself: signature, issuer, audience, subject and times (OpenID Connect Core §2, §3.1.3.7).
pub async fn id_token(app: &App, request: &Authorization, token: &str) -> Value {
    let (header, claims) = (jwt_part(token, 0), jwt_part(token, 1));
    assert_eq!(header["alg"], "RS256");
    assert_signed(&app.site, token).await;
    assert_eq!((claims["iss"].as_str(), claims["aud"].as_str()), (Some(app.site.issuer().as_str()), Some(app.client_id.as_str())));
    let subject = claims["sub"].as_str().unwrap();
    assert!((1..=255).contains(&subject.len()) && is_visible(subject), "{claims}");
    let (now, time) = (now(), |name: &str| claims[name].as_u64().unwrap_or_else(|| panic!("{name}: {claims}")));
    assert!((now - CLOCKS_SECONDS..=now + CLOCKS_SECONDS).contains(&time("iat")), "{claims}");
    assert!((now..now + 50 * YEAR_SECONDS).contains(&time("exp")), "{claims}");
    assert!((now - YEAR_SECONDS..=now + CLOCKS_SECONDS).contains(&time("auth_time")), "{claims}");
    assert_eq!(claims["nonce"].as_str(), request.get("nonce"), "{claims}");
    assert!(claims.get("acr").is_none_or(|acr| acr.as_str().is_some_and(|acr| !acr.is_empty())), "{claims}");
    assert!(claims.get("azp").is_none_or(|azp| azp == app.client_id.as_str()), "{claims}");
    assert_forms(&claims);
    claims
}

/// Signed by the one key of this name that the site shows for it.
pub async fn assert_signed(site: &Site, token: &str) {
    let header = jwt_part(token, 0);
    let keys = keys(site).await;
    let named: Vec<&Value> = keys.iter().filter(|key| key["kid"] == header["kid"]).collect();
    assert_eq!(named.len(), 1, "a kid names one key");
    assert_eq!((&named[0]["alg"], &named[0]["use"], &named[0]["kty"]), (&header["alg"], &"sig".into(), &"RSA".into()));
    let number = |name: &str| URL_SAFE_NO_PAD.decode(named[0][name].as_str().unwrap()).unwrap();
    let key = RsaPublicKeyComponents { n: number("n"), e: number("e") };
    let (message, signature) = token.rsplit_once('.').unwrap();
    key.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
}

/// The site's keys, which are public, whole, and have names of their own (RFC 7517 §4, RFC 7518 §6).
pub async fn keys(site: &Site) -> Vec<Value> {
    let keys = site.get("/jwk").await.assert_ok()["keys"].as_array().unwrap().clone();
    for key in &keys {
        let members = key.as_object().unwrap();
        let public: &[&str] = match key["kty"].as_str().unwrap() {
            "RSA" => &["n", "e"],
            "EC" => &["crv", "x", "y"],
            "OKP" => &["crv", "x"],
            other => panic!("{other}"),
        };
        let own: BTreeSet<&str> = public.iter().copied().chain(["kty", "kid", "use", "alg"]).collect();
        assert_eq!(members.keys().map(String::as_str).collect::<BTreeSet<_>>(), own, "{key}");
        for name in public.iter().filter(|name| **name != "crv") {
            assert!(URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).is_ok_and(|bytes| !bytes.is_empty()), "{name}: {key}");
        }
    }
    let kids: BTreeSet<&str> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(kids.len(), keys.len(), "two keys have one name");
    keys
}

/// Each claim about a person is of its kind and says something (OpenID Connect Core §5.1, §5.3.2).
#[track_caller]
pub fn assert_forms(claims: &Value) {
    for (name, value) in claims.as_object().unwrap() {
        let is_right = match name.as_str() {
            "email_verified" | "phone_number_verified" => value.is_boolean(),
            "address" => value.as_object().is_some_and(|parts| !parts.is_empty() && parts.values().all(is_said)),
            "updated_at" => value.as_u64().is_some_and(|at| (631_152_000..=now() + CLOCKS_SECONDS).contains(&at)),
            "auth_time" | "exp" | "iat" | "nbf" => value.is_u64(),
            "amr" => value.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(is_said)),
            "birthdate" => value.as_str().is_some_and(|date| date.parse::<chrono::NaiveDate>().is_ok()),
            _ => is_said(value),
        };
        assert!(is_right, "{name} is {value}");
    }
    assert!(claims.get("_claim_names").is_none() && claims.get("_claim_sources").is_none(), "{claims}");
}

fn is_said(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty() && !text.eq_ignore_ascii_case("null"))
}

/// The claims of an ID token that are about the token and the sign-in, and not about the person.
const OF_THE_SIGN_IN: [&str; 14] =
    ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash", "jti", "sid"];

/// What an ID token or a userinfo answer tells of the person besides who it is.
pub fn about_the_person(claims: &Value) -> Map<String, Value> {
    let all = claims.as_object().unwrap().iter().filter(|(name, _)| !OF_THE_SIGN_IN.contains(&name.as_str()));
    all.map(|(name, value)| (name.clone(), value.clone())).collect()
}
