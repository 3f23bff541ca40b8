//! Which claims a scope lets a client see (OpenID Connect Core §5.4, SPEC.md e.2). Unknown claims are left out.

use crate::terms::ScopeSet;
use serde_json::{Map, Value};

const PROFILE: &[&str] = &[
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
];

/// The claims behind one scope.
fn claims_behind(scope: &str) -> &'static [&'static str] {
    match scope {
        "profile" => PROFILE,
        "email" => &["email", "email_verified"],
        "phone" => &["phone_number", "phone_number_verified"],
        "address" => &["address"],
        "name" => &["name"],
        "given_name" => &["given_name"],
        "family_name" => &["family_name"],
        "nickname" => &["nickname"],
        "email_verified" => &["email_verified"],
        "phone_verified" => &["phone_number_verified"],
        "fhirUser" => &["fhirUser"],
        _ => &[],
    }
}

/// The known claims that this scope shows.
pub fn claims_of(scope: &ScopeSet, known: &Map<String, Value>) -> Map<String, Value> {
    let names = scope.iter().flat_map(|scope| claims_behind(scope.as_str()));
    let shown = names.filter_map(|name| known.get(*name).map(|value| ((*name).to_owned(), value.clone())));
    let mut claims: Map<String, Value> = shown.collect();
    // OpenID Connect Core §5.1: a client must not take an address for proved that nobody proved.
    if claims.contains_key("email") {
        claims.entry("email_verified").or_insert(Value::Bool(false));
    }
    if claims.contains_key("phone_number") {
        claims.entry("phone_number_verified").or_insert(Value::Bool(false));
    }
    claims
}

/// What the thread's ID tokens carry besides: each API family as a claim of its own (SPEC.md k-36).
pub fn seed_claims(scope: &ScopeSet) -> Map<String, Value> {
    scope.iter().filter(|scope| scope.is_api_family()).map(|scope| (scope.to_string(), Value::Bool(true))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_shown_only_by_its_scope_and_never_made_up() {
        let known = serde_json::json!({"name": "Jane Doe", "email": "jane@example.org", "birthdate": "1970-01-01"});
        let Value::Object(known) = known else { unreachable!() };
        let shown = |scope: &str| Value::Object(claims_of(&ScopeSet::parse(scope).unwrap(), &known));
        assert_eq!(shown("openid"), serde_json::json!({}));
        assert_eq!(shown("openid email"), serde_json::json!({"email": "jane@example.org", "email_verified": false}));
        assert_eq!(shown("openid phone"), serde_json::json!({}));
        assert_eq!(shown("profile"), serde_json::json!({"name": "Jane Doe", "birthdate": "1970-01-01"}));
    }
}
