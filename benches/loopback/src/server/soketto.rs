//! soketto.
//!
//! Its receiver cannot be asked whether a message is there, so there is no batch.

use std::{io, net::TcpListener};

use futures_util::io::{BufReader, BufWriter};
use soketto::{
    Data,
    handshake::{Server, server::Response},
};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncReadCompatExt as _;

use super::{Ended, on_tokio};

pub(super) fn serve(listener: TcpListener) -> io::Result<()> {
    on_tokio(listener, echo)
}

async fn echo(stream: TcpStream) -> Ended {
    let mut server = Server::new(BufReader::new(BufWriter::new(stream.compat())));
    let key = server.receive_request().await?.key();
    server.send_response(&Response::Accept { key, protocol: None }).await?;
    let (mut sender, mut receiver) = server.into_builder().finish();
    let mut message = Vec::new();
    loop {
        message.clear();
        match receiver.receive_data(&mut message).await? {
            Data::Binary(_) => sender.send_binary_mut(&mut message).await?,
            // It does not validate.
            Data::Text(_) => sender.send_text(std::str::from_utf8(&message)?).await?,
        }
        sender.flush().await?;
    }
}
