//! Reading client metadata: types and limits, defaults, both vocabularies (RFC 7591 §2, SPEC.md b.1). Unknown members are
//! ignored (RFC 7591 §2).

use super::flows::{Flows, flows};
use super::keys::{Keys, keys};
use super::logout::logout_uris;
use crate::command::Refused;
use crate::event::{ClientMetadata, Refusal, Settings};
use crate::terms::{ApplicationType, RedirectUri, RedirectUriRules, ScopeSet, SigningAlgorithm, TokenEndpointAuthMethod};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::str::FromStr;

/// What a client says of itself.
#[derive(Clone, Debug)]
pub struct RequestedClient {
    /// The public part.
    pub metadata: ClientMetadata,
    /// Whom to write to.
    pub contacts: Vec<String>,
}

/// The most URIs or contacts in one list.
const LIST_MAX: usize = 20;
/// The longest text.
const TEXT_MAX: usize = 2000;
/// The longest `client_name` (SPEC.md b.1).
const NAME_MAX: usize = 80;
/// The largest metadata in all: a change is recorded before and after, in one event.
const METADATA_BYTES: usize = 16 * 1024;
/// The scopes of a client of the thread's vocabulary that names none (SPEC.md k-41).
const SEED_SCOPE: &str = "openid email phone address api:oemr api:fhir api:port api:pofh";

/// Reads the members of a registration or update request.
pub fn parse_metadata(members: &Map<String, Value>, settings: &Settings) -> Result<RequestedClient, Refused> {
    let read = Reader(members);
    refuse_unbuilt(&read)?;
    let application_type = read.word("application_type")?.unwrap_or(ApplicationType::Web);
    let token_endpoint_auth_method = read.word("token_endpoint_auth_method")?.unwrap_or_else(|| default_method(application_type));
    let public = token_endpoint_auth_method == TokenEndpointAuthMethod::None;
    if application_type == ApplicationType::Private && public || application_type == ApplicationType::Public && !public {
        return Err(unacceptable("token_endpoint_auth_method contradicts application_type"));
    }
    let rules = RedirectUriRules {
        private_use_schemes: public || application_type == ApplicationType::Native,
        undotted_schemes: settings.redirect_allow_custom_scheme,
        plain_http: settings.redirect_allow_http,
    };
    let Flows { response_types, grant_types } = flows(&read, settings)?;
    let Keys { signing_alg, jwks, jwks_uri } = keys(&read, token_endpoint_auth_method)?;
    let redirect_uris = redirect_uris(&read, rules, !response_types.is_empty())?;
    let logout = logout_uris(&read, &redirect_uris, rules)?;
    let metadata = ClientMetadata {
        application_type,
        redirect_uris,
        post_logout_redirect_uris: post_logout_uris(&read, rules)?,
        backchannel_logout_uri: logout.backchannel,
        backchannel_logout_session_required: logout.backchannel_session_required,
        frontchannel_logout_uri: logout.frontchannel,
        frontchannel_logout_session_required: logout.frontchannel_session_required,
        client_name: read.text("client_name", NAME_MAX)?,
        token_endpoint_auth_method,
        token_endpoint_auth_signing_alg: signing_alg,
        jwks,
        jwks_uri,
        grant_types,
        response_types,
        scope: scope(&read, application_type, settings)?,
        id_token_signed_response_alg: read.word("id_token_signed_response_alg")?.unwrap_or(SigningAlgorithm::Rs256),
        request_object_signing_alg: None,
        request_uris: Vec::new(),
        default_acr_values: Vec::new(),
        client_uri: read.link("client_uri")?,
        logo_uri: read.link("logo_uri")?,
        policy_uri: read.link("policy_uri")?,
        tos_uri: read.link("tos_uri")?,
        initiate_login_uri: read.link("initiate_login_uri")?,
        software_id: read.text("software_id", 255)?,
        software_version: read.text("software_version", 255)?,
        default_max_age: read.seconds("default_max_age")?,
        require_auth_time: read.truth("require_auth_time")?,
        localized: localized(members)?,
    };
    if serde_json::to_vec(&metadata).map_or(usize::MAX, |bytes| bytes.len()) > METADATA_BYTES {
        return Err(unacceptable("the metadata is too large"));
    }
    Ok(RequestedClient { metadata, contacts: read.list("contacts")?.unwrap_or_default() })
}

pub(super) fn unacceptable(text: impl Into<String>) -> Refused {
    Refused::about(Refusal::MetadataUnacceptable, text)
}

/// Members that would be silently wrong if they were ignored.
fn refuse_unbuilt(read: &Reader<'_>) -> Result<(), Refused> {
    if read.0.contains_key("software_statement") {
        return Err(Refusal::SoftwareStatementUnsupported.into());
    }
    for name in ["request_uris", "sector_identifier_uri"] {
        if read.0.get(name).is_some_and(|value| !value.is_null()) {
            return Err(unacceptable(format!("{name} is not supported")));
        }
    }
    match read.text("subject_type", 32)?.as_deref() {
        None | Some("public") => {}
        Some(other) => return Err(unacceptable(format!("Unsupported subject_type value : {other}"))),
    }
    match read.text("userinfo_signed_response_alg", 32)?.as_deref() {
        None | Some("none") => Ok(()),
        Some(other) => Err(unacceptable(format!("Unsupported userinfo_signed_response_alg value : {other}"))),
    }
}

