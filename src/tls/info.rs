//! What a TLS connection has agreed on.

use alloc::{borrow::ToOwned as _, string::String, vec::Vec};
use core::fmt;

use rustls::{CommonState, ProtocolVersion, ServerConnection};

/// What a TLS connection has agreed on, and the certificates of the peer.
///
/// ```no_run
/// use framewise::{Config, blocking, tls::{ServerTls, TlsVersion}};
///
/// # fn serve(stream: std::net::TcpStream, tls: &ServerTls) -> Result<(), framewise::Error> {
/// let incoming = blocking::accept_tls(stream, tls, Config::default())?;
/// let info = incoming.stream().tls();
/// assert_eq!(info.version(), TlsVersion::Tls13);
/// println!("for {:?}, by {} certificates", info.server_name(), info.peer_certificates().len());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TlsInfo {
    version: TlsVersion,
    alpn: Option<Vec<u8>>,
    server_name: Option<String>,
    peer_certificates: Vec<Vec<u8>>,
}

impl TlsInfo {
    /// Reads it off a client's session after the handshake.
    pub(crate) fn of_client(session: &CommonState) -> Self {
        Self::new(session, None)
    }

    /// Reads it off a server's session after the handshake.
    pub(crate) fn of_server(session: &ServerConnection) -> Self {
        Self::new(session, session.server_name())
    }

    fn new(session: &CommonState, server_name: Option<&str>) -> Self {
        let version = match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => TlsVersion::Tls12,
            // The only other one that rustls speaks.
            _ => TlsVersion::Tls13,
        };
        let certificates = session.peer_certificates().unwrap_or_default();
        Self {
            version,
            alpn: session.alpn_protocol().map(<[u8]>::to_vec),
            server_name: server_name.map(str::to_owned),
            peer_certificates: certificates.iter().map(|der| der.to_vec()).collect(),
        }
    }

    /// Returns the version of the protocol.
    #[must_use]
    pub const fn version(&self) -> TlsVersion {
        self.version
    }

    /// Returns the application protocol that both ends have agreed on (ALPN, RFC 7301): `http/1.1`, or
    /// `None` for a peer that does not name one.
    #[must_use]
    pub fn alpn(&self) -> Option<&[u8]> {
        self.alpn.as_deref()
    }

    /// Returns the host name that the client has asked a server for (SNI, RFC 6066 §3). `None` for a
    /// client, and for clients that connect to an address.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// Returns the certificates that the peer has sent, in DER, its own first. They were checked. Empty
    /// for a client that sent none.
    #[must_use]
    pub fn peer_certificates(&self) -> &[Vec<u8>] {
        &self.peer_certificates
    }
}

/// Shows how many certificates there are, not their bytes.
impl fmt::Debug for TlsInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alpn = self.alpn.as_deref().map(String::from_utf8_lossy);
        f.debug_struct("TlsInfo")
            .field("version", &self.version)
            .field("alpn", &alpn)
            .field("server_name", &self.server_name)
            .field("peer_certificates", &self.peer_certificates.len())
            .finish()
    }
}

/// A version of TLS.
///
/// ```
/// use framewise::tls::TlsVersion;
///
/// assert_eq!(TlsVersion::Tls13.to_string(), "TLS 1.3");
/// assert!(TlsVersion::Tls12 < TlsVersion::Tls13);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}
