//! A conversation over WebSocket, with both ends in one program, on tokio.
//!
//! ```sh
//! cargo run --features connect,tokio --example conversation
//! ```
//!
//! A server that sends every message back listens on a free port of this machine. A client connects
//! to it, talks, and closes the connection; what happens is printed.

mod common;

use std::error::Error;

use common::say;
use framewise::{
    CloseCode, Config, EndOfStream, Event, Message,
    handshake::{Acceptance, OriginPolicy, Rejection},
    tokio as websocket,
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    common::no_arguments("Usage: conversation\n\nLets a client and a server talk.");
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/chat", listener.local_addr()?);
    let server = tokio::spawn(serve(listener));
    talk(&url).await?;
    Ok(server.await??)
}

/// Accepts one connection and sends back what comes over it.
async fn serve(listener: TcpListener) -> Result<(), framewise::Error> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let incoming = websocket::accept(stream, Config::default()).await?;
    say!("server: a client asks for {}", incoming.upgrade().resource());
    // A page of another site could connect to this machine as well.
    if incoming.upgrade().check_origin(&OriginPolicy::same_origin()).is_err() {
        return incoming.reject(Rejection::forbidden()).await;
    }
    let mut websocket = incoming.accept(Acceptance::new()).await?;
    // Pings and Closes are answered meanwhile; the loop ends with the connection.
    while let Some(message) = websocket.read().await? {
        websocket.send(message).await?;
    }
    say!("server: the client closed the connection: {}", websocket.connection().close_code());
    Ok(())
}

async fn talk(url: &str) -> Result<(), Box<dyn Error>> {
    let (mut websocket, response) = websocket::connect(url, Config::default()).await?;
    say!("client: connected to {url}, status {}", response.status());

    for message in [Message::Text("Hello".into()), Message::Binary(vec![1, 2, 3])] {
        say!("client: {message:?}");
        websocket.send(message.clone()).await?;
        let echo = websocket.read().await?.ok_or("the connection was lost")?;
        say!("server echoed: {echo:?}");
        if echo != message {
            return Err("that is something else".into());
        }
    }

    // A Ping is not a message, and its Pong neither: `fill` shows what `read` passes over.
    say!("client: Ping \"are you there?\"");
    websocket.ping(b"are you there?").await?;
    let mut batch = websocket.fill().await?.ok_or("the connection was lost")?;
    let Some(Event::Pong(payload)) = batch.next() else {
        return Err("there was no Pong".into());
    };
    say!("server: Pong \"{}\"", payload.escape_ascii());
    if *payload != *b"are you there?" {
        return Err("the Pong answers another Ping".into());
    }
    drop(batch);

    say!("client: Close {}", CloseCode::NORMAL);
    let end = websocket.close(CloseCode::NORMAL, "that is all").await?;
    say!("server: Close {}; the end is {end:?}", websocket.connection().close_code());
    match (end, websocket.connection().close_code()) {
        (EndOfStream::Clean, CloseCode::NORMAL) => Ok(()),
        _ => Err("the connection was not closed cleanly".into()),
    }
}
