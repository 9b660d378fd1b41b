//! `Sec-WebSocket-Extensions` (RFC 6455 §4.3, §9.1).

use framewise::handshake::{ExtensionList, HandshakeError};

use crate::support::{fails, refused, request, upgrade};

type Parsed = Vec<(String, Vec<(String, Option<String>)>)>;

fn parse(value: &str) -> Result<Parsed, HandshakeError> {
    let param = |param: framewise::handshake::Param<'_>| {
        (param.name().to_owned(), param.value().map(|value| value.into_owned()))
    };
    ExtensionList::new(value.as_bytes())
        .map(|extension| {
            let extension = extension?;
            Ok((extension.name().to_owned(), extension.params().map(param).collect()))
        })
        .collect()
}

/// Writes a list in the shortest form.
fn show(value: &str) -> String {
    let show_param = |(name, value): &(String, Option<String>)| match value {
        Some(value) => format!(";{name}={value}"),
        None => format!(";{name}"),
    };
    let show = |(name, params): &(String, Vec<_>)| {
        format!("{name}{}", params.iter().map(show_param).collect::<String>())
    };
    parse(value).unwrap().iter().map(show).collect::<Vec<_>>().join(",")
}

const MALFORMED: [&str; 27] = [
    ";",
    "foo;",
    "foo;;a",
    "foo; =1",
    "foo; a=",
    "foo bar",
    "foo; a b",
    "foo; a=\"x",
    "foo; a=\"x\"y",
    "fo(o)",
    "foo; a=b c",
    "=",
    "\"foo\"",
    "foo; a=\"\"",
    "foo; a=\"1 0\"",
    "foo; a=\"1;0\"",
    "foo; a=\"\u{e9}\"",
    "foo; a=\"1\\",
    "foo; a=\"1\\\"",
    "foo; a=\"a\\\"b\"",
    "foo; a=\"a\\ b\"",
    "foo; a==b",
    "foo, bar;",
    "foo=1",
    "foo; a=1=2",
    "\u{e9}",
    "foo; a=\\b",
];

// 6455-9.1-01, 6455-9.1-04, 6455-4.3-07, 6455-4.3-08, 9110-5.6.4-01
#[test]
fn malformed_lists_are_refused_by_a_server() {
    for value in MALFORMED.iter().chain(&["", ",", " , "]) {
        let line = format!("Sec-WebSocket-Extensions: {value}");
        assert_eq!(refused(request(&[], &[&line])), 400, "{value:?}");
    }
}

// 6455-9.1-02, 6455-9.1-04
#[test]
fn malformed_lists_fail_a_client() {
    for value in MALFORMED.iter().chain(&["", ",", " , "]) {
        let line = format!("Sec-WebSocket-Extensions: {value}");
        assert_eq!(fails(&[], &[&line]), HandshakeError::InvalidExtensions, "{value:?}");
    }
}

// 6455-9.1-01
#[test]
fn an_iterator_ends_after_an_error() {
    for value in MALFORMED {
        let mut list = ExtensionList::new(value.as_bytes());
        assert!(list.any(|extension| extension.is_err()), "{value}");
        assert!(list.next().is_none());
    }
}

// 6455-9.1-03, 6455-4.3-03, 6455-4.3-04, 6455-4.3-07
#[test]
fn valid_lists_are_parsed() {
    for (value, shown) in [
        ("foo", "foo"),
        ("foo, bar; baz=2", "foo,bar;baz=2"),
        ("foo;a;b=1;c=\"2\"", "foo;a;b=1;c=2"),
        ("foo; a = \"2\" , bar", "foo;a=2,bar"),
        ("foo ; a = 1 , bar", "foo;a=1,bar"),
        (", foo ,, bar ,", "foo,bar"),
        ("\t foo\t;\ta\t", "foo;a"),
        (
            "mux; max-channels=4; flow-control, deflate-stream",
            "mux;max-channels=4;flow-control,deflate-stream",
        ),
        ("", ""),
    ] {
        assert_eq!(show(value), shown, "{value:?}");
    }
}

// 6455-4.3-08, 6455-9.1-04, 9110-5.6.4-01, 9110-5.6.4-02
#[test]
fn quoted_values_are_unescaped() {
    for (value, shown) in [
        ("foo; a=\"10\"", "foo;a=10"),
        ("foo; a=\"1\\0\"", "foo;a=10"),
        ("foo; a=\"\\1\\5\"", "foo;a=15"),
        ("foo; a=\"x\" ; b = \"y\"", "foo;a=x;b=y"),
    ] {
        assert_eq!(show(value), shown, "{value:?}");
    }
}

// 6455-9.1-05, 6455-11.3.2-01
#[test]
fn lines_are_one_list() {
    let names = |lines: &[&str]| {
        let upgrade = upgrade(request(&[], lines));
        upgrade.extensions().map(|extension| format!("{extension:?}")).collect::<Vec<_>>()
    };
    let split = names(&["Sec-WebSocket-Extensions: foo", "Sec-WebSocket-Extensions: bar; baz=2"]);
    assert_eq!(split, names(&["Sec-WebSocket-Extensions: foo, bar; baz=2"]));
    assert_eq!(split.len(), 2);
    // An empty line is an empty element of the one list.
    assert_eq!(names(&["Sec-WebSocket-Extensions:", "Sec-WebSocket-Extensions: foo"]).len(), 1);
}

// 6455-11.3.2-02
#[test]
fn a_response_may_spread_them_over_lines_too() {
    // Both lines are read: the second one is found to be malformed.
    let error = fails(&[], &["Sec-WebSocket-Extensions: foo", "Sec-WebSocket-Extensions: ;"]);
    assert_eq!(error, HandshakeError::InvalidExtensions);
    let error = fails(&[], &["Sec-WebSocket-Extensions: foo", "Sec-WebSocket-Extensions: bar"]);
    assert_eq!(error, HandshakeError::UnexpectedExtension);
}

// 6455-9.1-13
#[test]
fn names_keep_their_case() {
    assert_eq!(show("Permessage-Deflate; A=B"), "Permessage-Deflate;A=B");
}
