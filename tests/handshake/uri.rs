//! ws and wss URIs (RFC 6455 §3, §11.1; RFC 3986).

use framewise::handshake::{ClientRequest, RequestError, Uri, UriError, UriErrorKind};

fn parse(text: &str) -> Result<Uri, UriError> {
    Uri::try_from(text)
}

#[track_caller]
fn resource(text: &str) -> String {
    parse(text).unwrap().resource().to_owned()
}

#[track_caller]
fn all_are(texts: &[&str], kind: UriErrorKind) {
    for text in texts {
        let error = parse(text).unwrap_err();
        assert_eq!(error.kind(), kind, "{text}");
        assert_eq!(ClientRequest::new(*text).unwrap_err(), RequestError::Uri(error), "{text}");
    }
}

// 6455-3-01
#[test]
fn scheme_and_slashes_are_needed() {
    assert!(parse("ws://h/p").is_ok());
    assert!(parse("wss://h:1/p?q").is_ok());
    all_are(
        &["http://h/", "ws:/h", "ws:h", "//h/", "", "ws", " ws://h/", "h"],
        UriErrorKind::Scheme,
    );
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
        UriErrorKind::Port,
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
    all_are(&["ws://h/p#f", "ws://h/p#", "ws://h#", "ws://h/a?b#c"], UriErrorKind::Fragment);
    assert_eq!(resource("ws://h/a%23b"), "/a%23b");
    assert_eq!(Uri::from_parts(false, "h", 80, "/a#b").unwrap_err().kind(), UriErrorKind::Fragment);
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
        UriErrorKind::Host,
    );
    for text in ["ws://::1/", "ws://[::1]x/", "ws://[::1]x:80/"] {
        assert!(parse(text).is_err(), "{text}");
    }
}

// 6455-3-14
#[test]
fn host_is_needed() {
    all_are(&["ws:///p", "ws://:80/p", "ws://", "ws://?q"], UriErrorKind::Host);
}

// 6455-3-11, 3986-2.1-01
#[test]
fn other_characters_must_be_percent_encoded() {
    for bad in " \"<>\\^`{}|[]\u{1}\u{7f}\t".chars() {
        all_are(&[&format!("ws://h/{bad}"), &format!("ws://h/?{bad}")], UriErrorKind::Resource);
    }
    all_are(&["ws://h/%zz", "ws://h/%", "ws://h/%2", "ws://h/%g0"], UriErrorKind::Resource);
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
    all_are(&["ws://u:p@h/", "ws://u@h/", "ws://@h/"], UriErrorKind::Userinfo);
}

// 6455-4.1-04, 6455-4.1-05
#[test]
fn invalid_parts_make_no_request() {
    assert_eq!(Uri::from_parts(false, "a b", 80, "/").unwrap_err().kind(), UriErrorKind::Host);
    assert_eq!(Uri::from_parts(false, "", 80, "/").unwrap_err().kind(), UriErrorKind::Host);
    assert_eq!(Uri::from_parts(false, "a:b", 80, "/").unwrap_err().kind(), UriErrorKind::Host);
    assert_eq!(Uri::from_parts(false, "h", 80, "p").unwrap_err().kind(), UriErrorKind::Resource);
    assert_eq!(Uri::from_parts(false, "h", 80, "").unwrap_err().kind(), UriErrorKind::Resource);
    assert_eq!(Uri::from_parts(false, "h", 80, "/a b").unwrap_err().kind(), UriErrorKind::Resource);
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
    all_are(
        &["ws://a<b/", "ws://a b/", "ws://a\"b/", "ws://a%2/", "ws://a\\b/"],
        UriErrorKind::Host,
    );
}

