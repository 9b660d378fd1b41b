//! DEFLATE written by hand (RFC 1951 §3), right or wrong: what no compressor would write.

/// A stream of DEFLATE blocks in the making.
#[derive(Clone, Default)]
pub(crate) struct Bits {
    octets: Vec<u8>,
    // Bits of the last octet that are set already; 0 when it is full.
    used: u32,
}

impl Bits {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Appends a number, least significant bit first (RFC 1951 §3.1.1).
    pub(crate) fn number(mut self, value: u32, count: u32) -> Self {
        for i in 0..count {
            self.bit(value >> i & 1);
        }
        self
    }

    /// Appends a Huffman code, most significant bit first.
    pub(crate) fn code(mut self, (code, len): (u32, u32)) -> Self {
        for i in (0..len).rev() {
            self.bit(code >> i & 1);
        }
        self
    }

    /// Pads with bits that are 0.
    pub(crate) fn align(mut self) -> Self {
        self.used = 0;
        self
    }

    /// Appends octets behind a whole one.
    pub(crate) fn octets(mut self, octets: &[u8]) -> Self {
        assert_eq!(self.used, 0, "whole octets");
        self.octets.extend(octets);
        self
    }

    /// Begins a block.
    pub(crate) fn block(self, last: bool, kind: u32) -> Self {
        self.number(u32::from(last), 1).number(kind, 2)
    }

    /// Appends a block without compression.
    pub(crate) fn stored(self, last: bool, octets: &[u8]) -> Self {
        let len = u16::try_from(octets.len()).expect("a block");
        let begun = self.block(last, STORED).align();
        begun.octets(&len.to_le_bytes()).octets(&(!len).to_le_bytes()).octets(octets)
    }

    /// Appends a whole block of literals in the fixed code.
    pub(crate) fn fixed(self, last: bool, literals: &[u8]) -> Self {
        self.block(last, FIXED).literals(literals).symbol(END)
    }

    /// Appends a symbol in the fixed code (RFC 1951 §3.2.6).
    pub(crate) fn symbol(self, symbol: u32) -> Self {
        self.code(match symbol {
            0..=143 => (0b0011_0000 + symbol, 8),
            144..=255 => (0b1_1001_0000 + symbol - 144, 9),
            256..=279 => (symbol - 256, 7),
            _ => (0b1100_0000 + symbol - 280, 8),
        })
    }

    pub(crate) fn literals(self, literals: &[u8]) -> Self {
        literals.iter().fold(self, |bits, literal| bits.symbol(u32::from(*literal)))
    }

    /// Appends a copy of `len` octets from `distance` octets back, in the fixed code.
    pub(crate) fn copy(self, len: u32, distance: u32) -> Self {
        let (symbol, base, extra) = length_code(len);
        let bits = self.symbol(symbol).number(len - base, extra);
        let (symbol, base, extra) = distance_code(distance);
        bits.code((symbol, 5)).number(distance - base, extra)
    }

    /// Begins a block with codes of its own, whose lengths are written without repetition
    /// (RFC 1951 §3.2.7).
    pub(crate) fn dynamic(self, last: bool, literals: &[u32], distances: &[u32]) -> Self {
        // Each length from 0 to 15 has the code of four bits that is its number.
        let mut lengths = [4; 19];
        lengths[16..].fill(0);
        let bits = self.dynamic_head(last, literals.len() as u32, distances.len() as u32, &lengths);
        literals.iter().chain(distances).fold(bits, |bits, len| bits.code((*len, 4)))
    }

    /// Begins such a block, as far as the code of the code lengths.
    pub(crate) fn dynamic_head(
        self,
        last: bool,
        literals: u32,
        distances: u32,
        lengths: &[u32; 19],
    ) -> Self {
        self.dynamic_short_head(last, literals, distances, lengths, 19)
    }

