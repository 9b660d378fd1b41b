//! nginx and HAProxy in front of servers on hyper and axum.

use std::net::SocketAddr;

use axum::{Router, routing::any};
use framewise::{axum::WebSocketUpgrade, handshake::ClientRequest, tokio as websocket};
use framewise_ecosystem::{
    Authority,
    http::{connect_http2, connect_tcp, connect_tls, open_http1, open_http2, serve},
};
use hyper::{Request, Version, body::Incoming};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{
    folder::Folder,
    programs::{Program, free_port, installed, nginx},
    server::{compressing, echo, pass_on, serve_axum, talk},
};

/// Starts an echo server. It tells of each request that is for a WebSocket the version of HTTP.
async fn backend(framework: &str) -> (SocketAddr, UnboundedReceiver<String>) {
    let (tell, told) = unbounded_channel();
    if framework == "axum" {
        let open = async move |version: Version, ws: WebSocketUpgrade| {
            tell.send(format!("{version:?}")).unwrap();
            ws.config(compressing()).on_upgrade_websocket(|websocket| echo(Ok(websocket)))
        };
        return (serve_axum(Router::new().route("/chat", any(open))).await, told);
    }
    let answer = pass_on(compressing(), echo);
    let address = serve(move |request: Request<Incoming>| {
        if request.uri().path() == "/chat" {
            tell.send(format!("{:?}", request.version())).unwrap();
        }
        answer(request)
    });
    (address.await, told)
}

fn request(scheme: &str, port: u16) -> ClientRequest {
    ClientRequest::new(format!("{scheme}://localhost:{port}/chat")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_passes_connections_on() {
    for framework in ["axum", "hyper"] {
        let (backend, _versions) = backend(framework).await;
        nginx_in_front(backend).await;
    }
}

async fn nginx_in_front(backend: SocketAddr) {
    let (folder, port) = (Folder::new(), free_port());
    let server = format!(
        "server {{
             listen 127.0.0.1:{port};
             location / {{
                 proxy_pass http://{backend};
                 proxy_http_version 1.1;
                 proxy_set_header Host $http_host;
                 proxy_set_header Upgrade $http_upgrade;
                 proxy_set_header Connection upgrade;
             }}
         }}"
    );
    let Some(_nginx) = nginx(&server, port, &folder) else { return };
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    for config in [framewise::Config::default(), compressing()] {
        let opened = websocket::connect(request("ws", port), config.clone()).await;
        talk(&mut opened.unwrap().0).await;
        let stream = connect_tcp(address).await;
        talk(&mut open_http1(stream, request("ws", port), config).await.unwrap()).await;
    }
}

// HAProxy turns an extended CONNECT of HTTP/2 into an upgrade of HTTP/1.1, and the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn haproxy_translates_between_the_versions() {
    for framework in ["axum", "hyper"] {
        let (backend, versions) = backend(framework).await;
        haproxy_in_front(backend, versions).await;
    }
}

async fn haproxy_in_front(backend: SocketAddr, mut versions: UnboundedReceiver<String>) {
    let authority = Authority::new("root");
    let identity = authority.issue(&["localhost"]);
    let folder = Folder::new();
    let certificate = folder.write("identity.pem", format!("{}{}", identity.chain, identity.key()));
    for (proto, version) in [("", "HTTP/1.1"), ("proto h2", "HTTP/2.0")] {
        let Some(mut command) = installed("haproxy") else { return };
        let (plain, secure) = (free_port(), free_port());
        let config = folder.write(
            "haproxy.cfg",
            format!(
                "defaults
                     mode http
                     timeout client 30s
                     timeout server 30s
                     timeout connect 5s
                 frontend front
                     bind 127.0.0.1:{plain}
                     bind 127.0.0.1:{secure} ssl crt {certificate} alpn h2,http/1.1
                     default_backend back
                 backend back
                     server one {backend} {proto}\n"
            ),
        );
        let _haproxy = Program::start_on(command.args(["-db", "-f", &config]), plain);
        let [plain_address, secure_address] =
            [plain, secure].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        for config in [framewise::Config::default(), compressing()] {
            let opened = websocket::connect(request("ws", plain), config.clone()).await;
            talk(&mut opened.unwrap().0).await;
            let stream = connect_tls(&authority, secure_address, b"http/1.1").await;
            let opened = open_http1(stream, request("wss", secure), config.clone()).await;
            talk(&mut opened.unwrap()).await;

            let mut sender = connect_http2(connect_tcp(plain_address).await).await;
            for _ in 0..2 {
                let opened = open_http2(&mut sender, request("ws", plain), config.clone()).await;
                talk(&mut opened.unwrap()).await;
            }
            let stream = connect_tls(&authority, secure_address, b"h2").await;
            let mut sender = connect_http2(stream).await;
            let opened = open_http2(&mut sender, request("wss", secure), config.clone()).await;
            talk(&mut opened.unwrap()).await;
        }
        for _ in 0..10 {
            assert_eq!(versions.recv().await.unwrap(), version, "{proto}");
        }
        assert!(versions.is_empty());
    }
}
