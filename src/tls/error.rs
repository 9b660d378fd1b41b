//! What can go wrong with TLS, and what to do about it.

use alloc::{
    borrow::{Cow, ToOwned as _},
    boxed::Box,
    format,
    string::{String, ToString as _},
};
use core::{error::Error, fmt, time::Duration};
use std::io::{self, ErrorKind};

use rustls::{
    AlertDescription, CertificateError, InvalidMessage, OtherError, PeerMisbehaved,
    pki_types::UnixTime,
};

use crate::handshake::http_date;

/// Why there is no TLS connection, or no configuration for one.
///
/// The message says what to do, and [`kind`](Self::kind) is for programs that decide. The
/// [source](Error::source) is the error of rustls, if it comes from there.
///
/// ```
/// use framewise::tls::{ClientTls, TlsErrorKind};
///
/// let error = ClientTls::with_roots_pem("not PEM").unwrap_err();
/// assert_eq!(error.kind(), TlsErrorKind::BadPem);
/// assert_eq!(error.to_string(), "no certificate in the PEM text");
/// ```
#[derive(Debug)]
pub struct TlsError {
    inner: Box<Inner>,
}

/// On the heap: a TLS error is rare, and results stay small.
#[derive(Debug)]
struct Inner {
    kind: TlsErrorKind,
    text: Cow<'static, str>,
    source: Option<rustls::Error>,
}

/// What kind of thing went wrong. "Peer" is the other end, whether client or server.
///
/// ```
/// use framewise::{Error, tls::TlsErrorKind};
///
/// /// Whether a person has to look at the certificate of the server.
/// fn is_about_its_certificate(error: &Error) -> bool {
///     use TlsErrorKind as Kind;
///     let Error::Tls(error) = error else { return false };
///     matches!(error.kind(), Kind::Expired | Kind::UnknownIssuer | Kind::WrongName)
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsErrorKind {
    /// The certificate of the peer is malformed, wrongly signed, or for another use.
    BadCertificate,
    /// The private key cannot be used, or does not belong to the certificate.
    BadKey,
    /// The name of the server is neither a host name nor an address.
    BadName,
    /// A PEM text is malformed, or does not have what is needed.
    BadPem,
    /// The peer refuses the certificate of this end.
    CertificateRefused,
    /// A server requires a certificate of its client, and the client has none. A client learns that in TLS
    /// 1.3 only when it reads for the first time.
    CertificateRequired,
    /// The certificate of the peer has expired.
    Expired,
    /// The two ends have no version, cipher, signature or application protocol in common.
    Incompatible,
    /// No cryptography is compiled in.
    NoProvider,
    /// There are no root certificates to trust.
    NoRoots,
    /// The peer does not speak TLS.
    NotTls,
    /// The certificate of the peer is not valid yet.
    NotYetValid,
    /// Something else.
    Other,
    /// The certificate of the peer was revoked.
    Revoked,
    /// The handshake did not end in time.
    Timeout,
    /// The certificate of the peer comes from an issuer that is not trusted.
    UnknownIssuer,
    /// The certificate of the server is for other names, or the server has none for this name.
    WrongName,
}

/// The other end, as messages name it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Peer<'a> {
    /// A client.
    Client,
    /// The server of this name, or a server whose name is not at hand.
    Server(Option<&'a str>),
}

impl TlsError {
    pub(super) fn new(
        kind: TlsErrorKind,
        text: impl Into<Cow<'static, str>>,
        source: Option<rustls::Error>,
    ) -> Self {
        Self { inner: Box::new(Inner { kind, text: text.into(), source }) }
    }

    /// Says what an error of a session means.
    pub(crate) fn of_session(error: rustls::Error, peer: Peer<'_>) -> Self {
        let (kind, text) = explain(&error, peer);
        Self::new(kind, text, Some(error))
    }

    /// Says what an error that a key has caused means.
    pub(super) fn of_key(error: rustls::Error) -> Self {
        let text = match &error {
            rustls::Error::InconsistentKeys(_) => {
                "the private key does not belong to the first certificate of the chain".to_owned()
            }
            rustls::Error::InvalidCertificate(_) => {
                let text = "the first certificate of the chain is malformed";
                return Self::new(TlsErrorKind::BadPem, text, Some(error));
            }
            error => format!("the private key cannot be used: {}", brief(error)),
        };
        Self::new(TlsErrorKind::BadKey, text, Some(error))
    }

