//! An echo server on hyper, over HTTP/1.1 and HTTP/2.
//!
//! ```sh
//! cargo run --bin hyper_server -- 127.0.0.1:9001
//! ```

use framewise::{
    Config, Error,
    handshake::{Acceptance, OriginPolicy, Rejection},
    hyper::Upgrading,
};
use http_body_util::Full;
use hyper::{Request, Response, body::Bytes, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".into());
    let listener = TcpListener::bind(address).await?;
    println!("{}", listener.local_addr()?.port());
    serve(listener).await
}

/// Serves connections, each in a task of its own.
pub async fn serve(listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service_fn(move |request| {
            let response = answer(request);
            async { response }
        });
        tokio::spawn(async move {
            let mut builder = Builder::new(TokioExecutor::new());
            builder.http2().enable_connect_protocol();
            if let Err(error) =
                builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await
            {
                eprintln!("{error}");
            }
        });
    }
}

/// Answers a request: by a page, or by opening a WebSocket.
pub fn answer<B>(mut request: Request<B>) -> Result<Response<Full<Bytes>>, Error> {
    if request.uri().path() == "/" {
        return Ok(Response::new("Connect to /echo with a WebSocket.\n".into()));
    }
    let incoming = match framewise::hyper::upgrade(&mut request, Config::default()) {
        Ok(incoming) => incoming,
        Err(error) => return Ok(error.to_response(request.version())),
    };
    // This server is not behind a proxy that ends TLS.
    if incoming.upgrade().check_origin(&OriginPolicy::same_origin()).is_err() {
        return Ok(incoming.reject(Rejection::forbidden()));
    }
    let (response, upgrading) = incoming.accept(Acceptance::new())?;
    tokio::spawn(async {
        if let Err(error) = echo(upgrading).await {
            eprintln!("{error}");
        }
    });
    Ok(response)
}

async fn echo(upgrading: Upgrading) -> Result<(), Error> {
    let mut websocket = upgrading.await?;
    while let Some(message) = websocket.read().await? {
        websocket.send(message).await?;
    }
    Ok(())
}
