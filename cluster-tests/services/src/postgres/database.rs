use std::net::SocketAddr;
use std::process::Command;

use super::access::Access;
use crate::ServiceError;

/// A database on a private server. It goes with the server.
#[derive(Debug, Clone)]
pub struct Database {
    access: Access,
    name: String,
    url: String,
}

impl Database {
    pub(super) fn new(access: Access, name: String) -> Self {
        let url = access.url(&name);
        Self { access, name, url }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `postgres://USER:PASSWORD@HOST:PORT/NAME` of the superuser.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same through another address, such as that of a [`crate::Proxy`].
    pub fn url_via(&self, address: SocketAddr) -> String {
        let direct = format!("@{}:{}/", Access::HOST, self.access.port);
        self.url.replacen(&direct, &format!("@{address}/"), 1)
    }

    /// Runs statements and commands of `psql`; returns the rows, fields separated by `|`, without titles and tags.
    ///
    /// # Errors
    /// [`ServiceError::Failed`] with the server's message at the first statement that fails.
    pub fn psql(&self, sql: &str) -> Result<String, ServiceError> {
        self.access.run(&self.name, sql)
    }

    /// `psql` for this database: with its host, port, user and password, without the user's `.psqlrc` and `PG*`
    /// variables, ending at the first error. SQL and output options are the caller's.
    pub fn psql_command(&self) -> Command {
        self.access.command(&self.name)
    }
}
