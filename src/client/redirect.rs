//! Redirects that a client follows (RFC 6455 §4.1, RFC 9110 §15.4).

use alloc::{boxed::Box, string::String, vec::Vec};
use core::{error::Error, fmt};

use super::reference::Reference;
use crate::handshake::{ClientRequest, Response, Uri, UriError};

/// Follows the redirects of one opening handshake: says which request to send next.
///
/// A server may answer 301, 302, 303, 307 or 308 instead of 101, with another URI in `Location`. That
/// is a `ws` or `wss` URI, an `http` or `https` URI, which counts as `ws` or `wss`, or a reference
/// relative to the URI of the request (RFC 3986 §5). The fragment is dropped. A redirect from `wss` to
/// `ws` is an error.
///
/// The next request is the same, less its credentials if the origin changes. Two URIs have one origin
/// when TLS, host and port are the same. So a redirect from `ws` to `wss` changes it.
///
/// | part of the request | same origin | another origin |
/// |---|---|---|
/// | subprotocols, `Origin`, other fields | kept | kept |
/// | `Authorization`, `Cookie`, `Proxy-Authorization` | kept | dropped for good |
/// | certificate of the client (`Connector::tls`) | kept | dropped for good |
///
/// **Other origins see a credential in any other place**: in a field of your own, or in a subprotocol.
/// Do not follow redirects with such a request.
///
/// One value serves one chain of redirects. Keep one that has followed none, and clone it for each
/// connection.
///
/// ```
/// use framewise::{
///     Config, Input,
///     client::Redirects,
///     handshake::{ClientHandshake, ClientRequest, HandshakeError},
/// };
///
/// let mut redirects = Redirects::new(5);
/// let request = ClientRequest::new("wss://example.com/chat")?.header("Cookie", "a=b")?;
/// let mut handshake = ClientHandshake::new(request.clone(), Config::default(), [7; 32]);
///
/// # let mut buf = *b"HTTP/1.1 307 x\r\nLocation: https://eu.example.com/\r\nContent-Length: 0\r\n\r\n";
/// let Err(HandshakeError::Rejected(response)) = handshake.receive(&mut Input::new(&mut buf)) else {
///     panic!("the server answers 307");
/// };
/// let next = redirects.follow(&request, &response)?.expect("a redirect");
/// assert_eq!(next.uri().to_string(), "wss://eu.example.com/");
/// // Connect to that host, and begin a handshake with `next` and a new seed.
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Redirects {
    max: u8,
    followed: u8,
    // The URIs that were requested with the fields that the next request has. Each redirect adds
    // one. Cleared when fields are dropped, as a server may answer another request in another way.
    requested: Vec<Uri>,
}

impl Redirects {
    /// Allows `max` redirects in a row. With 0, the default, none is followed.
    #[must_use]
    pub const fn new(max: u8) -> Self {
        Self { max, followed: 0, requested: Vec::new() }
    }

