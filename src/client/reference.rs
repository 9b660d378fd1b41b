//! References to URIs, and what they mean beside a URI (RFC 3986 §4.1, §5).

use alloc::{format, string::String, vec::Vec};

use crate::handshake::Uri;

/// The components of a URI reference (RFC 3986 §5.2.1), none of them checked. The fragment is
/// dropped, since no request has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference<'a> {
    pub(super) scheme: Option<&'a str>,
    pub(super) authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// Splits a text by the expression of RFC 3986, appendix B. Any text can be split.
    pub(super) fn parse(text: &'a str) -> Self {
        let text = text.split_once('#').map_or(text, |(text, _fragment)| text);
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if !scheme.contains(['/', '?']) => (Some(scheme), rest),
            _ => (None, text),
        };
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(authority), path)
            }
            None => (None, rest),
        };
        Self { scheme, authority, path, query }
    }

    /// Returns the `ws` or `wss` URI that this stands for in a response from `base` (RFC 3986
    /// §5.2.2, the strict way). It need not be a valid one.
    pub(super) fn resolve(&self, base: &Uri, secure: bool) -> String {
        let (base_path, base_query) = match base.resource().split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (base.resource(), None),
        };
        let is_absolute = self.scheme.is_some() || self.authority.is_some();
        let authority = match self.authority {
            None if !is_absolute => base.authority(),
            authority => authority.unwrap_or_default().into(),
        };
        let (path, query) = match self.path {
            "" if !is_absolute => (base_path.into(), self.query.or(base_query)),
            // Without an authority the path must not be taken for one.
            path if self.scheme.is_some() && !path.starts_with('/') && !path.is_empty() => {
                (format!("/{path}"), self.query)
            }
            path if is_absolute || path.starts_with('/') => (without_dots(path), self.query),
            path => {
                let folder = base_path.rsplit_once('/').map_or("", |(folder, _)| folder);
                (without_dots(&format!("{folder}/{path}")), self.query)
            }
        };
        let scheme = if secure { "wss" } else { "ws" };
        match query {
            Some(query) => format!("{scheme}://{authority}{path}?{query}"),
            None => format!("{scheme}://{authority}{path}"),
        }
    }
}

