//! What is known of a token that somebody presents (RFC 7662).

use super::{Failure, Ledger, Presented, Site};
use crate::command::RefreshFact;
use crate::query::{self, Introspection, TokenName};
use crate::terms::RequestFacts;
use std::sync::Arc;

impl Presented {
    /// What names the token in the log; nothing if it is none of ours.
    pub fn name(&self) -> Option<TokenName> {
        match self {
            Self::Access(signed) => Some(TokenName::Access(signed.token)),
            Self::Refresh(RefreshFact::Genuine { grant, generation }) => {
                Some(TokenName::Refresh { grant: *grant, generation: Some(*generation) })
            }
            Self::Refresh(RefreshFact::Foreign) | Self::BadSignature | Self::OtherJwt | Self::Unreadable => None,
        }
    }
}

impl Ledger {
    /// What is known of a presented token now, waiting until that is durable. Things that state has forgotten are looked up in the
    /// log; a token of ours that the log does not know sounds the alarm.
    pub async fn introspect(&self, site: &Arc<Site>, presented: &Presented, request: RequestFacts) -> Result<Introspection, Failure> {
        let now = self.now();
        let Some(name) = presented.name() else { return Ok(Introspection::unknown()) };
        let (found, head) = site.read(|state| (query::introspect(state, &name, now), state.head));
        if found.facts.is_some() {
            site.wait(found.rests_on).await?;
            return Ok(found);
        }
        if let Some(forgotten) = self.forgotten(site, name, head).await? {
            return Ok(forgotten);
        }
        if let Presented::Access(signed) = presented {
            self.sound_alarm(site, *signed, now, request).await;
        }
        Ok(Introspection::unknown())
    }
}
