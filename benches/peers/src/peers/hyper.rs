//! hyper, which two of the crates leave the request to.

use std::{cell::RefCell, convert::Infallible, error::Error, future, hint::black_box};

use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;

use crate::wire::{Lone, Wire, ready};

/// Has hyper read the request that is on the wire and write the response that `upgrade` returns,
/// and waits for the connection that comes of it.
pub(super) fn accept<B, F>(
    wire: &Wire,
    upgrade: impl Fn(&mut Request<Incoming>) -> (Response<B>, F),
) where
    B: Body<Error: Error + Send + Sync> + 'static,
    F: Future,
{
    let upgraded = RefCell::new(None);
    let service = service_fn(|mut request| {
        let (response, connection) = upgrade(&mut request);
        upgraded.replace(Some(connection));
        future::ready(Ok::<_, Infallible>(response))
    });
    let stream = TokioIo::new(Lone::new(wire.clone()));
    let connection = http1::Builder::new().serve_connection(stream, service).with_upgrades();
    ready(connection).expect("valid");
    let connection = upgraded.take().expect("a request");
    black_box(ready(connection));
}
