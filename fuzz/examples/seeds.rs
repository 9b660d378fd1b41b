//! Writes seeds for the targets that read octets, to `fuzz/corpus`: what two of our own machines say
//! to one another, the examples of the RFCs, and every vector in `tests`.
//!
//! `cargo run --example seeds` in `fuzz`, then `cargo fuzz cmin TARGET` for each target. A file that
//! is given is taken for what a client or a server wrote behind its handshake, and added instead:
//! `seeds CLIENT_OR_SERVER FILE...`.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use framewise::{
    CloseCode, Config, Connection, Input, Payload, PreparedMessage, Role,
    deflate::{AgreedParameters, DeflateConfig},
    frame::{FrameHeader, Opcode},
    handshake::{Acceptance, ClientHandshake, ClientRequest, ServerHandshake},
};

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let Some(role) = arguments.next() else {
        conversations()?;
        compressed()?;
        handshakes()?;
        proxies()?;
        return tests();
    };
    for file in arguments {
        let octets = fs::read(file)?;
        match role.as_str() {
            "client" => from_client(&octets)?,
            "server" => from_server(&octets)?,
            other => panic!("neither client nor server: {other}"),
        }
    }
    Ok(())
}

/// Writes what a server sends as what others read.
fn from_server(octets: &[u8]) -> io::Result<()> {
    let octets = &octets[..octets.len().min(MAX_LEN)];
    stream("client", 0, octets)?;
    stream("decoder", 1, octets)?;
    stream("tungstenite", 1, octets)
}

/// Writes what a client sends as what others read.
fn from_client(octets: &[u8]) -> io::Result<()> {
    let octets = &octets[..octets.len().min(MAX_LEN)];
    stream("server", 0, octets)?;
    stream("decoder", 0, octets)?;
    stream("tungstenite", 0, octets)
}

fn ends() -> [Connection; 2] {
    let config = Arc::new(Config::default());
    [Connection::client(Arc::clone(&config), [7; 32]), Connection::server(config)]
}

/// Says the same as a client and as a server.
fn said(say: impl Fn(&mut Connection)) -> io::Result<()> {
    for mut end in ends() {
        say(&mut end);
        let octets = end.output().chunks().collect::<Vec<_>>().concat();
        match end.role() {
            Role::Client => from_client(&octets)?,
            Role::Server => from_server(&octets)?,
        }
    }
    Ok(())
}

/// Conversations of every kind and size.
fn conversations() -> io::Result<()> {
    for len in [0, 1, 125, 126, 300, 5000, 65_536] {
        said(|end| end.send(vec![b'b'; len].as_slice()).expect("it is open"))?;
        said(|end| end.send("é".repeat(len / 2).as_str()).expect("it is open"))?;
    }
    for text in ["Hello", "κόσμε", "\u{10ffff}\u{d7ff}", "\0\u{7f}\u{80}\u{7ff}\u{800}"] {
        said(|end| {
            end.send(text).expect("it is open");
            let mut octets = text.as_bytes().chunks(1).peekable();
            while let Some(octet) = octets.next() {
                // Not text by itself: as binary.
                end.send_fragment(octet, octets.peek().is_none()).expect("it is open");
            }
            end.send_fragment(text, false).expect("it is open");
            end.ping(text.as_bytes()).expect("it is open");
            end.send_fragment("", false).expect("it is open");
            end.send_fragment(text, true).expect("it is open");
            end.pong(b"").expect("it is open");
            end.close(CloseCode::NORMAL, text).expect("it is open");
        })?;
    }
    for code in [1000, 1001, 1003, 1007, 1009, 1014, 3000, 4999] {
        said(|end| end.close(CloseCode::from(code), "bye").expect("it is open"))?;
    }
    said(|end| end.close(None, "").expect("it is open"))?;
    // More Pings than are answered one by one.
    for (last, len) in [(0x80, 900), (0x88, 700)] {
        let octets = |number| [0x89, 1, u8::try_from(number % 251).expect("less")];
        let octets: Vec<u8> = (0..len).flat_map(octets).chain([last, 0]).collect();
        from_server(&octets)?;
        from_client(&masked(&octets))?;
    }
    for header in headers() {
        seed("frame_header", header.encode(&mut [0; FrameHeader::MAX_LEN]))?;
    }
    Ok(())
}

