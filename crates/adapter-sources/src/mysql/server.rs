use super::errors::database_error;
use crate::trust::{self, Authorities, Certificates};
use crate::{access, fault};
use ports::source::Error;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use std::str::FromStr;

const SCHEMES: [&str; 2] = ["mysql", "mariadb"];
const PARAMETERS: [&str; 10] =
    ["sslmode", "ssl-mode", "sslca", "ssl-ca", "sslcert", "ssl-cert", "sslkey", "ssl-key", "timezone", "time-zone"];

/// Of every session.
pub(super) const CHARSET: &str = "utf8mb4";

/// Statements of one session. Beyond this the driver closes the oldest, and that packet, which has no answer, holds up
/// the next one by the 40 ms of a delayed acknowledgement.
pub(super) const STATEMENTS: usize = 250;

/// How to reach a database.
pub(crate) struct Server {
    options: MySqlConnectOptions,
    address: String,
}

impl Server {
    pub(crate) fn new(url: &str, trusted: &Authorities) -> Result<Self, Error> {
        access::check(url, &SCHEMES, &PARAMETERS)?;
        let (url, certificates) = trust::take(url, trusted)?;
        let options = secured(MySqlConnectOptions::from_str(&url).map_err(access::unreadable)?, certificates)
            // The guard reads UTF-8. In other charsets a byte inside a character may be read as a backslash or a quote.
            .charset(CHARSET)
            // The driver would change what `||` means.
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .statement_cache_capacity(STATEMENTS)
            .disable_statement_logging();
        access::must_be_a_host(options.get_socket(), options.get_host())?;
        let address = format!("{}:{}", options.get_host(), options.get_port());
        Ok(Self { options, address })
    }

    pub(crate) async fn connect(&self) -> Result<MySqlConnection, Error> {
        fault::connecting(&self.address, &self.options, database_error).await
    }

    /// Stops what runs in a session, from a connection of its own.
    pub(crate) async fn kill(&self, id: u64) {
        if let Err(error) = self.try_kill(id).await {
            tracing::warn!(%error, "a statement could not be stopped in the database; its own timeout will stop it");
        }
    }

    async fn try_kill(&self, id: u64) -> Result<(), Error> {
        let mut connection = self.connect().await?;
        let killed = connection.execute(AssertSqlSafe(format!("KILL QUERY {id}"))).await;
        close(connection).await;
        killed.map(|_| ()).map_err(|error| fault::while_running(error, database_error))
    }
}

fn secured(mut options: MySqlConnectOptions, certificates: Certificates) -> MySqlConnectOptions {
    let Certificates { authorities, client, key } = certificates;
    if let Some(pem) = authorities {
        options = options.ssl_ca_from_pem(pem);
    }
    if let Some(pem) = client {
        options = options.ssl_client_cert_from_pem(pem);
    }
    if let Some(pem) = key {
        options = options.ssl_client_key_from_pem(pem);
    }
    options
}

/// Says goodbye, so that the server's log shows no lost connection.
pub(crate) async fn close(connection: MySqlConnection) {
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
        Server::new(url, &None).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn every_session_speaks_utf8() {
        assert_eq!(Server::new("mysql://a:b@c/d", &None).unwrap().options.get_charset(), "utf8mb4");
        for parameter in ["charset=gbk", "collation=gbk_chinese_ci", "charset=utf8mb4", "%63harset=gbk"] {
            assert!(refusal(&format!("mysql://a:b@c/d?{parameter}")).contains("leave it out"), "{parameter}");
        }
    }

    #[test]
    fn sockets_are_refused() {
        for url in ["mysql://a@c/d?socket=/run/mysqld.sock", "mysql://a@%2Frun%2Fmysqld.sock/d"] {
            assert!(!refusal(url).is_empty(), "{url}");
        }
    }
}
