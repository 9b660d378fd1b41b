//! What an embedder types first, compiled. Nothing here runs.

#![allow(dead_code, unused_variables, clippy::all)]

use std::time::Duration;

use framewise::{
    CloseCode, CloseFrame, Config, Connection, Error, Event, Input, Message, Payload,
    handshake::{Acceptance, ClientRequest, Headers, Rejection, Uri},
};

#[cfg(feature = "deflate")]
fn compression() -> Config {
    use framewise::deflate::DeflateConfig;

    Config::new().deflate(DeflateConfig::default().threshold(0)).deflate(None)
}

fn config() -> Config {
    Config::default()
        .max_message_size(64 << 10)
        .ping_interval(Duration::from_secs(10))
        .pong_timeout(None)
        .close_timeout(Duration::from_secs(1))
        .idle_timeout(Some(Duration::from_secs(60)))
        .max_output(1 << 20)
}

async fn tokio_client() -> Result<(), Error> {
    let (mut ws, response) =
        framewise::tokio::connect("ws://127.0.0.1:9001/", Config::default()).await?;
    let url = String::from("ws://127.0.0.1:9001/");
    let (mut other, _) = framewise::tokio::connect(&url, config()).await?;
    let request = ClientRequest::new("ws://127.0.0.1/")?
        .header("Authorization", "Bearer x")?
        .subprotocol("chat")?;
    let (mut third, response) = framewise::tokio::connect(request, config()).await?;
    let chosen = response.header("Sec-WebSocket-Protocol");
    ws.send("text").await?;
    ws.send(String::from("text")).await?;
    ws.send(vec![1, 2, 3]).await?;
    ws.send([1, 2, 3]).await?;
    ws.send(b"abc").await?;
    ws.send(&b"abc"[..]).await?;
    ws.send(Message::text("hi")).await?;
    ws.send(Message::binary(vec![1])).await?;
    ws.send(&Message::text("hi")).await?;
    ws.send_text("x").await?;
    ws.send_binary(b"x").await?;
    ws.ping(b"").await?;
    ws.ping("x").await?;
    ws.pong(b"").await?;
    while let Some(message) = ws.read().await? {
        if message.is_text() {
            let text: &str = message.as_text().unwrap();
            let text: String = message.into_text().unwrap();
        } else if message.is_binary() {
            let bytes: Vec<u8> = message.into_bytes();
        }
    }
    let end = ws.close(1000, "bye").await?;
    other.close(CloseCode::NORMAL, "").await?;
    third.close(None, "").await?;
    let (mut reader, mut writer) = other.into_split();
    tokio::spawn(async move {
        writer.send("x").await?;
        writer.ping(b"").await?;
        writer.send_close(1000, "").await
    });
    reader.read().await?;
    Ok(())
}

async fn tokio_server() -> Result<(), Error> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let (stream, peer) = listener.accept().await?;
    let incoming = framewise::tokio::accept(stream, Config::default()).await?;
    let path = incoming.path().to_owned();
    let cookie = incoming.header("Cookie");
    let addr = incoming.stream().peer_addr()?;
    if path != "/chat" {
        return incoming.reject(Rejection::not_found()).await;
    }
    let mut ws = incoming.accept(Acceptance::new()).await?;
    while let Some(mut batch) = ws.fill().await? {
        while let Some(event) = batch.next() {
            match event {
                Event::Text(text) => batch.send(text)?,
                Event::Binary(bytes) => batch.send(bytes)?,
                Event::Ping(_) | Event::Pong(_) => {}
                Event::Close(frame) => assert!(frame.code == 1000),
                _ => {}
            }
        }
    }
    Ok(())
}

fn blocking_client() -> Result<(), Error> {
    let (mut ws, _) = framewise::blocking::connect("ws://127.0.0.1:9001/", Config::default())?;
    ws.send("hi")?;
    let message = ws.read()?;
    ws.close(1000, "")?;
    Ok(())
}

fn blocking_server() -> Result<(), Error> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    for stream in listener.incoming() {
        let incoming = framewise::blocking::accept(stream?, config())?;
        let mut ws = incoming.accept(Acceptance::new())?;
        std::thread::spawn(move || -> Result<(), Error> {
            while let Some(message) = ws.read()? {
                ws.send(message)?;
            }
            Ok(())
        });
    }
    Ok(())
}

fn machine(bytes: &mut [u8]) -> Result<(), Error> {
    let mut connection = Connection::server(Config::default());
    let mut input = Input::new(bytes);
    while let Some(event) = connection.receive(&mut input)? {
        match event {
            Event::Text(text) => connection.send_text(text)?,
            Event::Binary(bytes) => connection.send_binary(bytes)?,
            _ => {}
        }
    }
    connection.close(1000, "bye")?;
    connection.ping(b"")?;
    let code = connection.close_code();
    if code == 1001 || code == CloseCode::GOING_AWAY {}
    let uri = Uri::try_from("ws://example.com/")?;
    let uri: Uri = "ws://example.com/".parse()?;
    let mut headers = Headers::new();
    headers.append("X-A", "b")?;
    let rejection = Rejection::new(403)?.body("no");
    Ok(())
}

fn io_error() -> std::io::Result<()> {
    blocking_client()?;
    Err(Error::from(std::io::Error::other("x")).into())
}

fn values() {
    let _: Message = "text".into();
    let _: Message = String::from("text").into();
    let _: Message = vec![1].into();
    let _: Message = [1, 2].into();
    let _: Message = Box::<[u8]>::from([1]).into();
    let _: CloseCode = 1000.into();
    let _: u16 = CloseCode::NORMAL.into();
    let _ = Message::text("x").len();
    let _ = Message::text("x") == Message::from("x");
    let frame = CloseFrame { code: 1000.into(), reason: "x".into() };
    let payload: Payload<'_> = "x".into();
}

async fn over_tls(uri: &Uri) -> Result<(), Error> {
    let stream = tokio::net::TcpStream::connect(uri.host_and_port()).await?;
    let name = uri.server_name();
    framewise::tokio::client(stream, uri, Config::default()).await?;
    Ok(())
}

fn transient(error: &Error) -> bool {
    error.is_transient()
}
