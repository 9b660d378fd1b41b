//! Octets in reads of any length.

use arbitrary::Arbitrary;

/// Octets as they come over a link, and how they are cut.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Stream<'a> {
    /// Whatever else a target wants to know.
    pub flags: u8,
    /// Lengths of the pieces; the last one is repeated. Zero is all that is left.
    pub lengths: [u8; 4],
    /// The octets.
    pub octets: &'a [u8],
}

impl<'a> Stream<'a> {
    /// Returns whether a flag is set.
    pub(super) fn flag(&self, number: u32) -> bool {
        self.flags >> number & 1 == 1
    }

    /// Returns the same stream with other octets.
    pub(super) fn with<'b>(&self, octets: &'b [u8]) -> Stream<'b> {
        Stream { octets, ..*self }
    }

    /// Returns the octets in one piece.
    pub(super) fn whole(&self) -> Vec<&'a [u8]> {
        vec![self.octets]
    }

    /// Returns the octets in pieces.
    pub fn pieces(&self) -> Vec<&'a [u8]> {
        let mut lengths = self.lengths.iter();
        let mut rest = self.octets;
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let len = match lengths.next().unwrap_or(&self.lengths[3]) {
                0 => rest.len(),
                len => usize::from(*len).min(rest.len()),
            };
            let (piece, behind) = rest.split_at(len);
            pieces.push(piece);
            rest = behind;
        }
        pieces
    }
}