    /// The same with the first `count` of the code lengths in their order only.
    pub(crate) fn dynamic_short_head(
        self,
        last: bool,
        literals: u32,
        distances: u32,
        lengths: &[u32; 19],
        count: u32,
    ) -> Self {
        let bits = self.block(last, DYNAMIC).number(literals - 257, 5).number(distances - 1, 5);
        let written = ORDER.iter().take(count as usize);
        written.fold(bits.number(count - 4, 4), |bits, symbol| bits.number(lengths[*symbol], 3))
    }

    /// Returns the stream as the payload of a message: up to the octet that the tail follows
    /// (RFC 7692 §7.2.1).
    pub(crate) fn message(self) -> Vec<u8> {
        self.block(false, STORED).octets_so_far()
    }

    /// Returns the stream with no empty block begun.
    pub(crate) fn octets_so_far(self) -> Vec<u8> {
        self.octets
    }

    fn bit(&mut self, bit: u32) {
        if self.used == 0 {
            self.octets.push(0);
        }
        let last = self.octets.last_mut().expect("just pushed");
        *last |= (bit as u8) << self.used;
        self.used = (self.used + 1) % 8;
    }
}

/// Returns the payload of a message whose block takes the octets of the tail for its own codes: their
/// zeros for literals, and the first `len` of their ones, up to 15, for its end.
pub(crate) fn ends_inside_the_tail(len: u32) -> Vec<u8> {
    let mut lengths = vec![0; 257];
    for (symbol, of) in (b'a'..).zip(1..len) {
        lengths[usize::from(symbol)] = of;
    }
    lengths[usize::from(b'z')] = len;
    lengths[END as usize] = len;
    let codes = canonical(&lengths);
    assert_eq!((codes[97], codes[END as usize]), ((0, 1), ((1 << len) - 1, len)));
    Bits::new().dynamic(false, &lengths, &[0]).code(codes[97]).align().octets_so_far()
}

/// Inflates a message by the letter of RFC 1951 behind what was inflated before; returns how far
/// back it refers at most.
pub(crate) fn inflate(payload: &[u8], inflated: &mut Vec<u8>) -> usize {
    let octets = [payload, &[0x00, 0x00, 0xff, 0xff]].concat();
    let (mut reader, mut farthest) = (Reader { octets: &octets, place: 0 }, 0);
    while reader.place < 8 * octets.len() {
        let _last = reader.number(1);
        let (literals, distances) = match reader.number(2) {
            STORED => {
                reader.place = reader.place.next_multiple_of(8);
                let (len, complement) = (reader.number(16), reader.number(16));
                assert_eq!(len ^ complement, 0xffff);
                let start = reader.place / 8;
                inflated.extend(&octets[start..start + len as usize]);
                reader.place += 8 * len as usize;
                continue;
            }
            FIXED => {
                let lengths = |symbol| match symbol {
                    144..=255 => 9,
                    256..=279 => 7,
                    _ => 8,
                };
                (Codes::new((0..288).map(lengths).collect()), Codes::new(vec![5; 30]))
            }
            _ => reader.codes(),
        };
        loop {
            let symbol = reader.symbol(&literals);
            if symbol < END {
                inflated.push(symbol as u8);
                continue;
            }
            if symbol == END {
                break;
            }
            let (_, base, extra) =
                (3..=258).map(length_code).find(|code| code.0 == symbol).expect("a length");
            let len = base + reader.number(extra);
            let symbol = reader.symbol(&distances);
            let extra = if symbol < 4 { 0 } else { symbol / 2 - 1 };
            let base = if symbol < 4 { symbol + 1 } else { ((2 + symbol % 2) << extra) + 1 };
            let distance = (base + reader.number(extra)) as usize;
            farthest = farthest.max(distance);
            for _ in 0..len {
                inflated.push(inflated[inflated.len() - distance]);
            }
        }
    }
    farthest
}

struct Reader<'a> {
    octets: &'a [u8],
    // In bits.
    place: usize,
}

