use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_postgres::config::TargetSessionAttrs as DriverTarget;
use tokio_postgres::{Client, Config};

use super::config::{ConnectionConfig, SslMode};
use super::dial::{Encryption, dial};
use super::host::{Host, TargetSessionAttrs};
use super::tls;
use crate::PostgresError;
use crate::error::At;
use crate::identifier::{literal, quote_all};
use crate::wire::{CopyOut, Lane, Terms};

/// The half of a connection that moves its bytes while it is polled; ends with the connection.
pub(super) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One connection. Dropping it closes it, which rolls an open transaction back.
pub(crate) struct Session {
    client: Client,
    place: String,
    /// Rows of a COPY come this way.
    lane: Arc<Lane>,
    driver: JoinHandle<()>,
}

impl Session {
    /// Connects, and makes sure that values look the same whatever the server's settings.
    ///
    /// `purpose` is what `pg_stat_activity` shows as `application_name`.
    pub(crate) async fn connect(config: &ConnectionConfig, purpose: &str) -> Result<Self, PostgresError> {
        let (place, lane) = (config.place(), Arc::new(Lane::default()));
        let (client, driver) = first_of(config, purpose, &lane).await?;
        let session = Self { client, place, lane, driver: tokio::spawn(driver) };
        session.execute(&settings(config)?).await?;
        Ok(session)
    }

    /// The driver's client.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// For messages: host, port and database.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Executes statements without results.
    pub(crate) async fn execute(&self, sql: &str) -> Result<(), PostgresError> {
        self.client.batch_execute(sql).await.at(&self.place)
    }

    /// Begins to read what `COPY ... TO STDOUT` statements yield, which have semicolons between them.
    pub(crate) async fn copy_out(&self, sql: &str, terms: Terms) -> Result<CopyOut, PostgresError> {
        let begun = CopyOut::begin(&self.client, &self.lane, sql, terms).await;
        begun.map_err(|broken| broken.at(&self.place))
    }

    /// Changes what `pg_stat_activity` shows; cut off where the server would do so with a warning.
    pub(crate) async fn name(&self, purpose: &str) -> Result<(), PostgresError> {
        self.execute(&format!("SET application_name = {}", literal(&shortened(purpose))?)).await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The driver ends by itself once the client is gone; but not while the server does not read, which would
        // keep an abandoned transaction open.
        self.driver.abort();
    }
}

/// Connects to the first host that is there and has the attributes asked for. As in libpq every host has the whole time
/// to answer, and one that refuses the login is the last that is tried.
async fn first_of(
    config: &ConnectionConfig,
    purpose: &str,
    lane: &Arc<Lane>,
) -> Result<(Client, Driver), PostgresError> {
    let mut failures = Vec::with_capacity(config.hosts.len());
    for host in &config.hosts {
        let place = config.place_of(host);
        let connecting = connect(config, host, purpose, lane, &place);
        let error = match tokio::time::timeout(config.connect_timeout, connecting).await {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(error)) => error,
            Err(_) => PostgresError::Unreachable { place, seconds: config.connect_timeout.as_secs() },
        };
        if config.hosts.len() == 1 || !error.may_be_of_this_host_only() {
            return Err(error);
        }
        failures.push(error.to_string());
    }
    Err(PostgresError::Transient { code: "postgres_unreachable", message: failures.join("; ") })
}

async fn connect(
    config: &ConnectionConfig,
    host: &Host,
    purpose: &str,
    lane: &Arc<Lane>,
    place: &str,
) -> Result<(Client, Driver), PostgresError> {
    let driver = driver_config(config, host, purpose);
    let directory = host.is_socket().then_some(host.name.as_str());
    let with = |encryption| dial(&driver, directory, encryption, lane, place);
    match config.sslmode {
        SslMode::Disable => with(Encryption::Never).await,
        SslMode::Prefer => with(Encryption::Preferred(tls::connector(config)?)).await,
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
            with(Encryption::Required(tls::connector(config)?)).await
        }
        SslMode::Allow => match with(Encryption::Never).await {
            // The server answered and refused; it may want encryption.
            Err(error) if error.sql_state().is_some() => {
                with(Encryption::Required(tls::connector(config)?)).await.map_err(|_| error)
            }
            other => other,
        },
    }
}

fn driver_config(config: &ConnectionConfig, host: &Host, purpose: &str) -> Config {
    let mut driver = Config::new();
    driver
        .host(host.name.as_str())
        .port(host.port)
        .target_session_attrs(match config.target_session_attrs {
            None | Some(TargetSessionAttrs::Any) => DriverTarget::Any,
            Some(TargetSessionAttrs::ReadWrite) => DriverTarget::ReadWrite,
            Some(TargetSessionAttrs::ReadOnly) => DriverTarget::ReadOnly,
        })
        .user(config.username.as_str())
        .dbname(config.database.as_str())
        .application_name(shortened(purpose))
        .connect_timeout(config.connect_timeout)
        .keepalives_idle(std::time::Duration::from_secs(30))
        .tcp_user_timeout(std::time::Duration::from_secs(60));
    if let Some(password) = &config.password {
        driver.password(password);
    }
    driver
}

/// At most 63 bytes, as the server keeps them; characters it would replace are replaced here.
fn shortened(purpose: &str) -> String {
    purpose.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(63).collect()
}

fn settings(config: &ConnectionConfig) -> Result<String, PostgresError> {
    let mut sql = String::from(
        "SET client_min_messages = warning; SET standard_conforming_strings = on; SET DateStyle = ISO; \
         SET IntervalStyle = iso_8601; SET TimeZone = 'UTC'; SET extra_float_digits = 1; SET bytea_output = hex; \
         SET idle_in_transaction_session_timeout = 0;",
    );
    let statement_timeout = config.statement_timeout.unwrap_or_default().as_millis();
    let lock_timeout = config.lock_timeout.as_millis();
    // Writing to a string cannot fail.
    let _ = write!(sql, "SET statement_timeout = {statement_timeout}; SET lock_timeout = {lock_timeout};");
    if !config.search_path.is_empty() {
        let schemas = quote_all(config.search_path.iter().map(String::as_str))?;
        let _ = write!(sql, "SET search_path = {schemas};");
    }
    Ok(sql)
}
