//! Which proxy a connection goes through: its URI, and the hosts that need none.

use framewise::client::{Proxy, ProxyScheme, ProxyUriErrorKind};

use proptest::prelude::*;

use super::uri;

#[test]
fn a_proxy_is_a_uri() {
    use ProxyScheme::{Http, Socks5};

    for (text, scheme, host, port, shown) in [
        ("http://proxy.example:3128", Http, "proxy.example", 3128, "http://proxy.example:3128"),
        ("HTTP://proxy.example", Http, "proxy.example", 80, "http://proxy.example:80"),
        ("http://proxy.example:/", Http, "proxy.example", 80, "http://proxy.example:80"),
        ("proxy.example:3128", Http, "proxy.example", 3128, "http://proxy.example:3128"),
        ("localhost", Http, "localhost", 80, "http://localhost:80"),
        ("u:p@localhost:1", Http, "localhost", 1, "http://localhost:1"),
        ("socks5://10.0.0.1", Socks5, "10.0.0.1", 1080, "socks5://10.0.0.1:1080"),
        ("socks5h://u:p@proxy:9050/", Socks5, "proxy", 9050, "socks5://proxy:9050"),
        ("http://[2001:db8::1]:3128", Http, "2001:db8::1", 3128, "http://[2001:db8::1]:3128"),
        ("socks5://u:p@[::1]", Socks5, "::1", 1080, "socks5://[::1]:1080"),
        ("[::1]:8080", Http, "::1", 8080, "http://[::1]:8080"),
    ] {
        let proxy = Proxy::new(text).unwrap();
        for target in ["ws://h/", "wss://h/", "ws://localhost:8080/"] {
            let target = uri(target);
            let server = proxy.server_for(&target).unwrap();
            assert_eq!((server.scheme(), server.host_and_port()), (scheme, (host, port)), "{text}");
            assert_eq!(server.to_string(), shown);
        }
    }
}

#[test]
fn what_is_no_proxy_is_refused() {
    use ProxyUriErrorKind::{Credentials, Host, Path, Port, Scheme};

    for (text, kind) in [
        ("", Host),
        ("http://", Host),
        ("http://:3128", Host),
        ("http://a b", Host),
        ("http://u:p@", Host),
        ("http://::1", Host),
        ("http://[::1", Host),
        ("http://pr\u{f6}xy", Host),
        ("http://proxy:port", Port),
        ("http://proxy:65536", Port),
        ("http://proxy:+1", Port),
        ("http://proxy:-1", Port),
        ("http://proxy/path", Path),
        ("http://proxy?", Path),
        ("http://proxy#a", Path),
        ("socks5://localhost/var/run/socks", Path),
        ("https://proxy", Scheme),
        ("socks://proxy", Scheme),
        ("socks4://proxy", Scheme),
        ("socks4a://proxy", Scheme),
        ("://proxy", Scheme),
        ("http:://proxy", Scheme),
        // A percent sign, and what would end the host.
        ("http://u:%@proxy", Credentials),
        ("http://u:%4@proxy", Credentials),
        ("http://u:%g0@proxy", Credentials),
        ("http://u:12/34@proxy", Credentials),
        ("http://u:12?34@proxy", Credentials),
        ("http://u:12#34@proxy", Credentials),
        // What Basic cannot say (RFC 7617 §2).
        ("http://u%3Av:p@proxy", Credentials),
        ("http://u:p%0D%0AX:%20y@proxy", Credentials),
        ("http://u%00:p@proxy", Credentials),
        ("http://u:\x7f@proxy", Credentials),
        // What SOCKS cannot say (RFC 1929 §2).
        ("socks5://u@proxy", Credentials),
        ("socks5://u:@proxy", Credentials),
        ("socks5://:p@proxy", Credentials),
    ] {
        let error = Proxy::new(text).unwrap_err();
        assert_eq!(error.kind(), kind, "{text}");
    }
    let long = format!("socks5://u:{}@proxy", "p".repeat(256));
    assert_eq!(Proxy::new(long).unwrap_err().kind(), Credentials);
    assert!(Proxy::new(format!("http://u:{}@proxy", "p".repeat(256))).is_ok());
}

// Programs and their users read the message; schemes are named.
#[test]
fn an_error_says_what_is_wrong_and_shows_nothing_secret() {
    for (text, message) in [
        ("https://u:hunter2@proxy", "https proxies are not supported: "),
        ("SOCKS4://u:hunter2@proxy", "socks4 proxies are not supported: "),
        ("socks4a://proxy", "socks4a proxies are not supported: "),
        ("u:hunter2://@proxy", "such proxies are not supported: "),
        ("http://u:hunter2", "the proxy has no valid port: "),
        ("http://u:hunter2@", "the proxy has no valid host"),
        ("http://u:hunter2@proxy:x", "the proxy has no valid port: "),
        ("http://u:hunter2@proxy/path", "the URI of a proxy ends with the port: "),
        ("http://u:hunter2%@proxy", "the user or the password of the proxy cannot be sent, "),
        ("http://u:12/hunter2@proxy", "the user or the password of the proxy cannot be sent, "),
    ] {
        let error = Proxy::new(text).unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2") && !shown.contains('\n'), "{shown}");
    }
}

