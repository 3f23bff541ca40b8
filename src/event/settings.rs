//! A site's policy. It is state, so that replay decides as we did: `site.created` writes it out, `site.configured` changes it.

use crate::terms::protocol::words;
use crate::terms::{Meaning, NamedScope, ResponseType, Scope, ScopeSet, SigningAlgorithm, WebUrl};
use serde::{Deserialize, Serialize};

/// Every flag of a site (SPEC.md k.3). Lengths are in seconds and their names say so.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The word that set all the others at the start.
    pub profile: Profile,
    /// The name people see on the pages.
    pub title: String,
    /// Whether the site's endpoints answer at all (SPEC.md a.0). Its log is read and its administrators act either way.
    #[serde(rename = "api.enabled", default = "yes")]
    pub api_enabled: bool,
    /// Whether apps may register themselves.
    #[serde(rename = "dcr.mode")]
    pub dcr_mode: RegistrationMode,
    /// Which clients wait for approval (SPEC.md b.2).
    pub app_approval: ApprovalMode,
    /// Life of an authorization code, at most 300.
    pub code_seconds: u64,
    /// Life of an access token and an ID token.
    pub access_seconds: u64,
    /// What signs access tokens; ID tokens are signed as each client registered.
    #[serde(rename = "access_token.alg")]
    pub access_token_alg: SigningAlgorithm,
    /// Life of a refresh token since the last rotation.
    pub refresh_seconds: u64,
    /// Life of a grant however often it is refreshed.
    pub refresh_absolute_seconds: u64,
    /// How long an authenticated client may ask for a lost rotation again; 0 is never.
    pub refresh_retry_seconds: u64,
    /// The same for public clients.
    pub refresh_retry_public_seconds: u64,
    /// Life of a browser session without any event.
    pub session_idle_seconds: u64,
    /// What to do with scopes the site does not know (SPEC.md k-10).
    #[serde(rename = "scope.unknown")]
    pub scope_unknown: UnknownScope,
    /// Confidential web clients need PKCE as well.
    #[serde(rename = "pkce.require_all")]
    pub pkce_require_all: bool,
    /// Plain http redirection URIs beyond loopback may be registered.
    #[serde(rename = "redirect.allow_http")]
    pub redirect_allow_http: bool,
    /// App schemes without a dot may be registered.
    #[serde(rename = "redirect.allow_custom_scheme")]
    pub redirect_allow_custom_scheme: bool,
    /// The response types without a code: `token`, `id_token`, `id_token token` (SPEC.md k-2).
    #[serde(rename = "authorize.implicit", default)]
    pub authorize_implicit: bool,
    /// The response types with a code and a token at once (OpenID Connect Core §3.3).
    #[serde(rename = "authorize.hybrid", default)]
    pub authorize_hybrid: bool,
    /// The parameters `request` and `request_uri` (RFC 9101).
    #[serde(rename = "authorize.request_objects", default)]
    pub authorize_request_objects: bool,
    /// `check_session_iframe` and `session_state` (OpenID Connect Session Management 1.0).
    #[serde(default)]
    pub session_management: bool,
    /// Who may sign in at the token endpoint with a name and a password (SPEC.md e.4).
    #[serde(default)]
    pub password_grant: PasswordGrant,
    /// `system/` scopes may be registered and used.
    #[serde(default = "yes")]
    pub system_scopes: bool,
    /// What a client of OpenID's vocabulary registers that names no scope, as OpenID Connect Registration has none (SPEC.md k-41).
    #[serde(rename = "dcr.default_scope", default = "openid")]
    pub dcr_default_scope: ScopeSet,
    /// How many clients one address may register in an hour.
    #[serde(rename = "dcr.rate", default = "any_rate")]
    pub dcr_rate: u64,
    /// How long a signing key signs before the next one takes over; 0 is until somebody rotates it.
    #[serde(rename = "keys.rotate_seconds", default)]
    pub keys_rotate_seconds: u64,
    /// How long a new signing key is shown before it signs, so that no verifier meets it unprepared.
    #[serde(rename = "keys.publish_seconds", default)]
    pub keys_publish_seconds: u64,
    /// Who is not signed in sees a page before an app that nobody has checked gets an error by redirect (RFC 9700 §4.11.2).
    #[serde(rename = "redirect.warn_unverified", default = "yes")]
    pub redirect_warn_unverified: bool,
    /// Redirects whose answer stands in the query end in a fragment of their own, `#_` (RFC 9700 §4.1.3).
    #[serde(rename = "redirect.close_fragment", default)]
    pub redirect_close_fragment: bool,
    /// `/password` is another name of the token endpoint (SPEC.md k-31).
    #[serde(rename = "compat.password_path", default)]
    pub compat_password_path: bool,
    /// Introspection with credentials in the body answers with `status` (SPEC.md h).
    #[serde(rename = "introspection.seed_dialect")]
    pub introspection_seed_dialect: bool,
    /// ID tokens carry the claims of their scopes even without an `api:` scope (SPEC.md k-37).
    #[serde(rename = "id_token.seed_claims")]
    pub id_token_seed_claims: bool,
    /// Authorize answers 301 instead of 302 (SPEC.md k-1).
    #[serde(rename = "compat.authorize_301")]
    pub compat_authorize_301: bool,
    /// Where developers of apps read about the site (OpenID Connect Discovery §3). This and the next two are for whoever registers an
    /// app, so the pages that other people see do not show them.
    #[serde(default)]
    pub service_documentation: Option<WebUrl>,
    /// What apps may do with people's data.
    #[serde(default)]
    pub op_policy_uri: Option<WebUrl>,
    /// The operator's terms of service for apps.
    #[serde(default)]
    pub op_tos_uri: Option<WebUrl>,
    /// Every scope a client may register.
    pub scopes: ScopeSet,
}

