//! SOCKS version 5 (RFC 1928) with the authentication by user and password (RFC 1929), as the client sees
//! it.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

use super::{
    error::{ProxyError, SocksReply},
    server::Credentials,
};
use crate::{handshake::Uri, input::Input, output::Output};

/// Reads what the proxy answers, step by step, and says what to write next.
///
/// An early answer is read like any other, so it makes no difference how the answers are cut.
pub(super) struct Socks {
    step: Step,
    /// The bytes of this step. Emptied when the step is done.
    bytes: Vec<u8>,
    /// Written when the proxy asks for it.
    authentication: Option<Vec<u8>>,
    request: Vec<u8>,
}

/// What the proxy says next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Method,
    Authentication,
    /// A reply up to the type of the address.
    Reply,
    /// The length of a bound address that is a name.
    NameLen,
    /// So many bytes of a bound address and its port.
    Address(usize),
}

impl Socks {
    /// Writes the methods of authentication into the output.
    pub(super) fn new(
        target: &Uri,
        credentials: Option<&Credentials>,
        output: &mut Output,
    ) -> Result<Self, ProxyError> {
        let request = request(target).ok_or(ProxyError::HostTooLong)?;
        let authentication = credentials.and_then(authentication);
        output.push_bytes(match authentication {
            Some(_) => &[VERSION, 2, NO_AUTHENTICATION, PASSWORD],
            None => &[VERSION, 1, NO_AUTHENTICATION],
        });
        Ok(Self { step: Step::Method, bytes: Vec::new(), authentication, request })
    }

    /// Takes answers from the input, up to the end of the last one. Returns whether the proxy has
    /// connected to the host.
    pub(super) fn receive(
        &mut self,
        input: &mut Input<'_>,
        output: &mut Output,
    ) -> Result<bool, ProxyError> {
        loop {
            let missing = self.step.len().saturating_sub(self.bytes.len());
            self.bytes.extend_from_slice(input.take(missing));
            // The first bytes fail at once: the rest of an answer that is none may never come.
            self.check()?;
            if self.bytes.len() < self.step.len() {
                return Ok(false);
            }
            let Some(next) = self.next(output)? else { return Ok(true) };
            self.step = next;
            self.bytes.clear();
        }
    }

    /// Checks the first two bytes of an answer, as far as they are here.
    fn check(&self) -> Result<(), ProxyError> {
        match (self.step, &*self.bytes) {
            (Step::Method, [version, ..]) if *version != VERSION => {
                Err(ProxyError::NotSocks(*version))
            }
            (Step::Reply, [version, ..]) if *version != VERSION => Err(ProxyError::InvalidReply),
            // Whatever follows, some proxies leave out the address of a refusal.
            (Step::Reply, [_, code, ..]) => match SocksReply::of_code(*code) {
                Some(reply) => Err(ProxyError::SocksRefused(reply)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Acts on an answer that is complete. Returns the next step, and `None` after the last one.
    fn next(&self, output: &mut Output) -> Result<Option<Step>, ProxyError> {
        Ok(Some(match (self.step, &*self.bytes) {
            (Step::Method, [_, NO_AUTHENTICATION]) => {
                output.push_bytes(&self.request);
                Step::Reply
            }
            (Step::Method, [_, NO_ACCEPTABLE]) => return Err(ProxyError::NoAcceptableMethod),
            (Step::Method, [_, method]) => match &self.authentication {
                Some(authentication) if *method == PASSWORD => {
                    output.push_bytes(authentication);
                    Step::Authentication
                }
                _ => return Err(ProxyError::UnexpectedMethod(*method)),
            },
            // The version is not looked at, nor does curl: some proxies write 5 and not 1.
            (Step::Authentication, [_, 0]) => {
                output.push_bytes(&self.request);
                Step::Reply
            }
            (Step::Authentication, _) => return Err(ProxyError::AuthenticationFailed),
            (Step::Reply, [.., IPV4]) => Step::Address(4 + PORT_LEN),
            (Step::Reply, [.., NAME]) => Step::NameLen,
            (Step::Reply, [.., IPV6]) => Step::Address(16 + PORT_LEN),
            (Step::NameLen, [len]) => Step::Address(usize::from(*len).saturating_add(PORT_LEN)),
            (Step::Address(_), _) => return Ok(None),
            (Step::Method | Step::Reply | Step::NameLen, _) => {
                return Err(ProxyError::InvalidReply);
            }
        }))
    }
}

impl Step {
    const fn len(self) -> usize {
        match self {
            Self::Method | Self::Authentication => 2,
            Self::Reply => 4,
            Self::NameLen => 1,
            Self::Address(len) => len,
        }
    }
}

/// Asks for a connection to a host (RFC 1928 §4); `None` for a name that is too long. The proxy resolves a
/// name.
fn request(target: &Uri) -> Option<Vec<u8>> {
    let (host, port) = target.host_and_port();
    let mut request = Vec::from([VERSION, CONNECT, 0]);
    // An IPv6 address is known by its brackets, which `host` is without. No name has a colon.
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => push_v4(&mut request, address),
        Ok(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend_from_slice(&address.octets());
        }
        Err(_) => push_text(&mut request, NAME, host.as_bytes())?,
    }
    request.extend_from_slice(&port.to_be_bytes());
    Some(request)
}

fn push_v4(request: &mut Vec<u8>, address: Ipv4Addr) {
    request.push(IPV4);
    request.extend_from_slice(&address.octets());
}

/// Authenticates by user and password (RFC 1929 §2).
fn authentication(credentials: &Credentials) -> Option<Vec<u8>> {
    let mut authentication = Vec::new();
    push_text(&mut authentication, 1, &credentials.user)?;
    let len = u8::try_from(credentials.password.len()).ok()?;
    authentication.push(len);
    authentication.extend_from_slice(&credentials.password);
    Some(authentication)
}

/// Appends a byte, and a text of 1 to 255 bytes behind its length.
fn push_text(bytes: &mut Vec<u8>, first: u8, text: &[u8]) -> Option<()> {
    let len = u8::try_from(text.len()).ok()?;
    bytes.extend_from_slice(&[first, len]);
    bytes.extend_from_slice(text);
    Some(())
}

/// The version of SOCKS.
const VERSION: u8 = 5;

/// The command that opens a connection.
const CONNECT: u8 = 1;

// Methods of authentication (RFC 1928 §3).
const NO_AUTHENTICATION: u8 = 0;
const PASSWORD: u8 = 2;
const NO_ACCEPTABLE: u8 = 0xff;

// Types of addresses (RFC 1928 §5).
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// How many bytes the port behind an address has.
const PORT_LEN: usize = 2;
