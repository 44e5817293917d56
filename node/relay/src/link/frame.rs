use bytes::Bytes;
use etl_proto::relay::{Frame, Kind};

use crate::RelayError;

/// Bytes of the largest body of one frame; a longer body is continued in the next.
pub(crate) const FRAME_BODY: usize = 1 << 20;

/// What a counted frame weighs beside its body, so that empty ones are bounded as well.
pub(crate) const FRAME_WEIGHT: usize = 64;

/// Bytes of the largest encoded frame.
pub(crate) const MESSAGE_LIMIT: usize = 4 << 20;

/// The weight of a frame with a body of so many bytes.
pub(super) fn weight(body: &Bytes) -> u64 {
    (body.len() + FRAME_WEIGHT) as u64
}

/// A frame that is not counted.
pub(crate) fn uncounted(epoch: u64, kind: Kind, body: Bytes) -> Frame {
    Frame { epoch, kind: kind.into(), body, ..Frame::default() }
}

/// The kind of a frame, and whether it is counted.
pub(crate) fn counted(frame: &Frame) -> Result<(Kind, bool), RelayError> {
    let kind = Kind::try_from(frame.kind).unwrap_or(Kind::Unspecified);
    let is_counted = match kind {
        Kind::Unspecified => {
            return Err(RelayError::Kind { kind: frame.kind, place: "is not known" });
        }
        Kind::Opening | Kind::Accepted | Kind::Credit | Kind::Closed => false,
        Kind::Marker
        | Kind::Fence
        | Kind::Rows
        | Kind::Stage
        | Kind::Commit
        | Kind::Check
        | Kind::Complete
        | Kind::Process
        | Kind::Answer => true,
    };
    Ok((kind, is_counted))
}
