//! Why nothing was signed, and why a token was not believed.

/// A key or claims that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JoseError {
    /// The private key is not a PKCS#8 key of the algorithm.
    #[error("the private key is not a key for its algorithm")]
    PrivateKey,
    /// The public key is not one of the algorithm, or is too weak.
    #[error("the public key is not a key for its algorithm, or too weak for it")]
    PublicKey,
    /// The claims cannot be written as a JSON object.
    #[error("the claims cannot be written as JSON")]
    Claims,
    /// A further claim has the name of one that the token has anyway.
    #[error("a further claim would replace a claim of the token itself")]
    ReservedClaim,
    /// The cryptographic library refused to sign.
    #[error("the cryptographic library refused to sign")]
    Signing,
}

/// Why a token was not believed. The text is for the trace; callers answer with their own fixed sentence.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum VerifyError {
    /// Longer than 8 KiB, not three parts of strict base64url, or header or claims are not plain JSON objects.
    #[error("not a JWT in compact serialization")]
    NotAJwt,
    /// The header has a critical extension, brings its own key, or names another algorithm than its key's.
    #[error("the JWT's header asks for what is never accepted")]
    HeaderRefused,
    /// `kid` is missing, not one of our names, or names no key of the site.
    #[error("the JWT is signed with a key that this site does not know")]
    UnknownKey,
    /// The signature is not that of header and claims under the key.
    #[error("the JWT's signature is wrong")]
    BadSignature,
    /// The signature is right, but the claims are not those of the kind of token asked for.
    #[error("the JWT's claims are not those of this kind of token")]
    ClaimsMalformed,
}
