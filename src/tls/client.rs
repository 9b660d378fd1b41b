//! The trusted roots of a client, and its certificate.

use alloc::{format, sync::Arc};
use core::fmt;

use rustls::{
    ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier,
    client::Resumption,
    pki_types::ServerName,
    sign::{CertifiedKey, SingleCertAndKey},
};
#[cfg(feature = "connect")]
use rustls::{SignatureScheme, client::ResolvesClientCert};

use super::{ALPN, TlsError, TlsErrorKind, pem, provider::provider};

/// How a client does TLS: the roots that it trusts, and perhaps a certificate of its own.
///
/// Cloning it is cheap, and clones share what shortens later handshakes with the same servers
/// (session resumption). So make it once.
///
/// A rustls configuration converts into it. A copy of it gets the application protocol (ALPN)
/// `http/1.1`.
///
/// ```
/// use framewise::tls::ClientTls;
///
/// fn for_an_own_authority() -> Result<ClientTls, Box<dyn std::error::Error>> {
///     let roots = std::fs::read("ca.pem")?;
///     let (chain, key) = (std::fs::read("client.pem")?, std::fs::read("client.key")?);
///     Ok(ClientTls::with_roots_pem(roots)?.client_cert(chain, key)?)
/// }
/// ```
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    /// Whether it was made here, and not converted.
    own: bool,
}

impl ClientTls {
    /// Trusts what the operating system trusts: with its own verifier on Windows, macOS, iOS and Android,
    /// with the certificates in its files elsewhere.
    ///
    /// Where there are files, the environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
    /// This call reads them, which takes some milliseconds.
    ///
    /// # Errors
    ///
    /// A [`TlsError`] of the kind
    /// - [`NoRoots`](TlsErrorKind::NoRoots) when the system has no certificates,
    /// - [`NoProvider`](TlsErrorKind::NoProvider) without a feature for the cryptography.
    #[cfg(feature = "rustls-platform-verifier")]
    pub fn platform() -> Result<Self, TlsError> {
        use rustls_platform_verifier::BuilderVerifierExt as _;

        let builder = builder()?.with_platform_verifier().map_err(|error| {
            let text = "the system has no root certificates: install them (ca-certificates), name \
                a file in SSL_CERT_FILE, or give them with `ClientTls::with_roots_pem`";
            TlsError::new(TlsErrorKind::NoRoots, text, Some(error))
        })?;
        Ok(Self::own(builder.with_no_client_auth()))
    }

    /// Trusts Mozilla's root certificates, as the crate `webpki-roots` has them. They are part of the
    /// program, and get old with it.
    ///
    /// # Errors
    ///
    /// [`NoProvider`](TlsErrorKind::NoProvider) without a feature for the cryptography.
    #[cfg(feature = "rustls-webpki-roots")]
    pub fn webpki_roots() -> Result<Self, TlsError> {
        Self::with_roots(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect())
    }

    /// Trusts these root certificates and no others: one or more in PEM.
    ///
    /// For a server with a self-signed certificate, give that certificate. It must not be that of an
    /// authority (`CA:TRUE`).
    ///
    /// # Errors
    ///
    /// A [`TlsError`] of the kind
    /// - [`BadPem`](TlsErrorKind::BadPem) when there is no certificate in `pem`, or one is malformed,
    /// - [`NoProvider`](TlsErrorKind::NoProvider) without a feature for the cryptography.
    pub fn with_roots_pem(pem: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        Self::with_roots(pem::roots(pem.as_ref())?)
    }

