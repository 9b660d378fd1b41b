//! Certificates and keys in PEM (RFC 7468).

use alloc::{format, vec::Vec};

use rustls::{
    RootCertStore,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{Error, PemObject as _},
    },
};

use super::{TlsError, TlsErrorKind};

/// Returns the certificates in `pem`, in their order.
///
/// # Errors
///
/// [`BadPem`](TlsErrorKind::BadPem) when there is none, or `pem` is damaged.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(nothing(pem, "certificate")),
        certificates => certificates.map_err(|error| damaged(pem, &error)),
    }
}

/// Returns the certificates in `pem` as roots.
///
/// # Errors
///
/// Those of [`certificates`], and when one is malformed.
pub(super) fn roots(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for (index, certificate) in certificates(pem)?.into_iter().enumerate() {
        roots.add(certificate).map_err(|error| {
            let text = format!("certificate {} of the PEM text is malformed", index + 1);
            TlsError::new(TlsErrorKind::BadPem, text, Some(error))
        })?;
    }
    Ok(roots)
}

/// Returns the first private key in `pem`: PKCS#8, PKCS#1 or SEC1.
///
/// # Errors
///
/// [`BadPem`](TlsErrorKind::BadPem) when there is none, or `pem` is damaged.
pub(super) fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        Error::NoItemsFound => nothing(pem, "private key (PKCS#8, PKCS#1 or SEC1)"),
        error => damaged(pem, &error),
    })
}

fn nothing(pem: &[u8], what: &str) -> TlsError {
    let advice = if contains(pem, b"-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        ": its key is encrypted, and has to be decrypted first"
    } else if contains(pem, b"-----BEGIN ") {
        ": other things are there"
    } else {
        ""
    };
    TlsError::new(TlsErrorKind::BadPem, format!("no {what} in the PEM text{advice}"), None)
}

/// Leaves out what the error quotes: it may be a key.
fn damaged(pem: &[u8], error: &Error) -> TlsError {
    let text = match error {
        _ if !pem.contains(&b'\n') => "the PEM text is one line: its line breaks were lost",
        Error::MissingSectionEnd { .. } => "the PEM text ends before an END line",
        Error::IllegalSectionStart { .. } => "the PEM text has a malformed BEGIN line",
        Error::Base64Decode(_) => "the PEM text has characters that are not base64",
        _ => "the PEM text is malformed",
    };
    TlsError::new(TlsErrorKind::BadPem, text, None)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString as _};

    use super::*;

    fn message<T>(result: Result<T, TlsError>) -> String {
        let error = result.err().expect("it is not valid");
        assert_eq!(error.kind(), TlsErrorKind::BadPem);
        error.to_string()
    }

    #[test]
    fn what_is_missing_is_said() {
        let key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let encrypted =
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let certificate = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(message(certificates(b"")), "no certificate in the PEM text");
        assert_eq!(
            message(certificates(key)),
            "no certificate in the PEM text: other things are there"
        );
        assert!(message(private_key(encrypted)).ends_with("has to be decrypted first"));
        assert!(message(private_key(certificate)).starts_with("no private key"));
        assert_eq!(message(roots(certificate)), "certificate 1 of the PEM text is malformed");
        assert!(private_key(key).is_ok() && certificates(certificate).is_ok());
    }

    // What is quoted may be the key itself.
    #[test]
    fn no_error_quotes_the_text() {
        let secret = "MC4CAQAwBQYDK2VwBCIEISECRET";
        let begin = "-----BEGIN PRIVATE KEY-----";
        for (text, said) in [
            (format!("{begin} {secret} -----END PRIVATE KEY-----"), "one line"),
            (format!("{begin} {secret} -----END PRIVATE KEY-----\n"), "END line"),
            (format!("{begin}\n{secret}\n"), "END line"),
            (format!("-----BEGIN {secret}\n{secret}\n"), "BEGIN line"),
            (format!("{begin}\n{secret}??\n-----END PRIVATE KEY-----\n"), "not base64"),
        ] {
            let error = private_key(text.as_bytes()).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(said), "{shown}");
            assert!(!shown.contains("SECRET"), "{shown}");
            assert!(core::error::Error::source(&error).is_none());
        }
    }
}
