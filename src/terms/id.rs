//! Identifiers. Opaque ones are a prefix and 22 base64url characters (128 bits); they name things and open nothing.

use super::{ParseError, serde_as_text};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::{fmt, str::FromStr, sync::Arc};

/// An opaque identifier that a decision may draw from its [`IdSeed`].
pub trait Opaque: Sized {
    /// The prefix that tells the kinds apart (THREATS.md A18).
    const PREFIX: &'static str;
    /// The identifier with these 128 bits.
    fn from_bytes(bytes: [u8; 16]) -> Self;
}

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl Opaque for $name {
            const PREFIX: &'static str = $prefix;
            fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }
        }
        impl $name {
            /// The 128 bits behind the text.
            pub fn bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, URL_SAFE_NO_PAD.encode(self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl FromStr for $name {
            type Err = ParseError;
            fn from_str(text: &str) -> Result<Self, ParseError> {
                text.strip_prefix($prefix).and_then(sixteen_bytes).map(Self).ok_or(ParseError { what: stringify!($name) })
            }
        }
        serde_as_text!($name);
    };
}

opaque_id!(/// A browser session at a site; the `sid` of ID tokens.
    SessionId, "ses_");
opaque_id!(/// The authorization given by one consent or sign-in; parent of its codes and tokens.
    GrantId, "grt_");
opaque_id!(/// Names an authorization code without being it.
    CodeId, "cod_");
opaque_id!(/// One recorded decision of a person about an app's wishes.
    ConsentId, "con_");
opaque_id!(/// The `jti` of an access token (RFC 7519 §4.1.7).
    TokenId, "tok_");
opaque_id!(/// The correlation id of one request; `X-Request-Id` of its response.
    RequestId, "req_");
opaque_id!(/// Names a signing key; the `kid` of what it signs (RFC 7515 §4.1.4).
    KeyId, "key_");
opaque_id!(/// Names one showing of our pages for one authorization request, so that it is answered once.
    InteractionId, "int_");
opaque_id!(/// What lets a stranger register clients: names an initial access token (RFC 7591 §3).
    InvitationId, "inv_");
opaque_id!(/// Names a password hash in the vault. A changed password is a new credential.
    CredentialId, "crd_");
opaque_id!(/// Names one telling of one client that a session is over; what its logout tokens' `jti` begin with.
    LogoutId, "lgo_");
opaque_id!(/// The last segment of a `registration_client_uri` (RFC 7592 §3); written without its prefix there.
    RegistrationPath, "reg_");

impl RegistrationPath {
    /// The 22 characters as they stand in the URL.
    pub fn segment(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
    /// Reads the URL's segment.
    pub fn from_segment(segment: &str) -> Option<Self> {
        sixteen_bytes(segment).map(Self)
    }
}

fn sixteen_bytes(text: &str) -> Option<[u8; 16]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// A client identifier (RFC 6749 §2.2): 43 characters when made here, up to 255 visible ASCII when imported.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// The identifier with these 256 bits.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes).into())
    }
    /// The text on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let visible = |c: u8| (0x21..=0x7e).contains(&c);
        match (1..=255).contains(&text.len()) && text.bytes().all(visible) {
            true => Ok(Self(text.into())),
            false => Err(ParseError { what: "client_id" }),
        }
    }
}
impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
serde_as_text!(ClientId);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(uuid::Uuid);

        impl Opaque for $name {
            const PREFIX: &'static str = "";
            fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }
        }
        impl $name {
            /// Its bits.
            pub fn bytes(&self) -> [u8; 16] {
                self.0.into_bytes()
            }
        }
        impl FromStr for $name {
            type Err = ParseError;
            fn from_str(text: &str) -> Result<Self, ParseError> {
                let parsed = uuid::Uuid::try_parse(text).ok().filter(|id| id.hyphenated().to_string() == text);
                parsed.map(Self).ok_or(ParseError { what: $what })
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.hyphenated(), f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        serde_as_text!($name);
    };
}

uuid_id!(/// An end-user; its text is the `sub` of tokens (OpenID Connect Core §2), a bare UUID.
    UserId, "user id");
uuid_id!(/// One server with one log, from its first event on. A data directory that was copied and went on elsewhere bears the same one
    /// (THREATS.md F-16).
    InstanceId, "instance id");

/// The public randomness of one decision. It is recorded in `asked`, so that replay draws the same identifiers;
/// therefore nothing secret is ever derived from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdSeed([u8; 16]);

impl IdSeed {
    /// A seed of these bits, from the ledger's entropy.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
    /// The decision's identifier of this kind.
    pub fn id<T: Opaque>(&self) -> T {
        T::from_bytes(self.sixteen(T::PREFIX.as_bytes()))
    }
    /// The decision's `n`-th identifier of this kind, for a decision that makes several.
    pub fn nth_id<T: Opaque>(&self, n: u64) -> T {
        T::from_bytes(self.sixteen(&[T::PREFIX.as_bytes(), &n.to_be_bytes()].concat()))
    }
    /// The uuid v7 of the decision's `n`-th event, at this time (RFC 9562 §5.7).
    pub fn event_id(&self, n: u64, now: super::Timestamp) -> uuid::Uuid {
        let drawn = self.sixteen(&n.to_be_bytes());
        let mut random = [0; 10];
        random.copy_from_slice(drawn.first_chunk::<10>().unwrap_or(&[0; 10]));
        uuid::Builder::from_unix_timestamp_millis(now.unix_millis(), &random).into_uuid()
    }
    fn sixteen(&self, label: &[u8]) -> [u8; 16] {
        let whole = digest(&SHA256, &[&self.0[..], label].concat());
        let mut half = [0; 16];
        half.iter_mut().zip(whole.as_ref()).for_each(|(to, from)| *to = *from);
        half
    }
}
impl fmt::Display for IdSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}
impl FromStr for IdSeed {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        sixteen_bytes(text).map(Self).ok_or(ParseError { what: "id seed" })
    }
}
serde_as_text!(IdSeed);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_one_kind_never_parses_as_another() {
        let session = IdSeed::from_bytes([7; 16]).id::<SessionId>();
        assert_eq!(session.to_string().parse::<SessionId>(), Ok(session));
        assert!(session.to_string().parse::<GrantId>().is_err());
        assert!(format!("{session}A").parse::<SessionId>().is_err());
    }

    #[test]
    fn a_client_id_made_here_has_43_characters() {
        assert_eq!(ClientId::from_bytes([1; 32]).as_str().len(), 43);
        assert!("".parse::<ClientId>().is_err());
        assert!("a b".parse::<ClientId>().is_err());
    }
}
