//! The negotiation of permessage-deflate (RFC 7692 §5 and §7.1), from header text to parameters.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use alloc::string::{String, ToString as _};
use core::{error::Error, fmt, iter};

use super::{BitsWish, DeflateConfig, Parameters, WindowBits, Wish};
use crate::{
    extension::{Extension, ExtensionError, ExtensionList},
    role::Role,
};

/// What both endpoints have agreed upon (RFC 7692 §7.1).
///
/// `Display` writes it as an element of `Sec-WebSocket-Extensions`, without defaults. For the answer of a
/// server call [`DeflateConfig::response`]: an answer may have to name a default.
///
/// ```
/// use framewise::deflate::DeflateConfig;
///
/// let offers = b"permessage-deflate; client_max_window_bits; server_max_window_bits=10";
/// let agreed = DeflateConfig::default().respond(offers)?.expect("nothing is in the way");
/// assert_eq!(agreed.server_max_window_bits.get(), 10);
/// assert_eq!(agreed.to_string(), "permessage-deflate; server_max_window_bits=10");
/// # Ok::<(), framewise::deflate::NegotiationError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct AgreedParameters {
    /// Whether the client compresses each message for itself.
    pub client_no_context_takeover: bool,
    /// The largest window of the client's compressor.
    pub client_max_window_bits: WindowBits,
    /// Whether the server compresses each message for itself.
    pub server_no_context_takeover: bool,
    /// The largest window of the server's compressor.
    pub server_max_window_bits: WindowBits,
}

impl AgreedParameters {
    /// Returns the window, and whether there is context takeover, for the direction in which `role` sends.
    pub(super) fn of_sender(self, role: Role) -> (WindowBits, bool) {
        match role {
            Role::Client => (self.client_max_window_bits, !self.client_no_context_takeover),
            Role::Server => (self.server_max_window_bits, !self.server_no_context_takeover),
        }
    }
}

impl fmt::Display for AgreedParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Element::from(*self).fmt(f)
    }
}

impl DeflateConfig {
    /// Returns the value of the `Sec-WebSocket-Extensions` by which a client offers compression, or
    /// `None` when it has nothing to offer (a window of 8 bits for itself).
    ///
    /// ```
    /// use framewise::deflate::{DeflateConfig, Wish};
    ///
    /// let mut config = DeflateConfig::default();
    /// config.fallbacks = vec![config.parameters];
    /// config.parameters.server_no_context_takeover = Wish::Ask;
    /// assert_eq!(
    ///     config.offer().as_deref(),
    ///     Some("permessage-deflate; server_no_context_takeover; client_max_window_bits, \
    ///           permessage-deflate; client_max_window_bits")
    /// );
    /// ```
    pub fn offer(&self) -> Option<String> {
        let mut text = String::new();
        for offer in self.in_order().filter_map(Parameters::offer) {
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(&offer.to_string());
        }
        (!text.is_empty()).then_some(text)
    }

    /// Returns what a server agrees upon, given the value of a request's `Sec-WebSocket-Extensions`
    /// (several are joined with commas). Returns `None` when it declines: then it does not answer with
    /// permessage-deflate. [`response`](Self::response) returns the answer.
    ///
    /// # Errors
    ///
    /// [`NegotiationError::InvalidExtensions`] when the value violates the grammar of RFC 6455 §9.1:
    /// the request is to be refused. An offer with unknown, repeated or invalid parameters is only
    /// declined (RFC 7692 §7).
    pub fn respond(&self, offers: &[u8]) -> Result<Option<AgreedParameters>, NegotiationError> {
        Ok(self.respond_to(elements(offers)?).map(|(agreed, _)| agreed))
    }

    /// Returns the `Sec-WebSocket-Extensions` of a server's response to these offers, or `None` when it
    /// declines. It agrees to what [`respond`](Self::respond) returns.
    ///
    /// A limit that the client asks for is accepted by naming one, even the default (RFC 7692
    /// §7.1.2.1).
    ///
    /// ```
    /// use framewise::deflate::DeflateConfig;
    ///
    /// let response = DeflateConfig::default().response(b"permessage-deflate; server_max_window_bits=15")?;
    /// assert_eq!(response.as_deref(), Some("permessage-deflate; server_max_window_bits=15"));
    /// # Ok::<(), framewise::deflate::NegotiationError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `respond`.
    pub fn response(&self, offers: &[u8]) -> Result<Option<String>, NegotiationError> {
        Ok(self.respond_to(elements(offers)?).map(|(_, response)| response.to_string()))
    }

