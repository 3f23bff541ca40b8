//! An app built on the library: what it learns of the server, how it registers, and one function a request.

use crate::browser::{At, Browser};
use crate::ensure;
use crate::http::send;
use crate::steps::Outcome;
use openidconnect::core::{
    CoreApplicationType, CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreGrantType, CoreIdTokenClaims, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
    CoreRegisterErrorResponseType, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType, CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::registration::{AdditionalClientMetadata, ClientRegistrationRequest, EmptyAdditionalClientRegistrationResponse};
use openidconnect::url::Url;
use openidconnect::{
    AccessTokenHash, AdditionalProviderMetadata, AuthType, AuthorizationCode, ClientName, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IntrospectionUrl, IssuerUrl, LogoutProviderMetadata, LogoutRequest, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadata, RedirectUrl, RevocationUrl, Scope, TokenResponse,
};
use serde::{Deserialize, Serialize};

const REDIRECT_URI: &str = "https://witness.example.org/callback";
const LOGOUT_URI: &str = "https://witness.example.org/signed-out";
const SCOPES: [&str; 3] = ["profile", "email", "offline_access"];

/// What the library's discovery does not know by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoints {
    introspection_endpoint: IntrospectionUrl,
    revocation_endpoint: Url,
}
impl AdditionalProviderMetadata for Endpoints {}

/// What its registration does not know by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Further {
    scope: String,
    post_logout_redirect_uris: Vec<String>,
}
impl AdditionalClientMetadata for Further {}

/// The server's own description.
pub type Server = ProviderMetadata<
    LogoutProviderMetadata<Endpoints>,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;
type Registration = ClientRegistrationRequest<
    Further,
    EmptyAdditionalClientRegistrationResponse,
    CoreApplicationType,
    CoreClientAuthMethod,
    CoreRegisterErrorResponseType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;
type Client = CoreClient<EndpointSet, EndpointNotSet, EndpointSet, EndpointSet, EndpointMaybeSet, EndpointMaybeSet>;

/// A registered client.
pub struct App {
    server: Server,
    client: Client,
}

/// An authorization request, and what is needed to redeem its answer.
pub struct Asked {
    pub url: Url,
    pub state: CsrfToken,
    pub nonce: Nonce,
    pub verifier: PkceCodeVerifier,
}

/// Discovers the server.
pub fn discover(issuer: &IssuerUrl) -> Outcome<Server> {
    Ok(Server::discover(issuer, &send)?)
}

/// A registration request of this way to authenticate.
pub fn registration(method: CoreClientAuthMethod, redirect_uri: &str) -> Outcome<Registration> {
    let scope = format!("openid {}", SCOPES.join(" "));
    let further = Further { scope, post_logout_redirect_uris: vec![LOGOUT_URI.to_owned()] };
    let name = ClientName::new("openidconnect".to_owned());
    let request = Registration::new(vec![RedirectUrl::new(redirect_uri.to_owned())?], further);
    Ok(request.set_token_endpoint_auth_method(Some(method)).set_client_name(Some([(None, name)].into_iter().collect())))
}

impl App {
    /// Discovers and registers.
    pub fn register(issuer: &IssuerUrl, method: CoreClientAuthMethod) -> Outcome<Self> {
        let server = discover(issuer)?;
        let endpoint = server.registration_endpoint().ok_or("no registration endpoint")?;
        let answer = registration(method.clone(), REDIRECT_URI)?.register(endpoint, &send)?;
        ensure!(answer.token_endpoint_auth_method() == Some(&method), "another method: {answer:?}");
        let secret = answer.client_secret().cloned();
        ensure!(secret.is_some() == (method != CoreClientAuthMethod::None), "a secret: {answer:?}");
        let further = server.additional_metadata().additional_metadata.clone();
        let mut revocation = further.revocation_endpoint;
        revocation.set_scheme("https").map_err(|()| "no URL of the web")?;
        let client = CoreClient::from_provider_metadata(server.clone(), answer.client_id().clone(), secret)
            .set_redirect_uri(RedirectUrl::new(REDIRECT_URI.to_owned())?)
            .set_introspection_url(further.introspection_endpoint)
            .set_revocation_url(RevocationUrl::new(revocation.into())?)
            .set_auth_type(match method {
                CoreClientAuthMethod::ClientSecretBasic => AuthType::BasicAuth,
                _ => AuthType::RequestBody,
            });
        Ok(Self { server, client })
    }

