//! The steps that a story is made of. A number picks one of what there is at that moment, wrapping around.

use crate::world::AppKind;
use proptest::collection::vec;
use proptest::prelude::*;

/// One step.
#[derive(Clone, Debug)]
pub enum Step {
    Register { site: u8, kind: AppKind, scope: u8 },
    Update { app: u8, token: u8, scope: u8 },
    Unregister { app: u8 },
    Authorize { app: u8, browser: u8, scope: u8, ask: Ask, right_password: bool },
    GuessPassword { person: u8, times: u8 },
    Redeem { code: u8, bend: Bend },
    Refresh { tokens: u8, app: Option<u8>, scope: u8, forged: bool },
    GrantToApp { app: u8, scope: u8 },
    SendPassword { app: u8, person: u8, scope: u8, right: bool, bare: bool },
    Introspect { tokens: u8, app: u8, refresh: bool },
    Userinfo { tokens: u8, site: u8 },
    Revoke { tokens: u8, app: Option<u8>, refresh: bool },
    SignOut { browser: u8, site: u8, hint: Option<u8>, everywhere: bool },
    Administer { site: u8, what: Administration },
    Advance { seconds: u64 },
    SetBack { seconds: u64 },
    Tell,
}

/// How an authorization request is bent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Ask {
    Rightly,
    WithNonce,
    WithoutPkce,
    WithoutRedirectUri,
    ForOtherAddress,
    Silently,
    AnewWithPassword,
    AnewWithConsent,
    AndIsDenied,
    AndGetsLess,
    AtFront(&'static str),
}

/// How a redemption is bent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Bend {
    Nothing,
    OtherApp(u8),
    OtherSite,
    WrongSecret,
    WrongVerifier,
    NoVerifier,
    WrongRedirectUri,
    NoRedirectUri,
    MadeUpCode,
}

/// What an administrator does.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Administration {
    DisableClient(u8),
    EnableClient(u8),
    ApproveClient(u8),
    RotateSecret(u8),
    DisableUser(u8),
    EnableUser(u8),
    UnlockUser(u8),
    SetPassword(u8),
    EraseUser(u8),
    WithdrawConsent(u8, u8),
    LetTakePasswords(u8, bool),
    LetLeaveOutSecret(u8, bool),
    Configure(Setting),
    RotateKey(bool),
    RetireKey(u8),
    TendKeys,
}

/// A flag and its new value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Setting {
    CodeSeconds(u8),
    AccessSeconds(u16),
    RefreshSeconds(u16),
    RefreshAbsoluteSeconds(u16),
    RetrySeconds(u8),
    RetryPublicSeconds(u8),
    SessionIdleSeconds(u16),
    PkceForAll(bool),
    ManualApproval(bool),
    AccessTokenEdDsa(bool),
    PasswordGrant(u8),
    SystemScopes(bool),
    KeysRotateSeconds(u16),
    KeysPublishSeconds(u8),
}

/// A story of so many steps.
pub fn steps(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), length)
}

fn step() -> impl Strategy<Value = Step> {
    let n = || any::<u8>();
    prop_oneof![
        3 => (n(), kind(), n()).prop_map(|(site, kind, scope)| Step::Register { site, kind, scope }),
        1 => (n(), n(), n()).prop_map(|(app, token, scope)| Step::Update { app, token, scope }),
        1 => n().prop_map(|app| Step::Unregister { app }),
        10 => (n(), n(), n(), ask(), prop::bool::weighted(0.9))
            .prop_map(|(app, browser, scope, ask, right_password)| Step::Authorize { app, browser, scope, ask, right_password }),
        1 => (n(), 1..7_u8).prop_map(|(person, times)| Step::GuessPassword { person, times }),
        10 => (recent(), bend()).prop_map(|(code, bend)| Step::Redeem { code, bend }),
        16 => (recent_or_used(), rarely(), n(), prop::bool::weighted(0.05))
            .prop_map(|(tokens, app, scope, forged)| Step::Refresh { tokens, app, scope, forged }),
        3 => (n(), n()).prop_map(|(app, scope)| Step::GrantToApp { app, scope }),
        4 => (n(), n(), n(), prop::bool::weighted(0.8), prop::bool::weighted(0.2))
            .prop_map(|(app, person, scope, right, bare)| Step::SendPassword { app, person, scope, right, bare }),
        4 => (recent(), n(), any::<bool>()).prop_map(|(tokens, app, refresh)| Step::Introspect { tokens, app, refresh }),
        2 => (recent(), n()).prop_map(|(tokens, site)| Step::Userinfo { tokens, site }),
        2 => (recent(), rarely(), any::<bool>()).prop_map(|(tokens, app, refresh)| Step::Revoke { tokens, app, refresh }),
        2 => (n(), n(), prop::option::of(recent()), prop::bool::weighted(0.3))
            .prop_map(|(browser, site, hint, everywhere)| Step::SignOut { browser, site, hint, everywhere }),
        4 => (n(), administration()).prop_map(|(site, what)| Step::Administer { site, what }),
        4 => seconds().prop_map(|seconds| Step::Advance { seconds }),
        1 => (1..60_u64).prop_map(|seconds| Step::SetBack { seconds }),
        1 => Just(Step::Tell),
    ]
}

