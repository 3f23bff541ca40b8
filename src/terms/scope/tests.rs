use super::*;
use crate::terms::Role;

fn scope(text: &str) -> Scope {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn set(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn order_and_repetition_mean_nothing() {
    let all = set("profile  openid email openid");
    assert_eq!(all, set("email openid profile"));
    assert_eq!(all.to_string(), "openid email profile");
    assert_eq!(set(&all.to_string()), all);
}

#[test]
fn a_list_beyond_the_limits_is_refused() {
    let hundred = (0..100).map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
    assert_eq!(ScopeSet::parse(&hundred).map(|set| set.len()), Ok(100));
    assert_eq!(ScopeSet::parse(&(hundred.clone() + " one-more")), Err(ScopeError::TooLong));
    let long = |last: usize| format!("{} {}", vec!["s".repeat(255); 15].join(" "), "t".repeat(last));
    assert!(ScopeSet::parse(&long(256)).is_ok_and(|set| set.to_string().len() == 255 + 1 + 256));
    assert_eq!(ScopeSet::parse(&long(257)), Err(ScopeError::TooLong));
    assert_eq!(ScopeSet::parse(&"s".repeat(257)), Err(ScopeError::Malformed));
    for bad in ["a\"b", "a\\b", "a\tb", "a\nb", "ä", "openid\u{a0}email", "оpenid", "a\u{7f}", "\0"] {
        assert_eq!(ScopeSet::parse(bad), Err(ScopeError::Malformed), "{bad:?}");
    }
}

#[test]
fn a_recorded_set_is_read_back_however_long_it_is_and_whatever_was_once_taken() {
    let set: ScopeSet = (0..300).map(|n| scope(&format!("s{n}"))).collect();
    let written = serde_json::to_value(&set).unwrap();
    assert_eq!(serde_json::from_value::<ScopeSet>(written).unwrap(), set);
    assert!(serde_json::from_value::<ScopeSet>("a\"b".into()).is_err());

    let twice: ScopeSet = serde_json::from_value("user/Patient.rs openid user/Patient.read openid".into()).unwrap();
    assert_eq!(serde_json::to_value(&twice).unwrap(), "openid user/Patient.read user/Patient.rs");
    assert!(twice.is_within(&self::set("openid user/Patient.rs")) && self::set("openid user/Patient.rs").is_within(&twice));
    let old: ScopeSet = serde_json::from_value("openid system:Patient.read".into()).unwrap();
    assert_eq!(old.to_string(), "openid system:Patient.read");
    assert_eq!(old.misspelt(), Some("system:Patient.read"));
    assert!(old.iter().all(|scope| scope.level().is_none() && !scope.is_smart()), "it means nothing but itself");
    assert_eq!(set.misspelt(), None);
}

/// SPEC.md e.1, row by row.
#[test]
fn every_kind_of_scope_is_read_as_what_it_is() {
    let named = "openid profile email phone address name given_name family_name nickname phone_verified email_verified api:oemr api:fhir \
                 api:port api:pofh online_access offline_access launch launch/patient launch/encounter fhirUser";
    for word in named.split_whitespace() {
        assert!(matches!(scope(word).meaning(), Meaning::Named(named) if named.as_str() == word), "{word}");
        assert_eq!(scope(word).to_string(), word);
    }
    let records = "patient/Observation.read user/Patient.write system/Patient.* patient/*.read user/*.* system/*.write patient/Patient.cruds \
                   user/Encounter.r system/Group.$export system/Patient.$export system/*.$export system/*.$bulkdata-status \
                   patient/DocumentReference.$docref user/DocumentReference.$docref system/DocumentReference.$docref \
                   user/insurance.$swap-insurance user/allergy.read user/allergy.cruds patient/patient.s \
                   patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory";
    for word in records.split_whitespace() {
        let level = word.split('/').next().unwrap();
        assert_eq!(scope(word).level().map(Level::as_str), Some(level), "{word}");
        assert_eq!(scope(word).to_string(), word);
    }
    assert_eq!(scope("site:a-1"), Scope::of_site("a-1".parse().unwrap()));
    for word in ["x", "x:y", "no:such", "api.example/00.read", "https://api.example/all", "users/Patient.read", "s3", "user_data"] {
        assert!(matches!(scope(word).meaning(), Meaning::Custom(own) if own.as_str() == word), "{word}");
    }
}

#[test]
fn the_words_of_version_1_mean_the_letters_and_stay_as_they_were_asked_for() {
    for (word, letters) in [("read", "rs"), ("write", "cud"), ("*", "cruds")] {
        let (one, two) = (format!("user/Patient.{word}"), format!("user/Patient.{letters}"));
        assert_eq!(scope(&one), scope(&two));
        assert_eq!((scope(&one).to_string(), scope(&two).to_string()), (one.clone(), two.clone()));
        assert_eq!(scope(&two).spellings(), {
            let mut both = vec![one.clone(), two.clone()];
            both.sort();
            both
        });
        assert_eq!(set(&format!("{one} {two}")).to_string(), one);
        assert_eq!(set(&format!("{two} {one}")).to_string(), two);
    }
    assert_eq!(scope("user/Patient.r").spellings(), ["user/Patient.r"]);
    assert_eq!(scope("openid").spellings(), ["openid"]);
}

#[test]
fn a_search_stays_as_it_was_sent() {
    let sent = "patient/Observation.rs?status=final&category=b,a";
    assert_eq!(scope(sent).to_string(), sent);
    assert_eq!(scope(sent), scope("patient/Observation.rs?category=a,b&status=final"));
    assert_eq!(set(sent).to_string(), sent);
}

/// THREATS.md A31, OpenEMR CVE-2026-126473.
#[test]
fn what_could_be_mistaken_for_a_scope_is_none() {
    let impostors = "system:Patient.read system:Patient.write user:Patient.read patient:Patient.read System/Patient.read SYSTEM/Patient.read \
        User/Patient.read PATIENT/Patient.read system//Patient.read system/ system system.Patient.read system%2FPatient.read \
        system|Patient.read system/Patient system/Patient. system/.read system/Patient.READ system/Patient.Read system/Patient:read \
        system/Patient.read.read system/Patient.sr system/Patient.rr system/Patient.rsx system/Patient.read,write system/Patient.rs? \
        system/Patient.read?category=a system/Patient.*?a=b system/Patient.rs?a=%7C system/Patient/read system/Pat*.read system/**.read \
        system/*/read system/Patient.$ system/Patient.$Export system/PATIENT1.read system/a1.read system/aB.read user/patient/1.read \
        */Patient.read */DocumentReference.$docref *.read * /system/Patient.read ./system/Patient.read +openid \
        OPENID Openid openId API:fhir api:other api/fhir Api:Fhir Launch launch/Patient launch/imaging LAUNCH/patient launch:patient \
        offline_Access FHIRUSER fhiruser site: site:a/b Site:default site/default writ:other writ:ADMIN nonce username password Nonce";
    for text in impostors.split_whitespace() {
        assert_eq!(text.parse::<Scope>(), Err(ScopeError::Misspelt(text.to_owned())));
        assert_eq!(ScopeSet::parse(&format!("openid {text}")), Err(ScopeError::Misspelt(text.to_owned())));
        assert_eq!(ScopeSet::parse_understood(&format!("openid {text}")), Ok(set("openid")));
    }
    assert_eq!(ScopeSet::parse_understood("openid ä"), Err(ScopeError::Malformed));
}

#[test]
fn one_scope_is_within_another_if_that_allows_as_much() {
    let rows = [
        ("patient/Patient.r", "patient/Patient.rs", true),
        ("patient/Patient.read", "patient/Patient.rs", true),
        ("patient/Patient.rs", "patient/*.rs", true),
        ("patient/Patient.rs?a=1", "patient/Patient.rs", true),
        ("patient/Patient.r?a=1&b=2", "patient/*.rs?b=2", true),
        ("patient/Patient.cud", "patient/Patient.read", false),
        ("patient/Patient.rs", "user/Patient.rs", false),
        ("patient/Patient.rs", "system/*.*", false),
        ("patient/*.rs", "patient/Patient.rs", false),
        ("patient/Patient.rs", "patient/Patient.rs?a=1", false),
        ("patient/Patient.rs?a=1", "patient/Patient.rs?a=2", false),
        ("user/allergy.rs", "user/*.*", false),
        ("system/Patient.$export", "system/*.*", false),
        ("system/Patient.$export", "system/*.$export", false),
        ("system/Patient.rs", "system/Patient.$export", false),
        ("email", "profile", false),
        ("launch/patient", "launch", false),
        ("api:fhir", "api:pofh", false),
        ("x:y", "x", false),
    ];
    for (less, more, expected) in rows {
        assert_eq!(scope(less).is_within(&scope(more)), expected, "{less} within {more}");
        assert_eq!(set(less).is_within(&set(more)), expected, "{less} within {more}");
        assert!(!expected || scope(more) == scope(less) || !scope(more).is_within(&scope(less)), "{more} within {less}");
    }
    assert!(set("user/Patient.*").is_within(&set("user/Patient.read user/Patient.write")));
    assert!(set("user/Patient.cruds").is_within(&set("user/*.c user/Patient.r user/*.write user/Patient.s")));
    assert!(!set("user/Patient.cruds").is_within(&set("user/*.c user/Patient.r user/Patient.s")));
    assert!(!set("user/*.rs").is_within(&set("user/*.r user/Patient.s")));
    assert!(set("").is_within(&set("")) && !set("x").is_within(&set("")));
}

#[test]
fn an_intersection_narrows_and_keeps_the_spelling_of_who_asked() {
    let rows = [
        // The attack on OpenEMR (CVE-2026-126494): a client that may read asks to write.
        ("user/Patient.write", "user/*.read", ""),
        ("user/Patient.*", "user/*.read", "user/Patient.read"),
        ("user/Patient.cruds", "user/*.read", "user/Patient.rs"),
        ("user/*.*", "user/*.read", "user/*.read"),
        ("patient/*.read", "patient/Goal.rs patient/Patient.crus", "patient/Goal.read patient/Patient.read"),
        ("patient/*.rs", "patient/Goal.rs patient/Patient.c user/Goal.rs", "patient/Goal.rs"),
        ("patient/*.*", "patient/Goal.cr", "patient/Goal.cr"),
        ("patient/Goal.cruds", "patient/Goal.r patient/*.s", "patient/Goal.rs"),
        ("patient/Goal.read", "patient/Goal.r patient/Goal.s", "patient/Goal.read"),
        ("patient/Goal.rs", "patient/Goal.rs?a=1 patient/Goal.rs?a=1&b=1", "patient/Goal.rs?a=1"),
        ("patient/Goal.read", "patient/Goal.rs?a=1", "patient/Goal.rs?a=1"),
        ("patient/Goal.rs?b=1&a=1", "patient/Goal.rs", "patient/Goal.rs?b=1&a=1"),
        ("patient/Goal.rs?a=1", "patient/Goal.rs?a=2", ""),
        ("system/*.$export", "system/Patient.$export system/*.*", ""),
        ("openid email launch/patient", "openid launch", "openid"),
    ];
    for (asked, allowed, left) in rows {
        let both = set(asked).intersection(&set(allowed));
        assert_eq!(both.to_string(), left, "{asked} within {allowed}");
        assert!(both.is_within(&set(asked)) && both.is_within(&set(allowed)));
        assert_eq!(set(&both.to_string()), both, "what is recorded is read back as it was");
        for one in set(asked).iter().cloned() {
            let one: ScopeSet = [one].into_iter().collect();
            assert_eq!(one.foreign_to(&set(allowed)).is_empty(), !one.intersection(&set(allowed)).is_empty(), "{one} and {allowed}");
        }
    }
}

#[test]
fn what_a_scope_touches_is_taken_away_with_it() {
    let standing = set("openid patient/*.rs patient/Goal.c patient/Patient.rs?a=1 user/Patient.rs system/*.$export");
    assert_eq!(standing.without(&set("patient/Patient.r")).to_string(), "openid patient/Goal.c system/*.$export user/Patient.rs");
    assert_eq!(standing.without(&set("patient/Patient.s?b=1")).len(), 4, "what two searches share, nobody knows");
    assert_eq!(standing.without(&set("email")), standing);
    assert_eq!(set("user/Patient.cruds openid").beyond(&set("user/Patient.rs openid")).to_string(), "user/Patient.cruds");
}

/// SPEC.md e.4.
#[test]
fn each_directory_may_give_its_own() {
    let all = "openid email api:oemr api:fhir api:port api:pofh offline_access fhirUser launch/patient patient/Patient.rs \
               user/Patient.rs user/allergy.r system/Patient.rs system/*.$export x writ:admin";
    let staff = set("openid email api:oemr api:fhir offline_access fhirUser launch/patient patient/Patient.rs user/Patient.rs \
                     user/allergy.r x writ:admin");
    let patient = set("openid email api:fhir api:port api:pofh offline_access fhirUser launch/patient patient/Patient.rs x");
    assert_eq!(set(all).of_role(Role::Users), staff);
    assert_eq!(set(all).of_role(Role::Patient), patient);
}

/// SPEC.md 0.3.
#[test]
fn the_scopes_of_smart_are_known_by_their_meaning() {
    for smart in "launch launch/patient launch/encounter patient/Patient.rs user/allergy.read system/*.$export fhirUser online_access \
                  offline_access"
        .split_whitespace()
    {
        assert!(scope(smart).is_smart() && !scope(smart).is_api_family(), "{smart}");
    }
    for plain in ["openid", "profile", "api:fhir", "site:default", "x", "launched", "users/Patient.read"] {
        assert!(!scope(plain).is_smart(), "{plain}");
    }
    assert!(["api:oemr", "api:fhir", "api:port", "api:pofh"].iter().all(|api| scope(api).is_api_family()));
}

#[test]
fn the_site_is_added_by_the_server_and_may_be_sent_back() {
    let own = "default".parse().unwrap();
    assert_eq!(set("openid site:default site:other").without_site(&own), set("openid site:other"));
}

/// THREATS.md A95: a word that stands for many is no way around the limit.
#[test]
fn what_is_sent_is_narrowed_to_no_more_than_a_parameter_may_be() {
    let offered = |count: usize| -> ScopeSet { (0..count).map(|n| scope(&format!("patient/R{}.rs", "a".repeat(n)))).collect() };
    let wild = set("patient/*.rs");
    assert_eq!(wild.narrowed_to(&offered(40)), Ok(offered(40)));
    assert_eq!(wild.narrowed_to(&offered(101)), Err(ScopeError::TooLong), "too many");
    assert_eq!(wild.narrowed_to(&offered(90)), Err(ScopeError::TooLong), "too long");
    assert_eq!(set("patient/*.r patient/*.s user/*.r").narrowed_to(&offered(51)), Err(ScopeError::TooLong));
}
