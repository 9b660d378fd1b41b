//! The request by which a client opens a connection (RFC 6455 §4.1).

use alloc::{
    borrow::ToOwned as _,
    string::{String, ToString as _},
    sync::Arc,
    vec::Vec,
};
use core::{error::Error, fmt};

use super::{
    Established, HandshakeError, Origin, OriginError, Response, Uri, UriError, credentials,
    extensions,
    http::headers::{HeaderError, Headers},
    key::Key,
    protected,
};
use crate::{config::Config, connection::Connection, token};

/// What a client asks for: a resource, and perhaps subprotocols, an origin and additional header
/// fields.
///
/// Sent are `Host`, the fields of the handshake, then the additional fields in their order and
/// case. There is no `Origin` unless one is set.
///
/// ```
/// use framewise::handshake::ClientRequest;
///
/// let request = ClientRequest::new("wss://example.com/chat")?
///     .subprotocol("chat")?
///     .header("Authorization", "Bearer abc")?;
/// assert_eq!(request.uri().port(), 443);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientRequest {
    uri: Uri,
    origin: Option<Origin>,
    pub(super) offer: Offer,
    headers: Headers,
}

impl ClientRequest {
    /// Asks for the resource that a URI names.
    ///
    /// # Errors
    ///
    /// [`RequestError::Uri`] for a text that is no WebSocket URI.
    pub fn new<U>(uri: U) -> Result<Self, RequestError>
    where
        U: TryInto<Uri>,
        U::Error: Into<UriError>,
    {
        let uri = uri.try_into().map_err(|error| RequestError::Uri(error.into()))?;
        Ok(Self { uri, origin: None, offer: Offer::default(), headers: Headers::new() })
    }

    /// Asks for the resource that a URI with a user name and password names, such as
    /// `wss://user:password@example.com/`, and sends them by [`basic_auth`](Self::basic_auth).
    ///
    /// They are percent-encoded UTF-8 in the URI, and stay out of what [`uri`](Self::uri) returns. A
    /// URI without them, or with an empty user name and no password, makes a request without
    /// `Authorization`. Every other method refuses such a URI, since a password in a URI easily ends
    /// in a log.
    ///
    /// ```
    /// use framewise::handshake::ClientRequest;
    ///
    /// let request = ClientRequest::with_credentials("wss://me:p%40ss@example.com/chat")?;
    /// assert_eq!(request.uri().to_string(), "wss://example.com/chat");
    /// # Ok::<(), framewise::handshake::RequestError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RequestError::Uri`] for a text that is no WebSocket URI otherwise,
    /// [`RequestError::Userinfo`] when user name or password are not percent-encoded UTF-8, and
    /// [`RequestError::Credentials`] as in [`basic_auth`](Self::basic_auth).
    pub fn with_credentials(uri: &str) -> Result<Self, RequestError> {
        let (uri, userinfo) = Uri::with_userinfo(uri)?;
        let request = Self::from(uri);
        match userinfo {
            None | Some("" | ":") => Ok(request),
            Some(userinfo) => {
                let (user, password) =
                    credentials::decode(userinfo).ok_or(RequestError::Userinfo)?;
                request.basic_auth(&user, &password)
            }
        }
    }

    /// Sends a user name and a password, by Basic authorization in UTF-8 (RFC 7617). Anyone on the way
    /// can read them unless the URI is a `wss` one.
    ///
    /// They replace an `Authorization` that was set before.
    ///
    /// ```
    /// use framewise::{Config, handshake::ClientRequest};
    ///
    /// let request = ClientRequest::new("wss://example.com/")?.basic_auth("Aladdin", "open sesame")?;
    /// let fields = request.connect_fields(&Config::default());
    /// let value = b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_vec();
    /// assert!(fields.contains(&("authorization".into(), value)));
    /// # Ok::<(), framewise::handshake::RequestError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RequestError::Credentials`] when the user name has a colon, or one of the two a control
    /// character.
    pub fn basic_auth(self, user: &str, password: &str) -> Result<Self, RequestError> {
        let value = credentials::basic(user, password).ok_or(RequestError::Credentials)?;
        self.header(AUTHORIZATION, value)
    }

