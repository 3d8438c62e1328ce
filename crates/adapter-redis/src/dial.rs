//! Opens connections, over TLS where the URL says so, and says why it cannot.

use crate::error::{SYSTEM, port_error};
use crate::link::TIMEOUT;
use ports::PortError;
use redis::io::tcp::TcpSettings;
use redis::{Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError, TlsCertificates};
use std::fmt;
use std::sync::Arc;
use tls::{Advice, Files, Material};

const STEP: &str = "prepare TLS";

const ADVICE: Advice = Advice {
    trust: "name the certificate of its authority in events.ca_file",
    client: "name one that it takes in events.client_cert_file, with its key in events.client_key_file",
    plain: "check the port in events.url (Redis speaks TLS on its tls-port only), or write redis:// where nobody can \
            listen",
};

/// Where connections go.
#[derive(Clone)]
pub(crate) struct Dialer {
    /// Opens them.
    pub(crate) client: Client,
    address: Arc<str>,
    secure: bool,
}

/// Why there is no connection.
#[derive(Clone)]
pub(crate) enum Failure {
    /// The server could not be trusted, or does not speak TLS: which server, and what to do.
    Tls(Arc<str>),
    /// Everything else.
    Driver(Arc<RedisError>),
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self::Driver(Arc::new(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls(sentence) => f.write_str(sentence),
            Self::Driver(error) => error.fmt(f),
        }
    }
}

impl Dialer {
    /// Reads the files once: a change of them counts from the next start on.
    pub(crate) fn new(url: String, files: &Files) -> Result<Self, PortError> {
        let server = url.into_connection_info().map_err(unreadable)?;
        // A command is small, and by default the next one would wait until the server has acknowledged it, for 40 ms.
        let server = server.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let (address, secure) = (server.addr().to_string().into(), is_secure(server.addr())?);
        let client = match secure {
            true => secure_client(server, files)?,
            false if files.is_empty() => Client::open(server).map_err(unreadable)?,
            false => {
                return Err(refused(
                    "events.ca_file or a client's certificate is set, and events.url is no rediss:// URL: write \
                     rediss://, or nothing is encrypted",
                ));
            }
        };
        Ok(Self { client, address, secure })
    }

    /// What it means that a connection could not be opened.
    pub(crate) fn failure(&self, error: RedisError) -> Failure {
        let fault = tls::explain(&error, &ADVICE).or_else(|| self.no_handshake(&error));
        match fault {
            Some(fault) => Failure::Tls(format!("Redis at {}: {fault}", self.address).into()),
            None => error.into(),
        }
    }

    /// A server that does not speak TLS waits for the end of a line, or hangs up.
    fn no_handshake(&self, error: &RedisError) -> Option<String> {
        let said = match error {
            _ if !self.secure => return None,
            error if error.is_timeout() => format!("no connection over TLS within {TIMEOUT:?}"),
            error if error.is_connection_dropped() && !error.is_connection_refusal() => {
                let said = "the server ended the connection in the TLS handshake; check this client's certificate";
                return Some(format!("{said} ({}); {}", ADVICE.client, ADVICE.plain));
            }
            _ => return None,
        };
        Some(format!("{said}; check that the server runs; {}", ADVICE.plain))
    }
}

/// The certificate is verified, whatever the URL says.
fn is_secure(address: &ConnectionAddr) -> Result<bool, PortError> {
    match address {
        ConnectionAddr::TcpTls { insecure: true, .. } => Err(refused(
            "events.url ends with #insecure, which would take any certificate: leave it out, and name the authority \
             of the server's certificate in events.ca_file",
        )),
        ConnectionAddr::TcpTls { .. } => Ok(true),
        _ => Ok(false),
    }
}

fn secure_client(server: ConnectionInfo, files: &Files) -> Result<Client, PortError> {
    tls::install_provider();
    let material = files.read().map_err(|error| refused(format!("the certificates of events.url: {error}")))?;
    let Material { authorities: root_cert, client } = material;
    let client_tls = client.map(|own| ClientTlsConfig { client_cert: own.certificate, client_key: own.key });
    Client::build_with_tls(server, TlsCertificates { client_tls, root_cert }).map_err(unreadable)
}

fn unreadable(error: RedisError) -> PortError {
    port_error("read the URL", error)
}

fn refused(sentence: impl Into<String>) -> PortError {
    PortError::refused(SYSTEM, STEP, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(url: &str, authorities: &str) -> String {
        let files = Files { authorities: authorities.into(), ..Files::default() };
        let error = Dialer::new(url.to_owned(), &files).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(!error.contains("hidden"), "{error}");
        error
    }

    #[test]
    fn verification_cannot_be_turned_off() {
        assert!(error("rediss://:hidden@h:6380/0#insecure", "").contains("leave it out"));
        assert_eq!(error("rediss://:hidden@h:6380/0", ""), "");
    }

    #[test]
    fn a_file_for_tls_without_tls_is_refused() {
        assert!(error("redis://:hidden@h:6379/0", "/ca.pem").contains("write rediss://"));
        assert_eq!(error("redis://:hidden@h:6379/0", ""), "");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_refused() {
        assert!(error("rediss://:hidden@h", "/no/such/ca.pem").contains("/no/such/ca.pem cannot be read"));
    }
}