/// Mostly the last ones, counted from the end.
fn recent() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0), 3 => 0..3_u8, 1 => any::<u8>()]
}
/// Often enough one of those before the last, which a rotation has used up.
fn recent_or_used() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0), 4 => 1..4_u8, 1 => any::<u8>()]
}
fn rarely() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![6 => Just(None), 1 => any::<u8>().prop_map(Some)]
}
fn seconds() -> impl Strategy<Value = u64> {
    prop_oneof![9 => 1..20_u64, 3 => 30..400_u64, 2 => 3_000..16_000_u64, 1 => 80_000..100_000_u64, 1 => Just(91 * 86_400)]
}
fn kind() -> impl Strategy<Value = AppKind> {
    prop_oneof![3 => Just(AppKind::Basic), 2 => Just(AppKind::Post), 2 => Just(AppKind::Public), 1 => Just(AppKind::Key)]
}
fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        12 => Just(Ask::Rightly),
        3 => Just(Ask::WithNonce),
        1 => Just(Ask::WithoutPkce),
        1 => Just(Ask::WithoutRedirectUri),
        1 => Just(Ask::ForOtherAddress),
        1 => Just(Ask::Silently),
        2 => Just(Ask::AnewWithPassword),
        1 => Just(Ask::AnewWithConsent),
        1 => Just(Ask::AndIsDenied),
        2 => Just(Ask::AndGetsLess),
        3 => prop::sample::select(&["token", "id_token", "id_token token", "code id_token", "code token", "code id_token token"][..])
            .prop_map(Ask::AtFront),
    ]
}
fn bend() -> impl Strategy<Value = Bend> {
    prop_oneof![
        12 => Just(Bend::Nothing),
        2 => any::<u8>().prop_map(Bend::OtherApp),
        1 => Just(Bend::OtherSite),
        1 => Just(Bend::WrongSecret),
        2 => Just(Bend::WrongVerifier),
        1 => Just(Bend::NoVerifier),
        1 => Just(Bend::WrongRedirectUri),
        1 => Just(Bend::NoRedirectUri),
        1 => Just(Bend::MadeUpCode),
    ]
}
fn administration() -> impl Strategy<Value = Administration> {
    use Administration::*;
    let n = || any::<u8>();
    prop_oneof![
        2 => n().prop_map(DisableClient),
        2 => n().prop_map(EnableClient),
        1 => n().prop_map(ApproveClient),
        1 => n().prop_map(RotateSecret),
        2 => n().prop_map(DisableUser),
        2 => n().prop_map(EnableUser),
        1 => n().prop_map(UnlockUser),
        1 => n().prop_map(SetPassword),
        1 => n().prop_map(EraseUser),
        2 => (n(), n()).prop_map(|(person, app)| WithdrawConsent(person, app)),
        2 => (n(), prop::bool::weighted(0.8)).prop_map(|(app, on)| LetTakePasswords(app, on)),
        1 => (n(), any::<bool>()).prop_map(|(app, on)| LetLeaveOutSecret(app, on)),
        6 => setting().prop_map(Configure),
        1 => any::<bool>().prop_map(RotateKey),
        1 => n().prop_map(RetireKey),
        2 => Just(TendKeys),
    ]
}
fn setting() -> impl Strategy<Value = Setting> {
    prop_oneof![
        (1..=255_u8).prop_map(Setting::CodeSeconds),
        (1..5_000_u16).prop_map(Setting::AccessSeconds),
        (1..5_000_u16).prop_map(Setting::RefreshSeconds),
        (1..10_000_u16).prop_map(Setting::RefreshAbsoluteSeconds),
        (0..20_u8).prop_map(Setting::RetrySeconds),
        (0..20_u8).prop_map(Setting::RetryPublicSeconds),
        (60..20_000_u16).prop_map(Setting::SessionIdleSeconds),
        any::<bool>().prop_map(Setting::PkceForAll),
        any::<bool>().prop_map(Setting::ManualApproval),
        any::<bool>().prop_map(Setting::AccessTokenEdDsa),
        any::<u8>().prop_map(Setting::PasswordGrant),
        any::<bool>().prop_map(Setting::SystemScopes),
        (5..5_000_u16).prop_map(Setting::KeysRotateSeconds),
        any::<u8>().prop_map(Setting::KeysPublishSeconds),
    ]
}
