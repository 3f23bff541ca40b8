//! TLS 1.2 and 1.3 with a certificate and a key from files, read again when they change (DESIGN.md §7).

use std::{
    fs, io,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        version::{TLS12, TLS13},
    },
};

/// Where the certificate chain and its key are, as PEM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// The server's certificate first, then the intermediate ones.
    pub certificates: PathBuf,
    /// Its private key: PKCS #8, PKCS #1 or SEC 1.
    pub key: PathBuf,
}

/// Why the files cannot be served with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file holds no PEM of the kind it should.
    #[error("{path} holds no {what} in PEM form")]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// Certificate and key do not belong together, or rustls cannot use them.
    #[error("the certificate and the key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// The configuration in use. [`Self::reload`] is called by one timer task; every accepted connection takes the current one.
pub struct Tls {
    files: TlsFiles,
    current: RwLock<(Stamp, Arc<ServerConfig>)>,
}

/// What changes when a file does: modification time and size of both.
type Stamp = [(Option<SystemTime>, u64); 2];

impl Tls {
    /// Reads the files.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let stamp = files.stamp();
        let config = files.config()?;
        Ok(Self { files, current: RwLock::new((stamp, Arc::new(config))) })
    }
    /// Reads the files again if they have changed. Files that cannot be used leave the configuration as it is, and are tried again
    /// when they change again.
    pub fn reload(&self) {
        let stamp = self.files.stamp();
        if stamp == self.current.read().unwrap_or_else(PoisonError::into_inner).0 {
            return;
        }
        let read = self.files.config();
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.0 = stamp;
        match read {
            Ok(config) => {
                current.1 = Arc::new(config);
                tracing::info!("the TLS certificate was read again");
            }
            Err(error) => tracing::error!(%error, "the changed TLS certificate cannot be used; the previous one stays in use"),
        }
    }
    /// Accepts with the current configuration.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.current.read().unwrap_or_else(PoisonError::into_inner).1.clone().into()
    }
}

impl TlsFiles {
    fn stamp(&self) -> Stamp {
        [&self.certificates, &self.key].map(|path| {
            let metadata = fs::metadata(path).ok();
            (metadata.as_ref().and_then(|data| data.modified().ok()), metadata.map_or(0, |data| data.len()))
        })
    }
    fn config(&self) -> Result<ServerConfig, TlsError> {
        let certificates = CertificateDer::pem_slice_iter(&read(&self.certificates)?).collect::<Result<Vec<_>, _>>();
        let chain = certificates.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| TlsError::NotPem { path: self.certificates.clone(), what: "certificate" })?;
        let key = PrivateKeyDer::from_pem_slice(&zeroize::Zeroizing::new(read(&self.key)?));
        let key = key.map_err(|_| TlsError::NotPem { path: self.key.clone(), what: "private key" })?;
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_protocol_versions(&[&TLS13, &TLS12])?.with_no_client_auth();
        let mut config = builder.with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn read(path: &PathBuf) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|cause| TlsError::Unreadable { path: path.clone(), cause })
}
