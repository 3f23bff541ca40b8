//! What the introspection endpoint would have sent, given the state of then. The same guards as in `http::introspect`, in their order,
//! and the same writer of bodies.

use crate::audit::Identify;
use crate::command::{AssertionFact, ClientProof, SecretFact, SignedAssertion, Via, authenticate};
use crate::event::Refusal;
use crate::http::context::refused_body;
use crate::http::introspect_body::{Dialect, body, unknown};
use crate::ledger::{Failure, Ledger, Site};
use crate::projection::{Client, State};
use crate::query::{Introspection, TokenFacts};
use crate::terms::{ClientId, Timestamp, TokenEndpointAuthMethod, UserId};
use http::StatusCode;
use serde_json::Value;
use std::cell::Cell;

/// A site as it stood then, and what was known of a token.
pub(super) struct Then<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) site: &'a Site,
    pub(super) state: &'a State,
    pub(super) found: &'a Introspection,
    pub(super) identify: Identify,
}

/// What the endpoint would have sent.
pub(super) struct Sent {
    pub(super) status: StatusCode,
    pub(super) body: Value,
    /// Why the body lacks the person's `username`, if it had one: it is `withheld` or `erased`.
    pub(super) left_out: Option<&'static str>,
}

impl Sent {
    fn of(status: StatusCode, body: Value) -> Self {
        Self { status, body, left_out: None }
    }
}

impl Then<'_> {
    /// To this client; without one, as to somebody who has no such token.
    pub(super) fn sent(&self, asker: Option<&ClientId>) -> Result<Sent, Failure> {
        let Some(asker) = asker else { return Ok(Sent::of(StatusCode::OK, unknown(Dialect::Rfc))) };
        let client = self.state.clients.by_id(asker);
        let dialect = self.dialect(client);
        if let Err(refusal) = authenticate(self.state, &proof(asker, client, self.state.last_t), self.state.last_t) {
            return Ok(match dialect {
                Dialect::Seed => Sent::of(StatusCode::OK, unknown(dialect)),
                Dialect::Rfc => refused(refusal),
            });
        }
        if self.key_was_retired() {
            return Ok(match dialect {
                Dialect::Seed => refused(Refusal::TokenSignatureWrong),
                Dialect::Rfc => Sent::of(StatusCode::OK, unknown(dialect)),
            });
        }
        let left_out = Cell::new(None);
        let username = |user: &UserId| self.username(user, &left_out);
        let may_see = |facts: &&TokenFacts| client.is_some_and(|client| client.may_see(&facts.client));
        let body = body(self.site, self.found.status, self.found.facts.as_ref().filter(may_see), dialect, username)?;
        Ok(Sent { status: StatusCode::OK, body, left_out: left_out.get() })
    }

    /// Clients that send their credentials in the form speak the thread's dialect where the site does.
    fn dialect(&self, client: Option<&Client>) -> Dialect {
        let asks_about_any = client.is_some_and(Client::may_ask_about_any);
        let speaks_seed = !asks_about_any && self.state.site.as_ref().is_some_and(|site| site.settings.introspection_seed_dialect);
        let in_form = client.is_some_and(|client| match client.metadata.token_endpoint_auth_method {
            TokenEndpointAuthMethod::ClientSecretBasic | TokenEndpointAuthMethod::PrivateKeyJwt => false,
            TokenEndpointAuthMethod::ClientSecretPost | TokenEndpointAuthMethod::None => true,
        });
        if speaks_seed && in_form { Dialect::Seed } else { Dialect::Rfc }
    }

    /// What a key that had been retired by then signed was believed no longer.
    fn key_was_retired(&self) -> bool {
        let signed = self.found.facts.as_ref().and_then(|facts| Some((facts.kid?, facts.expires_at.unix_seconds())));
        signed.is_some_and(|(kid, exp)| self.state.keys.by_id(&kid).is_none_or(|key| !key.vouches_until(exp)))
    }

    fn username(&self, user: &UserId, left_out: &Cell<Option<&'static str>>) -> Result<Option<Value>, Failure> {
        let Some(user) = self.state.users.by_id(user).filter(|user| !user.erased) else { return Ok(None) };
        if self.identify == Identify::Withhold {
            left_out.set(Some("withheld"));
            return Ok(None);
        }
        let username = self.ledger.username_at(self.site, user.claims_at)?;
        left_out.set(username.is_none().then_some("erased"));
        Ok(username)
    }
}

/// Whatever the client had, it presented rightly.
fn proof(asker: &ClientId, client: Option<&Client>, t: Timestamp) -> ClientProof {
    let secret = client.and_then(|client| client.secret).map_or(SecretFact::Absent, SecretFact::Verified);
    let signs = |client: &&Client| client.metadata.token_endpoint_auth_method == TokenEndpointAuthMethod::PrivateKeyJwt;
    let assertion = client.filter(signs).map(|client| AssertionFact::Signed(SignedAssertion::supposed(client, t)));
    let via = if assertion.is_some() { Via::Assertion } else { Via::Post };
    ClientProof { client: Some(asker.clone()), via, secret, assertion }
}

fn refused(refusal: Refusal) -> Sent {
    let (status, body) = refused_body(&refusal.into());
    Sent::of(status, body)
}
