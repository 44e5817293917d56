use std::sync::Arc;

use etl_proto::relay::{Frame, Kind};
use tokio::time::sleep;
use tonic::{Code, Status, Streaming};

use super::register::Register;
use super::session::Session;
use crate::RelayError;
use crate::link::{Attached, MESSAGE_LIMIT, counted};
use crate::settings::{PARTING, RelaySettings};

/// Takes in what comes on one stream of a channel until the stream ends or a newer one takes over; then waits for the next
/// stream as long as the channel may live without. Cancelled with its runtime, it leaves the channel to the end of the node.
pub(super) struct Incoming {
    pub session: Arc<Session>,
    pub attached: Attached,
    pub register: Arc<Register>,
    pub settings: RelaySettings,
}

/// What the sender has put into a stream that cannot be read as frames, if it is not the stream that broke.
pub(super) fn unreadable(status: &Status) -> Option<RelayError> {
    if std::error::Error::source(status).is_some() {
        return None;
    }
    let message = status.message();
    match status.code() {
        Code::OutOfRange => Some(RelayError::malformed(
            "frame",
            format!("{message}; at most {MESSAGE_LIMIT} bytes are allowed"),
        )),
        // The words of the decoders of protocol buffers and of gRPC frames.
        Code::Internal if message.contains("decode") || message.contains("protocol error") => {
            Some(RelayError::malformed("frame", message))
        }
        Code::Unimplemented => Some(RelayError::malformed("frame", message)),
        _ => None,
    }
}

impl Incoming {
    pub async fn run(self, mut frames: Streaming<Frame>) {
        let link = &self.session.link;
        // A sender that was told the end closes the stream; one that does not must not keep it.
        let parting = async {
            link.over().cancelled().await;
            sleep(PARTING).await;
        };
        tokio::select! {
            () = self.attached.replaced.cancelled() => return,
            () = self.take(&mut frames) => {}
            () = parting => {}
        }
        drop(frames);
        // The end is told once more to a sender that comes back for it.
        if !(link.over().is_cancelled() && link.is_told()) {
            tokio::select! {
                () = self.attached.replaced.cancelled() => return,
                () = sleep(self.settings.grace) => {}
            }
        }
        if link.is_newest(&self.attached) {
            self.session.leave("the sender has not come back in time");
            self.register.remove(&self.session);
        }
    }

    async fn take(&self, frames: &mut Streaming<Frame>) {
        loop {
            let frame = match frames.message().await {
                Ok(Some(frame)) => frame,
                Ok(None) => return,
                Err(status) => {
                    if let Some(error) = unreadable(&status) {
                        self.session.refuse(&error);
                    }
                    return;
                }
            };
            if frame.kind == Kind::Closed as i32 {
                return self.session.leave("the sender has ended it");
            }
            if let Err(error) = self.accept(frame) {
                self.session.refuse(&error);
            }
        }
    }

    fn accept(&self, frame: Frame) -> Result<(), RelayError> {
        match counted(&frame)? {
            (Kind::Opening | Kind::Accepted | Kind::Answer, _) => {
                Err(RelayError::Kind { kind: frame.kind, place: "from a sender that was accepted" })
            }
            _ if self.session.link.over().is_cancelled() => Ok(()),
            _ => self.session.link.receive(&self.attached, frame),
        }
    }
}
