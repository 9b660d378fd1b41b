//! The client's side: requests out, responses in.

use alloc::{format, string::String, sync::Arc, vec::Vec};

use ::http::{Error, Method, Request, Response, Uri, Version, uri::Scheme};

use super::{Protocol, append, fields};
use crate::{
    config::Config,
    handshake::{Authority, ClientRequest, Established, HandshakeError, Pending, RequestError},
};

impl ClientRequest {
    /// Asks for what a GET asks for that a program has made with the crate `http`.
    ///
    /// The scheme of its URI is `ws`, `wss`, `http` or `https`. Its header fields are taken over. These are
    /// special:
    ///
    /// | field | |
    /// |---|---|
    /// | `Host` | must be the authority of the URI |
    /// | `Origin`, `Sec-WebSocket-Protocol` | as by [`origin`](Self::origin), [`subprotocol`](Self::subprotocol) |
    /// | `Upgrade: websocket`, `Connection: Upgrade`, `Sec-WebSocket-Version: 13` | left out, since the handshake writes them itself |
    /// | `Sec-WebSocket-Key` | left out: the handshake makes a key of its own |
    /// | `Sec-WebSocket-Extensions`, `Content-Length`, `Transfer-Encoding` | refused |
    ///
    /// The body and the version of the request are not looked at.
    ///
    /// ```
    /// use framewise::handshake::{ClientRequest, RequestError};
    ///
    /// let request = http::Request::get("wss://example.com/chat")
    ///     .header("Host", "example.com")
    ///     .header("Sec-WebSocket-Protocol", "chat, superchat")
    ///     .body(())
    ///     .unwrap();
    /// let request = ClientRequest::from_request(&request)?;
    /// assert_eq!(request.uri().to_string(), "wss://example.com/chat");
    ///
    /// let request = http::Request::post("wss://example.com/chat").body(()).unwrap();
    /// assert_eq!(ClientRequest::from_request(&request).unwrap_err(), RequestError::Method);
    /// # Ok::<(), RequestError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`RequestError::Method`] for another method than GET,
    /// - [`RequestError::Uri`] for a URI with another scheme, without a host, or with a user name,
    /// - [`RequestError::Host`], [`RequestError::Origin`], [`RequestError::Subprotocol`] and
    ///   [`RequestError::DuplicateSubprotocol`] for such a field that is not valid,
    /// - [`RequestError::Header`] with [`HeaderError::Protected`](crate::handshake::HeaderError::Protected) for a field that is refused.
    pub fn from_request<B>(request: &Request<B>) -> Result<Self, RequestError> {
        if request.method() != Method::GET {
            return Err(RequestError::Method);
        }
        let mut own = Self::new(websocket_uri(request.uri()))?;
        for (name, value) in fields(request.headers()) {
            let is = |text: &[u8]| value.eq_ignore_ascii_case(text);
            own = match name {
                "host" if own.is_for(value) => own,
                "host" => return Err(RequestError::Host),
                "origin" => own.origin(text(value).parse()?),
                "sec-websocket-protocol" => {
                    text(value).split(',').map(str::trim).try_fold(own, Self::subprotocol)?
                }
                "upgrade" if is(b"websocket") => own,
                "connection" if is(b"upgrade") => own,
                "sec-websocket-key" => own,
                "sec-websocket-version" if value == b"13" => own,
                _ => own.header(name, value)?,
            };
        }
        Ok(own)
    }

    /// Returns a GET that asks for the same over HTTP/1.1, for an HTTP client that sends it, and what checks
    /// the response: [`into_http`](Self::into_http) for the types of the crate `http`.
    ///
    /// Its URI is a whole one with the scheme `http` or `https`, as clients with connections of their own
    /// take it: reqwest, or the client of `hyper-util`. A client that is one connection writes it as it is.
    /// For `hyper::client::conn::http1`, keep only the path and the query. `Host` is there.
    ///
    /// The seed must be unpredictable and used once, as in
    /// [`ClientHandshake::new`](crate::handshake::ClientHandshake::new).
    ///
    /// The module [`http`](crate::http) has an example.
    ///
    /// # Errors
    ///
    /// An error of the crate `http` when the URI is longer than it takes, which is 64 KiB.
    pub fn into_request<B: Default>(
        self,
        config: impl Into<Arc<Config>>,
        seed: [u8; 32],
    ) -> Result<(Request<B>, Pending), Error> {
        let mut request = Request::new(B::default());
        *request.uri_mut() = self.http_uri()?;
        let (fields, pending) = self.into_http(config, seed);
        append_fields(&mut request, &fields);
        Ok((request, pending))
    }

