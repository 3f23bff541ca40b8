//! The closed vocabularies of the protocol: grant types, authentication methods, prompts, roles, algorithms.

/// An enum whose values are words on the wire.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal, { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }
        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl std::str::FromStr for $name {
            type Err = crate::terms::ParseError;
            fn from_str(text: &str) -> Result<Self, crate::terms::ParseError> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(crate::terms::ParseError { what: $what }),
                }
            }
        }
        crate::terms::serde_as_text!($name);
    };
}
pub(crate) use words;

words!(
    /// How a client may get tokens (RFC 6749 §1.3, RFC 7591 §2).
    GrantType, "grant_type", {
        /// RFC 6749 §4.1.
        AuthorizationCode = "authorization_code",
        /// RFC 6749 §6.
        RefreshToken = "refresh_token",
    }
);

words!(
    /// How a client proves who it is at the token endpoint (RFC 7591 §2).
    TokenEndpointAuthMethod, "token_endpoint_auth_method", {
        /// HTTP Basic (RFC 6749 §2.3.1).
        ClientSecretBasic = "client_secret_basic",
        /// Credentials in the form (RFC 6749 §2.3.1).
        ClientSecretPost = "client_secret_post",
        /// A public client.
        None = "none",
    }
);

words!(
    /// The kind of application: OpenID's words and the thread's (SPEC.md b.1). Stored and echoed as sent.
    ApplicationType, "application_type", {
        /// OpenID Connect Registration §2: runs on a web server.
        Web = "web",
        /// OpenID Connect Registration §2: runs on a device.
        Native = "native",
        /// The thread's confidential client.
        Private = "private",
        /// The thread's public client.
        Public = "public",
    }
);

words!(
    /// What the client wants to see happen (OpenID Connect Core §3.1.2.1).
    Prompt, "prompt", {
        /// No page may be shown.
        None = "none",
        /// The person signs in again.
        Login = "login",
        /// The person is asked again.
        Consent = "consent",
        /// The person chooses an account.
        SelectAccount = "select_account",
    }
);

words!(
    /// The directory a user belongs to (SPEC.md e.4).
    Role, "user_role", {
        /// Staff.
        Users = "users",
        /// Patients of the portal.
        Patient = "patient",
    }
);

words!(
    /// Which kind of token a `token_type_hint` names (RFC 7009 §2.1).
    TokenKind, "token_type_hint", {
        /// An access token.
        AccessToken = "access_token",
        /// A refresh token.
        RefreshToken = "refresh_token",
    }
);

words!(
    /// A signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
    SigningAlgorithm, "alg", {
        /// RSASSA-PKCS1-v1_5 with SHA-256: the default of OpenID Connect.
        Rs256 = "RS256",
        /// Ed25519.
        EdDsa = "EdDSA",
    }
);

impl Role {
    /// Reads either spelling: the token endpoint's words or the sign-in form's (SPEC.md k-47).
    pub fn from_either(text: &str) -> Option<Self> {
        match text {
            "users" | "api" => Some(Self::Users),
            "patient" | "portal-api" => Some(Self::Patient),
            _ => None,
        }
    }
}
