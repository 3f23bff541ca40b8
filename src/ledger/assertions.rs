//! What a client assertion is that somebody presents: everything that can be said of it before it is decided about.

use super::client_keys::WantedKey;
use super::documents::NoDocument;
use super::{Failure, Ledger, Site};
use crate::command::{AssertionFact, SignedAssertion, assertion_end, assertion_time};
use crate::event::{ClientStatus, Refusal};
use crate::jose::{Assertion, AssertionClaims};
use crate::projection::Client;
use crate::terms::{ClientId, Timestamp, TokenEndpointAuthMethod};

impl Ledger {
    /// What becomes of an assertion that names this client. Keys are read only for one that would be good if they were right: a
    /// stranger who invents assertions makes us ask nobody.
    ///
    /// # Errors
    /// [`Failure::Busy`] if there is no room for reading the client's keys now.
    pub async fn check_assertion(&self, site: &Site, client: &ClientId, assertion: &Assertion) -> Result<AssertionFact, Failure> {
        let Some(client) = site.read(|state| state.clients.by_id(client).cloned()) else {
            return Ok(AssertionFact::Refused(Refusal::ClientUnknown));
        };
        let issuer = site.issuer();
        if let Err(refusal) = plausible(&client, &issuer, assertion, self.now()) {
            return Ok(AssertionFact::Refused(refusal));
        }
        let wanted = WantedKey { kid: assertion.kid.as_deref(), algorithm: assertion.algorithm };
        let keys = match self.keys_for(site, &client.metadata, wanted).await {
            Ok(keys) => keys,
            Err(NoDocument::Busy) => return Err(Failure::Busy),
            Err(NoDocument::Unavailable) => return Ok(AssertionFact::Refused(Refusal::AssertionKeysUnavailable)),
        };
        match keys.find(assertion.kid.as_deref(), assertion.algorithm) {
            Err(_) => Ok(AssertionFact::Refused(Refusal::AssertionKeyUnknown)),
            Ok(key) if !assertion.is_signed_by(key) => Ok(AssertionFact::Refused(Refusal::AssertionSignatureWrong)),
            Ok(key) => Ok(AssertionFact::Signed(SignedAssertion {
                alg: assertion.algorithm,
                key: key.thumbprint(),
                keys_at: client.keys_at,
                // Client identifiers have no line breaks, so no two pairs run together.
                jti: site.tag(&format!("assertion\n{}\n{}", client.id, assertion.claims.jti)),
                not_before: not_before(&assertion.claims),
                expires_at: expires_at(&assertion.claims),
            })),
        }
    }
}

/// Whether an assertion would be good if its signature were right.
fn plausible(client: &Client, issuer: &str, assertion: &Assertion, now: Timestamp) -> Result<(), Refusal> {
    let (metadata, claims) = (&client.metadata, &assertion.claims);
    if metadata.token_endpoint_auth_method != TokenEndpointAuthMethod::PrivateKeyJwt {
        return Err(Refusal::AssertionUnexpected);
    }
    if metadata.token_endpoint_auth_signing_alg.is_some_and(|registered| !registered.means(assertion.algorithm)) {
        return Err(Refusal::AssertionAlgorithmRefused);
    }
    // A place to look for keys is no news if it is the registered one, and refused otherwise (THREATS.md A44).
    if assertion.jku.as_deref().is_some_and(|jku| metadata.jwks_uri.as_ref().is_none_or(|uri| uri.as_str() != jku)) {
        return Err(Refusal::AssertionHeaderRefused);
    }
    if claims.iss != client.id.as_str() || claims.sub != client.id.as_str() {
        return Err(Refusal::AssertionSubjectWrong);
    }
    // SPEC.md k-44. A list may name both of ours and nobody else: an assertion that is good elsewhere too could be passed on from
    // there (THREATS.md A48).
    let ours = |aud: &String| aud == issuer || aud.strip_prefix(issuer) == Some("/token");
    if !claims.aud.iter().all(ours) {
        return Err(Refusal::AssertionAudienceWrong);
    }
    assertion_time(not_before(claims), expires_at(claims), now)?;
    match client.status {
        ClientStatus::Enabled => Ok(()),
        ClientStatus::PendingApproval => Err(Refusal::ClientPending),
        ClientStatus::Disabled => Err(Refusal::ClientDisabled),
    }
}

fn not_before(claims: &AssertionClaims) -> Option<Timestamp> {
    claims.nbf.max(claims.iat).map(Timestamp::from_unix_seconds)
}

fn expires_at(claims: &AssertionClaims) -> Timestamp {
    assertion_end(claims.iat.map(Timestamp::from_unix_seconds), Timestamp::from_unix_seconds(claims.exp))
}
