use super::errors::database_error;
use super::idle::Idle;
use crate::reserved::{OwnDatabase, Reserved};
use crate::trust::{self, Authorities, Certificates};
use crate::{access, fault};
use ports::source::Error;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Executor};
use std::str::FromStr;
use std::time::Duration;

const SCHEMES: [&str; 2] = ["postgres", "postgresql"];
const PARAMETERS: [&str; 9] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "application_name",
];

/// An idle connection that does not answer within this is not used.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// How to reach a database.
pub(crate) struct Server {
    options: PgConnectOptions,
    address: String,
    /// The application's own, which no source may be.
    store: Option<OwnDatabase>,
    idle: Idle,
}

impl Server {
    pub(crate) fn new(url: &str, reserved: &Reserved, trusted: &Authorities) -> Result<Self, Error> {
        let parts = access::check(url, &SCHEMES, &PARAMETERS)?;
        let (url, certificates) = trust::take(url, trusted)?;
        let mut options = secured(PgConnectOptions::from_str(&url).map_err(access::unreadable)?, certificates);
        if !parts.has_password {
            // Else the driver would send PGPASSWORD or a line of ~/.pgpass of this machine to a server that a customer
            // named.
            options = options.password("");
        }
        // Statements run once, and a cache would outlive what resets a session.
        let options = options.statement_cache_capacity(0).disable_statement_logging();
        access::must_be_a_host(options.get_socket(), options.get_host())?;
        let address = format!("{}:{}", options.get_host(), options.get_port());
        Ok(Self { options, address, store: reserved.store.clone(), idle: Idle::default() })
    }

    pub(crate) async fn connect(&self) -> Result<PgConnection, Error> {
        if let Some(store) = &self.store
            && store.is(&OwnDatabase::of(&self.options)).await
        {
            let sentence = "it is the database that Askline keeps its own data in; name another database";
            return Err(Error::Settings(sentence.to_owned()));
        }
        fault::connecting(&self.address, &self.options, database_error).await
    }

    /// A connection that was reset, or a new one. Connecting by TLS takes longer than most statements.
    pub(super) async fn acquire(&self) -> Result<PgConnection, Error> {
        while let Some(mut connection) = self.idle.take() {
            if let Ok(Ok(())) = tokio::time::timeout(PING_TIMEOUT, connection.ping()).await {
                return Ok(connection);
            }
        }
        self.connect().await
    }

    /// Keeps a connection for the next statement, of which it knows nothing any more.
    pub(super) async fn release(&self, mut connection: PgConnection) {
        match tokio::time::timeout(fault::CONNECT_TIMEOUT, reset(&mut connection)).await {
            Ok(Ok(())) => self.idle.put(connection),
            Ok(Err(error)) => tracing::debug!(%error, "a connection could not be reset and is closed"),
            Err(_) => tracing::debug!("a connection could not be reset in time and is closed"),
        }
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

fn secured(mut options: PgConnectOptions, certificates: Certificates) -> PgConnectOptions {
    let Certificates { authorities, client, key } = certificates;
    if let Some(pem) = authorities {
        options = options.ssl_root_cert_from_pem(pem);
    }
    if let Some(pem) = client {
        options = options.ssl_client_cert_from_pem(pem);
    }
    if let Some(pem) = key {
        options = options.ssl_client_key_from_pem(pem);
    }
    options
}

/// Settings, locks, temporary tables, prepared statements, the role: nothing of a statement is left.
async fn reset(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute("ROLLBACK").await?;
    connection.execute("DISCARD ALL").await?;
    Ok(())
}

/// Says goodbye, so that the server's log shows no lost connection.
pub(crate) async fn close(connection: PgConnection) {
    match tokio::time::timeout(fault::CONNECT_TIMEOUT, connection.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection did not end cleanly"),
        Err(_) => tracing::debug!("a connection did not end in time"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        Server::new(url, &Reserved::default(), &None).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn sockets_are_refused() {
        for url in [
            "postgres://u:p@%2Fvar%2Frun%2Fpostgresql/db",
            "postgres://u:p@%2fvar%2frun%2fpostgresql/db",
            "postgres://u:p@h/db?host=/var/run/postgresql",
            "postgres://u:p@h/db?%68ost=/var/run/postgresql",
            "postgres://u:p@/db?host=/var/run/postgresql",
        ] {
            assert!(!refusal(url).is_empty(), "{url}");
        }
        assert!(refusal("postgres://u:p@%2Ftmp/db").contains("socket"));
        assert_eq!(refusal("postgres://u:p@h/db"), "");
    }

    #[test]
    fn what_a_session_is_set_to_is_not_the_urls() {
        for parameter in [
            "options=-c%20standard_conforming_strings%3Doff",
            "options[client_encoding]=GBK",
            "client_encoding=GBK",
            "hostaddr=127.0.0.1",
            "dbname=askline",
        ] {
            assert!(refusal(&format!("postgres://u:p@h/db?{parameter}")).contains("leave it out"), "{parameter}");
        }
    }
}