/// Removes the segments `.` and `..` of a path that starts with a slash or is empty (RFC 3986
/// §5.2.4).
fn without_dots(path: &str) -> String {
    let Some(path) = path.strip_prefix('/') else { return path.into() };
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                // What is left names a folder.
                if segments.peek().is_none() {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn resolves(base: &str, cases: &[(&str, &str)]) {
        let base = Uri::try_from(base).unwrap();
        for (text, expected) in cases {
            let target = Reference::parse(text).resolve(&base, base.is_secure());
            assert_eq!(target, *expected, "{text:?}");
        }
    }

    // The base of RFC 3986 has `;p` and a query, too.
    const BASE: &str = "ws://a/b/c/d;p?q";

    #[test]
    fn the_normal_examples_of_the_standard_resolve() {
        resolves(
            BASE,
            &[
                ("g", "ws://a/b/c/g"),
                ("./g", "ws://a/b/c/g"),
                ("g/", "ws://a/b/c/g/"),
                ("/g", "ws://a/g"),
                ("//g", "ws://g"),
                ("?y", "ws://a/b/c/d;p?y"),
                ("g?y", "ws://a/b/c/g?y"),
                ("#s", "ws://a/b/c/d;p?q"),
                ("g#s", "ws://a/b/c/g"),
                ("g?y#s", "ws://a/b/c/g?y"),
                (";x", "ws://a/b/c/;x"),
                ("g;x", "ws://a/b/c/g;x"),
                ("g;x?y#s", "ws://a/b/c/g;x?y"),
                ("", "ws://a/b/c/d;p?q"),
                (".", "ws://a/b/c/"),
                ("./", "ws://a/b/c/"),
                ("..", "ws://a/b/"),
                ("../", "ws://a/b/"),
                ("../g", "ws://a/b/g"),
                ("../..", "ws://a/"),
                ("../../", "ws://a/"),
                ("../../g", "ws://a/g"),
            ],
        );
    }

    #[test]
    fn the_abnormal_examples_of_the_standard_resolve() {
        resolves(
            BASE,
            &[
                ("../../../g", "ws://a/g"),
                ("../../../../g", "ws://a/g"),
                ("/./g", "ws://a/g"),
                ("/../g", "ws://a/g"),
                ("g.", "ws://a/b/c/g."),
                (".g", "ws://a/b/c/.g"),
                ("g..", "ws://a/b/c/g.."),
                ("..g", "ws://a/b/c/..g"),
                ("./../g", "ws://a/b/g"),
                ("./g/.", "ws://a/b/c/g/"),
                ("g/./h", "ws://a/b/c/g/h"),
                ("g/../h", "ws://a/b/c/h"),
                ("g;x=1/./y", "ws://a/b/c/g;x=1/y"),
                ("g;x=1/../y", "ws://a/b/c/y"),
                ("g?y/./x", "ws://a/b/c/g?y/./x"),
                ("g?y/../x", "ws://a/b/c/g?y/../x"),
                ("g#s/./x", "ws://a/b/c/g"),
                ("g#s/../x", "ws://a/b/c/g"),
            ],
        );
    }

    #[test]
    fn what_stands_in_front_of_the_path_is_kept_or_replaced_as_a_whole() {
        resolves(
            "wss://Host.example:8443/a?token=1",
            &[
                ("b", "wss://Host.example:8443/b"),
                ("", "wss://Host.example:8443/a?token=1"),
                ("?", "wss://Host.example:8443/a?"),
                ("//other/x/../y", "wss://other/y"),
                ("//other?z", "wss://other?z"),
                ("//[::1]:9/", "wss://[::1]:9/"),
                ("https://other:1/./x?y:/z", "wss://other:1/x?y:/z"),
                // No authority comes from a path, whatever is left of it.
                ("/.//evil.example/", "wss://Host.example:8443//evil.example/"),
                ("/a/..//evil.example", "wss://Host.example:8443//evil.example"),
                ("..//evil.example", "wss://Host.example:8443//evil.example"),
            ],
        );
        // A URI without a path has the path `/`.
        resolves("ws://h", &[("g", "ws://h/g"), ("?y", "ws://h/?y"), ("..", "ws://h/")]);
        // A scheme without an authority names no host, strictly, and so no URI that is valid.
        resolves(BASE, &[("http:g", "ws:///g"), ("http:/g", "ws:///g"), ("ws:", "ws://")]);
    }

    #[test]
    fn a_colon_ends_a_scheme_only_in_the_first_segment() {
        let scheme = |text| Reference::parse(text).scheme;
        assert_eq!(scheme("g:h"), Some("g"));
        assert_eq!(scheme("HTTP://h/"), Some("HTTP"));
        assert_eq!(scheme("h:80/x"), Some("h"));
        assert_eq!(scheme(":80"), Some(""));
        for text in ["/a:b", "./a:b", "?a:b", "#a:b", "//h:80/", ""] {
            assert_eq!(scheme(text), None, "{text}");
        }
    }

    #[test]
    fn segments_between_two_slashes_count() {
        for (path, expected) in [
            ("", ""),
            ("/", "/"),
            ("//", "//"),
            ("/a//b", "/a//b"),
            ("/a//../b", "/a/b"),
            ("/a/b/c/./../../g", "/a/g"),
            ("/..", "/"),
            ("/.", "/"),
            ("/../..", "/"),
            ("/a/..", "/"),
            ("/a/.", "/a/"),
            ("/...", "/..."),
            ("/%2e%2e/a", "/%2e%2e/a"),
        ] {
            assert_eq!(without_dots(path), expected, "{path}");
        }
    }
}