    /// Shows this certificate to servers that ask for one.
    ///
    /// Session resumption begins anew. A converted rustls configuration does without it from then on: to
    /// resume, set the certificate there.
    ///
    /// `chain_pem` has the client's certificate and, after it, those of the authorities between it and a
    /// root. `key_pem` has its private key: PKCS#8, PKCS#1 or SEC1, not encrypted.
    ///
    /// # Errors
    ///
    /// A [`TlsError`] of the kind
    /// - [`BadPem`](TlsErrorKind::BadPem) when something is missing or malformed,
    /// - [`BadKey`](TlsErrorKind::BadKey) when the key is not of a known kind, or does not belong to the
    ///   certificate.
    pub fn client_cert(
        self,
        chain_pem: impl AsRef<[u8]>,
        key_pem: impl AsRef<[u8]>,
    ) -> Result<Self, TlsError> {
        let chain = pem::certificates(chain_pem.as_ref())?;
        let key = pem::private_key(key_pem.as_ref())?;
        let certified = CertifiedKey::from_der(chain, key, self.config.crypto_provider())
            .map_err(TlsError::of_key)?;
        let mut config = Arc::unwrap_or_clone(self.config);
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified));
        // What others of the same configuration resume was agreed without this certificate. And the
        // settings of a converted one cannot be read.
        config.resumption = if self.own { Resumption::default() } else { Resumption::disabled() };
        Ok(Self { config: Arc::new(config), own: self.own })
    }

    /// Returns the same without a certificate of the client's.
    #[cfg(feature = "connect")]
    pub(crate) fn without_client_cert(&self) -> Self {
        if !self.config.client_auth_cert_resolver.has_certs() {
            return self.clone();
        }
        let mut config = ClientConfig::clone(&self.config);
        config.client_auth_cert_resolver = Arc::new(NoCertificate);
        config.resumption = Resumption::disabled();
        Self { config: Arc::new(config), own: self.own }
    }

    /// Returns what `connect` uses when the program gives nothing: `platform` if that is compiled in, else
    /// `webpki_roots`.
    ///
    /// The first success is kept for the life of the process, since reading the roots takes longer than a
    /// handshake. To read them at the start of a program, and not in a task that connects, call this there.
    ///
    /// # Errors
    ///
    /// Those of the two, and [`NoRoots`](TlsErrorKind::NoRoots) if neither is compiled in.
    pub fn default_roots() -> Result<Self, TlsError> {
        static DEFAULT: std::sync::OnceLock<ClientTls> = std::sync::OnceLock::new();

        if let Some(tls) = DEFAULT.get() {
            return Ok(tls.clone());
        }
        #[cfg(feature = "rustls-platform-verifier")]
        let tls = Self::platform()?;
        #[cfg(all(feature = "rustls-webpki-roots", not(feature = "rustls-platform-verifier")))]
        let tls = Self::webpki_roots()?;
        #[cfg(not(any(feature = "rustls-webpki-roots", feature = "rustls-platform-verifier")))]
        let tls = {
            let text = "no root certificates: enable the feature `rustls-platform-verifier` or \
                `rustls-webpki-roots`, or give them with `ClientTls::with_roots_pem`";
            Err::<Self, _>(TlsError::new(TlsErrorKind::NoRoots, text, None))?
        };
        Ok(DEFAULT.get_or_init(|| tls).clone())
    }

    pub(crate) const fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    fn with_roots(roots: RootCertStore) -> Result<Self, TlsError> {
        Ok(Self::own(builder()?.with_root_certificates(roots).with_no_client_auth()))
    }

    fn own(mut config: ClientConfig) -> Self {
        config.alpn_protocols = [ALPN.to_vec()].into();
        Self { config: Arc::new(config), own: true }
    }
}

/// Has nothing to show.
#[cfg(feature = "connect")]
#[derive(Debug)]
struct NoCertificate;

#[cfg(feature = "connect")]
impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Copies the configuration, unless `http/1.1` is its only application protocol already.
impl From<Arc<ClientConfig>> for ClientTls {
    fn from(config: Arc<ClientConfig>) -> Self {
        if config.alpn_protocols == [ALPN] {
            return Self { config, own: false };
        }
        Self { own: false, ..Self::own(Arc::unwrap_or_clone(config)) }
    }
}

/// For a loop of the program's own over rustls; [`Driver`](crate::driver::Driver) has what runs over it.
impl From<ClientTls> for Arc<ClientConfig> {
    fn from(tls: ClientTls) -> Self {
        tls.config
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_cert = self.config.client_auth_cert_resolver.has_certs();
        f.debug_struct("ClientTls").field("client_cert", &has_cert).finish_non_exhaustive()
    }
}

