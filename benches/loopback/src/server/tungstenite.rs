//! tungstenite on threads, and tokio-tungstenite.

use std::{io, net::TcpListener};

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tungstenite::Message;

use super::{Ended, on_threads, on_tokio};

pub(super) fn threads(listener: TcpListener) -> io::Result<()> {
    on_threads(listener, |stream| {
        let mut websocket = tungstenite::accept(stream)?;
        loop {
            let message = websocket.read()?;
            if is_data(&message) {
                websocket.send(message)?;
            }
        }
    })
}

pub(super) fn tokio(listener: TcpListener) -> io::Result<()> {
    on_tokio(listener, echo)
}

pub(super) fn tokio_batch(listener: TcpListener) -> io::Result<()> {
    on_tokio(listener, echo_batch)
}

async fn echo(stream: TcpStream) -> Ended {
    let mut websocket = tokio_tungstenite::accept_async(stream).await?;
    while let Some(message) = websocket.next().await {
        let message = message?;
        if is_data(&message) {
            websocket.send(message).await?;
        }
    }
    Ok(())
}

async fn echo_batch(stream: TcpStream) -> Ended {
    let mut websocket = tokio_tungstenite::accept_async(stream).await?;
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

fn is_data(message: &Message) -> bool {
    message.is_text() || message.is_binary()
}
