//! The metadata document (OpenID Connect Discovery §3, RFC 8414 §2): exactly what is built and allowed, no more.

use super::claims::claims_behind;
use crate::event::{PasswordGrant, RegistrationMode, Settings};
use crate::projection::{Site, State};
use crate::terms::{ClientAlgorithm, GrantType, Scope, SigningAlgorithm, TokenEndpointAuthMethod};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The document of a site.
pub fn discovery(state: &State, site: &Site) -> Map<String, Value> {
    let issuer = &site.issuer;
    let methods: Vec<&str> = TokenEndpointAuthMethod::ALL.iter().map(|method| method.as_str()).collect();
    let grant_types = grant_types(&site.settings);
    let algorithms: Vec<&str> =
        SigningAlgorithm::ALL.iter().filter(|alg| state.keys.signing(**alg).is_some()).map(|alg| alg.as_str()).collect();
    let of_clients: Vec<&str> = ClientAlgorithm::ALL.iter().map(|alg| alg.as_str()).collect();
    let scopes: BTreeSet<String> = site.settings.scopes.iter().flat_map(Scope::spellings).collect();
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
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": grant_types,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": of_clients,
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": of_clients,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": of_clients,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": claims(site),
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "require_request_uri_registration": false,
        "authorization_response_iss_parameter_supported": true,
    });
    let Value::Object(mut document) = document else { return Map::new() };
    if site.settings.dcr_mode == RegistrationMode::Disabled {
        document.remove("registration_endpoint");
    }
    document
}

/// The grants that the site takes. What a client may use of them is its registration's business.
fn grant_types(settings: &Settings) -> Vec<GrantType> {
    let taken = |grant_type: &GrantType| match grant_type {
        GrantType::AuthorizationCode | GrantType::RefreshToken | GrantType::ClientCredentials => true,
        GrantType::Password => settings.password_grant != PasswordGrant::Off,
    };
    GrantType::ALL.iter().copied().filter(taken).collect()
}

/// What tokens and userinfo can say: the server's own claims and those behind a scope of the site.
fn claims(site: &Site) -> Vec<&'static str> {
    let own = ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "sid"];
    let shown: BTreeSet<&str> = site.settings.scopes.iter().flat_map(claims_behind).copied().collect();
    own.into_iter().chain(shown).collect()
}
