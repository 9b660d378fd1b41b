//! Conversions from and to the types of the crate `bytes`.

use alloc::vec::Vec;

use ::bytes::{Bytes, BytesMut};

use super::{Binary, HeldBytes, Message, Payload};

/// Queued without a copy by a server when they are 4 KiB or more; a client masks a copy.
///
/// ```
/// use bytes::Bytes;
/// use framewise::{Config, Connection};
///
/// let frame = Bytes::from(vec![0; 10_000]);
/// let mut connections = [(); 3].map(|()| Connection::server(Config::default()));
/// for connection in &mut connections {
///     connection.send(frame.clone())?;
/// }
/// # Ok::<(), framewise::SendError>(())
/// ```
impl From<Bytes> for Binary<'_> {
    fn from(bytes: Bytes) -> Self {
        Self(HeldBytes::Foreign(bytes.into()))
    }
}

impl From<BytesMut> for Binary<'_> {
    fn from(bytes: BytesMut) -> Self {
        bytes.freeze().into()
    }
}

/// Borrows the bytes: they are copied.
impl<'a> From<&'a Bytes> for Binary<'a> {
    fn from(bytes: &'a Bytes) -> Self {
        Self(HeldBytes::Borrowed(bytes))
    }
}

macro_rules! payload_from {
    ($($type:ty),*) => {$(
        impl<'a> From<$type> for Payload<'a> {
            fn from(bytes: $type) -> Self {
                Binary::from(bytes).into()
            }
        }
    )*};
}

payload_from!(Bytes, BytesMut, &'a Bytes);

/// A binary message. Bytes that others share are copied.
impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(Vec::from(bytes))
    }
}

/// The payload, of either type, without a copy.
///
/// ```
/// use bytes::Bytes;
/// use framewise::Message;
///
/// let message = Message::text("Hello");
/// let payload = message.as_bytes().as_ptr();
/// let bytes = Bytes::from(message);
/// assert_eq!((&*bytes, bytes.as_ptr()), (&b"Hello"[..], payload));
/// ```
impl From<Message> for Bytes {
    fn from(message: Message) -> Self {
        message.into_bytes().into()
    }
}