    /// A new authorization request.
    pub fn asks(&self) -> Asked {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let request = self.client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random);
        let request = request.add_scopes(SCOPES.map(|scope| Scope::new(scope.to_owned()))).set_pkce_challenge(challenge);
        let (url, state, nonce) = request.url();
        Asked { url, state, nonce, verifier }
    }

    /// The code of an answer.
    pub fn code(asked: &Asked, answer: &Url) -> Outcome<AuthorizationCode> {
        let member = |name: &str| answer.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        ensure!(answer.as_str().starts_with(REDIRECT_URI), "it left for {answer}");
        ensure!(member("state").as_ref() == Some(asked.state.secret()), "another state: {answer}");
        Ok(AuthorizationCode::new(member("code").ok_or_else(|| format!("no code: {answer}"))?))
    }

    /// The tokens for a code.
    pub fn redeem(&self, code: AuthorizationCode, verifier: PkceCodeVerifier) -> Outcome<CoreTokenResponse> {
        Ok(self.client.exchange_code(code)?.set_pkce_verifier(verifier).request(&send)?)
    }

    /// From the question to the tokens; the ID token is for this question and this access token.
    pub fn tokens(&self, browser: &mut Browser) -> Outcome<(CoreTokenResponse, CoreIdTokenClaims)> {
        let asked = self.asks();
        let code = Self::code(&asked, &browser.answer(asked.url.clone())?)?;
        let tokens = self.redeem(code, asked.verifier)?;
        let claims = self.claims(&tokens, &asked.nonce)?;
        ensure!(tokens.refresh_token().is_some() && tokens.expires_in().is_some(), "{tokens:?}");
        Ok((tokens, claims))
    }

    /// The claims of the ID token, if the library believes it.
    pub fn claims(&self, tokens: &CoreTokenResponse, nonce: &Nonce) -> Outcome<CoreIdTokenClaims> {
        let id_token = tokens.id_token().ok_or("no ID token")?;
        let verifier = self.client.id_token_verifier();
        let claims = id_token.claims(&verifier, nonce)?;
        if let Some(expected) = claims.access_token_hash() {
            let actual = AccessTokenHash::from_token(tokens.access_token(), id_token.signing_alg()?, id_token.signing_key(&verifier)?)?;
            ensure!(actual == *expected, "at_hash of another token");
        }
        Ok(claims.clone())
    }

    /// What userinfo says of the person that the ID token names.
    pub fn userinfo(&self, tokens: &CoreTokenResponse, claims: &CoreIdTokenClaims) -> Outcome<CoreUserInfoClaims> {
        Ok(self.client.user_info(tokens.access_token().clone(), Some(claims.subject().clone()))?.request(&send)?)
    }

    /// New tokens for a refresh token. An ID token among them has no nonce to compare (OpenID Connect Core §12.2).
    pub fn refresh(&self, tokens: &CoreTokenResponse) -> Outcome<CoreTokenResponse> {
        let refresh_token = tokens.refresh_token().ok_or("no refresh token")?;
        let fresh: CoreTokenResponse = self.client.exchange_refresh_token(refresh_token)?.request(&send)?;
        if let Some(id_token) = fresh.id_token() {
            id_token.claims(&self.client.id_token_verifier(), |_: Option<&Nonce>| Ok(()))?;
        }
        Ok(fresh)
    }

    /// Whether the access token is good, says introspection.
    pub fn is_active(&self, tokens: &CoreTokenResponse) -> Outcome<bool> {
        use openidconnect::TokenIntrospectionResponse;
        let answer = self.client.introspect(tokens.access_token()).request(&send)?;
        if answer.active() {
            ensure!(answer.client_id() == Some(self.client.client_id()) && answer.exp().is_some(), "{answer:?}");
        }
        Ok(answer.active())
    }

    /// Revokes the refresh token.
    pub fn revoke(&self, tokens: &CoreTokenResponse) -> Outcome<()> {
        let refresh_token = tokens.refresh_token().ok_or("no refresh token")?.clone();
        Ok(self.client.revoke_token(refresh_token.into())?.request(&send)?)
    }

    /// Signs out; it comes back with its state.
    pub fn sign_out(&self, browser: &mut Browser, tokens: &CoreTokenResponse) -> Outcome<()> {
        let endpoint = self.server.additional_metadata().end_session_endpoint.clone().ok_or("no end_session_endpoint")?;
        let request = LogoutRequest::from(endpoint).set_id_token_hint(tokens.id_token().ok_or("no ID token")?);
        let request = request.set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(LOGOUT_URI.to_owned())?);
        match browser.go(request.set_state(CsrfToken::new("bye".to_owned())).http_get_url(), None)? {
            At::Left(url) if url.as_str() == format!("{LOGOUT_URI}?state=bye") => Ok(()),
            At::Left(url) | At::Page(url, _) => Err(format!("it ends at {url}").into()),
        }
    }
}