    /// Says that a configuration cannot be made.
    pub(super) fn of_config(what: &str, error: rustls::Error) -> Self {
        Self::new(TlsErrorKind::Other, format!("{what}: {}", brief(&error)), Some(error))
    }

    #[cfg(any(test, not(any(feature = "rustls-aws-lc-rs", feature = "rustls-ring"))))]
    pub(super) fn no_provider() -> Self {
        let text = "no cryptography for TLS: enable the feature `rustls-ring` or \
            `rustls-aws-lc-rs`, or convert a rustls configuration";
        Self::new(TlsErrorKind::NoProvider, text, None)
    }

    pub(crate) fn timeout() -> Self {
        Self::new(TlsErrorKind::Timeout, "the TLS handshake took too long", None)
    }

    /// Returns what kind of thing went wrong.
    #[must_use]
    pub fn kind(&self) -> TlsErrorKind {
        self.inner.kind
    }

    /// Returns the kind of the `io::Error` that this becomes.
    pub(crate) fn io_kind(&self) -> ErrorKind {
        match self.kind() {
            TlsErrorKind::BadKey | TlsErrorKind::BadName | TlsErrorKind::BadPem => {
                ErrorKind::InvalidInput
            }
            TlsErrorKind::CertificateRefused | TlsErrorKind::CertificateRequired => {
                ErrorKind::PermissionDenied
            }
            TlsErrorKind::NoProvider | TlsErrorKind::NoRoots => ErrorKind::Unsupported,
            TlsErrorKind::Timeout => ErrorKind::TimedOut,
            _ => ErrorKind::InvalidData,
        }
    }

    /// Gives an error of a TLS stream that comes from rustls this type, and says where the stream has ended.
    pub(crate) fn within(error: io::Error, peer: Peer<'_>) -> io::Error {
        if error.kind() == ErrorKind::UnexpectedEof {
            let text = format!("{peer} has ended the stream without ending TLS (close_notify)");
            return io::Error::new(ErrorKind::UnexpectedEof, text);
        }
        match error.downcast::<rustls::Error>() {
            Ok(error) => Self::of_session(error, peer).into_io(),
            Err(error) => error,
        }
    }

    /// Returns it as a stream does. `crate::Error` finds it there.
    pub(crate) fn into_io(self) -> io::Error {
        io::Error::new(self.io_kind(), self)
    }

    /// Gives an error of a handshake this type, and says where a stream has ended.
    pub(crate) fn of_handshake(error: io::Error, peer: Peer<'_>) -> io::Error {
        if error.kind() == ErrorKind::UnexpectedEof {
            let text = format!("{peer} has closed the connection in the TLS handshake");
            return io::Error::new(ErrorKind::UnexpectedEof, text);
        }
        Self::within(error, peer)
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.text)
    }
}

impl Error for TlsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.inner.source.as_ref().map(|source| source as _)
    }
}

impl fmt::Display for Peer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("the client"),
            Self::Server(Some(name)) => f.write_str(name),
            Self::Server(None) => f.write_str("the server"),
        }
    }
}

fn explain(error: &rustls::Error, peer: Peer<'_>) -> (TlsErrorKind, String) {
    use rustls::Error as Tls;

    match error {
        Tls::InvalidCertificate(error) => explain_certificate(error, peer),
        Tls::AlertReceived(alert) => explain_alert(*alert, peer),
        Tls::NoCertificatesPresented => {
            (TlsErrorKind::CertificateRequired, format!("{peer} has sent no certificate"))
        }
        // What else is malformed shows that it does speak TLS.
        Tls::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => {
            let advice = match peer {
                Peer::Client => "is its URI ws:// and not wss://?",
                Peer::Server(_) => "is it a server for ws:// and not wss://?",
            };
            (TlsErrorKind::NotTls, format!("{peer} does not speak TLS: {advice}"))
        }
        Tls::PeerIncompatible(why) => (
            TlsErrorKind::Incompatible,
            format!("no TLS parameters in common with {peer}: {why:?}"),
        ),
        Tls::NoApplicationProtocol
        | Tls::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol) => (
            TlsErrorKind::Incompatible,
            format!("{peer} does not speak http/1.1, but another protocol (ALPN)"),
        ),
        error => (TlsErrorKind::Other, format!("TLS with {peer} failed: {}", brief(error))),
    }
}