/// Returns the name of a server as rustls takes it: a host name or an address, which may end in a dot.
///
/// # Errors
///
/// [`BadName`](TlsErrorKind::BadName) for anything else.
pub(crate) fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    // The root of the DNS has no place in a certificate (RFC 6125 §6.4, RFC 6066 §3).
    let relative = name.strip_suffix('.').unwrap_or(name);
    ServerName::try_from(relative).map(|name| name.to_owned()).map_err(|_| {
        let text =
            format!("no certificate can be for {name:?}: it is neither a host name nor an address");
        TlsError::new(TlsErrorKind::BadName, text, None)
    })
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, TlsError> {
    ClientConfig::builder_with_provider(provider()?)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::of_config("the cryptography speaks no version of TLS", error))
}

#[cfg(all(test, any(feature = "rustls-aws-lc-rs", feature = "rustls-ring")))]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    fn given(protocols: &[&[u8]]) -> Arc<ClientConfig> {
        let mut config =
            builder().unwrap().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }

    #[test]
    fn a_given_configuration_speaks_http_1_1_and_stays_as_it_is() {
        for protocols in [&[][..], &[&b"h2"[..]], &[b"h2", b"http/1.1"]] {
            let config = given(protocols);
            let tls = ClientTls::from(Arc::clone(&config));
            assert_eq!(tls.config().alpn_protocols, [b"http/1.1"]);
            assert_eq!(config.alpn_protocols, protocols);
        }
        let config = given(&[b"http/1.1"]);
        assert!(Arc::ptr_eq(ClientTls::from(Arc::clone(&config)).config(), &config));
    }

    // 6455-4.1-18: names are indicated, addresses are not (RFC 6066 §3)
    #[test]
    fn the_name_of_the_server_is_indicated() {
        for (host, indicated) in
            [("chat.example.com", Some("chat.example.com")), ("192.0.2.7", None), ("::1", None)]
        {
            let tls = ClientTls::from(given(&[]));
            let name = server_name(host).unwrap();
            let mut client = rustls::ClientConnection::new(Arc::clone(tls.config()), name).unwrap();
            let mut hello = alloc::vec::Vec::new();
            client.write_tls(&mut hello).unwrap();
            let mut acceptor = rustls::server::Acceptor::default();
            acceptor.read_tls(&mut &*hello).unwrap();
            let Ok(Some(accepted)) = acceptor.accept() else { panic!("no whole hello") };
            let hello = accepted.client_hello();
            assert_eq!(hello.server_name(), indicated);
            assert_eq!(hello.alpn().unwrap().collect::<alloc::vec::Vec<_>>(), [b"http/1.1"]);
        }
    }

    #[test]
    fn names_and_addresses_are_server_names() {
        for (name, expected) in [
            ("example.com", "example.com"),
            ("example.com.", "example.com"),
            ("a_b.example", "a_b.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(server_name(name).unwrap().to_str(), expected);
        }
        let is_address = |name| matches!(server_name(name), Ok(ServerName::IpAddress(_)));
        assert!(is_address("::1") && is_address("192.0.2.1") && !is_address("example.com"));
        for name in ["", ".", "a..b", "exa mple", "-a.example", "%41.example", "ex\u{e4}mple"] {
            let error = server_name(name).unwrap_err();
            assert_eq!(error.kind(), TlsErrorKind::BadName, "{name:?}");
            assert!(error.to_string().starts_with("no certificate can be for \""), "{error}");
        }
    }

    #[cfg(all(
        feature = "connect",
        not(any(feature = "rustls-platform-verifier", feature = "rustls-webpki-roots"))
    ))]
    #[test]
    fn without_roots_the_error_names_the_features() {
        let error = ClientTls::default_roots().unwrap_err();
        assert_eq!(error.kind(), TlsErrorKind::NoRoots);
        let text = error.to_string();
        assert!(text.contains("`rustls-platform-verifier`"), "{text}");
        assert!(text.contains("`rustls-webpki-roots`"), "{text}");
    }

    #[cfg(all(
        feature = "connect",
        any(feature = "rustls-platform-verifier", feature = "rustls-webpki-roots")
    ))]
    #[test]
    fn the_default_roots_are_read_once() {
        // A machine without certificates fails each time, and says so.
        match (ClientTls::default_roots(), ClientTls::default_roots()) {
            (Ok(one), Ok(other)) => assert!(Arc::ptr_eq(one.config(), other.config())),
            (one, other) => {
                assert_eq!(one.unwrap_err().kind(), TlsErrorKind::NoRoots);
                assert_eq!(other.unwrap_err().kind(), TlsErrorKind::NoRoots);
            }
        }
    }
}
