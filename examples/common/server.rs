//! The command line of a server.

use framewise::handshake::{Origin, OriginPolicy};
use lexopt::prelude::*;

/// The arguments of a server.
pub(crate) struct Options {
    /// Where to listen: an address or a name, and a port.
    pub(crate) listen: String,
    /// Which pages may connect.
    pub(crate) policy: OriginPolicy,
}

impl Options {
    /// Reads the arguments of the program, or ends it.
    pub(crate) fn from_arguments() -> Self {
        Self::parse().unwrap_or_else(|error| super::refuse(&error))
    }

    fn parse() -> Result<Self, lexopt::Error> {
        let mut listen = String::from("127.0.0.1:9001");
        let mut origins: Vec<Origin> = Vec::new();
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
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
        Ok(Self { listen, policy })
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
  -h, --help            Print this help

Ctrl-C closes all connections and ends the server; a second one ends it at once.

Exit status:
  0    after Ctrl-C, when all connections have closed or have had 5 seconds
  1    the server cannot listen, or another I/O error
  2    the command line is wrong
  130  after a second Ctrl-C
"
);