    /// Returns what was agreed upon, given the value of a response's `Sec-WebSocket-Extensions`
    /// (empty when there is none), or `None` when the server has declined.
    ///
    /// # Errors
    ///
    /// [`NegotiationError::InvalidExtensions`] for a value that violates the grammar of RFC 6455
    /// §9.1, [`NegotiationError::UnexpectedExtension`] for any other extension or a second
    /// permessage-deflate, [`NegotiationError::InvalidParameters`] for parameters that are invalid or
    /// answer none of the offers (RFC 7692 §5.1, §7). The connection has to be failed.
    ///
    /// ```
    /// use framewise::deflate::{DeflateConfig, NegotiationError};
    ///
    /// let config = DeflateConfig::default();
    /// let agreed = config.confirm(b"permessage-deflate; client_max_window_bits=10")?;
    /// assert_eq!(agreed.map(|agreed| agreed.client_max_window_bits.get()), Some(10));
    /// assert_eq!(
    ///     config.confirm(b"permessage-deflate; client_max_window_bits=16"),
    ///     Err(NegotiationError::InvalidParameters)
    /// );
    /// # Ok::<(), NegotiationError>(())
    /// ```
    pub fn confirm(&self, response: &[u8]) -> Result<Option<AgreedParameters>, NegotiationError> {
        self.confirm_from(elements(response)?)
    }

    pub(crate) fn respond_to<'a>(
        &self,
        offers: impl IntoIterator<Item = Extension<'a>>,
    ) -> Option<(AgreedParameters, Element)> {
        // The client's order of preference counts (RFC 7692 §5).
        offers
            .into_iter()
            .filter(|extension| extension.name() == NAME)
            .filter_map(Element::of_offer)
            .find_map(|offer| {
                let agreed = self.in_order().find_map(|own| own.respond(offer))?;
                Some((agreed, Element::in_answer(agreed, offer)))
            })
    }

    pub(crate) fn confirm_from<'a>(
        &self,
        response: impl IntoIterator<Item = Extension<'a>>,
    ) -> Result<Option<AgreedParameters>, NegotiationError> {
        let mut agreed = None;
        for extension in response {
            if extension.name() != NAME || agreed.is_some() {
                return Err(NegotiationError::UnexpectedExtension);
            }
            let response =
                Element::of_response(extension).ok_or(NegotiationError::InvalidParameters)?;
            // It may answer any of the offers: what this client has said of itself in one of them it
            // keeps to.
            let answered =
                self.in_order().filter_map(|own| own.confirm(response)).reduce(|first, other| {
                    AgreedParameters {
                        client_no_context_takeover: first.client_no_context_takeover
                            || other.client_no_context_takeover,
                        client_max_window_bits: first
                            .client_max_window_bits
                            .min(other.client_max_window_bits),
                        ..first
                    }
                });
            agreed = Some(answered.ok_or(NegotiationError::InvalidParameters)?);
        }
        Ok(agreed)
    }

    /// The parameters in order of preference.
    fn in_order(&self) -> impl Iterator<Item = &Parameters> {
        iter::once(&self.parameters).chain(&self.fallbacks)
    }
}

impl Parameters {
    /// Returns the client's offer. A limit that its own compressor cannot keep is not offered.
    fn offer(&self) -> Option<Element> {
        let client_max_window_bits = match self.client_max_window_bits {
            BitsWish::Allow => Some(None),
            BitsWish::Ask(bits) if bits < WindowBits::LEAST_TO_COMPRESS => return None,
            BitsWish::Ask(bits) => Some(Some(bits)),
            BitsWish::Refuse => None,
        };
        let server_max_window_bits = match self.server_max_window_bits {
            BitsWish::Ask(bits) => Some(bits),
            BitsWish::Allow | BitsWish::Refuse => None,
        };
        Some(Element {
            client_no_context_takeover: self.client_no_context_takeover == Wish::Ask,
            client_max_window_bits,
            server_no_context_takeover: self.server_no_context_takeover == Wish::Ask,
            server_max_window_bits,
        })
    }

