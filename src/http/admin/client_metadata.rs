//! The metadata of a client that an administrator registers (RFC 7591 §2, SPEC.md b.1). Unlike a registration over the network,
//! an unknown member is refused: whoever types it should know that it does nothing.

use super::problem::Problem;
use crate::event::ClientMetadata;
use crate::ledger::Site;
use crate::terms::{ApplicationType, GrantType, RedirectUri, RedirectUriRules, ScopeSet, SigningAlgorithm, TokenEndpointAuthMethod};
use serde_json::{Map, Value};
use std::str::FromStr;

const KNOWN: [&str; 17] = [
    "application_type",
    "client_name",
    "client_uri",
    "contacts",
    "default_max_age",
    "grant_types",
    "id_token_signed_response_alg",
    "initiate_login_uri",
    "logo_uri",
    "policy_uri",
    "post_logout_redirect_uris",
    "redirect_uris",
    "require_auth_time",
    "scope",
    "software_id",
    "token_endpoint_auth_method",
    "tos_uri",
];
/// Longest name (SPEC.md b.1).
const NAME_CHARS_MAX: usize = 80;

/// The metadata with every default filled in, and the contacts, which are sealed.
pub(super) fn metadata(body: &Map<String, Value>, site: &Site) -> Result<(ClientMetadata, Vec<String>), Problem> {
    super::call::only(body, &KNOWN)?;
    let application_type = word(body, "application_type")?.unwrap_or(ApplicationType::Web);
    let token_endpoint_auth_method = word(body, "token_endpoint_auth_method")?.unwrap_or(match application_type {
        ApplicationType::Private => TokenEndpointAuthMethod::ClientSecretPost,
        ApplicationType::Web => TokenEndpointAuthMethod::ClientSecretBasic,
        ApplicationType::Native | ApplicationType::Public => TokenEndpointAuthMethod::None,
    });
    let rules = site.read(|state| {
        let settings = state.site.as_ref().map(|of| &of.settings);
        RedirectUriRules {
            private_use_schemes: token_endpoint_auth_method == TokenEndpointAuthMethod::None || application_type == ApplicationType::Native,
            undotted_schemes: settings.is_some_and(|settings| settings.redirect_allow_custom_scheme),
            plain_http: settings.is_some_and(|settings| settings.redirect_allow_http),
        }
    });
    let redirect_uris = uris(body, "redirect_uris", rules)?;
    if redirect_uris.is_empty() {
        return Err(Problem::malformed("a client needs at least one redirect_uri".to_owned()));
    }
    let scope = text(body, "scope")?.unwrap_or_else(|| "openid".to_owned());
    let client_name = text(body, "client_name")?;
    if client_name.as_ref().is_some_and(|name| name.chars().count() > NAME_CHARS_MAX) {
        return Err(Problem::malformed(format!("client_name has more than {NAME_CHARS_MAX} characters")));
    }
    let metadata = ClientMetadata {
        application_type,
        redirect_uris,
        post_logout_redirect_uris: uris(body, "post_logout_redirect_uris", rules)?,
        client_name,
        token_endpoint_auth_method,
        grant_types: grant_types(body)?,
        response_types: vec!["code".to_owned()],
        scope: ScopeSet::parse(&scope).map_err(|error| Problem::malformed(error.to_string()))?,
        id_token_signed_response_alg: word(body, "id_token_signed_response_alg")?.unwrap_or(SigningAlgorithm::Rs256),
        client_uri: web_uri(body, "client_uri")?,
        logo_uri: web_uri(body, "logo_uri")?,
        policy_uri: web_uri(body, "policy_uri")?,
        tos_uri: web_uri(body, "tos_uri")?,
        initiate_login_uri: web_uri(body, "initiate_login_uri")?,
        software_id: text(body, "software_id")?,
        software_version: None,
        default_max_age: body.get("default_max_age").and_then(Value::as_u64),
        require_auth_time: body.get("require_auth_time").and_then(Value::as_bool).unwrap_or(false),
        localized: Map::new(),
    };
    Ok((metadata, texts(body, "contacts")?))
}

fn text(body: &Map<String, Value>, name: &str) -> Result<Option<String>, Problem> {
    match body.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Problem::malformed(format!("the member '{name}' must be a text"))),
    }
}

fn texts(body: &Map<String, Value>, name: &str) -> Result<Vec<String>, Problem> {
    let malformed = || Problem::malformed(format!("the member '{name}' must be a list of texts"));
    match body.get(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(malformed)).collect(),
        Some(_) => Err(malformed()),
    }
}

fn word<T: FromStr>(body: &Map<String, Value>, name: &str) -> Result<Option<T>, Problem> {
    let Some(text) = text(body, name)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| Problem::malformed(format!("the member '{name}' cannot be '{text}'")))
}

fn uris(body: &Map<String, Value>, name: &str, rules: RedirectUriRules) -> Result<Vec<RedirectUri>, Problem> {
    let register = |text: &String| RedirectUri::register(text, rules).map_err(|error| Problem::malformed(format!("{name}: {text} {error}")));
    texts(body, name)?.iter().map(register).collect()
}

/// A page that people are shown: https, or http on this machine.
fn web_uri(body: &Map<String, Value>, name: &str) -> Result<Option<String>, Problem> {
    let rules = RedirectUriRules { private_use_schemes: false, undotted_schemes: false, plain_http: false };
    let Some(text) = text(body, name)? else { return Ok(None) };
    match RedirectUri::register(&text, rules) {
        Ok(_) => Ok(Some(text)),
        Err(error) => Err(Problem::malformed(format!("{name}: {text} {error}"))),
    }
}

/// A client that uses codes may refresh as well (SPEC.md b.1).
fn grant_types(body: &Map<String, Value>) -> Result<Vec<GrantType>, Problem> {
    let malformed = |text: &str| Problem::malformed(format!("there is no grant_type '{text}' here"));
    let asked = texts(body, "grant_types")?;
    if asked.is_empty() {
        return Ok(vec![GrantType::AuthorizationCode, GrantType::RefreshToken]);
    }
    asked.iter().map(|text| text.parse().map_err(|_| malformed(text))).collect()
}
