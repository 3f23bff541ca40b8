//! Scopes in plain words (SPEC.md e.1). A scope that has none is shown as it is.

use crate::terms::Scope;

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
    let text = scope.as_str();
    if let Some((kind, words)) = NAMED.iter().find(|(name, _, _)| *name == text).map(|(_, kind, words)| (*kind, *words)) {
        return ScopeWords { kind, text: words.to_owned() };
    }
    if let Some(site) = text.strip_prefix("site:") {
        return ScopeWords { kind: ScopeKind::Launch, text: format!("Work at the site “{site}” only") };
    }
    match records(text) {
        Some(words) => ScopeWords { kind: ScopeKind::Records, text: words },
        None => ScopeWords { kind: ScopeKind::Other, text: text.to_owned() },
    }
}

const NAMED: &[(&str, ScopeKind, &str)] = &[
    ("openid", ScopeKind::You, "Know who you are when you sign in"),
    ("profile", ScopeKind::You, "See your name and profile"),
    ("name", ScopeKind::You, "See your full name"),
    ("given_name", ScopeKind::You, "See your given name"),
    ("family_name", ScopeKind::You, "See your family name"),
    ("nickname", ScopeKind::You, "See your nickname"),
    ("email", ScopeKind::You, "See your e-mail address"),
    ("email_verified", ScopeKind::You, "See whether your e-mail address is confirmed"),
    ("phone", ScopeKind::You, "See your phone number"),
    ("phone_verified", ScopeKind::You, "See whether your phone number is confirmed"),
    ("address", ScopeKind::You, "See your postal address"),
    ("fhirUser", ScopeKind::You, "Know which patient or staff record is yours"),
    ("api:oemr", ScopeKind::Records, "Use the record system with all of your rights"),
    ("api:fhir", ScopeKind::Records, "Use health records (FHIR) with all of your rights"),
    ("api:port", ScopeKind::Records, "Use the patient portal as you"),
    ("api:pofh", ScopeKind::Records, "Use your own health records (FHIR) as you"),
    ("launch", ScopeKind::Launch, "Open from within the record system and know what is open there"),
    ("launch/patient", ScopeKind::Launch, "Know which patient is selected"),
    ("launch/encounter", ScopeKind::Launch, "Know which visit is selected"),
    ("online_access", ScopeKind::Launch, "Stay connected while you are signed in"),
    ("offline_access", ScopeKind::Launch, "Stay connected when you are away"),
    ("writ:admin", ScopeKind::Other, "Administer this server"),
];

/// Words for `(patient|user|system)/Resource.rights[?query]` (SMART App Launch 2.2, both versions of the syntax).
fn records(scope: &str) -> Option<String> {
    let (level, rest) = scope.split_once('/')?;
    let (resource, rights) = rest.split_once('.')?;
    let (rights, query) = rights.split_once('?').map_or((rights, None), |(rights, query)| (rights, Some(query)));
    let thing = if resource == "*" && level != "patient" { "whole health records" } else { thing(resource)? };
    let verbs = verbs(rights)?;
    let whose = match level {
        "patient" => format!("{verbs} your {thing}"),
        "user" => format!("{verbs} {thing}, as far as you may"),
        "system" => format!("{verbs} {thing} of all patients, without anyone signed in"),
        _ => return None,
    };
    Some(match query {
        None => whose,
        Some(query) => format!("{whose}, only {}", kind_of(query)?),
    })
}

/// The first verb begins the sentence. `c`, `r`, `u`, `d`, `s` in this order (SMART 2.2 §3.0.2.1), or the words of version 1.
fn verbs(rights: &str) -> Option<String> {
    let letters = match rights {
        "read" => "rs",
        "write" => "cud",
        "*" => "cruds",
        "$export" | "$bulkdata-status" => return Some("Export".to_owned()),
        "$docref" => return Some("Find and create".to_owned()),
        letters => letters,
    };
    let mut order = "cruds".chars();
    if letters.is_empty() || !letters.chars().all(|letter| order.any(|own| own == letter)) {
        return None;
    }
    let reads = letters.contains(['r', 's']).then_some("read");
    let others = [('c', "add to"), ('u', "change"), ('d', "delete")];
    let mut verbs: Vec<&str> = reads.into_iter().collect();
    verbs.extend(others.iter().filter(|(letter, _)| letters.contains(*letter)).map(|(_, verb)| *verb));
    let (last, first) = verbs.split_last()?;
    let text = if first.is_empty() { (*last).to_owned() } else { format!("{} and {last}", first.join(", ")) };
    let mut letters = text.chars();
    Some(letters.next()?.to_uppercase().chain(letters).collect())
}

/// `category=http://…|laboratory` is "laboratory".
fn kind_of(query: &str) -> Option<String> {
    let value = query.strip_prefix("category=").filter(|value| !value.contains('&'))?;
    let code = value.rsplit('|').next()?;
    let plain = !code.is_empty() && code.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    plain.then(|| code.replace('-', " "))
}

fn thing(resource: &str) -> Option<&'static str> {
    THINGS.iter().find(|(names, _)| names.contains(&resource)).map(|(_, words)| *words)
}

/// FHIR resources and, in lower case, those of the record system's own interface.
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
    (&["Location", "Organization", "facility"], "places of care"),
    (&["Media"], "pictures and recordings"),
    (&["Medication", "medication", "drug"], "medicines"),
    (&["MedicationDispense"], "dispensed medicines"),
    (&["MedicationRequest", "prescription"], "prescriptions"),
    (&["Observation"], "observations (lab results, vital signs)"),
    (&["Patient", "patient"], "personal details (name, birth date, contact)"),
    (&["Person", "RelatedPerson"], "related people"),
    (&["Practitioner", "PractitionerRole", "practitioner"], "doctors and other staff"),
    (&["Procedure", "procedure", "surgery"], "procedures and operations"),
    (&["Provenance"], "record of who changed what"),
    (&["Questionnaire", "QuestionnaireResponse"], "questionnaires and answers"),
    (&["ServiceRequest"], "orders and referrals"),
    (&["Specimen"], "lab samples"),
    (&["dental_issue"], "dental issues"),
    (&["employer"], "employers"),
    (&["insurance_company", "insurance_type"], "insurance companies"),
    (&["message"], "messages"),
    (&["soap_note"], "visit notes"),
    (&["transaction"], "referrals and transactions"),
    (&["user"], "staff accounts"),
    (&["vital"], "vital signs"),
];

#[cfg(test)]
mod tests {
    use super::*;

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
            "patient/Unicorn.rs",
            "patient/Observation.sr",
            "patient/Observation.rr",
            "patient/Observation.",
            "patient/Observation.rs?code=1",
            "patient/Observation.rs?category=a|<b>",
            "group/Observation.rs",
            "patient:Observation.read",
        ];
        for scope in unknown {
            assert_eq!(words(scope), scope);
            assert_eq!(scope_words(&scope.parse().unwrap()).kind, ScopeKind::Other);
        }
    }

    #[test]
    fn no_two_named_scopes_read_the_same() {
        let mut all: Vec<&str> = NAMED.iter().map(|(_, _, words)| *words).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), NAMED.len());
    }
}
