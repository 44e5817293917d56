use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use etl_proto::Message as _;
use etl_proto::relay::relay_client::RelayClient;
use etl_proto::relay::{Frame, Kind};
use etl_sdk::ConnectorError;
use futures::Stream;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};
use tonic::{Code, Status, Streaming};

use super::caller::Shared;
use super::located::located;
use super::relay::Relay;
use crate::RelayError;
use crate::codec::{answer_from_body, error_from_body};
use crate::link::{Attached, MESSAGE_LIMIT, counted};
use crate::meter::METER;
use crate::settings::PARTING;

/// The first pause before a broken stream is replaced, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// A stream that has lived so long was no failed attempt, even if nothing had to pass.
const SETTLED: Duration = Duration::from_secs(1);

/// Carries a channel over one stream after the other until it ends. Cancelled with its runtime, it leaves the host to notice the
/// lost stream; its failure is the channel's end.
pub(super) struct Session {
    shared: Arc<Shared>,
    relay: Relay,
    /// Whether the host has accepted the channel.
    accepted: bool,
}

/// Why a stream has ended.
enum Parted {
    /// It broke; another may go on.
    Broken(String),
    /// The channel has ended.
    Over,
}

impl Session {
    pub fn new(shared: Arc<Shared>, relay: Relay) -> Self {
        Self { shared, relay, accepted: false }
    }

    pub async fn run(mut self) {
        let grace = self.relay.settings.grace;
        let mut broken_at = Instant::now();
        let mut pause = PAUSES.0;
        loop {
            let (begun, passed) = (Instant::now(), self.shared.link.passed());
            let (reason, accepted) = match self.stream(broken_at + grace).await {
                (Parted::Over, _) => break,
                (Parted::Broken(reason), accepted) => (reason, accepted),
            };
            let host = self.shared.host;
            if accepted {
                METER.lost();
                tracing::warn!(channel = %self.shared.id, host, reason, "the stream of a relay channel broke");
                if begun.elapsed() >= SETTLED || self.shared.link.passed() > passed {
                    (broken_at, pause) = (Instant::now(), PAUSES.0);
                }
            }
            let left = grace.saturating_sub(broken_at.elapsed());
            if left.is_zero() {
                let message = format!("node {host} cannot be reached for {}: {reason}", self.shared.id);
                self.shared.fail(ConnectorError::transient("relay_lost", message));
                break;
            }
            tokio::select! {
                () = sleep(pause.min(left)) => {}
                () = self.shared.link.over().cancelled() => break,
            }
            pause = (pause * 2).min(PAUSES.1);
        }
        self.shared.fail(ConnectorError::internal("a relay session has ended without an error"));
        if let Some(error) = self.shared.link.ended() {
            self.shared.calls.fail(&error);
        }
    }

    /// One stream, from dialling to its end; whether it was accepted.
    async fn stream(&mut self, deadline: Instant) -> (Parted, bool) {
        let over = self.shared.link.over().clone();
        let patience = deadline.saturating_duration_since(Instant::now());
        let begun = tokio::select! {
            biased;
            () = over.cancelled() => return (Parted::Over, false),
            begun = timeout(patience, self.begin()) => begun,
        };
        let (incoming, attached) = match begun {
            Ok(Ok(begun)) => begun,
            Ok(Err(parted)) => return (parted, false),
            Err(_) => return (Parted::Broken("it does not answer".to_owned()), false),
        };
        self.accepted = true;
        (self.carry(incoming, attached).await, true)
    }

    /// Opens a stream and has the channel accepted.
    async fn begin(&self) -> Result<(Streaming<Frame>, Attached), Parted> {
        let Shared { id, host, link, .. } = self.shared.as_ref();
        let channel = self.relay.reach.channel(*host).await;
        let channel = channel.map_err(|error| Parted::Broken(error.to_string()))?;
        let mut client = RelayClient::new(channel)
            .max_decoding_message_size(MESSAGE_LIMIT)
            .max_encoding_message_size(MESSAGE_LIMIT);
        let opening = link.greeting(Kind::Opening, id.to_wire(self.accepted).encode_to_vec().into());
        let (start, started) = oneshot::channel();
        let answered = client.channel(outgoing(Arc::clone(&self.shared), opening, started)).await;
        let mut incoming = answered.map_err(|status| self.parted(&status))?.into_inner();
        match incoming.message().await {
            Ok(Some(frame)) if frame.kind == Kind::Accepted as i32 => {
                let attached = link.attach(&frame).map_err(|error| self.refuse(&error))?;
                // The request may have ended already; the answer tells why.
                let _ = start.send(attached.clone());
                Ok((incoming, attached))
            }
            Ok(Some(frame)) if frame.kind == Kind::Closed as i32 => Err(self.closed(frame.body)),
            Ok(Some(frame)) => {
                let error = RelayError::Kind { kind: frame.kind, place: "instead of an acceptance" };
                Err(self.refuse(&error))
            }
            Ok(None) => Err(Parted::Broken("the stream ended before it was accepted".to_owned())),
            Err(status) => Err(self.parted(&status)),
        }
    }

