use std::sync::Arc;

use tokio::runtime::Handle;

use crate::ports::Reach;
use crate::settings::RelaySettings;

/// What every channel of this node needs to reach others. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    pub(super) reach: Arc<dyn Reach>,
    pub(super) settings: RelaySettings,
    pub(super) runtime: Handle,
}

impl Relay {
    /// `runtime` carries the streams. It must live as long as the node does: the threads of a run end with it.
    pub fn new(reach: Arc<dyn Reach>, settings: RelaySettings, runtime: Handle) -> Self {
        Self { reach, settings, runtime }
    }
}
