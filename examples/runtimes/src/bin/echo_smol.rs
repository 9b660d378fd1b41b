//! A server that sends every message back, on smol.

use std::{error::Error, sync::Arc};

use framewise::{
    Config, Event, State,
    deflate::DeflateConfig,
    handshake::{Acceptance, OriginPolicy, Rejection},
    polled,
};
use framewise_runtimes::smol::Smol;
use smol::{
    LocalExecutor,
    net::{TcpListener, TcpStream},
};

fn main() -> Result<(), Box<dyn Error>> {
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
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
            executor.spawn(serve).detach();
        }
    }))
}

async fn serve(stream: TcpStream, config: Arc<Config>) -> Result<(), framewise::Error> {
    stream.set_nodelay(true)?;
    let incoming = polled::accept(Smol::new(stream), config).await?;
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
