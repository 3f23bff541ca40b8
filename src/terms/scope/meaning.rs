//! What scopes mean (SPEC.md e.1).

use super::records::Records;
use crate::terms::SiteName;
use crate::terms::protocol::words;
use std::fmt;

/// What a scope allows. Two scopes mean the same exactly if these are equal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Meaning {
    /// One of the fixed words.
    Named(NamedScope),
    /// `site:{id}`: a token for this site only. The server adds it; nobody asks for it.
    Site(SiteName),
    /// Health records.
    Records(Box<Records>),
    /// A word of the site's own; it means itself.
    Custom(CustomScope),
}

words!(
    /// The scopes that are one fixed word.
    NamedScope, "scope", {
        /// OpenID Connect Core §3.1.2.1: sign-in, with an ID token.
        Openid = "openid",
        /// OpenID Connect Core §5.4.
        Profile = "profile",
        /// OpenID Connect Core §5.4.
        Email = "email",
        /// OpenID Connect Core §5.4.
        Phone = "phone",
        /// OpenID Connect Core §5.4.
        Address = "address",
        /// The thread's: the claim of that name.
        Name = "name",
        /// The thread's: the claim of that name.
        GivenName = "given_name",
        /// The thread's: the claim of that name.
        FamilyName = "family_name",
        /// The thread's: the claim of that name.
        Nickname = "nickname",
        /// The thread's: the claim `phone_number_verified`.
        PhoneVerified = "phone_verified",
        /// The thread's: the claim of that name.
        EmailVerified = "email_verified",
        /// SMART App Launch: which record is the person's own.
        FhirUser = "fhirUser",
        /// A refresh token for as long as the person is signed in.
        OnlineAccess = "online_access",
        /// A refresh token that outlasts the session (OpenID Connect Core §11).
        OfflineAccess = "offline_access",
        /// Started from within the record system.
        Launch = "launch",
        /// The app needs to know a patient.
        LaunchPatient = "launch/patient",
        /// The app needs to know an encounter.
        LaunchEncounter = "launch/encounter",
        /// The record system's own interface.
        ApiOemr = "api:oemr",
        /// FHIR.
        ApiFhir = "api:fhir",
        /// The patient portal's interface.
        ApiPort = "api:port",
        /// FHIR for patients of the portal.
        ApiPofh = "api:pofh",
        /// The administration of this server.
        Admin = "writ:admin",
    }
);

/// A scope that only its site knows: begins with a letter or digit and cannot be mistaken for any other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CustomScope(Box<str>);

impl CustomScope {
    pub(super) fn recorded(text: &str) -> Self {
        Self(text.into())
    }
    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl NamedScope {
    /// Whether it names an API family of the thread.
    pub fn is_api_family(self) -> bool {
        matches!(self, Self::ApiOemr | Self::ApiFhir | Self::ApiPort | Self::ApiPofh)
    }
    /// Whether it belongs to SMART App Launch.
    pub fn is_smart(self) -> bool {
        let access = matches!(self, Self::FhirUser | Self::OnlineAccess | Self::OfflineAccess);
        access || matches!(self, Self::Launch | Self::LaunchPatient | Self::LaunchEncounter)
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(named) => f.write_str(named.as_str()),
            Self::Site(site) => write!(f, "{SITE}{site}"),
            Self::Records(records) => write!(f, "{records}"),
            Self::Custom(word) => f.write_str(word.as_str()),
        }
    }
}

pub(super) const SITE: &str = "site:";
/// What begins like this is a scope on records or none at all: `system:Patient.read`, `User/Patient.read`, `patient.Patient.read`.
const LEVELS: [&str; 3] = ["patient", "user", "system"];
/// What begins like this is one of the fixed words or none at all.
const FAMILIES: [&str; 4] = ["launch", "api", "site", "writ"];
/// Words that an older server had among its scopes and that must never become some (SPEC.md e.1, k-25).
const NEVER: [&str; 3] = ["nonce", "username", "password"];

/// Whether a word that is none of ours could be taken for one of ours, by a person or by a careless resource server.
pub(super) fn is_misspelt(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let begins = |heads: &[&str], ends: fn(u8) -> bool| {
        let mut rests = heads.iter().filter_map(|head| lower.strip_prefix(head));
        rests.any(|rest| rest.bytes().next().is_none_or(ends))
    };
    let same = |word: &&str| word.eq_ignore_ascii_case(text);
    !text.starts_with(|c: char| c.is_ascii_alphanumeric())
        || begins(&LEVELS, |c| !c.is_ascii_alphanumeric() && c != b'_' && c != b'-')
        || begins(&FAMILIES, |c| c == b':' || c == b'/')
        || NEVER.iter().any(same)
        || NamedScope::ALL.iter().any(|named| same(&named.as_str()))
}
