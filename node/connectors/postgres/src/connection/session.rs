use std::fmt::Write as _;
use std::pin::Pin;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode as Negotiation;
use tokio_postgres::{Client, Config, NoTls};

use super::config::{ConnectionConfig, SslMode};
use super::tls;
use crate::PostgresError;
use crate::error::At;
use crate::identifier::{literal, quote_all};

/// The half of a connection that moves its bytes while it is polled; ends with the connection.
pub(crate) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One connection. Dropping it closes it, which rolls an open transaction back.
pub(crate) struct Session {
    client: Client,
    place: String,
    driver: JoinHandle<Option<Driver>>,
    hand_over: Option<oneshot::Sender<()>>,
}

impl Session {
    /// Connects, and makes sure that values look the same whatever the server's settings.
    ///
    /// `purpose` is what `pg_stat_activity` shows as `application_name`.
    pub(crate) async fn connect(config: &ConnectionConfig, purpose: &str) -> Result<Self, PostgresError> {
        let place = config.place();
        let connecting = connect(config, purpose);
        let (client, driver) = match tokio::time::timeout(config.connect_timeout, connecting).await {
            Ok(connected) => connected?,
            Err(_) => {
                return Err(PostgresError::Unreachable { place, seconds: config.connect_timeout.as_secs() });
            }
        };
        let (hand_over, handed_over) = oneshot::channel();
        let driver = tokio::spawn(drive(driver, handed_over));
        let session = Self { client, place, driver, hand_over: Some(hand_over) };
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

    /// Takes the driver away from its task: whoever polls it in the task that waits for its answers saves a change of
    /// threads for every few rows. `None` when the connection has ended.
    pub(crate) async fn take_driver(&mut self) -> Option<Driver> {
        self.hand_over.take()?.send(()).ok()?;
        (&mut self.driver).await.ok()?
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

async fn connect(config: &ConnectionConfig, purpose: &str) -> Result<(Client, Driver), PostgresError> {
    match config.sslmode {
        SslMode::Disable => plain(config, purpose).await,
        SslMode::Prefer => encrypted(config, purpose, Negotiation::Prefer).await,
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
            encrypted(config, purpose, Negotiation::Require).await
        }
        SslMode::Allow => match plain(config, purpose).await {
            // The server answered and refused; it may want encryption.
            Err(error) if error.sql_state().is_some() => {
                encrypted(config, purpose, Negotiation::Require).await.map_err(|_| error)
            }
            other => other,
        },
    }
}

async fn plain(config: &ConnectionConfig, purpose: &str) -> Result<(Client, Driver), PostgresError> {
    let place = config.place();
    let (client, connection) =
        driver_config(config, purpose, Negotiation::Disable).connect(NoTls).await.at(&place)?;
    Ok((client, Box::pin(moved(connection, place))))
}

async fn encrypted(
    config: &ConnectionConfig,
    purpose: &str,
    negotiation: Negotiation,
) -> Result<(Client, Driver), PostgresError> {
    let place = config.place();
    let tls = tls::connector(config)?;
    let (client, connection) = driver_config(config, purpose, negotiation).connect(tls).await.at(&place)?;
    Ok((client, Box::pin(moved(connection, place))))
}

/// Moves the connection's bytes. Every error reaches the client's pending request, too.
async fn moved(connection: impl Future<Output = Result<(), tokio_postgres::Error>>, place: String) {
    if let Err(error) = connection.await {
        tracing::debug!(%place, %error, "connection ended");
    }
}

/// Polls a driver until it ends or is handed over.
async fn drive(mut driver: Driver, mut handed_over: oneshot::Receiver<()>) -> Option<Driver> {
    tokio::select! {
        () = &mut driver => None,
        // Nobody asks any more when the session is gone; the client is, too, and the driver says goodbye.
        asked = &mut handed_over => match asked {
            Ok(()) => Some(driver),
            Err(_) => {
                driver.await;
                None
            }
        },
    }
}

fn driver_config(config: &ConnectionConfig, purpose: &str, negotiation: Negotiation) -> Config {
    let mut driver = Config::new();
    driver
        .host(config.host.as_str())
        .port(config.port)
        .user(config.username.as_str())
        .dbname(config.database.as_str())
        .application_name(shortened(purpose))
        .ssl_mode(negotiation)
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