/// SPEC.md b.1: the thread's sample posts its secret, OpenID's default is Basic.
fn default_method(application_type: ApplicationType) -> TokenEndpointAuthMethod {
    match application_type {
        ApplicationType::Private => TokenEndpointAuthMethod::ClientSecretPost,
        ApplicationType::Web | ApplicationType::Native => TokenEndpointAuthMethod::ClientSecretBasic,
        ApplicationType::Public => TokenEndpointAuthMethod::None,
    }
}

/// A client that sends nobody to the authorization endpoint needs none (SPEC.md a.1).
fn redirect_uris(read: &Reader<'_>, rules: RedirectUriRules, needed: bool) -> Result<Vec<RedirectUri>, Refused> {
    let refused = |why: String| Refused::about(Refusal::RedirectUriUnacceptable, why);
    let texts = read.list("redirect_uris").map_err(|_| refused("redirect_uris is not a list of strings".into()))?.unwrap_or_default();
    if needed && texts.is_empty() || has_repeats(&texts) {
        return Err(refused("redirect_uris is empty or has repeats".into()));
    }
    texts.iter().map(|text| RedirectUri::register(text, rules).map_err(|error| refused(format!("a redirect_uri {error}")))).collect()
}

fn post_logout_uris(read: &Reader<'_>, rules: RedirectUriRules) -> Result<Vec<RedirectUri>, Refused> {
    let texts = read.list("post_logout_redirect_uris")?.unwrap_or_default();
    if has_repeats(&texts) {
        return Err(unacceptable("post_logout_redirect_uris has repeats"));
    }
    let checked = texts.iter().map(|text| RedirectUri::register(text, rules));
    checked.collect::<Result<_, _>>().map_err(|error| unacceptable(format!("a post_logout_redirect_uri {error}")))
}

fn has_repeats(texts: &[String]) -> bool {
    let mut seen = HashSet::new();
    !texts.iter().all(|text| seen.insert(text))
}

/// Least privilege for OpenID's vocabulary, the thread's defaults for the thread's (SPEC.md k-41). What the site offers only in part
/// is registered in part, and the response says so (RFC 7591 §3.2.1); what it does not offer at all is refused by name.
fn scope(read: &Reader<'_>, application_type: ApplicationType, settings: &Settings) -> Result<ScopeSet, Refused> {
    let default = match application_type {
        ApplicationType::Private | ApplicationType::Public => SEED_SCOPE,
        ApplicationType::Web | ApplicationType::Native => "openid",
    };
    let text = read.text("scope", 4096)?;
    let asked = ScopeSet::parse(text.as_deref().unwrap_or(default)).map_err(|error| unacceptable(error.to_string()))?;
    let unknown = asked.foreign_to(&settings.scopes);
    if !unknown.is_empty() {
        return Err(unacceptable(format!("scope {unknown} is not offered here")));
    }
    let scope = asked.narrowed_to(&settings.scopes).map_err(|error| unacceptable(error.to_string()))?;
    if scope.is_empty() { Err(unacceptable("scope is empty")) } else { Ok(scope) }
}

/// `client_name#fr` and its kin (OpenID Connect Registration §2.1).
fn localized(members: &Map<String, Value>) -> Result<Map<String, Value>, Refused> {
    const NAMES: [&str; 5] = ["client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri"];
    let tagged = |name: &str| name.split_once('#').is_some_and(|(base, tag)| NAMES.contains(&base) && (1..=35).contains(&tag.len()));
    let mut localized = Map::new();
    for (name, value) in members.iter().filter(|(name, _)| tagged(name)).take(LIST_MAX) {
        match value.as_str().filter(|text| text.len() <= TEXT_MAX) {
            Some(text) => localized.insert(name.clone(), text.into()),
            None => return Err(unacceptable("a localized member is not a string")),
        };
    }
    Ok(localized)
}

/// Typed access to the members; `null` and empty texts count as absent.
pub(super) struct Reader<'a>(pub(super) &'a Map<String, Value>);

