//! Scopes: what they mean, apart from any story.

use crate::laws;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use writ::terms::{Meaning, NamedScope, Role, Scope, ScopeSet};

/// One scope on health records, with few enough words that two of them often have to do with each other.
fn records() -> impl Strategy<Value = String> {
    let letters = subsequence(vec!['c', 'r', 'u', 'd', 's'], 1..=5).prop_map(|letters| letters.into_iter().collect::<String>());
    let parameter = (select(vec!["category", "code", "status:not"]), select(vec!["a", "b", "http://x.example/s|c"]));
    let parameters = vec(parameter.prop_map(|(name, value)| (name.to_owned(), value.to_owned())), 0..3);
    let versioned = prop_oneof![
        3 => (letters, parameters).prop_map(|(letters, mut parameters)| {
            parameters.sort_by(|a, b| b.0.cmp(&a.0));
            parameters.dedup_by(|a, b| a.0 == b.0);
            let search: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
            if search.is_empty() { letters } else { format!("{letters}?{}", search.join("&")) }
        }),
        2 => select(vec!["read", "write", "*"]).prop_map(str::to_owned),
        1 => select(vec!["$export", "$docref"]).prop_map(str::to_owned),
    ];
    let (level, resource) = (select(vec!["patient", "user", "system"]), select(vec!["*", "Patient", "Observation", "allergy"]));
    (level, resource, versioned).prop_map(|(level, resource, act)| format!("{level}/{resource}.{act}"))
}

/// Any scope.
fn scope() -> impl Strategy<Value = Scope> {
    let named = select(NamedScope::ALL.to_vec()).prop_map(|named| named.to_string());
    let other = select(vec!["site:default", "site:other", "x", "api.example/read"]).prop_map(str::to_owned);
    prop_oneof![6 => records(), 2 => named, 1 => other].prop_map(|text| text.parse().unwrap())
}

fn set() -> impl Strategy<Value = ScopeSet> {
    vec(scope(), 0..8).prop_map(|scopes| scopes.into_iter().collect())
}

/// Two scopes, the second often another spelling of the first.
fn pair() -> impl Strategy<Value = (Scope, Scope)> {
    let respelt = |scope: Scope, n: usize| {
        let all = scope.spellings();
        (scope, all[n % all.len()].parse().unwrap())
    };
    prop_oneof![(scope(), scope()), (scope(), 0..3_usize).prop_map(move |(scope, n)| respelt(scope, n))]
}

proptest! {
    #![proptest_config(laws(2000))]

    #[test]
    fn law_14_a_scope_is_read_back_as_it_was_printed(scope in scope()) {
        let again: Scope = scope.to_string().parse().unwrap();
        prop_assert_eq!(again.to_string(), scope.to_string());
        prop_assert_eq!(again.meaning(), scope.meaning());
        let canonical: Scope = scope.meaning().to_string().parse().unwrap();
        prop_assert_eq!(canonical.meaning(), scope.meaning());
    }

    #[test]
    fn law_14_scopes_are_equal_exactly_if_they_mean_the_same((a, b) in pair()) {
        prop_assert_eq!(a == b, a.meaning().to_string() == b.meaning().to_string());
        prop_assert_eq!(a == b, a.is_within(&b) && b.is_within(&a));
        prop_assert_eq!(a == b, [a.clone(), b.clone()].into_iter().collect::<ScopeSet>().len() == 1);
    }

    #[test]
    fn law_14_containment_is_a_partial_order(a in scope(), b in scope(), c in scope()) {
        prop_assert!(a.is_within(&a));
        prop_assert!(!(a.is_within(&b) && b.is_within(&a)) || a == b);
        prop_assert!(!(a.is_within(&b) && b.is_within(&c)) || a.is_within(&c));
    }

    #[test]
    fn law_14_anything_that_is_read_is_printed_as_it_was(text in r"(patient|user|system|System|\*|launch|api|site)?[/:.]?[A-Za-z*]{0,7}[./:]?[a-z$*]{0,5}(\?[a-z]=[a-z%,]{1,3})?") {
        if let Ok(scope) = text.parse::<Scope>() {
            prop_assert_eq!(scope.to_string(), text.clone());
            let records = text.split('/').next().is_some_and(|level| ["patient", "user", "system"].contains(&level)) && text.contains('/');
            prop_assert_eq!(matches!(scope.meaning(), Meaning::Records(_)), records, "{} opens records by its first word alone", text);
        }
    }

    #[test]
    fn law_14_a_set_is_read_back_as_it_was_printed_whatever_was_done_to_it(a in set(), b in set()) {
        for set in [a.clone(), a.union(&b), a.intersection(&b), a.without(&b), a.beyond(&b), a.of_role(Role::Patient)] {
            let again: ScopeSet = serde_json::from_value(serde_json::to_value(&set).unwrap()).unwrap();
            prop_assert_eq!(&again, &set);
            prop_assert_eq!(ScopeSet::parse(&set.to_string()).unwrap(), set);
        }
    }

    #[test]
    fn law_13_what_two_sets_allow_is_within_both_and_misses_nothing_of_either(a in set(), b in set(), x in scope()) {
        let both = a.intersection(&b);
        prop_assert!(both.is_within(&a) && both.is_within(&b), "{both} of {a} and {b}");
        prop_assert_eq!(both.intersection(&a), both.clone());
        let x: ScopeSet = [x].into_iter().collect();
        // Of two different searches what both find has no name, so it is given up.
        let searches = [&a, &b].iter().any(|set| set.to_string().contains('?'));
        prop_assert!(searches || !(x.is_within(&a) && x.is_within(&b)) || x.is_within(&both), "{x} is within {a} and {b}, not {both}");
        prop_assert_eq!(a.is_within(&b), a.intersection(&b) == a);
    }

    #[test]
    fn law_13_containment_of_sets_is_an_order_and_union_and_difference_keep_it(a in set(), b in set(), c in set()) {
        prop_assert!(a.is_within(&a) && a.is_within(&a.union(&b)) && b.is_within(&a.union(&b)));
        prop_assert!(!(a.is_within(&b) && b.is_within(&c)) || a.is_within(&c), "{a} / {b} / {c}");
        prop_assert!(a.without(&b).is_within(&a) && a.without(&b).intersection(&b).is_empty(), "{a} without {b}");
        prop_assert!(a.beyond(&b).is_empty() == a.is_within(&b));
        for role in [Role::Users, Role::Patient] {
            prop_assert!(a.of_role(role).is_within(&a));
            // Narrowing and the role may come in any order.
            prop_assert_eq!(a.of_role(role).intersection(&b), a.intersection(&b).of_role(role));
        }
    }
}
