//! The metadata document (OpenID Connect Discovery §3, RFC 8414 §2): exactly what is built and allowed, no more.

use super::claims::claims_behind;
use crate::event::{PasswordGrant, RegistrationMode, Settings};
use crate::projection::{Site, State};
use crate::terms::{
    Acr, ClientAlgorithm, GrantType, Level, RequestObjectAlgorithm, ResponseMode, ResponseType, Scope, SigningAlgorithm, SubjectType,
    TokenEndpointAuthMethod,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The document of a site.
pub fn discovery(state: &State, site: &Site) -> Map<String, Value> {
    let issuer = &site.issuer;
    let methods: Vec<&str> = TokenEndpointAuthMethod::ALL.iter().map(|method| method.as_str()).collect();
    let settings = &site.settings;
    let grant_types = grant_types(settings);
    let response_types: Vec<ResponseType> = ResponseType::ALL.iter().copied().filter(|words| settings.allows(*words)).collect();
    let algorithms: Vec<&str> = SigningAlgorithm::ALL.iter().filter(|alg| state.keys.has(**alg)).map(|alg| alg.as_str()).collect();
    let subject_types: Vec<&str> = SubjectType::ALL.iter().map(|subject_type| subject_type.as_str()).collect();
    let of_clients: Vec<&str> = ClientAlgorithm::ALL.iter().map(|alg| alg.as_str()).collect();
    let scopes: BTreeSet<String> =
        site.settings.scopes.iter().filter(|scope| is_offered(scope, settings)).flat_map(Scope::spellings).collect();
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/jwk"),
        "registration_endpoint": format!("{issuer}/registration"),
        "introspection_endpoint": format!("{issuer}/introspect"),
        "revocation_endpoint": format!("{issuer}/revoke"),
        "end_session_endpoint": format!("{issuer}/logout"),
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
        "scopes_supported": scopes,
        "response_types_supported": response_types,
        "response_modes_supported": ResponseMode::ALL,
        "grant_types_supported": grant_types,
        "subject_types_supported": subject_types,
        "id_token_signing_alg_values_supported": algorithms,
        "userinfo_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": of_clients,
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": of_clients,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": of_clients,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": claims(site),
        "claims_parameter_supported": true,
        "claim_types_supported": ["normal"],
        "acr_values_supported": Acr::ALL,
        "display_values_supported": ["page"],
        "ui_locales_supported": ["en"],
        "request_parameter_supported": settings.authorize_request_objects,
        "request_uri_parameter_supported": settings.authorize_request_objects,
        // No other address is ever read, so this is no choice of the client's.
        "require_request_uri_registration": settings.authorize_request_objects,
        "authorization_response_iss_parameter_supported": true,
    });
    let Value::Object(mut document) = document else { return Map::new() };
    if settings.authorize_request_objects {
        document.insert("request_object_signing_alg_values_supported".to_owned(), json!(RequestObjectAlgorithm::ALL));
    }
    if site.settings.session_management {
        document.insert("check_session_iframe".to_owned(), format!("{issuer}/check-session").into());
    }
    let pages = [
        ("service_documentation", &settings.service_documentation),
        ("op_policy_uri", &settings.op_policy_uri),
        ("op_tos_uri", &settings.op_tos_uri),
    ];
    document.extend(pages.into_iter().filter_map(|(name, page)| Some((name.to_owned(), page.as_ref()?.as_str().into()))));
    if site.settings.dcr_mode == RegistrationMode::Disabled {
        document.remove("registration_endpoint");
    }
    document
}

/// Whether anybody may register it: `system/` only where the site has it.
fn is_offered(scope: &Scope, settings: &Settings) -> bool {
    settings.system_scopes || scope.level() != Some(Level::System)
}

fn grant_types(settings: &Settings) -> Vec<GrantType> {
    let offered = |grant_type: &GrantType| match grant_type {
        GrantType::AuthorizationCode | GrantType::RefreshToken | GrantType::ClientCredentials => true,
        GrantType::Password => settings.password_grant != PasswordGrant::Off,
        GrantType::Implicit => settings.authorize_implicit || settings.authorize_hybrid,
    };
    GrantType::ALL.iter().copied().filter(offered).collect()
}

/// What tokens and userinfo can say: the server's own claims and those behind a scope of the site.
fn claims(site: &Site) -> Vec<&'static str> {
    let own = ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "sid", "acr", "amr"];
    let shown: BTreeSet<&str> = site.settings.scopes.iter().flat_map(claims_behind).copied().collect();
    own.into_iter().chain(shown).collect()
}