words!(
    /// A word that sets every flag (DESIGN.md §6).
    Profile, "profile", {
        /// OAuth 2.1 and RFC 9700.
        Standard = "standard",
        /// The thread's clients.
        Openemr = "openemr",
        /// The reference's clients.
        Iehr = "iehr",
    }
);

words!(
    /// Who may register clients.
    RegistrationMode, "dcr.mode", {
        /// Anyone (RFC 7591 §3).
        Open = "open",
        /// Whoever brings an initial access token (RFC 7591 §3).
        Token = "token",
        /// Nobody; the endpoint does not exist.
        Disabled = "disabled",
    }
);

words!(
    /// Whose password the token endpoint takes.
    #[derive(Default)]
    PasswordGrant, "password_grant", {
        /// Nobody's.
        #[default]
        Off = "off",
        /// Staff's.
        Users = "users",
        /// Patients'.
        Patient = "patient",
        /// Everybody's.
        Both = "both",
    }
);

words!(
    /// Which registrations wait for an administrator.
    ApprovalMode, "app_approval", {
        /// Only clients that ask for more than a patient's own data.
        AutoPatient = "auto_patient",
        /// All of them.
        Manual = "manual",
    }
);

words!(
    /// What becomes of an unknown scope in an authorization request.
    UnknownScope, "scope.unknown", {
        /// `invalid_scope`.
        Reject = "reject",
        /// It is dropped.
        Ignore = "ignore",
    }
);

words!(
    /// An edition of what the profiles' words mean, and of what a setting may be. A command says by which it was asked, so that it is
    /// decided alike for ever, whatever later editions say.
    Edition, "edition", {
        /// Scopes were words: the catalogue named both spellings of SMART's, and any word could be put into it.
        First = "1",
        /// Scopes have a meaning.
        Second = "2",
        /// Response types beside `code`, a rate of registrations, keys that rotate by themselves.
        Third = "3",
    }
);

