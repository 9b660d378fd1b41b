//! The command line of a server.

use std::path::PathBuf;

use framewise::handshake::{Origin, OriginPolicy};
#[cfg(feature = "rustls")]
use framewise::tls::ServerTls;
use lexopt::prelude::*;

/// The arguments of a server.
pub(crate) struct Options {
    /// Where to listen: an address or a name, and a port.
    pub(crate) listen: String,
    /// Which pages may connect.
    pub(crate) policy: OriginPolicy,
    /// What to do TLS with, if at all.
    #[cfg(feature = "rustls")]
    pub(crate) tls: Option<ServerTls>,
}

impl Options {
    /// Reads the arguments of the program, or ends it.
    pub(crate) fn from_arguments() -> Self {
        Self::parse().unwrap_or_else(|error| super::refuse(&error))
    }

    fn parse() -> Result<Self, lexopt::Error> {
        let mut listen = String::from("127.0.0.1:9001");
        let mut origins: Vec<Origin> = Vec::new();
        let mut tls = Tls::default();
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("client-ca") => tls.client_ca = Some(parser.value()?.into()),
                Long("tls-cert") => tls.cert = Some(parser.value()?.into()),
                Long("tls-key") => tls.key = Some(parser.value()?.into()),
                Long("listen") => listen = parser.value()?.string()?,
                Long("origin") => origins.push(parser.value()?.parse()?),
                Short('h') | Long("help") => super::help(HELP),
                _ => return Err(argument.unexpected()),
            }
        }
        let policy = match origins.is_empty() {
            true => OriginPolicy::same_origin(),
            false => OriginPolicy::allow_list(origins),
        };
        #[cfg(not(feature = "rustls"))]
        if tls.cert.is_some() || tls.key.is_some() || tls.client_ca.is_some() {
            return Err("there is no TLS in this program: build it with --features tls".into());
        }
        Ok(Self {
            listen,
            policy,
            #[cfg(feature = "rustls")]
            tls: tls.load()?,
        })
    }

    /// Returns whether connections are TLS.
    pub(crate) fn is_secure(&self) -> bool {
        #[cfg(feature = "rustls")]
        return self.tls.is_some();
        #[cfg(not(feature = "rustls"))]
        false
    }
}

/// The files for TLS.
#[derive(Default)]
struct Tls {
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
}

impl Tls {
    #[cfg(feature = "rustls")]
    fn load(self) -> Result<Option<ServerTls>, lexopt::Error> {
        let (cert, key) = match (self.cert, self.key) {
            (None, None) if self.client_ca.is_none() => return Ok(None),
            (Some(cert), Some(key)) => (cert, key),
            _ => return Err("--tls-cert and --tls-key go together".into()),
        };
        let failed = |error| format!("{} and {}: {error}", cert.display(), key.display());
        let mut tls =
            ServerTls::from_pem(super::read(&cert)?, super::read(&key)?).map_err(failed)?;
        if let Some(ca) = self.client_ca {
            let failed = |error| format!("{}: {error}", ca.display());
            tls = tls.require_client_certs(super::read(&ca)?).map_err(failed)?;
        }
        Ok(Some(tls))
    }
}

const HELP: &str = concat!(
    "Usage: ",
    env!("CARGO_BIN_NAME"),
    " [OPTIONS]

Sends every WebSocket message back.

Options:
      --listen ADDRESS  Listen on HOST:PORT (default: 127.0.0.1:9001); port 0
                        takes a free port. The first line of output names the
                        port: 'listening on 127.0.0.1:9001'
      --origin ORIGIN   Let pages of this origin connect, such as
                        https://example.com (repeatable; default: pages of the
                        same origin). Programs without an Origin may connect
      --tls-cert FILE   Serve wss:// with this certificate and the chain to its
                        root, in PEM
      --tls-key FILE    The private key of the certificate, in PEM
      --client-ca FILE  Let in only clients with a certificate of these
                        authorities, in PEM
  -h, --help            Print this help

Ctrl-C closes all connections and ends the server; a second one ends it at once.

Exit status:
  0    after Ctrl-C, when all connections have closed or have had 5 seconds
  1    the server cannot listen, or another I/O error
  2    the command line is wrong
  130  after a second Ctrl-C
"
);
