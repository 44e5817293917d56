/// How a snapshot begins.
pub(super) const MAGIC: &[u8; 8] = b"etl-snap";

/// How it ends.
pub(super) const END: &[u8; 8] = b"snap-end";

pub(super) const VERSION: u8 = 1;

/// Magic, version and length of the meta. Stays as it is in every version, and so does the checksum behind the meta.
pub(super) const HEAD_BYTES: usize = 13;

/// The rows of a block take up at most this much.
pub(super) const BLOCK_BYTES: usize = 1 << 20;

/// A membership of more than a thousand nodes still fits.
pub(super) const META_BYTES: usize = 1 << 20;
