//! Limits and timers of a connection, and how its messages are delivered.

use core::time::Duration;

#[cfg(feature = "deflate")]
use crate::deflate::DeflateConfig;
use crate::setters::setters;

/// The limits and timers of a handshake and of the connection that follows it.
///
/// Connections share one `Config` through an `Arc`. Each field is public, and has a method of its name
/// that sets it and can be chained.
///
/// ```
/// use core::time::Duration;
/// use framewise::Config;
///
/// let config = Config::default()
///     .max_message_size(64 << 10)
///     .idle_timeout(Duration::from_secs(300))
///     .ping_interval(None);
/// assert_eq!(config.idle_timeout, Some(Duration::from_secs(300)));
///
/// let mut config = config;
/// config.max_headers = 50; // the same as `config.max_headers(50)`
/// ```
///
/// # Limits
///
/// Every limit is finite by default. This is what a peer can make a connection hold:
///
/// | what | at most |
/// |---|---|
/// | a message that is arriving | `max_message_size`; twice that for a moment, when a compressed one in several pieces ends |
/// | queued messages | `max_output` |
/// | pending replies | about 6 KiB |
/// | with compression | a window of 32 KiB, and 46 KiB more inside a message |
/// | `tokio` and `polled`, while the peer takes no output | 64 KiB of whole messages and the one after them, and 32 KiB that are not parsed |
/// | `blocking`, always | a read buffer of 32 KiB |
///
/// No value is refused. A `max_message_size` of 0 allows empty messages only. A `max_output` of 0
/// refuses all messages, but Pings and Closes are still answered. If `max_headers` or `max_head_size` is
/// too small for any request, every handshake is refused.
///
/// # Timers
///
/// Timers do nothing by themselves: a driver or an adapter reports the time to
/// [`handle_timeout`](crate::Connection::handle_timeout). `None` and zero switch a timer off. The
/// exceptions are `close_timeout` and `close_limit`: with zero, a connection does not wait at all.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// The longest time that closing may take while the peer steadily reads pending output.
    ///
    /// Each piece of pending output that the peer takes starts [`close_timeout`](Self::close_timeout)
    /// anew, up to this limit, which runs from the first Close. It bounds what a peer that reads one
    /// byte at a time can hold.
    ///
    /// 120 seconds by default. `None` sets no limit. It has no effect without a `close_timeout`.
    pub close_limit: Option<Duration>,

    /// How long to wait for the peer's Close, and then for the end of its stream, before the
    /// connection is given up.
    ///
    /// It runs from the first Close, whichever end sends it. It covers all that is left to do: messages
    /// that are queued in front of our own Close, the peer's Close, and the end of its stream. While
    /// output is pending, each piece that the peer takes starts it anew; see
    /// [`close_limit`](Self::close_limit). Output that is left when it passes is dropped.
    ///
    /// 5 seconds by default: several round trips over the slowest links, and short enough for a
    /// shutdown to wait for. With `None`, a connection waits forever for a peer that never closes. Zero
    /// gives the connection up as soon as it closes.
    pub close_timeout: Option<Duration>,

    /// Whether and how messages are compressed (RFC 7692).
    ///
    /// `None` by default: compression costs memory and time, and can leak secrets through message
    /// lengths (CRIME, BREACH).
    #[cfg(feature = "deflate")]
    pub deflate: Option<DeflateConfig>,

    /// How long the whole opening handshake may take.
    ///
    /// 10 seconds by default. A handshake is one round trip, and slow handshakes are a known way to
    /// exhaust a server. `connect` and `accept_tls` of the adapters count everything before it, too: the
    /// lookup of the host, TCP, a proxy, TLS and redirects.
    pub handshake_timeout: Option<Duration>,

    /// How long neither side may send a message before the connection is closed with
    /// [`CloseCode::GOING_AWAY`](crate::CloseCode::GOING_AWAY).
    ///
    /// Off by default: the application decides whether a silent but living peer is welcome. A client
    /// should not close arbitrarily (RFC 6455 §7.3). Pings and Pongs do not count.
    pub idle_timeout: Option<Duration>,

    /// The largest number of fragments in a message, empty ones included. A message in one frame
    /// has none.
    ///
    /// 131,072 by default. This allows fragments of 128 bytes in a message of the default maximum size.
    /// It also ends a stream of empty fragments, which never adds to the size.
    pub max_fragments: u32,

    /// The largest number of header fields in a handshake head.
    ///
    /// 100 by default, several times what browsers and proxies send.
    pub max_headers: usize,

    /// The largest size of a handshake head in bytes: start line, header fields and empty line.
    ///
    /// 16 KiB by default: room for request lines of 8,000 bytes (RFC 9112 §3) and large cookies.
    pub max_head_size: usize,

    /// The largest size of a received message in bytes, after decompression.
    ///
    /// 16 MiB by default. Checked against the length in each frame header, before any of the payload is
    /// stored. For a compressed message, checked before each inflated piece is stored. It also bounds
    /// messages that are delivered in [chunks](crate::Delivery::Chunks).
    pub max_message_size: u64,

    /// The largest number of bytes that may be pending in the [`Output`](crate::Output).
    ///
    /// 32 MiB by default: a message of the default maximum size, and nearly as much behind it. A message
    /// that would exceed it is refused and handed back. A message to be compressed counts 12.5 % larger.
    /// Control frames and automatic replies have a small reserve of their own, so back pressure does not
    /// hold them up.
    pub max_output: usize,

    /// How long a message may take, from the header of its first frame to its last byte, before the
    /// connection is failed. Fragmented messages count as a whole.
    ///
    /// Off by default: a large message over a slow link is legitimate.
    pub message_timeout: Option<Duration>,

    /// How long the peer may be silent before it is sent a Ping.
    ///
    /// 20 seconds by default: below the idle timeouts of common proxies and address translators
    /// (30 to 60 seconds). Any byte received counts as a sign of life. While output is pending, only
    /// its progress counts.
    pub ping_interval: Option<Duration>,

    /// How long to wait for a sign of life after a Ping of `ping_interval` before the connection
    /// is failed.
    ///
    /// 20 seconds by default: a peer that is gone is noticed within 40 seconds.
    pub pong_timeout: Option<Duration>,

    /// Whether to count messages, frames and bytes, and to measure how long answers to Pings take:
    /// [`Connection::stats`](crate::Connection::stats),
    /// [`message_info`](crate::Connection::message_info), [`latency`](crate::Connection::latency).
    ///
    /// Off by default. It takes about 300 bytes per connection, and small messages take about twice the work.
    pub stats: bool,
}

