//! The certificate of a server.

use alloc::sync::Arc;
use core::fmt;

use rustls::{ServerConfig, server::WebPkiClientVerifier};

use super::{ALPN, TlsError, TlsErrorKind, pem, provider::provider};

/// How a server does TLS: its certificate, and whether clients need one.
///
/// Cloning it is cheap. Make it once, and again when the certificate is renewed.
///
/// A rustls configuration converts into it, for several certificates or one that changes. A copy of it
/// gets the application protocol (ALPN) `http/1.1`.
///
/// ```no_run
/// use framewise::{Config, blocking, handshake::Acceptance, tls::ServerTls};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tls = ServerTls::from_pem(std::fs::read("server.pem")?, std::fs::read("server.key")?)?;
/// let listener = std::net::TcpListener::bind("127.0.0.1:9001")?;
/// let (stream, _) = listener.accept()?;
/// let mut websocket =
///     blocking::accept_tls(stream, &tls, Config::default())?.accept(Acceptance::new())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    /// Whether this crate has made the configuration, which then has the default versions.
    own: bool,
}

impl ServerTls {
    /// Shows this certificate to clients.
    ///
    /// `chain_pem` has the server's certificate and, after it, those of the authorities between it and a
    /// root. `key_pem` has its private key: PKCS#8, PKCS#1 or SEC1, not encrypted.
    ///
    /// # Errors
    ///
    /// A [`TlsError`] of the kind
    /// - [`BadPem`](TlsErrorKind::BadPem) when something is missing or malformed,
    /// - [`BadKey`](TlsErrorKind::BadKey) when the key is not of a known kind, or does not belong to the
    ///   certificate,
    /// - [`NoProvider`](TlsErrorKind::NoProvider) without a feature for the cryptography.
    pub fn from_pem(
        chain_pem: impl AsRef<[u8]>,
        key_pem: impl AsRef<[u8]>,
    ) -> Result<Self, TlsError> {
        let chain = pem::certificates(chain_pem.as_ref())?;
        let key = pem::private_key(key_pem.as_ref())?;
        let config = ServerConfig::builder_with_provider(provider()?)
            .with_safe_default_protocol_versions()
            .map_err(no_versions)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(TlsError::of_key)?;
        Ok(Self { config: with_alpn(config), own: true })
    }

    /// Refuses clients without a certificate that one of these authorities has issued: one or more
    /// root certificates in PEM.
    ///
    /// # Errors
    ///
    /// A [`TlsError`] of the kind
    /// - [`BadPem`](TlsErrorKind::BadPem) when there is no certificate in `ca_pem`, or one is malformed,
    /// - [`Other`](TlsErrorKind::Other) for a converted rustls configuration, whose versions of TLS
    ///   cannot be kept. It takes a `WebPkiClientVerifier` when it is built.
    pub fn require_client_certs(self, ca_pem: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        if !self.own {
            let text = "a rustls configuration cannot require client certificates later: build it \
                with a client verifier";
            return Err(TlsError::new(TlsErrorKind::Other, text, None));
        }
        let roots = Arc::new(pem::roots(ca_pem.as_ref())?);
        let provider = self.config.crypto_provider();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider))
            .build()
            .map_err(|error| {
                let error = rustls::Error::Other(rustls::OtherError(Arc::new(error)));
                TlsError::of_config("client certificates cannot be checked", error)
            })?;
        let config = ServerConfig::builder_with_provider(Arc::clone(provider))
            .with_safe_default_protocol_versions()
            .map_err(no_versions)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(&self.config.cert_resolver));
        Ok(Self { config: with_alpn(config), own: true })
    }

    pub(crate) const fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }
}

/// Copies the configuration, unless `http/1.1` is its only application protocol already, and it takes no
/// early data (0-RTT). That is turned off: anybody can send it again (RFC 8446 §8).
impl From<Arc<ServerConfig>> for ServerTls {
    fn from(config: Arc<ServerConfig>) -> Self {
        if config.alpn_protocols == [ALPN] && config.max_early_data_size == 0 {
            return Self { config, own: false };
        }
        Self { config: with_alpn(Arc::unwrap_or_clone(config)), own: false }
    }
}

/// For a loop of the program's own over rustls; [`Driver`](crate::driver::Driver) has what runs over it.
impl From<ServerTls> for Arc<ServerConfig> {
    fn from(tls: ServerTls) -> Self {
        tls.config
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

fn with_alpn(mut config: ServerConfig) -> Arc<ServerConfig> {
    config.alpn_protocols = [ALPN.to_vec()].into();
    config.max_early_data_size = 0;
    Arc::new(config)
}

fn no_versions(error: rustls::Error) -> TlsError {
    TlsError::of_config("the cryptography speaks no version of TLS", error)
}
