//! `POST /oauth2/{site}/token` (RFC 6749 §3.2, SPEC.md a.5).

mod client;
mod password;

use super::client_credentials::{client_proof, named_client, refuse, refuse_about, refused, unproven, unreadable};
use super::context::{At, failed, failed_after_deciding};
use super::{Params, Response, cors, reply};
use crate::command::{Decide, RedeemCode, RefreshFact, Refused, RotateRefresh};
use crate::event::{Endpoint, IssuedTokens, Refusal, UnknownScope};
use crate::ledger::{Failure, MintedTokens, Presented, Submitted};
use crate::terms::{ClientId, CodeVerifier, Digest, GrantType, ScopeError, ScopeSet, Secret};
use http::{Method, StatusCode};
use serde::Serialize;

/// The route.
pub async fn endpoint(at: At) -> Response {
    match at.inbound.method {
        Method::POST => {
            let (response, client) = exchange(&at).await;
            with_cors(&at, response, client.as_ref())
        }
        Method::OPTIONS => preflight(&at, "POST"),
        _ => reply::method_not_allowed("POST"),
    }
}

/// `POST /oauth2/{site}/password`: another name of the endpoint for the password grant alone, where the site has it (SPEC.md k-31).
pub async fn password_path(at: At) -> Response {
    let has_it = at.site.read(|state| state.site.as_ref().is_some_and(|site| site.settings.compat_password_path));
    match at.inbound.method {
        _ if !has_it => reply::not_found(),
        Method::POST => {
            let (response, client) = exchange_as(&at, Some(GrantType::Password)).await;
            with_cors(&at, response, client.as_ref())
        }
        Method::OPTIONS => preflight(&at, "POST"),
        _ => reply::method_not_allowed("POST"),
    }
}

async fn exchange(at: &At) -> (Response, Option<ClientId>) {
    exchange_as(at, None).await
}

/// `only` is the one grant type of the path; a request there need not name it.
async fn exchange_as(at: &At, only: Option<GrantType>) -> (Response, Option<ClientId>) {
    let params = match Params::of_form(&at.inbound) {
        Ok(params) => params,
        Err(error) => return (refuse(at, Endpoint::Token, unreadable(error), None).await, None),
    };
    let client = named_client(at, &params);
    let response = match params.get("grant_type").or(only.map(GrantType::as_str)) {
        Some(text) if only.is_some_and(|only| only.as_str() != text) => {
            refuse(at, Endpoint::Token, Refusal::GrantTypeUnsupported, client.clone()).await
        }
        None => refuse_about(at, Endpoint::Token, missing("grant_type"), client.clone()).await,
        Some(text) => match text.parse() {
            Ok(GrantType::AuthorizationCode) => redeem(at, &params).await,
            Ok(GrantType::RefreshToken) => refresh(at, &params).await,
            Ok(GrantType::ClientCredentials) => client::grant(at, &params).await,
            Ok(GrantType::Password) => password::redeem(at, &params, client.clone()).await,
            Ok(GrantType::Implicit) | Err(_) => refuse(at, Endpoint::Token, Refusal::GrantTypeUnsupported, client.clone()).await,
        },
    };
    // A public client that refreshes need not name itself: its grant does.
    let owner = client.clone().or_else(|| at.ledger.owner_of(&at.site, params.get("refresh_token")?));
    (response, owner)
}

fn missing(parameter: &str) -> Refused {
    Refused::about(Refusal::ParameterMissing, parameter)
}

fn unreadable_scope(error: &ScopeError) -> Refused {
    Refused::about(Refusal::ScopeUnknown, error.to_string())
}

/// The scope of a grant that begins here: what the site does not know is refused with it, or dropped (SPEC.md k-10).
fn scope_asked_for(at: &At, text: &str) -> Result<ScopeSet, Refused> {
    let unknown = at.site.read(|state| state.site.as_ref().map_or(UnknownScope::Reject, |site| site.settings.scope_unknown));
    let scope = match unknown {
        UnknownScope::Reject => ScopeSet::parse(text),
        UnknownScope::Ignore => ScopeSet::parse_understood(text),
    };
    // A client may send back what it was told.
    scope.map(|scope| scope.without_site(at.site.name())).map_err(|error| unreadable_scope(&error))
}

/// `grant_type=authorization_code` (RFC 6749 §4.1.3). A `state` that comes along is ignored (SPEC.md k-27).
async fn redeem(at: &At, params: &Params) -> Response {
    let client_auth = match client_proof(at, params).await {
        Ok(proof) => proof,
        Err(why) => return unproven(at, Endpoint::Token, why).await,
    };
    let client = client_auth.client.clone();
    let Some(code) = params.secret("code") else { return refuse_about(at, Endpoint::Token, missing("code"), client).await };
    let verifier = match params.get("code_verifier").map(CodeVerifier::parse).transpose() {
        Ok(verifier) => verifier.map(|verifier| verifier.challenge()),
        Err(_) => return refuse(at, Endpoint::Token, Refusal::VerifierMalformed, client).await,
    };
    let redirect_uri = params.get("redirect_uri").map(|uri| Digest::of(uri.as_bytes()));
    let command = RedeemCode { code: digest_of_a_code(&code), redirect_uri, verifier, client_auth };
    submit(at, client, command, |issued| issued).await
}