/// Names an error in other words than its own, which a chain of sources shows as well.
fn brief(error: &rustls::Error) -> String {
    match error {
        rustls::Error::General(text) => text.clone(),
        error => format!("{error:?}"),
    }
}

fn explain_certificate(error: &CertificateError, peer: Peer<'_>) -> (TlsErrorKind, String) {
    use CertificateError as Bad;

    let (kind, why) = match error {
        Bad::UnknownIssuer => {
            let advice = match peer {
                Peer::Client => "name its root with `ServerTls::require_client_certs`",
                Peer::Server(_) => {
                    "give its root with `ClientTls::with_roots_pem`, or have the server send the \
                     certificates between its own and a root"
                }
            };
            let why = format!("comes from an issuer that is not trusted: {advice}");
            (TlsErrorKind::UnknownIssuer, why)
        }
        Bad::NotValidForName => (TlsErrorKind::WrongName, "is for other names".to_owned()),
        Bad::NotValidForNameContext { presented, .. } => {
            (TlsErrorKind::WrongName, format!("is for {}", names(presented)))
        }
        Bad::Expired => (TlsErrorKind::Expired, "has expired".to_owned()),
        Bad::ExpiredContext { not_after, .. } => {
            (TlsErrorKind::Expired, format!("expired on {}", date(*not_after)))
        }
        Bad::NotValidYet => (TlsErrorKind::NotYetValid, "is not valid yet".to_owned()),
        Bad::NotValidYetContext { not_before, .. } => {
            let since = date(*not_before);
            let why = format!("is not valid before {since}: is the clock of this computer right?");
            (TlsErrorKind::NotYetValid, why)
        }
        Bad::Revoked => (TlsErrorKind::Revoked, "was revoked".to_owned()),
        error => {
            let why = match error {
                Bad::BadEncoding => "is malformed".to_owned(),
                Bad::BadSignature => {
                    "is wrongly signed: another root of the same name may have issued it".to_owned()
                }
                // What `openssl req -x509` makes unless it is told otherwise.
                Bad::Other(OtherError(error)) if error.to_string() == "CaUsedAsEndEntity" => {
                    "is that of an authority (CA:TRUE), and not that of a host".to_owned()
                }
                Bad::Other(OtherError(error)) => format!("is not valid: {error}"),
                error => format!("is not valid: {error}"),
            };
            (TlsErrorKind::BadCertificate, why)
        }
    };
    (kind, format!("the certificate of {peer} {why}"))
}

fn explain_alert(alert: AlertDescription, peer: Peer<'_>) -> (TlsErrorKind, String) {
    use AlertDescription as Alert;

    let refused = |why: &str| {
        let text = format!("{peer} refuses the certificate of this end: {why}");
        (TlsErrorKind::CertificateRefused, text)
    };
    match alert {
        Alert::CertificateRequired => {
            let text = format!(
                "{peer} requires a client certificate: give one with `ClientTls::client_cert`"
            );
            (TlsErrorKind::CertificateRequired, text)
        }
        Alert::AccessDenied => refused("access denied"),
        Alert::BadCertificate => refused("it is not valid for this use"),
        Alert::CertificateExpired => refused("it has expired, or is not valid yet"),
        Alert::CertificateRevoked => refused("it was revoked"),
        Alert::UnknownCA => refused("its issuer is not trusted there"),
        Alert::UnsupportedCertificate => refused("it is of a kind that is not supported"),
        Alert::BadCertificateHashValue
        | Alert::BadCertificateStatusResponse
        | Alert::CertificateUnknown => refused("no reason given"),
        Alert::UnrecognisedName => {
            (TlsErrorKind::WrongName, format!("{peer} has no certificate for this name"))
        }
        Alert::HandshakeFailure => {
            let text = format!(
                "{peer} ends the handshake: no cipher or signature in common, or it requires a \
                 client certificate"
            );
            (TlsErrorKind::Incompatible, text)
        }
        Alert::InappropriateFallback | Alert::InsufficientSecurity | Alert::ProtocolVersion => {
            let text = format!("{peer} speaks no version or cipher of TLS that this end speaks");
            (TlsErrorKind::Incompatible, text)
        }
        Alert::NoApplicationProtocol => {
            let text = format!("{peer} does not speak http/1.1, but another protocol (ALPN)");
            (TlsErrorKind::Incompatible, text)
        }
        alert => (TlsErrorKind::Other, format!("{peer} ends the TLS connection: {alert:?}")),
    }
}

