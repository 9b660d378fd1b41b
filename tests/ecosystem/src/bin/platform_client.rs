//! A client that trusts what the system trusts, in the fewest lines: `platform_client ADAPTER URI`.

use framewise::{Config, Error, blocking, tokio as asynchronous};

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let (adapter, uri) =
        (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let echo = match &*adapter {
        "blocking" => talk(&uri)?,
        _ => framewise_ecosystem::run(talk_async(&uri))?,
    };
    println!("{echo}");
    Ok(())
}

fn talk(uri: &str) -> Result<String, Error> {
    let (mut websocket, _) = blocking::connect(uri, Config::default())?;
    websocket.send("from a child")?;
    Ok(websocket.read()?.expect("an echo").as_text().unwrap_or_default().to_owned())
}

async fn talk_async(uri: &str) -> Result<String, Error> {
    let (mut websocket, _) = asynchronous::connect(uri, Config::default()).await?;
    websocket.send("from a child").await?;
    Ok(websocket.read().await?.expect("an echo").as_text().unwrap_or_default().to_owned())
}
