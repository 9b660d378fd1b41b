//! A client that trusts what the system trusts: connects to the address in its argument, as `localhost`.

use framewise::{Config, Error, blocking::client_tls, tls::ClientTls};

fn main() -> Result<(), Error> {
    let address = std::env::args().nth(1).unwrap_or_default();
    let stream = std::net::TcpStream::connect(address)?;
    let tls = ClientTls::platform()?;
    let (mut websocket, _) = client_tls(stream, &tls, "wss://localhost/", Config::default())?;
    websocket.send("from a child")?;
    println!("{}", websocket.read()?.expect("an echo").as_text().unwrap_or_default());
    Ok(())
}