    /// Returns an extended CONNECT that asks for the same over HTTP/2 or HTTP/3 (RFC 8441 §5, RFC 9220 §3),
    /// for an HTTP client that sends it, and what checks the response:
    /// [`connect_fields`](Self::connect_fields) for the types of the crate `http`.
    ///
    /// Its version is HTTP/2. `:protocol` is the extension [`Protocol`](crate::http::Protocol): an HTTP
    /// client takes it in a type of its own.
    ///
    /// The seed must be unpredictable and used once, as in
    /// [`ClientHandshake::new`](crate::handshake::ClientHandshake::new).
    ///
    /// ```
    /// use framewise::{Config, handshake::ClientRequest, http::Protocol};
    ///
    /// let request = ClientRequest::new("wss://example.com/chat")?;
    /// let seed = [7; 32]; // 32 bytes from the operating system's generator
    /// let (request, pending) = request.into_connect_request::<()>(Config::default(), seed)?;
    /// assert_eq!((request.method().as_str(), request.uri().scheme_str()), ("CONNECT", Some("https")));
    /// assert_eq!(request.extensions().get(), Some(&Protocol::new("websocket")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// An error of the crate `http` when the URI is longer than it takes, which is 64 KiB.
    pub fn into_connect_request<B: Default>(
        self,
        config: impl Into<Arc<Config>>,
        seed: [u8; 32],
    ) -> Result<(Request<B>, Pending), Error> {
        let config = config.into();
        let mut request = Request::new(B::default());
        *request.method_mut() = Method::CONNECT;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = self.http_uri()?;
        let mut fields = self.connect_fields(&config);
        fields.retain(|(name, _)| !name.starts_with(':'));
        append_fields(&mut request, &fields);
        request.extensions_mut().insert(Protocol::new("websocket"));
        Ok((request, self.into_connecting(config, seed)))
    }

    /// Returns the URI with the scheme of HTTP.
    fn http_uri(&self) -> Result<Uri, Error> {
        let scheme = if self.uri().is_secure() { Scheme::HTTPS } else { Scheme::HTTP };
        Uri::builder()
            .scheme(scheme)
            .authority(self.uri().authority())
            .path_and_query(self.uri().resource())
            .build()
    }

    /// Returns whether a `Host` names the authority of the URI.
    fn is_for(&self, host: &[u8]) -> bool {
        let Ok(authority) = Authority::parse(text(host)) else {
            return false;
        };
        let default = if self.uri().is_secure() { 443 } else { 80 };
        authority.host.eq_ignore_ascii_case(self.uri().host())
            && authority.port.unwrap_or(default) == self.uri().port()
    }
}

/// Does what [`from_request`](ClientRequest::from_request) does, for functions that take any request.
///
/// ```no_run
/// # async fn open() -> Result<(), Box<dyn std::error::Error>> {
/// # #[cfg(all(feature = "connect", feature = "tokio"))] {
/// use framewise::{Config, tokio as websocket};
///
/// let request = http::Request::get("ws://127.0.0.1:9001/").header("Cookie", "session=1").body(())?;
/// let (mut websocket, _response) = websocket::connect(&request, Config::default()).await?;
/// websocket.send("Hello").await?;
/// # }
/// # Ok(())
/// # }
/// ```
impl<B> TryFrom<&Request<B>> for ClientRequest {
    type Error = RequestError;

    fn try_from(request: &Request<B>) -> Result<Self, RequestError> {
        Self::from_request(request)
    }
}

/// Does what [`from_request`](ClientRequest::from_request) does.
impl<B> TryFrom<Request<B>> for ClientRequest {
    type Error = RequestError;

    fn try_from(request: Request<B>) -> Result<Self, RequestError> {
        Self::from_request(&request)
    }
}

impl Pending {
    /// Opens the connection when the request was answered: [`upgraded`](Self::upgraded) for the types of the
    /// crate `http`.
    ///
    /// The module [`http`](crate::http) has an example.
    ///
    /// # Errors
    ///
    /// Those of [`upgraded`](Self::upgraded). A response that refuses stays the caller's, with its body:
    /// [`HandshakeError::Rejected`] has none.
    pub fn upgraded_by<B>(self, response: &Response<B>) -> Result<Established, HandshakeError> {
        self.upgraded(response.status().as_u16(), fields(response.headers()))
    }
}

/// Returns the URI with the scheme `ws` or `wss`. Leaves other URIs unchanged, so that the error shows them.
fn websocket_uri(uri: &Uri) -> String {
    let scheme = match uri.scheme_str().unwrap_or_default() {
        scheme if scheme.eq_ignore_ascii_case("http") => "ws",
        scheme if scheme.eq_ignore_ascii_case("https") => "wss",
        "" => return format!("{uri}"),
        scheme => scheme,
    };
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let resource = uri.path_and_query().map_or("", |resource| resource.as_str());
    format!("{scheme}://{authority}{resource}")
}

/// Returns the value as text, empty if it is not UTF-8: then it is not a valid value of these fields.
fn text(value: &[u8]) -> &str {
    core::str::from_utf8(value).unwrap_or_default()
}

fn append_fields<B>(request: &mut Request<B>, fields: &[(String, Vec<u8>)]) {
    fields.iter().for_each(|(name, value)| append(request.headers_mut(), name, value));
}
