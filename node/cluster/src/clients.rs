use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use etl_proto::cluster::cluster_client::ClusterClient;
use etl_raft::network::{Dialer, channel};
use tonic::transport::Channel;

/// No message of this service is larger, in bytes.
pub(crate) const MESSAGE_LIMIT: usize = 256 << 10;

/// The connections to the admin listeners of other nodes.
pub(crate) struct Clients {
    dialer: Arc<dyn Dialer>,
    open: Mutex<BTreeMap<String, ClusterClient<Channel>>>,
}

impl Clients {
    pub fn new(dialer: Arc<dyn Dialer>) -> Self {
        Self { dialer, open: Mutex::default() }
    }

    /// Dials nothing before the first call.
    pub fn to(&self, address: &str) -> ClusterClient<Channel> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.entry(address.to_owned()).or_insert_with(|| client(self.dialer.clone(), address)).clone()
    }

    /// Closes the connections to all addresses that are not wanted any more.
    pub fn retain(&self, wanted: impl Fn(&str) -> bool) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|address, _| wanted(address));
    }

    pub fn dialer(&self) -> &Arc<dyn Dialer> {
        &self.dialer
    }
}

pub(crate) fn client(dialer: Arc<dyn Dialer>, address: &str) -> ClusterClient<Channel> {
    ClusterClient::new(channel(dialer, address))
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT)
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}
