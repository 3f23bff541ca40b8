//! Which claims a scope lets a client see (OpenID Connect Core §5.4, SPEC.md e.2). Unknown claims are left out.

use crate::terms::{Meaning, NamedScope, Scope, ScopeSet};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

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
pub(super) fn claims_behind(scope: &Scope) -> &'static [&'static str] {
    let Meaning::Named(named) = scope.meaning() else { return &[] };
    behind(*named)
}

fn behind(named: NamedScope) -> &'static [&'static str] {
    match named {
        NamedScope::Profile => PROFILE,
        NamedScope::Email => &["email", "email_verified"],
        NamedScope::Phone => &["phone_number", "phone_number_verified"],
        NamedScope::Address => &["address"],
        NamedScope::Name => &["name"],
        NamedScope::GivenName => &["given_name"],
        NamedScope::FamilyName => &["family_name"],
        NamedScope::Nickname => &["nickname"],
        NamedScope::EmailVerified => &["email_verified"],
        NamedScope::PhoneVerified => &["phone_number_verified"],
        NamedScope::FhirUser => &["fhirUser"],
        NamedScope::Openid | NamedScope::OnlineAccess | NamedScope::OfflineAccess => &[],
        NamedScope::Launch | NamedScope::LaunchPatient | NamedScope::LaunchEncounter => &[],
        NamedScope::ApiOemr | NamedScope::ApiFhir | NamedScope::ApiPort | NamedScope::ApiPofh | NamedScope::Admin => &[],
    }
}

/// The known claims that this scope shows, each in the form of OpenID Connect Core §5.1. What has another form is not known.
pub fn claims_of(scope: &ScopeSet, known: &Map<String, Value>) -> Map<String, Value> {
    let names = scope.iter().flat_map(claims_behind);
    names.filter_map(|name| Some(((*name).to_owned(), claim(name, known)?))).collect()
}

/// The names of the claims that a scope shows.
pub fn claims_shown_by(scope: &ScopeSet) -> BTreeSet<&'static str> {
    scope.iter().flat_map(claims_behind).copied().collect()
}

/// The known claims of these names, each in the form of OpenID Connect Core §5.1 (§5.5). A name that no scope shows is unknown.
pub fn claims_named(names: &[String], known: &Map<String, Value>) -> Map<String, Value> {
    let shown = |name: &&String| NamedScope::ALL.iter().any(|scope| behind(*scope).contains(&name.as_str()));
    names.iter().filter(shown).filter_map(|name| Some((name.clone(), claim(name, known)?))).collect()
}

fn claim(name: &str, known: &Map<String, Value>) -> Option<Value> {
    let own = known.get(name);
    match name {
        // A client must not take for proved what nobody proved.
        "email_verified" => known.get("email").filter(is_said).map(|_| Value::Bool(own == Some(&Value::Bool(true)))),
        "phone_number_verified" => known.get("phone_number").filter(is_said).map(|_| Value::Bool(own == Some(&Value::Bool(true)))),
        "birthdate" => own.filter(|value| value.as_str().is_some_and(is_birthdate)).cloned(),
        "updated_at" => own.filter(|value| value.is_number()).cloned(),
        "address" => match own?.as_object() {
            None => own.filter(is_said).map(|text| json!({ "formatted": text })),
            Some(members) => {
                let said: Map<String, Value> = members.clone().into_iter().filter(|(_, part)| is_said(&part)).collect();
                Some(Value::Object(said)).filter(|said| said != &json!({}))
            }
        },
        _ => own.filter(is_said).cloned(),
    }
}

/// Why a claim about a person cannot be kept: it would never be told.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClaimError {
    /// Neither in OpenID Connect Core §5.1 nor `fhirUser`, or not about the person, as `sub`.
    #[error("there is no claim '{0}' about a person in OpenID Connect Core §5.1, nor is it fhirUser")]
    Unknown(String),
    /// Not of the claim's type.
    #[error("the claim '{0}' must be {1}")]
    Form(String, &'static str),
}

