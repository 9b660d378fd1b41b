//! The memory of idle connections over TLS.

use std::{
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use allocation_counter::measure;
use framewise::{
    Config, blocking,
    handshake::Acceptance,
    tls::{ClientTls, ServerTls},
    tokio as asynchronous,
};

use crate::Failure;

/// How long a connection is idle before it is looked at.
const WAIT: Duration = Duration::from_millis(50);

/// What is held newly open, and after an echo.
#[derive(Default)]
struct Held {
    open: i64,
    echoed: i64,
}

pub(crate) fn run() -> Result<(), Failure> {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (pem, key) = (certified.cert.pem(), certified.signing_key.serialize_pem());
    let server = ServerTls::from_pem(&pem, key)?;
    let client = ClientTls::with_roots_pem(&pem)?;
    println!("| bytes on the heap, server | newly open | after an echo of 16 KiB |");
    println!("|---|---:|---:|");
    for (name, tls, asynchronous) in [
        ("blocking, TCP", false, false),
        ("blocking, TLS", true, false),
        ("tokio, TCP", false, true),
        ("tokio, TLS", true, true),
    ] {
        let tls = tls.then_some((&server, &client));
        // The first one pays for what is made once.
        held(tls, asynchronous)?;
        let Held { open, echoed } = held(tls, asynchronous)?;
        println!("| {name} | {open} | {echoed} |");
    }
    Ok(())
}

fn held(tls: Option<(&ServerTls, &ClientTls)>, asynchronous: bool) -> Result<Held, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let client_tls = tls.map(|(_, client)| client.clone());
    let client = thread::spawn(move || talk(TcpStream::connect(address)?, client_tls));
    let (stream, _) = listener.accept()?;
    let server_tls = tls.map(|(server, _)| server);
    let held = match asynchronous {
        true => serve_async(stream, server_tls),
        false => serve(stream, server_tls),
    };
    client.join().expect("no panic")?;
    held
}

/// Has a message echoed and waits for the end.
fn talk(stream: TcpStream, tls: Option<ClientTls>) -> Result<(), Failure> {
    fn talk<S: blocking::Stream>(mut websocket: blocking::WebSocket<S>) -> Result<(), Failure> {
        websocket.send(vec![7; 16 << 10])?;
        websocket.read()?;
        while websocket.read()?.is_some() {}
        Ok(())
    }

    let uri = "wss://localhost/";
    match tls {
        Some(tls) => talk(blocking::client_tls(stream, &tls, uri, Config::default())?.0),
        None => talk(blocking::client(stream, uri, Config::default())?.0),
    }
}

fn serve(stream: TcpStream, tls: Option<&ServerTls>) -> Result<Held, Failure> {
    fn serve<S: blocking::Stream>(
        open: impl FnOnce(Arc<Config>) -> Result<blocking::Incoming<S>, framewise::Error>,
    ) -> Result<Held, Failure> {
        let (config, mut held, mut websocket) = (Arc::default(), Held::default(), None);
        let info = measure(|| {
            websocket = Some(open(config).and_then(|incoming| incoming.accept(Acceptance::new())));
        });
        held.open = info.bytes_current;
        let mut websocket = websocket.expect("measured")?;
        let mut echoed = Ok(());
        let info = measure(|| {
            echoed = websocket.read().and_then(|message| match message {
                Some(message) => websocket.send(message),
                None => Ok(()),
            });
            // What was used is given back while it waits.
            let _ = websocket.read_timeout(WAIT);
        });
        echoed?;
        held.echoed = held.open + info.bytes_current;
        Ok(held)
    }

    match tls {
        Some(tls) => serve(|config| blocking::accept_tls(stream, tls, config)),
        None => serve(|config| blocking::accept(stream, config)),
    }
}

fn serve_async(stream: TcpStream, tls: Option<&ServerTls>) -> Result<Held, Failure> {
    stream.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stream = runtime.block_on(async { tokio::net::TcpStream::from_std(stream) })?;
    let config: Arc<Config> = Arc::default();
    let mut held = Held::default();

    macro_rules! serve {
        ($incoming:expr) => {{
            let mut websocket = None;
            let info = measure(|| {
                websocket = Some(runtime.block_on(async {
                    let incoming = $incoming.await?;
                    incoming.accept(Acceptance::new()).await
                }));
            });
            held.open = info.bytes_current;
            let mut websocket = websocket.expect("measured")?;
            let mut echoed = Ok(());
            let info = measure(|| {
                echoed = runtime.block_on(async {
                    match websocket.read().await? {
                        Some(message) => websocket.send(message).await?,
                        None => {}
                    }
                    let _ = tokio::time::timeout(WAIT, websocket.read()).await;
                    Ok::<_, framewise::Error>(())
                });
            });
            echoed?;
            held.echoed = held.open + info.bytes_current;
        }};
    }

    match tls {
        Some(tls) => serve!(asynchronous::accept_tls(stream, tls, config)),
        None => serve!(asynchronous::accept(stream, config)),
    }
    Ok(held)
}
