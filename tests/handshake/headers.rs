//! The list of header fields.

use framewise::handshake::{HeaderError, Headers};

// 6455-4.1-65, 9110-5.3-01
#[test]
fn lines_of_one_name_stay_apart_and_are_one_list() {
    let mut headers = Headers::new();
    assert!(headers.is_empty());
    headers.append("A", "1, 2").unwrap();
    headers.append("b", "x").unwrap();
    headers.append("a", " , 3 ,").unwrap();
    assert!(headers.len() == 3 && !headers.is_empty());
    assert_eq!(headers.values("a").collect::<Vec<_>>(), [&b"1, 2"[..], b", 3 ,"]);
    assert_eq!(headers.elements("A").collect::<Vec<_>>(), [b"1", b"2", b"3"]);
    assert!(headers.contains("B") && !headers.contains("c"));
    let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["A", "b", "a"]);
    // The same fields in the same order, written in the same way.
    assert!(headers == headers.clone() && headers != Headers::new());
    let mut others = Headers::new();
    for (name, value) in [("A", "1, 2"), ("b", "x"), ("a", " , 3 , ")] {
        assert_ne!(headers, others);
        others.append(name, value).unwrap();
    }
    assert_eq!(headers, others);
}

// 9110-5.5-01, 9110-5.5-02
#[test]
fn what_cannot_be_written_is_not_kept() {
    let mut headers = Headers::new();
    for octet in 0..=u8::MAX {
        let value = [b'a', octet, b'b'];
        let valid = octet == b'\t' || (octet >= b' ' && octet != 0x7f);
        assert_eq!(headers.append("X", value).is_ok(), valid, "{octet:#04x}");
    }
    // Space at the ends is none of the value; all else there is as wrong as inside it.
    for octet in 0..=u8::MAX {
        for (value, at) in [([octet, b'a'], "front"), ([b'a', octet], "end")] {
            let valid = octet == b'\t' || (octet >= b' ' && octet != 0x7f);
            assert_eq!(headers.append("Y", value).is_ok(), valid, "{octet:#04x} at the {at}");
        }
    }
    for value in [&b" a"[..], b"a\t", b"\t  a \t ", b"a"] {
        let mut headers = Headers::new();
        headers.append("X", value).unwrap();
        assert_eq!(headers.get("X"), Some(&b"a"[..]));
    }
    let len = headers.len();
    assert_eq!(headers.append("", "x"), Err(HeaderError::Name));
    assert_eq!(headers.append("a\n", "x"), Err(HeaderError::Name));
    assert_eq!(headers.len(), len);
}

#[test]
fn debug_hides_credentials_and_escapes_the_rest() {
    let mut headers = Headers::new();
    for name in
        ["authorization", "COOKIE", "Set-Cookie", "Proxy-Authorization", "Sec-WebSocket-Protocol"]
    {
        headers.append(name, "secret").unwrap();
    }
    headers.append("X", b"a\xff").unwrap();
    let debug = format!("{headers:?}");
    assert!(!debug.contains("secret") && debug.contains("a\\xff"), "{debug}");
}
