//! yawc, behind hyper.

use std::{io, net::TcpListener};

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use yawc::{Frame, OpCode, Options, UpgradeFut, WebSocket};

use super::{Ended, on_hyper};

pub(super) fn serve(listener: TcpListener) -> io::Result<()> {
    on_hyper(listener, |request| {
        let (response, upgraded) =
            WebSocket::upgrade_with_options(request, options()).map_err(io::Error::other)?;
        Ok((response, echo(upgraded)))
    })
}

pub(super) fn serve_batch(listener: TcpListener) -> io::Result<()> {
    on_hyper(listener, |request| {
        let (response, upgraded) =
            WebSocket::upgrade_with_options(request, options()).map_err(io::Error::other)?;
        Ok((response, echo_batch(upgraded)))
    })
}

/// Its defaults, but a limit that the largest messages here do not touch, and valid UTF-8.
fn options() -> Options {
    Options::default().with_utf8().with_limits(4 << 20, 8 << 20)
}

async fn echo(upgraded: UpgradeFut) -> Ended {
    let mut websocket = upgraded.await?;
    while let Some(frame) = websocket.next().await {
        if is_data(&frame) {
            websocket.send(frame).await?;
        }
    }
    Ok(())
}

async fn echo_batch(upgraded: UpgradeFut) -> Ended {
    let mut websocket = upgraded.await?;
    let mut next = websocket.next().await;
    while let Some(frame) = next {
        if is_data(&frame) {
            websocket.feed(frame).await?;
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

fn is_data(frame: &Frame) -> bool {
    matches!(frame.opcode(), OpCode::Text | OpCode::Binary)
}
