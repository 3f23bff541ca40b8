//! Reading client metadata: types and limits, defaults, both vocabularies (RFC 7591 §2, SPEC.md b.1). Unknown members are
//! ignored (RFC 7591 §2).

use super::flows::{Flows, flows};
use super::keys::{Keys, keys};
use super::logout::logout_uris;
use super::reader::{LIST_MAX, Reader, TEXT_MAX, is_link};
use super::{dsi, launch, origins, request_objects, sector};
use crate::command::Refused;
use crate::event::{ClientMetadata, Refusal, Settings};
use crate::terms::{ApplicationType, RedirectUri, RedirectUriRules, ScopeSet, SigningAlgorithm, TokenEndpointAuthMethod};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// What a client says of itself.
#[derive(Clone, Debug)]
pub struct RequestedClient {
    /// The public part.
    pub metadata: ClientMetadata,
    /// Whom to write to.
    pub contacts: Vec<String>,
}

/// The longest `client_name` (SPEC.md b.1).
const NAME_MAX: usize = 80;
/// The largest metadata in all: a change is recorded before and after, in one event.
const METADATA_BYTES: usize = 16 * 1024;
/// The scopes of a client of the thread's vocabulary that names none (SPEC.md k-41).
const SEED_SCOPE: &str = "openid email phone address api:oemr api:fhir api:port api:pofh";