/// Only what has the form of our codes is recorded, and only by its digest: a text that somebody typed could be guessed from it.
fn digest_of_a_code(code: &Secret) -> Option<Digest> {
    code.expose().parse::<Digest>().is_ok().then(|| code.digest())
}

/// `grant_type=refresh_token` (RFC 6749 §6).
async fn refresh(at: &At, params: &Params) -> Response {
    let client_auth = match client_proof(at, params).await {
        Ok(proof) => proof,
        Err(why) => return unproven(at, Endpoint::Token, why).await,
    };
    let client = client_auth.client.clone();
    let Some(text) = params.get("refresh_token") else {
        return refuse_about(at, Endpoint::Token, missing("refresh_token"), client).await;
    };
    let refresh_token = match at.ledger.present(&at.site, text) {
        Presented::Refresh(fact) => fact,
        Presented::Access(_) | Presented::BadSignature | Presented::OtherJwt | Presented::Unreadable => RefreshFact::Foreign,
    };
    let scope = match params.get("scope").map(ScopeSet::parse).transpose() {
        Ok(scope) => scope.map(|scope| scope.without_site(at.site.name())),
        Err(error) => return refuse_about(at, Endpoint::Token, unreadable_scope(&error), client).await,
    };
    let client = client.or_else(|| at.ledger.owner_of(&at.site, text));
    submit(at, client, RotateRefresh { refresh_token, scope, client_auth }, |refreshed| &refreshed.tokens).await
}

/// Decides, signs while the disk syncs, and answers after the commit point.
async fn submit<C: Decide>(at: &At, client: Option<ClientId>, command: C, tokens: impl Fn(&C::Answer) -> &IssuedTokens) -> Response {
    // A key that cannot be had is found out before anything is decided.
    let submitted = match at.ledger.ready_to_sign(&at.site, client.as_ref()) {
        Ok(()) => at.ledger.submit(&at.site, command, at.facts()).await,
        Err(failure) => Err(failure),
    };
    let submitted: Submitted<C::Answer> = match submitted {
        Ok(submitted) => submitted,
        Err(failure) => return failed(failure).await,
    };
    match minted(at, submitted, tokens).await {
        Ok(Ok(minted)) => reply::no_store(reply::json(StatusCode::OK, &body(at, &minted))),
        // Nobody looked at a password, so nothing was decided that would be told: it is told here, many times in one.
        Ok(Err(refusal)) if refusal.refusal == Refusal::SignInDelayed => refuse_about(at, Endpoint::Token, refusal, client).await,
        Ok(Err(refusal)) => refused(at, &refusal),
        Err(failure) => failed_after_deciding(failure).await,
    }
}

async fn minted<A>(
    at: &At,
    submitted: Submitted<A>,
    tokens: impl Fn(&A) -> &IssuedTokens,
) -> Result<Result<MintedTokens, Refused>, Failure> {
    let minted = submitted.answer().as_ref().ok().map(|answer| at.ledger.mint(&at.site, tokens(answer)));
    match submitted.durable().await? {
        Ok(_) => Ok(Ok(minted.ok_or_else(|| Failure::Contradiction("an answer without tokens".to_owned()))??)),
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// RFC 6749 §5.1, OpenID Connect Core §3.1.3.3.
#[derive(Serialize)]
struct TokenResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    token_type: &'static str,
    expires_in: u64,
    access_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    scope: String,
}

fn body<'a>(at: &At, minted: &'a MintedTokens) -> TokenResponse<'a> {
    TokenResponse {
        id_token: minted.id_token.as_ref().map(|token| token.expose()),
        token_type: "Bearer",
        expires_in: minted.expires_at.seconds_since(at.ledger.now()),
        access_token: minted.access_token.expose(),
        refresh_token: minted.refresh_token.as_ref().map(|token| token.expose()),
        scope: minted.scope.to_string(),
    }
}

/// Scripts may read the answer if their origin is that of one of the client's redirection URIs or `allowed_origins` (SPEC.md a.13).
pub(super) fn with_cors(at: &At, response: Response, client: Option<&ClientId>) -> Response {
    let Some(origin) = cors::origin(&at.inbound.headers) else { return cors::vary(response) };
    let known = at.site.read(|state| {
        let client = client.and_then(|id| state.clients.by_id(id));
        client.is_some_and(|client| client.metadata.is_at(origin))
    });
    if known { cors::allow(response, origin) } else { cors::vary(response) }
}

