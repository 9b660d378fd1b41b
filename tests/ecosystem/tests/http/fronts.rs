//! nginx and HAProxy in front of a server on hyper.

use std::net::SocketAddr;

use framewise::{Config, deflate::DeflateConfig, handshake::ClientRequest, tokio as websocket};
use framewise_ecosystem::Authority;
use tokio::net::TcpStream;

use crate::{
    folder::Folder,
    programs::{Program, free_port, installed},
    server::{connect_http2, connect_tls, echo, open_http2, pass_on, serve, talk},
};

fn compressing() -> Config {
    Config::default().deflate(DeflateConfig::default())
}

fn request(port: u16) -> ClientRequest {
    ClientRequest::new(format!("ws://localhost:{port}/chat")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_passes_connections_on() {
    let backend = serve(pass_on(compressing(), echo)).await;
    let (folder, port) = (Folder::new(), free_port());
    let root = folder.path().display();
    let config = folder.write(
        "nginx.conf",
        format!(
            "daemon off; master_process off; pid {root}/pid; error_log {root}/errors.log;
             events {{ worker_connections 256; }}
             http {{
                 access_log off;
                 client_body_temp_path {root}; proxy_temp_path {root};
                 fastcgi_temp_path {root}; uwsgi_temp_path {root}; scgi_temp_path {root};
                 server {{
                     listen 127.0.0.1:{port};
                     location / {{
                         proxy_pass http://{backend};
                         proxy_http_version 1.1;
                         proxy_set_header Host $http_host;
                         proxy_set_header Upgrade $http_upgrade;
                         proxy_set_header Connection upgrade;
                     }}
                 }}
             }}"
        ),
    );
    let Some(mut command) = installed("nginx") else { return };
    command.args(["-c", &config, "-e", &format!("{root}/errors.log")]);
    let _nginx = Program::start_on(&mut command, port);
    for config in [Config::default(), compressing()] {
        let (mut websocket, _) = websocket::connect(request(port), config).await.unwrap();
        talk(&mut websocket).await;
    }
}

// HAProxy turns an extended CONNECT of HTTP/2 into an upgrade of HTTP/1.1, and the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn haproxy_translates_between_the_versions() {
    let backend = serve(pass_on(compressing(), echo)).await;
    let authority = Authority::new("root");
    let identity = authority.issue(&["localhost"]);
    let folder = Folder::new();
    let certificate = folder.write("identity.pem", format!("{}{}", identity.chain, identity.key()));
    for proto in ["", "proto h2"] {
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
        let Some(mut command) = installed("haproxy") else { return };
        let _haproxy = Program::start_on(command.args(["-db", "-f", &config]), plain);
        for config in [Config::default(), compressing()] {
            let (mut websocket, _) =
                websocket::connect(request(plain), config.clone()).await.unwrap();
            talk(&mut websocket).await;

            let address = SocketAddr::from(([127, 0, 0, 1], plain));
            let mut sender = connect_http2(TcpStream::connect(address).await.unwrap()).await;
            for _ in 0..2 {
                let opened = open_http2(&mut sender, request(plain), config.clone()).await;
                talk(&mut opened.unwrap()).await;
            }

            let address = SocketAddr::from(([127, 0, 0, 1], secure));
            let mut sender = connect_http2(connect_tls(&authority, address, b"h2").await).await;
            let uri = format!("wss://localhost:{secure}/chat");
            let request = ClientRequest::new(uri).unwrap();
            let opened = open_http2(&mut sender, request, config).await;
            talk(&mut opened.unwrap()).await;
        }
    }
}
