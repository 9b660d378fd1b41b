//! Which proxy a connection goes through.

use alloc::sync::Arc;
use core::fmt;

#[cfg(feature = "std")]
use super::server::ProxyUriErrorKind;
use super::{
    bypass::Bypass,
    server::{ProxyServer, ProxyUriError},
};
use crate::handshake::Uri;

/// Says which proxy a connection to a URI goes through.
///
/// ```
/// use framewise::client::Proxy;
///
/// let proxy = Proxy::new("http://user:secret@proxy.example:3128")?.no_proxy("localhost, 10.0.0.0/8");
/// let server = |uri: &str| Ok::<_, framewise::Error>(proxy.server_for(&uri.parse()?));
/// assert_eq!(server("wss://example.com/")?.unwrap().host_and_port(), ("proxy.example", 3128));
/// assert!(server("ws://10.1.2.3:9001/")?.is_none());
/// assert!(!format!("{proxy:?}").contains("secret"));
/// # Ok::<(), framewise::Error>(())
/// ```
#[derive(Clone)]
pub struct Proxy {
    /// For `ws`.
    plain: Option<Arc<ProxyServer>>,
    /// For `wss`.
    secure: Option<Arc<ProxyServer>>,
    bypass: Bypass,
}

impl Proxy {
    /// Uses one proxy for every connection: `[scheme://][user[:password]@]host[:port]`.
    ///
    /// | scheme | the proxy speaks | default port |
    /// |---|---|---|
    /// | `http`, or none | HTTP/1.1 with CONNECT (RFC 9110 §9.3.6) | 80 |
    /// | `socks5`, `socks5h` | SOCKS version 5 (RFC 1928) | 1080 |
    ///
    /// The proxy always resolves the host. The user and the password are percent-decoded. An `http` proxy
    /// gets them as `Basic` (RFC 7617), and a `socks5` proxy as RFC 1929 has it. They are not encrypted.
    ///
    /// # Errors
    ///
    /// A [`ProxyUriError`] of the kind
    /// - [`Scheme`](super::ProxyUriErrorKind::Scheme) for `https`, `socks4` and every other scheme,
    /// - [`Host`](super::ProxyUriErrorKind::Host), [`Port`](super::ProxyUriErrorKind::Port) or
    ///   [`Path`](super::ProxyUriErrorKind::Path) for a text that does not have the form above,
    /// - [`Credentials`](super::ProxyUriErrorKind::Credentials) for a user or a password that cannot be sent.
    pub fn new(uri: impl AsRef<str>) -> Result<Self, ProxyUriError> {
        let server = Some(Arc::new(ProxyServer::parse(uri.as_ref())?));
        Ok(Self { plain: server.clone(), secure: server, bypass: Bypass::default() })
    }

    /// Uses the proxies that environment variables name, as curl does. A variable that is empty counts as
    /// not set.
    ///
    /// | for | the first of these that is set |
    /// |---|---|
    /// | `wss` | `https_proxy`, `HTTPS_PROXY`, `all_proxy`, `ALL_PROXY` |
    /// | `ws` | `http_proxy`, `all_proxy`, `ALL_PROXY` |
    /// | hosts without a proxy, as in [`no_proxy`](Self::no_proxy) | `no_proxy`, `NO_PROXY` |
    ///
    /// `HTTP_PROXY` is ignored: in a CGI program, a request sets it through the header field `Proxy`.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new), and a [`ProxyUriError`] of the kind
    /// [`NotUnicode`](super::ProxyUriErrorKind::NotUnicode). The message names the variable.
    ///
    /// ```no_run
    /// use framewise::client::Proxy;
    ///
    /// let proxy = Proxy::from_env()?;
    /// match proxy.server_for(&"wss://example.com/".parse()?) {
    ///     Some(server) => println!("through {server}"),
    ///     None => println!("directly"),
    /// }
    /// # Ok::<(), framewise::Error>(())
    /// ```
    #[cfg(feature = "std")]
    pub fn from_env() -> Result<Self, ProxyUriError> {
        Self::from_variables(std::env::var_os)
    }

