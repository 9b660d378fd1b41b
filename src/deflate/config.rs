//! What an endpoint wants of permessage-deflate.

use alloc::vec::Vec;
use core::{error::Error, fmt};

use crate::setters::setters;

/// Whether and how messages are compressed, for [`Config::deflate`](crate::Config::deflate).
///
/// The default asks for compression with RFC 7692's defaults, and agrees to everything that the peer asks
/// for. Each field is public, and has a method of its name that sets it and can be chained.
///
/// ```
/// use framewise::deflate::{BitsWish, DeflateConfig, Parameters, WindowBits, Wish};
///
/// // A server that keeps nothing between messages.
/// let nothing = Parameters::default()
///     .server_no_context_takeover(Wish::Ask)
///     .client_no_context_takeover(Wish::Ask);
/// let config = DeflateConfig::default().parameters(nothing).threshold(1024);
///
/// // One that limits the window of clients that allow it, and keeps nothing for the others.
/// let config = DeflateConfig::default()
///     .parameters(Parameters::default().client_max_window_bits(WindowBits::new(10)?))
///     .fallbacks([Parameters::default().client_no_context_takeover(Wish::Ask)]);
/// assert_eq!(config.fallbacks.len(), 1);
/// # Ok::<(), framewise::deflate::OutOfRange>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct DeflateConfig {
    /// What is wanted instead when `parameters` cannot be agreed upon, in order of preference.
    ///
    /// A client makes an offer of each (RFC 7692 §5). A server takes the client's first acceptable offer,
    /// and the first of its own parameters that accept it.
    pub fallbacks: Vec<Parameters>,

    /// Whether messages that are sent in fragments are compressed, too.
    ///
    /// On by default. Some receivers cannot reassemble compressed fragments (Safari of 2021, for instance).
    /// With `false`, a compressed message is always one frame.
    pub fragments: bool,

    /// How hard the compressor tries: 0 (not at all) to 9. 6 by default.
    ///
    /// With windows of 9 to 11 bits take 7: the library's levels 2 to 6 do not look for all that
    /// such a window holds (200 JSON messages of 1 KiB at 9 bits: 48 KB at level 6, 35 KB at 7).
    pub level: Level,

    /// The largest size of a compressed message in bytes as it is received, before inflation.
    ///
    /// `None`, the default, is twice [`Config::max_message_size`](crate::Config::max_message_size) and 64
    /// KiB. Compression rarely makes a message larger, but a peer can add any number of empty blocks.
    pub max_compressed_size: Option<u64>,

    /// How much memory the compressor takes for its tables: 1 to 9. 8 by default.
    pub memory_level: MemoryLevel,

    /// What to ask for, allow and refuse.
    pub parameters: Parameters,

    /// Whether a compressor with context takeover keeps, between messages, only the bytes that the
    /// next one may refer to, and shares the rest with the other connections of its thread.
    ///
    /// Off by default. If it is on, a connection that sends holds at most its window (512 bytes at 9 bits,
    /// 32 KiB at 15) instead of 134 to 483 KiB. To begin a message then takes longer, because the compressor
    /// reads the window again: 1.5 µs at 10 bits, 16 µs at 15 (to compress 1 KiB takes 10 µs). A thread with
    /// one connection, or one busy one, is spared that.
    ///
    /// Messages inflate to the same, but their compressed bytes may differ: the library looks one byte beyond
    /// the window, at a byte of another connection, and may find a match there or miss one. Leave this off
    /// if message lengths must not depend on other connections.
    pub shared_compressor: bool,

    /// The size in bytes below which a message is sent uncompressed, where this endpoint compresses
    /// each message for itself (without context takeover).
    ///
    /// 64 by default: a smaller message gains little on its own. With context takeover, the messages before
    /// it help, so every message is compressed. Other implementations do the same (node `ws`), and some
    /// peers fail when uncompressed messages come in between. To change this, set
    /// [`threshold_with_takeover`](#structfield.threshold_with_takeover). Fragments of any size are
    /// compressed.
    pub threshold: usize,

    /// Whether [`threshold`](#structfield.threshold) applies with context takeover, too.
    ///
    /// Off by default. If it is on, no time is spent on small messages.
    pub threshold_with_takeover: bool,
}

impl DeflateConfig {
    setters! {
        fallbacks: impl Into<Vec<Parameters>>,
        fragments: bool,
        level: Level,
        max_compressed_size: impl Into<Option<u64>>,
        memory_level: MemoryLevel,
        parameters: Parameters,
        shared_compressor: bool,
        threshold: usize,
        threshold_with_takeover: bool,
    }
}

impl Default for DeflateConfig {
    fn default() -> Self {
        Self {
            fallbacks: Vec::new(),
            fragments: true,
            level: Level::DEFAULT,
            max_compressed_size: None,
            memory_level: MemoryLevel::DEFAULT,
            parameters: Parameters::default(),
            shared_compressor: false,
            threshold: 64,
            threshold_with_takeover: false,
        }
    }
}

