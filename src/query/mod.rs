//! Pure reads of state: introspection, claims, discovery, the JWK Set.

mod authorization;
mod claims;
mod claims_request;
mod discovery;
mod introspect;
mod jwks;
mod scopes;

pub use authorization::{
    AuthorizationRequest, AuthorizationTarget, Objection, Requested, check_authorization, find_target, recheck_target,
};
pub use claims::{ClaimError, check_claim, claims_named, claims_of, claims_shown_by, seed_claims};
pub use discovery::discovery;
pub use introspect::{Introspection, Status, TokenFacts, TokenName, introspect};
pub use jwks::{jwk, jwk_set, jwk_set_seconds};
pub use scopes::visible_scope;