    /// As [`from_env`](Self::from_env), with a lookup.
    #[cfg(feature = "std")]
    pub(super) fn from_variables(
        lookup: impl Fn(&'static str) -> Option<std::ffi::OsString>,
    ) -> Result<Self, ProxyUriError> {
        let first = |names: &[&'static str]| {
            let set = names.iter().find_map(|name| {
                let value = lookup(name).filter(|value| !value.is_empty())?;
                Some((*name, value))
            });
            set.map(|(name, value)| match value.into_string() {
                Ok(value) => Ok((name, value)),
                Err(_) => Err(ProxyUriError::new(ProxyUriErrorKind::NotUnicode).in_variable(name)),
            })
            .transpose()
        };
        let server = |names: &[&'static str]| {
            let set = first(names)?.map(|(name, value)| {
                let server = ProxyServer::parse(&value);
                server.map(Arc::new).map_err(|error| error.in_variable(name))
            });
            set.transpose()
        };
        let mut bypass = Bypass::default();
        if let Some((_, list)) = first(&["no_proxy", "NO_PROXY"])? {
            bypass.add(&list);
        }
        Ok(Self {
            plain: server(&["http_proxy", "all_proxy", "ALL_PROXY"])?,
            secure: server(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?,
            bypass,
        })
    }

    /// Adds hosts that are reached without a proxy: a list of entries with commas or white space
    /// between them, in any case.
    ///
    /// | entry | matches |
    /// |---|---|
    /// | `example.com`, `.example.com`, `*.example.com` | this name, and all that end with `.example.com` |
    /// | `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]` | this address. A host like `127.1` or `0x7f000001` is a name here |
    /// | `10.0.0.0/8`, `2001:db8::/32` | the addresses of this network |
    /// | `*` | every host |
    /// | one of these with `:8080` at its end, and an IPv6 address in brackets | the same, on this port only |
    ///
    /// A dot at the end of a name changes nothing. No name is resolved: an address in the list does not
    /// match a host that is a name. An entry that is none of these matches nothing. The list of a new proxy
    /// is empty: `localhost` is not in it.
    #[must_use]
    pub fn no_proxy(mut self, list: impl AsRef<str>) -> Self {
        self.bypass.add(list.as_ref());
        self
    }

    /// Returns the proxy for a connection to `uri`, or `None` for a direct connection.
    #[must_use]
    pub fn server_for(&self, uri: &Uri) -> Option<&ProxyServer> {
        let server = if uri.is_secure() { &self.secure } else { &self.plain };
        server.as_deref().filter(|_| !self.bypass.contains(uri))
    }
}

/// Shows no credentials.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("ws", &self.plain)
            .field("wss", &self.secure)
            .field("no_proxy", &self.bypass)
            .finish()
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use alloc::{
        format,
        string::{String, ToString as _},
    };
    use std::ffi::OsString;

    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Proxy, ProxyUriError> {
        Proxy::from_variables(|name| {
            let set = variables.iter().find(|(set, _)| *set == name);
            set.map(|(_, value)| OsString::from(value))
        })
    }

    /// The hosts of the proxies for `ws` and for `wss`.
    fn proxies(variables: &[(&str, &str)]) -> [Option<String>; 2] {
        let proxy = from(variables).unwrap();
        ["ws://example.com/", "wss://example.com/"].map(|uri| {
            let server = proxy.server_for(&uri.parse().unwrap());
            server.map(|server| server.host_and_port().0.to_string())
        })
    }

    #[test]
    fn each_scheme_has_its_variables() {
        for (variables, ws, wss) in [
            (&[][..], None, None),
            (&[("http_proxy", "a")], Some("a"), None),
            (&[("https_proxy", "a")], None, Some("a")),
            (&[("HTTPS_PROXY", "a")], None, Some("a")),
            (&[("all_proxy", "a")], Some("a"), Some("a")),
            (&[("ALL_PROXY", "a")], Some("a"), Some("a")),
            // A request to a CGI program sets this one.
            (&[("HTTP_PROXY", "a")], None, None),
            (&[("HTTP_PROXY", "a"), ("all_proxy", "b")], Some("b"), Some("b")),
            // Lower case wins, and what is for one scheme.
            (&[("HTTPS_PROXY", "A"), ("https_proxy", "a")], None, Some("a")),
            (&[("ALL_PROXY", "A"), ("all_proxy", "a")], Some("a"), Some("a")),
            (&[("all_proxy", "a"), ("HTTPS_PROXY", "b")], Some("a"), Some("b")),
            (&[("all_proxy", "a"), ("http_proxy", "b")], Some("b"), Some("a")),
            // Empty is not set.
            (&[("https_proxy", ""), ("HTTPS_PROXY", "b")], None, Some("b")),
            (&[("https_proxy", ""), ("all_proxy", "a")], Some("a"), Some("a")),
            (&[("all_proxy", ""), ("ALL_PROXY", "")], None, None),
        ] {
            let expected = [ws, wss].map(|host| host.map(str::to_lowercase));
            assert_eq!(proxies(variables), expected, "{variables:?}");
        }
    }

    #[test]
    fn hosts_without_a_proxy_are_in_one_of_two_variables() {
        for (variables, direct) in [
            (&[("no_proxy", "example.com")][..], true),
            (&[("NO_PROXY", "example.com")], true),
            (&[("no_proxy", "x"), ("NO_PROXY", "example.com")], false),
            (&[("no_proxy", ""), ("NO_PROXY", "example.com")], true),
            (&[("no_proxy", ","), ("NO_PROXY", "example.com")], false),
        ] {
            let all = [variables, &[("all_proxy", "a")]].concat();
            assert_eq!(proxies(&all), [(); 2].map(|()| (!direct).then(|| "a".into())));
        }
        let proxy = from(&[("all_proxy", "a"), ("no_proxy", "x")]).unwrap().no_proxy("y");
        for uri in ["ws://x/", "ws://y/"] {
            assert!(proxy.server_for(&uri.parse().unwrap()).is_none());
        }
    }

    #[test]
    fn an_error_names_the_variable() {
        for (variable, value, text) in [
            ("https_proxy", "https://u:p@a", "https_proxy: https proxies are not supported: "),
            ("ALL_PROXY", "socks4://a", "ALL_PROXY: socks4 proxies are not supported: "),
            ("http_proxy", "http://a:b", "http_proxy: the proxy has no valid port: "),
        ] {
            let error = from(&[(variable, value)]).unwrap_err();
            assert!(error.to_string().starts_with(text), "{error}");
            assert!(format!("{error:?}").contains(variable));
        }
        // One that is not looked at is not wrong.
        assert!(from(&[("https_proxy", "a"), ("HTTPS_PROXY", "https://a")]).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_utf_8_is_an_error() {
        use std::os::unix::ffi::OsStringExt as _;

        for variable in ["http_proxy", "HTTPS_PROXY", "all_proxy", "no_proxy"] {
            let value = |name| (name == variable).then(|| OsString::from_vec(b"a\xff".to_vec()));
            let error = Proxy::from_variables(value).unwrap_err();
            assert_eq!(error.kind(), ProxyUriErrorKind::NotUnicode);
            assert_eq!(error.to_string(), format!("{variable}: the value is not UTF-8"));
        }
    }
}
