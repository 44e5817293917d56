/// Bytes before the body of every message: its type, and its length including these 4 bytes.
pub(crate) const HEADER_BYTES: usize = 5;

/// Type of the message that holds a row of a COPY.
pub(super) const COPY_DATA: u8 = b'd';
/// Type of the message that begins a COPY to the client.
pub(super) const COPY_OUT: u8 = b'H';
/// Type of the message behind its last row.
pub(super) const COPY_DONE: u8 = b'c';
/// Type of the message that ends the answer to a request.
pub(super) const READY: u8 = b'Z';

/// The header of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Its type.
    pub(super) tag: u8,
    /// Bytes of the message, header included; less than [`HEADER_BYTES`] when the header is none.
    pub(super) bytes: usize,
}

impl Frame {
    /// The message that begins at the front; `None` while its header is not whole.
    #[inline]
    pub(super) fn at(bytes: &[u8]) -> Option<Self> {
        let (&[tag, l0, l1, l2, l3], _) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let length = i32::from_be_bytes([l0, l1, l2, l3]);
        Some(Self { tag, bytes: usize::try_from(length).unwrap_or(0) + 1 })
    }

    /// Cuts a whole message off the front and returns its body.
    #[inline]
    pub(crate) fn cut<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
        let (message, behind) = rest.split_at_checked(Self::at(rest)?.bytes)?;
        *rest = behind;
        message.get(HEADER_BYTES..)
    }
}
