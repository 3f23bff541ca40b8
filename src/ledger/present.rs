//! What a token is that somebody presents.

use super::{Ledger, SignedToken, Site, refresh_token};
use crate::command::{Noted, RefreshFact};
use crate::jose::{AccessTokenClaims, IdTokenClaims, VerifyError, verify};
use crate::terms::{ClientId, KeyId, RequestFacts, Timestamp};
use std::sync::Arc;

/// What a presented text turned out to be. The signature has been checked; whether it is good is the projection's to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Presented {
    /// An access token with our signature.
    Access(SignedToken),
    /// Something with the form of a refresh token.
    Refresh(RefreshFact),
    /// A JWT whose signature is not ours, or of a key that is not ours.
    BadSignature,
    /// A JWT of ours that is no access token.
    OtherJwt,
    /// Nothing that could be a token.
    Unreadable,
}

impl Ledger {
    /// What this text is.
    pub fn present(&self, site: &Site, text: &str) -> Presented {
        if let Some(fact) = refresh_token::read(site, text) {
            return Presented::Refresh(fact);
        }
        if let Some(signed) = self.shared.known_tokens.find(site.name(), text) {
            return vouched(site, signed);
        }
        match verify(text, |kid| self.public_key(site, *kid)) {
            Ok(verified) => match AccessTokenClaims::read(&verified) {
                Ok(claims) if claims.site == *site.name() => {
                    let signed = SignedToken::new(&claims, verified.kid());
                    self.shared.known_tokens.remember(site.name(), text, signed);
                    vouched(site, signed)
                }
                Ok(_) | Err(_) if is_retired(site, &verified.kid()) => Presented::BadSignature,
                Ok(_) | Err(_) => Presented::OtherJwt,
            },
            Err(VerifyError::NotAJwt) => Presented::Unreadable,
            Err(VerifyError::ClaimsMalformed) => Presented::OtherJwt,
            Err(VerifyError::HeaderRefused | VerifyError::UnknownKey | VerifyError::BadSignature) => Presented::BadSignature,
        }
    }

    /// The client whose grant a refresh token belongs to, whatever became of it.
    pub fn owner_of(&self, site: &Site, text: &str) -> Option<ClientId> {
        let RefreshFact::Genuine { grant, .. } = refresh_token::read(site, text)? else { return None };
        site.read(|state| state.grants.by_id(&grant).map(|grant| grant.client.clone()))
    }

    /// The claims of an `id_token_hint`: signature and issuer must be right; its time may be over and its key retired
    /// (SPEC.md k-51).
    pub fn read_hint(&self, site: &Site, text: &str) -> Option<IdTokenClaims> {
        let verified = verify(text, |kid| self.public_key(site, *kid)).ok()?;
        IdTokenClaims::read(&verified).ok().filter(|claims| claims.iss == site.issuer())
    }

    /// Sounds the forgery alarm: a signature of ours over an unexpired `jti` that the log never granted. The first time it is an event
    /// that names the key that signed, further times are counted.
    pub(super) async fn sound_alarm(&self, site: &Arc<Site>, signed: SignedToken, now: Timestamp, request: RequestFacts) {
        let SignedToken { token, exp, kid } = signed;
        if exp <= now.unix_seconds() {
            return;
        }
        tracing::error!(%token, %kid, site = %site.name(), "a token with our signature is not in the log");
        let is_known = site.index(|index| index.first_of_token(&token).is_some());
        if !self.shared.tallies.tell_forgery(site.name(), token, kid, is_known, now) {
            return;
        }
        let noted = Noted::ForgeryDetected { token, kid, times: None };
        if let Err(failure) = self.note(site, noted, request).await {
            tracing::error!(%failure, "a forgery could not be recorded");
        }
    }
}

/// What its key says of a token today: what a retired one signed is believed only of the past.
fn vouched(site: &Site, signed: SignedToken) -> Presented {
    let vouches = site.read(|state| state.keys.by_id(&signed.kid).is_some_and(|key| key.vouches_until(signed.exp)));
    if vouches { Presented::Access(signed) } else { Presented::BadSignature }
}

fn is_retired(site: &Site, kid: &KeyId) -> bool {
    site.read(|state| state.keys.by_id(kid).is_none_or(|key| key.retired))
}
