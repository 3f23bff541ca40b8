//! Which client a request comes from (RFC 6749 §2.3.1): `client_secret_basic`, `client_secret_post`, `none`; and `private_key_jwt`
//! (RFC 7523 §2.2), whose parameters are read here too.

use super::context::At;
use super::credentials::Credentials;
use super::{Params, ParamsError, Response, context, reply};
use crate::command::{AssertionFact, ClientProof, SecretFact, Via};
use crate::event::{Endpoint, Refusal};
use crate::jose::{Assertion, AssertionError};
use crate::ledger::Failure;
use crate::terms::ClientId;

/// Why no client can be made out.
pub enum Unproven {
    /// What the request says of its client is wrong.
    Refused(Refusal, Option<ClientId>),
    /// It could not be looked at.
    Failed(Failure),
}

impl From<Refusal> for Unproven {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal, None)
    }
}

/// `client_assertion_type` of a JWT (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The client of this id, if the site knows it. What a stranger calls itself is recorded nowhere: people type e-mail addresses there.
pub fn known_client(at: &At, named: Option<&str>) -> Option<ClientId> {
    let id: ClientId = named?.parse().ok()?;
    at.site.read(|state| state.clients.by_id(&id).is_some()).then_some(id)
}

/// The client that the request names, in the form or in the header; what it proves is another question.
pub fn named_client(at: &At, params: &Params) -> Option<ClientId> {
    match Credentials::of(&at.inbound.headers) {
        Ok(Some(Credentials::Basic { client_id, .. })) => known_client(at, Some(&client_id)),
        Ok(Some(Credentials::Bearer(_)) | None) | Err(_) => {
            let asserted = || Assertion::parse(params.get("client_assertion")?).ok().map(|assertion| assertion.claims.sub);
            known_client(at, params.get("client_id")).or_else(|| known_client(at, asserted().as_deref()))
        }
    }
}

/// What the request says of its client, the secret already compared, the assertion's signature checked. An unknown client costs the
/// same comparison.
pub async fn client_proof(at: &At, params: &Params) -> Result<ClientProof, Unproven> {
    let named = params.get("client_id");
    let asserts = params.has("client_assertion") || params.has("client_assertion_type");
    match Credentials::of(&at.inbound.headers) {
        Err(_) | Ok(Some(Credentials::Bearer(_))) => Err(Refusal::CredentialsMalformed.into()),
        Ok(Some(Credentials::Basic { .. })) if params.has("client_secret") || asserts => Err(Refusal::CredentialsRepeated.into()),
        Ok(Some(Credentials::Basic { client_id, .. })) if named.is_some_and(|named| named != client_id) => {
            Err(Refusal::CredentialsRepeated.into())
        }
        Ok(None) if asserts && params.has("client_secret") => Err(Refusal::CredentialsRepeated.into()),
        Ok(None) if asserts => asserted_proof(at, params).await,
        Ok(Some(Credentials::Basic { client_id, client_secret })) => {
            let client: ClientId = client_id.parse().map_err(|_| Refusal::ClientUnknown)?;
            let given = (!client_secret.expose().is_empty()).then_some(&client_secret);
            let secret = at.ledger.check_secret(&at.site, &client, given);
            let known = known_client(at, Some(client.as_str())).ok_or(Refusal::ClientUnknown)?;
            Ok(ClientProof { client: Some(known), via: Via::Basic, secret, assertion: None })
        }
        Ok(None) => {
            let Some(named) = named else {
                return Ok(ClientProof { client: None, via: Via::Post, secret: SecretFact::Absent, assertion: None });
            };
            let client: ClientId = named.parse().map_err(|_| Refusal::ClientUnknown)?;
            let secret = at.ledger.check_secret(&at.site, &client, params.secret("client_secret").as_ref());
            let known = known_client(at, Some(named)).ok_or(Refusal::ClientUnknown)?;
            Ok(ClientProof { client: Some(known), via: Via::Post, secret, assertion: None })
        }
    }
}

/// `private_key_jwt`. `client_id` need not be there; the assertion names its client (RFC 7521 §4.2).
async fn asserted_proof(at: &At, params: &Params) -> Result<ClientProof, Unproven> {
    let named = named_client(at, params);
    let refused = |refusal| Unproven::Refused(refusal, named.clone());
    if params.get("client_assertion_type") != Some(ASSERTION_TYPE) {
        return Err(refused(Refusal::AssertionTypeUnsupported));
    }
    let text = params.get("client_assertion").ok_or_else(|| refused(Refusal::AssertionMissing))?;
    let assertion = Assertion::parse(text).map_err(|error| {
        refused(match error {
            AssertionError::Malformed => Refusal::AssertionMalformed,
            AssertionError::HeaderRefused => Refusal::AssertionHeaderRefused,
            AssertionError::AlgorithmRefused => Refusal::AssertionAlgorithmRefused,
        })
    })?;
    if params.get("client_id").is_some_and(|named| named != assertion.claims.sub) {
        return Err(refused(Refusal::AssertionSubjectWrong));
    }
    let client = known_client(at, Some(&assertion.claims.sub)).ok_or(Refusal::ClientUnknown)?;
    let fact: AssertionFact = at.ledger.check_assertion(&at.site, &client, &assertion).await.map_err(Unproven::Failed)?;
    Ok(ClientProof { client: Some(client), via: Via::Assertion, secret: SecretFact::Absent, assertion: Some(fact) })
}

/// Answers a request whose client cannot be made out.
pub async fn unproven(at: &At, endpoint: Endpoint, why: Unproven) -> Response {
    match why {
        Unproven::Refused(refusal, client) => refuse(at, endpoint, refusal, client).await,
        Unproven::Failed(failure) => context::failed(failure).await,
    }
}

/// A refusal of the token, revocation and introspection endpoints, with the challenge that a failed `Authorization` header calls
/// for (RFC 6749 §5.2).
pub fn refused(at: &At, refused: &crate::command::Refused) -> Response {
    let response = context::refused(refused);
    let header_used = at.inbound.headers.contains_key(http::header::AUTHORIZATION);
    match response.status() == http::StatusCode::UNAUTHORIZED && header_used {
        true => reply::www_authenticate(response, "Basic", &[("realm", "writ")]),
        false => response,
    }
}

/// Records and answers a refusal that was reached before anything could be decided.
pub async fn refuse(at: &At, endpoint: Endpoint, refusal: Refusal, client: Option<ClientId>) -> Response {
    refuse_about(at, endpoint, refusal.into(), client).await
}

/// The same, saying what it is about.
pub async fn refuse_about(at: &At, endpoint: Endpoint, about: crate::command::Refused, client: Option<ClientId>) -> Response {
    match at.ledger.refuse(&at.site, endpoint, about.refusal, client, at.facts()).await {
        Ok(()) => refused(at, &about),
        Err(failure) => context::failed(failure).await,
    }
}

/// What is wrong with parameters that cannot be read.
pub fn unreadable(error: ParamsError) -> Refusal {
    match error {
        ParamsError::ContentType => Refusal::ContentTypeUnsupported,
        ParamsError::Encoding(_) => Refusal::ParameterMalformed,
        ParamsError::TooMany => Refusal::ParameterTooLong,
        ParamsError::Repeated => Refusal::ParameterRepeated,
    }
}