/// The client is not known at preflight time, so the request itself decides.
pub(super) fn preflight(at: &At, methods: &'static str) -> Response {
    match cors::origin(&at.inbound.headers) {
        Some(origin) => cors::preflight(origin, methods),
        None => cors::vary(reply::empty(StatusCode::NO_CONTENT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{ClientProof, ConsentFact, IssueCode, RegisterClient, SecretFact, SignIn, Via};
    use crate::event::{Edition, Profile};
    use crate::http::Inbound;
    use crate::http::peer::Peer;
    use crate::http::registration::parse_metadata;
    use crate::ledger::{Clock, FrozenClock, Ledger, OpenSettings, draw_bytes, draw_id};
    use crate::log::EngineKind;
    use crate::terms::{Actor, Role, Secret, SessionId, SiteName, Timestamp};
    use crate::vault::PasswordText;
    use std::sync::Arc;
    use std::time::Duration;

    /// A site with a person who is signed in and a client of hers.
    struct World {
        at: At,
        session: SessionId,
        proof: ClientProof,
        _folder: tempfile::TempDir,
    }

    async fn world() -> World {
        let folder = tempfile::tempdir().unwrap();
        let clock = FrozenClock::at(Timestamp::from_unix_seconds(1_790_000_000));
        let ledger = Ledger::open(OpenSettings {
            directory: folder.path().to_owned(),
            engine: EngineKind::File,
            master_key_file: None,
            clock: Some(Clock::frozen(clock)),
            outbound: Default::default(),
            on_fatal: Box::new(|fatal| panic!("{fatal}")),
        })
        .unwrap();
        let (name, issuer, by) = (SiteName::default_site(), "https://op.test/oauth2/default".to_owned(), Actor::Os(0));
        let site = ledger.create_site(&name, issuer, Profile::Standard, "T".into(), by.clone()).await.unwrap();
        let password = Secret::new("correct horse".into());
        let text = PasswordText::parse(&password).ok();
        let request = ledger.own_request();
        ledger.create_user(&site, "jane", text, Role::Users, Default::default(), by.clone(), request.clone()).await.unwrap();
        let members = serde_json::json!({ "redirect_uris": ["https://a.example/cb"] });
        let settings = site.read(|state| state.site.as_ref().unwrap().settings.clone());
        let metadata = parse_metadata(members.as_object().unwrap(), &settings).unwrap().metadata;
        let (client, secret) = (ClientId::from_bytes(draw_bytes()), Digest::of(b"secret"));
        let register = RegisterClient {
            client: client.clone(),
            metadata,
            secret: Some(secret),
            registration_token: secret,
            by,
            edition: Edition::CURRENT,
            initial_token: None,
            sector_document: None,
            contacts: vec![],
        };
        ledger.register_client(&site, register, request.clone()).await.unwrap();
        let login = ledger.login_of(&site, "jane");
        let password = ledger.check_password(&site, &login, &password, None).await.unwrap();
        let sign_in = SignIn { login, role: None, password, cookie: Digest::of(b"cookie"), session: None, client: None };
        let session = ledger.carry_out(&site, sign_in, request).await.unwrap().session;
        let inbound = Inbound {
            method: Method::POST,
            path: "/oauth2/default/token".into(),
            query: None,
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
            peer: Peer { ip: "192.0.2.1".parse().unwrap(), secure: true, local_uid: None },
            corr: draw_id(),
        };
        let proof = ClientProof { client: Some(client), via: Via::Post, secret: SecretFact::Verified(secret), assertion: None };
        World { at: At { ledger, site, inbound: Arc::new(inbound) }, session, proof, _folder: folder }
    }

    impl World {
        async fn redeem(&self, code: &str) -> RedeemCode {
            let scope = ScopeSet::parse("openid").unwrap();
            let issue = IssueCode {
                session: self.session,
                interaction: None,
                client: self.proof.client.clone().unwrap(),
                requested_scope: scope.clone(),
                scope,
                consent: ConsentFact::Given,
                code: Some(Digest::of(code.as_bytes())),
                redirect_uri: None,
                code_challenge: None,
                audience: None,
                has_nonce: false,
                nonce: None,
                wishes: Default::default(),
            };
            self.at.ledger.carry_out(&self.at.site, issue, self.at.facts()).await.unwrap();
            let code = Some(Digest::of(code.as_bytes()));
            RedeemCode { code, redirect_uri: None, verifier: None, client_auth: self.proof.clone() }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_decided_and_cannot_be_signed_is_never_answered() {
        let world = world().await;
        let (first, second) = (world.redeem("first").await, world.redeem("second").await);
        let issued = world.at.ledger.carry_out(&world.at.site, first, world.at.facts()).await.unwrap();
        let unsignable: &IssuedTokens = Box::leak(Box::new(IssuedTokens { kid: draw_id(), ..issued }));
        let answered = submit(&world.at, None, second.clone(), |_| unsignable);
        assert!(tokio::time::timeout(Duration::from_secs(1), answered).await.is_err(), "nothing is said");
        let again = submit(&world.at, None, second, |issued| issued).await;
        assert_eq!(again.status(), StatusCode::BAD_REQUEST, "the code was redeemed");
    }
}
