//! Checking an authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2, SPEC.md a.3 and d). Nothing is recorded
//! yet: an interaction is not an event.

use super::claims_request::ClaimsRequest;
use super::scopes::{fits_a_token, site_name};
use crate::event::{AskedClaims, ClientStatus, Refusal, UnknownScope};
use crate::projection::{Client, Site, State};
use crate::terms::{ClientId, CodeChallenge, NamedScope, Prompt, ResponseMode, ResponseType, ScopeSet};
use serde::{Deserialize, Serialize};

/// The parameters of the request, as sent; empty ones left out.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each member is the parameter of its name")]
pub struct AuthorizationRequest<'a> {
    pub client_id: Option<&'a str>,
    pub redirect_uri: Option<&'a str>,
    pub response_type: Option<&'a str>,
    pub response_mode: Option<&'a str>,
    pub scope: Option<&'a str>,
    pub state: Option<&'a str>,
    pub nonce: Option<&'a str>,
    pub code_challenge: Option<&'a str>,
    pub code_challenge_method: Option<&'a str>,
    pub prompt: Option<&'a str>,
    pub max_age: Option<&'a str>,
    pub claims: Option<&'a str>,
    pub acr_values: Option<&'a str>,
    pub aud: Option<&'a str>,
    pub resource: Vec<&'a str>,
    pub request: Option<&'a str>,
    pub request_uri: Option<&'a str>,
}

/// Where the answer goes. Only [`find_target`] makes one: without it nothing is ever redirected (THREATS.md A07).
#[derive(Clone, Debug)]
pub struct AuthorizationTarget<'a> {
    client: &'a Client,
    redirect_uri: String,
    sent: bool,
    mode: ResponseMode,
}

impl<'a> AuthorizationTarget<'a> {
    /// The client.
    pub fn client(&self) -> &'a Client {
        self.client
    }
    /// The redirection URI that matched.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }
    /// Whether the request named it, so that the token request must too.
    pub fn sent(&self) -> bool {
        self.sent
    }
    /// How the answer travels, errors too.
    pub fn mode(&self) -> ResponseMode {
        self.mode
    }
}

/// What is wrong with a request, and which of its words, if a word is.
#[derive(Clone, PartialEq, Debug)]
pub struct Objection {
    /// What is wrong.
    pub refusal: Refusal,
    /// The words it is about, checked to be printable.
    pub detail: Option<String>,
}

impl From<Refusal> for Objection {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, detail: None }
    }
}

impl Objection {
    fn about(refusal: Refusal, detail: String) -> Self {
        Self { refusal, detail: Some(detail) }
    }
}

/// What a good request asks for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each member is the parameter of its name")]
pub struct Requested {
    pub response_type: ResponseType,
    pub response_mode: ResponseMode,
    /// What the client may have of what it asked for.
    pub scope: ScopeSet,
    pub code_challenge: Option<CodeChallenge>,
    pub nonce: Option<String>,
    pub prompt: Vec<Prompt>,
    /// Seconds.
    pub max_age: Option<u64>,
    /// The API named by `aud`.
    pub audience: Option<String>,
    /// Whether the client may have less than it asked for.
    pub narrowed: bool,
    /// What `claims` asks for by name, as far as the client may see it.
    pub claims: AskedClaims,
    /// The subjects whom `claims` names: one of them has to answer. Anybody, if there are none.
    pub subjects: Vec<String>,
    /// Whether the client wants to know how strong the sign-in was.
    pub acr: bool,
}

/// `state` is returned byte for byte up to this length (SPEC.md k-26).
const STATE_LENGTH_MAX: usize = 4096;
const NONCE_LENGTH_MAX: usize = 1024;

/// Client and redirection URI: every fault here is shown to the person, never sent anywhere.
pub fn find_target<'a>(state: &'a State, request: &AuthorizationRequest<'_>) -> Result<AuthorizationTarget<'a>, Refusal> {
    let id = request.client_id.ok_or(Refusal::ClientMissing)?.parse::<ClientId>().map_err(|_| Refusal::ClientUnknown)?;
    let client = enabled(state, &id)?;
    let mode = mode(request);
    match request.redirect_uri {
        Some(uri) if is_registered(client, uri) => Ok(AuthorizationTarget { client, redirect_uri: uri.to_owned(), sent: true, mode }),
        Some(_) => Err(Refusal::RedirectUriMismatch),
        // RFC 6749 §3.1.2.3 lets a sole registered URI stand in; OpenID Connect Core §3.1.2.1 does not (SPEC.md k-6).
        None => match (client.metadata.redirect_uris.as_slice(), asks_openid(request)) {
            ([only], false) => Ok(AuthorizationTarget { client, redirect_uri: only.as_str().to_owned(), sent: false, mode }),
            (_, _) => Err(Refusal::RedirectUriMismatch),
        },
    }
}

