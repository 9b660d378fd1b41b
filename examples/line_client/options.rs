//! The command line.

use std::{path::PathBuf, time::Duration};

use framewise::{
    Config,
    client::{Connector, Proxy},
    deflate::DeflateConfig,
    handshake::{ClientRequest, Origin},
};
use lexopt::prelude::*;

#[cfg(feature = "rustls")]
use crate::tls;
use crate::{
    common::{self, NAME, client},
    input::MAX_LINE,
};

/// The arguments.
pub(crate) struct Options {
    pub(crate) request: ClientRequest,
    pub(crate) config: Config,
    pub(crate) connector: Connector,
    /// Whether lines are sent as binary messages.
    pub(crate) binary: bool,
    /// Whether everything that is not a message is shown, too.
    pub(crate) verbose: bool,
}

impl Options {
    /// Reads the arguments of the program, or ends it.
    pub(crate) fn from_arguments() -> Self {
        Self::parse().unwrap_or_else(|error| common::refuse(&error))
    }

    fn parse() -> Result<Self, lexopt::Error> {
        let mut config = Config::default();
        config.deflate = Some(DeflateConfig::default());
        // The longest line can be sent, and its echo received.
        config.max_message_size = MAX_LINE;
        config.max_output = usize::try_from(2 * MAX_LINE).unwrap_or(usize::MAX);
        let mut connector = Connector::new();
        let (mut binary, mut insecure, mut verbose) = (false, false, false);
        let (mut ca, mut cert, mut key) = (None::<PathBuf>, None::<PathBuf>, None::<PathBuf>);
        let (mut url, mut origin) = (None, None::<Origin>);
        let (mut headers, mut subprotocols) = (Vec::new(), Vec::new());

        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("binary") => binary = true,
                Long("ca") => ca = Some(parser.value()?.into()),
                Long("cert") => cert = Some(parser.value()?.into()),
                Long("header") => headers.push(parser.value()?.parse_with(header)?),
                Long("insecure") => insecure = true,
                Long("key") => key = Some(parser.value()?.into()),
                Long("origin") => origin = Some(parser.value()?.parse()?),
                Long("ping-interval") => {
                    config.ping_interval = parser.value()?.parse_with(interval)?;
                }
                Long("proxy") => {
                    let proxy = Proxy::new(&parser.value()?.string()?);
                    let proxy = proxy.map_err(|error| format!("--proxy: {error}"))?;
                    connector = connector.proxy(proxy);
                }
                Long("subprotocol") => subprotocols.push(parser.value()?.string()?),
                Short('v') | Long("verbose") => verbose = true,
                Short('h') | Long("help") => common::help(HELP),
                Short('V') | Long("version") => {
                    common::help(&format!("{NAME} {}", env!("CARGO_PKG_VERSION")));
                }
                Value(value) if url.is_none() => url = Some(value.string()?),
                _ => return Err(argument.unexpected()),
            }
        }

        let mut request = client::request(url)?;
        for (name, value) in headers {
            request = request
                .header(&name, &value)
                .map_err(|error| format!("--header '{name}: {value}': {error}"))?;
        }
        for name in subprotocols {
            request = request
                .subprotocol(&name)
                .map_err(|error| format!("--subprotocol '{name}': {error}"))?;
        }
        if let Some(origin) = origin {
            request = request.origin(origin);
        }
        #[cfg(feature = "rustls")]
        {
            let (ca, cert, key) = (ca.as_deref(), cert.as_deref(), key.as_deref());
            if let Some(tls) = (tls::Files { ca, cert, key, insecure }).load()? {
                connector = connector.tls(tls);
            }
        }
        #[cfg(not(feature = "rustls"))]
        if insecure || ca.is_some() || cert.is_some() || key.is_some() {
            return Err("there is no TLS in this program: build it with --features tls".into());
        }
        Ok(Self { request, config, connector, binary, verbose })
    }
}

fn header(field: &str) -> Result<(String, String), &'static str> {
    let (name, value) = field.split_once(':').ok_or("a header is NAME: VALUE")?;
    Ok((name.into(), value.trim().into()))
}

/// Parses a number of seconds; 0 means never.
fn interval(seconds: &str) -> Result<Option<Duration>, &'static str> {
    let seconds = seconds.parse().map_err(|_| "not a number of seconds")?;
    let interval = Duration::try_from_secs_f64(seconds).map_err(|_| "not a duration")?;
    Ok(Some(interval).filter(|interval| !interval.is_zero()))
}

const HELP: &str = "\
Usage: line_client [OPTIONS] URL

Sends each line of the standard input as a message to the WebSocket server at
URL (ws://HOST:PORT/PATH or wss://...), and prints each message that comes.
Closes the connection at the end of the input.

Options:
      --binary                 Send lines as binary messages, whatever they hold
      --ca FILE                Trust these root certificates (PEM) instead of
                               those of the system
      --cert FILE              Show this certificate (PEM) to the server, with
                               its chain
      --header 'NAME: VALUE'   Send this header field (repeatable)
      --insecure               Do not check the certificate of the server. For
                               tests only: anybody can listen in
      --key FILE               The private key (PEM) of the certificate
      --origin ORIGIN          Send this Origin, such as https://example.com
      --ping-interval SECONDS  Send a Ping after so long a silence of the server
                               (default: 20; 0: never)
      --proxy URL              Connect through this proxy:
                               http://[USER:PASSWORD@]HOST:PORT or socks5://...
      --subprotocol NAME       Offer this subprotocol (repeatable, best first)
  -v, --verbose                Show the handshake, what was agreed, and each
                               message, Ping, Pong and Close on the standard
                               error
  -h, --help                   Print this help
  -V, --version                Print the version

Ctrl-C closes the connection; a second one ends the program at once.

Exit status:
  0    the connection was closed normally: 1000, 1001 or no code
  1    the connection failed or was lost, or another I/O error
  2    the command line is wrong
  3    the server refused the connection
  4    the server closed the connection with another code
  5    the input cannot be read or sent; what came before it was sent
  130  Ctrl-C before the connection was open, or a second one
";