    /// Returns what the server makes of an offer, unless it declines.
    fn respond(&self, offer: Element) -> Option<AgreedParameters> {
        let server_no_context_takeover =
            match (self.server_no_context_takeover, offer.server_no_context_takeover) {
                (Wish::Refuse, true) => return None,
                (Wish::Ask, _) => true,
                (Wish::Allow | Wish::Refuse, asked) => asked,
            };
        let client_no_context_takeover = match self.client_no_context_takeover {
            Wish::Allow => offer.client_no_context_takeover,
            Wish::Ask => true,
            Wish::Refuse => false,
        };
        let asked = offer.server_max_window_bits.unwrap_or_default();
        let server_max_window_bits = match self.server_max_window_bits {
            BitsWish::Allow => asked,
            BitsWish::Ask(own) => own.min(asked),
            BitsWish::Refuse if offer.server_max_window_bits.is_some() => return None,
            BitsWish::Refuse => WindowBits::DEFAULT,
        };
        if server_max_window_bits < WindowBits::LEAST_TO_COMPRESS {
            return None;
        }
        let client_max_window_bits =
            match (self.client_max_window_bits, offer.client_max_window_bits) {
                (BitsWish::Ask(_), None) => return None,
                (BitsWish::Ask(own), Some(hint)) => own.min(hint.unwrap_or_default()),
                (BitsWish::Allow, Some(Some(hint))) => hint,
                (BitsWish::Allow, _) | (BitsWish::Refuse, _) => WindowBits::DEFAULT,
            };
        Some(AgreedParameters {
            client_no_context_takeover,
            client_max_window_bits,
            server_no_context_takeover,
            server_max_window_bits,
        })
    }

    /// Returns what a response to this offer means, if it can be one and is agreeable.
    fn confirm(&self, response: Element) -> Option<AgreedParameters> {
        let offer = self.offer()?;
        match (self.server_no_context_takeover, response.server_no_context_takeover) {
            // A server may do so unasked (§7.1.1.1).
            (Wish::Allow, _) | (Wish::Ask, true) | (Wish::Refuse, false) => {}
            (Wish::Ask, false) | (Wish::Refuse, true) => return None,
        }
        match (self.server_max_window_bits, response.server_max_window_bits) {
            (BitsWish::Allow, _) | (BitsWish::Refuse, None) => {}
            (BitsWish::Ask(asked), Some(bits)) if bits <= asked => {}
            (BitsWish::Ask(_), _) | (BitsWish::Refuse, Some(_)) => return None,
        }
        if self.client_no_context_takeover == Wish::Refuse && response.client_no_context_takeover {
            return None;
        }
        // Of 8 bits it may be, too (§7.1.2.2): messages are sent uncompressed then.
        let limit = match (offer.client_max_window_bits, response.client_max_window_bits) {
            (None, Some(_)) => return None,
            (_, limit) => limit.flatten().unwrap_or_default(),
        };
        let own = offer.client_max_window_bits.flatten().unwrap_or_default();
        Some(AgreedParameters {
            // What this client has said of itself it keeps to, answered or not (§7.1.1.2, §7.1.2.2).
            client_no_context_takeover: response.client_no_context_takeover
                || offer.client_no_context_takeover,
            client_max_window_bits: limit.min(own),
            server_no_context_takeover: response.server_no_context_takeover,
            server_max_window_bits: response.server_max_window_bits.unwrap_or_default(),
        })
    }
}

/// Why permessage-deflate cannot be negotiated: the peer's header field is wrong.
///
/// ```
/// use framewise::deflate::{DeflateConfig, NegotiationError};
///
/// let error = DeflateConfig::default().confirm(b"permessage-deflate; mem_level=9").unwrap_err();
/// assert_eq!(error, NegotiationError::InvalidParameters);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum NegotiationError {
    /// The value violates the grammar of extensions (RFC 6455 §9.1).
    InvalidExtensions,
    /// A response has parameters that are invalid, repeated, unknown, or no answer to any offer
    /// (RFC 7692 §7).
    InvalidParameters,
    /// A response names another extension, or permessage-deflate twice (RFC 6455 §4.1 step 5).
    UnexpectedExtension,
}

impl fmt::Display for NegotiationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidExtensions => "Sec-WebSocket-Extensions is malformed",
            Self::InvalidParameters => "the parameters of permessage-deflate answer no offer",
            Self::UnexpectedExtension => "the server selected an extension that was not offered",
        })
    }
}

impl Error for NegotiationError {}

impl From<ExtensionError> for NegotiationError {
    fn from(_: ExtensionError) -> Self {
        Self::InvalidExtensions
    }
}

