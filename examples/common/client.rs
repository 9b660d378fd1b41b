//! The command line of a client.

use framewise::handshake::ClientRequest;
use lexopt::prelude::*;

/// Reads the URL, the only argument, or ends the program.
pub(crate) fn request_from_arguments(help: &str) -> ClientRequest {
    parse(help).unwrap_or_else(|error| super::refuse(&error))
}

fn parse(help: &str) -> Result<ClientRequest, lexopt::Error> {
    let mut url = None;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => super::help(help),
            Value(value) if url.is_none() => url = Some(value.string()?),
            _ => return Err(argument.unexpected()),
        }
    }
    request(url)
}

/// Asks for the resource at a URL.
pub(crate) fn request(url: Option<String>) -> Result<ClientRequest, lexopt::Error> {
    let url = url.ok_or("the URL is missing")?;
    let request = ClientRequest::new(&url).map_err(|error| error.to_string())?;
    if cfg!(not(feature = "rustls")) && request.uri().is_secure() {
        return Err(
            "there is no TLS in this program for wss://: build it with --features tls".into()
        );
    }
    Ok(request)
}
