//! fastwebsockets, behind hyper.

use std::{io, net::TcpListener};

use fastwebsockets::{FragmentCollector, OpCode, upgrade};

use super::{Ended, on_hyper};

pub(super) fn serve(listener: TcpListener) -> io::Result<()> {
    on_hyper(listener, |request| {
        let (response, upgraded) = upgrade::upgrade(request).map_err(io::Error::other)?;
        Ok((response, tokio::task::unconstrained(echo(upgraded))))
    })
}

async fn echo(upgraded: upgrade::UpgradeFut) -> Ended {
    let mut websocket = FragmentCollector::new(upgraded.await?);
    loop {
        let frame = websocket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => websocket.write_frame(frame).await?,
            _ => {}
        }
    }
}