#[test]
fn nothing_shows_credentials() {
    let proxy = Proxy::new("http://us%65r:hunt%65r2@proxy:3128").unwrap().no_proxy("localhost");
    let target = uri("ws://h/");
    let server = proxy.server_for(&target).unwrap();
    let shown = format!("{proxy:?} {server:?} {server}");
    assert!(shown.contains("proxy") && shown.contains("3128"));
    for secret in ["user", "us%65r", "hunter2", "hunt%65r2"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// Whether a list has the host of a URI.
fn is_in(host: &str, list: &str) -> bool {
    let proxy = Proxy::new("http://proxy").unwrap().no_proxy(list);
    let target = match host.contains("://") {
        true => uri(host),
        false => uri(&format!("ws://{host}/")),
    };
    proxy.server_for(&target).is_none()
}

// As curl documents it: a name is the host and all below it, with a dot in front and without.
#[test]
fn names_without_a_proxy() {
    for (host, list, expected) in [
        ("example.com", "example.com", true),
        ("www.example.com", "example.com", true),
        ("a.b.example.com", "example.com", true),
        ("nonexample.com", "example.com", false),
        ("example.com", "www.example.com", false),
        ("example.com.evil", "example.com", false),
        ("example.com", ".example.com", true),
        ("www.example.com", ".example.com", true),
        ("nonexample.com", ".example.com", false),
        ("com", ".example.com", false),
        // Dots at the end.
        ("example.com.", "example.com", true),
        ("www.example.com.", ".example.com", true),
        ("www.example.com", ".example.com.", true),
        ("www.example.com.", "www.example.com.", true),
        // Any case.
        ("WWW.Example.COM", "example.com", true),
        ("www.example.com", "EXAMPLE.com", true),
        // Any place in the list.
        ("www.example.com", "localhost,.example.com,.example.de", true),
        ("www.example.com", "localhost .example.com .example.de", true),
        ("www.example.com", " localhost ,\t, .example.com,\r\n", true),
        ("localhost", "localhost,127.0.0.1", true),
        ("localhost", "127.0.0.1,localhost", true),
        ("www.example.com", "www2.example.com, .example.net", false),
        ("foobar", "barfoo", false),
        ("foobar", "bar", false),
        ("bar", "foo,,,,,              bar, ::1/64", true),
        // As other programs write it.
        ("www.example.com", "*.example.com", true),
        ("example.com", "*.example.com", true),
        ("nonexample.com", "*.example.com", false),
        ("nonexample.com", "*example.com", false),
        // Everything.
        ("example.com", "*", true),
        ("127.0.0.1", "*", true),
        ("[::1]", "localhost, *", true),
        // Nothing.
        ("example.com", "", false),
        ("example.com", ",", false),
        ("example.com", ".", false),
        ("example.com", "*.", false),
        ("localhost", "127.0.0.0/8", false),
    ] {
        assert_eq!(is_in(host, list), expected, "{host} in {list:?}");
    }
}

#[test]
fn addresses_without_a_proxy() {
    for (host, list, expected) in [
        ("127.0.0.1", "127.0.0.1,localhost", true),
        ("127.0.0.1", "localhost,127.0.0.1", true),
        ("127.0.0.1.", "127.0.0.1", true),
        ("127.0.0.11", "127.0.0.1", false),
        ("10.127.0.0.1", "127.0.0.1", false),
        // A part of an address is no domain.
        ("10.0.0.1", "0.0.1", false),
        ("10.0.0.1", ".1", false),
        ("192.168.0.1", "192.168.0.0", false),
        ("[::1]", "::1", true),
        ("[::1]", "[::1]", true),
        ("[::1]", "0:0:0:0:0:0:0:1", true),
        ("[2001:DB8::1]", "2001:db8:0::1", true),
        ("[::2]", "::1", false),
        // One address in two forms.
        ("[::ffff:10.0.0.1]", "10.0.0.1", true),
        ("10.0.0.1", "::ffff:10.0.0.1", true),
        // Networks.
        ("192.168.0.1", "192.168.0.0/16", true),
        ("192.168.1.1", "foo, bar, 192.168.0.0/16", true),
        ("192.168.1.1", "192.168.0.0/24", false),
        ("192.168.0.1", "192.168.0.0/32", false),
        ("192.168.0.0", "192.168.0.0/32", true),
        ("127.0.0.1", "127.0.0.1/8", true),
        ("127.255.255.255", "127.0.0.1/8", true),
        ("128.0.0.0", "127.0.0.1/8", false),
        ("127.0.0.16", "127.0.0.1/28", false),
        ("127.0.0.15", "127.0.0.1/28", true),
        ("127.0.0.1", "0.0.0.0/0", true),
        ("[::1]", "0.0.0.0/0", false),
        ("[::1]", "::1/64", true),
        ("[::1]", "[::1]/64", true),
        ("[::1]", "[::1/64]", true),
        ("[2001:db8:ffff::1]", "2001:db8::/32", true),
        ("[2001:db9::1]", "2001:db8::/32", false),
        ("[2001:db8::1]", "2001:db8::1/128", true),
        ("[2001:db8::2]", "2001:db8::1/128", false),
        ("[::1]", "::/0", true),
        ("127.0.0.1", "::/0", false),
        ("[::1]", "foo, bar, 192.168.0.0/16", false),
        ("[::ffff:10.1.2.3]", "10.0.0.0/8", true),
        ("[::ffff:10.1.2.3]", "::ffff:0:0/96", true),
        // No networks.
        ("127.0.0.1", "127.0.0.1/33", false),
        ("127.0.0.1", "127.0.0.1/", false),
        ("127.0.0.1", "127.0.0.1/+8", false),
        ("127.0.0.1", "127.0.0.1/8/8", false),
        ("127.0.0.1", "127/8", false),
        ("127.0.0.1", "/8", false),
        ("[::1]", "::1/129", false),
        ("[::1]", "[::1]/64]", false),
        ("example.com", "example.com/8", false),
    ] {
        assert_eq!(is_in(host, list), expected, "{host} in {list:?}");
    }
}

#[test]
fn one_port_without_a_proxy() {
    for (host, list, expected) in [
        ("ws://example.com:8080/", "example.com:8080", true),
        ("ws://www.example.com:8080/", ".example.com:8080", true),
        ("ws://example.com:8081/", "example.com:8080", false),
        ("ws://example.com/", "example.com:80", true),
        ("wss://example.com/", "example.com:443", true),
        ("wss://example.com/", "example.com:80", false),
        ("ws://127.0.0.1:9001/", "127.0.0.1:9001", true),
        ("ws://10.1.2.3:9001/", "10.0.0.0/8:9001", true),
        ("ws://10.1.2.3:9002/", "10.0.0.0/8:9001", false),
        ("ws://[::1]:9001/", "[::1]:9001", true),
        ("ws://[::1]:9002/", "[::1]:9001", false),
        ("ws://[::1]:9001/", "[::]/8:9001", true),
        // These are all of an address.
        ("ws://[::1]:9001/", "::1:9001", false),
        ("ws://[::1:9001]/", "::1:9001", true),
        ("ws://a:9001/", "*:9001", true),
        ("ws://a:9002/", "*:9001", false),
        // No ports.
        ("ws://example.com/", "example.com:", false),
        ("ws://example.com/", "example.com:http", false),
        ("ws://example.com/", "example.com:65616", false),
        ("ws://example.com/", "example.com:+80", false),
        ("ws://example.com/", ":80", false),
    ] {
        assert_eq!(is_in(host, list), expected, "{host} in {list:?}");
    }
}

/// Texts that look like a proxy or a list.
fn text() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "http",
        "socks5",
        "://",
        ":",
        "@",
        "/",
        "%",
        "%41",
        "%zz",
        "[",
        "]",
        "::1",
        "10.0.0.1",
        "8",
        "129",
        "*",
        ".",
        ",",
        " ",
        "a",
        "example.com",
        "\u{e9}",
        "?",
        "#",
        "\0",
    ]);
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn any_text_is_a_proxy_or_an_error(text in text()) {
        match Proxy::new(&text) {
            Ok(proxy) => {
                // It is the same again, but for the credentials.
                let target = uri("ws://h/");
                let server = proxy.server_for(&target).unwrap();
                let again = Proxy::new(server.to_string()).unwrap();
                let again = again.server_for(&target).unwrap();
                prop_assert_eq!(again.host_and_port(), server.host_and_port());
                prop_assert_eq!(again.scheme(), server.scheme());
            }
            Err(error) => prop_assert!(error.to_string().len() > 20),
        }
    }

    #[test]
    fn each_entry_of_a_list_counts_alone(entries in prop::collection::vec(text(), 0..4)) {
        for host in ["a", "example.com:129", "10.0.0.1:8", "[::1]:8"] {
            let alone = entries.iter().any(|entry| is_in(host, entry));
            prop_assert_eq!(is_in(host, &entries.join(",")), alone);
            prop_assert_eq!(is_in(host, &entries.join(" \t")), alone);
        }
    }
}

#[test]
fn lists_add_up() {
    let proxy = Proxy::new("http://proxy").unwrap().no_proxy("a").no_proxy("b");
    for (host, expected) in [("ws://a/", false), ("ws://b/", false), ("ws://c/", true)] {
        assert_eq!(proxy.server_for(&uri(host)).is_some(), expected);
    }
}
