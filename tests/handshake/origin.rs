//! Origins and the policy that a server applies to them (RFC 6455 §10.2, RFC 6454).

use framewise::{
    Config,
    handshake::{HttpVersion, Origin, OriginPolicy, OriginRefused, Rejection, Upgrade},
};

use crate::support::{request, upgrade};

fn origin(text: &str) -> Origin {
    text.parse().unwrap()
}

fn same(text: &str, host: &str) -> bool {
    OriginPolicy::same_origin().check(Some(text.as_bytes()), host).is_ok()
}

// 6455-4.1-35, 6454-7.1-01
#[test]
fn origins_are_parsed_strictly() {
    for (text, shown) in [
        ("null", "null"),
        ("http://example.com", "http://example.com"),
        ("HTTP://Example.COM:80", "http://example.com"),
        ("https://example.com:443", "https://example.com"),
        ("https://example.com:80", "https://example.com:80"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh"),
        ("app+x.y://host:1", "app+x.y://host:1"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ] {
        assert_eq!(origin(text).to_string(), shown);
    }
    for bad in [
        "",
        "NULL",
        "null ",
        "example.com",
        "http:example.com",
        "http://",
        "http://example.com/",
        "http://example.com/path",
        "http://u@example.com",
        "http://example.com:",
        "http://example.com:x",
        "http://example.com:65536",
        "http://a http://b",
        "http://a, http://b",
        "://a",
        "1http://a",
        "ht tp://a",
        "http://\u{e9}",
        "http://a?b",
        "http://a#b",
        "http://[::1",
        "*",
    ] {
        assert!(bad.parse::<Origin>().is_err(), "{bad:?}");
    }
    let parsed = origin("HTTP://A:81");
    assert_eq!(
        (parsed.scheme(), parsed.host(), parsed.port()),
        (Some("http"), Some("a"), Some(81))
    );
    assert_eq!(origin("http://a").port(), Some(80));
    assert_eq!(origin("chrome-extension://a").port(), None);
    assert!(origin("null").is_null() && origin("null") == Origin::NULL);
    assert!(!origin("http://null").is_null() && origin("http://null") != Origin::NULL);
}

// 6455-4.2.2-07
#[test]
fn case_and_default_ports_do_not_matter() {
    let policy = OriginPolicy::allow_list([origin("http://example.com")]);
    for text in ["http://example.com", "HTTP://Example.COM", "http://EXAMPLE.com:80"] {
        assert_eq!(policy.check(Some(text.as_bytes()), "h"), Ok(()), "{text}");
    }
}

// 6455-10.2-01, 6455-10.2-02, 6454-7.1-01, 6455-4.2.2-06
#[test]
fn a_list_allows_exactly_its_origins() {
    let policy = OriginPolicy::allow_list([origin("http://good"), origin("https://b:1")]);
    for text in ["http://good", "https://b:1"] {
        assert_eq!(policy.check(Some(text.as_bytes()), "good"), Ok(()), "{text}");
    }
    for text in [
        "https://good",
        "http://good:81",
        "http://evil",
        "http://good.evil.example",
        "http://evilgood",
        "http://sub.good",
        "http://good.",
        "null",
        "https://b",
    ] {
        let result = policy.check(Some(text.as_bytes()), "good");
        assert_eq!(result, Err(OriginRefused::NotAllowed), "{text}");
    }
    for text in [&b"http://good http://evil"[..], b"http://good/", b"", b"\xff", b"good"] {
        assert_eq!(policy.check(Some(text), "good"), Err(OriginRefused::Invalid));
    }
    let policy = OriginPolicy::allow_list([Origin::NULL]);
    assert_eq!(policy.check(Some(b"null"), "h"), Ok(()));
    assert_eq!(
        OriginPolicy::allow_list([]).check(Some(b"null"), "h"),
        Err(OriginRefused::NotAllowed)
    );
}

// 6455-10.2-01, 6455-4.2.1-16
#[test]
fn same_origin_compares_scheme_host_and_port() {
    for (text, host) in [
        ("http://example.com", "example.com"),
        ("http://Example.com", "eXample.com"),
        ("http://example.com", "example.com:80"),
        ("http://example.com:80", "example.com"),
        ("http://example.com", "example.com:"),
        ("http://127.0.0.1:7200", "127.0.0.1:7200"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("http://xn--bcher-kva.example", "xn--bcher-kva.example"),
    ] {
        assert!(same(text, host), "{text} {host}");
    }
    for (text, host) in [
        ("https://example.com", "example.com"),
        ("http://127.0.0.1:7201", "127.0.0.1:7200"),
        ("http://localhost:7200", "127.0.0.1:7200"),
        ("http://evil.example.com", "example.com"),
        ("http://example.com", "evil.example.com"),
        ("http://evilexample.com", "example.com"),
        ("http://example.com.evil.org", "example.com"),
        ("http://example.com.", "example.com"),
        ("http://u@example.com", "example.com"),
        ("null", "null"),
        ("null", "example.com"),
        ("", "example.com"),
        ("ftp://example.com:80", "example.com"),
    ] {
        assert!(!same(text, host), "{text} {host}");
    }
    let tls = OriginPolicy::same_origin().secure();
    assert_eq!(tls.check(Some(b"https://example.com"), "example.com"), Ok(()));
    assert_eq!(tls.check(Some(b"https://example.com"), "example.com:443"), Ok(()));
    assert_eq!(
        tls.check(Some(b"http://example.com"), "example.com"),
        Err(OriginRefused::NotAllowed)
    );
    assert_eq!(
        tls.check(Some(b"https://example.com"), "example.com:80"),
        Err(OriginRefused::NotAllowed)
    );
}

// 6455-4.2.1-15, 6455-4.2.1-16
#[test]
fn an_absent_origin_is_no_browser_and_may_be_refused() {
    for policy in [
        OriginPolicy::same_origin(),
        OriginPolicy::allow_list([]),
        OriginPolicy::dangerously_allow_any(),
        OriginPolicy::default(),
    ] {
        assert_eq!(policy.check(None, "h"), Ok(()));
        assert_eq!(policy.require_origin().check(None, "h"), Err(OriginRefused::Absent));
    }
}

// 6455-10.2-01
#[test]
fn an_external_origin_takes_the_place_of_the_host() {
    let policy = OriginPolicy::same_origin().external_origin(origin("https://chat.example.com"));
    assert_eq!(policy.check(Some(b"https://chat.example.com"), "10.0.0.1:8080"), Ok(()));
    // The names of an attacker, in both fields, by DNS rebinding.
    let result = policy.check(Some(b"http://evil.example"), "evil.example");
    assert_eq!(result, Err(OriginRefused::NotAllowed));
    let policy = OriginPolicy::allow_list([origin("http://a")]).external_origin(origin("http://b"));
    assert_eq!(policy.check(Some(b"http://a"), "h"), Ok(()));
    assert_eq!(policy.check(Some(b"http://b"), "h"), Ok(()));
}

// 6455-4.2.2-05
#[test]
fn any_origin_may_be_allowed() {
    let policy = OriginPolicy::dangerously_allow_any();
    for text in ["http://evil.example", "null", "garbage"] {
        assert_eq!(policy.check(Some(text.as_bytes()), "h"), Ok(()));
    }
}

// 6455-4.2.2-05, 6455-4.2.2-06, 9112-3.2.2-02
#[test]
fn a_request_is_checked_by_its_own_host() {
    let policy = OriginPolicy::same_origin();
    let check = |line: &str| upgrade(request(&[], &[line])).check_origin(&policy);
    assert_eq!(check("Origin: http://server.example.com"), Ok(()));
    assert_eq!(check("Origin: http://example.com"), Err(OriginRefused::NotAllowed));
    assert_eq!(check("X: y"), Ok(()));
    // "Host" gives way to the authority of the target.
    let check = |origin: &str| {
        let mut bytes = request(&["Host"], &["Host: b", &format!("Origin: http://{origin}")]);
        bytes.splice(.."GET /chat".len(), *b"GET http://a/");
        upgrade(bytes).check_origin(&policy)
    };
    assert_eq!(check("a"), Ok(()));
    assert_eq!(check("b"), Err(OriginRefused::NotAllowed));
    for refused in [OriginRefused::Absent, OriginRefused::Invalid, OriginRefused::NotAllowed] {
        assert_eq!(Rejection::from(refused).status(), 403);
    }
}

// C13: a page that came over https, and a server that sees plain HTTP from the proxy in front of it
#[test]
fn a_policy_behind_a_proxy_that_ends_tls() {
    let policy = OriginPolicy::same_origin().behind_tls_proxy();
    for (text, host, allowed) in [
        ("https://chat.example.com", "chat.example.com", true),
        ("https://chat.example.com", "chat.example.com:443", true),
        ("https://chat.example.com:8443", "chat.example.com:8443", true),
        ("https://chat.example.com:8443", "chat.example.com", false),
        ("http://chat.example.com", "chat.example.com", false),
        ("https://evil.example", "chat.example.com", false),
        // What nginx writes when nothing is configured.
        ("https://chat.example.com", "127.0.0.1:9001", false),
    ] {
        assert_eq!(policy.check(Some(text.as_bytes()), host).is_ok(), allowed, "{text} {host}");
    }
    // What a proxy, or anybody, says of it in other fields plays no part.
    for forwarded in ["X-Forwarded-Proto: https", "Forwarded: proto=https;host=chat.example.com"] {
        let lines = ["Origin: https://server.example.com", forwarded];
        let upgrade = upgrade(request(&["Origin"], &lines));
        let refused = upgrade.check_origin(&OriginPolicy::same_origin());
        assert_eq!(refused, Err(OriginRefused::NotAllowed), "{forwarded}");
        assert_eq!(upgrade.check_origin(&policy), Ok(()), "{forwarded}");
    }
}

// C13: where the request says that it came as https, the policy knows it
#[test]
fn a_policy_knows_the_scheme_of_the_request() {
    let checked = |version, scheme: &str, target: &str, origin: &str| {
        let http11 = version == HttpVersion::Http11;
        let fields: &[(&str, &str)] = if http11 {
            &[
                ("Host", "server.example.com"),
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ]
        } else {
            &[(":protocol", "websocket"), (":authority", "server.example.com"), (":scheme", scheme)]
        };
        let more = [("Sec-WebSocket-Version", "13"), ("Origin", origin)];
        let fields = fields.iter().chain(&more).map(|(name, value)| (*name, value.as_bytes()));
        let method = if http11 { "GET" } else { "CONNECT" };
        let upgrade = Upgrade::from_http(method, version, target, fields, Config::default());
        upgrade.expect("valid").check_origin(&OriginPolicy::same_origin()).is_ok()
    };
    let (plain, tls) = ("http://server.example.com", "https://server.example.com");
    for version in [HttpVersion::Http2, HttpVersion::Http3] {
        for (scheme, https) in [("https", true), ("HTTPS", true), ("http", false), ("", false)] {
            assert_eq!(checked(version, scheme, "/", tls), https, "{scheme}");
            assert_eq!(checked(version, scheme, "/", plain), !https, "{scheme}");
        }
        assert!(checked(version, "https", "/", "https://server.example.com:443"));
        assert!(!checked(version, "https", "/", "https://evil.example"));
    }
    for version in [HttpVersion::Http11, HttpVersion::Http2] {
        for (target, https) in [
            ("https://server.example.com/", true),
            ("http://server.example.com/", false),
            ("/https://server.example.com/", false),
        ] {
            assert_eq!(checked(version, "", target, tls), https, "{target}");
            assert_eq!(checked(version, "", target, plain), !https, "{target}");
        }
    }
}
