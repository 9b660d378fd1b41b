//! Clients of ours, and a server of others over both versions of HTTP: Python's hypercorn.

use std::{net::SocketAddr, time::Duration};

use framewise::{
    Config, Error, client::Connector, deflate::DeflateConfig, handshake::ClientRequest,
    tokio as websocket,
};
use framewise_ecosystem::Authority;
use tokio::net::TcpStream;

use crate::{
    folder::Folder,
    programs::{Program, script},
    server::{connect_http2, connect_tls, open_http1, open_http2, talk},
};

fn request(scheme: &str, port: u16, path: &str) -> ClientRequest {
    let request = ClientRequest::new(format!("{scheme}://localhost:{port}{path}")).unwrap();
    ["http-1.1", "http-2"]
        .iter()
        .try_fold(request, |request, name| request.subprotocol(name))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn hypercorn_answers_over_both_versions() {
    let (authority, folder) = (Authority::new("root"), Folder::new());
    let identity = authority.issue(&["localhost"]);
    let files =
        [folder.write("chain.pem", &identity.chain), folder.write("key.pem", &identity.key())];
    // Over HTTP/2 it leaves the stream open when both have closed: the client does not wait for long.
    let plain = Config::default().close_timeout(Duration::from_millis(100));
    for config in [plain.clone(), plain.deflate(DeflateConfig::default())] {
        // Without TLS HTTP/2 begins at once.
        let Some(mut command) = script("hypercorn_server.py") else { return };
        let (_server, port) = Program::start_with_port(&mut command);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let (mut own, response) =
            websocket::connect(request("ws", port, "/chat"), config.clone()).await.unwrap();
        assert_eq!(response.subprotocol(), Some("http-1.1"));
        talk(&mut own).await;
        let stream = TcpStream::connect(address).await.unwrap();
        talk(&mut open_http1(stream, request("ws", port, "/chat"), config.clone()).await.unwrap())
            .await;
        let mut sender = connect_http2(TcpStream::connect(address).await.unwrap()).await;
        for _ in 0..2 {
            let opened = open_http2(&mut sender, request("ws", port, "/chat"), config.clone());
            talk(&mut opened.await.unwrap()).await;
        }
        let refused = open_http2(&mut sender, request("ws", port, "/other"), config.clone()).await;
        let Err(Error::Handshake(refused)) = refused else { panic!("not refused") };
        assert_eq!(refused.response().map(|response| response.status()), Some(403));

        let Some(mut command) = script("hypercorn_server.py") else { return };
        let (_server, port) = Program::start_with_port(command.args(&files));
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let connector = Connector::new().tls(authority.client());
        let own =
            websocket::connect_with(&connector, request("wss", port, "/chat"), config.clone());
        talk(&mut own.await.unwrap().0).await;
        let mut sender = connect_http2(connect_tls(&authority, address, b"h2").await).await;
        let opened = open_http2(&mut sender, request("wss", port, "/chat"), config);
        talk(&mut opened.await.unwrap()).await;
    }
}
