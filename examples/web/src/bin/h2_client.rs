//! A client over one stream of the crate `h2` (RFC 8441), without an adapter: the connection is a machine, and
//! this is its loop.
//!
//! ```sh
//! cargo run --bin hyper_server -- 127.0.0.1:9001 &
//! cargo run --bin h2_client -- ws://127.0.0.1:9001/echo Hello
//! ```

use std::{error::Error, future::poll_fn};

use framewise::{
    CloseCode, Config, Connection, EndOfStream, Event, Input, ProtocolError, Transport,
    handshake::ClientRequest, random_seed, time::Instant,
};
use h2::{
    RecvStream, SendStream,
    client::{self, SendRequest},
    ext::Protocol,
};
use http::Request;
use hyper::body::Bytes;
use tokio::{net::TcpStream, time};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let uri = args.next().unwrap_or_else(|| "ws://127.0.0.1:9001/echo".into());
    let request = ClientRequest::new(uri)?;
    let stream = TcpStream::connect(request.uri().host_and_port()).await?;
    stream.set_nodelay(true)?;
    let (sender, h2) = client::handshake(stream).await?;
    let driver = tokio::spawn(h2);
    let (mut connection, stream) = open(sender, request, Config::default()).await?;
    let message = args.next().unwrap_or_else(|| "Hello".into());
    connection.send_text(message)?;
    let end = run(&mut connection, stream, |event, connection| {
        if let Event::Text(text) = event {
            println!("{text}");
            let _ = connection.close(CloseCode::NORMAL, "");
        }
    })
    .await?;
    println!("{end:?}");
    driver.abort();
    Ok(())
}

/// One stream of HTTP/2.
pub struct Stream {
    pub sending: SendStream<Bytes>,
    pub receiving: RecvStream,
}

/// Opens a WebSocket on a connection of HTTP/2.
pub async fn open(
    sender: SendRequest<Bytes>,
    request: ClientRequest,
    config: Config,
) -> Result<(Connection, Stream)> {
    let mut sender = sender.ready().await?;
    // Whether the server allows it is known when its settings have come: with the first answer.
    if !sender.is_extended_connect_protocol_enabled() {
        let uri = format!("http://{}/", request.uri().authority());
        let probe = Request::head(uri).body(())?;
        sender.send_request(probe, true)?.0.await?;
        sender = sender.ready().await?;
    }
    let (mut request, pending) = request.into_connect_request::<()>(config, random_seed()?)?;
    request.extensions_mut().insert(Protocol::from_static("websocket"));
    let (response, sending) = sender.send_request(request, false)?;
    let response = response.await?;
    let established = pending.upgraded_by(&response)?;
    Ok((established.connection, Stream { sending, receiving: response.into_body() }))
}

/// Runs a connection up to its end.
pub async fn run(
    connection: &mut Connection,
    stream: Stream,
    mut on_event: impl FnMut(Event<'_>, &mut Connection),
) -> Result<EndOfStream> {
    let Stream { mut sending, mut receiving } = stream;
    let origin = time::Instant::now();
    let (mut sent_end, mut received_end) = (false, false);
    let mut failed: Option<ProtocolError> = None;
    loop {
        // Write as much as flow control allows.
        while connection.has_output() && sending.capacity() > 0 {
            let output = connection.output();
            let len = output.chunk().len().min(sending.capacity());
            let data = output.chunk().get(..len).map(Bytes::copy_from_slice);
            sending.send_data(data.unwrap_or_default(), false)?;
            output.advance(len);
        }
        let queued = connection.output().len();
        sending.reserve_capacity(queued.min(64 << 10));
        if queued == 0 && connection.transport() != Transport::Open && !sent_end {
            sending.send_data(Bytes::new(), true)?;
            sent_end = true;
        }

        // Tell the time.
        let now = Instant::from_origin(origin.elapsed());
        if let Some(timeout) = connection.handle_timeout(now) {
            eprintln!("{timeout:?}");
        }
        if let Some(end) = connection.end().filter(|_| !connection.has_output()) {
            return failed.map_or(Ok(end), |error| Err(error.into()));
        }
        let deadline =
            connection.poll_timeout(now).map(|deadline| origin + deadline.since_origin());

        // Wait for something to happen.
        tokio::select! {
            data = receiving.data(), if !received_end => match data {
                Some(data) => {
                    let mut data = Vec::from(data?);
                    receiving.flow_control().release_capacity(data.len())?;
                    let mut input = Input::new(&mut data);
                    loop {
                        match connection.receive(&mut input) {
                            Ok(Some(event)) => on_event(event, connection),
                            Ok(None) => break,
                            Err(error) => {
                                // The peer is told before this returns.
                                failed.get_or_insert(error);
                                break;
                            }
                        }
                    }
                }
                None => {
                    received_end = true;
                    connection.receive_eof();
                }
            },
            capacity = poll_fn(|cx| sending.poll_capacity(cx)), if queued != 0 => {
                match capacity {
                    Some(capacity) => drop(capacity?),
                    None => return Ok(connection.receive_eof()), // the stream was reset
                }
            }
            () = time::sleep_until(deadline.unwrap_or(origin)), if deadline.is_some() => {}
        }
    }
}
