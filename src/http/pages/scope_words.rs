//! Scopes in plain words (SPEC.md e.1). A scope that has none is shown as it is.

use crate::terms::{Act, Level, Meaning, NamedScope, Records, Rights, Scope, Search};

/// A scope as a person reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScopeWords {
    /// Where it belongs on the page.
    pub kind: ScopeKind,
    /// What it allows.
    pub text: String,
}

/// What a scope is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScopeKind {
    /// Who the person is.
    You,
    /// What is in health records.
    Records,
    /// How app and record system work together.
    Launch,
    /// Anything else.
    Other,
}

/// This scope in plain words.
pub fn scope_words(scope: &Scope) -> ScopeWords {
    let (kind, words) = match scope.meaning() {
        Meaning::Named(named) => (kind_of(*named), Some(named_words(*named).to_owned())),
        Meaning::Site(site) => (ScopeKind::Launch, Some(format!("Work at the site “{site}” only"))),
        Meaning::Records(records) => (ScopeKind::Records, records_words(records)),
        Meaning::Custom(_) => (ScopeKind::Other, None),
    };
    match words {
        Some(text) => ScopeWords { kind, text },
        None => ScopeWords { kind: ScopeKind::Other, text: scope.to_string() },
    }
}

fn kind_of(scope: NamedScope) -> ScopeKind {
    use NamedScope::*;
    match scope {
        Openid | Profile | Email | Phone | Address => ScopeKind::You,
        Name | GivenName | FamilyName | Nickname | PhoneVerified | EmailVerified | FhirUser => ScopeKind::You,
        ApiOemr | ApiFhir | ApiPort | ApiPofh => ScopeKind::Records,
        OnlineAccess | OfflineAccess | Launch | LaunchPatient | LaunchEncounter => ScopeKind::Launch,
        Admin => ScopeKind::Other,
    }
}

fn named_words(scope: NamedScope) -> &'static str {
    match scope {
        NamedScope::Openid => "Know who you are when you sign in",
        NamedScope::Profile => "See your name and profile",
        NamedScope::Name => "See your full name",
        NamedScope::GivenName => "See your given name",
        NamedScope::FamilyName => "See your family name",
        NamedScope::Nickname => "See your nickname",
        NamedScope::Email => "See your e-mail address",
        NamedScope::EmailVerified => "See whether your e-mail address is confirmed",
        NamedScope::Phone => "See your phone number",
        NamedScope::PhoneVerified => "See whether your phone number is confirmed",
        NamedScope::Address => "See your postal address",
        NamedScope::FhirUser => "Know which patient or staff record is yours",
        NamedScope::ApiOemr => "Use the record system with all of your rights",
        NamedScope::ApiFhir => "Use health records (FHIR) with all of your rights",
        NamedScope::ApiPort => "Use the patient portal as you",
        NamedScope::ApiPofh => "Use your own health records (FHIR) as you",
        NamedScope::Launch => "Open from within the record system and know what is open there",
        NamedScope::LaunchPatient => "Know which patient is selected",
        NamedScope::LaunchEncounter => "Know which visit is selected",
        NamedScope::OnlineAccess => "Stay connected while you are signed in",
        NamedScope::OfflineAccess => "Stay connected when you are away",
        NamedScope::Admin => "Administer this server",
    }
}

/// Words for a scope on health records; none for a resource, operation or search that has none.
fn records_words(records: &Records) -> Option<String> {
    let thing = match (records.resource.is_every(), records.level) {
        (true, Level::User | Level::System) => "whole health records",
        (_, _) => thing(records.resource.as_str())?,
    };
    let (verbs, search) = match &records.act {
        Act::Use(rights, search) => (verbs(*rights)?, search.as_ref()),
        Act::Operation(name) => (operation_words(name)?.to_owned(), None),
    };
    let whose = match records.level {
        Level::Patient => format!("{verbs} your {thing}"),
        Level::User => format!("{verbs} {thing}, as far as you may"),
        Level::System => format!("{verbs} {thing} of all patients, without anyone signed in"),
    };
    Some(match search {
        None => whose,
        Some(search) => format!("{whose}, only {}", categories(search)?),
    })
}

fn operation_words(name: &str) -> Option<&'static str> {
    match name {
        "$export" | "$bulkdata-status" => Some("Export"),
        "$docref" => Some("Find and create"),
        "$swap-insurance" => Some("Swap"),
        _ => None,
    }
}

/// The first verb begins the sentence.
fn verbs(rights: Rights) -> Option<String> {
    let reads = (rights.has('r') || rights.has('s')).then_some("read");
    let others = [('c', "add to"), ('u', "change"), ('d', "delete")];
    let mut verbs: Vec<&str> = reads.into_iter().collect();
    verbs.extend(others.iter().filter(|(letter, _)| rights.has(*letter)).map(|(_, verb)| *verb));
    let (last, first) = verbs.split_last()?;
    let text = if first.is_empty() { (*last).to_owned() } else { format!("{} and {last}", first.join(", ")) };
    let mut letters = text.chars();
    Some(letters.next()?.to_uppercase().chain(letters).collect())
}

/// `category=http://…|laboratory` is "laboratory".
fn categories(search: &Search) -> Option<String> {
    let code = |value: &str| {
        let code = value.rsplit('|').next()?;
        let plain = !code.is_empty() && code.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        plain.then(|| code.replace('-', " "))
    };
    let codes: Vec<String> = search.only("category")?.map(code).collect::<Option<_>>()?;
    Some(codes.join(" or "))
}

