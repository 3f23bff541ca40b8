//! Refresh tokens: base64url(key id ‖ grant id ‖ generation ‖ HMAC). Nothing secret is stored, and an old one is known for
//! what it is for ever (DESIGN.md §6).

use super::Site;
use crate::command::RefreshFact;
use crate::terms::{GrantId, Opaque, Secret};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Key id, grant id, generation.
const MESSAGE_BYTES: usize = 4 + 16 + 4;
const WHOLE_BYTES: usize = MESSAGE_BYTES + 32;

/// The refresh token of this grant and generation.
pub(super) fn write(site: &Site, grant: GrantId, generation: u32) -> Secret {
    let message = [&site.keys.refresh_key_id()[..], grant.bytes(), &generation.to_be_bytes()].concat();
    let mac = site.keys.refresh_mac(&message);
    Secret::new(URL_SAFE_NO_PAD.encode([&message[..], &mac].concat()))
}

/// What a text is that was presented as a refresh token; nothing if it has not the form of one.
pub(super) fn read(site: &Site, text: &str) -> Option<RefreshFact> {
    let bytes: [u8; WHOLE_BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    let (message, mac) = bytes.split_at_checked(MESSAGE_BYTES)?;
    let (key_id, rest) = message.split_first_chunk::<4>()?;
    let (grant, generation) = rest.split_first_chunk::<16>()?;
    let generation = u32::from_be_bytes(generation.try_into().ok()?);
    match *key_id == site.keys.refresh_key_id() && site.keys.verify_refresh_mac(message, mac) {
        true => Some(RefreshFact::Genuine { grant: GrantId::from_bytes(*grant), generation }),
        false => Some(RefreshFact::Foreign),
    }
}
