//! ws and wss URIs (RFC 6455 §3, §11.1; RFC 3986).

use framewise::handshake::{ClientRequest, Uri, UriError};

fn parse(text: &str) -> Result<Uri, UriError> {
    Uri::try_from(text)
}

#[track_caller]
fn resource(text: &str) -> String {
    parse(text).unwrap().resource().to_owned()
}

#[track_caller]
fn all_are(texts: &[&str], error: UriError) {
    for text in texts {
        assert_eq!(parse(text), Err(error), "{text}");
        assert_eq!(ClientRequest::new(*text).unwrap_err(), error, "{text}");
    }
}

// 6455-3-01
#[test]
fn scheme_and_slashes_are_needed() {
    assert!(parse("ws://h/p").is_ok());
    assert!(parse("wss://h:1/p?q").is_ok());
    all_are(&["http://h/", "ws:/h", "ws:h", "//h/", "", "ws", " ws://h/", "h"], UriError::Scheme);
}

// 6455-3-02
#[test]
fn scheme_is_compared_without_case() {
    let uri = parse("WSS://h/").unwrap();
    assert_eq!((uri.is_secure(), uri.port()), (true, 443));
    let uri = parse("Ws://h/").unwrap();
    assert_eq!((uri.is_secure(), uri.port()), (false, 80));
}

// 6455-3-03, 6455-3-10
#[test]
fn port_is_optional_and_fits_sixteen_bits() {
    for (text, port) in [
        ("ws://h/", 80),
        ("wss://h/", 443),
        ("ws://h:9/", 9),
        ("ws://h:/", 80),
        ("wss://h:", 443),
        ("ws://h:65535/", 65535),
        ("ws://h:0080/", 80),
    ] {
        assert_eq!(parse(text).unwrap().port(), port, "{text}");
    }
    all_are(
        &["ws://h:65536/", "ws://h:8a/", "ws://h:-1/", "ws://h:+1/", "ws://h: 80/", "ws://h:1:2/"],
        UriError::Port,
    );
}

// 6455-3-04, 6455-3-05, 6455-3-06, 9112-3.2.1-01
#[test]
fn resource_name_is_path_and_query() {
    for (text, name) in [
        ("ws://h", "/"),
        ("ws://h/", "/"),
        ("ws://h/a/b?x=1&y", "/a/b?x=1&y"),
        ("ws://h?x=1", "/?x=1"),
        ("ws://h/p?", "/p"),
        ("ws://h?", "/"),
        ("ws://h/p??", "/p??"),
        ("ws://h//a", "//a"),
        ("ws://h/a?b/c?d", "/a?b/c?d"),
    ] {
        assert_eq!(resource(text), name, "{text}");
    }
}

// 6455-3-07, 6455-3-08
#[test]
fn fragments_are_refused() {
    all_are(&["ws://h/p#f", "ws://h/p#", "ws://h#", "ws://h/a?b#c"], UriError::Fragment);
    assert_eq!(resource("ws://h/a%23b"), "/a%23b");
    assert_eq!(Uri::from_parts(false, "h", 80, "/a#b"), Err(UriError::Fragment));
}

// 6455-3-09, 3986-3.2.2-01
#[test]
fn literal_addresses_stand_in_brackets() {
    let uri = parse("ws://[::1]:9001/").unwrap();
    assert_eq!((uri.host(), uri.port()), ("[::1]", 9001));
    for host in ["[::]", "[1:2:3:4:5:6:7:8]", "[::ffff:1.2.3.4]", "[FE80::a]"] {
        assert_eq!(parse(&format!("ws://{host}/")).unwrap().host(), host);
    }
    all_are(
        &[
            "ws://[::1/",
            "ws://[zz]/",
            "ws://[1::2::3]/",
            "ws://[12345::]/",
            "ws://[fe80::1%25eth0]/",
            "ws://[]/",
            "ws://[v1.x]/",
            "ws://[1.2.3.4]/",
            "ws://[::1]]/",
            "ws://a[::1]/",
        ],
        UriError::Host,
    );
    for text in ["ws://::1/", "ws://[::1]x/", "ws://[::1]x:80/"] {
        assert!(parse(text).is_err(), "{text}");
    }
}

// 6455-3-14
#[test]
fn host_is_needed() {
    all_are(&["ws:///p", "ws://:80/p", "ws://", "ws://?q"], UriError::Host);
}

