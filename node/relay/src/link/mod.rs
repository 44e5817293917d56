//! One end of a channel, the same on both sides: counted frames out and in, acknowledgements, credits.

mod assembler;
mod endpoint;
mod frame;
mod inbox;
mod outbox;

pub(crate) use assembler::Message;
pub(crate) use endpoint::{Attached, Link};
pub(crate) use frame::{FRAME_BODY, FRAME_WEIGHT, MESSAGE_LIMIT, counted, uncounted};