/// One permessage-deflate in a header: an offer or a response.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Element {
    client_no_context_takeover: bool,
    // In an offer the value may be absent.
    client_max_window_bits: Option<Option<WindowBits>>,
    server_no_context_takeover: bool,
    server_max_window_bits: Option<WindowBits>,
}

impl Element {
    /// Reads an offer; `None` when it has to be declined (RFC 7692 §7).
    fn of_offer(extension: Extension<'_>) -> Option<Self> {
        let mut element = Self::default();
        for param in extension.params() {
            let value = param.value();
            let fresh = match (param.name(), value.as_deref()) {
                (CLIENT_TAKEOVER, None) => set(&mut element.client_no_context_takeover),
                (CLIENT_BITS, None) => element.client_max_window_bits.replace(None).is_none(),
                (CLIENT_BITS, Some(text)) => {
                    element.client_max_window_bits.replace(Some(bits(text)?)).is_none()
                }
                (SERVER_TAKEOVER, None) => set(&mut element.server_no_context_takeover),
                (SERVER_BITS, Some(text)) => {
                    element.server_max_window_bits.replace(bits(text)?).is_none()
                }
                _ => false,
            };
            if !fresh {
                return None;
            }
        }
        Some(element)
    }

    /// Returns the response that agrees to an offer.
    fn in_answer(agreed: AgreedParameters, offer: Self) -> Self {
        let response = Self::from(agreed);
        // A limit that the client asks for is accepted by naming one (§7.1.2.1), even the default.
        let asked = offer.server_max_window_bits.map(|_| agreed.server_max_window_bits);
        Self { server_max_window_bits: response.server_max_window_bits.or(asked), ..response }
    }

    /// Reads a response, in which every limit has a value.
    fn of_response(extension: Extension<'_>) -> Option<Self> {
        Self::of_offer(extension).filter(|element| element.client_max_window_bits != Some(None))
    }
}

/// Writes no defaults.
impl From<AgreedParameters> for Element {
    fn from(agreed: AgreedParameters) -> Self {
        let bits = |bits: WindowBits| (bits != WindowBits::DEFAULT).then_some(bits);
        Self {
            client_no_context_takeover: agreed.client_no_context_takeover,
            client_max_window_bits: bits(agreed.client_max_window_bits).map(Some),
            server_no_context_takeover: agreed.server_no_context_takeover,
            server_max_window_bits: bits(agreed.server_max_window_bits),
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.server_no_context_takeover {
            write!(f, "; {SERVER_TAKEOVER}")?;
        }
        if self.client_no_context_takeover {
            write!(f, "; {CLIENT_TAKEOVER}")?;
        }
        if let Some(bits) = self.server_max_window_bits {
            write!(f, "; {SERVER_BITS}={bits}")?;
        }
        match self.client_max_window_bits {
            None => Ok(()),
            Some(None) => write!(f, "; {CLIENT_BITS}"),
            Some(Some(bits)) => write!(f, "; {CLIENT_BITS}={bits}"),
        }
    }
}

/// The elements of a header value: one at least, unless there is no header.
fn elements(value: &[u8]) -> Result<impl Iterator<Item = Extension<'_>>, NegotiationError> {
    let mut is_empty = true;
    for extension in ExtensionList::new(value) {
        extension?;
        is_empty = false;
    }
    if is_empty && !value.is_empty() {
        return Err(NegotiationError::InvalidExtensions);
    }
    Ok(ExtensionList::new(value).filter_map(Result::ok))
}

/// Sets a flag, and returns whether it was not set before.
fn set(flag: &mut bool) -> bool {
    !core::mem::replace(flag, true)
}

/// Reads a window size: 8 to 15 in decimal digits, no leading zero (RFC 7692 §7.1.2).
#[allow(clippy::arithmetic_side_effects, reason = "digits")]
fn bits(text: &str) -> Option<WindowBits> {
    let number = match text.as_bytes() {
        [digit @ b'8'..=b'9'] => digit - b'0',
        [b'1', digit @ b'0'..=b'5'] => 10 + (digit - b'0'),
        _ => return None,
    };
    WindowBits::new(number).ok()
}

const NAME: &str = "permessage-deflate";
const CLIENT_TAKEOVER: &str = "client_no_context_takeover";
const CLIENT_BITS: &str = "client_max_window_bits";
const SERVER_TAKEOVER: &str = "server_no_context_takeover";
const SERVER_BITS: &str = "server_max_window_bits";