/// How whatever is answered travels, errors too (SPEC.md k-9). What cannot be read or may not be counts as not sent: where an answer
/// goes is clear even if nothing else is.
fn mode(request: &AuthorizationRequest<'_>) -> ResponseMode {
    let own = request.response_type.and_then(ResponseType::read).map_or(ResponseMode::Query, ResponseType::mode);
    match request.response_mode.and_then(|mode| mode.parse().ok()) {
        Some(ResponseMode::Query) | None => own,
        Some(asked) => asked,
    }
}

/// Whether an answer may still go where the request asked: client and address may have changed while the person read a page.
pub fn recheck_target(state: &State, client: &ClientId, redirect_uri: &str) -> Result<(), Refusal> {
    let client = enabled(state, client)?;
    if is_registered(client, redirect_uri) { Ok(()) } else { Err(Refusal::RedirectUriMismatch) }
}

fn enabled<'a>(state: &'a State, id: &ClientId) -> Result<&'a Client, Refusal> {
    let client = state.clients.by_id(id).ok_or(Refusal::ClientUnknown)?;
    match client.status {
        ClientStatus::Enabled => Ok(client),
        ClientStatus::PendingApproval => Err(Refusal::ClientPending),
        ClientStatus::Disabled => Err(Refusal::ClientDisabled),
    }
}

fn is_registered(client: &Client, redirect_uri: &str) -> bool {
    client.metadata.redirect_uris.iter().any(|own| own.matches(redirect_uri, client.metadata.is_native()))
}

fn asks_openid(request: &AuthorizationRequest<'_>) -> bool {
    request.scope.is_none_or(|scope| scope.split(' ').any(|word| word == "openid"))
}

/// Everything else: a fault here goes back to the client.
pub fn check_authorization(
    site: &Site,
    target: &AuthorizationTarget<'_>,
    request: &AuthorizationRequest<'_>,
) -> Result<Requested, Objection> {
    let metadata = &target.client.metadata;
    if request.request.is_some() {
        return Err(Refusal::RequestObjectUnsupported.into());
    }
    if request.request_uri.is_some() {
        return Err(Refusal::RequestUriUnsupported.into());
    }
    let response_type = response_type(site, target.client, request)?;
    // The target's mode is what was asked for unless that cannot be.
    if request.response_mode.is_some_and(|asked| asked != target.mode.as_str()) {
        return Err(Refusal::ResponseModeUnsupported.into());
    }
    if request.state.is_some_and(|state| state.len() > STATE_LENGTH_MAX)
        || request.nonce.is_some_and(|nonce| nonce.len() > NONCE_LENGTH_MAX)
    {
        return Err(Refusal::ParameterTooLong.into());
    }
    let code_challenge = challenge(site, target.client, response_type, request)?;
    let audience = audience(site, request)?;
    let (scope, narrowed) = scope(site, target.client, request, audience.as_deref())?;
    if response_type.has_id_token() && !scope.has(NamedScope::Openid) {
        return Err(Refusal::ResponseTypeNeedsOpenid.into());
    }
    // OpenID Connect Core §3.2.2.1, §3.3.2.1: what does not come by a request of the client's own could be another's.
    if response_type.has_id_token() && request.nonce.is_none() {
        return Err(Refusal::NonceMissing.into());
    }
    let max_age = request.max_age.map(seconds).transpose()?;
    let ClaimsRequest { asked: claims, subjects, acr } = ClaimsRequest::read(request.claims, target.client, site)?;
    Ok(Requested {
        response_type,
        response_mode: target.mode,
        scope,
        code_challenge,
        nonce: request.nonce.map(str::to_owned),
        prompt: prompts(request.prompt)?,
        max_age: max_age.or(metadata.default_max_age),
        audience,
        narrowed,
        claims,
        subjects,
        // A voluntary claim (OpenID Connect Core §5.5.1.1): whatever values are wished for, it says what was.
        acr: acr || request.acr_values.is_some() || !metadata.default_acr_values.is_empty(),
    })
}

/// One that exists, that the site answers, and that the client registered (SPEC.md k-2).
fn response_type(site: &Site, client: &Client, request: &AuthorizationRequest<'_>) -> Result<ResponseType, Refusal> {
    let text = request.response_type.ok_or(Refusal::ResponseTypeMissing)?;
    let response_type = ResponseType::read(text).ok_or(Refusal::ResponseTypeUnsupported)?;
    match site.settings.allows(response_type) && client.metadata.has_response_type(response_type) {
        true => Ok(response_type),
        false => Err(Refusal::ResponseTypeNotAllowed),
    }
}