    /// Takes in what comes until the stream ends.
    async fn carry(&self, mut incoming: Streaming<Frame>, attached: Attached) -> Parted {
        let over = self.shared.link.over().clone();
        let parting = async {
            over.cancelled().await;
            sleep(PARTING).await;
        };
        let taking = async {
            loop {
                match incoming.message().await {
                    Ok(Some(frame)) if frame.kind == Kind::Closed as i32 => break self.closed(frame.body),
                    Ok(Some(frame)) => {
                        if let Err(error) = self.take(&attached, frame) {
                            break self.refuse(&error);
                        }
                    }
                    Ok(None) => break Parted::Broken("the other side ended the stream".to_owned()),
                    Err(status) => break self.parted(&status),
                }
            }
        };
        let parted = tokio::select! {
            parted = taking => parted,
            () = parting => Parted::Over,
        };
        if over.is_cancelled() { Parted::Over } else { parted }
    }

    fn take(&self, attached: &Attached, frame: Frame) -> Result<(), RelayError> {
        let Shared { link, calls, .. } = self.shared.as_ref();
        match counted(&frame)? {
            (Kind::Answer | Kind::Credit, _) => link.receive(attached, frame)?,
            _ => return Err(RelayError::Kind { kind: frame.kind, place: "from a host" }),
        }
        while let Some((message, bytes)) = link.take(true)? {
            link.release(bytes);
            if !calls.answer(message.call, answer_from_body(message.body)?) {
                return Err(RelayError::malformed("answer", format!("to call {}", message.call)));
            }
        }
        Ok(())
    }

    /// The host has ended the channel.
    fn closed(&self, body: Bytes) -> Parted {
        let error = match error_from_body(body) {
            Ok(error) => located(error, self.shared.host),
            Err(error) => self.located(&error),
        };
        self.shared.link.end(error, None);
        Parted::Over
    }

    /// The host does what it must not.
    fn refuse(&self, error: &RelayError) -> Parted {
        self.shared.fail(self.located(error));
        Parted::Over
    }

    fn located(&self, error: &RelayError) -> ConnectorError {
        located(error.of_channel(&self.shared.id), self.shared.host)
    }

    /// A stream that ended with a status: broken, unless it says that another will fare no better.
    fn parted(&self, status: &Status) -> Parted {
        let reason = format!("{:?}: {}", status.code(), status.message());
        if is_denied(status) {
            let message = format!("{}: {reason}", self.shared.id);
            self.shared
                .fail(located(ConnectorError::user("relay_denied", message, DENIED), self.shared.host));
            return Parted::Over;
        }
        let is_final = matches!(
            status.code(),
            Code::Unimplemented | Code::FailedPrecondition | Code::InvalidArgument | Code::OutOfRange
        );
        if is_final {
            let message = format!("{}: {reason}", self.shared.id);
            let error = ConnectorError::transient("relay_refused", message);
            self.shared.fail(located(error, self.shared.host));
            return Parted::Over;
        }
        Parted::Broken(reason)
    }
}

/// What can be done when the two nodes do not accept each other.
const DENIED: &str = "see to it that both nodes are members of the cluster and have certificates of an authority that the other one \
                      trusts; then continue the run with `workflow resume`";

/// Whether the nodes do not accept each other, which waiting does not mend: the host lets this one in for nothing, or a
/// certificate is not good. What TLS refuses is an IO error of invalid data.
fn is_denied(status: &Status) -> bool {
    if matches!(status.code(), Code::PermissionDenied | Code::Unauthenticated) {
        return true;
    }
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|error| error.kind() == std::io::ErrorKind::InvalidData) {
            return true;
        }
        cause = error.source();
    }
    false
}

enum Step {
    Opening(Frame, oneshot::Receiver<Attached>),
    Waiting(oneshot::Receiver<Attached>),
    Carrying(Attached),
}

/// What leaves on one stream: the opening, and all the rest once the host has accepted it.
fn outgoing(
    shared: Arc<Shared>,
    opening: Frame,
    started: oneshot::Receiver<Attached>,
) -> impl Stream<Item = Frame> + Send + 'static {
    futures::stream::unfold((Step::Opening(opening, started), shared), |(step, shared)| async move {
        let attached = match step {
            Step::Opening(frame, started) => return Some((frame, (Step::Waiting(started), shared))),
            Step::Waiting(started) => started.await.ok()?,
            Step::Carrying(attached) => attached,
        };
        let frame = shared.link.next_outgoing(&attached).await?;
        Some((frame, (Step::Carrying(attached), shared)))
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn a_host_that_is_away_is_told_from_one_that_does_not_let_in() {
        let by_io = |kind| Status::from_error(Box::new(Error::new(kind, "why")));
        assert!(is_denied(&Status::permission_denied("no member")));
        assert!(is_denied(&Status::unauthenticated("no certificate")));
        assert!(is_denied(&by_io(ErrorKind::InvalidData)), "as TLS says that a certificate is not good");
        for kind in [ErrorKind::ConnectionRefused, ErrorKind::ConnectionReset, ErrorKind::TimedOut] {
            assert!(!is_denied(&by_io(kind)), "{kind:?}");
        }
        assert!(!is_denied(&Status::unavailable("stopping")));
    }
}