/// Lists the names of a certificate, which a peer may have filled with anything.
fn names(presented: &[String]) -> String {
    let plain = |name: &String| {
        let start = name.find('(').map_or(0, |place| place.saturating_add(1));
        let name = name.get(start..).unwrap_or_default().trim_end_matches(')').trim_matches('"');
        name.chars().filter(char::is_ascii_graphic).take(MAX_NAME_LEN).collect::<String>()
    };
    let mut list = match presented {
        [] => return "no host: it has no subjectAltName".to_owned(),
        [_] => "another name: ".to_owned(),
        _ => "other names: ".to_owned(),
    };
    for (index, name) in presented.iter().take(MAX_NAMES).enumerate() {
        list.push_str(if index > 0 { ", " } else { "" });
        list.push_str(&plain(name));
    }
    if presented.len() > MAX_NAMES {
        list.push_str(", ...");
    }
    list
}

fn date(time: UnixTime) -> String {
    http_date(Duration::from_secs(time.as_secs())).unwrap_or_else(|| "a day far off".to_owned())
}

/// How many names of a certificate a message has.
const MAX_NAMES: usize = 5;

/// How much of each it has: as much as a host name can have.
const MAX_NAME_LEN: usize = 253;

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;

    use rustls::{PeerIncompatible, pki_types::ServerName};

    use super::*;

    const SERVER: Peer<'static> = Peer::Server(Some("example.com"));

    fn shown(error: rustls::Error, peer: Peer<'_>) -> (TlsErrorKind, String) {
        let error = TlsError::of_session(error, peer);
        assert!(error.source().is_some_and(|source| source.is::<rustls::Error>()));
        (error.kind(), error.to_string())
    }

    fn certificate(error: CertificateError) -> (TlsErrorKind, String) {
        shown(error.into(), SERVER)
    }

    fn of_names(presented: &[&str]) -> String {
        let (kind, text) = certificate(CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("example.com").unwrap(),
            presented: presented.iter().map(|name| (*name).to_owned()).collect(),
        });
        assert_eq!(kind, TlsErrorKind::WrongName);
        text
    }

    #[test]
    fn names_that_a_certificate_is_for_are_listed() {
        assert_eq!(
            of_names(&["DnsName(\"a.example\")", "IpAddress(127.0.0.1)"]),
            "the certificate of example.com is for other names: a.example, 127.0.0.1"
        );
        assert_eq!(
            of_names(&["DnsName(\"*.example\")"]),
            "the certificate of example.com is for another name: *.example"
        );
        assert!(of_names(&[]).ends_with("is for no host: it has no subjectAltName"));
        // A peer writes what it likes there.
        let long = format!("DnsName(\"a\n\u{1b}[2J{}\")", "b".repeat(300));
        let text = of_names(&[long.as_str(); 9]);
        assert!(text.chars().all(|one| one == ' ' || one.is_ascii_graphic()), "{text:?}");
        assert!(text.ends_with(", ...") && text.len() < 1400, "{text:?}");
    }

    #[test]
    fn dates_are_told() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let time = at(784_111_778);
        let expired = CertificateError::ExpiredContext { time, not_after: at(784_111_777) };
        assert_eq!(
            certificate(expired),
            (
                TlsErrorKind::Expired,
                "the certificate of example.com expired on Sun, 06 Nov 1994 08:49:37 GMT"
                    .to_owned()
            )
        );
        let future = at(u64::MAX);
        let (kind, text) =
            certificate(CertificateError::NotValidYetContext { time, not_before: future });
        assert_eq!(kind, TlsErrorKind::NotYetValid);
        assert!(text.contains("a day far off: is the clock"), "{text}");
    }

    #[test]
    fn each_error_has_its_kind_and_one_line() {
        use TlsErrorKind as Kind;
        use rustls::Error as Tls;

        let alert = |alert| Tls::AlertReceived(alert);
        let other = |text: &str| {
            CertificateError::Other(OtherError(Arc::from(Box::<dyn Error + Send + Sync>::from(
                text,
            ))))
        };
        for (error, kind) in [
            (CertificateError::UnknownIssuer.into(), Kind::UnknownIssuer),
            (CertificateError::NotValidForName.into(), Kind::WrongName),
            (CertificateError::Expired.into(), Kind::Expired),
            (CertificateError::NotValidYet.into(), Kind::NotYetValid),
            (CertificateError::Revoked.into(), Kind::Revoked),
            (CertificateError::BadEncoding.into(), Kind::BadCertificate),
            (CertificateError::BadSignature.into(), Kind::BadCertificate),
            (CertificateError::InvalidPurpose.into(), Kind::BadCertificate),
            (other("CaUsedAsEndEntity").into(), Kind::BadCertificate),
            (other("something").into(), Kind::BadCertificate),
            (Tls::NoCertificatesPresented, Kind::CertificateRequired),
            (alert(AlertDescription::CertificateRequired), Kind::CertificateRequired),
            (alert(AlertDescription::AccessDenied), Kind::CertificateRefused),
            (alert(AlertDescription::BadCertificate), Kind::CertificateRefused),
            (alert(AlertDescription::BadCertificateHashValue), Kind::CertificateRefused),
            (alert(AlertDescription::BadCertificateStatusResponse), Kind::CertificateRefused),
            (alert(AlertDescription::CertificateExpired), Kind::CertificateRefused),
            (alert(AlertDescription::CertificateRevoked), Kind::CertificateRefused),
            (alert(AlertDescription::CertificateUnknown), Kind::CertificateRefused),
            (alert(AlertDescription::UnknownCA), Kind::CertificateRefused),
            (alert(AlertDescription::UnsupportedCertificate), Kind::CertificateRefused),
            (alert(AlertDescription::UnrecognisedName), Kind::WrongName),
            (alert(AlertDescription::HandshakeFailure), Kind::Incompatible),
            (alert(AlertDescription::ProtocolVersion), Kind::Incompatible),
            (alert(AlertDescription::NoApplicationProtocol), Kind::Incompatible),
            (alert(AlertDescription::InternalError), Kind::Other),
            (PeerIncompatible::NoCipherSuitesInCommon.into(), Kind::Incompatible),
            (PeerMisbehaved::SelectedUnofferedApplicationProtocol.into(), Kind::Incompatible),
            (Tls::NoApplicationProtocol, Kind::Incompatible),
            (InvalidMessage::InvalidContentType.into(), Kind::NotTls),
            (InvalidMessage::UnknownProtocolVersion.into(), Kind::NotTls),
            (InvalidMessage::MessageTooShort.into(), Kind::Other),
            (Tls::DecryptError, Kind::Other),
            (Tls::General("something".to_owned()), Kind::Other),
            (Tls::Other(OtherError(Arc::new(fmt::Error))), Kind::Other),
        ] {
            for peer in [Peer::Client, SERVER, Peer::Server(None)] {
                let (shown_kind, text) = shown(error.clone(), peer);
                assert_eq!(shown_kind, kind, "{text}");
                assert!(!text.contains('\n') && text.contains(&peer.to_string()), "{text}");
                assert!(!text.contains(&error.to_string()), "{text} repeats its source");
            }
        }
    }

    #[test]
    fn only_errors_of_rustls_change_within_a_stream() {
        let plain = TlsError::within(ErrorKind::ConnectionReset.into(), SERVER);
        assert_eq!(plain.kind(), ErrorKind::ConnectionReset);
        let alert = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
        let within = TlsError::within(io::Error::new(ErrorKind::InvalidData, alert), SERVER);
        assert_eq!(within.kind(), ErrorKind::PermissionDenied);
        let error = within.downcast::<TlsError>().unwrap();
        assert_eq!(error.kind(), TlsErrorKind::CertificateRequired);
    }

    #[test]
    fn mistakes_of_the_program_are_invalid_input() {
        let kinds = |kind| TlsError::new(kind, "", None).io_kind();
        let shown = [
            kinds(TlsErrorKind::BadPem),
            kinds(TlsErrorKind::NoRoots),
            TlsError::timeout().io_kind(),
            TlsError::no_provider().io_kind(),
            kinds(TlsErrorKind::Expired),
        ];
        let expected = [
            ErrorKind::InvalidInput,
            ErrorKind::Unsupported,
            ErrorKind::TimedOut,
            ErrorKind::Unsupported,
            ErrorKind::InvalidData,
        ];
        assert_eq!(shown, expected);
    }
}