/// PKCE: mandatory for public and native clients, S256 only (SPEC.md k-7, RFC 7636 §4.3). Without a code there is nothing to bind.
fn challenge(
    site: &Site,
    client: &Client,
    response_type: ResponseType,
    request: &AuthorizationRequest<'_>,
) -> Result<Option<CodeChallenge>, Refusal> {
    let careful = client.metadata.is_public() || client.metadata.is_native() || site.settings.pkce_require_all;
    let mandatory = careful && response_type.has_code();
    match (request.code_challenge, request.code_challenge_method) {
        (None, None) if mandatory => Err(Refusal::ChallengeMissing),
        (None, None) => Ok(None),
        (None, Some("S256")) => Err(Refusal::ChallengeMissing),
        (Some(challenge), Some("S256")) => challenge.parse().map(Some).map_err(|_| Refusal::ChallengeMalformed),
        (Some(_), None) | (_, Some(_)) => Err(Refusal::ChallengeMethodUnsupported),
    }
}

/// Asked for ∩ registered ∩ offered; of what the site does not know at all the request is refused, or it is dropped (SPEC.md k-10,
/// k-11). The flag says whether anything was dropped.
fn scope(site: &Site, client: &Client, request: &AuthorizationRequest<'_>, audience: Option<&str>) -> Result<(ScopeSet, bool), Objection> {
    let text = request.scope.unwrap_or("openid");
    let rejects = site.settings.scope_unknown == UnknownScope::Reject;
    let asked = if rejects { ScopeSet::parse(text) } else { ScopeSet::parse_understood(text) };
    // A stranger's word is not repeated where a redirect would carry it (THREATS.md A91).
    let asked = asked.map_err(|_| Refusal::ScopeUnknown)?;
    let asked = match site_name(site) {
        Some(own) => asked.without_site(&own),
        None => asked,
    };
    let unknown = asked.foreign_to(&site.settings.scopes);
    if rejects && !unknown.is_empty() {
        return Err(Refusal::ScopeUnknown.into());
    }
    let registered = asked.narrowed_to(&client.metadata.scope);
    let may_have =
        registered.and_then(|registered| registered.narrowed_to(&site.settings.scopes)).map_err(|_| Refusal::ParameterTooLong)?;
    if may_have.is_empty() {
        let known = asked.intersection(&site.settings.scopes);
        return Err(match known.is_empty() {
            true => Refusal::ScopeEmpty.into(),
            false => Objection::about(Refusal::ScopeEmpty, known.to_string()),
        });
    }
    if !fits_a_token(&may_have, site, audience) {
        return Err(Refusal::ParameterTooLong.into());
    }
    let narrowed = may_have != asked;
    Ok((may_have, narrowed))
}

/// `none` stands alone (OpenID Connect Core §3.1.2.1).
fn prompts(text: Option<&str>) -> Result<Vec<Prompt>, Refusal> {
    let words = text.unwrap_or_default().split(' ').filter(|word| !word.is_empty());
    let prompts: Vec<Prompt> = words.map(|word| word.parse().map_err(|_| Refusal::ParameterMalformed)).collect::<Result<_, _>>()?;
    match prompts.contains(&Prompt::None) && prompts.len() > 1 {
        true => Err(Refusal::ParameterMalformed),
        false => Ok(prompts),
    }
}

/// Digits alone: no sign, no fraction.
fn seconds(text: &str) -> Result<u64, Refusal> {
    let digits = Some(text).filter(|text| text.bytes().all(|c| c.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or(Refusal::ParameterMalformed)
}

/// `aud` and `resource` (RFC 8707 §2), if sent, are one of the site's API bases: `{origin}/apis/{site}/(fhir|api|portal)` (SPEC.md a.3,
/// k-24). A token is for one of them.
fn audience(site: &Site, request: &AuthorizationRequest<'_>) -> Result<Option<String>, Refusal> {
    let (origin, name) = site.issuer.rsplit_once("/oauth2/").ok_or(Refusal::AudienceUnknown)?;
    let bare = |named: &str| named.trim_end_matches('/').to_owned();
    let is_api = |named: &str| ["fhir", "api", "portal"].iter().any(|api| bare(named) == format!("{origin}/apis/{name}/{api}"));
    if request.aud.is_some_and(|aud| !is_api(aud)) {
        return Err(Refusal::AudienceUnknown);
    }
    let mut named = request.aud.iter().chain(&request.resource);
    let Some(first) = named.next() else { return Ok(None) };
    if !is_api(first) || named.any(|other| bare(other) != bare(first)) {
        return Err(Refusal::ResourceUnknown);
    }
    Ok(Some((*first).to_owned()))
}
