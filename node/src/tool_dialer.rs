use std::io;

use etl_raft::network::{Connection, Dialer};
use etl_security::Connector;
use futures::future::BoxFuture;

/// Dials as a tool does.
pub(crate) struct ToolDialer(pub Connector);

impl Dialer for ToolDialer {
    fn dial(&self, address: String) -> BoxFuture<'static, io::Result<Connection>> {
        let connector = self.0.clone();
        Box::pin(async move {
            let connection = connector.connect(&address).await?;
            Ok(Box::new(connection) as Connection)
        })
    }
}
