//! Messages that are encoded once and sent to many.

use alloc::sync::Arc;
use core::fmt;
use std::sync::OnceLock;

use super::{Binary, Content, HeldBytes, HeldText, Payload, Text};
use crate::deflate::{DeflateConfig, Level, MemoryLevel, Settings, WindowBits};

/// A message to be sent on many connections, compressed once for all of them.
///
/// It is compressed when it is first sent on a connection that compresses, once for each size of window.
/// Connections with the same configuration mostly have one size. The level, memory level and threshold
/// are those given here; whether the threshold applies depends on the connection, see
/// [`threshold_with_takeover`](crate::deflate::DeflateConfig::threshold_with_takeover).
///
/// A server queues payloads of 4 KiB or more by reference; a client masks a copy. A connection that sends
/// nothing else never makes a compressor, even with context takeover.
///
/// ```
/// use std::sync::Arc;
/// use framewise::{Config, Connection, PreparedMessage, deflate::DeflateConfig};
///
/// let mut connections = [
///     Connection::server(Arc::new(Config::default())),
///     Connection::server(Arc::new(Config::default())),
/// ];
/// let news = PreparedMessage::new("It is noon.", &DeflateConfig::default());
/// for connection in &mut connections {
///     connection.send(&news)?;
/// }
/// # Ok::<(), framewise::SendError>(())
/// ```
#[derive(Clone)]
pub struct PreparedMessage {
    shared: Arc<Shared>,
}

struct Shared {
    content: Content<'static>,
    compress: bool,
    threshold: usize,
    level: Level,
    memory_level: MemoryLevel,
    // By the bits of the window, from the smallest.
    compressed: [OnceLock<Arc<[u8]>>; WINDOWS],
}

impl PreparedMessage {
    /// Prepares a message. Of `config`, the level, memory level and threshold are used.
    #[must_use]
    pub fn new<'a>(payload: impl Into<Payload<'a>>, config: &DeflateConfig) -> Self {
        let payload = payload.into();
        let content = match payload.content {
            Content::Binary(Binary(HeldBytes::Shared(bytes))) => Content::Binary(bytes.into()),
            Content::Binary(binary) => Content::Binary(Arc::<[u8]>::from(binary.as_slice()).into()),
            Content::Text(Text(HeldText::Shared(text))) => Content::Text(text.into()),
            Content::Text(text) => Content::Text(Arc::<str>::from(text.as_str()).into()),
            Content::Prepared(prepared) => prepared.content().clone(),
        };
        Self {
            shared: Arc::new(Shared {
                content,
                compress: payload.compress,
                threshold: config.threshold,
                level: config.level,
                memory_level: config.memory_level,
                compressed: Default::default(),
            }),
        }
    }

    /// Returns the bytes of the message.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.shared.content.as_bytes()
    }

    /// Returns whether it is text.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.shared.content.is_text()
    }

    pub(crate) fn content(&self) -> &Content<'static> {
        &self.shared.content
    }

    /// Returns the message compressed with a window of `bits`, if it is to be compressed: not below the
    /// threshold, where that applies.
    pub(crate) fn compressed(
        &self,
        (bits, applies_threshold): (WindowBits, bool),
    ) -> Option<&Arc<[u8]>> {
        let Shared { content, threshold, level, memory_level, compressed, .. } = &*self.shared;
        if applies_threshold && content.as_bytes().len() < *threshold {
            return None;
        }
        let index = bits.get().checked_sub(WindowBits::LEAST_TO_COMPRESS.get())?;
        let place = compressed.get(usize::from(index))?;
        let settings = Settings { bits, level: *level, memory_level: *memory_level };
        Some(place.get_or_init(|| settings.compress(content.as_bytes()).into()))
    }
}

/// Shows the type and the length only: payloads may be large or sensitive.
impl fmt::Debug for PreparedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedMessage")
            .field("len", &self.as_bytes().len())
            .finish_non_exhaustive()
    }
}

impl From<&PreparedMessage> for Payload<'_> {
    fn from(message: &PreparedMessage) -> Self {
        message.clone().into()
    }
}

impl From<PreparedMessage> for Payload<'_> {
    fn from(message: PreparedMessage) -> Self {
        let compress = message.shared.compress;
        Self { content: Content::Prepared(message), compress }
    }
}

const WINDOWS: usize = (WindowBits::DEFAULT.size().ilog2()
    - WindowBits::LEAST_TO_COMPRESS.size().ilog2()
    + 1) as usize;
