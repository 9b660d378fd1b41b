//! A client's opening handshake over somebody else's HTTP/1.1 (RFC 6455 §4.1).

use alloc::{borrow::ToOwned as _, string::String, sync::Arc, vec::Vec};
use core::fmt;

#[cfg(feature = "http")]
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::{ClientRequest, Established, HandshakeError, Response, client, request::Offer};
use crate::{config::Config, connection::Connection};

/// Checks the response to a request that an HTTP client of the program sent: the rest of an opening
/// handshake. Made by [`ClientRequest::into_http`] for HTTP/1.1.
///
/// ```
/// use framewise::{Config, handshake::{ClientRequest, HandshakeError}};
///
/// let request = ClientRequest::new("ws://example.com/chat")?;
/// let seed = [7; 32]; // 32 bytes from the operating system's generator
/// let (fields, pending) = request.into_http(Config::default(), seed);
/// assert_eq!(fields[0], ("Host".into(), b"example.com".to_vec()));
/// // Have the HTTP client send a GET for `/chat` with these fields, and pass on what comes back.
/// let response = [("Content-Length", &b"0"[..])];
/// let error = pending.upgraded(404, response).unwrap_err();
/// assert!(matches!(error, HandshakeError::Rejected(_)));
/// # Ok::<(), framewise::handshake::RequestError>(())
/// ```
pub struct Pending {
    config: Arc<Config>,
    /// Not there for an extended CONNECT, which has no key.
    accept: Option<[u8; 28]>,
    offer: Offer,
    rng: StdRng,
}

impl Pending {
    /// Opens the connection when the request was answered. `status` and `fields` are those of the
    /// response.
    ///
    /// Bytes after the head of the response are frames: give them to the connection.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Rejected`] when the status is not 101 (200 to 299 for the request of an HTTP/2
    /// client, which feature `http` makes), and the errors of
    /// [`ClientHandshake::receive`](super::ClientHandshake::receive) for a 101 that is not as RFC 6455
    /// §4.1 asks.
    pub fn upgraded<'a>(
        self,
        status: u16,
        fields: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Established, HandshakeError> {
        let response = Response::from_http(status, fields)?;
        match &self.accept {
            Some(accept) if status == 101 => {
                client::check(&response, accept, &self.offer, &self.config)?;
            }
            None if (200..=299).contains(&status) => self.offer.check(&response, &self.config)?,
            _ => return Err(HandshakeError::Rejected(response.into())),
        }
        Ok(Established::new(Connection::client_with_keys(self.config, self.rng), response))
    }
}

/// Says nothing of the key and the generator.
impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("offer", &self.offer).finish_non_exhaustive()
    }
}

impl ClientRequest {
    /// Returns the header fields of a GET that asks for the same, for an HTTP client that sends it
    /// itself, and what checks the response.
    ///
    /// The request is for the [resource](super::Uri::resource) of the URI. The fields are all that it needs,
    /// `Host` first, in the order in which [`ClientHandshake`](super::ClientHandshake) sends them. Send none of
    /// them twice: many HTTP clients add a `Host` of their own.
    ///
    /// The seed must be unpredictable and used once, as in
    /// [`ClientHandshake::new`](super::ClientHandshake::new). Over HTTP/2 and HTTP/3, call
    /// [`connect_fields`](Self::connect_fields).
    #[must_use]
    pub fn into_http(
        self,
        config: impl Into<Arc<Config>>,
        seed: [u8; 32],
    ) -> (Vec<(String, Vec<u8>)>, Pending) {
        let config = config.into();
        let (key, rng) = client::key(seed);
        let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
        self.for_each_field(&key, &config, |name, value| {
            fields.push((name.to_owned(), value.to_vec()));
        });
        let pending = Pending { accept: Some(key.accept()), offer: self.offer, rng, config };
        (fields, pending)
    }

    /// Returns what checks the response to an extended CONNECT with the
    /// [`connect_fields`](Self::connect_fields).
    #[cfg(feature = "http")]
    pub(crate) fn into_connecting(self, config: Arc<Config>, seed: [u8; 32]) -> Pending {
        Pending { accept: None, offer: self.offer, rng: StdRng::from_seed(seed), config }
    }
}