impl Config {
    /// Returns the defaults; the same as `Config::default()`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
        close_limit: impl Into<Option<Duration>>,
        close_timeout: impl Into<Option<Duration>>,
        #[cfg(feature = "deflate")]
        deflate: impl Into<Option<DeflateConfig>>,
        handshake_timeout: impl Into<Option<Duration>>,
        idle_timeout: impl Into<Option<Duration>>,
        max_fragments: u32,
        max_head_size: usize,
        max_headers: usize,
        max_message_size: u64,
        max_output: usize,
        message_timeout: impl Into<Option<Duration>>,
        ping_interval: impl Into<Option<Duration>>,
        pong_timeout: impl Into<Option<Duration>>,
        stats: bool,
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            close_limit: Some(Duration::from_secs(120)),
            close_timeout: Some(Duration::from_secs(5)),
            #[cfg(feature = "deflate")]
            deflate: None,
            handshake_timeout: Some(Duration::from_secs(10)),
            idle_timeout: None,
            max_fragments: 1 << 17,
            max_headers: 100,
            max_head_size: 16 << 10,
            max_message_size: 16 << 20,
            max_output: 32 << 20,
            message_timeout: None,
            ping_interval: Some(Duration::from_secs(20)),
            pong_timeout: Some(Duration::from_secs(20)),
            stats: false,
        }
    }
}

/// Returns the duration of a timer that is on: zero switches it off, as `None` does.
pub(crate) fn if_on(timer: Option<Duration>) -> Option<Duration> {
    timer.filter(|duration| !duration.is_zero())
}

