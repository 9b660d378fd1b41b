//! A server that sends every message back, on compio.

use std::{error::Error, sync::Arc};

use compio::{
    net::{TcpListener, TcpStream},
    runtime::{Runtime, spawn},
};
use framewise::{
    Config, Event, State,
    deflate::DeflateConfig,
    handshake::{Acceptance, OriginPolicy, Rejection},
    polled,
};
use framewise_runtimes::compio::Compio;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new()?;
    eprintln!("{:?}", runtime.driver_type());
    runtime.block_on(async {
        let mut config = Config::default();
        config.deflate = Some(DeflateConfig::default());
        let config = Arc::new(config);
        let listener = TcpListener::bind(framewise_runtimes::address()?).await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let (stream, peer) = listener.accept().await?;
            let config = Arc::clone(&config);
            let serve = async move {
                if let Err(error) = serve(stream, config).await {
                    eprintln!("{peer}: {error}");
                }
            };
            spawn(serve).detach();
        }
    })
}

async fn serve(stream: TcpStream, config: Arc<Config>) -> Result<(), framewise::Error> {
    stream.set_nodelay(true)?;
    let incoming = polled::accept(Compio::new(stream), config).await?;
    if incoming.upgrade().check_origin(&OriginPolicy::same_origin()).is_err() {
        return incoming.reject(Rejection::forbidden()).await;
    }
    let mut websocket = incoming.accept(Acceptance::new()).await?;
    while let Some(mut batch) = websocket.fill().await? {
        while let Some(event) = batch.next() {
            match event {
                _ if batch.connection().state() != State::Open => {}
                Event::Text(text) => batch.send(text)?,
                Event::Binary(payload) => batch.send(payload)?,
                _ => {}
            }
        }
    }
    Ok(())
}
