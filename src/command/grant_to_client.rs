//! `client_credentials` (RFC 6749 §4.4): tokens for the client itself. Nobody signs in, nobody consents, nothing is refreshed.

use super::begin::{Begun, begin};
use super::tokens::{About, asked_scope, denied};
use super::{ClientProof, Decide, Decision, Draft, client_auth};
use crate::event::{Beginning, Endpoint, Event, IssuedTokens, Refusal, TokenEvent};
use crate::projection::{Client, Site, State};
use crate::terms::{Actor, GrantType, Level, Meaning, Moment, Scope, ScopeSet, TokenEndpointAuthMethod};
use serde::{Deserialize, Serialize};

/// A client asks for a token of its own.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct GrantToClient {
    /// What it asks for; all that it registered, if it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeSet>,
    /// Who the client says it is.
    pub client_auth: ClientProof,
}

/// How long such a token is good (SPEC.md k-42), unless the site's tokens live shorter.
const SECONDS: u64 = 300;

impl Decide for GrantToClient {
    const NAME: &'static str = "grant_to_client";
    const ISSUES: bool = true;
    type Answer = IssuedTokens;

    fn decide(&self, state: &State, moment: &Moment) -> Decision<IssuedTokens> {
        client_auth::acting(state, &self.client_auth, Endpoint::Token, moment, |client| self.grant(state, client, moment))
    }
}

impl GrantToClient {
    fn grant(&self, state: &State, client: &Client, moment: &Moment) -> Decision<IssuedTokens> {
        let about = About { client, grant_type: GrantType::ClientCredentials, grant: None, code: None };
        // RFC 6749 §4.4: never for a client that cannot prove who it is.
        if client.metadata.is_public() || !client.metadata.grant_types.contains(&GrantType::ClientCredentials) {
            return denied(about, Refusal::GrantTypeNotAllowed, moment);
        }
        let Some(site) = &state.site else { return denied(about, Refusal::KeyMissing, moment) };
        let asked = self.scope.as_ref().unwrap_or(&client.metadata.scope);
        let scope = match asked_scope(asked, client, site, |scope| own(scope, client, site)) {
            Ok(scope) => scope,
            Err(refused) => return denied(about, refused, moment),
        };
        let grant_type = GrantType::ClientCredentials;
        let beginning = Beginning { grant_type, auth_time: None, amr: Vec::new(), passwords_at: None, interaction: None };
        let seconds = SECONDS.min(site.settings.access_seconds);
        let begun = Begun { client, user: None, scope, beginning, refreshes: false, seconds };
        let Some(tokens) = begin(state, site, begun, moment) else { return denied(about, Refusal::KeyMissing, moment) };
        let granted = Event::Token(TokenEvent::Granted(Box::new(tokens.clone())));
        let draft = Draft::new(Actor::Client(client.id.clone()), granted).caused_by(client.changed).seen(moment, None);
        Decision::accepted(tokens, vec![draft])
    }
}

/// What a client may have without a person: words of the site's own, and `system/` where its key proves who it is (SPEC.md k-43).
/// Everything else is about somebody who signs in.
fn own(scope: &ScopeSet, client: &Client, site: &Site) -> ScopeSet {
    let by_key = client.metadata.token_endpoint_auth_method == TokenEndpointAuthMethod::PrivateKeyJwt;
    let is_own = |scope: &&Scope| match scope.meaning() {
        Meaning::Custom(_) => true,
        Meaning::Records(_) => scope.level() == Some(Level::System) && by_key && site.settings.system_scopes,
        Meaning::Named(_) | Meaning::Site(_) => false,
    };
    scope.iter().filter(is_own).cloned().collect()
}
