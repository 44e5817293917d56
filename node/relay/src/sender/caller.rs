use std::sync::Arc;

use bytes::Bytes;
use etl_proto::relay::Kind;
use etl_sdk::ConnectorError;
use tokio::sync::Mutex;

use super::calls::Calls;
use super::located::located;
use super::relay::Relay;
use super::session::Session;
use crate::channel::ChannelId;
use crate::codec::Answer;
use crate::link::Link;
use crate::meter::{METER, Open};

/// The sender's end of a channel. Dropping it ends the channel, and with it whatever the host has not committed.
pub(super) struct Caller {
    shared: Arc<Shared>,
    /// Whose turn it is to send: the frames of a body must follow one another.
    turn: Mutex<()>,
    max_body: usize,
    _open: Open,
}

/// What calls share with the task that carries them.
pub(super) struct Shared {
    pub id: ChannelId,
    pub host: u64,
    pub link: Link,
    pub calls: Calls,
}

/// Ends the channel when a body was sent in part only.
struct Whole<'a>(Option<&'a Shared>);

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        if let Some(shared) = self.0 {
            shared.close();
        }
    }
}

impl Shared {
    fn close(&self) {
        let error = ConnectorError::transient("relay_closed", format!("{} was closed", self.id));
        self.link.end(error, Some(Bytes::new()));
    }

    /// Ends the channel by an error of this side.
    pub fn fail(&self, error: ConnectorError) {
        self.link.end(error, Some(Bytes::new()));
    }
}

impl Caller {
    /// Opens a channel. Whether the host can be reached shows in the first call.
    pub fn open(relay: &Relay, host: u64, id: ChannelId) -> Self {
        let settings = &relay.settings;
        let link = Link::new(id.epoch, settings.window(), settings.max_body);
        let shared = Arc::new(Shared { id, host, link, calls: Calls::default() });
        relay.runtime.spawn(Session::new(Arc::clone(&shared), relay.clone()).run());
        Self { shared, turn: Mutex::new(()), max_body: settings.max_body, _open: METER.sender() }
    }

    /// Whether the channel has ended, so that no call can succeed.
    pub fn is_over(&self) -> bool {
        self.shared.link.ended().is_some()
    }

    /// Sends rows, as soon as there is room for them. An error may belong to rows sent before.
    pub async fn send(&self, kind: Kind, body: Bytes) -> Result<(), ConnectorError> {
        self.send_as(kind, 0, body).await
    }

    async fn send_as(&self, kind: Kind, call: u64, body: Bytes) -> Result<(), ConnectorError> {
        if body.len() > self.max_body {
            return Err(ConnectorError::user(
                "relay_too_large",
                format!(
                    "{} bytes are to be sent to node {} at once, at most {} can be",
                    body.len(),
                    self.shared.host,
                    self.max_body
                ),
                "place the step on the node that owns the partition, or make the records smaller",
            ));
        }
        let _turn = self.turn.lock().await;
        let mut whole = Whole(Some(&self.shared));
        self.shared.link.send(kind, call, body).await?;
        whole.0 = None;
        Ok(())
    }

    /// Makes a call and waits for its answer. The host's errors name the host.
    pub async fn call(&self, kind: Kind, body: Bytes) -> Result<Answer, ConnectorError> {
        let (number, answer) = self.shared.calls.begin();
        // After the call was noted: an end that comes later finds it, one that came before is seen here.
        if let Some(error) = self.shared.link.ended() {
            return Err(error);
        }
        self.send_as(kind, number, body).await?;
        match answer.await {
            Ok(Ok(Answer::Error(error))) => Err(located(error, self.shared.host)),
            Ok(answer) => answer,
            Err(_) => Err(ConnectorError::internal(format!("{}: a call was forgotten", self.shared.id))),
        }
    }

    /// The error for an answer that does not belong to the call.
    pub fn unexpected(&self, answer: &Answer) -> ConnectorError {
        let what = match answer {
            Answer::Error(_) => "an error",
            Answer::Marker(_) => "a marker",
            Answer::Refused(..) => "refused rows",
            Answer::Processed { .. } => "processed rows",
            Answer::Done => "nothing",
        };
        let Shared { id, host, .. } = self.shared.as_ref();
        ConnectorError::transient("relay_protocol", format!("node {host}: {id}: {what} as an answer"))
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.shared.close();
    }
}