fn thing(resource: &str) -> Option<&'static str> {
    THINGS.iter().find(|(names, _)| names.contains(&resource)).map(|(_, words)| *words)
}

/// FHIR resources and, in lower case, those of the record system's own interface, of each at most one in the same words.
const THINGS: &[(&[&str], &str)] = &[
    (&["*"], "whole health record"),
    (&["AllergyIntolerance", "allergy"], "allergies"),
    (&["Appointment", "appointment"], "appointments"),
    (&["Binary"], "stored files"),
    (&["CarePlan"], "care plans"),
    (&["CareTeam"], "care team"),
    (&["Condition", "medical_problem"], "conditions and diagnoses"),
    (&["Coverage", "insurance"], "insurance coverage"),
    (&["Device"], "devices and implants"),
    (&["DiagnosticReport"], "diagnostic reports"),
    (&["DocumentReference", "document"], "documents and clinical notes"),
    (&["Encounter", "encounter"], "visits"),
    (&["Goal"], "health goals"),
    (&["Group"], "patient groups"),
    (&["Immunization", "immunization"], "vaccinations"),
    (&["Location", "facility"], "places of care"),
    (&["Media"], "pictures and recordings"),
    (&["Medication", "medication"], "medicines"),
    (&["MedicationDispense"], "dispensed medicines"),
    (&["MedicationRequest", "prescription"], "prescriptions"),
    (&["Observation"], "observations (lab results, vital signs)"),
    (&["OperationDefinition"], "technical definitions of the record system"),
    (&["Organization"], "care organizations (hospitals, practices)"),
    (&["Patient", "patient"], "personal details (name, birth date, contact)"),
    (&["Person"], "linked records of the same person"),
    (&["Practitioner", "practitioner"], "doctors and other staff"),
    (&["PractitionerRole"], "roles of doctors and other staff"),
    (&["Procedure", "procedure"], "procedures and operations"),
    (&["Provenance"], "record of who changed what"),
    (&["Questionnaire"], "questionnaires"),
    (&["QuestionnaireResponse"], "answers to questionnaires"),
    (&["RelatedPerson"], "family and other contacts"),
    (&["ServiceRequest"], "orders and referrals"),
    (&["Specimen"], "lab samples"),
    (&["ValueSet"], "technical lists of codes"),
    (&["dental_issue"], "dental issues"),
    (&["employer"], "employers"),
    (&["list"], "problem and medicine lists"),
    (&["product"], "technical details of the record system"),
    (&["drug"], "medicines in stock"),
    (&["insurance_company"], "insurance companies"),
    (&["insurance_type"], "kinds of insurance"),
    (&["message"], "messages"),
    (&["soap_note"], "visit notes"),
    (&["surgery"], "surgeries"),
    (&["transaction"], "referrals and transactions"),
    (&["user"], "staff accounts"),
    (&["version"], "version of the record system"),
    (&["vital"], "vital signs"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Edition, Profile, Settings};

    fn words(scope: &str) -> String {
        scope_words(&scope.parse().unwrap()).text
    }

    #[test]
    fn smart_scopes_of_both_versions_read_as_sentences() {
        assert_eq!(words("patient/Observation.rs"), "Read your observations (lab results, vital signs)");
        assert_eq!(words("patient/Observation.read"), words("patient/Observation.rs"));
        assert_eq!(words("patient/*.read"), "Read your whole health record");
        assert_eq!(
            words("user/Patient.write"),
            "Add to, change and delete personal details (name, birth date, contact), as far as you may"
        );
        assert_eq!(words("user/allergy.cruds"), "Read, add to, change and delete allergies, as far as you may");
        assert_eq!(words("system/Immunization.s"), "Read vaccinations of all patients, without anyone signed in");
        assert_eq!(words("system/Patient.$export").get(..7), Some("Export "));
        let category = "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs";
        assert!(words(&format!("patient/Observation.rs?category={category}")).ends_with(", only vital signs"));
    }

    #[test]
    fn a_scope_that_is_not_understood_is_shown_as_it_is() {
        let unknown = [
            "x",
            "https://records.example/everything",
            "patient/Unicorn.rs",
            "patient/Observation.rs?code=1",
            "patient/Observation.rs?category=a|b,c|d'",
            "patient/Observation.$unheard-of",
        ];
        for scope in unknown {
            assert_eq!(words(scope), scope);
            assert_eq!(scope_words(&scope.parse().unwrap()).kind, ScopeKind::Other);
        }
        let recorded = r#"["system:Patient.read", "patient/Observation.sr", "group/Observation.rs"]"#;
        for scope in serde_json::from_str::<Vec<Scope>>(recorded).unwrap() {
            assert_eq!(scope_words(&scope), ScopeWords { kind: ScopeKind::Other, text: scope.to_string() });
        }
    }

    #[test]
    fn every_scope_of_a_new_site_has_words_and_no_two_fixed_ones_the_same() {
        let catalogue = Settings::of(Profile::Standard, "T", Edition::CURRENT).scopes;
        for scope in catalogue.iter() {
            assert_ne!(scope.to_string(), scope_words(scope).text, "a scope that has no words");
        }
        for (names, words) in THINGS {
            let (fhir, own): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.starts_with(char::is_uppercase));
            assert!(fhir.len() <= 1 && own.len() <= 1, "a person could not tell these apart: {names:?}");
            assert_eq!(THINGS.iter().filter(|(_, same)| same == words).count(), 1, "{words}");
        }
        let mut all: Vec<&str> = NamedScope::ALL.iter().map(|named| named_words(*named)).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), NamedScope::ALL.len());
    }
}
