//! Somebody who verifies with the keys of `jwks_uri`, kept for exactly as long as the answer allowed.

use crate::flows::FlowError;
use crate::flows::client::checked;
use crate::flows::target::Target;
use crate::flows::wire::{Cargo, Wire, WireError};
use http::header::CACHE_CONTROL;
use std::time::Duration;
use tokio::time::Instant;
use writ::jose::{JwkSet, PublicKey, VerifyError, verify};

/// Keys and until when they are kept.
pub struct Verifier {
    wire: Wire,
    path: String,
    kept: Option<(Instant, Vec<PublicKey>)>,
    fetches: u64,
}

/// Why a token was not verified.
#[derive(Debug, thiserror::Error)]
pub enum Unverified {
    /// A request failed.
    #[error("{0}")]
    Flow(#[from] FlowError),
    /// The signature is not that of a key in the set that is kept.
    #[error("a token does not verify with the keys that are kept: {0}")]
    Verify(#[from] VerifyError),
    /// The set cannot be read.
    #[error("the JWK Set cannot be read")]
    Set,
}

impl From<WireError> for Unverified {
    fn from(error: WireError) -> Self {
        Self::Flow(error.into())
    }
}

impl Verifier {
    /// Of this site, with a connection of its own.
    pub fn new(target: &Target) -> Self {
        Self { wire: Wire::new(target), path: target.path("/jwk"), kept: None, fetches: 0 }
    }

    /// The `kid` of the key that signed this token.
    pub async fn verify(&mut self, token: &str) -> Result<String, Unverified> {
        let now = Instant::now();
        let keys = match self.kept.take().filter(|(until, _)| now < *until) {
            Some(kept) => kept,
            None => self.fetched().await?,
        };
        let (_, known) = self.kept.insert(keys);
        let verified = verify(token, |kid| known.iter().find(|key| key.kid() == *kid))?;
        Ok(verified.kid().to_string())
    }

    /// How often it has fetched the keys since it was asked last.
    pub fn take_fetches(&mut self) -> u64 {
        std::mem::take(&mut self.fetches)
    }

    /// Kept from the moment of the answer: later than any cache on the way would count.
    async fn fetched(&mut self) -> Result<(Instant, Vec<PublicKey>), Unverified> {
        self.fetches += 1;
        let answer = self.wire.send(&self.path, &Cargo::default()).await?;
        let until = answer.headers.get(CACHE_CONTROL).and_then(|value| max_age(value.to_str().ok()?)).ok_or(Unverified::Set)?;
        let set: JwkSet = serde_json::from_value(checked(&self.path, &answer, 200)?).map_err(|_| Unverified::Set)?;
        let keys = set.keys().iter().map(PublicKey::from_jwk).collect::<Result<_, _>>().map_err(|_| Unverified::Set)?;
        Ok((Instant::now() + until, keys))
    }
}

/// RFC 9111 §5.2.2.1.
fn max_age(cache_control: &str) -> Option<Duration> {
    let seconds = cache_control.split(',').find_map(|directive| directive.trim().strip_prefix("max-age="))?;
    seconds.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_for_as_long_as_the_answer_says() {
        assert_eq!(max_age("public, max-age=300"), Some(Duration::from_secs(300)));
        assert_eq!(max_age("max-age=0,public"), Some(Duration::ZERO));
        assert_eq!([max_age("no-cache"), max_age("max-age=soon")], [None, None]);
    }
}
