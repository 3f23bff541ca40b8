//! Why a request is refused: what is wrong, exactly. `command::refusal` holds the table to OAuth error, status and text.

use crate::terms::protocol::words;

words!(
    /// What is wrong with a request. The client sees the registered code and a fixed sentence; the record keeps this name.
    Refusal, "refusal", {
        // The shape of a request.
        /// A parameter that must be there is not.
        ParameterMissing = "parameter_missing",
        /// A parameter stands twice (RFC 6749 §3.1, §3.2).
        ParameterRepeated = "parameter_repeated",
        /// A parameter's value cannot be read.
        ParameterMalformed = "parameter_malformed",
        /// A parameter or body is longer than allowed.
        ParameterTooLong = "parameter_too_long",
        /// The site is switched off.
        SiteDisabled = "site_disabled",
        /// The body is not of the kind the endpoint takes.
        ContentTypeUnsupported = "content_type_unsupported",
        /// Credentials in two places at once (RFC 6749 §2.3).
        CredentialsRepeated = "credentials_repeated",
        /// The `Authorization` header cannot be read.
        CredentialsMalformed = "credentials_malformed",

        // Who the client is.
        /// No client is named.
        ClientMissing = "client_missing",
        /// No such client at this site.
        ClientUnknown = "client_unknown",
        /// The client waits for an administrator's approval.
        ClientPending = "client_pending",
        /// An administrator disabled the client.
        ClientDisabled = "client_disabled",
        /// A client with a secret did not send it.
        ClientSecretMissing = "client_secret_missing",
        /// The secret is not the client's.
        ClientSecretWrong = "client_secret_wrong",
        /// `client_assertion_type` is missing or not that of a JWT, or there is no assertion (RFC 7523 §2.2).
        AssertionTypeUnsupported = "assertion_type_unsupported",
        /// A client that is registered for `private_key_jwt` sent no assertion.
        AssertionMissing = "assertion_missing",
        /// The client is not registered for `private_key_jwt`.
        AssertionUnexpected = "assertion_unexpected",
        /// Not a JWT with the claims of a client assertion.
        AssertionMalformed = "assertion_malformed",
        /// The assertion's header has an extension, brings or fetches a key, or is of another kind of token.
        AssertionHeaderRefused = "assertion_header_refused",
        /// Not signed, signed with a shared secret, or not with the algorithm that the client registered.
        AssertionAlgorithmRefused = "assertion_algorithm_refused",
        /// `iss`, `sub` and `client_id` are not one and the same.
        AssertionSubjectWrong = "assertion_subject_wrong",
        /// The assertion was made for another server as well, or not for this one.
        AssertionAudienceWrong = "assertion_audience_wrong",
        /// The assertion's time is over.
        AssertionExpired = "assertion_expired",
        /// The assertion's time has not begun.
        AssertionTooEarly = "assertion_too_early",
        /// The assertion was made for more than five minutes, or with `iat` for more than an hour.
        AssertionTooLong = "assertion_too_long",
        /// The client's key set could not be read.
        AssertionKeysUnavailable = "assertion_keys_unavailable",
        /// The assertion names no key of the client's, or several could be meant.
        AssertionKeyUnknown = "assertion_key_unknown",
        /// The signature is not the key's.
        AssertionSignatureWrong = "assertion_signature_wrong",
        /// The assertion was used before.
        AssertionReplayed = "assertion_replayed",
        /// The site takes registrations with an initial access token only, and there is none (RFC 7591 §3).
        InitialTokenMissing = "initial_token_missing",
        /// What is presented is no initial access token of this site.
        InitialTokenWrong = "initial_token_wrong",
        /// The initial access token's time is over.
        InitialTokenExpired = "initial_token_expired",
        /// As many clients have registered with the initial access token as may.
        InitialTokenUsedUp = "initial_token_used_up",
        /// An administrator took the initial access token back.
        InitialTokenRevoked = "initial_token_revoked",
        /// The `registration_access_token` is missing or not the client's.
        RegistrationTokenWrong = "registration_token_wrong",

        // Registration.
        /// The site takes no registrations.
        RegistrationClosed = "registration_closed",
        /// Too many registrations: from this address within a minute or the site's hour, or in all within a minute.
        RegistrationTooFrequent = "registration_too_frequent",
        /// A redirection URI cannot be registered.
        RedirectUriUnacceptable = "redirect_uri_unacceptable",
        /// Some metadata cannot be accepted.
        MetadataUnacceptable = "metadata_unacceptable",
        /// The document at `sector_identifier_uri` cannot be read, or is no list of URIs.
        SectorUnreadable = "sector_unreadable",
        /// The document at `sector_identifier_uri` lacks one of the redirection URIs (OpenID Connect Registration §5).
        SectorIncomplete = "sector_incomplete",
        /// A client would know people by other names than before.
        SectorChanged = "sector_changed",
        /// A software statement was sent; none is understood.
        SoftwareStatementUnsupported = "software_statement_unsupported",

        // The authorization request.
        /// The `redirect_uri` is missing or not one of the client's. Never answered by redirect.
        RedirectUriMismatch = "redirect_uri_mismatch",
        /// `response_type` is missing.
        ResponseTypeMissing = "response_type_missing",
        /// `response_type` is not one that exists here.
        ResponseTypeUnsupported = "response_type_unsupported",
        /// The client may not use this `response_type` or grant.
        ResponseTypeNotAllowed = "response_type_not_allowed",
        /// `response_mode` is not one that exists here, or would put a token into a query.
        ResponseModeUnsupported = "response_mode_unsupported",
        /// An ID token is asked for without the scope `openid`.
        ResponseTypeNeedsOpenid = "response_type_needs_openid",
        /// An ID token is asked for from the authorization endpoint without a `nonce` (OpenID Connect Core §3.2.2.1).
        NonceMissing = "nonce_missing",
        /// A scope that is malformed or that the site does not know.
        ScopeUnknown = "scope_unknown",
        /// Nothing is left of the scopes asked for.
        ScopeEmpty = "scope_empty",
        /// The client must send a `code_challenge` (RFC 9700 §2.1.1).
        ChallengeMissing = "challenge_missing",
        /// The challenge is not 43 characters of base64url.
        ChallengeMalformed = "challenge_malformed",
        /// Any method but S256, or a challenge without a method.
        ChallengeMethodUnsupported = "challenge_method_unsupported",
        /// `aud` names no API of this site.
        AudienceUnknown = "audience_unknown",
        /// `resource` names no API of this site, or several things are named.
        ResourceUnknown = "resource_unknown",
        /// The `request` parameter is not taken.
        RequestObjectUnsupported = "request_object_unsupported",
        /// The `request_uri` parameter is not taken.
        RequestUriUnsupported = "request_uri_unsupported",
        /// Both `request` and `request_uri` are there (OpenID Connect Core §6).
        RequestObjectTwice = "request_object_twice",
        /// Not a JWT that holds parameters of an authorization request and nothing that must not be in one.
        RequestObjectMalformed = "request_object_malformed",
        /// Not signed, or signed otherwise than the client registered.
        RequestObjectAlgorithmRefused = "request_object_algorithm_refused",
        /// The client's key for the request object could not be had.
        RequestObjectKeyUnknown = "request_object_key_unknown",
        /// The signature is not the key's.
        RequestObjectSignatureWrong = "request_object_signature_wrong",
        /// The request object's time is over, or has not begun.
        RequestObjectExpired = "request_object_expired",
        /// The request object is another client's, for another server, or contradicts the parameters beside it.
        RequestObjectMismatch = "request_object_mismatch",
        /// The `request_uri` is not one that the client registered.
        RequestUriUnregistered = "request_uri_unregistered",
        /// There is no request object at the `request_uri`.
        RequestUriUnreachable = "request_uri_unreachable",
        /// A strength of the sign-in is essential that no sign-in here has.
        AcrUnmet = "acr_unmet",
        /// `prompt=none` and nobody is signed in.
        LoginRequired = "login_required",
        /// `prompt=none` and the person has not consented.
        ConsentRequired = "consent_required",
        /// The person said no.
        ConsentDenied = "consent_denied",
        /// The pages' hidden state is not ours, too old, or another browser's.
        InteractionInvalid = "interaction_invalid",
        /// A page of ours was answered again after the app had redeemed the code of the first answer.
        InteractionAnswered = "interaction_answered",

        // Signing in.
        /// Name or password is wrong.
        PasswordWrong = "password_wrong",
        /// Too many wrong passwords; a pause has to pass first.
        SignInDelayed = "sign_in_delayed",
        /// Locked until an administrator unlocks.
        UserLocked = "user_locked",
        /// An administrator disabled the person.
        UserDisabled = "user_disabled",
        /// The e-mail address is not the person's.
        EmailWrong = "email_wrong",
        /// The password was changed while it was being checked.
        CredentialStale = "credential_stale",

        // The token endpoint.
        /// No such grant type here.
        GrantTypeUnsupported = "grant_type_unsupported",
        /// The client is not registered for this grant type.
        GrantTypeNotAllowed = "grant_type_not_allowed",
        /// People of this role do not sign in with a password at the token endpoint.
        RoleNotAllowed = "role_not_allowed",
        /// No such code.
        CodeUnknown = "code_unknown",
        /// The code was issued to another client.
        CodeOfAnotherClient = "code_of_another_client",
        /// The code's time is over.
        CodeExpired = "code_expired",
        /// The code was redeemed before (RFC 6749 §4.1.2).
        CodeReplayed = "code_replayed",
        /// The `redirect_uri` is not the authorization request's.
        CodeRedirectUriMismatch = "code_redirect_uri_mismatch",
        /// The code was asked for with a challenge and came without its verifier.
        VerifierMissing = "verifier_missing",
        /// The verifier is not 43 to 128 unreserved characters.
        VerifierMalformed = "verifier_malformed",
        /// The verifier does not answer the challenge (RFC 7636 §4.6).
        VerifierMismatch = "verifier_mismatch",
        /// A verifier for a code that was asked for without a challenge (RFC 9700 §2.1.1).
        VerifierUnexpected = "verifier_unexpected",
        /// What is presented is no refresh token of this site.
        RefreshUnknown = "refresh_unknown",
        /// The refresh token was issued to another client.
        RefreshOfAnotherClient = "refresh_of_another_client",
        /// The refresh token's time is over.
        RefreshExpired = "refresh_expired",
        /// The refresh token was rotated before (RFC 9700 §4.14.2).
        RefreshReused = "refresh_reused",
        /// The grant, or what it rests on, has ended.
        GrantEnded = "grant_ended",
        /// More scope than was granted.
        ScopeExceedsGrant = "scope_exceeds_grant",

        // Tokens presented.
        /// No access token is presented.
        TokenMissing = "token_missing",
        /// What is presented is no access token of this site.
        TokenInvalid = "token_invalid",
        /// The access token's time is over.
        TokenExpired = "token_expired",
        /// The access token, or what it rests on, has been revoked.
        TokenRevoked = "token_revoked",
        /// The token belongs to another client.
        TokenOfAnotherClient = "token_of_another_client",
        /// The signature is not ours.
        TokenSignatureWrong = "token_signature_wrong",
        /// The access token lacks `openid`.
        OpenidScopeMissing = "openid_scope_missing",
        /// A `token_type_hint` that is neither of the two (seed dialect).
        TokenHintUnsupported = "token_hint_unsupported",

        // Logout.
        /// The `id_token_hint` was not issued here.
        HintInvalid = "hint_invalid",
        /// The `post_logout_redirect_uri` is not one of the client's.
        LogoutUriMismatch = "logout_uri_mismatch",

        // Administration.
        /// No such user at this site.
        UserUnknown = "user_unknown",
        /// The username is taken.
        UserExists = "user_exists",
        /// The site exists already.
        SiteExists = "site_exists",
        /// A client of this id exists already.
        ClientExists = "client_exists",
        /// No initial access token of this name.
        InvitationUnknown = "invitation_unknown",
        /// An initial access token cannot be good for so long, or for so many.
        InvitationUnacceptable = "invitation_unacceptable",
        /// No such key at this site.
        KeyUnknown = "key_unknown",
        /// The site has no key to sign with.
        KeyMissing = "key_missing",
        /// Tokens that are still good were signed with the key.
        KeyNeeded = "key_needed",
        /// The key is the one that signs.
        KeyInUse = "key_in_use",
        /// A setting has no such name or value.
        SettingUnknown = "setting_unknown",
        /// What is asked for is already so.
        NothingToChange = "nothing_to_change",
    }
);
