//! The table from what is wrong to what the client is told. The table is the specification (SPEC.md a.5, d, STYLE.md §4.15).

use crate::event::Refusal;
use crate::terms::ErrorCode;

/// What a refused client is told.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reply {
    /// The registered error code.
    pub code: ErrorCode,
    /// The HTTP status where the error is not sent by redirect.
    pub status: u16,
    /// One fixed sentence, in the characters of RFC 6749 §5.2.
    pub description: &'static str,
    /// Whether it may travel to the client by redirect (RFC 6749 §4.1.2.1).
    pub travels: bool,
}

/// An error that is answered where it happens.
const fn here(status: u16, code: ErrorCode, description: &'static str) -> Reply {
    Reply { code, status, description, travels: false }
}

/// An error of the authorization request that goes back to the client.
const fn travels(code: ErrorCode, description: &'static str) -> Reply {
    Reply { code, status: 400, description, travels: true }
}

impl Refusal {
    /// What the client is told.
    pub fn reply(self) -> Reply {
        use ErrorCode::*;
        match self {
            Self::ParameterMissing => travels(InvalidRequest, "A required parameter is missing"),
            Self::ParameterRepeated => travels(InvalidRequest, "A parameter is repeated"),
            Self::ParameterMalformed => travels(InvalidRequest, "A parameter is malformed"),
            Self::ParameterTooLong => travels(InvalidRequest, "A parameter is too long"),
            Self::SiteDisabled => here(404, InvalidRequest, "This site is switched off"),
            Self::ContentTypeUnsupported => here(400, InvalidRequest, "The content type is not supported"),
            Self::CredentialsRepeated => here(400, InvalidRequest, "The client used more than one authentication method"),
            Self::CredentialsMalformed => here(401, InvalidClient, "The Authorization header is malformed"),

            Self::ClientMissing => here(401, InvalidClient, "Client authentication failed"),
            Self::ClientUnknown => here(401, InvalidClient, "Client authentication failed"),
            Self::ClientPending => here(401, InvalidClient, "Client authentication failed"),
            Self::ClientDisabled => here(401, InvalidClient, "Client authentication failed"),
            Self::ClientSecretMissing => here(401, InvalidClient, "Client authentication failed"),
            Self::ClientSecretWrong => here(401, InvalidClient, "Client authentication failed"),
            // SPEC.md k-46: 400, unless the `Authorization` header was used; no assertion travels there.
            Self::AssertionTypeUnsupported => here(400, InvalidClient, "The client_assertion_type is not supported"),
            Self::AssertionMissing => here(400, InvalidClient, "The client must authenticate with a client_assertion"),
            Self::AssertionUnexpected => here(400, InvalidClient, "The client is not registered for private_key_jwt"),
            Self::AssertionMalformed => here(400, InvalidClient, "The client_assertion is malformed"),
            Self::AssertionHeaderRefused => here(400, InvalidClient, "The header of the client_assertion is not accepted"),
            Self::AssertionAlgorithmRefused => here(400, InvalidClient, "The algorithm of the client_assertion is not accepted"),
            Self::AssertionSubjectWrong => here(400, InvalidClient, "The iss and sub of the client_assertion must be the client_id"),
            Self::AssertionAudienceWrong => {
                here(400, InvalidClient, "The aud of the client_assertion must be this issuer or its token endpoint")
            }
            Self::AssertionExpired => here(400, InvalidClient, "The client_assertion has expired"),
            Self::AssertionTooEarly => here(400, InvalidClient, "The client_assertion is not yet valid"),
            Self::AssertionTooLong => {
                here(400, InvalidClient, "The exp of the client_assertion must be at most five minutes ahead, or an hour after its iat")
            }
            Self::AssertionKeysUnavailable => here(400, InvalidClient, "The keys of the client could not be read"),
            Self::AssertionKeyUnknown => here(400, InvalidClient, "The client_assertion names no key of the client"),
            Self::AssertionSignatureWrong => here(400, InvalidClient, "The signature of the client_assertion is invalid"),
            Self::AssertionReplayed => here(400, InvalidClient, "The client_assertion was used before"),
            Self::InitialTokenMissing => here(401, InvalidToken, "This site takes registrations with an initial access token only"),
            Self::InitialTokenWrong => here(401, InvalidToken, "The initial access token is invalid"),
            Self::InitialTokenExpired => here(401, InvalidToken, "The initial access token has expired"),
            Self::InitialTokenUsedUp => here(401, InvalidToken, "The initial access token has been used up"),
            Self::InitialTokenRevoked => here(401, InvalidToken, "The initial access token has been revoked"),
            Self::RegistrationTokenWrong => here(401, InvalidToken, "The registration access token is missing or invalid"),

            Self::RegistrationClosed => here(404, InvalidRequest, "This site takes no registrations"),
            Self::RegistrationTooFrequent => here(429, TemporarilyUnavailable, "Too many registrations; please try again later"),
            Self::RedirectUriUnacceptable => here(400, InvalidRedirectUri, "redirect_uris is invalid"),
            Self::MetadataUnacceptable => here(400, InvalidClientMetadata, "The client metadata is invalid"),
            Self::SectorUnreadable => {
                here(400, InvalidClientMetadata, "The document at sector_identifier_uri could not be read as a list of URIs")
            }
            Self::SectorIncomplete => {
                here(400, InvalidClientMetadata, "The document at sector_identifier_uri does not list every redirect_uri")
            }
            Self::SectorChanged => here(400, InvalidClientMetadata, "The subject_type and the sector of a client cannot change"),
            Self::SoftwareStatementUnsupported => here(400, InvalidSoftwareStatement, "Software statements are not supported"),

            Self::RedirectUriMismatch => here(400, InvalidRequest, "The redirect_uri is missing or not registered for this client"),
            Self::ResponseTypeMissing => travels(InvalidRequest, "The response_type is missing"),
            Self::ResponseTypeUnsupported => travels(UnsupportedResponseType, "The response_type is not supported"),
            Self::ResponseTypeNotAllowed => travels(UnauthorizedClient, "The client may not use this response_type"),
            Self::ResponseModeUnsupported => travels(InvalidRequest, "The response_mode is not supported"),
            Self::ResponseTypeNeedsOpenid => {
                travels(InvalidRequest, "The response_type asks for an ID token, which needs the scope openid")
            }
            Self::NonceMissing => travels(InvalidRequest, "The nonce is missing"),
            Self::ScopeUnknown => travels(InvalidScope, "The requested scope is invalid, unknown, or malformed"),
            Self::ScopeEmpty => travels(InvalidScope, "None of the requested scopes may be granted to this client"),
            Self::ChallengeMissing => travels(InvalidRequest, "The code_challenge is missing"),
            Self::ChallengeMalformed => travels(InvalidRequest, "The code_challenge is malformed"),
            Self::ChallengeMethodUnsupported => travels(InvalidRequest, "The code_challenge_method must be S256"),
            Self::AudienceUnknown => travels(InvalidRequest, "The aud names no API of this site"),
            Self::ResourceUnknown => travels(InvalidTarget, "The resource must be one API of this site"),
            Self::RequestObjectUnsupported => travels(RequestNotSupported, "The request parameter is not supported"),
            Self::RequestUriUnsupported => travels(RequestUriNotSupported, "The request_uri parameter is not supported"),
            Self::RequestObjectTwice => travels(InvalidRequest, "The request and request_uri parameters exclude each other"),
            Self::RequestObjectMalformed => travels(InvalidRequestObject, "The request object is malformed"),
            Self::RequestObjectAlgorithmRefused => travels(InvalidRequestObject, "The algorithm of the request object is not accepted"),
            Self::RequestObjectKeyUnknown => {
                travels(InvalidRequestObject, "The request object names no key of the client that could be read")
            }
            Self::RequestObjectSignatureWrong => travels(InvalidRequestObject, "The signature of the request object is invalid"),
            Self::RequestObjectExpired => travels(InvalidRequestObject, "The request object has expired or is not yet valid"),
            Self::RequestObjectMismatch => {
                travels(InvalidRequestObject, "The request object contradicts the request, or is for another server")
            }
            Self::RequestUriUnregistered => travels(InvalidRequestUri, "The request_uri is not registered for this client"),
            Self::RequestUriUnreachable => travels(InvalidRequestUri, "There is no request object at the request_uri"),
            Self::AcrUnmet => travels(UnmetAuthenticationRequirements, "No sign-in here has the acr that is essential"),
            Self::LoginRequired => travels(LoginRequired, "The end-user is not signed in"),
            Self::ConsentRequired => travels(ConsentRequired, "The end-user has not consented"),
            Self::ConsentDenied => travels(AccessDenied, "The end-user denied the request"),
            Self::InteractionInvalid => here(403, InvalidRequest, "This page has expired or belongs to another browser"),
            Self::InteractionAnswered => here(409, InvalidRequest, "This page was answered before"),

            Self::PasswordWrong => here(400, InvalidGrant, "The name or the password is wrong"),
            Self::EmailWrong => here(400, InvalidGrant, "The name or the password is wrong"),
            Self::SignInDelayed => here(429, InvalidGrant, "Too many failed attempts; please wait a moment"),
            Self::UserLocked => here(400, InvalidGrant, "The name or the password is wrong"),
            Self::UserDisabled => here(400, InvalidGrant, "The name or the password is wrong"),
            Self::CredentialStale => here(400, InvalidGrant, "The name or the password is wrong"),

            Self::GrantTypeUnsupported => here(400, UnsupportedGrantType, "The grant_type is not supported"),
            Self::GrantTypeNotAllowed => here(400, UnauthorizedClient, "The client may not use this grant_type"),
            Self::RoleNotAllowed => here(400, InvalidGrant, "Users of this role cannot sign in with a password here"),
            Self::CodeUnknown => here(400, InvalidGrant, "The authorization code is invalid"),
            Self::CodeOfAnotherClient => here(400, InvalidGrant, "The authorization code is invalid"),
            Self::CodeExpired => here(400, InvalidGrant, "The authorization code has expired"),
            Self::CodeReplayed => here(400, InvalidGrant, "The authorization code was used before"),
            Self::CodeRedirectUriMismatch => here(400, InvalidGrant, "The redirect_uri is not the one of the authorization request"),
            Self::VerifierMissing => here(400, InvalidRequest, "The code_verifier is missing"),
            Self::VerifierMalformed => here(400, InvalidRequest, "The code_verifier is malformed"),
            Self::VerifierMismatch => here(400, InvalidGrant, "The code_verifier does not match the code_challenge"),
            Self::VerifierUnexpected => here(400, InvalidGrant, "The authorization request had no code_challenge"),
            Self::RefreshUnknown => here(400, InvalidGrant, "The refresh token is invalid"),
            Self::RefreshOfAnotherClient => here(400, InvalidGrant, "The refresh token is invalid"),
            Self::RefreshExpired => here(400, InvalidGrant, "The refresh token has expired"),
            Self::RefreshReused => here(400, InvalidGrant, "The refresh token was used before"),
            Self::GrantEnded => here(400, InvalidGrant, "The authorization has been revoked"),
            Self::ScopeExceedsGrant => here(400, InvalidScope, "The requested scope exceeds the scope granted"),

            Self::TokenMissing => here(401, InvalidToken, "An access token is required"),
            Self::TokenInvalid => here(401, InvalidToken, "The access token is invalid"),
            Self::TokenExpired | Self::TokenRevoked => {
                here(401, InvalidToken, "Access token is expired, disabled, or deleted, or the user has globally signed out.")
            }
            Self::TokenOfAnotherClient => here(400, InvalidRequest, "The token belongs to another client"),
            Self::TokenSignatureWrong => here(401, InvalidToken, "The signature of the token is invalid"),
            Self::OpenidScopeMissing => here(403, InsufficientScope, "The access token lacks the scope openid"),
            Self::TokenHintUnsupported => here(400, InvalidRequest, "The token_type_hint must be access_token or refresh_token"),

            Self::HintInvalid => {
                here(400, InvalidRequest, "The id_token_hint is missing, was not issued here or belongs to another client")
            }
            Self::LogoutUriMismatch => here(400, InvalidRequest, "The post_logout_redirect_uri is not registered for this client"),

            Self::UserUnknown => here(404, InvalidRequest, "There is no such user at this site"),
            Self::UserExists => here(409, InvalidRequest, "The username is taken"),
            Self::SiteExists => here(409, InvalidRequest, "The site exists already"),
            Self::InvitationUnknown => here(404, InvalidRequest, "There is no such invitation at this site"),
            Self::InvitationUnacceptable => here(400, InvalidRequest, "An invitation is for 1 to 10000 clients and for a second to a year"),
            Self::KeyUnknown => here(404, InvalidRequest, "There is no such key at this site"),
            Self::ClientExists => here(409, InvalidRequest, "A client of this id exists already"),
            Self::KeyMissing => Reply { travels: true, ..here(500, ServerError, "The site has no key to sign with") },
            Self::KeyNeeded => here(409, InvalidRequest, "Tokens that are still good were signed with the key"),
            Self::KeyInUse => here(409, InvalidRequest, "The key is the one that signs; rotate first"),
            Self::SettingUnknown => here(400, InvalidRequest, "There is no such setting, or it cannot have this value"),
            Self::NothingToChange => here(409, InvalidRequest, "It is so already"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_description_has_only_the_characters_of_rfc_6749() {
        for refusal in Refusal::ALL {
            let text = refusal.reply().description;
            assert!(text.bytes().all(|c| (0x20..=0x7e).contains(&c) && c != b'"' && c != b'\\'), "{refusal}");
        }
    }

    #[test]
    fn an_unknown_client_or_redirect_uri_never_travels() {
        for refusal in [Refusal::ClientUnknown, Refusal::ClientDisabled, Refusal::ClientPending, Refusal::RedirectUriMismatch] {
            assert!(!refusal.reply().travels, "{refusal}");
        }
    }
}
