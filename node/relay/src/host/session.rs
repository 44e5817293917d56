use bytes::Bytes;
use etl_sdk::ConnectorError;
use tokio_util::sync::CancellationToken;

use crate::RelayError;
use crate::channel::ChannelId;
use crate::codec::error_to_body;
use crate::link::Link;
use crate::meter::{METER, Open};
use crate::settings::RelaySettings;

/// The host's end of a channel.
pub(super) struct Session {
    pub id: ChannelId,
    pub link: Link,
    /// Cancelled when nothing of the step is in use by it any more.
    pub gone: CancellationToken,
    /// Bytes of the largest answer.
    pub max_body: usize,
    _open: Open,
}

impl Session {
    pub fn new(id: ChannelId, settings: &RelaySettings) -> Self {
        let link = Link::new(id.epoch, settings.window(), settings.max_body);
        Self { id, link, gone: CancellationToken::new(), max_body: settings.max_body, _open: METER.host() }
    }

    /// Ends the channel by an error that the sender is told.
    pub fn fail(&self, error: ConnectorError) {
        let farewell: Bytes = error_to_body(&error);
        self.link.end(error, Some(farewell));
    }

    /// Ends the channel because the sender does what it must not.
    pub fn refuse(&self, error: &RelayError) {
        tracing::warn!(channel = %self.id, %error, "a relay channel was refused");
        self.fail(error.of_channel(&self.id));
    }

    /// Ends the channel because the sender has ended it, or is gone.
    pub fn leave(&self, reason: &'static str) {
        let error = ConnectorError::transient("relay_closed", format!("{}: {reason}", self.id));
        self.link.end(error, None);
    }
}