impl Edition {
    /// The one by which commands are asked now.
    pub const CURRENT: Self = Self::Third;
    /// The one by which a command was asked that does not say.
    pub fn unsaid() -> Self {
        Self::First
    }
    /// Whether a command need not say so.
    pub fn is_unsaid(&self) -> bool {
        *self == Self::unsaid()
    }
    /// Every scope that a site knows at the start (SPEC.md e.1), separated by white space. From then on it is the site's own.
    fn catalogue(self) -> &'static [&'static str] {
        const SECOND: &str = include_str!("catalogue/second.txt");
        match self {
            Self::First => &[include_str!("catalogue/first.txt")],
            Self::Second => &[SECOND],
            Self::Third => &[SECOND, include_str!("catalogue/third.txt")],
        }
    }
}

impl Settings {
    /// What a profile means by an edition.
    pub fn of(profile: Profile, title: &str, edition: Edition) -> Self {
        let seed = profile != Profile::Standard;
        let third = edition == Edition::Third;
        Self {
            profile,
            title: title.to_owned(),
            api_enabled: true,
            dcr_mode: RegistrationMode::Open,
            app_approval: ApprovalMode::AutoPatient,
            code_seconds: if seed { 300 } else { 60 },
            access_seconds: 3600,
            access_token_alg: SigningAlgorithm::Rs256,
            refresh_seconds: 90 * 86_400,
            refresh_absolute_seconds: 365 * 86_400,
            refresh_retry_seconds: 10,
            refresh_retry_public_seconds: 0,
            session_idle_seconds: 14_400,
            scope_unknown: UnknownScope::Reject,
            pkce_require_all: false,
            redirect_allow_http: false,
            redirect_allow_custom_scheme: false,
            authorize_implicit: third && profile == Profile::Iehr,
            authorize_hybrid: false,
            authorize_request_objects: false,
            session_management: false,
            password_grant: PasswordGrant::Off,
            system_scopes: true,
            dcr_default_scope: openid(),
            dcr_rate: if third { 10 } else { any_rate() },
            keys_rotate_seconds: if third && !seed { 90 * 86_400 } else { 0 },
            keys_publish_seconds: if third { 360 } else { 0 },
            redirect_warn_unverified: true,
            redirect_close_fragment: false,
            compat_password_path: false,
            introspection_seed_dialect: seed,
            id_token_seed_claims: seed,
            compat_authorize_301: false,
            service_documentation: None,
            op_policy_uri: None,
            op_tos_uri: None,
            scopes: catalogue(edition),
        }
    }
}

impl Settings {
    /// Whether the site answers requests of this type (SPEC.md k-2).
    pub fn allows(&self, response_type: ResponseType) -> bool {
        match (response_type.has_code(), response_type.is_at_front()) {
            (true, false) => true,
            (true, true) => self.authorize_hybrid,
            (false, _) => self.authorize_implicit,
        }
    }
}

/// What a site does that was made before it could say.
fn yes() -> bool {
    true
}

/// What a client registers that names nothing.
fn openid() -> ScopeSet {
    [Scope::from(Meaning::Named(NamedScope::Openid))].into_iter().collect()
}

/// As many registrations as the server takes at all.
fn any_rate() -> u64 {
    3600
}

/// Every scope that a site knows at the start.
fn catalogue(edition: Edition) -> ScopeSet {
    let lines = edition.catalogue().iter().flat_map(|text| text.lines()).filter(|line| !line.starts_with('#'));
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    words.join(" ").try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::Level;

    #[test]
    fn a_catalogue_has_only_scopes_and_today_no_two_that_mean_the_same() {
        let [first, second, third] = [Edition::First, Edition::Second, Edition::Third].map(catalogue);
        assert_eq!([first.misspelt(), second.misspelt(), third.misspelt()], [None, None, None]);
        assert_eq!(second.iter().cloned().collect::<ScopeSet>(), second);
        assert_eq!(third.iter().cloned().collect::<ScopeSet>(), third);
        let is_system = |scope: &Scope| scope.level() == Some(Level::System);
        assert!(second.is_within(&third) && third.beyond(&second).iter().all(is_system) && !second.iter().any(is_system));
        assert!(first.len() == 103 && first.is_within(&second) && second.len() > 130, "{} and {}", first.len(), second.len());
    }
}