// 6455-3-11, 3986-2.1-01
#[test]
fn other_characters_must_be_percent_encoded() {
    for bad in " \"<>\\^`{}|[]\u{1}\u{7f}\t".chars() {
        all_are(&[&format!("ws://h/{bad}"), &format!("ws://h/?{bad}")], UriError::Resource);
    }
    all_are(&["ws://h/%zz", "ws://h/%", "ws://h/%2", "ws://h/%g0"], UriError::Resource);
    assert_eq!(resource("ws://h/%e2%82%AC"), "/%e2%82%AC");
    let all = "/-._~!$&'()*+,;=:@azAZ09/?-._~!$&'()*+,;=:@/?";
    assert_eq!(resource(&format!("ws://h{all}")), all);
}

// 6455-3-12
#[test]
fn line_ends_cannot_be_injected() {
    assert_eq!(resource("ws://h/a%0d%0a"), "/a%0d%0a");
    for text in ["ws://h/a\r\nX: y", "ws://h/\r", "ws://h/\n", "ws://h\r\n/", "ws://h/?\r\nX: y"] {
        assert!(parse(text).is_err(), "{text:?}");
    }
}

// 6455-3-13, 9110-4.2.4-01
#[test]
fn user_information_is_refused() {
    all_are(&["ws://u:p@h/", "ws://u@h/", "ws://@h/"], UriError::Userinfo);
}

// 6455-4.1-04, 6455-4.1-05
#[test]
fn invalid_parts_make_no_request() {
    assert_eq!(Uri::from_parts(false, "a b", 80, "/"), Err(UriError::Host));
    assert_eq!(Uri::from_parts(false, "", 80, "/"), Err(UriError::Host));
    assert_eq!(Uri::from_parts(false, "a:b", 80, "/"), Err(UriError::Host));
    assert_eq!(Uri::from_parts(false, "h", 80, "p"), Err(UriError::Resource));
    assert_eq!(Uri::from_parts(false, "h", 80, ""), Err(UriError::Resource));
    assert_eq!(Uri::from_parts(false, "h", 80, "/a b"), Err(UriError::Resource));
    let uri = Uri::from_parts(true, "[::1]", 8443, "/a?b").unwrap();
    assert_eq!(uri.to_string(), "wss://[::1]:8443/a?b");
    assert_eq!(parse(&uri.to_string()), Ok(uri));
}

// 3986-3.2.2-02, 6455-3-09
#[test]
fn registered_names_are_checked() {
    for host in ["EXAMPLE.com", "a_b.example", "127.0.0.1", "a%20b", "a!$&'()*+,;=~-"] {
        assert_eq!(parse(&format!("ws://{host}/")).unwrap().host(), host);
    }
    assert_eq!(parse("ws://EXAMPLE.com/a"), parse("WS://example.COM:80/a"));
    for other in ["ws://example.org/a", "ws://example.com/A", "ws://example.com:81/a"] {
        assert_ne!(parse("ws://example.com/a"), parse(other));
    }
    assert_ne!(parse("ws://h:443/"), parse("wss://h/"));
    all_are(&["ws://a<b/", "ws://a b/", "ws://a\"b/", "ws://a%2/", "ws://a\\b/"], UriError::Host);
}

// 6455-11.1.1-01, 6455-11.1.1-02, 6455-11.1.2-01, 6455-11.1.2-02
#[test]
fn text_outside_ascii_is_refused() {
    all_are(
        &["ws://bücher.example/", "wss://bücher.example/", "ws://h/é", "wss://h/?é"],
        UriError::NonAscii,
    );
    assert_eq!(Uri::from_parts(false, "bücher.example", 80, "/"), Err(UriError::NonAscii));
    assert_eq!(Uri::from_parts(false, "h", 80, "/é"), Err(UriError::NonAscii));
    assert_eq!(parse("wss://xn--bcher-kva.example/%C3%A9").unwrap().resource(), "/%C3%A9");
}

// 8307-1-01
#[test]
fn well_known_paths_are_paths() {
    assert_eq!(resource("ws://h/.well-known/x"), "/.well-known/x");
}

#[test]
fn debug_hides_the_query() {
    let uri = parse("ws://h/p?ticket=secret").unwrap();
    assert_eq!(format!("{uri:?}"), "Uri(ws://h/p?[..])");
    let bare: Uri = "ws://h/p".parse().unwrap();
    assert_eq!(format!("{bare:?}"), "Uri(ws://h/p)");
}

// Brackets are part of the URI, not of the address
#[test]
fn a_socket_gets_the_host_without_brackets() {
    for (text, host, port) in [
        ("ws://[2001:db8::1]:9001/", "2001:db8::1", 9001),
        ("wss://[::1]/", "::1", 443),
        ("ws://127.0.0.1/", "127.0.0.1", 80),
        ("wss://Example.com:8443/", "Example.com", 8443),
    ] {
        let uri = parse(text).unwrap();
        assert_eq!((uri.server_name(), uri.host_and_port()), (host, (host, port)), "{text}");
    }
}
