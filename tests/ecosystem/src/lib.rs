//! Tests of framewise over streams of other crates, and over TLS.
//!
//! Certificates are made at run time. Both adapters can be either end, each in a thread of its own, so a
//! test runs for all four pairs of them.

pub mod http;

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread::{self, JoinHandle},
};

use framewise::{
    CloseCode, Config, EndOfStream, Error, blocking,
    handshake::{Acceptance, OriginPolicy},
    tls::{ClientTls, ServerTls, TlsInfo},
    tokio as asynchronous,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use rustls::pki_types::PrivateKeyDer;

/// Examples of the documentation that use crates which framewise itself does without.
#[cfg(doctest)]
#[doc = include_str!("../../../src/axum/chat.md")]
#[doc = include_str!("../../../src/connection/json.md")]
#[doc = include_str!("../../../src/hyper/client.md")]
#[doc = include_str!("../../../src/hyper/server.md")]
#[doc = include_str!("../../../src/message/json_event.md")]
#[doc = include_str!("../../../src/message/json_message.md")]
pub struct Examples;

/// An authority that issues certificates.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Makes one with a name that tells it from others.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    /// Returns its certificate, the root, in PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Issues a certificate for hosts and addresses.
    pub fn issue(&self, names: &[&str]) -> Certified {
        self.issue_between(names, 2020, 2040)
    }

    /// Issues one that is valid from the beginning of a year to that of another one.
    pub fn issue_between(&self, names: &[&str], from: i32, to: i32) -> Certified {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        self.sign(params)
    }

    /// Issues one for a client.
    pub fn issue_client(&self, name: &str) -> Certified {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Certified {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Certified { chain: certificate.pem(), der: certificate.der().to_vec(), key }
    }

    /// Returns a server with a certificate for these names.
    pub fn server(&self, names: &[&str]) -> ServerTls {
        self.issue(names).server()
    }

    /// Returns a client that trusts this authority only.
    pub fn client(&self) -> ClientTls {
        ClientTls::with_roots_pem(self.pem()).unwrap()
    }

    /// Returns such a server for rustls itself.
    pub fn server_config(&self, names: &[&str]) -> Arc<rustls::ServerConfig> {
        self.issue(names).server_config()
    }

    /// Returns such a client for rustls itself.
    pub fn client_config(&self) -> Arc<rustls::ClientConfig> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }
}

/// A certificate and its key.
pub struct Certified {
    /// In PEM.
    pub chain: String,
    pub der: Vec<u8>,
    key: KeyPair,
}

impl Certified {
    /// Returns the key in PKCS#8.
    pub fn key(&self) -> String {
        self.key.serialize_pem()
    }

    /// Returns the key in SEC1, which is a part of PKCS#8 for elliptic curves (RFC 5915).
    pub fn sec1_key(&self) -> String {
        let pkcs8 = self.key.serialize_der();
        // A sequence of less than 128 bytes, which begins with the version 1 and 32 bytes.
        let version = pkcs8.windows(5).position(|window| window == [2, 1, 1, 4, 32]).unwrap();
        let start = version - 2;
        let len = 2 + usize::from(pkcs8[start + 1]);
        pem::encode(&pem::Pem::new("EC PRIVATE KEY", &pkcs8[start..start + len]))
    }

    pub fn server(&self) -> ServerTls {
        ServerTls::from_pem(&self.chain, self.key()).unwrap()
    }

    /// Returns such a server for rustls itself.
    pub fn server_config(&self) -> Arc<rustls::ServerConfig> {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone().into()], key)
            .unwrap();
        Arc::new(config)
    }
}

/// Which adapter is at one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    Blocking,
    Tokio,
}

use Adapter::{Blocking, Tokio};

/// Server and client.
pub const PAIRS: [(Adapter, Adapter); 4] =
    [(Blocking, Blocking), (Blocking, Tokio), (Tokio, Blocking), (Tokio, Tokio)];

/// What one end has seen.
pub type Seen = Result<TlsInfo, Error>;

/// A server for one client, in a thread.
pub struct Server {
    pub address: SocketAddr,
    thread: JoinHandle<Seen>,
}

