//! Asking a person what an app may do (SPEC.md a.4).

use super::{AppView, DisplayText, Form, FormTargets, Page, ScopeKind, policy, scope_words};
use crate::event::AskedClaims;
use crate::terms::{NamedScope, Scope, ScopeSet};
use askama::Template;
use std::collections::BTreeSet;

/// `GET …/consent`: the form sends `decision` = `allow` or `deny`, a `scope` for each choice that stays ticked (also
/// the required ones), and `patient` if there is something to choose. Reading it needs `params::CONSENT_RULES`.
#[derive(Template)]
#[template(path = "consent.html")]
pub struct ConsentPage<'a> {
    /// The site's name for people.
    pub site_title: DisplayText,
    /// The app that asks.
    pub app: AppView,
    /// Where the form goes.
    pub form: Form<'a>,
    /// Where the browser may end up after it.
    pub form_targets: FormTargets,
    /// Who is signed in.
    pub username: DisplayText,
    /// Signs in as someone else.
    pub switch_user: Option<&'a str>,
    /// What is asked for, by [`ScopeChoice::groups`].
    pub groups: Vec<ScopeGroup>,
    /// Single claims that no scope of the groups shows.
    pub claims: Vec<ClaimChoice>,
    /// The wish for `offline_access`, asked apart from the rest.
    pub offline: Option<OfflineChoice>,
    /// The patients to choose from; the first one is chosen unless another is. Empty when there is nothing to choose.
    pub patients: Vec<PatientChoice>,
    /// Why this page is shown again: one of our own fixed sentences.
    pub error: Option<&'a str>,
}

impl Page for ConsentPage<'_> {
    fn policy(&self) -> String {
        policy::form_page_with(&self.form_targets, self.app.logo.as_ref())
    }
}

/// The scopes of one kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScopeGroup {
    /// Its heading.
    pub heading: &'static str,
    /// Its scopes, in the order of their names; `openid` first.
    pub choices: Vec<ScopeChoice>,
}

/// One thing to allow and whether the person may refuse it alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScopeChoice {
    /// The scopes that say so, as they stand on the wire (RFC 6749 §3.3): one, or those of two interfaces for the same thing.
    pub scope: String,
    /// In plain words.
    pub words: String,
    /// Whether the request makes no sense without it.
    pub required: bool,
}

impl ScopeChoice {
    /// All scopes but `offline_access`, in groups for the page; those that read the same are one choice, for nobody could tell them
    /// apart. `openid` cannot be refused alone.
    pub fn groups(scopes: &ScopeSet) -> Vec<ScopeGroup> {
        let kinds = [
            (ScopeKind::You, "About you"),
            (ScopeKind::Records, "Health records"),
            (ScopeKind::Launch, "Working together"),
            (ScopeKind::Other, "More"),
        ];
        let mut asked: Vec<&Scope> = scopes.iter().filter(|scope| !scope.is(NamedScope::OfflineAccess)).collect();
        asked.sort_by_cached_key(|scope| (!scope.is(NamedScope::Openid), scope.to_string()));
        let group = |(kind, heading)| {
            let mut choices: Vec<Self> = Vec::new();
            for choice in asked.iter().filter(|scope| scope_words(scope).kind == kind).map(|scope| Self::of(scope)) {
                match choices.iter_mut().find(|same| same.words == choice.words) {
                    Some(same) => same.scope = format!("{} {}", same.scope, choice.scope),
                    None => choices.push(choice),
                }
            }
            ScopeGroup { heading, choices }
        };
        kinds.into_iter().map(group).filter(|group| !group.choices.is_empty()).collect()
    }
    fn of(scope: &Scope) -> Self {
        Self { scope: scope.to_string(), words: scope_words(scope).text, required: scope.is(NamedScope::Openid) }
    }
}

/// One claim that is asked for by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimChoice {
    /// The claim as it stands on the wire.
    pub name: String,
    /// In plain words.
    pub words: String,
}

impl ClaimChoice {
    /// Those that are not shown anyway.
    pub fn beyond(shown: &BTreeSet<&str>, asked: &AskedClaims) -> Vec<Self> {
        let names = asked.names().into_iter().filter(|name| !shown.contains(name));
        names.map(|name| Self { name: name.to_owned(), words: claim_words(name) }).collect()
    }
}

/// A claim of OpenID Connect Core §5.1 in plain words.
fn claim_words(name: &str) -> String {
    let words = match name {
        "name" => "Your full name",
        "given_name" => "Your first name",
        "family_name" => "Your last name",
        "middle_name" => "Your middle name",
        "nickname" => "Your nickname",
        "preferred_username" => "The name you like to be known by",
        "profile" => "Your profile page",
        "picture" => "Your picture",
        "website" => "Your website",
        "email" => "Your e-mail address",
        "email_verified" => "Whether your e-mail address was checked",
        "gender" => "Your gender",
        "birthdate" => "Your date of birth",
        "zoneinfo" => "Your time zone",
        "locale" => "Your language",
        "phone_number" => "Your phone number",
        "phone_number_verified" => "Whether your phone number was checked",
        "address" => "Your address",
        "updated_at" => "When your details last changed",
        "fhirUser" => "Which health record is about you",
        other => other,
    };
    words.to_owned()
}

/// Access while the person is away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OfflineChoice {
    /// Until when, in words, as "14 February 2027"; `None` for as long as it is used.
    pub until: Option<String>,
}

/// A patient whose record the app may be given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PatientChoice {
    /// What the form sends.
    pub value: String,
    /// Name and what tells namesakes apart.
    pub label: DisplayText,
    /// Whether it is chosen at first.
    pub chosen: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_that_read_the_same_are_one_choice() {
        let scopes = ScopeSet::parse("patient/AllergyIntolerance.rs patient/Goal.rs patient/allergy.rs patient/allergy.c").unwrap();
        let groups = ScopeChoice::groups(&scopes);
        let shown: Vec<(&str, &str)> =
            groups.iter().flat_map(|group| &group.choices).map(|choice| (choice.words.as_str(), choice.scope.as_str())).collect();
        assert_eq!(
            shown,
            [
                ("Read your allergies", "patient/AllergyIntolerance.rs patient/allergy.rs"),
                ("Read your health goals", "patient/Goal.rs"),
                ("Add to your allergies", "patient/allergy.c"),
            ]
        );
    }

    #[test]
    fn scopes_are_grouped_and_offline_access_is_asked_apart() {
        let scopes = ScopeSet::parse("openid offline_access patient/Patient.rs launch/patient x:y profile").unwrap();
        let groups = ScopeChoice::groups(&scopes);
        let shown: Vec<(&str, Vec<&str>)> =
            groups.iter().map(|group| (group.heading, group.choices.iter().map(|choice| choice.scope.as_str()).collect())).collect();
        assert_eq!(
            shown,
            [
                ("About you", vec!["openid", "profile"]),
                ("Health records", vec!["patient/Patient.rs"]),
                ("Working together", vec!["launch/patient"]),
                ("More", vec!["x:y"]),
            ]
        );
        assert!(groups.iter().flat_map(|group| &group.choices).all(|choice| choice.required == (choice.scope == "openid")));
    }
}
