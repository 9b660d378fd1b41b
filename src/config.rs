//! Limits and timers of a connection, and how its messages are delivered.

use core::time::Duration;

#[cfg(feature = "deflate")]
use crate::deflate::DeflateConfig;

/// The limits and timers of a handshake and of the connection that follows it.
///
/// Every limit is finite by default: a peer can make a connection hold at most
/// `max_message_size` octets of a message in the making, `max_output` octets of queued messages
/// and about 6 KiB of owed replies; with compression a window of 32 KiB and, inside a message, 46 KiB
/// more, and a message that came in several pieces twice for a moment, when it ends. The tokio
/// adapter holds 64 KiB of whole messages, the one behind them and 32 KiB that are not parsed, too,
/// while the peer does not take what is sent to it; the blocking one always has a read buffer of 32
/// KiB. Connections share one `Config` through an `Arc`.
///
/// Timers are data: they do nothing until a driver calls `poll_timeout` and `handle_timeout`, as
/// the adapters do. `None` switches a timer off.
///
/// ```
/// use core::time::Duration;
/// use framewise::Config;
///
/// let mut config = Config::default();
/// config.max_message_size = 64 << 10;
/// config.idle_timeout = Some(Duration::from_secs(300));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
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
    /// It runs from the first Close, whichever end sends it, and covers all that is left to do:
    /// messages that are still queued in front of our own Close, the peer's Close and its end of
    /// the stream. While output is pending, each piece that the peer takes starts it anew; see
    /// [`close_limit`](Self::close_limit). Output that is left when it passes is dropped.
    ///
    /// 5 seconds by default: several round trips over the slowest links, and short enough for a
    /// shutdown to wait for. With `None`, a connection waits forever for a peer that never closes.
    pub close_timeout: Option<Duration>,

    /// Whether and how messages are compressed (RFC 7692).
    ///
    /// `None` by default: compression costs memory and time, and has a say in what secrets leak.
    #[cfg(feature = "deflate")]
    pub deflate: Option<DeflateConfig>,

    /// How long the whole opening handshake may take.
    ///
    /// 10 seconds by default: it is one round trip, and until it is done the peer has proved
    /// nothing (slow handshakes are a known way to exhaust a server).
    pub handshake_timeout: Option<Duration>,

    /// How long neither side may send a message before the connection is closed with
    /// [`CloseCode::GOING_AWAY`](crate::CloseCode::GOING_AWAY).
    ///
    /// Off by default: whether a silent but living peer is welcome is for the application to say
    /// (and a client should not close arbitrarily, RFC 6455 §7.3). Pings and Pongs do not count.
    pub idle_timeout: Option<Duration>,

    /// The largest number of fragments in a message, empty ones included. A message in one frame
    /// has none.
    ///
    /// 131,072 by default: a fragmented message of the default maximum size may have fragments of
    /// 128 octets, and a stream of empty fragments, which never adds to the size, ends.
    pub max_fragments: u32,

    /// The largest number of header fields in a handshake head.
    ///
    /// 100 by default, several times what browsers and proxies send.
    pub max_headers: usize,

    /// The largest size of a handshake head in octets: start line, header fields and empty line.
    ///
    /// 16 KiB by default: room for request lines of 8,000 octets (RFC 9112 §3) and large cookies.
    pub max_head_size: usize,

    /// The largest size of a received message in octets, after decompression.
    ///
    /// 16 MiB by default. Checked against the length that a frame header declares, before any of
    /// the payload is stored; of a compressed message, before each piece of what it is inflated to
    /// is. A message that arrives in chunks (see
    /// [`Delivery::Chunks`](crate::Delivery::Chunks)) is bounded by it, too.
    pub max_message_size: u64,

    /// The largest number of octets that may wait in the [`Output`](crate::Output).
    ///
    /// 32 MiB by default: a message of the default maximum size, and nearly as much behind it. A
    /// message that would exceed it is refused and handed back; one that is to be compressed, and may
    /// grow by that, is taken to have an eighth more. Control frames and automatic
    /// replies have a small reserve of their own, so that they go out under back pressure, too.
    pub max_output: usize,

    /// How long a message may take from the header of its first frame to its last octet, be it
    /// fragmented or not, before the connection is failed.
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
        }
    }
}

/// How messages are delivered.
///
/// ```
/// use std::sync::Arc;
/// use framewise::{Config, Connection, Delivery, Event, Input};
///
/// let mut connection = Connection::server(Arc::new(Config::default()));
/// connection.set_delivery(Delivery::Chunks);
/// // The header of a message of 200 octets and the first three of them.
/// let mut bytes = *b"\x82\xfe\x00\xc8\x00\x00\x00\x00abc";
/// let event = connection.receive(&mut Input::new(&mut bytes))?;
/// assert_eq!(event, Some(Event::BinaryChunk { payload: b"abc".into(), fin: false }));
/// # Ok::<(), framewise::ProtocolError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Delivery {
    /// As [`Event::TextChunk`](crate::Event::TextChunk) and
    /// [`Event::BinaryChunk`](crate::Event::BinaryChunk) as they arrive: for messages too large to hold. Nothing is stored.
    Chunks,
    /// Whole, as [`Event::Text`](crate::Event::Text) and [`Event::Binary`](crate::Event::Binary).
    #[default]
    Messages,
}
