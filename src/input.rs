//! A cursor over bytes that were just read.

use core::mem;

/// A cursor over bytes that arrived from the peer, for a machine to parse.
///
/// The machine takes bytes from the front, unmasks them in place and returns them as part of an
/// [`Event`](crate::Event). The event borrows the *buffer*, not the machine and not the `Input`. So it
/// may be kept while the machine is used to answer.
///
/// [`Connection::receive`](crate::Connection::receive) always takes all bytes before it asks for
/// more. A handshake leaves the bytes that follow its head to the connection.
///
/// ```
/// use framewise::Input;
///
/// let mut buf = *b"head|frames";
/// let mut input = Input::new(&mut buf);
/// let head = input.take(5);
/// assert_eq!(head, b"head|");
/// assert_eq!(input.as_slice(), b"frames");
/// assert_eq!(head.len(), 5); // still alive: both borrow `buf`
/// ```
#[derive(Debug)]
pub struct Input<'buf> {
    bytes: &'buf mut [u8],
}

impl<'buf> Input<'buf> {
    /// Makes a cursor at the front of `bytes`.
    pub fn new(bytes: &'buf mut [u8]) -> Self {
        Self { bytes }
    }

    /// Takes the first `len` bytes, or all when there are fewer.
    #[inline]
    pub fn take(&mut self, len: usize) -> &'buf mut [u8] {
        let bytes = mem::take(&mut self.bytes);
        let (taken, rest) = bytes.split_at_mut(len.min(bytes.len()));
        self.bytes = rest;
        taken
    }

    /// Returns the bytes not taken yet.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes
    }

    /// Returns whether all bytes have been taken.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns the number of bytes not taken yet.
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}

impl<'buf> From<&'buf mut [u8]> for Input<'buf> {
    fn from(bytes: &'buf mut [u8]) -> Self {
        Self::new(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::Input;

    #[test]
    fn what_is_taken_is_gone() {
        let mut bytes = [1, 2, 3];
        let mut input = Input::from(&mut bytes[..]);
        assert_eq!((input.len(), input.is_empty(), input.as_slice()), (3, false, &[1, 2, 3][..]));
        assert_eq!(input.take(2), [1, 2]);
        assert_eq!((input.len(), input.is_empty(), input.as_slice()), (1, false, &[3][..]));
        assert_eq!(input.take(usize::MAX), [3]);
        assert_eq!((input.len(), input.is_empty()), (0, true));
        assert!(input.take(1).is_empty());
    }
}