    /// Adds a header field. Order and case are kept.
    ///
    /// A request has one `Authorization` at most (RFC 9110 §11.6.2): this one replaces another that
    /// was set before.
    ///
    /// # Errors
    ///
    /// [`RequestError::Header`] with
    /// - [`HeaderError::Protected`] for the fields that the handshake writes itself: `Connection`,
    ///   `Content-Length`, `Host`, `Origin`, `Transfer-Encoding`, `Upgrade` and all `Sec-WebSocket-`
    ///   fields,
    /// - [`HeaderError::Name`] and [`HeaderError::Value`] for what cannot stand in a header.
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, RequestError> {
        if protected(name)
            || name.eq_ignore_ascii_case("Host")
            || name.eq_ignore_ascii_case("Origin")
        {
            return Err(HeaderError::Protected.into());
        }
        let mut headers = match name.eq_ignore_ascii_case(AUTHORIZATION) {
            true => self.headers.without(&[AUTHORIZATION]),
            false => self.headers,
        };
        headers.append(name, value)?;
        Ok(Self { headers, ..self })
    }

    /// Offers a subprotocol. Those that are preferred come first.
    ///
    /// # Errors
    ///
    /// [`RequestError::Subprotocol`] when the name is not a token,
    /// [`RequestError::DuplicateSubprotocol`] when it is offered already. Names that differ in case
    /// are different.
    pub fn subprotocol(mut self, name: &str) -> Result<Self, RequestError> {
        if !token::is_token(name.as_bytes()) {
            return Err(RequestError::Subprotocol);
        }
        if self.offer.subprotocols.iter().any(|offered| offered == name) {
            return Err(RequestError::DuplicateSubprotocol);
        }
        self.offer.subprotocols.push(name.to_owned());
        Ok(self)
    }

    /// Fails the handshake when subprotocols are offered and the server selects none, as browsers
    /// do. Without this the connection opens without a subprotocol then, which RFC 6455 allows.
    #[must_use]
    pub const fn require_subprotocol(mut self) -> Self {
        self.offer.required = true;
        self
    }

