//! The checker checked: stories that a sound server tells, and the same with a bug planted in each.

use super::model::State;
use super::search::{Unexplained, explain};
use super::*;

/// Operations one after the other.
fn story(acts: &[(Act, Outcome)]) -> Vec<Operation> {
    let at = |(start, (act, outcome)): (u64, &(Act, Outcome))| Operation { act: *act, outcome: *outcome, start, end: start + 5 };
    (0..).step_by(10).zip(acts).map(at).collect()
}
/// The same, all at once.
fn race(acts: &[(Act, Outcome)]) -> Vec<Operation> {
    acts.iter().map(|(act, outcome)| Operation { act: *act, outcome: *outcome, start: 1000, end: 1010 }).collect()
}
fn is_explained(kind: Kind, operations: &[Operation]) -> bool {
    explain(State::begin(kind), operations).is_ok()
}

use Act::{Delete, End, Issue, ReadAccess, ReadClient, ReadRefresh, ReadSession, Redeem, Refresh, Register, SignIn, SignOut, Update};
use Outcome::{Done, Refused, Saw, Unknown};

const REDEEMED: [(Act, Outcome); 2] = [(Issue, Done), (Redeem, Done)];

#[test]
fn sound_stories_are_explained() {
    let grants: [&[(Act, Outcome)]; 8] = [
        &[(Refresh(0), Done), (Refresh(1), Done), (ReadRefresh(2), Saw(1)), (ReadRefresh(0), Saw(0)), (ReadAccess(0), Saw(1))],
        &[(Redeem, Refused), (ReadAccess(0), Saw(0)), (Refresh(0), Refused)],
        &[(Refresh(0), Done), (Refresh(0), Refused), (ReadAccess(1), Saw(0))],
        &[(End, Done), (Refresh(0), Refused), (ReadRefresh(0), Saw(0))],
        &[(Refresh(0), Unknown), (ReadRefresh(0), Saw(1)), (Refresh(0), Done)],
        &[(Refresh(0), Unknown), (ReadRefresh(0), Saw(0)), (ReadAccess(0), Saw(1)), (Refresh(0), Refused), (ReadAccess(0), Saw(0))],
        &[(End, Unknown), (ReadAccess(0), Saw(0)), (ReadRefresh(0), Saw(0))],
        &[(End, Unknown), (ReadAccess(0), Saw(1)), (Refresh(0), Done)],
    ];
    for grant in grants {
        assert!(is_explained(Kind::Grant, &story(&[&REDEEMED[..], grant].concat())), "{grant:?}");
    }
    let lost_answer = [(Issue, Done), (Redeem, Unknown), (Redeem, Refused)];
    assert!(is_explained(Kind::Grant, &story(&lost_answer)), "the first redemption happened");
    let client = [(Register, Done), (Update(1), Done), (Update(2), Unknown), (ReadClient, Saw(1)), (Delete, Done), (ReadClient, Refused)];
    assert!(is_explained(Kind::Client, &story(&client)));
    let session = [(ReadSession, Saw(0)), (SignIn, Done), (ReadSession, Saw(1)), (SignOut, Done), (ReadSession, Saw(0))];
    assert!(is_explained(Kind::Session, &story(&session)));
}

#[test]
fn a_race_is_explained_if_one_order_is() {
    let race_of = |acts: &[(Act, Outcome)]| [story(&REDEEMED), race(acts)].concat();
    assert!(is_explained(Kind::Grant, &race_of(&[(Refresh(0), Refused), (Refresh(0), Done), (Refresh(0), Refused)])));
    assert!(is_explained(Kind::Grant, &race_of(&[(Refresh(0), Done), (End, Done), (ReadAccess(1), Saw(1))])));
    assert!(!is_explained(Kind::Grant, &race_of(&[(Refresh(0), Done), (Refresh(0), Done)])), "planted: two successors of one token");
    assert!(!is_explained(Kind::Grant, &race_of(&[(Refresh(0), Refused), (Refresh(0), Refused)])), "planted: both lose");
    let redeemed_at_once = [story(&[(Issue, Done)]), race(&[(Redeem, Done), (Redeem, Done)])].concat();
    assert!(!is_explained(Kind::Grant, &redeemed_at_once), "planted: one code, two answers");
}

