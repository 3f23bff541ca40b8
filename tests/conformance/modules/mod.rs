//! The modules of the basic, implicit, hybrid and form-post plans.

mod addresses;
mod claims;
mod codes;
mod flows;
mod objects;
mod prompts;

use super::plan::Plan;
use std::pin::Pin;

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;
/// A module's name, and what it checks.
pub type Module = (&'static str, fn(Plan) -> Running);

macro_rules! modules {
    ($($name:literal => $check:path),* $(,)?) => { &[$(($name, |plan| Box::pin($check(plan)))),*] };
}

/// What each response type is tried with.
pub const EVERY_PLAN: &[Module] = modules! {
    "oidcc-server, oidcc-idtoken-signature" => flows::two_clients,
    "oidcc-response-type-missing" => flows::response_type_missing,
    "oidcc-ensure-request-without-nonce" => flows::nonce_or_not,
    "oidcc-alternate-happy-flow" => flows::reversed,
    "oidcc-display-page, -popup, oidcc-login-hint, oidcc-ui-locales, oidcc-claims-locales, oidcc-ensure-request-with-unknown-parameter-succeeds" => flows::harmless_parameters,
    "oidcc-ensure-request-with-acr-values-succeeds" => flows::acr_values,
    "oidcc-ensure-post-request-succeeds" => flows::post_request,
    "oidcc-userinfo-get, oidcc-userinfo-post-header, oidcc-userinfo-post-body" => claims::userinfo_in_three_ways,
    "oidcc-scope-profile, -email, -address, -phone, -all" => claims::claims_by_scope,
    "oidcc-claims-essential" => claims::claims_essential,
    "oidcc-prompt-login" => prompts::prompt_login,
    "oidcc-prompt-none-not-logged-in" => prompts::prompt_none_not_logged_in,
    "oidcc-prompt-none-logged-in" => prompts::prompt_none_logged_in,
    "oidcc-max-age-1" => prompts::max_age_1,
    "oidcc-max-age-10000" => prompts::max_age_10000,
    "oidcc-id-token-hint" => prompts::id_token_hint,
    "oidcc-ensure-registered-redirect-uri" => addresses::registered_redirect_uri,
    "oidcc-request-uri-unsigned (supported correctly or rejected)" => objects::request_uri,
    "oidcc-unsigned-request-object (supported correctly or rejected)" => objects::request_object,
    "oidcc-ensure-request-object-with-redirect-uri" => objects::redirect_uri_inside,
};

/// What only a code can be tried with.
pub const NEED_A_CODE: &[Module] = modules! {
    "oidcc-codereuse" => codes::codereuse,
    "oidcc-codereuse-30seconds" => codes::codereuse_ends_the_tokens,
    "oidcc-server-client-secret-post" => codes::client_secret_post,
    "oidcc-refresh-token" => codes::refresh_token,
    "oidcc-ensure-request-with-valid-pkce-succeeds" => codes::pkce,
};

/// What the plan oidcc-dynamic asks of its requests and addresses besides.
pub const DYNAMIC: &[Module] = modules! {
    "oidcc-server" => flows::two_clients,
    "oidcc-idtoken-rs256" => flows::rs256_by_registration,
    "oidcc-userinfo-rs256" => claims::userinfo_rs256,
    "oidcc-ensure-redirect-uri-in-authorization-request" => addresses::redirect_uri_missing,
    "oidcc-redirect-uri-query-OK" => addresses::query_is_kept,
    "oidcc-redirect-uri-query-mismatch" => addresses::query_mismatch,
    "oidcc-redirect-uri-query-added" => addresses::query_added,
    "oidcc-redirect-uri-regfrag" => addresses::fragment,
    "oidcc-request-uri-unsigned" => objects::request_uri,
    "oidcc-request-uri-signed-rs256" => objects::request_uri_signed,
    "oidcc-ensure-request-object-with-redirect-uri" => objects::redirect_uri_inside,
};

/// What of it needs a code.
pub const DYNAMIC_WITH_A_CODE: &[Module] = modules! {
    "oidcc-registration-jwks-uri" => codes::jwks_uri,
    "oidcc-refresh-token" => codes::refresh_token,
    "oidcc-refresh-token-rp-key-rotation" => codes::key_rotation,
    "oidcc-ensure-client-assertion-with-iss-aud-succeeds" => codes::issuer_as_audience,
};
