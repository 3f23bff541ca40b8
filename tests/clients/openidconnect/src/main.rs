//! The whole life of an app with the crate `openidconnect`, once for each way a client may authenticate.
//!
//!     writ-openidconnect-client ISSUER USERNAME PASSWORD

mod app;
mod browser;
// The pages' forms are read as the load tool reads them.
#[path = "../../../../tools/src/flows/page.rs"]
mod form;
mod http;
mod steps;

use app::App;
use browser::Browser;
use openidconnect::core::{CoreClientAuthMethod, CoreErrorResponseType, CoreRegisterErrorResponseType, CoreRequestTokenError};
use openidconnect::registration::ClientRegistrationError;
use openidconnect::url::Url;
use openidconnect::{ClaimsVerificationError, DiscoveryError, IssuerUrl, Nonce, OAuth2TokenResponse};
use std::error::Error;
use std::process::ExitCode;
use steps::{ChapterEnded, Outcome, Steps};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [issuer, username, password] = arguments.as_slice() else {
        eprintln!("usage: writ-openidconnect-client ISSUER USERNAME PASSWORD");
        return ExitCode::from(2);
    };
    let (Ok(issuer), Ok(url)) = (IssuerUrl::new(issuer.clone()), Url::parse(issuer)) else {
        eprintln!("{issuer} is no URL");
        return ExitCode::from(2);
    };
    let steps = Steps::default();
    let methods = [CoreClientAuthMethod::ClientSecretBasic, CoreClientAuthMethod::ClientSecretPost, CoreClientAuthMethod::None];
    for method in methods {
        let browser = || Browser::new(&url, username, password);
        let name = format!("openidconnect with {method:?}");
        steps.chapter(&name, || life(&steps, &issuer, method, browser));
    }
    steps.chapter("openidconnect takes nothing for somebody else's", || refusals(&steps, &issuer, Browser::new(&url, username, password)));
    steps.finish()
}

fn life(steps: &Steps, issuer: &IssuerUrl, method: CoreClientAuthMethod, browser: impl Fn() -> Browser) -> Result<(), ChapterEnded> {
    let public = method == CoreClientAuthMethod::None;
    let mut browser = browser();
    let app = steps.step("discovers the server and registers", || App::register(issuer, method))?;
    let (first, claims) = steps.step("gets tokens after sign-in and consent; the ID token is valid", || app.tokens(&mut browser))?;
    steps.step("userinfo names the same person", || {
        let email = app.userinfo(&first, &claims)?.email().map(|email| email.to_string());
        ensure!(email.as_deref() == Some("amelia@example.org"), "{email:?}");
        Ok(())
    })?;
    let second = steps.step("refreshes", || app.refresh(&first))?;
    if !public {
        steps.step("introspects a living token", || {
            ensure!(app.is_active(&second)?, "it is dead");
            Ok(())
        })?;
    }
    steps.step("revokes; the tokens are dead", || {
        app.revoke(&second)?;
        ensure!(public || !app.is_active(&second)?, "it lives");
        refused(app.refresh(&second), &CoreErrorResponseType::InvalidGrant)?;
        ensure!(app.userinfo(&second, &claims).is_err(), "userinfo answers");
        Ok(())
    })?;
    let (last, claims) = steps.step("gets another grant without a second sign-in", || app.tokens(&mut browser))?;
    steps.step("signs out and comes back with its state; nothing is left alive", || {
        app.sign_out(&mut browser, &last)?;
        ensure!(app.userinfo(&last, &claims).is_err(), "userinfo answers");
        refused(app.refresh(&last), &CoreErrorResponseType::InvalidGrant)
    })
}

fn refusals(steps: &Steps, issuer: &IssuerUrl, mut browser: Browser) -> Result<(), ChapterEnded> {
    steps.step("an issuer that names itself otherwise", || {
        let other = IssuerUrl::new(format!("{}/", issuer.as_str()))?;
        let why = failed(app::discover(&other))?;
        let named = matches!(why.downcast_ref::<DiscoveryError<ureq::Error>>(), Some(DiscoveryError::Validation(_)));
        ensure!(named, "{why}");
        Ok(())
    })?;
    let app = steps.step("registers", || App::register(issuer, CoreClientAuthMethod::ClientSecretBasic))?;
    steps.step("an ID token for another question, and a code used twice", || {
        let asked = app.asks();
        let code = App::code(&asked, &browser.answer(asked.url.clone())?)?;
        let verifier = || openidconnect::PkceCodeVerifier::new(asked.verifier.secret().clone());
        let tokens = app.redeem(code.clone(), verifier())?;
        let why = failed(app.claims(&tokens, &Nonce::new_random()))?;
        let nonce = matches!(why.downcast_ref::<ClaimsVerificationError>(), Some(ClaimsVerificationError::InvalidNonce(_)));
        ensure!(nonce, "{why}");
        refused(app.redeem(code, verifier()), &CoreErrorResponseType::InvalidGrant)?;
        ensure!(!app.is_active(&tokens)?, "the first tokens live: {:?}", tokens.scopes());
        Ok(())
    })?;
    steps.step("a redirect_uri with a fragment is refused by its name", || {
        let server = app::discover(issuer)?;
        let endpoint = server.registration_endpoint().ok_or("no registration endpoint")?;
        let request = app::registration(CoreClientAuthMethod::None, "https://witness.example.org/#here")?;
        match request.register(endpoint, &http::send) {
            Err(ClientRegistrationError::ServerResponse(why)) if why.error() == &CoreRegisterErrorResponseType::InvalidRedirectUri => {
                Ok(())
            }
            other => Err(format!("{other:?}").into()),
        }
    })
}

fn failed<T>(outcome: Outcome<T>) -> Outcome<Box<dyn Error>> {
    outcome.err().ok_or_else(|| "this should have been refused".into())
}

/// The server refuses with this error (RFC 6749 §5.2).
fn refused<T>(outcome: Outcome<T>, error: &CoreErrorResponseType) -> Outcome<()> {
    let why = failed(outcome)?;
    match why.downcast_ref::<CoreRequestTokenError<ureq::Error>>() {
        Some(CoreRequestTokenError::ServerResponse(response)) if response.error() == error => Ok(()),
        _ => Err(format!("refused otherwise: {why}").into()),
    }
}
