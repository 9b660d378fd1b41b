//! A wrapper of `Bytes`, so that payloads and output do not name the crate `bytes`.

use alloc::{boxed::Box, vec::Vec};

use ::bytes::Bytes;

/// Bytes that others may share. Boxed: payloads and output are as small as without them.
#[derive(Clone, Debug)]
pub(crate) struct SharedBytes(Box<Bytes>);

impl SharedBytes {
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Returns them as a vector: moved if nobody shares them.
    pub(crate) fn into_vec(self) -> Vec<u8> {
        Vec::from(*self.0)
    }
}

impl From<Bytes> for SharedBytes {
    fn from(bytes: Bytes) -> Self {
        Self(Box::new(bytes))
    }
}
