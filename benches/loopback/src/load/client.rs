//! A client by hand: a socket, and octets that were made before.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::{Failure, process::Target, server::Family};

/// Messages that are sent at once, and what has to come back.
pub(super) struct Burst {
    pub(super) request: Vec<u8>,
    pub(super) reply: Vec<u8>,
    pub(super) messages: u64,
}

impl Burst {
    /// Makes `count` texts of `size` octets.
    ///
    /// A server without WebSocket gets the same octets, and sends them back as they are.
    pub(super) fn new(target: &Target, size: usize, count: u8) -> Self {
        let (mut request, mut echo) = (Vec::new(), Vec::new());
        for index in 0..count {
            let text: Vec<u8> = (b'a'..=b'z').cycle().skip(index.into()).take(size).collect();
            let key = [0x37, 0xfa, 0x21, index];
            push_header(&mut request, size, 0x80);
            request.extend(key);
            request.extend(text.iter().zip(key.iter().cycle()).map(|(octet, key)| octet ^ key));
            push_header(&mut echo, size, 0x00);
            echo.extend(text);
        }
        let reply = if target.family == Family::Raw { request.clone() } else { echo };
        Self { request, reply, messages: count.into() }
    }

    /// Sends it and checks what comes back.
    pub(super) fn exchange(&self, stream: &mut TcpStream, buf: &mut [u8]) -> Result<(), Failure> {
        stream.write_all(&self.request)?;
        self.expect(stream, buf)
    }

    /// Checks what comes back.
    pub(super) fn expect(&self, stream: &mut TcpStream, buf: &mut [u8]) -> Result<(), Failure> {
        let buf = &mut buf[..self.reply.len()];
        stream.read_exact(buf)?;
        if buf != self.reply { Err("not what was sent".into()) } else { Ok(()) }
    }
}

/// The header of a text that is not fragmented (RFC 6455 §5.2).
fn push_header(bytes: &mut Vec<u8>, len: usize, mask: u8) {
    bytes.push(0x81);
    match len {
        0..126 => bytes.push(mask | len as u8),
        126..0x1_0000 => {
            bytes.push(mask | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        _ => {
            bytes.push(mask | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
}

/// Opens a connection; upgraded, unless the server knows nothing of that.
pub(super) fn connect(target: &Target, address: SocketAddr) -> Result<TcpStream, Failure> {
    let mut stream = connect_tcp(address)?;
    if target.family != Family::Raw {
        upgrade(target, &mut stream)?;
    }
    Ok(stream)
}

/// Opens a connection that gives up when nothing comes.
pub(super) fn connect_tcp(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Sends a request and takes the response; from a server that knows nothing of WebSocket, the
/// request.
pub(super) fn upgrade(target: &Target, stream: &mut TcpStream) -> Result<(), Failure> {
    stream.write_all(REQUEST)?;
    let mut buf = [0; 4 << 10];
    let mut len = 0;
    loop {
        match stream.read(&mut buf[len..])? {
            0 => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
            read => len += read,
        }
        if buf[..len].ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let response = &buf[..len];
    let valid = match target.family {
        Family::Raw => response == REQUEST,
        _ => {
            response.starts_with(b"HTTP/1.1 101 ")
                && response.windows(ACCEPT.len()).any(|window| window == ACCEPT)
        }
    };
    if valid { Ok(()) } else { Err(String::from_utf8_lossy(response).into()) }
}

/// The nonce and its answer are those of RFC 6455 §1.3.
const REQUEST: &[u8] = b"GET /echo HTTP/1.1\r\n\
    Host: localhost\r\n\
    User-Agent: loopback\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// How long nothing may come.
const PATIENCE: Duration = Duration::from_secs(10);
