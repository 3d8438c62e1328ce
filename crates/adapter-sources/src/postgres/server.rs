use super::errors::database_error;
use crate::{access, fault};
use ports::source::Error;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use std::str::FromStr;

const SCHEMES: [&str; 2] = ["postgres", "postgresql"];
const PARAMETERS: [&str; 10] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "application_name",
    "options",
];

/// How to reach a database.
pub(crate) struct Server {
    options: PgConnectOptions,
    address: String,
}

impl Server {
    pub(crate) fn new(url: &str) -> Result<Self, Error> {
        let parts = access::check(url, &SCHEMES, &PARAMETERS)?;
        let mut options = PgConnectOptions::from_str(url).map_err(access::unreadable)?;
        if !parts.has_password {
            // Else the driver would send PGPASSWORD or a line of ~/.pgpass of this machine to a server that a customer
            // named.
            options = options.password("");
        }
        // Statements run once, and a cache would outlive what resets a session.
        let options = options.statement_cache_capacity(0).disable_statement_logging();
        let address = format!("{}:{}", options.get_host(), options.get_port());
        Ok(Self { options, address })
    }

    pub(crate) async fn connect(&self) -> Result<PgConnection, Error> {
        fault::connecting(&self.address, self.options.connect(), database_error).await
    }

    /// Stops what runs in a session, from a connection of its own.
    pub(crate) async fn cancel(&self, backend: i32) {
        if let Err(error) = self.try_cancel(backend).await {
            tracing::warn!(%error, "a statement could not be stopped in the database; its own timeout will stop it");
        }
    }

    async fn try_cancel(&self, backend: i32) -> Result<(), Error> {
        let mut connection = self.connect().await?;
        let cancelled =
            sqlx::query("SELECT pg_catalog.pg_cancel_backend($1)").bind(backend).execute(&mut connection).await;
        close(connection).await;
        cancelled.map(|_| ()).map_err(|error| fault::while_running(error, database_error))
    }
}

/// Says goodbye, so that the server's log shows no lost connection.
pub(crate) async fn close(connection: PgConnection) {
    match tokio::time::timeout(fault::CONNECT_TIMEOUT, connection.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection did not end cleanly"),
        Err(_) => tracing::debug!("a connection did not end in time"),
    }
}
