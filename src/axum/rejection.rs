//! Why a [`WebSocketUpgrade`](super::WebSocketUpgrade) refuses a request.

use alloc::string::{String, ToString as _};
use core::{error::Error, fmt};

use axum_core::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method, StatusCode, Version, header, request::Parts};

use crate::handshake::{HandshakeError, OriginRefused, Rejection};

/// One way to refuse a request: its status, its text and its header fields.
macro_rules! rejections {
    ($($(#[$doc:meta])* $name:ident: $status:ident, $text:literal, [$($field:ident: $value:literal),*];)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Default)]
        #[non_exhaustive]
        pub struct $name;

        impl $name {
            /// Returns the body of the response.
            #[must_use]
            pub fn body_text(&self) -> String {
                self.to_string()
            }

            /// Returns the status of the response.
            #[must_use]
            pub fn status(&self) -> StatusCode {
                StatusCode::$status
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($text)
            }
        }

        impl Error for $name {}

        impl IntoResponse for $name {
            fn into_response(self) -> Response {
                let fields: &[(HeaderName, &'static str)] = &[$((header::$field, $value)),*];
                let mut response = (StatusCode::$status, $text).into_response();
                for (name, value) in fields {
                    response.headers_mut().insert(name, HeaderValue::from_static(value));
                }
                response
            }
        }

        impl From<$name> for WebSocketUpgradeRejection {
            fn from(rejection: $name) -> Self {
                Self::$name(rejection)
            }
        }
    )*};
}

rejections! {
    /// The method of an HTTP/1.1 request is not GET: 405.
    MethodNotGet: METHOD_NOT_ALLOWED, "the method must be GET", [ALLOW: "GET"];
    /// The method of an HTTP/2 request is not CONNECT: 405.
    MethodNotConnect: METHOD_NOT_ALLOWED, "the method must be CONNECT", [ALLOW: "CONNECT"];
    /// `Connection` is absent or lacks the token `upgrade`: 400.
    InvalidConnectionHeader: BAD_REQUEST, "Connection must contain the token upgrade", [];
    /// `Upgrade` is absent or does not name `websocket`: 400.
    InvalidUpgradeHeader: BAD_REQUEST, "Upgrade must name websocket", [];
    /// `:protocol` of an extended CONNECT is not `websocket`: 400.
    InvalidProtocolPseudoheader: BAD_REQUEST, ":protocol must be websocket", [];
    /// `Sec-WebSocket-Version` is not 13: 400, with the version to use (RFC 6455 §4.4).
    InvalidWebSocketVersionHeader: BAD_REQUEST, "Sec-WebSocket-Version must be 13",
        [SEC_WEBSOCKET_VERSION: "13"];
    /// `Sec-WebSocket-Key` is absent, repeated, or not 16 bytes in base64: 400.
    WebSocketKeyHeaderMissing: BAD_REQUEST, "Sec-WebSocket-Key is missing or not valid", [];
    /// The server offers no upgrade, for instance over HTTP/1.0, or another extractor has taken it: 426.
    ConnectionNotUpgradable: UPGRADE_REQUIRED, "this connection cannot be upgraded",
        [UPGRADE: "websocket", CONNECTION: "upgrade"];
}

/// The request breaks a rule that axum does not check. The [`HandshakeError`] names the rule, and its
/// [status](HandshakeError::status) is the status of the response.
#[derive(Debug)]
pub struct InvalidHandshake(HandshakeError);

impl InvalidHandshake {
    /// Returns what is wrong.
    #[must_use]
    pub const fn error(&self) -> &HandshakeError {
        &self.0
    }

    /// Returns the body of the response.
    #[must_use]
    pub fn body_text(&self) -> String {
        self.to_string()
    }

    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        let status = self.0.status().and_then(|status| StatusCode::from_u16(status).ok());
        status.unwrap_or(StatusCode::BAD_REQUEST)
    }
}

impl fmt::Display for InvalidHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for InvalidHandshake {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl IntoResponse for InvalidHandshake {
    fn into_response(self) -> Response {
        (self.status(), self.body_text()).into_response()
    }
}

impl From<InvalidHandshake> for WebSocketUpgradeRejection {
    fn from(rejection: InvalidHandshake) -> Self {
        Self::InvalidHandshake(rejection)
    }
}

/// Does something with what a rejection holds.
macro_rules! of_any {
    ($rejection:expr, $inner:ident => $do:expr) => {
        match $rejection {
            WebSocketUpgradeRejection::MethodNotGet($inner) => $do,
            WebSocketUpgradeRejection::MethodNotConnect($inner) => $do,
            WebSocketUpgradeRejection::InvalidConnectionHeader($inner) => $do,
            WebSocketUpgradeRejection::InvalidUpgradeHeader($inner) => $do,
            WebSocketUpgradeRejection::InvalidProtocolPseudoheader($inner) => $do,
            WebSocketUpgradeRejection::InvalidWebSocketVersionHeader($inner) => $do,
            WebSocketUpgradeRejection::WebSocketKeyHeaderMissing($inner) => $do,
            WebSocketUpgradeRejection::ConnectionNotUpgradable($inner) => $do,
            WebSocketUpgradeRejection::InvalidHandshake($inner) => $do,
        }
    };
}

/// Why a [`WebSocketUpgrade`](super::WebSocketUpgrade) refuses a request, and the response that says so.
///
/// The statuses are axum's.
///
/// ```
/// use axum_core::response::{IntoResponse, Response};
/// use framewise::axum::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
///
/// /// A page for browsers that come without an upgrade.
/// async fn handler(ws: Result<WebSocketUpgrade, WebSocketUpgradeRejection>) -> Response {
///     match ws {
///         Ok(ws) => ws.on_upgrade(|_socket| async {}),
///         Err(WebSocketUpgradeRejection::InvalidConnectionHeader(_)) => "a page".into_response(),
///         Err(rejection) => rejection.into_response(),
///     }
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum WebSocketUpgradeRejection {
    /// The method of an HTTP/1.1 request is not GET.
    MethodNotGet(MethodNotGet),
    /// The method of an HTTP/2 request is not CONNECT.
    MethodNotConnect(MethodNotConnect),
    /// `Connection` is absent or lacks the token `upgrade`.
    InvalidConnectionHeader(InvalidConnectionHeader),
    /// `Upgrade` is absent or does not name `websocket`.
    InvalidUpgradeHeader(InvalidUpgradeHeader),
    /// `:protocol` of an extended CONNECT is not `websocket`.
    InvalidProtocolPseudoheader(InvalidProtocolPseudoheader),
    /// `Sec-WebSocket-Version` is not 13.
    InvalidWebSocketVersionHeader(InvalidWebSocketVersionHeader),
    /// `Sec-WebSocket-Key` is missing or not valid.
    WebSocketKeyHeaderMissing(WebSocketKeyHeaderMissing),
    /// The server offers no upgrade.
    ConnectionNotUpgradable(ConnectionNotUpgradable),
    /// Something else is not valid, such as `Host`.
    InvalidHandshake(InvalidHandshake),
}

impl WebSocketUpgradeRejection {
    /// Returns the body of the response.
    #[must_use]
    pub fn body_text(&self) -> String {
        of_any!(self, rejection => rejection.body_text())
    }

    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        of_any!(self, rejection => rejection.status())
    }

    /// Names what is wrong with a request.
    pub(super) fn of(error: HandshakeError, parts: &Parts) -> Self {
        match error {
            HandshakeError::InvalidMethod if parts.version <= Version::HTTP_11 => {
                MethodNotGet.into()
            }
            HandshakeError::InvalidMethod => MethodNotConnect.into(),
            // A plain request lacks both, and axum names this one.
            HandshakeError::InvalidUpgrade if !wants_upgrade(parts) => {
                InvalidConnectionHeader.into()
            }
            HandshakeError::InvalidConnection => InvalidConnectionHeader.into(),
            HandshakeError::InvalidUpgrade => InvalidUpgradeHeader.into(),
            HandshakeError::InvalidProtocol => InvalidProtocolPseudoheader.into(),
            HandshakeError::InvalidVersion | HandshakeError::UnsupportedVersion => {
                InvalidWebSocketVersionHeader.into()
            }
            HandshakeError::InvalidKey => WebSocketKeyHeaderMissing.into(),
            HandshakeError::NotUpgradable => ConnectionNotUpgradable.into(),
            HandshakeError::UnsupportedHttpVersion if parts.method == Method::GET => {
                ConnectionNotUpgradable.into()
            }
            HandshakeError::UnsupportedHttpVersion => MethodNotGet.into(),
            error => InvalidHandshake(error).into(),
        }
    }
}

impl fmt::Display for WebSocketUpgradeRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        of_any!(self, rejection => rejection.fmt(f))
    }
}

impl Error for WebSocketUpgradeRejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        of_any!(self, rejection => rejection.source())
    }
}

impl IntoResponse for WebSocketUpgradeRejection {
    fn into_response(self) -> Response {
        of_any!(self, rejection => rejection.into_response())
    }
}

/// Returns whether `Connection` contains the token `upgrade`.
fn wants_upgrade(parts: &Parts) -> bool {
    parts.headers.get_all(header::CONNECTION).iter().any(|value| {
        let mut tokens = value.as_bytes().split(|byte| *byte == b',');
        tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
    })
}

/// The response of [`Rejection::into_response`] for HTTP/1.1. A server leaves out what HTTP/2 does not have.
impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.into_response(Version::HTTP_11)
    }
}

/// A 403, as [`Rejection`] has it: so a handler can use `?` with
/// [`check_origin`](super::WebSocketUpgrade::check_origin).
impl IntoResponse for OriginRefused {
    fn into_response(self) -> Response {
        IntoResponse::into_response(Rejection::from(self))
    }
}
