//! The TLS of the connection.

use std::{path::Path, sync::Arc};

use framewise::tls::ClientTls;
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use crate::common::{self, report};

/// Whom to trust, and which certificate to show.
#[derive(Default)]
pub(crate) struct Files<'a> {
    pub(crate) ca: Option<&'a Path>,
    pub(crate) cert: Option<&'a Path>,
    pub(crate) key: Option<&'a Path>,
    pub(crate) insecure: bool,
}

impl Files<'_> {
    /// Returns the TLS, or `None` when the defaults will do.
    pub(crate) fn load(&self) -> Result<Option<ClientTls>, lexopt::Error> {
        let tls = match self.ca {
            Some(_) if self.insecure => {
                return Err("--ca and --insecure exclude one another".into());
            }
            None if self.insecure => Some(insecure()?),
            Some(ca) => {
                let tls = ClientTls::with_roots_pem(common::read(ca)?);
                Some(tls.map_err(|error| format!("{}: {error}", ca.display()))?)
            }
            None => None,
        };
        let (cert, key) = match (self.cert, self.key) {
            (None, None) => return Ok(tls),
            (Some(cert), Some(key)) => (cert, key),
            _ => return Err("--cert and --key go together".into()),
        };
        let tls = match tls {
            Some(tls) => tls,
            None => ClientTls::default_roots().map_err(|error| error.to_string())?,
        };
        let tls = tls.client_cert(common::read(cert)?, common::read(key)?);
        let failed = |error| format!("{} and {}: {error}", cert.display(), key.display());
        Ok(Some(tls.map_err(failed)?))
    }
}

/// Accepts any certificate, after a warning.
fn insecure() -> Result<ClientTls, lexopt::Error> {
    report!(
        "WARNING: --insecure: the certificate is not checked. Anybody on the way can read and\n\
         change everything, passwords included. Use it for tests only."
    );
    let provider = provider().ok_or("no cryptography: build with --features tls")?;
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    Ok(Arc::new(config).into())
}

fn provider() -> Option<Arc<CryptoProvider>> {
    #[cfg(feature = "rustls-ring")]
    return Some(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(all(feature = "rustls-aws-lc-rs", not(feature = "rustls-ring")))]
    return Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(not(any(feature = "rustls-ring", feature = "rustls-aws-lc-rs")))]
    None
}

/// A verifier that checks that the server has the key of its certificate, whatever that says.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let supported = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signature, supported)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let supported = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signature, supported)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