// 6455-11.1.1-01, 6455-11.1.1-02, 6455-11.1.2-01, 6455-11.1.2-02
#[test]
fn text_outside_ascii_is_refused() {
    all_are(
        &["ws://bücher.example/", "wss://bücher.example/", "ws://h/é", "wss://h/?é"],
        UriErrorKind::NonAscii,
    );
    assert_eq!(
        Uri::from_parts(false, "bücher.example", 80, "/").unwrap_err().kind(),
        UriErrorKind::NonAscii
    );
    assert_eq!(Uri::from_parts(false, "h", 80, "/é").unwrap_err().kind(), UriErrorKind::NonAscii);
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

// A log shows nothing but the text
#[test]
fn the_message_shows_the_place_and_a_correction() {
    for (text, expected) in [
        (
            "127.0.0.1:9001",
            "\"127.0.0.1:9001\" does not start with ws:// or wss://: did you mean ws://127.0.0.1:9001?",
        ),
        ("::1", "\"::1\" does not start with ws:// or wss://: did you mean ws://[::1]?"),
        (
            "::1:9001",
            "\"::1:9001\" does not start with ws:// or wss://: did you mean ws://[::1]:9001?",
        ),
        (
            "http://h/p",
            "\"http://h/p\" does not start with ws:// or wss://: did you mean ws://h/p?",
        ),
        (
            "https://h/p",
            "\"https://h/p\" does not start with ws:// or wss://: did you mean wss://h/p?",
        ),
        ("wss:/h", "\"wss:/h\" does not start with ws:// or wss://: did you mean wss://h?"),
        (" ws://h/", "\" ws://h/\" does not start with ws:// or wss://: did you mean ws://h/?"),
        ("", "\"\" does not start with ws:// or wss://"),
        ("ws://::1/", "\"ws://::1/\" has no valid host at byte 5: did you mean ws://[::1]/?"),
        ("ws:///p", "\"ws:///p\" has no valid host at byte 5"),
        ("ws://a b/", "\"ws://a b/\" has no valid host: wrong from ' ' at byte 6"),
        (
            "ws://h:99999/",
            "\"ws://h:99999/\" has no valid port at byte 7: a number from 0 to 65535",
        ),
        (
            "ws://h/a b",
            "\"ws://h/a b\" has ' ' at byte 8, which is written %20: did you mean ws://h/a%20b?",
        ),
        (
            "ws://h/\u{1b}[2J",
            "\"ws://h/\\u{1b}[2J\" has '\\u{1b}' at byte 7, which is written %1B: did you mean ws://h/%1B%5B2J?",
        ),
        (
            "ws://h/%zz",
            "\"ws://h/%zz\" has a '%' without two hexadecimal digits at byte 7 (%25 is a '%')",
        ),
        (
            "ws://h/p#f",
            "\"ws://h/p#f\" has a fragment identifier at byte 8, which no WebSocket URI has (%23 is a '#' that starts none): did you mean ws://h/p?",
        ),
        (
            "ws://h/\u{e9}",
            "\"ws://h/\u{e9}\" is not ASCII at byte 7: a host is written in punycode, all else percent-encoded: did you mean ws://h/%C3%A9?",
        ),
        (
            "ws://user:secret@h/",
            "\"ws://[..]@h/\" has a user name or password at byte 5: ClientRequest::with_credentials sends them",
        ),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), expected);
    }
    let error = Uri::from_parts(true, "h", 80, "/a b").unwrap_err();
    let expected = "\"wss://h:80/a b\" has ' ' at byte 12, which is written %20: did you mean wss://h:80/a%20b?";
    assert_eq!((error.to_string().as_str(), error.offset()), (expected, 12));
    let error = Uri::from_parts(false, "h", 8080, "p").unwrap_err();
    let expected = "\"ws://h:8080p\" has a path that does not start with '/' at byte 11";
    assert_eq!(error.to_string(), expected);
}

// Passwords and tokens stay out of logs, wherever the URI is wrong
#[test]
fn the_message_shows_no_password_and_no_query() {
    for text in [
        "ws://user:secret@h/",
        "ws://user:secret@h:99999/",
        "ws://user:sec/secret@h/",
        "ws://user:sec?secret@h/",
        "ws://user:sec#secret@h/",
        "http://user:secret@h/",
        "user:secret@h",
        "user:secret@h/a b",
        "ws://secret@h/",
        "http://h/?token=secret",
        "ws://h/?token=secret#f",
        "ws://h/?token=secret b",
        "ws://h:99999?secret",
        "ws://h/\u{e9}?secret",
    ] {
        let error = parse(text).unwrap_err();
        let shown = format!("{error} {error:?} {:?}", RequestError::from(error.clone()));
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[test]
fn a_long_uri_is_shortened() {
    let error = parse(&format!("ws://h/{} ", "\u{e9}".repeat(1 << 20))).unwrap_err();
    assert!(error.to_string().len() < 1000);
    assert!(error.to_string().contains("[..]"));
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
