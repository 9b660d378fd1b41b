//! wtx.
//!
//! A frame that it lends cannot be kept while the next one is read, so there is no batch.

use std::{io, net::TcpListener};

use tokio::net::TcpStream;
use wtx::{
    collection::Vector,
    web_socket::{OpCode, WebSocketAcceptor, WebSocketPayloadOrigin},
};

use super::{Ended, on_tokio};

pub(super) fn serve(listener: TcpListener) -> io::Result<()> {
    on_tokio(listener, echo)
}

async fn echo(stream: TcpStream) -> Ended {
    let mut websocket = WebSocketAcceptor::default().accept(stream).await?;
    let (mut common, mut reader, mut writer) = websocket.split_mut();
    let mut buffer = Vector::new();
    loop {
        let mut frame =
            reader.read_frame(&mut buffer, &mut common, WebSocketPayloadOrigin::Adaptive).await?;
        match frame.op_code() {
            OpCode::Binary | OpCode::Text => writer.write_frame(&mut common, &mut frame).await?,
            OpCode::Close => return Ok(()),
            _ => {}
        }
    }
}