    /// Returns the request to send after `response` has answered `request`. Returns `None` when the
    /// response is no redirect, and always when no redirects are allowed.
    ///
    /// `request` is the first request of the chain, or the one that the last call returned.
    ///
    /// # Errors
    ///
    /// A [`RedirectError`] when the redirect is not valid, or must not be followed. End the chain then.
    pub fn follow(
        &mut self,
        request: &ClientRequest,
        response: &Response,
    ) -> Result<Option<ClientRequest>, RedirectError> {
        if self.max == 0 || !matches!(response.status(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let mut locations = response.headers().values("Location");
        let location = locations.next().ok_or(RedirectError::LocationMissing)?;
        if locations.next().is_some() {
            return Err(RedirectError::LocationRepeated);
        }
        let next = request.redirected(target(request.uri(), location)?);
        if next.has_headers_of(request) {
            self.requested.push(request.uri().clone());
        } else {
            self.requested.clear();
        }
        if self.requested.contains(next.uri()) {
            return Err(RedirectError::Loop(next.uri().clone().into()));
        }
        if self.followed == self.max {
            let uri = next.uri().clone().into();
            return Err(RedirectError::TooMany { max: self.max, uri });
        }
        self.followed = self.followed.saturating_add(1);
        Ok(Some(next))
    }
}

/// Returns where a response from `base` leads.
fn target(base: &Uri, location: &[u8]) -> Result<Uri, RedirectError> {
    if location.len() > MAX_LEN {
        return Err(RedirectError::LocationTooLong);
    }
    // What is no UTF-8 is no ASCII either, and refused as that.
    let location = String::from_utf8_lossy(location);
    let reference = Reference::parse(&location);
    let secure = match reference.scheme {
        None => base.is_secure(),
        Some(scheme) => is_secure(scheme).ok_or(RedirectError::Scheme)?,
    };
    if reference.authority.is_some_and(|authority| authority.contains('@')) {
        return Err(RedirectError::Userinfo);
    }
    let target = reference.resolve(base, secure);
    if target.len() > MAX_LEN {
        return Err(RedirectError::LocationTooLong);
    }
    let target = Uri::try_from(target).map_err(RedirectError::Location)?;
    if base.is_secure() && !target.is_secure() {
        return Err(RedirectError::Downgrade(target.into()));
    }
    Ok(target)
}

/// Returns whether a scheme has TLS, `None` if no WebSocket is behind it.
fn is_secure(scheme: &str) -> Option<bool> {
    let is = |other| scheme.eq_ignore_ascii_case(other);
    match () {
        () if is("ws") || is("http") => Some(false),
        () if is("wss") || is("https") => Some(true),
        () => None,
    }
}

/// How many bytes `Location` and the URI that it stands for may have. RFC 9110 §4.1 recommends to
/// support 8000 at least.
const MAX_LEN: usize = 8 << 10;

/// Why a redirect is not followed.
///
/// The message shows where it leads, but for the query. It never shows a user name or password.
///
/// ```
/// use framewise::{
///     Config, Input,
///     client::{RedirectError, Redirects},
///     handshake::{ClientHandshake, ClientRequest},
/// };
///
/// let request = ClientRequest::new("wss://example.com/chat")?;
/// let mut handshake = ClientHandshake::new(request.clone(), Config::default(), [7; 32]);
/// let mut buf = *b"HTTP/1.1 302 x\r\nLocation: ws://example.com/?token=1\r\nContent-Length: 0\r\n\r\n";
/// let refusal = handshake.receive(&mut Input::new(&mut buf)).unwrap_err();
/// let response = refusal.response().expect("the server answers 302");
///
/// let error = Redirects::new(5).follow(&request, response).unwrap_err();
/// assert!(matches!(error, RedirectError::Downgrade(_)));
/// assert_eq!(
///     error.to_string(),
///     "the server redirects from wss to ws://example.com/?[..], where there is no TLS"
/// );
/// # Ok::<(), framewise::handshake::RequestError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectError {
    /// A `wss` URI redirects to this `ws` URI: the connection would lose its TLS.
    Downgrade(Box<Uri>),
    /// `Location` is not a URI reference, or does not make a WebSocket URI (RFC 6455 §3).
    Location(UriError),
    /// There is no `Location`, so nowhere to go (RFC 9110 §10.2.2).
    LocationMissing,
    /// There is more than one `Location` (RFC 9110 §5.3).
    LocationRepeated,
    /// `Location`, or the URI that it stands for, has more than 8 KiB.
    LocationTooLong,
    /// The redirect leads back to this URI, which was requested before with the same fields.
    Loop(Box<Uri>),
    /// `Location` has a scheme other than `ws`, `wss`, `http` and `https`.
    Scheme,
    /// The server redirected more often than [`Redirects::new`] allows.
    TooMany {
        /// How many redirects are allowed.
        max: u8,
        /// Where the one that is too many leads.
        uri: Box<Uri>,
    },
    /// `Location` has a user name or password: a server must not choose what a client sends as its
    /// own (RFC 9110 §4.2.4).
    Userinfo,
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Downgrade(uri) => write!(
                f,
                "the server redirects from wss to {}, where there is no TLS",
                uri.redacted()
            ),
            Self::Location(error) => write!(f, "the server redirects to no valid URI: {error}"),
            Self::LocationMissing => f.write_str("the server redirects without a Location"),
            Self::LocationRepeated => f.write_str("the server redirects to more than one Location"),
            Self::LocationTooLong => {
                write!(f, "the server redirects to a URI of more than {MAX_LEN} bytes")
            }
            Self::Loop(uri) => {
                write!(f, "the server redirects in a circle, back to {}", uri.redacted())
            }
            Self::Scheme => {
                f.write_str("the server redirects to a URI that is not ws, wss, http or https")
            }
            Self::TooMany { max: 1, uri } => {
                write!(f, "the server redirects more than once, at last to {}", uri.redacted())
            }
            Self::TooMany { max, uri } => write!(
                f,
                "the server redirects more than {max} times, at last to {}",
                uri.redacted()
            ),
            Self::Userinfo => {
                f.write_str("the server redirects to a URI with a user name or password")
            }
        }
    }
}

