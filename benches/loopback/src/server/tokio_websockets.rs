//! tokio-websockets.

use std::{io, net::TcpListener};

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_websockets::ServerBuilder;

use super::{Ended, on_tokio};

pub(super) fn serve(listener: TcpListener) -> io::Result<()> {
    on_tokio(listener, echo)
}

/// Its stream writes what is queued before it reads on, so this is no batch: it shows that.
pub(super) fn serve_batch(listener: TcpListener) -> io::Result<()> {
    on_tokio(listener, echo_batch)
}

async fn echo(stream: TcpStream) -> Ended {
    let (_request, mut websocket) = ServerBuilder::new().accept(stream).await?;
    while let Some(message) = websocket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            websocket.send(message).await?;
        }
    }
    Ok(())
}

async fn echo_batch(stream: TcpStream) -> Ended {
    let (_request, mut websocket) = ServerBuilder::new().accept(stream).await?;
    let mut next = websocket.next().await;
    while let Some(message) = next {
        let message = message?;
        if message.is_text() || message.is_binary() {
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