/// Whether this can be said of a person: a claim that some scope shows, of the type of OpenID Connect Core §5.1.
///
/// # Errors
/// Why it cannot.
pub fn check_claim(name: &str, value: &Value) -> Result<(), ClaimError> {
    if !NamedScope::ALL.iter().any(|scope| behind(*scope).contains(&name)) {
        return Err(ClaimError::Unknown(name.to_owned()));
    }
    let (is_right, form) = match name {
        "email_verified" | "phone_number_verified" => (value.is_boolean(), "true or false"),
        "updated_at" => (value.is_u64(), "a number of seconds since 1970"),
        "birthdate" => (value.as_str().is_some_and(is_birthdate), "a date as 1985-12-10, or a year"),
        "address" => (value.is_string() || value.as_object().is_some_and(is_address), "a text, or an object of texts as in §5.1.1"),
        _ => (value.is_string(), "a text"),
    };
    if is_right { Ok(()) } else { Err(ClaimError::Form(name.to_owned(), form)) }
}

/// OpenID Connect Core §5.1.1.
fn is_address(members: &Map<String, Value>) -> bool {
    const PARTS: [&str; 6] = ["formatted", "street_address", "locality", "region", "postal_code", "country"];
    members.iter().all(|(name, part)| PARTS.contains(&name.as_str()) && part.is_string())
}

