//! Which cryptography is used.

use alloc::sync::Arc;

use rustls::crypto::CryptoProvider;

use super::TlsError;

/// Returns the cryptography that is compiled in. AWS-LC comes first: a program that names it wants it,
/// while `tls` of some other crate brings ring.
///
/// # Errors
///
/// [`NoProvider`](super::TlsErrorKind::NoProvider) when there is none.
pub(super) fn provider() -> Result<Arc<CryptoProvider>, TlsError> {
    #[cfg(feature = "rustls-aws-lc-rs")]
    return Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(all(feature = "rustls-ring", not(feature = "rustls-aws-lc-rs")))]
    return Ok(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(not(any(feature = "rustls-aws-lc-rs", feature = "rustls-ring")))]
    return Err(TlsError::no_provider());
}

#[cfg(test)]
mod tests {
    use super::*;

    // AWS-LC has a key exchange that ring lacks.
    #[cfg(any(feature = "rustls-aws-lc-rs", feature = "rustls-ring"))]
    #[test]
    fn aws_lc_comes_before_ring() {
        use rustls::NamedGroup;

        let provider = provider().unwrap();
        let groups = &provider.kx_groups;
        let post_quantum = groups.iter().any(|group| group.name() == NamedGroup::X25519MLKEM768);
        assert_eq!(post_quantum, cfg!(feature = "rustls-aws-lc-rs"));
    }

    #[cfg(not(any(feature = "rustls-aws-lc-rs", feature = "rustls-ring")))]
    #[test]
    fn without_cryptography_the_error_names_the_features() {
        let error = provider().unwrap_err();
        assert_eq!(error.kind(), crate::tls::TlsErrorKind::NoProvider);
        let text = alloc::string::ToString::to_string(&error);
        assert!(text.contains("`rustls-ring`") && text.contains("`rustls-aws-lc-rs`"), "{text}");
    }
}