    /// Sends an `Origin`. That is what browsers do; other clients may (RFC 6455 §4.1 item 8).
    #[must_use]
    pub fn origin(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Returns the URI.
    #[must_use]
    pub const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the header fields of an extended CONNECT that asks for the same over HTTP/2 or
    /// HTTP/3 (RFC 8441 §5, RFC 9220 §3), the pseudo-header fields first and all names in lower
    /// case.
    ///
    /// A 2xx answers it; [`connected`](Self::connected) checks that answer, with the same `config`.
    ///
    /// ```
    /// use framewise::{Config, handshake::ClientRequest};
    ///
    /// let fields = ClientRequest::new("wss://example.com/chat")?.connect_fields(&Config::default());
    /// assert_eq!(fields[0], (":method".into(), b"CONNECT".to_vec()));
    /// assert_eq!(fields[1], (":protocol".into(), b"websocket".to_vec()));
    /// # Ok::<(), framewise::handshake::RequestError>(())
    /// ```
    #[must_use]
    pub fn connect_fields(&self, config: &Config) -> Vec<(String, Vec<u8>)> {
        let scheme: &[u8] = if self.uri.is_secure() { b"https" } else { b"http" };
        let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
        let mut add =
            |name: &str, value: &[u8]| fields.push((name.to_ascii_lowercase(), value.to_vec()));
        add(":method", b"CONNECT");
        add(":protocol", b"websocket");
        add(":scheme", scheme);
        add(":path", self.uri.resource().as_bytes());
        add(":authority", self.uri.authority().as_bytes());
        self.negotiation(config)
            .iter()
            .chain(self.headers.iter())
            .for_each(|(name, value)| add(name, value));
        fields
    }

    /// Opens the connection when an extended CONNECT was answered. `status` and `fields` are those
    /// of the response; the seed is for masking keys, as in
    /// [`ClientHandshake::new`](super::ClientHandshake::new).
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Rejected`] when the status is not one of 200 to 299, and the errors for
    /// extensions and subprotocols that were not offered.
    pub fn connected<'a>(
        &self,
        status: u16,
        fields: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        config: impl Into<Arc<Config>>,
        seed: [u8; 32],
    ) -> Result<Established, HandshakeError> {
        let response = Response::from_http(status, fields)?;
        if !(200..=299).contains(&status) {
            return Err(HandshakeError::Rejected(response.into()));
        }
        let config = config.into();
        self.offer.check(&response, &config)?;
        Ok(Established::new(Connection::client(config, seed), response))
    }

    /// Asks for the same at the URI of a redirect. Fields with credentials stay behind when that
    /// has another origin.
    pub(crate) fn redirected(&self, uri: Uri) -> Self {
        let headers = match uri.is_same_origin(&self.uri) {
            true => self.headers.clone(),
            false => self.headers.without(&CREDENTIALS),
        };
        Self { uri, headers, ..self.clone() }
    }

    /// Returns whether both send the same additional header fields.
    pub(crate) fn has_headers_of(&self, other: &Self) -> bool {
        self.headers == other.headers
    }

    /// Passes each header field of the request over HTTP/1.1 on.
    pub(super) fn for_each_field(
        &self,
        key: &Key,
        config: &Config,
        mut pass: impl FnMut(&str, &[u8]),
    ) {
        pass("Host", self.uri.authority().as_bytes());
        pass("Upgrade", b"websocket");
        pass("Connection", b"Upgrade");
        pass("Sec-WebSocket-Key", key.as_bytes());
        let negotiation = self.negotiation(config);
        negotiation.iter().chain(self.headers.iter()).for_each(|(name, value)| pass(name, value));
    }

    /// Writes the request (RFC 6455 §4.1).
    pub(super) fn write(&self, key: &Key, config: &Config) -> Vec<u8> {
        let mut head =
            Vec::with_capacity(ROOM + self.uri.resource().len() + self.headers.written_len());
        let mut add = |parts: &[&[u8]]| parts.iter().for_each(|part| head.extend_from_slice(part));
        add(&[b"GET ", self.uri.resource().as_bytes(), b" HTTP/1.1\r\n"]);
        add(&[b"Host: ", self.uri.authority().as_bytes(), b"\r\n"]);
        add(&[
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ",
            key.as_bytes(),
            b"\r\n",
        ]);
        self.negotiation(config).write_to(&mut head);
        self.headers.write_to(&mut head);
        head.extend_from_slice(b"\r\n");
        head
    }

    /// The fields that are the same in every version of HTTP.
    fn negotiation(&self, config: &Config) -> Headers {
        let mut headers = Headers::new();
        headers.push("Sec-WebSocket-Version", b"13");
        if let Some(origin) = &self.origin {
            headers.push("Origin", origin.to_string().as_bytes());
        }
        if !self.offer.subprotocols.is_empty() {
            headers.push("Sec-WebSocket-Protocol", self.offer.subprotocols.join(", ").as_bytes());
        }
        if let Some(offer) = extensions::offer(config) {
            headers.push(extensions::NAME, offer.as_bytes());
        }
        headers
    }
}

/// Asks for the resource that the URI names, and for nothing else.
impl From<Uri> for ClientRequest {
    fn from(uri: Uri) -> Self {
        Self { uri, origin: None, offer: Offer::default(), headers: Headers::new() }
    }
}

impl From<&Uri> for ClientRequest {
    fn from(uri: &Uri) -> Self {
        Self::from(uri.clone())
    }
}

impl From<&Self> for ClientRequest {
    fn from(request: &Self) -> Self {
        request.clone()
    }
}

macro_rules! impl_try_from {
    ($($text:ty),*) => {$(
        /// Asks for the resource that a URI names, and for nothing else.
        impl TryFrom<$text> for ClientRequest {
            type Error = UriError;

            fn try_from(uri: $text) -> Result<Self, UriError> {
                Uri::try_from(uri).map(Self::from)
            }
        }
    )*};
}

impl_try_from!(&str, String, &String);

/// What the server may choose from.
#[derive(Clone, Default)]
pub(super) struct Offer {
    subprotocols: Vec<String>,
    required: bool,
}

impl Offer {
    /// Checks what the server chose (RFC 6455 §4.1 steps 5 and 6).
    pub(super) fn check(&self, response: &Response, config: &Config) -> Result<(), HandshakeError> {
        response.check_extensions(config)?;
        response.check_subprotocol(&self.subprotocols, self.required)
    }
}

/// Hides the names: tokens travel in them.
impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer")
            .field("subprotocols", &self.subprotocols.len())
            .field("required", &self.required)
            .finish()
    }
}

/// The fields that are for one origin (RFC 9110 §15.4 item 1, RFC 6265 §5.4).
const CREDENTIALS: [&str; 3] = [AUTHORIZATION, "Cookie", "Proxy-Authorization"];

const AUTHORIZATION: &str = "Authorization";

/// The bytes of a request without its resource and additional fields, for most hosts.
const ROOM: usize = 256;

/// Why a [`ClientRequest`](super::ClientRequest) cannot be made.
///
/// ```
/// use framewise::handshake::{ClientRequest, HeaderError, RequestError};
///
/// let request = ClientRequest::new("ws://example.com/")?;
/// let error = request.header("Upgrade", "h2c").unwrap_err();
/// assert_eq!(error, RequestError::Header(HeaderError::Protected));
/// # Ok::<(), RequestError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The user name has a colon, or the user name or the password has a control character (RFC 7617
    /// §2).
    Credentials,
    /// The subprotocol is in the list already (RFC 6455 §4.1 item 10).
    DuplicateSubprotocol,
    /// The header field cannot be written.
    Header(HeaderError),
    /// `Host` of an HTTP request is not the authority of its URI (RFC 9112 §3.2).
    Host,
    /// The method of an HTTP request is not GET (RFC 6455 §4.1 item 2).
    Method,
    /// `Origin` of an HTTP request is not a valid origin (RFC 6454 §7).
    Origin(OriginError),
    /// The subprotocol is not a token (RFC 6455 §4.1 item 10).
    Subprotocol,
    /// The URI is no WebSocket URI (RFC 6455 §3).
    Uri(UriError),
    /// The user name or the password in a URI is not percent-encoded UTF-8 (RFC 3986 §3.2.1).
    Userinfo,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials => f.write_str(
                "the user name has a colon, or the user name or password has a control character",
            ),
            Self::DuplicateSubprotocol => f.write_str("the subprotocol is in the list already"),
            Self::Header(error) => error.fmt(f),
            Self::Host => f.write_str("Host is not the authority of the URI"),
            Self::Method => f.write_str("the method is not GET"),
            Self::Origin(error) => error.fmt(f),
            Self::Subprotocol => f.write_str("the subprotocol is not a token"),
            Self::Uri(error) => error.fmt(f),
            Self::Userinfo => {
                f.write_str("the user name or password in the URI is not percent-encoded UTF-8")
            }
        }
    }
}

/// The message is that of the cause, so the source is the cause's own.
impl Error for RequestError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Header(error) => error.source(),
            Self::Origin(error) => error.source(),
            Self::Uri(error) => error.source(),
            Self::Credentials
            | Self::DuplicateSubprotocol
            | Self::Host
            | Self::Method
            | Self::Subprotocol
            | Self::Userinfo => None,
        }
    }
}

impl From<UriError> for RequestError {
    fn from(error: UriError) -> Self {
        Self::Uri(error)
    }
}

impl From<OriginError> for RequestError {
    fn from(error: OriginError) -> Self {
        Self::Origin(error)
    }
}

impl From<HeaderError> for RequestError {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}