/// What an endpoint wants of the four parameters of permessage-deflate (RFC 7692 §7.1).
///
/// All are allowed by default. Each field is public, and has a method of its name that sets it and
/// can be chained.
///
/// ```
/// use framewise::deflate::{BitsWish, Parameters, Wish};
///
/// let parameters = Parameters::default()
///     .server_no_context_takeover(Wish::Ask)
///     .client_max_window_bits(BitsWish::Refuse);
/// assert_eq!(parameters.server_no_context_takeover, Wish::Ask);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Parameters {
    /// Whether the client compresses each message for itself.
    ///
    /// | | a client | a server |
    /// |---|---|---|
    /// | asks | does so, whatever the server answers | demands it of every client |
    /// | allows | does so if the server demands it | agrees if the client offers it |
    /// | refuses | fails the handshake if the server demands it | ignores the client's offer |
    pub client_no_context_takeover: Wish,

    /// The window of the client's compressor.
    ///
    /// | | a client | a server |
    /// |---|---|---|
    /// | asks | stays within its limit, whatever the server answers | declines offers that leave it no choice |
    /// | allows | lets the server choose | answers a client's own limit |
    /// | refuses | leaves the server no choice | never limits the client |
    ///
    /// A client cannot compress with a window of 8 bits. It makes no offer with that limit. A server
    /// may demand it of an offer that allows for a limit (RFC 7692 §7.1.2.2): the client then sends
    /// its messages uncompressed, and still inflates those of the server.
    pub client_max_window_bits: BitsWish,

    /// Whether the server compresses each message for itself.
    ///
    /// | | a client | a server |
    /// |---|---|---|
    /// | asks | fails the handshake if the server does not comply | does so in any case |
    /// | allows | accepts either | does so if the client asks |
    /// | refuses | fails the handshake if the server does so | declines offers that ask for it |
    pub server_no_context_takeover: Wish,

    /// The window of the server's compressor.
    ///
    /// | | a client | a server |
    /// |---|---|---|
    /// | asks | fails the handshake if the server does not comply | stays within its limit, or the client's if that is smaller |
    /// | allows | accepts any limit | stays within the client's limit |
    /// | refuses | fails the handshake if the server has a limit | declines offers with a limit |
    ///
    /// A server cannot compress with a window of 8 bits: it declines offers that ask for it, and if
    /// its own limit is that, all offers.
    pub server_max_window_bits: BitsWish,
}

impl Parameters {
    setters! {
        client_max_window_bits: impl Into<BitsWish>,
        client_no_context_takeover: Wish,
        server_max_window_bits: impl Into<BitsWish>,
        server_no_context_takeover: Wish,
    }
}

/// Asks for this limit.
impl From<WindowBits> for BitsWish {
    fn from(bits: WindowBits) -> Self {
        Self::Ask(bits)
    }
}

/// What an endpoint wants of a parameter without a value; see [`Parameters`].
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "there is nothing else to want")]
pub enum Wish {
    /// Agrees when the peer asks for it.
    #[default]
    Allow,
    /// Asks for it.
    Ask,
    /// Does not agree to it.
    Refuse,
}

/// What an endpoint wants of a limit to a window; see [`Parameters`].
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "there is nothing else to want")]
pub enum BitsWish {
    /// Agrees when the peer asks for one.
    #[default]
    Allow,
    /// Asks for this limit.
    Ask(WindowBits),
    /// Does not agree to any.
    Refuse,
}

macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident, $range:expr, $text:literal, $default:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(u8);

        impl $name {
            pub(crate) const DEFAULT: Self = Self($default);

            #[doc = concat!("Takes a number of ", $text, ".")]
            ///
            /// # Errors
            ///
            /// [`OutOfRange`] for any other number.
            pub const fn new(number: u8) -> Result<Self, OutOfRange> {
                let (least, most) = $range;
                if least <= number && number <= most {
                    Ok(Self(number))
                } else {
                    Err(OutOfRange { number, least, most })
                }
            }

            /// Returns the number.
            #[must_use]
            pub const fn get(self) -> u8 {
                self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::DEFAULT
            }
        }

        impl TryFrom<u8> for $name {
            type Error = OutOfRange;

            fn try_from(number: u8) -> Result<Self, OutOfRange> {
                Self::new(number)
            }
        }

        impl From<$name> for u8 {
            fn from(number: $name) -> Self {
                number.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

bounded! {
    /// The size of a window as the exponent of 2: 8 (256 bytes) to 15 (32 KiB), which is the
    /// default.
    ///
    /// ```
    /// use framewise::deflate::WindowBits;
    ///
    /// assert_eq!(WindowBits::new(9)?.size(), 512);
    /// assert!(WindowBits::new(16).is_err());
    /// # Ok::<(), framewise::deflate::OutOfRange>(())
    /// ```
    WindowBits, (8, 15), "8 to 15", 15
}

bounded! {
    /// How hard a compressor tries: 0 to 9, 6 by default.
    ///
    /// 0 does not compress, 1 is the fastest.
    ///
    /// ```
    /// use framewise::deflate::Level;
    ///
    /// assert_eq!(Level::new(1)?.get(), 1);
    /// # Ok::<(), framewise::deflate::OutOfRange>(())
    /// ```
    Level, (0, 9), "0 to 9", 6
}

bounded! {
    /// How much memory a compressor takes for its tables: 1 to 9, 8 by default.
    ///
    /// ```
    /// use framewise::deflate::MemoryLevel;
    ///
    /// assert!(MemoryLevel::new(0).is_err());
    /// ```
    MemoryLevel, (1, 9), "1 to 9", 8
}

impl WindowBits {
    /// The smallest window that the compressor can make.
    pub(crate) const LEAST_TO_COMPRESS: Self = Self(9);

    /// Returns the size of the window in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        1 << self.0
    }
}

/// A number is outside the range of its type.
///
/// ```
/// use framewise::deflate::WindowBits;
///
/// let error = WindowBits::new(16).unwrap_err();
/// assert_eq!(error.to_string(), "16 is out of range: 8 to 15");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OutOfRange {
    number: u8,
    least: u8,
    most: u8,
}

impl OutOfRange {
    /// Returns the number that was given.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.number
    }

    /// Returns the smallest and the largest number that the type can have.
    #[must_use]
    pub const fn range(self) -> (u8, u8) {
        (self.least, self.most)
    }
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, least, most } = self;
        write!(f, "{number} is out of range: {least} to {most}")
    }
}

impl Error for OutOfRange {}