impl Reader<'_> {
    fn number(&mut self, count: u32) -> u32 {
        let bits = (0..count).map(|i| {
            let bit = self.octets[self.place / 8] >> (self.place % 8) & 1;
            self.place += 1;
            u32::from(bit) << i
        });
        bits.sum()
    }

    fn symbol(&mut self, codes: &Codes) -> u32 {
        let (mut code, mut first, mut place) = (0, 0, 0);
        for count in &codes.counts {
            code = code << 1 | self.number(1);
            if code - first < *count {
                return codes.symbols[(place + code - first) as usize];
            }
            place += count;
            first = (first + count) << 1;
        }
        panic!("no such code");
    }

    /// Reads the codes of a block that has its own.
    fn codes(&mut self) -> (Codes, Codes) {
        let (literals, distances) = (self.number(5) as usize + 257, self.number(5) as usize + 1);
        let mut lengths = vec![0; 19];
        for symbol in &ORDER[..self.number(4) as usize + 4] {
            lengths[*symbol] = self.number(3);
        }
        let codes = Codes::new(lengths);
        let mut lengths = vec![];
        while lengths.len() < literals + distances {
            let (len, times) = match self.symbol(&codes) {
                16 => (*lengths.last().expect("one before"), 3 + self.number(2)),
                17 => (0, 3 + self.number(3)),
                18 => (0, 11 + self.number(7)),
                len => (len, 1),
            };
            lengths.resize(lengths.len() + times as usize, len);
        }
        let distances = lengths.split_off(literals);
        (Codes::new(lengths), Codes::new(distances))
    }
}

/// Symbols in the order of their codes, and how many codes have each length.
struct Codes {
    symbols: Vec<u32>,
    counts: [u32; 15],
}

impl Codes {
    fn new(lengths: Vec<u32>) -> Self {
        let mut counts = [0; 15];
        let mut symbols = vec![];
        for len in 1..=15 {
            let found = (0..).zip(&lengths).filter(|(_, of)| **of == len).map(|(symbol, _)| symbol);
            symbols.extend(found);
            counts[len as usize - 1] = lengths.iter().filter(|of| **of == len).count() as u32;
        }
        Self { symbols, counts }
    }
}

/// Returns the code, base and count of extra bits of a length (RFC 1951 §3.2.5).
pub(crate) fn length_code(len: u32) -> (u32, u32, u32) {
    assert!((3..=258).contains(&len), "a length");
    if len == 258 {
        return (285, 258, 0);
    }
    let mut base = 3;
    for symbol in 257.. {
        let extra = if symbol < 265 { 0 } else { (symbol - 261) / 4 };
        if len < base + (1 << extra) {
            return (symbol, base, extra);
        }
        base += 1 << extra;
    }
    unreachable!("all lengths have a code")
}

/// Returns the code, base and count of extra bits of a distance.
pub(crate) fn distance_code(distance: u32) -> (u32, u32, u32) {
    assert!((1..=32768).contains(&distance), "a distance");
    let mut base = 1;
    for symbol in 0.. {
        let extra = if symbol < 4 { 0 } else { symbol / 2 - 1 };
        if distance < base + (1 << extra) {
            return (symbol, base, extra);
        }
        base += 1 << extra;
    }
    unreachable!("all distances have a code")
}

/// Returns the codes of symbols, given their lengths (RFC 1951 §3.2.2).
pub(crate) fn canonical(lengths: &[u32]) -> Vec<(u32, u32)> {
    let mut code = 0;
    let mut codes = vec![(0, 0); lengths.len()];
    for len in 1..=15 {
        code <<= 1;
        for (place, _) in lengths.iter().enumerate().filter(|(_, found)| **found == len) {
            codes[place] = (code, len);
            code += 1;
        }
    }
    codes
}

pub(crate) const STORED: u32 = 0;
pub(crate) const FIXED: u32 = 1;
pub(crate) const DYNAMIC: u32 = 2;
/// The symbol that ends a block.
pub(crate) const END: u32 = 256;

const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