fn headers() -> Vec<FrameHeader> {
    let opcodes = [Opcode::Continuation, Opcode::Text, Opcode::Binary, Opcode::Close, Opcode::Ping];
    let mut headers = Vec::new();
    for opcode in opcodes {
        for payload_len in [0, 125, 126, 65_535, 65_536, i64::MAX as u64] {
            if opcode.is_control() && payload_len > 125 {
                continue;
            }
            for masking_key in [None, Some([1, 2, 3, 4])] {
                let rsv1 = opcode == Opcode::Text;
                headers.push(FrameHeader { opcode, fin: true, rsv1, masking_key, payload_len });
            }
        }
    }
    headers
}

/// Compressed messages, as a server sends them.
fn compressed() -> io::Result<()> {
    for flags in [7, 1, 8 + 7] {
        for len in [0, 1, 5, 300, 3000, 100_000] {
            let mut end = Connection::server(Config::default());
            let mut config = DeflateConfig::default();
            config.threshold = 0;
            let mut agreed = AgreedParameters::default();
            agreed.server_no_context_takeover = flags & 8 != 0;
            end.set_deflate(agreed);
            let text = "Hello, κόσμε. ".repeat(len / 16 + 1);
            end.send(text.as_str()).expect("it is open");
            end.send(PreparedMessage::new(text.as_str(), &config)).expect("it is open");
            end.send_fragment(text.as_bytes(), false).expect("it is open");
            end.ping(b"p").expect("it is open");
            end.send_fragment(text.as_bytes(), true).expect("it is open");
            end.send(Payload::from("plain").uncompressed()).expect("it is open");
            stream("inflate", flags, &end.output().chunks().collect::<Vec<_>>().concat())?;
        }
    }
    // RFC 7692 §7.2.3.
    for example in [
        "c107 f248cdc9c90700",
        "4103 f248cd 8004 c9c90700",
        "c107 f248cdc9c90700 c105 f200110000",
        "c10b 000500faff48656c6c6f00",
        "c108 f348cdc9c9070000",
        "c10d f248050000 00ffff cac9c90700",
    ] {
        stream("inflate", 7, &hex(example).expect("hexadecimal"))?;
    }
    Ok(())
}

/// Both heads, with all that they may say.
fn handshakes() -> io::Result<()> {
    let mut config = Config::default();
    config.deflate = Some(DeflateConfig::default());
    let config = Arc::new(config);
    for subprotocols in [false, true] {
        let mut request = ClientRequest::new("ws://host/").expect("a URI");
        if subprotocols {
            request =
                request.subprotocol("chat").and_then(|it| it.subprotocol("b")).expect("names");
        }
        let mut client = ClientHandshake::new(request, Arc::clone(&config), [7; 32]);
        let mut octets = client.output().chunk().to_vec();
        stream("handshake_server", 4, &[&octets[..], b"\x81\x80\0\0\0\0\x88\x80"].concat())?;
        let upgrade = ServerHandshake::new(Arc::clone(&config))
            .receive(&mut Input::new(&mut octets))
            .expect("it is good")
            .expect("it is whole");
        let mut acceptance = Acceptance::new();
        if subprotocols {
            acceptance = acceptance.subprotocol("chat");
        }
        let mut end = upgrade.accept(acceptance).expect("it was offered");
        let octets = [end.output().chunk(), b"\x81\0\x88\0"].concat();
        stream("handshake_client", 2, &octets)?;
        stream("handshake_client", 0, &octets)?;
        stream(
            "handshake_client",
            0,
            &[b"HTTP/1.1 103 Early Hints\r\n\r\n", &octets[..]].concat(),
        )?;
    }
    for status in ["404 Not Found", "301 Moved\r\nLocation: /", "200 OK\r\nContent-Length: 2"] {
        stream("handshake_client", 0, format!("HTTP/1.1 {status}\r\n\r\nno").as_bytes())?;
    }
    Ok(())
}

/// What proxies answer that connect to the host, or do not.
fn proxies() -> io::Result<()> {
    for answer in [
        "HTTP/1.0 200 Connection established\r\n\r\n",
        "HTTP/1.1 102 x\r\n\r\nHTTP/1.1 204\r\nContent-Length: 9\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nmore",
        "HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 503 x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n",
    ] {
        stream("proxy", 0, answer.as_bytes())?;
        stream("proxy", 0b1101, answer.as_bytes())?;
    }
    for answer in [
        "0500 050000010000000000 00",
        "0500 05000003 05 70726f7879 0050",
        "0500 05000004 20010db8000000000000000000000001 0050",
        "0500 0500000100000000000000",
        "0502 0100 050000010000000000 00",
        "0502 0101",
        "0500 0504",
        "05ff",
    ] {
        let octets = hex(answer).expect("hexadecimal");
        stream("proxy", 0b0010, &octets)?;
        stream("proxy", 0b1110, &octets)?;
    }
    Ok(())
}

