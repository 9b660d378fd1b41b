//! The server's side: requests in, responses out.

use alloc::{borrow::Cow, string::ToString as _, sync::Arc, vec::Vec};

use ::http::{
    HeaderValue, Request, Response, StatusCode, Uri, Version,
    header::{CONNECTION, CONTENT_LENGTH, UPGRADE},
};

use super::{Protocol, append_all, fields};
use crate::{
    config::Config,
    connection::Connection,
    handshake::{AcceptError, Acceptance, HandshakeError, HttpVersion, Rejection, Upgrade},
};

impl Upgrade {
    /// Takes a request that an HTTP server has parsed: [`from_http`](Self::from_http) for the types of the
    /// crate `http`.
    ///
    /// A request over HTTP/1.1 is a GET. Over HTTP/2 and HTTP/3 it is a CONNECT with the extension
    /// [`Protocol`](crate::http::Protocol). Its body is not looked at: a header field that announces one is
    /// an error.
    ///
    /// The module [`http`](crate::http) has an example.
    ///
    /// # Errors
    ///
    /// Those of [`from_http`](Self::from_http); [`HandshakeError::to_response`] makes the response.
    pub fn from_request<B>(
        request: &Request<B>,
        config: impl Into<Arc<Config>>,
    ) -> Result<Self, HandshakeError> {
        let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
        Self::from_request_with(request, protocol, config.into())
    }

    /// Does the same with a `:protocol` that is passed in another way.
    pub(crate) fn from_request_with<B>(
        request: &Request<B>,
        protocol: Option<&str>,
        config: Arc<Config>,
    ) -> Result<Self, HandshakeError> {
        let pseudo = protocol.map(|protocol| (":protocol", protocol.as_bytes()));
        let fields = pseudo.into_iter().chain(fields(request.headers()));
        let version = http_version(request.version());
        let target = target(request.uri());
        Self::from_http(request.method().as_str(), version, &target, fields, config)
    }

    /// Accepts the request, for an HTTP server that writes the response itself:
    /// [`accept_http`](Self::accept_http) for the types of the crate `http`.
    ///
    /// The connection begins behind the response. Its output is empty.
    ///
    /// The module [`http`](crate::http) has an example.
    ///
    /// # Errors
    ///
    /// [`AcceptError`] when the subprotocol was not offered; the request is in it.
    pub fn accept_response<B: Default>(
        self,
        acceptance: Acceptance,
    ) -> Result<(Response<B>, Connection), AcceptError> {
        let accepted = self.accept_http(acceptance)?;
        let mut response = Response::new(B::default());
        *response.status_mut() = match accepted.status {
            101 => StatusCode::SWITCHING_PROTOCOLS,
            _ => StatusCode::OK,
        };
        append_all(response.headers_mut(), &accepted.headers);
        Ok((response, accepted.connection))
    }
}

impl Rejection {
    /// Returns the response, for an HTTP server that writes it itself, over the version of HTTP that the
    /// request has.
    ///
    /// Over HTTP/1.1 a 426 has `Connection: upgrade`. Over HTTP/2 and HTTP/3 there is no `Upgrade`. The
    /// reason phrase is left out. A response to HEAD has the length of its body, and no body.
    ///
    /// ```
    /// use framewise::handshake::Rejection;
    /// use http::{Response, Version};
    ///
    /// let rejection = Rejection::not_found().body("no such room");
    /// let response: Response<Vec<u8>> = rejection.into_response(Version::HTTP_11);
    /// assert_eq!(response.status(), 404);
    /// assert_eq!(response.body(), b"no such room");
    /// ```
    #[must_use]
    pub fn into_response<B: From<Vec<u8>>>(self, version: Version) -> Response<B> {
        let is_head_only = self.is_head_only();
        let (status, headers, body) = self.into_parts();
        // A rejection has a status from 200 to 999.
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // These two end with the head (RFC 9110 §6.4.1), and a 204 has no length (§8.6).
        let has_content = status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED;
        let has_body = has_content && !is_head_only;
        let len = body.len();
        let mut response = Response::new(if has_body { body } else { Vec::new() }.into());
        *response.status_mut() = status;
        let fields = response.headers_mut();
        append_all(fields, &headers);
        if has_content && is_head_only {
            fields.insert(CONTENT_LENGTH, len.into());
        }
        if matches!(http_version(version), HttpVersion::Http2 | HttpVersion::Http3) {
            fields.remove(UPGRADE);
        } else if fields.contains_key(UPGRADE) {
            fields.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        }
        response
    }
}

impl HandshakeError {
    /// Returns the response to a request that [`Upgrade::from_request`] has refused, over the version of
    /// HTTP that the request has. It has no body.
    ///
    /// An error that no request causes makes a 500.
    ///
    /// ```
    /// use framewise::handshake::HandshakeError;
    /// use http::{Response, Version};
    ///
    /// let error = HandshakeError::UnsupportedVersion;
    /// let response: Response<Vec<u8>> = error.to_response(Version::HTTP_11);
    /// assert_eq!(response.status(), 426);
    /// assert_eq!(response.headers()["Sec-WebSocket-Version"], "13");
    /// ```
    #[must_use]
    pub fn to_response<B: From<Vec<u8>>>(&self, version: Version) -> Response<B> {
        self.rejection_for(http_version(version))
            .unwrap_or_else(Rejection::internal_error)
            .into_response(version)
    }
}

/// Returns the version as the handshake names it.
const fn http_version(version: Version) -> HttpVersion {
    match version {
        Version::HTTP_09 | Version::HTTP_10 => HttpVersion::Http10,
        Version::HTTP_2 => HttpVersion::Http2,
        Version::HTTP_3 => HttpVersion::Http3,
        _ => HttpVersion::Http11,
    }
}

/// Returns the request target: the whole URI if it has a scheme, as over HTTP/2, else the resource name.
fn target(uri: &Uri) -> Cow<'_, str> {
    match uri.scheme() {
        Some(_) => uri.to_string().into(),
        None => uri.path_and_query().map_or("", |resource| resource.as_str()).into(),
    }
}
