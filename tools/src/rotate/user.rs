//! One client that refreshes as long as it may, and what it makes of each answer.

use super::Seen;
use super::verifier::{Unverified, Verifier};
use crate::flows::FlowError;
use crate::flows::client::{Client, Tokens};
use crate::flows::target::Target;
use std::fmt::Display;

/// A client with a grant.
pub struct User {
    client: Client,
    verifier: Verifier,
    tokens: Tokens,
    seen: Seen,
}

/// Requests of one round besides those for keys: refresh, introspection, userinfo.
const REQUESTS: u64 = 3;

impl User {
    /// Signs its person in.
    pub async fn begin(mut client: Client, target: &Target, seen: Seen) -> Result<Self, FlowError> {
        let tokens = client.sign_in().await?;
        Ok(Self { client, verifier: Verifier::new(target), tokens, seen })
    }

    /// Round after round until it is over. One that fails is counted; a grant that is lost by it begins anew.
    pub async fn go_round(mut self) {
        while !self.seen.lock().is_over {
            if let Err(why) = self.round().await {
                self.failed(&why);
                match self.client.sign_in().await {
                    Ok(tokens) => self.tokens = tokens,
                    Err(why) => return self.failed(&why),
                }
            }
        }
    }

    async fn round(&mut self) -> Result<(), Unverified> {
        self.tokens = self.client.refresh(&self.tokens.refresh).await?;
        let signer = self.verifier.verify(&self.tokens.access).await?;
        self.verifier.verify(&self.tokens.id).await?;
        self.client.introspect(&self.tokens.access).await?;
        self.client.userinfo(&self.tokens.access).await?;
        let mut seen = self.seen.lock();
        seen.signers.insert(signer);
        seen.requests += REQUESTS + self.verifier.take_fetches();
        Ok(())
    }

    fn failed(&self, why: &impl Display) {
        *self.seen.lock().failures.entry(why.to_string()).or_default() += 1;
    }
}