/// The vectors in the tests: hexadecimal digits, header fields and what extensions are offered.
fn tests() -> io::Result<()> {
    for literal in literals("protocol")? {
        let Some(octets) = hex(&literal) else { continue };
        from_server(&octets)?;
        from_client(&masked(&octets))?;
        seed("frame_header", &octets[..octets.len().min(FrameHeader::MAX_LEN)])?;
    }
    for literal in literals("deflate")? {
        if let Some(octets) = hex(&literal) {
            stream("inflate", 7, &octets)?;
            for first in [0xc1, 0xc2] {
                if let Ok(len @ ..=125) = u8::try_from(octets.len()) {
                    stream("inflate", 7, &[&[first, len], &octets[..]].concat())?;
                }
            }
        } else if literal.contains("deflate") || literal.contains("_bits") {
            for wishes in [[0; 16], [1; 16], [2; 16]] {
                seed("extensions", &[&wishes, literal.as_bytes()].concat())?;
            }
        }
    }
    for literal in literals("handshake")? {
        for (target, flags, head) in
            [("handshake_server", 4, REQUEST), ("handshake_client", 0, RESPONSE)]
        {
            let octets = match literal.split_once(": ") {
                _ if literal.starts_with("HTTP/1") || literal.ends_with(" HTTP/1.1") => {
                    let (_, rest) = head.split_once("\r\n").expect("lines");
                    format!("{literal}\r\n{rest}")
                }
                Some((name, _)) => {
                    let others =
                        head.split_inclusive("\r\n").filter(|line| !line.starts_with(name));
                    let head: String = others.collect();
                    head.replacen("\r\n\r\n", &format!("\r\n{literal}\r\n\r\n"), 1)
                }
                None => continue,
            };
            stream(target, flags, octets.as_bytes())?;
        }
    }
    Ok(())
}

/// Returns what stands between quotation marks in the tests of a folder, where it is on one line.
fn literals(folder: &str) -> io::Result<Vec<String>> {
    let mut literals = Vec::new();
    for entry in fs::read_dir(root().join("tests").join(folder))? {
        let path = entry?.path();
        if !path.is_file() {
            continue;
        }
        let text = fs::read_to_string(path)?;
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            literals.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
    Ok(literals)
}

/// Reads hexadecimal digits, with spaces and brackets anywhere.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| !" []".contains(*c))
        .map(|c| c.to_digit(16).and_then(|digit| digit.try_into().ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() >= 4 && digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Masks frames of up to 125 octets with a key of zeros.
fn masked(mut octets: &[u8]) -> Vec<u8> {
    let mut masked = Vec::new();
    while let [first, second, rest @ ..] = octets {
        let field_len = [0, 2, 8][usize::from(second & 0x7f).saturating_sub(125)].min(rest.len());
        let (field, rest) = rest.split_at(field_len);
        let len = field.iter().fold(0, |len, octet| len << 8 | usize::from(*octet));
        let len = if field.is_empty() { usize::from(second & 0x7f) } else { len };
        let (payload, rest) = rest.split_at(len.min(rest.len()));
        masked.extend_from_slice(&[*first, second | 0x80]);
        masked.extend([field, &[0; 4], payload].concat());
        octets = rest;
    }
    masked.extend_from_slice(octets);
    masked
}

/// Writes a seed for a target that reads a stream: its flags, and lengths of pieces, come first.
fn stream(target: &str, flags: u8, octets: &[u8]) -> io::Result<()> {
    for lengths in [[0; 4], [1; 4], [2, 7, 64, 3]] {
        if octets.len() <= 300 || lengths != [1; 4] {
            seed(target, &[&[flags], &lengths[..], octets].concat())?;
        }
    }
    Ok(())
}

fn seed(target: &str, octets: &[u8]) -> io::Result<()> {
    let folder = root().join("fuzz/corpus").join(target);
    fs::create_dir_all(&folder)?;
    let mut hasher = DefaultHasher::new();
    octets.hash(&mut hasher);
    fs::write(folder.join(format!("seed-{:016x}", hasher.finish())), octets)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate").to_path_buf()
}

/// How long a seed is at most: longer ones take more time than they find.
const MAX_LEN: usize = 6000;

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
