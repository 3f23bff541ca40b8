//! Why nothing was fetched.

use std::path::PathBuf;

/// Why a document could not be fetched. The text is for the trace and the operator; clients get a fixed sentence.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FetchError {
    /// Too much is under way already: for this errand, to this host, to this network, or in looking up names.
    #[error("too many outgoing requests are under way")]
    Busy,
    /// No whole answer in time.
    #[error("there was no whole answer within 3 s")]
    Slow,
    /// The name has no address.
    #[error("the name has no address")]
    Unresolved,
    /// All its addresses are special ones.
    #[error("the address is not public, and outbound.allow does not name it")]
    NotPublic,
    /// No address could be connected to.
    #[error("no connection: {0}")]
    Unreachable(String),
    /// TLS failed: mostly a certificate that is not trusted here.
    #[error("no TLS: {0}")]
    Tls(String),
    /// The other side does not speak HTTP/1.1 as it should, or hung up.
    #[error("no proper answer: {0}")]
    Broken(String),
    /// The answer points elsewhere. Nothing is followed.
    #[error("the answer is a redirect (status {0})")]
    Redirected(u16),
    /// The answer is no success.
    #[error("the answer has status {0}")]
    Status(u16),
    /// The answer is compressed, which was not asked for.
    #[error("the answer is compressed")]
    Encoded,
    /// The answer is longer than 64 KiB.
    #[error("the answer is longer than 64 KiB")]
    TooLarge,
}

/// Why the certificates to trust cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The file cannot be read.
    #[error("cannot read {path}: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file holds no certificate that could be trusted.
    #[error("{0} holds no certificate in PEM form")]
    NoCertificate(PathBuf),
}