impl Server {
    /// Waits for a client, and echoes what it sends until it closes. Pages must be of the same origin.
    pub fn start(adapter: Adapter, tls: &ServerTls, config: Config) -> Self {
        Self::on("127.0.0.1:0", adapter, tls, config).unwrap()
    }

    /// Does the same at an address, unless this machine lacks that.
    pub fn on(at: &str, adapter: Adapter, tls: &ServerTls, config: Config) -> Option<Self> {
        let listener = TcpListener::bind(at).ok()?;
        let (address, tls) = (listener.local_addr().unwrap(), tls.clone());
        let thread = thread::spawn(move || match adapter {
            Blocking => serve(listener, &tls, config),
            Tokio => run(serve_async(listener, &tls, config)),
        });
        Some(Self { address, thread })
    }

    pub fn end(self) -> Seen {
        self.thread.join().unwrap()
    }
}

fn serve(listener: TcpListener, tls: &ServerTls, config: Config) -> Seen {
    let (stream, _) = listener.accept()?;
    let incoming = blocking::accept_tls(stream, tls, config)?;
    incoming.upgrade().check_origin(&OriginPolicy::same_origin())?;
    let info = incoming.stream().tls();
    let mut websocket = incoming.accept(Acceptance::new())?;
    while let Some(message) = websocket.read()? {
        websocket.send(message)?;
    }
    Ok(info)
}

async fn serve_async(listener: TcpListener, tls: &ServerTls, config: Config) -> Seen {
    let (stream, _) = listener.accept()?;
    let incoming = asynchronous::accept_tls(into_async(stream), tls, config).await?;
    incoming.upgrade().check_origin(&OriginPolicy::same_origin())?;
    let info = incoming.stream().tls();
    let mut websocket = incoming.accept(Acceptance::new()).await?;
    while let Some(message) = websocket.read().await? {
        websocket.send(message).await?;
    }
    Ok(info)
}

/// Connects to `address` for `uri`, sends a message, waits for its echo and closes.
pub fn talk(adapter: Adapter, address: SocketAddr, tls: &ClientTls, uri: &str) -> Seen {
    talk_with(adapter, address, tls, uri, Config::default())
}

/// Does the same with a configuration.
pub fn talk_with(
    adapter: Adapter,
    address: SocketAddr,
    tls: &ClientTls,
    uri: &str,
    config: Config,
) -> Seen {
    let request = framewise::handshake::ClientRequest::new(uri)?;
    let origin = format!("https://{}", request.uri().authority()).parse()?;
    let request = request.origin(origin);
    let stream = TcpStream::connect(address)?;
    let message = "over TLS".repeat(20_000);
    match adapter {
        Blocking => {
            let (mut websocket, _) = blocking::client_tls(stream, tls, request, config)?;
            let info = websocket.stream().tls();
            websocket.send(message.as_str())?;
            let echo = websocket.read()?.expect("an echo");
            assert_eq!(echo.as_text(), Some(message.as_str()));
            assert_eq!(websocket.close(CloseCode::NORMAL, "")?, EndOfStream::Clean);
            Ok(info)
        }
        Tokio => run(async {
            let stream = into_async(stream);
            let (mut websocket, _) = asynchronous::client_tls(stream, tls, request, config).await?;
            let info = websocket.stream().tls();
            websocket.send(message.as_str()).await?;
            let echo = websocket.read().await?.expect("an echo");
            assert_eq!(echo.as_text(), Some(message.as_str()));
            assert_eq!(websocket.close(CloseCode::NORMAL, "").await?, EndOfStream::Clean);
            Ok(info)
        }),
    }
}

/// Runs a future on a runtime of its own.
pub fn run<F: Future>(future: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(future)
}

/// Has tokio do the I/O of a stream.
pub fn into_async(stream: TcpStream) -> tokio::net::TcpStream {
    stream.set_nonblocking(true).unwrap();
    stream.set_nodelay(true).unwrap();
    tokio::net::TcpStream::from_std(stream).unwrap()
}
