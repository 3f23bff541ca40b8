//! What is known of a token that somebody presents (RFC 7662).

use super::{Failure, Ledger, Presented, Site};
use crate::command::RefreshFact;
use crate::query::{self, Introspection, Status};
use crate::terms::{RequestFacts, Seq};
use std::sync::Arc;

impl Ledger {
    /// What is known of a presented token now, waiting until that is durable. Things that state has forgotten are looked up in the
    /// log; a token of ours that the log does not know sounds the alarm.
    pub async fn introspect(&self, site: &Arc<Site>, presented: &Presented, request: RequestFacts) -> Result<Introspection, Failure> {
        let now = self.now();
        let found = match presented {
            Presented::Access(signed) => site.read(|state| query::introspect_access(state, &signed.token, now)),
            Presented::Refresh(RefreshFact::Genuine { grant, generation }) => {
                site.read(|state| query::introspect_refresh(state, grant, *generation, now))
            }
            Presented::Refresh(RefreshFact::Foreign) | Presented::BadSignature | Presented::OtherJwt | Presented::Unreadable => unknown(),
        };
        if found.facts.is_some() {
            site.wait(found.rests_on).await?;
            return Ok(found);
        }
        match presented {
            Presented::Access(signed) => match self.forgotten_access(site, &signed.token).await? {
                Some(forgotten) => Ok(forgotten),
                None => {
                    self.sound_alarm(site, *signed, now, request).await;
                    Ok(unknown())
                }
            },
            Presented::Refresh(RefreshFact::Genuine { grant, generation }) => {
                Ok(self.forgotten_refresh(site, grant, *generation).await?.unwrap_or_else(unknown))
            }
            Presented::Refresh(RefreshFact::Foreign) | Presented::BadSignature | Presented::OtherJwt | Presented::Unreadable => Ok(found),
        }
    }
}

fn unknown() -> Introspection {
    Introspection { status: Status::Unknown, facts: None, rests_on: Seq(0) }
}
