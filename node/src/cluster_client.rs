use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use etl_api::AdminClient;
use etl_api::model::Consistency;
use etl_raft::network::Dialer;
use etl_security::{ClientAuth, Connector, Credentials, TlsSettings};

use crate::Error;
use crate::arguments::{ReadArguments, ServerArguments};
use crate::tool_dialer::ToolDialer;

/// How long one call may take unless something else is asked for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Where a node of this machine listens unless it is told otherwise.
const DEFAULT_SERVER: &str = "127.0.0.1:7002";

impl ServerArguments {
    /// A client whose calls may take `patience` unless the user has asked for something else. Needs a runtime.
    pub(crate) fn client(&self, patience: Duration) -> Result<AdminClient, Error> {
        let credentials = match &self.tls_ca {
            None => None,
            Some(ca) => Some(Credentials::of_tool(&TlsSettings {
                ca: ca.clone(),
                certificate: self.tls_cert.clone(),
                key: self.tls_key.clone(),
                client_auth: ClientAuth::default(),
            })?),
        };
        let dialer: Arc<dyn Dialer> = Arc::new(ToolDialer(Connector::new(credentials)));
        let patience = self.timeout.map_or(patience, |span| span.0);
        let servers = match self.server.as_slice() {
            [] => &[DEFAULT_SERVER.to_owned()],
            servers => servers,
        };
        Ok(AdminClient::new(servers, &dialer, patience)?)
    }
}

impl ReadArguments {
    /// Where the answer may come from.
    pub(crate) fn consistency(&self) -> Consistency {
        if self.stale { Consistency::Stale } else { Consistency::Linearizable }
    }
}

/// Carries out a command that speaks to nodes.
pub(crate) fn block_on<T>(command: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}
