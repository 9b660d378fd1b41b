//! sockudo-ws.

use std::{io, net::TcpListener};

use bytes::BytesMut;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use sockudo_ws::{
    Config, Message, WebSocketStream,
    handshake::{build_response, generate_accept_key, parse_request},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{Ended, on_tokio};

pub(super) fn serve(listener: TcpListener) -> io::Result<()> {
    on_tokio(listener, echo)
}

pub(super) fn serve_batch(listener: TcpListener) -> io::Result<()> {
    on_tokio(listener, echo_batch)
}

async fn echo(mut stream: TcpStream) -> Ended {
    shake(&mut stream).await?;
    let mut websocket = WebSocketStream::server(stream, Config::default());
    while let Some(message) = websocket.next().await {
        let message = message?;
        if is_data(&message) {
            websocket.send(message).await?;
        }
    }
    Ok(())
}

async fn echo_batch(mut stream: TcpStream) -> Ended {
    shake(&mut stream).await?;
    let mut websocket = WebSocketStream::server(stream, Config::default());
    let mut next = websocket.next().await;
    while let Some(message) = next {
        let message = message?;
        if is_data(&message) {
            websocket.feed(message).await?;
        }
        next = match websocket.next().now_or_never() {
            Some(next) => next,
            None => {
                websocket.flush().await?;
                websocket.next().await
            }
        };
    }
    Ok(())
}

/// As its example does it, with the functions that it has for it.
async fn shake(stream: &mut TcpStream) -> Ended {
    let mut buf = BytesMut::with_capacity(4 << 10);
    loop {
        if stream.read_buf(&mut buf).await? == 0 {
            return Err(sockudo_ws::Error::ConnectionClosed.into());
        }
        if let Some((request, _)) = parse_request(&buf)? {
            let response = build_response(&generate_accept_key(request.key), None, None);
            return Ok(stream.write_all(&response).await?);
        }
    }
}

fn is_data(message: &Message) -> bool {
    matches!(message, Message::Text(_) | Message::Binary(_))
}