/// A claim that says nothing is left out (OpenID Connect Core §5.3.2).
fn is_said(value: &&Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

/// `YYYY-MM-DD` or `YYYY`; the year `0000` is one that is not told (OpenID Connect Core §5.1).
fn is_birthdate(text: &str) -> bool {
    let is_number = |part: &str, digits: usize| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
    let within = |part: &str, most: u8| is_number(part, 2) && part.parse().is_ok_and(|number: u8| (1..=most).contains(&number));
    match text.split('-').collect::<Vec<_>>().as_slice() {
        [year] => is_number(year, 4),
        [year, month, day] => is_number(year, 4) && within(month, 12) && within(day, 31),
        _ => false,
    }
}

/// What the thread's ID tokens carry besides: each API family as a claim of its own (SPEC.md k-36).
pub fn seed_claims(scope: &ScopeSet) -> Map<String, Value> {
    scope.iter().filter(|scope| scope.is_api_family()).map(|scope| (scope.to_string(), Value::Bool(true))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(scope: &str, known: &Value) -> Value {
        Value::Object(claims_of(&ScopeSet::parse(scope).unwrap(), known.as_object().unwrap()))
    }

    #[test]
    fn a_claim_is_shown_only_by_its_scope_and_never_made_up() {
        let known = json!({"name": "Jane Doe", "email": "jane@example.org", "birthdate": "1970-01-01"});
        assert_eq!(shown("openid", &known), json!({}));
        assert_eq!(shown("openid email", &known), json!({"email": "jane@example.org", "email_verified": false}));
        assert_eq!(shown("openid phone phone_verified", &known), json!({}));
        assert_eq!(shown("profile", &known), json!({"name": "Jane Doe", "birthdate": "1970-01-01"}));
    }

    #[test]
    fn a_date_of_birth_has_the_standards_form_or_is_not_known() {
        for good in ["1985-12-10", "0000-02-29", "1985"] {
            assert_eq!(shown("profile", &json!({ "birthdate": good })), json!({ "birthdate": good }));
        }
        for bad in ["", "10.12.1985", "12/10/1985", "1985-13-10", "1985-12-00", "1985-1-1", "1985-12", "85", "1985-12-10T00:00:00Z"] {
            assert_eq!(shown("profile", &json!({ "birthdate": bad })), json!({}), "{bad}");
        }
    }

    #[test]
    fn each_scope_shows_the_claims_of_its_row() {
        let rows = [
            (
                "profile",
                "name family_name given_name middle_name nickname preferred_username profile picture website gender birthdate zoneinfo \
                 locale updated_at",
            ),
            ("email", "email email_verified"),
            ("phone", "phone_number phone_number_verified"),
            ("address", "address"),
            ("fhirUser", "fhirUser"),
            ("name", "name"),
            ("given_name", "given_name"),
            ("family_name", "family_name"),
            ("nickname", "nickname"),
            ("email_verified", "email_verified"),
            ("phone_verified", "phone_number_verified"),
            ("api:oemr api:fhir api:port api:pofh", ""),
            ("openid online_access offline_access launch launch/patient launch/encounter writ:admin", ""),
            ("site:default patient/Patient.rs user/Patient.rs system/Patient.rs x", ""),
        ];
        let mut known: Map<String, Value> = PROFILE.iter().map(|name| ((*name).to_owned(), "x".into())).collect();
        for (name, value) in [("email", json!("a@b.c")), ("email_verified", json!(true)), ("phone_number", json!("+49"))] {
            known.insert(name.to_owned(), value);
        }
        for (name, value) in [
            ("address", json!({"country": "DE"})),
            ("updated_at", json!(1)),
            ("birthdate", json!("1985")),
            ("fhirUser", json!("https://f/Patient/1")),
        ] {
            known.insert(name.to_owned(), value);
        }
        let known = Value::Object(known);
        for (scope, claims) in rows {
            let mut expected: Vec<&str> = claims.split_whitespace().collect();
            expected.sort_unstable();
            let shown = shown(scope, &known);
            assert_eq!(shown.as_object().unwrap().keys().collect::<Vec<_>>(), expected, "{scope}");
        }
    }

    #[test]
    fn a_claim_has_the_form_of_the_standard_or_is_not_known() {
        let known = json!({
            "email": "a@b.c", "email_verified": "yes", "address": "Main Street 1, Springfield", "updated_at": "", "nickname": "",
            "locale": "en-US", "gender": null,
        });
        assert_eq!(shown("email", &known), json!({"email": "a@b.c", "email_verified": false}));
        assert_eq!(shown("address", &known), json!({"address": {"formatted": "Main Street 1, Springfield"}}));
        assert_eq!(shown("profile", &known), json!({"locale": "en-US"}));
        for nothing in [json!(""), json!(" "), json!({}), json!(7), json!({ "country": "" })] {
            assert_eq!(shown("address", &json!({ "address": nothing })), json!({}));
        }
        let partly = json!({ "address": { "locality": "Lisboa", "region": " ", "postal_code": 1100, "country": null } });
        assert_eq!(shown("address", &partly), json!({ "address": { "locality": "Lisboa" } }));
        for blank in ["", "  ", "\t"] {
            assert_eq!(shown("profile email", &json!({ "name": blank, "email": blank })), json!({}), "{blank:?}");
        }
    }

    #[test]
    fn only_what_can_be_told_is_said_of_a_person() {
        for (name, value) in [
            ("name", json!("Jane Doe")),
            ("email_verified", json!(true)),
            ("updated_at", json!(1_700_000_000)),
            ("birthdate", json!("1985")),
            ("address", json!("Main Street 1")),
            ("address", json!({ "country": "DE", "postal_code": "0123" })),
            ("fhirUser", json!("https://f/Patient/1")),
        ] {
            assert_eq!(check_claim(name, &value), Ok(()), "{name}");
            let with_email = json!({ "email": "a@b.c", name: value });
            let all = ScopeSet::parse("profile email address fhirUser").unwrap();
            assert!(claims_of(&all, with_email.as_object().unwrap()).contains_key(name), "what is taken is told: {name}");
        }
        for name in ["", "sub", "iss", "aud", "foo", "Name", "username", "name#de", "api:fhir", "openid"] {
            assert_eq!(check_claim(name, &json!("x")), Err(ClaimError::Unknown(name.to_owned())));
        }
        for (name, value) in [
            ("name", json!(true)),
            ("name", json!(null)),
            ("email_verified", json!("yes")),
            ("phone_number_verified", json!(1)),
            ("updated_at", json!("1700000000")),
            ("updated_at", json!(1.5)),
            ("birthdate", json!([1])),
            ("birthdate", json!("10.12.1985")),
            ("address", json!({ "country": 1 })),
            ("address", json!({ "planet": "Earth" })),
            ("phone_number", json!(49)),
        ] {
            assert!(matches!(check_claim(name, &value), Err(ClaimError::Form(..))), "{name}={value}");
        }
    }

    #[test]
    fn an_api_family_is_a_claim_of_its_own_in_the_threads_id_tokens() {
        let claims = seed_claims(&ScopeSet::parse("openid api:fhir api:pofh patient/Patient.rs").unwrap());
        assert_eq!(Value::Object(claims), json!({"api:fhir": true, "api:pofh": true}));
    }
}
