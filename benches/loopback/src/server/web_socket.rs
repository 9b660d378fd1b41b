//! web-socket.
//!
//! It reads exactly what it needs, so it has a buffer before it; it cannot be asked whether a
//! message is there, so there is no batch. It has no handshake: this one is put together from the
//! parts of others.

use std::{io, net::TcpListener};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use web_socket::{DataType, Event, MessageType, WebSocket};

use super::{Ended, on_tokio};

pub(super) fn serve(listener: TcpListener) -> io::Result<()> {
    on_tokio(listener, echo)
}

async fn echo(stream: TcpStream) -> Ended {
    let mut stream = BufReader::new(stream);
    shake(&mut stream).await?;
    let mut websocket = WebSocket::server(stream);
    loop {
        match websocket.recv().await? {
            Event::Data { ty: DataType::Complete(MessageType::Text), data } => {
                // It does not validate.
                websocket.send(std::str::from_utf8(&data)?).await?;
            }
            Event::Data { ty: DataType::Complete(MessageType::Binary), data } => {
                websocket.send(&*data).await?;
            }
            Event::Data { .. } => return Err("a fragment".into()),
            Event::Ping(data) => websocket.send_pong(data).await?,
            Event::Pong(_) => {}
            Event::Error(error) => return Err(error.into()),
            Event::Close { .. } => return Ok(websocket.close(()).await?),
        }
    }
}

async fn shake(stream: &mut BufReader<TcpStream>) -> Ended {
    let (mut line, mut accept) = (String::new(), None);
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        match line.trim_end().split_once(": ") {
            Some((name, key)) if name.eq_ignore_ascii_case("Sec-WebSocket-Key") => {
                accept = Some(tungstenite::handshake::derive_accept_key(key.as_bytes()));
            }
            None if line == "\r\n" => break,
            _ => {}
        }
    }
    let accept = accept.ok_or("no key")?;
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    Ok(stream.write_all(response.as_bytes()).await?)
}
