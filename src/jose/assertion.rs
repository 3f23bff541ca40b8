//! Assertions that clients sign to authenticate (RFC 7523 §3, OpenID Connect Core §9).

use super::client_key::ClientKey;
use super::verify::{object, part, split};
use crate::terms::ClientAlgorithm;
use serde_json::{Map, Value};

/// A client assertion, taken apart. Nothing of it is believed yet.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// Its algorithm; never `none`, never symmetric.
    pub algorithm: ClientAlgorithm,
    /// The key it names.
    pub kid: Option<String>,
    /// Where it says its keys are. It counts only if it is what the client registered (SMART App Launch, asymmetric clients).
    pub jku: Option<String>,
    /// What it says.
    pub claims: AssertionClaims,
    signed: String,
    signature: Vec<u8>,
}

/// The claims of a client assertion. Times are whole seconds since the Unix epoch.
#[derive(Clone, PartialEq, Debug)]
pub struct AssertionClaims {
    /// Who made it.
    pub iss: String,
    /// Whom it is about.
    pub sub: String,
    /// For whom it was made: one, or each of a list.
    pub aud: Vec<String>,
    /// Its name; used once.
    pub jti: String,
    /// Not to be accepted from this second on.
    pub exp: u64,
    /// Not to be accepted before.
    pub nbf: Option<u64>,
    /// When it was made.
    pub iat: Option<u64>,
}

/// Why a text is no client assertion.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AssertionError {
    /// Not a JWT in compact serialization, or a claim is missing or of another type.
    #[error("not a JWT with the claims of a client assertion")]
    Malformed,
    /// An extension, a key of its own, or the type of another kind of token.
    #[error("the header asks for what is never accepted")]
    HeaderRefused,
    /// No algorithm that a client may sign with.
    #[error("the algorithm is not one that clients may sign with")]
    AlgorithmRefused,
}

/// Header members that bring a key or a certificate, or change how the assertion is read.
const REFUSED: [&str; 10] = ["crit", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "b64", "enc", "zip", "cty"];
/// The `typ` of an assertion, if it has one: the general one, and the one that the revision of RFC 7523 introduces. An access token,
/// a logout token or a proof of possession is none (THREATS.md A49).
const TYPES: [&str; 2] = ["jwt", "client-authentication+jwt"];
/// The most audiences in a list, and the longest `jti`.
const AUDIENCES_MAX: usize = 8;
const JTI_LENGTH_MAX: usize = 512;

impl Assertion {
    /// Takes a text apart.
    ///
    /// # Errors
    /// See [`AssertionError`].
    pub fn parse(compact: &str) -> Result<Self, AssertionError> {
        let malformed = AssertionError::Malformed;
        let parts = split(compact).ok_or(malformed)?;
        let header = part(parts.header).and_then(|bytes| object(&bytes)).ok_or(malformed)?;
        // The algorithm first: an unsigned JWT has no third part, and is to be called by its name.
        let alg = header.get("alg").and_then(Value::as_str).ok_or(malformed)?;
        let algorithm: ClientAlgorithm = alg.parse().map_err(|_| AssertionError::AlgorithmRefused)?;
        if REFUSED.iter().any(|member| header.contains_key(*member)) || !has_right_type(&header) {
            return Err(AssertionError::HeaderRefused);
        }
        let claims = part(parts.claims).and_then(|bytes| object(&bytes)).ok_or(malformed)?;
        let signature = part(parts.signature).ok_or(malformed)?;
        Ok(Self {
            algorithm,
            kid: optional_text(&header, "kid")?,
            jku: optional_text(&header, "jku")?,
            claims: AssertionClaims::read(&claims)?,
            signed: parts.signed.to_owned(),
            signature,
        })
    }

    /// Whether this key signed it.
    pub fn is_signed_by(&self, key: &ClientKey) -> bool {
        key.has_signed(self.algorithm, self.signed.as_bytes(), &self.signature)
    }
}

impl AssertionClaims {
    fn read(claims: &Map<String, Value>) -> Result<Self, AssertionError> {
        let malformed = AssertionError::Malformed;
        let text = |name: &str| optional_text(claims, name)?.filter(|text| !text.is_empty()).ok_or(malformed);
        let time = |name: &str| claims.get(name).map(|value| value.as_u64().ok_or(malformed)).transpose();
        let aud: Vec<String> = match claims.get("aud") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(all)) if (1..=AUDIENCES_MAX).contains(&all.len()) => {
                all.iter().map(|one| one.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or(malformed)?
            }
            Some(_) | None => return Err(malformed),
        };
        let jti = text("jti")?;
        if jti.len() > JTI_LENGTH_MAX {
            return Err(malformed);
        }
        Ok(Self {
            iss: text("iss")?,
            sub: text("sub")?,
            aud,
            jti,
            exp: time("exp")?.ok_or(malformed)?,
            nbf: time("nbf")?,
            iat: time("iat")?,
        })
    }
}

fn has_right_type(header: &Map<String, Value>) -> bool {
    let Some(typ) = header.get("typ") else { return true };
    let typ = typ.as_str().unwrap_or_default().to_ascii_lowercase();
    // RFC 7515 §4.1.9: `application/` may be left out.
    TYPES.contains(&typ.strip_prefix("application/").unwrap_or(&typ))
}

fn optional_text(members: &Map<String, Value>, name: &str) -> Result<Option<String>, AssertionError> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(AssertionError::Malformed),
    }
}