/// How messages are delivered.
///
/// ```
/// use std::sync::Arc;
/// use framewise::{Config, Connection, Delivery, Event, Input};
///
/// let mut connection = Connection::server(Arc::new(Config::default()));
/// connection.set_delivery(Delivery::Chunks);
/// // The header of a message of 200 bytes and the first three of them.
/// let mut bytes = *b"\x82\xfe\x00\xc8\x00\x00\x00\x00abc";
/// let event = connection.receive(&mut Input::new(&mut bytes))?;
/// assert_eq!(event, Some(Event::BinaryChunk { payload: b"abc".into(), fin: false }));
/// # Ok::<(), framewise::ProtocolError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Delivery {
    /// As [`Event::TextChunk`](crate::Event::TextChunk) and
    /// [`Event::BinaryChunk`](crate::Event::BinaryChunk) as they arrive: for messages too large to
    /// hold. Nothing is stored.
    Chunks,
    /// Whole, as [`Event::Text`](crate::Event::Text) and [`Event::Binary`](crate::Event::Binary).
    #[default]
    Messages,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connection::Connection,
        error::ProtocolError,
        input::Input,
        message::{Event, SendErrorKind},
    };

    #[test]
    fn a_chain_sets_the_fields_of_its_names() {
        let second = Duration::from_secs(1);
        let chained = Config::default()
            .close_limit(second)
            .close_timeout(second * 2)
            .handshake_timeout(second * 3)
            .idle_timeout(second * 4)
            .max_fragments(5)
            .max_head_size(6)
            .max_headers(7)
            .max_message_size(8)
            .max_output(9)
            .message_timeout(Some(second * 10))
            .ping_interval(None)
            .pong_timeout(second * 12)
            .stats(true);
        let expected = Config {
            close_limit: Some(second),
            close_timeout: Some(second * 2),
            #[cfg(feature = "deflate")]
            deflate: None,
            handshake_timeout: Some(second * 3),
            idle_timeout: Some(second * 4),
            max_fragments: 5,
            max_head_size: 6,
            max_headers: 7,
            max_message_size: 8,
            max_output: 9,
            message_timeout: Some(second * 10),
            ping_interval: None,
            pong_timeout: Some(second * 12),
            stats: true,
        };
        assert_eq!(chained, expected);
    }

    #[cfg(feature = "deflate")]
    #[test]
    fn a_chain_sets_how_messages_are_compressed() {
        use crate::deflate::{BitsWish, Level, MemoryLevel, Parameters, WindowBits, Wish};

        let parameters = Parameters::default()
            .client_max_window_bits(WindowBits::DEFAULT)
            .client_no_context_takeover(Wish::Ask)
            .server_max_window_bits(BitsWish::Refuse)
            .server_no_context_takeover(Wish::Refuse);
        assert_eq!(parameters.client_max_window_bits, BitsWish::Ask(WindowBits::DEFAULT));
        assert_eq!(parameters.client_no_context_takeover, Wish::Ask);
        assert_eq!(parameters.server_max_window_bits, BitsWish::Refuse);
        assert_eq!(parameters.server_no_context_takeover, Wish::Refuse);

        let level = Level::new(1).expect("0 to 9");
        let memory_level = MemoryLevel::new(2).expect("1 to 9");
        let deflate = DeflateConfig::default()
            .fallbacks([Parameters::default()])
            .fragments(false)
            .level(level)
            .max_compressed_size(3)
            .memory_level(memory_level)
            .parameters(parameters)
            .shared_compressor(true)
            .threshold(4)
            .threshold_with_takeover(true);
        assert_eq!((deflate.level, deflate.memory_level), (level, memory_level));
        assert_eq!((deflate.max_compressed_size, deflate.threshold), (Some(3), 4));
        assert_eq!((deflate.parameters, deflate.fallbacks.len()), (parameters, 1));
        let flags = (deflate.fragments, deflate.shared_compressor, deflate.threshold_with_takeover);
        assert_eq!(flags, (false, true, true));
        assert_eq!(Config::default().deflate(deflate.clone()).deflate, Some(deflate));
    }

    // Nothing is left of each, and a connection still does what it can.
    #[test]
    fn limits_of_zero_leave_what_needs_none() {
        let config = Config::default().max_message_size(0).max_fragments(0).max_output(0);
        let mut connection = Connection::server(config.clone());
        let mut bytes = *b"\x82\x80\x00\x00\x00\x00\x89\x80\x00\x00\x00\x00";
        let mut input = Input::new(&mut bytes);
        assert_eq!(connection.receive(&mut input), Ok(Some(Event::Binary(b"".into()))));
        assert_eq!(connection.receive(&mut input), Ok(Some(Event::Ping(b"".into()))));
        let never_fits = SendErrorKind::MessageTooBig { len: 2, limit: 0 };
        assert_eq!(connection.send("").unwrap_err().kind(), never_fits);
        assert_eq!(connection.output().chunk(), b"\x8a\x00");

        for (bytes, expected) in [
            (*b"\x82\x81\x00\x00\x00\x00", ProtocolError::MessageTooBig { len: Some(1), limit: 0 }),
            (*b"\x02\x80\x00\x00\x00\x00", ProtocolError::TooManyFragments { limit: 0 }),
        ] {
            let mut connection = Connection::server(config.clone());
            let mut bytes = bytes;
            assert_eq!(connection.receive(&mut Input::new(&mut bytes)), Err(expected));
            assert!(connection.has_output(), "the peer is told");
        }
    }
}
