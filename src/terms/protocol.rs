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
        /// RFC 6749 §4.2: tokens straight from the authorization endpoint. No request to the token endpoint has it.
        Implicit = "implicit",
        /// RFC 6749 §4.4: a client for itself.
        ClientCredentials = "client_credentials",
        /// RFC 6749 §4.3: a name and a password, typed into the client. RFC 9700 §2.4 forbids it; a site has to switch it on.
        Password = "password",
    }
);

words!(
    /// The grants that a client may be let use without its secret, if an administrator says so (SPEC.md k-15).
    SecretlessGrant, "secretless grant", {
        /// `grant_type=password`.
        Password = "password",
        /// `grant_type=refresh_token`.
        Refresh = "refresh",
    }
);

words!(
    /// What a client knows people by (OpenID Connect Core §8).
    SubjectType, "subject_type", {
        /// The same as every other client's.
        Public = "public",
        /// A name that only the clients of one sector know.
        Pairwise = "pairwise",
    }
);

impl SubjectType {
    /// What a client gets that does not say.
    pub fn unsaid() -> Self {
        Self::Public
    }
    /// Whether the client need not say so.
    pub fn is_public(&self) -> bool {
        *self == Self::Public
    }
}

words!(
    /// How a client proves who it is at the token endpoint (RFC 7591 §2).
    TokenEndpointAuthMethod, "token_endpoint_auth_method", {
        /// HTTP Basic (RFC 6749 §2.3.1).
        ClientSecretBasic = "client_secret_basic",
        /// Credentials in the form (RFC 6749 §2.3.1).
        ClientSecretPost = "client_secret_post",
        /// A JWT signed with a key of the client's own (RFC 7523 §2.2, OpenID Connect Core §9).
        PrivateKeyJwt = "private_key_jwt",
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
    /// How strong a sign-in was (OpenID Connect Core §2, `acr`; docs/decisions/0014).
    Acr, "acr", {
        /// By one factor: a password.
        OneFactor = "1",
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
    /// A signature algorithm of our own keys (RFC 7518 §3.1, RFC 8037 §3.1).
    SigningAlgorithm, "alg", {
        /// RSASSA-PKCS1-v1_5 with SHA-256: the default of OpenID Connect.
        Rs256 = "RS256",
        /// RSASSA-PSS with SHA-256.
        Ps256 = "PS256",
        /// ECDSA on P-256 with SHA-256.
        Es256 = "ES256",
        /// Ed25519.
        EdDsa = "EdDSA",
    }
);

words!(
    /// A signature algorithm that a client may sign its assertions with (SPEC.md k-45). None is symmetric.
    ClientAlgorithm, "alg", {
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        Rs256 = "RS256",
        /// RSASSA-PKCS1-v1_5 with SHA-384: one of SMART's two.
        Rs384 = "RS384",
        /// RSASSA-PSS with SHA-256.
        Ps256 = "PS256",
        /// ECDSA on P-256 with SHA-256.
        Es256 = "ES256",
        /// ECDSA on P-384 with SHA-384: the other of SMART's two.
        Es384 = "ES384",
        /// Ed25519, by the name that stands for both its curves.
        EdDsa = "EdDSA",
        /// Ed25519 by the name that says so (RFC 9864 §2.2).
        Ed25519 = "Ed25519",
    }
);

words!(
    /// What the request objects of a client may be signed with (RFC 9101 §10.5, OpenID Connect Registration §2).
    RequestObjectAlgorithm, "request_object_signing_alg", {
        /// Nothing: what they say is worth no more than a query string.
        None = "none",
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        Rs256 = "RS256",
        /// RSASSA-PSS with SHA-256.
        Ps256 = "PS256",
        /// ECDSA on P-256 with SHA-256.
        Es256 = "ES256",
        /// Ed25519.
        EdDsa = "EdDSA",
    }
);

impl SigningAlgorithm {
    /// Whether the same claims give the same signature (RFC 8017 §8.2, RFC 8032 §5.1.6). PSS and ECDSA draw randomness each time.
    pub fn is_deterministic(self) -> bool {
        match self {
            Self::Rs256 | Self::EdDsa => true,
            Self::Ps256 | Self::Es256 => false,
        }
    }
}

impl ClientAlgorithm {
    /// Whether both names mean the same signature: `EdDSA` may be any Edwards curve, and ours is Ed25519 alone (RFC 9864 §2.2).
    pub fn means(self, other: Self) -> bool {
        let polymorphic = |name| if name == Self::Ed25519 { Self::EdDsa } else { name };
        polymorphic(self) == polymorphic(other)
    }
}

impl TokenEndpointAuthMethod {
    /// Whether the client and the server share a secret.
    pub fn uses_secret(self) -> bool {
        match self {
            Self::ClientSecretBasic | Self::ClientSecretPost => true,
            Self::PrivateKeyJwt | Self::None => false,
        }
    }
}

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