/// Reads the members of a registration or update request.
pub fn parse_metadata(members: &Map<String, Value>, settings: &Settings) -> Result<RequestedClient, Refused> {
    let read = Reader(members);
    if members.get("software_statement").is_some_and(|statement| !statement.is_null()) {
        return Err(Refusal::SoftwareStatementUnsupported.into());
    }
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
    let (subject_type, sector_identifier_uri) = sector::sector(&read, &redirect_uris)?;
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
        userinfo_signed_response_alg: userinfo_alg(&read)?,
        request_object_signing_alg: request_objects::signing_alg(&read, settings)?,
        request_uris: request_objects::uris(&read, settings)?,
        subject_type,
        sector_identifier_uri,
        client_uri: read.link("client_uri")?,
        logo_uri: read.link("logo_uri")?,
        policy_uri: read.link("policy_uri")?,
        tos_uri: read.link("tos_uri")?,
        initiate_login_uri: launch::initiate_login_uri(&read)?,
        software_id: read.text("software_id", 255)?,
        software_version: read.text("software_version", 255)?,
        default_max_age: read.seconds("default_max_age")?,
        require_auth_time: read.truth("require_auth_time")?,
        default_acr_values: read.list("default_acr_values")?.unwrap_or_default(),
        allowed_origins: origins::allowed_origins(&read)?,
        dsi: dsi::dsi(members)?,
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

/// `none` is what happens without the member (OpenID Connect Registration §2).
fn userinfo_alg(read: &Reader<'_>) -> Result<Option<SigningAlgorithm>, Refused> {
    match read.text("userinfo_signed_response_alg", 64)?.as_deref() {
        None | Some("none") => Ok(None),
        Some(_) => read.word("userinfo_signed_response_alg"),
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
    let of_its_own = |why: Refused| Refused { refusal: Refusal::RedirectUriUnacceptable, ..why };
    let texts = read.list("redirect_uris").map_err(of_its_own)?.unwrap_or_default();
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

/// Without a word of scopes, what the site says for OpenID's vocabulary, which has no such word, and the thread's defaults for the
/// thread's (SPEC.md k-41). What the site offers only in part
/// is registered in part, and the response says so (RFC 7591 §3.2.1); what it does not offer at all is refused by name.
fn scope(read: &Reader<'_>, application_type: ApplicationType, settings: &Settings) -> Result<ScopeSet, Refused> {
    let parsed = |text: &str| ScopeSet::parse(text).map_err(|error| unacceptable(error.to_string()));
    let asked = match (read.text("scope", 4096)?, application_type) {
        (Some(text), _) => parsed(&text)?,
        (None, ApplicationType::Private | ApplicationType::Public) => parsed(SEED_SCOPE)?,
        (None, ApplicationType::Web | ApplicationType::Native) => settings.dcr_default_scope.intersection(&settings.scopes),
    };
    let unknown = asked.foreign_to(&settings.scopes);
    if !unknown.is_empty() {
        return Err(unacceptable(format!("scope {unknown} is not offered here")));
    }
    let scope = asked.narrowed_to(&settings.scopes).map_err(|error| unacceptable(error.to_string()))?;
    if scope.is_empty() { Err(unacceptable("scope is empty")) } else { Ok(scope) }
}

/// `client_name#fr` and its kin (OpenID Connect Registration §2.1): as good as those without a language.
fn localized(members: &Map<String, Value>) -> Result<Map<String, Value>, Refused> {
    const NAMES: [&str; 5] = ["client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri"];
    let mut localized = Map::new();
    for (name, value) in members {
        let Some((base, tag)) = name.split_once('#').filter(|(base, _)| NAMES.contains(base)) else { continue };
        let tag_is_good = (1..=35).contains(&tag.len()) && tag.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        let is_good = |text: &&str| match base {
            "client_name" => text.chars().count() <= NAME_MAX,
            _ => text.len() <= TEXT_MAX && is_link(text),
        };
        match value.as_str().filter(|text| tag_is_good && is_good(text)) {
            Some(text) => localized.insert(name.clone(), text.into()),
            None => return Err(unacceptable(format!("{base} of a language is not as it should be"))),
        };
    }
    match localized.len() <= LIST_MAX {
        true => Ok(localized),
        false => Err(unacceptable("there are too many members of languages")),
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
    fn a_client_that_names_no_scope_registers_what_the_site_says_of_what_it_offers() {
        let mut settings = Settings::of(Profile::Standard, "Test", Edition::CURRENT);
        settings.dcr_default_scope = ScopeSet::parse("openid profile email").unwrap();
        settings.scopes = ScopeSet::parse("openid email phone").unwrap();
        let scope = |body: Value| parse_metadata(body.as_object().unwrap(), &settings).unwrap().metadata.scope;
        let uris = json!(["https://a.example/cb"]);
        assert_eq!(scope(json!({ "redirect_uris": uris })), ScopeSet::parse("openid email").unwrap());
        assert_eq!(scope(json!({ "redirect_uris": uris, "scope": "phone" })).to_string(), "phone");
        let seed = scope(json!({ "redirect_uris": uris, "application_type": "private", "scope": "openid" }));
        assert_eq!(seed.to_string(), "openid", "the thread's vocabulary says what it wants");
    }

    #[test]
    fn a_list_that_is_too_long_is_told_how_long_it_may_be() {
        let long = |length: usize| format!("https://a.example/{}", "x".repeat(length - 18));
        let uris = |count: usize| (0..count).map(|n| format!("https://a.example/{n}")).collect::<Vec<String>>();
        assert!(parse(json!({ "redirect_uris": uris(20) })).is_ok());
        assert!(parse(json!({ "redirect_uris": [long(2000)] })).is_ok());
        for wrong in [json!(uris(21)), json!([long(2001)]), json!([""]), json!([5]), json!("https://a.example/")] {
            let refused = parse(json!({ "redirect_uris": wrong })).unwrap_err();
            assert_eq!(refused.refusal, Refusal::RedirectUriUnacceptable);
            let told = refused.detail.unwrap_or_default();
            assert_eq!(told, "redirect_uris is not a list of at most 20 strings, each of 1 to 2000 bytes", "{wrong}");
        }
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
            (json!({ "redirect_uris": uris, "subject_type": "secret" }), Refusal::MetadataUnacceptable),
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
        assert!(parse(json!({ "redirect_uris": uris, "software_statement": null })).is_ok(), "null counts as absent");
        assert!(parse(json!({ "redirect_uris": uris, "client_name": "x".repeat(80), "token_endpoint_auth_signing_alg": "RS256" })).is_ok());
    }
}
