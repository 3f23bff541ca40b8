//! What every flag of a site may be, and what it costs in safety where it is not as `standard` has it: one row a flag.

use super::settings::{ApprovalMode, PasswordGrant, Profile, RegistrationMode, UnknownScope};
use crate::terms::{SigningAlgorithm, WebUrl};
use serde_json::Value;
use std::fmt;

/// A flag of a site.
pub struct Flag {
    /// Its name, as in `writ site set`.
    pub name: &'static str,
    /// What it may be.
    pub takes: Takes,
    costs: Costs,
}

/// What a flag may be.
pub enum Takes {
    /// `true` or `false`.
    Switch,
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// A whole number in this range.
    Number(u64, u64),
    /// A whole number in this range, or 0, which is never.
    NumberOrNever(u64, u64),
    /// So many characters at most, and at least one.
    Text(usize),
    /// Scopes, separated by blanks.
    Scopes,
    /// The address of a page, or nothing.
    Page,
}

/// When a flag costs safety, and what.
enum Costs {
    /// It does not: a name, or a choice between equals.
    Nothing,
    /// Off.
    WhenOff(&'static str),
    /// On.
    WhenOn(&'static str),
    /// Any word but this one.
    Unless(&'static str, &'static str),
    /// A larger number.
    Above(u64, &'static str),
    /// A smaller number.
    Below(u64, &'static str),
    /// Never, or more seldom than this.
    NeverOrAbove(u64, &'static str),
}

const DAY: u64 = 86_400;

/// Every flag, in the order of `Settings`.
pub const FLAGS: &[Flag] = &[
    flag("profile", Takes::Word(|| Profile::ALL.iter().map(|word| word.as_str()).collect()), Costs::Nothing),
    flag("title", Takes::Text(80), Costs::Nothing),
    flag("api.enabled", Takes::Switch, Costs::Nothing),
    flag("dcr.mode", Takes::Word(|| RegistrationMode::ALL.iter().map(|word| word.as_str()).collect()), Costs::Nothing),
    flag("app_approval", Takes::Word(|| ApprovalMode::ALL.iter().map(|word| word.as_str()).collect()), Costs::Nothing),
    flag("code_seconds", Takes::Number(1, 300), Costs::Above(60, "Whoever gets hold of a code has longer than a minute to redeem it.")),
    flag(
        "access_seconds",
        Takes::Number(1, DAY),
        Costs::Above(3600, "After a sign-out, an API that does not ask here takes a token for longer than an hour."),
    ),
    flag("access_token.alg", Takes::Word(|| SigningAlgorithm::ALL.iter().map(|word| word.as_str()).collect()), Costs::Nothing),
    flag(
        "refresh_seconds",
        Takes::Number(60, 3653 * DAY),
        Costs::Above(90 * DAY, "A refresh token that an app has forgotten is good for longer than 90 days to whoever finds it."),
    ),
    flag(
        "refresh_absolute_seconds",
        Takes::Number(60, 3653 * DAY),
        Costs::Above(365 * DAY, "An app keeps its access for longer than a year without the person being asked again."),
    ),
    flag(
        "refresh_retry_seconds",
        Takes::Number(0, 60),
        Costs::Above(10, "Whoever has an app's secret and a used refresh token has longer than ten seconds to get the new one as well."),
    ),
    flag(
        "refresh_retry_public_seconds",
        Takes::Number(0, 60),
        Costs::Above(0, "A used refresh token of a public app gives the new one to whoever shows it in this time, and nobody notices."),
    ),
    flag(
        "session_idle_seconds",
        Takes::Number(60, 7 * DAY),
        Costs::Above(14_400, "A browser that was left alone stays signed in for longer than four hours."),
    ),
    flag(
        "scope.unknown",
        Takes::Word(|| UnknownScope::ALL.iter().map(|word| word.as_str()).collect()),
        Costs::Unless("reject", "An app whose scope is misspelt is not told, and works with less than it believes."),
    ),
    flag("pkce.require_all", Takes::Switch, Costs::Nothing),
    flag(
        "redirect.allow_http",
        Takes::Switch,
        Costs::WhenOn("Codes and tokens may travel unencrypted to apps that registered a plain http address."),
    ),
    flag(
        "redirect.allow_custom_scheme",
        Takes::Switch,
        Costs::WhenOn("Another app on the same device can claim a scheme without a dot and receive what was meant for the first."),
    ),
    flag(
        "authorize.implicit",
        Takes::Switch,
        Costs::WhenOn("Access tokens stand in addresses, where the browser's history and scripts can see them (RFC 9700 §2.1.2)."),
    ),
    flag(
        "authorize.hybrid",
        Takes::Switch,
        Costs::WhenOn(
            "Codes and tokens stand in addresses together, where the browser's history and scripts can see them (RFC 9700 §2.1.2).",
        ),
    ),
    flag(
        "authorize.request_objects",
        Takes::Switch,
        Costs::WhenOn("Apps make this server fetch from addresses of theirs, and what they ask for is not to be seen in the request."),
    ),
    flag(
        "session_management",
        Takes::Switch,
        Costs::WhenOn("Any page that frames ours learns when somebody signs in or out, from a cookie that scripts can read."),
    ),
    flag(
        "password_grant",
        Takes::Word(|| PasswordGrant::ALL.iter().map(|word| word.as_str()).collect()),
        Costs::Unless("off", "Apps see people's passwords, and nobody else is asked whether it is them (RFC 9700 §2.4)."),
    ),
    flag("system_scopes", Takes::Switch, Costs::Nothing),
    flag(
        "dcr.default_scope",
        Takes::Scopes,
        Costs::Unless("openid", "An app that said nothing of scopes when it registered may ask people for all of these."),
    ),
    flag("dcr.rate", Takes::Number(1, 3600), Costs::Above(10, "One address may register more than ten apps in an hour.")),
    flag(
        "keys.rotate_seconds",
        Takes::NumberOrNever(5, 3653 * DAY),
        Costs::NeverOrAbove(
            90 * DAY,
            "A signing key that was copied unnoticed is good for longer than 90 days, or until somebody rotates it.",
        ),
    ),
    flag(
        "keys.publish_seconds",
        Takes::Number(0, DAY),
        Costs::Below(1, "A new key signs at once: APIs that keep the old key set refuse good tokens until they fetch the new one."),
    ),
    flag(
        "redirect.warn_unverified",
        Takes::Switch,
        Costs::WhenOff("A link to this server can send people on to an app that nobody has checked, without a word (RFC 9700 §4.11.2)."),
    ),
    flag("redirect.close_fragment", Takes::Switch, Costs::Nothing),
    flag(
        "compat.password_path",
        Takes::Switch,
        Costs::WhenOn("A second address takes people's passwords, which filters in front may not know."),
    ),
    flag(
        "introspection.seed_dialect",
        Takes::Switch,
        Costs::WhenOn("An app that sends its credentials in the form is told of dead tokens too: whose they were, and why they died."),
    ),
    flag(
        "id_token.seed_claims",
        Takes::Switch,
        Costs::WhenOn("ID tokens carry people's names and addresses to wherever apps keep or log them."),
    ),
    flag(
        "compat.authorize_301",
        Takes::Switch,
        Costs::WhenOn("A cache that does not heed no-store may keep the way to a sign-in page that has expired."),
    ),
    flag("service_documentation", Takes::Page, Costs::Nothing),
    flag("op_policy_uri", Takes::Page, Costs::Nothing),
    flag("op_tos_uri", Takes::Page, Costs::Nothing),
    flag("scopes", Takes::Scopes, Costs::Nothing),
];

const fn flag(name: &'static str, takes: Takes, costs: Costs) -> Flag {
    Flag { name, takes, costs }
}

impl Flag {
    /// The flag of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FLAGS.iter().find(|flag| flag.name == name)
    }

    /// What this value of it costs in safety, in one sentence; none if it is as safe as `standard` has it.
    pub fn cost(&self, value: &Value) -> Option<&'static str> {
        let (costs, sentence) = match self.costs {
            Costs::Nothing => return None,
            Costs::WhenOff(sentence) => (value.as_bool() == Some(false), sentence),
            Costs::WhenOn(sentence) => (value.as_bool() == Some(true), sentence),
            Costs::Unless(safe, sentence) => (value.as_str() != Some(safe), sentence),
            Costs::Above(most, sentence) => (value.as_u64() > Some(most), sentence),
            Costs::Below(least, sentence) => (value.as_u64() < Some(least), sentence),
            Costs::NeverOrAbove(most, sentence) => (value.as_u64().is_none_or(|number| number == 0 || number > most), sentence),
        };
        costs.then_some(sentence)
    }
}

impl Takes {
    /// Whether it may be this. Of a word or scopes only that they are text: which there are, their types say.
    pub fn is_within(&self, value: &Value) -> bool {
        match self {
            Self::Switch => value.is_boolean(),
            Self::Word(_) | Self::Scopes => value.as_str().is_some_and(|text| !text.is_empty()),
            Self::Number(least, most) => value.as_u64().is_some_and(|number| (*least..=*most).contains(&number)),
            Self::NumberOrNever(least, most) => value.as_u64().is_some_and(|number| number == 0 || (*least..=*most).contains(&number)),
            Self::Page => value.is_null() || value.as_str().is_some_and(|text| text.parse::<WebUrl>().is_ok()),
            Self::Text(most) => value.as_str().is_some_and(|text| (1..=*most).contains(&text.chars().count())),
        }
    }
}

impl fmt::Display for Takes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch => f.write_str("true or false (on or off)"),
            Self::Word(words) => write!(f, "one of {}", words().join(", ")),
            Self::Number(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::NumberOrNever(least, most) => write!(f, "a whole number from {least} to {most}, or 0 for never"),
            Self::Text(most) => write!(f, "a text of 1 to {most} characters"),
            Self::Scopes => f.write_str("a list of scopes with blanks between them"),
            Self::Page => f.write_str("an https or http URL, or nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Edition, Settings};
    use serde_json::json;

    fn members(profile: Profile) -> serde_json::Map<String, Value> {
        json!(Settings::of(profile, "T", Edition::CURRENT)).as_object().unwrap().clone()
    }

    #[test]
    fn every_flag_has_a_row_that_knows_what_it_may_be() {
        let settings = members(Profile::Standard);
        let mut names: Vec<&str> = FLAGS.iter().map(|flag| flag.name).collect();
        names.sort_unstable();
        assert_eq!(names, settings.keys().collect::<Vec<_>>());
        for profile in Profile::ALL {
            for (name, value) in members(*profile) {
                assert!(Flag::named(&name).unwrap().takes.is_within(&value), "{profile}: {name} {value}");
            }
        }
    }

    /// Those whose other values are as safe, or safer: each with its reason.
    const FREE: [(&str, &str); 13] = [
        ("profile", "it only sets others"),
        ("title", "a name"),
        ("api.enabled", "off, nothing is answered"),
        ("dcr.mode", "standard has the most open one"),
        ("app_approval", "standard has the most open one"),
        ("access_token.alg", "all are good"),
        ("pkce.require_all", "standard has it off"),
        ("redirect.close_fragment", "standard has it off"),
        ("system_scopes", "standard has it on"),
        ("service_documentation", "the operator's own page"),
        ("op_policy_uri", "the operator's own page"),
        ("op_tos_uri", "the operator's own page"),
        ("scopes", "what may be asked for is not what is granted"),
    ];

    #[test]
    fn every_flag_that_can_be_less_safe_says_what_that_costs() {
        for flag in FLAGS {
            let values = match &flag.takes {
                Takes::Switch => vec![json!(true), json!(false)],
                Takes::Word(words) => words().into_iter().map(Value::from).collect(),
                Takes::Number(least, most) | Takes::NumberOrNever(least, most) => vec![json!(0), json!(least), json!(most)],
                Takes::Text(_) | Takes::Scopes => vec![json!("x")],
                Takes::Page => vec![json!("http://a.example/"), json!(null)],
            };
            let costs: Vec<&str> = values.iter().filter_map(|value| flag.cost(value)).collect();
            let is_free = FREE.iter().any(|(name, why)| *name == flag.name && !why.is_empty());
            assert_eq!(costs.is_empty(), is_free, "{}", flag.name);
            for sentence in costs {
                assert!(
                    sentence.ends_with('.') && sentence.matches(". ").count() == 0 && sentence.len() < 140,
                    "one plain sentence: {sentence}"
                );
            }
        }
    }

    #[test]
    fn the_profile_standard_costs_nothing_and_the_others_say_what_they_cost() {
        let costing = |profile: Profile| -> Vec<String> {
            let all = members(profile).into_iter();
            all.filter(|(name, value)| Flag::named(name).unwrap().cost(value).is_some()).map(|(name, _)| name).collect()
        };
        assert_eq!(costing(Profile::Standard), Vec::<String>::new());
        let openemr = ["code_seconds", "id_token.seed_claims", "introspection.seed_dialect", "keys.rotate_seconds"];
        assert_eq!(costing(Profile::Openemr), openemr);
        assert_eq!(costing(Profile::Iehr), [&["authorize.implicit"], &openemr[..]].concat());
    }

    #[test]
    fn what_a_flag_may_be_is_told_and_kept_at_its_edges() {
        let takes = |name: &str| &Flag::named(name).unwrap().takes;
        for (name, least, most) in [("code_seconds", 1, 300), ("access_seconds", 1, DAY), ("keys.rotate_seconds", 5, 3653 * DAY)] {
            let within = [least - 1, least, most, most + 1].map(|number| takes(name).is_within(&json!(number)));
            assert_eq!(within, [false, true, true, false], "{name}");
        }
        assert!(takes("keys.rotate_seconds").is_within(&json!(0)) && !takes("code_seconds").is_within(&json!("60")));
        assert_eq!(takes("dcr.mode").to_string(), "one of open, token, disabled");
        assert_eq!(takes("keys.rotate_seconds").to_string(), "a whole number from 5 to 315619200, or 0 for never");
        let titles = [0, 1, 80, 81].map(|length| takes("title").is_within(&json!("x".repeat(length))));
        assert_eq!(titles, [false, true, true, false]);
    }
}
