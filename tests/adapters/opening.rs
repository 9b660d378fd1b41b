//! What programs pass in to open or to accept a connection, and what they get.

use std::{collections::HashSet, net::TcpListener, thread};

use framewise::{
    Config, Error, blocking,
    handshake::{Acceptance, ClientRequest, Uri, UriError},
    tokio as asynchronous,
};

use crate::support::{Bring, Scripted, finish, within};

/// Does something with a request of every kind.
macro_rules! with_every_request {
    ($uri:expr, |$request:ident| $body:expr) => {
        with_every_request!(@each $request, $body, [
            $uri.as_str(),
            $uri,
            $uri.clone(),
            Uri::try_from($uri).unwrap(),
            ClientRequest::new($uri).unwrap(),
            &ClientRequest::new($uri).unwrap()
        ])
    };
    (@each $request:ident, $body:expr, [$($each:expr),*]) => {$({
        let $request = $each;
        $body
    })*};
}

const REQUESTS: usize = 6;

#[test]
fn whatever_names_a_resource_is_connected_to() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = &format!("ws://{}/chat", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            for _ in 0..2 * REQUESTS {
                let (stream, _) = listener.accept().unwrap();
                let incoming = blocking::accept(stream, Config::default()).unwrap();
                assert_eq!(incoming.upgrade().path(), "/chat");
                incoming.accept(Acceptance::new()).unwrap();
            }
        });
        with_every_request!(uri, |request| {
            let (_websocket, response) = blocking::connect(request, Config::default()).unwrap();
            assert_eq!(response.status(), 101);
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            with_every_request!(uri, |request| {
                let opened = asynchronous::connect(request, Config::default()).await;
                assert_eq!(opened.unwrap().1.status(), 101);
            });
        });
        server.join().unwrap();
    });
}

// One type of error for a function that connects and talks
#[test]
fn a_malformed_uri_is_an_error_of_connect() {
    let open = || -> Result<(), Error> {
        blocking::connect("127.0.0.1:9001", Config::default())?;
        Ok(())
    };
    let error = open().unwrap_err();
    assert!(matches!(error, Error::Uri(UriError::Scheme)), "{error:?}");
    assert_eq!(error.to_string(), UriError::Scheme.to_string());
    let opening = asynchronous::connect("ws://host/a b", Config::default());
    let error = finish(opening, 1).unwrap_err();
    assert!(matches!(error, Error::Uri(UriError::Resource)), "{error:?}");
    let stream = Scripted::bytes(Vec::new());
    let error = blocking::client(stream.clone(), "http://host/", Config::default()).unwrap_err();
    assert!(matches!(error, Error::Uri(UriError::Scheme)), "{error:?}");
    let opening = asynchronous::client(stream.clone(), "ws://a@b/", Config::default());
    let error = finish(opening, 1).unwrap_err();
    assert!(matches!(error, Error::Uri(UriError::Userinfo)), "{error:?}");
    assert!(stream.log().is_empty(), "the stream was not touched");
}

#[test]
fn a_client_over_any_stream_is_seeded_by_the_system() {
    let mut requests = HashSet::new();
    let uri = &String::from("ws://host/");
    with_every_request!(uri, |request| {
        let stream = Scripted::new([Bring::Eof]);
        blocking::client(stream.clone(), request, Config::default()).unwrap_err();
        requests.insert(stream.written());
    });
    with_every_request!(uri, |request| {
        let stream = Scripted::new([Bring::Eof]);
        finish(asynchronous::client(stream.clone(), request, Config::default()), 2).unwrap_err();
        requests.insert(stream.written());
    });
    assert_eq!(requests.len(), 2 * REQUESTS, "no two have the same key");
    let seeds: HashSet<_> = (0..8).map(|_| framewise::random_seed().unwrap()).collect();
    assert_eq!(seeds.len(), 8);
}