/// The message contains that of the cause, so the source is the cause's own.
impl Error for RedirectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Location(error) => error.source(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{
        format,
        string::{String, ToString as _},
        vec,
        vec::Vec,
    };

    use proptest::prelude::*;

    use super::*;
    use crate::{
        config::Config,
        handshake::{HandshakeError, UriErrorKind},
    };

    fn request(uri: &str) -> ClientRequest {
        ClientRequest::new(uri).unwrap()
    }

    fn response(status: u16, fields: &[(&str, &[u8])]) -> Response {
        let fields = fields.iter().copied();
        match request("ws://h/").connected(status, fields, Config::default(), [7; 32]) {
            Err(HandshakeError::Rejected(response)) => *response,
            other => panic!("{other:?}"),
        }
    }

    fn to(location: &str) -> Response {
        response(302, &[("Location", location.as_bytes())])
    }

    /// Follows one redirect.
    fn follow(uri: &str, location: &str) -> Result<String, RedirectError> {
        let next = Redirects::new(1).follow(&request(uri), &to(location))?;
        Ok(next.expect("a redirect").uri().to_string())
    }

    /// The additional fields of a request, as they are sent.
    fn fields(request: &ClientRequest) -> Vec<(String, Vec<u8>)> {
        let fields = request.connect_fields(&Config::default());
        fields.into_iter().filter(|(name, _)| !name.starts_with(':')).collect()
    }

    const SECRETS: [&str; 3] = ["Authorization", "COOKIE", "proxy-authorization"];

    fn with_secrets(uri: &str) -> ClientRequest {
        SECRETS.iter().fold(request(uri), |request, name| request.header(name, "secret").unwrap())
    }

    // 6455-4.1-51, 9110-15.4-01
    #[test]
    fn five_statuses_are_redirects() {
        for status in (200..=599).filter(|status| !(200..=299).contains(status)) {
            let response = response(status, &[("Location", b"/there")]);
            let next = Redirects::new(1).follow(&request("ws://h/"), &response).unwrap();
            let uri = next.map(|next| next.uri().to_string());
            let expected = [301, 302, 303, 307, 308].contains(&status);
            assert_eq!(uri.as_deref(), expected.then_some("ws://h/there"), "{status}");
        }
    }

    // 6455-4.1-51
    #[test]
    fn none_is_followed_unless_asked_for() {
        for mut redirects in [Redirects::new(0), Redirects::default()] {
            for response in [to("/there"), to("ftp://h/"), response(302, &[])] {
                assert!(redirects.follow(&request("ws://h/"), &response).unwrap().is_none());
            }
        }
    }

    #[test]
    fn the_scheme_of_http_becomes_that_of_websocket() {
        for (location, expected) in [
            ("http://other/a", "ws://other/a"),
            ("HTTPS://other/a", "wss://other/a"),
            ("http://other:443/", "ws://other:443/"),
            ("https://other:443/", "wss://other/"),
            ("WS://other", "ws://other/"),
            ("wss://other:8443?x", "wss://other:8443/?x"),
            ("https://other/#top?", "wss://other/"),
        ] {
            assert_eq!(follow("ws://h/", location).as_deref(), Ok(expected), "{location}");
        }
        assert_eq!(follow("wss://h/a/b", "c").as_deref(), Ok("wss://h/a/c"));
        assert_eq!(follow("wss://h/a", "//other").as_deref(), Ok("wss://other/"));
    }

    #[test]
    fn a_location_that_leads_nowhere_is_an_error() {
        use RedirectError as E;
        for location in ["ftp://h/", "javascript:1", "h:80/a", ":a", "wss+x://h/", "mailto:u@h"] {
            assert_eq!(follow("ws://h/", location), Err(E::Scheme), "{location}");
        }
        for (location, kind) in [
            ("http:", UriErrorKind::Host),
            ("http:other", UriErrorKind::Host),
            ("https:/other", UriErrorKind::Host),
            ("//", UriErrorKind::Host),
            ("///a", UriErrorKind::Host),
            ("//a b/", UriErrorKind::Host),
            ("//a:b/", UriErrorKind::Port),
            ("/\\other.example/", UriErrorKind::Resource),
            ("/a b", UriErrorKind::Resource),
            ("/%4", UriErrorKind::Resource),
            ("/\u{e9}", UriErrorKind::NonAscii),
        ] {
            let error = follow("ws://h/", location).unwrap_err();
            let E::Location(error) = error else { panic!("{location}: {error}") };
            assert_eq!(error.kind(), kind, "{location}");
        }
        let not_utf8 = response(302, &[("Location", b"/\xff")]);
        let error = Redirects::new(1).follow(&request("ws://h/"), &not_utf8).unwrap_err();
        assert!(matches!(error, E::Location(error) if error.kind() == UriErrorKind::NonAscii));
    }

    #[test]
    fn location_is_one_field() {
        let follow = |fields: &[(&str, &[u8])]| {
            Redirects::new(1).follow(&request("ws://h/"), &response(301, fields)).unwrap_err()
        };
        assert_eq!(follow(&[("Content-Location", b"/a")]), RedirectError::LocationMissing);
        let two: [(&str, &[u8]); 2] = [("Location", b"/a"), ("location", b"/a")];
        assert_eq!(follow(&two), RedirectError::LocationRepeated);
    }

    #[test]
    fn a_uri_has_eight_kibibytes_at_most() {
        let path = |len: usize| format!("/{}", "a".repeat(len - 1));
        let room = MAX_LEN - "ws://h".len();
        assert!(follow("ws://h/", &path(room)).is_ok());
        for location in [path(room + 1), path(MAX_LEN + 1), format!("x{}", path(room))] {
            assert_eq!(follow("ws://h/", &location), Err(RedirectError::LocationTooLong));
        }
        // Not even a fragment, which is dropped.
        let fragment = format!("/#{}", path(MAX_LEN));
        assert_eq!(follow("ws://h/", &fragment), Err(RedirectError::LocationTooLong));
    }

    // 9110-15.4-01
    #[test]
    fn tls_is_never_lost() {
        for location in ["ws://h/", "http://h/", "ws://other:443/", "HTTP://h:443/chat"] {
            let error = follow("wss://h/", location).unwrap_err();
            assert!(matches!(error, RedirectError::Downgrade(_)), "{location}: {error}");
        }
        assert_eq!(follow("ws://h/", "wss://h/").as_deref(), Ok("wss://h/"));
    }

    // 9110-4.2.4-01
    #[test]
    fn a_location_with_credentials_is_refused_and_not_shown() {
        for location in
            ["ws://user:pw@h/", "//user:pw@h/", "https://@h/", "//user:pw@", "//other\\user:pw@h/"]
        {
            let error = follow("ws://h/", location).unwrap_err();
            assert_eq!(error, RedirectError::Userinfo, "{location}");
        }
        for location in ["//user:p/w@h/", "user:pw@h", "ftp://user:pw@h/", "//us?er:pw@h/"] {
            let shown = match follow("ws://h/", location) {
                Ok(uri) => format!("{:?}", Uri::try_from(uri).unwrap()),
                Err(error) => format!("{error} {error:?}"),
            };
            assert!(!shown.contains("pw") && !shown.contains("w@"), "{shown}");
        }
        // An at sign in another place is none of a user's.
        assert_eq!(follow("ws://h/", "/@u:p?a@b").as_deref(), Ok("ws://h/@u:p?a@b"));
    }

    // 9110-15.4-01; R48
    #[test]
    fn credentials_stay_in_their_origin() {
        for (uri, location, sent) in [
            ("ws://h/", "/a", true),
            ("ws://h/", "ws://H:80/a", true),
            ("ws://h/", "http://h/a", true),
            ("wss://h/", "https://h:443/a", true),
            ("ws://h:443/", "wss://h:443/", false),
            ("ws://h/", "wss://h/", false),
            ("ws://h/", "//h:81/a", false),
            ("ws://h/", "//h./a", false),
            ("ws://h/", "//x.h/a", false),
            ("wss://x.h/", "//h/a", false),
        ] {
            let request = with_secrets(uri)
                .subprotocol("chat")
                .and_then(|request| request.header("X-Key", "1")?.header("Cookie2", "2"))
                .unwrap()
                .origin("http://page.example".parse().unwrap());
            let next = Redirects::new(1).follow(&request, &to(location)).unwrap().unwrap();
            let secret = |(name, _): &(String, Vec<u8>)| {
                SECRETS.iter().any(|secret| secret.eq_ignore_ascii_case(name))
            };
            let mut expected = fields(&request);
            expected.retain(|field| sent || !secret(field));
            assert_eq!(fields(&next), expected, "{location}");
            assert_eq!(expected.iter().any(secret), sent);
            let names = ["origin", "sec-websocket-protocol", "x-key", "cookie2"];
            assert!(names.iter().all(|name| expected.iter().any(|(other, _)| other == name)));
        }
    }

    // R48
    #[test]
    fn credentials_do_not_come_back() {
        let mut redirects = Redirects::new(3);
        let away = redirects.follow(&with_secrets("wss://h/"), &to("//other/")).unwrap().unwrap();
        let back = redirects.follow(&away, &to("//h/")).unwrap().unwrap();
        assert!(fields(&back).iter().all(|(_, value)| value != b"secret"));
    }

    // 9110-15.4-01
    #[test]
    fn a_circle_is_an_error() {
        for location in ["", "#a", "/a", "a?", "http://H:80/a", "//h/x/../a"] {
            let error = follow("ws://h/a", location).unwrap_err();
            assert!(matches!(error, RedirectError::Loop(_)), "{location}: {error}");
        }
        // However long it is.
        let mut redirects = Redirects::new(9);
        let mut request = request("ws://h/0?token=1");
        for location in ["/1", "//other/", "//h/?2"] {
            request = redirects.follow(&request, &to(location)).unwrap().unwrap();
        }
        for uri in ["ws://h/0?token=1", "ws://h/1", "ws://other/", "ws://h/?2"] {
            let error = redirects.clone().follow(&request, &to(uri)).unwrap_err();
            assert_eq!(error, RedirectError::Loop(Uri::try_from(uri).unwrap().into()));
        }
        assert!(redirects.follow(&request, &to("/0?token=2")).unwrap().is_some());
    }

    #[test]
    fn the_same_uri_without_credentials_is_no_circle() {
        let mut redirects = Redirects::new(9);
        let mut request = with_secrets("ws://h/");
        for location in ["//other/", "//h/"] {
            request = redirects.follow(&request, &to(location)).unwrap().unwrap();
        }
        let error = redirects.follow(&request, &to("//other/")).unwrap_err();
        assert!(matches!(error, RedirectError::Loop(_)), "{error}");
    }

    #[test]
    fn redirects_are_counted() {
        for max in [1, 2, u8::MAX] {
            let mut redirects = Redirects::new(max);
            let mut request = request("ws://h/");
            for place in 0..max {
                let next = redirects.follow(&request, &to(&format!("/{place}")));
                request = next.unwrap().unwrap();
            }
            let error = redirects.follow(&request, &to("/end")).unwrap_err();
            let uri = Uri::try_from("ws://h/end").unwrap().into();
            assert_eq!(error, RedirectError::TooMany { max, uri });
            // The answer that ends the chain is none.
            assert!(redirects.follow(&request, &response(403, &[])).unwrap().is_none());
        }
    }

    #[test]
    fn the_message_says_where_it_leads_without_secrets() {
        let mut redirects = Redirects::new(1);
        let second = redirects.follow(&request("ws://h/"), &to("/2")).unwrap().unwrap();
        let too_many = redirects.follow(&second, &to("/3?token=1")).unwrap_err();
        let mut redirects = Redirects { max: 2, followed: 2, ..Redirects::default() };
        let many = redirects.follow(&second, &to("/3")).unwrap_err();
        let without = Redirects::new(1).follow(&second, &response(302, &[])).unwrap_err();
        let long = format!("ws://h/{}?token=1", "a".repeat(300));
        for (error, text) in [
            (
                follow("wss://h/", "http://h/a?token=1").unwrap_err(),
                "the server redirects from wss to ws://h/a?[..], where there is no TLS".into(),
            ),
            (
                follow("ws://h/", "/a b?token=1").unwrap_err(),
                "the server redirects to no valid URI: \"ws://h/a b?[..]\" has ' ' at byte 8, \
                 which is written %20: did you mean ws://h/a%20b?[..]?"
                    .into(),
            ),
            (without, "the server redirects without a Location".into()),
            (
                RedirectError::LocationRepeated,
                "the server redirects to more than one Location".into(),
            ),
            (
                RedirectError::LocationTooLong,
                "the server redirects to a URI of more than 8192 bytes".into(),
            ),
            (
                follow("ws://h/?token=1", "").unwrap_err(),
                "the server redirects in a circle, back to ws://h/?[..]".into(),
            ),
            (
                follow(&long, "").unwrap_err(),
                format!(
                    "the server redirects in a circle, back to ws://h/{}[..]?[..]",
                    "a".repeat(199)
                ),
            ),
            (
                follow("ws://h/", "ftp://user:pw@h/?token=1").unwrap_err(),
                "the server redirects to a URI that is not ws, wss, http or https".into(),
            ),
            (too_many, "the server redirects more than once, at last to ws://h/3?[..]".into()),
            (many, "the server redirects more than 2 times, at last to ws://h/3".into()),
            (
                follow("ws://h/", "//user:pw@h/?token=1").unwrap_err(),
                "the server redirects to a URI with a user name or password".into(),
            ),
        ] {
            assert_eq!(error.to_string(), text);
            assert!(error.source().is_none());
            let debug = format!("{error:?}");
            assert!(!debug.contains("token") && !debug.contains("pw"), "{debug}");
        }
    }

    /// What a server may send: references near those that matter, and any text.
    fn location() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec![
            "http:", "https:", "ws:", "wss:", "WSS:", "//", "/", "\\", "h", "H", "other", ":80",
            ":443", ":", "@", "?", "#", ".", "..", "a", "[::1]", "%2e", " ", "\u{e9}",
        ]);
        prop_oneof![
            4 => prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat()),
            1 => "\\PC{0,20}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        // 9110-15.4-01; R48
        #[test]
        fn no_chain_loses_tls_or_takes_credentials_to_another_origin(
            base in prop::sample::select(vec!["ws://h/a/b?c", "wss://h/a/b?c", "ws://h:443/", "wss://h:80/"]),
            locations in prop::collection::vec(location(), 1..6),
        ) {
            let first = with_secrets(base).header("X-Key", "1").unwrap();
            let (mut redirects, mut request) = (Redirects::new(4), first.clone());
            let mut is_at_home = true;
            for location in &locations {
                // An error ends a chain; a server that redirects in another way does not.
                let Ok(Some(next)) = redirects.follow(&request, &to(location)) else { continue };
                let (from, uri) = (request.uri(), next.uri());
                prop_assert!(uri.is_secure() || !from.is_secure(), "{location}");
                is_at_home &= uri.is_secure() == first.uri().is_secure()
                    && uri.host().eq_ignore_ascii_case(first.uri().host())
                    && uri.port() == first.uri().port();
                let names: Vec<_> = fields(&next).into_iter().map(|(name, _)| name).collect();
                for name in SECRETS {
                    let is_sent = names.iter().any(|other| other.eq_ignore_ascii_case(name));
                    prop_assert_eq!(is_sent, is_at_home, "{}", location);
                }
                prop_assert!(names.iter().any(|name| name == "x-key"));
                // Whatever is followed can be requested.
                prop_assert_eq!(&Uri::try_from(uri.to_string()).unwrap(), uri);
                request = next;
            }
        }
    }
}
