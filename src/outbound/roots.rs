//! Whose certificates are trusted: the system's, and those of `outbound.ca_file`.

use super::{FetchError, RootsError};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::OnceCell;
use tokio_rustls::rustls::{
    self, ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
    version::{TLS12, TLS13},
};

/// The certificates to trust. The system's are read when they are first needed.
pub(super) struct Roots {
    own: Vec<CertificateDer<'static>>,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Roots {
    pub(super) fn of_the_system() -> Self {
        Self { own: Vec::new(), config: OnceCell::new() }
    }

    pub(super) fn with(file: Option<&Path>) -> Result<Self, RootsError> {
        let Some(path) = file else { return Ok(Self::of_the_system()) };
        let pem = std::fs::read(path).map_err(|cause| RootsError::Unreadable { path: path.to_owned(), cause })?;
        let own: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
        let usable = |certificate: &CertificateDer<'static>| RootCertStore::empty().add(certificate.clone()).is_ok();
        match !own.is_empty() && own.iter().all(usable) {
            true => Ok(Self { own, config: OnceCell::new() }),
            false => Err(RootsError::NoCertificate(path.to_owned())),
        }
    }

    /// How TLS is spoken with other servers.
    pub(super) async fn config(&self) -> Result<Arc<ClientConfig>, FetchError> {
        let made = self.config.get_or_try_init(|| async {
            let system = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
            let system = system.map_err(|_| FetchError::Busy)?;
            if system.certs.is_empty() && self.own.is_empty() {
                tracing::error!("no certificates of authorities are installed: nothing of a client's can be read and none told of a sign-out (outbound.ca_file)");
            }
            config(self.own.iter().cloned().chain(system.certs)).map_err(|error| FetchError::Tls(error.to_string()))
        });
        made.await.map(Arc::clone)
    }
}

fn config(roots: impl Iterator<Item = CertificateDer<'static>>) -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots);
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_protocol_versions(&[&TLS13, &TLS12])?;
    let mut config = builder.with_root_certificates(store).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