#[test]
fn every_planted_bug_of_a_grant_is_caught() {
    let bugs: [(&str, &[(Act, Outcome)]); 14] = [
        ("a code redeemed twice", &[(Redeem, Done)]),
        ("a code replayed, and the grant lives on", &[(Redeem, Refused), (ReadAccess(0), Saw(1))]),
        ("one generation rotated twice", &[(Refresh(0), Done), (Refresh(0), Done)]),
        ("a rotated token active after the restart", &[(Refresh(0), Done), (ReadRefresh(0), Saw(1))]),
        ("a rotation forgotten", &[(Refresh(0), Done), (Refresh(1), Refused)]),
        ("a reuse, and the family lives on", &[(Refresh(0), Done), (Refresh(0), Refused), (Refresh(1), Done)]),
        ("a refresh after a revocation", &[(End, Done), (Refresh(0), Done)]),
        ("a revocation forgotten", &[(End, Done), (ReadAccess(0), Saw(1))]),
        ("a good token refused", &[(Refresh(0), Refused)]),
        ("an access token forgotten", &[(ReadAccess(0), Saw(0))]),
        ("a token before its time", &[(ReadAccess(1), Saw(1))]),
        ("a cut-off revocation that happens and unhappens", &[(End, Unknown), (ReadAccess(0), Saw(0)), (ReadAccess(0), Saw(1))]),
        ("a cut-off refresh that ended the grant by itself", &[(Refresh(0), Unknown), (ReadAccess(0), Saw(0))]),
        ("a dead grant comes alive", &[(End, Done), (ReadRefresh(0), Saw(0)), (ReadRefresh(0), Saw(1))]),
    ];
    for (bug, acts) in bugs {
        assert!(!is_explained(Kind::Grant, &story(&[&REDEEMED[..], acts].concat())), "not caught: {bug}");
    }
    assert!(!is_explained(Kind::Grant, &story(&[(Issue, Done), (Redeem, Refused)])), "not caught: an acknowledged code forgotten");
    assert!(!is_explained(Kind::Grant, &story(&[(Redeem, Done)])), "not caught: a code that nobody issued");
}

#[test]
fn every_planted_bug_of_a_client_or_session_is_caught() {
    let clients: [(&str, &[(Act, Outcome)]); 5] = [
        ("a registration forgotten", &[(Register, Done), (ReadClient, Refused)]),
        ("an update forgotten", &[(Register, Done), (Update(1), Done), (ReadClient, Saw(0))]),
        ("a deleted client comes back", &[(Register, Done), (Delete, Done), (ReadClient, Saw(0))]),
        ("a deleted client is updated", &[(Register, Done), (Delete, Done), (Update(1), Done)]),
        ("an update unhappens", &[(Register, Done), (Update(1), Unknown), (ReadClient, Saw(1)), (ReadClient, Saw(0))]),
    ];
    for (bug, acts) in clients {
        assert!(!is_explained(Kind::Client, &story(acts)), "not caught: {bug}");
    }
    let sessions: [(&str, &[(Act, Outcome)]); 3] = [
        ("a session forgotten", &[(SignIn, Done), (ReadSession, Saw(0))]),
        ("a logout forgotten", &[(SignIn, Done), (SignOut, Done), (ReadSession, Saw(1))]),
        ("signed in by nobody", &[(ReadSession, Saw(1))]),
    ];
    for (bug, acts) in sessions {
        assert!(!is_explained(Kind::Session, &story(acts)), "not caught: {bug}");
    }
}

#[test]
fn what_was_cut_off_cannot_happen_after_the_kill() {
    let mut operations = story(&[&REDEEMED[..], &[(End, Unknown), (ReadAccess(0), Saw(1)), (ReadAccess(0), Saw(0))]].concat());
    assert!(!is_explained(Kind::Grant, &operations));
    if let Some(cut_off) = operations.get_mut(2) {
        cut_off.end = u64::MAX;
    }
    assert!(is_explained(Kind::Grant, &operations), "if the server had lived on, it might");
}

#[test]
fn a_story_too_long_to_be_searched_is_told_and_not_passed() {
    let long = story(&[(SignIn, Done); 65]);
    assert_eq!(explain(State::begin(Kind::Session), &long), Err(Unexplained::TooMany(65)));
    assert!(is_explained(Kind::Session, &long[..64]));
}

#[test]
fn a_history_is_kept_as_it_happens() {
    let mut history = History::default();
    let (grant, session) = (history.object(Kind::Grant), history.object(Kind::Session));
    for (acts, outcome) in [(vec![(session, SignIn)], Done), (vec![(grant, Issue)], Done), (vec![(grant, End), (session, SignOut)], Done)] {
        let ticket = history.begin(&acts);
        history.end(ticket, outcome);
    }
    history.begin(&[(session, SignIn)]);
    history.died();
    let asked = history.begin(&[(session, ReadSession)]);
    history.end(asked, Saw(1));
    assert_eq!((history.answered(), history.cut_off(), history.unexplained()), (4, 1, vec![]));
    let asked = history.begin(&[(grant, ReadAccess(0))]);
    history.end(asked, Saw(1));
    assert_eq!(history.unexplained().len(), 1);
    history.complain("503".to_owned());
    assert_eq!(history.unexplained().len(), 2);
}