impl Reader<'_> {
    pub(super) fn text(&self, name: &str, length_max: usize) -> Result<Option<String>, Refused> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.chars().count() > length_max => Err(unacceptable(format!("{name} is too long"))),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(unacceptable(format!("{name} is not a string"))),
        }
    }
    pub(super) fn word<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refused> {
        let text = self.text(name, 64)?;
        text.map(|text| text.parse().map_err(|_| unacceptable(format!("Unsupported {name} value : {text}")))).transpose()
    }
    /// An https link that a page may show.
    fn link(&self, name: &str) -> Result<Option<String>, Refused> {
        let text = self.text(name, TEXT_MAX)?;
        let shown = |text: &String| url::Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.has_host());
        match text {
            Some(text) if !shown(&text) => Err(unacceptable(format!("{name} is not an https URL"))),
            other => Ok(other),
        }
    }
    fn seconds(&self, name: &str) -> Result<Option<u64>, Refused> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| unacceptable(format!("{name} is not a number of seconds"))),
        }
    }
    pub(super) fn truth(&self, name: &str) -> Result<bool, Refused> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| unacceptable(format!("{name} is not a boolean"))),
        }
    }
    pub(super) fn list(&self, name: &str) -> Result<Option<Vec<String>>, Refused> {
        let Some(value) = self.0.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
        let texts = value.as_array().filter(|items| items.len() <= LIST_MAX).map(|items| items.iter().map(Value::as_str));
        let texts: Option<Vec<&str>> = texts.and_then(Iterator::collect);
        match texts.filter(|texts| texts.iter().all(|text| (1..=TEXT_MAX).contains(&text.len()))) {
            Some(texts) => Ok(Some(texts.into_iter().map(str::to_owned).collect())),
            None => Err(unacceptable(format!("{name} is not a list of at most {LIST_MAX} strings"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Edition, Profile};
    use crate::terms::GrantType;
    use serde_json::json;

    fn parse(body: Value) -> Result<RequestedClient, Refused> {
        let Value::Object(members) = body else { unreachable!() };
        parse_metadata(&members, &Settings::of(Profile::Standard, "Test", Edition::CURRENT))
    }

    #[test]
    fn the_sample_of_the_thread_is_a_confidential_client_that_posts_its_secret() {
        let client = parse(json!({
            "application_type": "private",
            "redirect_uris": ["https://client.example.org/callback"],
            "post_logout_redirect_uris": ["https://client.example.org/logout/callback"],
            "client_name": "A Private App",
            "token_endpoint_auth_method": "client_secret_post",
            "contacts": ["me@example.org", "them@example.org"],
        }))
        .unwrap();
        assert_eq!(client.metadata.token_endpoint_auth_method, TokenEndpointAuthMethod::ClientSecretPost);
        assert_eq!(client.metadata.scope, ScopeSet::parse(SEED_SCOPE).unwrap());
        assert_eq!(client.metadata.grant_types, [GrantType::AuthorizationCode, GrantType::RefreshToken]);
        assert_eq!(client.contacts, ["me@example.org", "them@example.org"]);
    }

    #[test]
    fn a_client_of_openids_vocabulary_gets_openids_defaults() {
        let client = parse(json!({ "redirect_uris": ["https://a.example/cb"] })).unwrap().metadata;
        assert_eq!(client.application_type, ApplicationType::Web);
        assert_eq!(client.token_endpoint_auth_method, TokenEndpointAuthMethod::ClientSecretBasic);
        assert_eq!(client.scope.to_string(), "openid");
    }

    #[test]
    fn wrong_kinds_and_values_are_refused_by_name() {
        let uris = json!(["https://a.example/cb"]);
        let cases = [
            (json!({}), Refusal::RedirectUriUnacceptable),
            (json!({ "redirect_uris": [] }), Refusal::RedirectUriUnacceptable),
            (json!({ "redirect_uris": "https://a.example/cb" }), Refusal::RedirectUriUnacceptable),
            (json!({ "redirect_uris": ["https://a.example/cb", "https://a.example/cb"] }), Refusal::RedirectUriUnacceptable),
            (json!({ "redirect_uris": vec!["https://a.example/"; 21] }), Refusal::RedirectUriUnacceptable),
            (json!({ "redirect_uris": uris, "client_name": 5 }), Refusal::MetadataUnacceptable),
            (json!({ "redirect_uris": uris, "client_name": "x".repeat(81) }), Refusal::MetadataUnacceptable),
            (json!({ "redirect_uris": uris, "token_endpoint_auth_method": "tls" }), Refusal::MetadataUnacceptable),
            (json!({ "redirect_uris": uris, "subject_type": "pairwise" }), Refusal::MetadataUnacceptable),
            (json!({ "redirect_uris": uris, "grant_types": ["telepathy"] }), Refusal::MetadataUnacceptable),
            (json!({ "redirect_uris": uris, "grant_types": ["refresh_token"] }), Refusal::MetadataUnacceptable),
            (json!({ "redirect_uris": uris, "grant_types": [] }), Refusal::MetadataUnacceptable),
            (json!({ "redirect_uris": uris, "response_types": ["token"] }), Refusal::MetadataUnacceptable),
            (json!({ "redirect_uris": uris, "logo_uri": "javascript:alert(1)" }), Refusal::MetadataUnacceptable),
            (json!({ "redirect_uris": uris, "software_statement": "x" }), Refusal::SoftwareStatementUnsupported),
            (json!({ "redirect_uris": uris, "post_logout_redirect_uris": ["/x"] }), Refusal::MetadataUnacceptable),
        ];
        for (body, refusal) in cases {
            assert_eq!(parse(body.clone()).unwrap_err().refusal, refusal, "{body}");
        }
        assert!(parse(json!({ "redirect_uris": uris, "client_name": "x".repeat(80), "token_endpoint_auth_signing_alg": "RS256" })).is_ok());
    }
}
