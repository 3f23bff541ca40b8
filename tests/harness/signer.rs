//! A client that authenticates with `private_key_jwt`: its keys, its assertions.

use super::{Answer, App, Browser, Request, Site, Tokens};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A key pair of a client, for one algorithm.
#[derive(Clone)]
pub struct ClientKey {
    pub alg: &'static str,
    pub kid: String,
    pair: Arc<Pair>,
}

enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair, &'static str),
    Ed(Ed25519KeyPair),
}

impl ClientKey {
    pub fn new(alg: &'static str, kid: &str) -> Self {
        let rsa = |encoding| Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap(), encoding);
        let pair = match alg {
            "RS256" => rsa(&RSA_PKCS1_SHA256),
            "RS384" => rsa(&RSA_PKCS1_SHA384),
            "PS256" => rsa(&RSA_PSS_SHA256),
            "ES256" => Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(), "P-256"),
            "ES384" => Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap(), "P-384"),
            _ => Pair::Ed(Ed25519KeyPair::generate().unwrap()),
        };
        Self { alg, kid: kid.to_owned(), pair: Arc::new(pair) }
    }
    /// The same key under another name.
    pub fn called(&self, kid: &str) -> Self {
        Self { kid: kid.to_owned(), ..self.clone() }
    }
    /// The public half, as it is registered or published.
    pub fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &*self.pair {
            Pair::Rsa(pair, _) => {
                let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
                json!({ "kty": "RSA", "n": text(n.big_endian_without_leading_zero()), "e": text(e.big_endian_without_leading_zero()) })
            }
            Pair::Ec(pair, crv) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
                json!({ "kty": "EC", "crv": crv, "x": text(x), "y": text(y) })
            }
            Pair::Ed(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref()) }),
        };
        jwk["kid"] = self.kid.clone().into();
        jwk["use"] = "sig".into();
        jwk
    }
    /// A JWT of this header and these claims, rightly signed whatever they say.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = match &*self.pair {
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair, _) => pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A registered client with a key.
#[derive(Clone)]
pub struct Signer {
    pub app: App,
    pub key: ClientKey,
}

impl Signer {
    /// A client whose key stands in its registration.
    pub async fn inline(site: &Site, alg: &'static str) -> Self {
        let key = ClientKey::new(alg, "first");
        let members = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key.jwk()] } });
        Self { app: site.app(members).await, key }
    }
    /// A client whose keys are published at this address.
    pub async fn published(site: &Site, key: ClientKey, jwks_uri: &str) -> Self {
        let members = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": jwks_uri });
        Self { app: site.app(members).await, key }
    }
    pub fn header(&self) -> Value {
        json!({ "alg": self.key.alg, "kid": self.key.kid, "typ": "JWT" })
    }
    /// Claims as they should be, with these instead; a null takes one out.
    pub fn claims(&self, further: Value) -> Value {
        let (id, mut jti) = (&self.app.client_id, [0; 16]);
        aws_lc_rs::rand::fill(&mut jti).unwrap();
        let mut claims = json!({
            "iss": id, "sub": id, "aud": self.app.site.url("/token"), "jti": URL_SAFE_NO_PAD.encode(jti), "exp": now() + 60, "iat": now(),
        });
        claims.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }
    /// A fresh assertion.
    pub fn assertion(&self) -> String {
        self.assertion_with(json!({}))
    }
    pub fn assertion_with(&self, further: Value) -> String {
        self.key.sign(&self.header(), &self.claims(further))
    }
    /// A form to an endpoint with this assertion.
    pub async fn post(&self, path: &str, pairs: &[(&str, &str)], assertion: &str) -> Answer {
        let own = [("client_assertion_type", JWT_BEARER), ("client_assertion", assertion)];
        Request::form(&self.app.site.url(path), &pairs.iter().copied().chain(own).collect::<Vec<_>>()).send().await
    }
    /// Asks for something that only a believed client is refused with `invalid_grant`.
    pub async fn knock(&self, assertion: &str) -> Answer {
        self.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", "none")], assertion).await
    }
    #[track_caller]
    pub fn assert_believed(answer: &Answer) {
        assert_eq!(answer.refusal(), (400, "invalid_grant".to_owned()), "{}", answer.text());
    }
    /// The whole way to tokens.
    pub async fn tokens(&self) -> Tokens {
        let (code, verifier) = self.app.code(&mut Browser::new()).await;
        let pairs =
            [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", App::REDIRECT_URI), ("code_verifier", &verifier)];
        Tokens::of(&self.post("/token", &pairs, &self.assertion()).await)
    }
    /// The reasons of the refusals that the log tells of this client, and the number of assertions it has used.
    pub fn told(&self) -> (Vec<String>, usize) {
        let server = &self.app.site.server;
        let log = server
            .writ(&["--site", &self.app.site.name, "log", &format!("--client={}", self.app.client_id), "-o", "ndjson", "-n", "1000"], "");
        let events = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let own: Vec<Value> = events.filter(|event| event["client"] == self.app.client_id.as_str()).collect();
        let of = |kind: &str| own.iter().filter(|event| event["type"] == kind).cloned().collect::<Vec<Value>>();
        let reasons = of("client.auth_failed").iter().map(|event| event["reason"].as_str().unwrap().to_owned()).collect();
        (reasons, of("client.assertion_used").len())
    }
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
