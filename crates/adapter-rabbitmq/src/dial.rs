//! Opens one connection, over TLS where the URL says so, and says why it cannot.

use crate::error::refused;
use lapin::tcp::{AMQPUriTcpExt, RustlsConnector, RustlsConnectorConfig};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties, ErrorKind, runtime};
use ports::PortError;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tls::{Advice, Files, Material};

/// TCP, TLS and login together. The broker itself gives up a login after as long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that waits for something else than TLS says nothing.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

const STEP: &str = "prepare TLS";

const ADVICE: Advice = Advice {
    trust: "name the certificate of its authority in broker.ca_file",
    client: "name one that it takes in broker.client_cert_file, with its key in broker.client_key_file",
    plain: "check the port in broker.url (with TLS it is mostly 5671), or write amqp:// where nobody can listen",
};

/// Where connections go.
pub(crate) struct Dialer {
    /// The nodes of the cluster.
    uris: Vec<AMQPUri>,
    /// The node that is tried first: the one that answered last.
    first: AtomicUsize,
    connector: Option<RustlsConnector>,
}

/// Why there is no connection.
#[derive(Clone)]
pub(crate) enum Failure {
    /// The server could not be trusted, or does not speak TLS: which server, and what to do.
    Tls(String),
    /// Everything else.
    Driver(lapin::Error),
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
    pub(crate) fn new(uri: AMQPUri, nodes: &[String], files: &Files) -> Result<Self, PortError> {
        let others = nodes.iter().map(|node| node_of(&uri, node)).collect::<Result<Vec<_>, _>>()?;
        let is_secure = uri.scheme == AMQPScheme::AMQPS;
        let uris = [vec![uri], others].concat();
        if is_secure {
            return Ok(Self { uris, first: AtomicUsize::new(0), connector: Some(connector(files)?) });
        }
        if !files.is_empty() {
            let sentence = "broker.ca_file or a client's certificate is set, and broker.url is no amqps:// URL: \
                            write amqps://, or nothing is encrypted";
            return Err(refused(STEP, sentence));
        }
        Ok(Self { uris, first: AtomicUsize::new(0), connector: None })
    }

    /// A connection to the first node that answers. When none does, why the last one that was tried did not.
    pub(crate) async fn connect(&self, name: &str) -> Result<Connection, Failure> {
        let first = self.first.load(Ordering::Relaxed);
        let mut failure = None;
        for node in (0..self.uris.len()).map(|step| (first + step) % self.uris.len()) {
            match self.connect_to(&self.uris[node], name).await {
                Ok(connection) => {
                    self.first.store(node, Ordering::Relaxed);
                    return Ok(connection);
                }
                Err(why) => {
                    if self.uris.len() > 1 {
                        tracing::warn!(node = %address(&self.uris[node]), %why, "a node of the broker is not reached");
                    }
                    failure = Some(why);
                }
            }
        }
        Err(failure.unwrap_or_else(|| Failure::Tls("broker.url names no node".to_owned())))
    }

    async fn connect_to(&self, uri: &AMQPUri, name: &str) -> Result<Connection, Failure> {
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let connector = self.connector.clone();
        let runtime = runtime::default_runtime().map_err(Failure::Driver)?;
        let connecting = Connection::connector(
            uri.clone(),
            runtime,
            async move |uri: AMQPUri, runtime| {
                let plain = AMQPUri { scheme: AMQPScheme::AMQP, ..uri.clone() };
                let stream = plain.connect_async(&runtime).await?;
                match &connector {
                    Some(connector) => Ok(handshake(stream.into_rustls(connector, &uri.authority.host)).await?),
                    None => Ok(stream),
                }
            },
            properties,
        );
        let outcome = match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(outcome) => outcome,
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        };
        outcome.map_err(|error| self.failure(uri, error))
    }

    fn failure(&self, uri: &AMQPUri, error: lapin::Error) -> Failure {
        let fault = tls::explain(&error, &ADVICE).or_else(|| no_handshake(&error)).or_else(|| self.hung_up(&error));
        match fault {
            Some(fault) => Failure::Tls(format!("RabbitMQ at {}: {fault}", address(uri))),
            None => Failure::Driver(error),
        }
    }

    /// A server refuses a client's certificate after the client's part of the handshake, and its word may be lost.
    fn hung_up(&self, error: &lapin::Error) -> Option<String> {
        let ErrorKind::IOError(error) = error.kind() else { return None };
        let is_told = self.connector.is_some() && is_end(error.kind());
        is_told.then(|| {
            let said = "the server ended the connection after the TLS handshake; check this client's certificate";
            format!("{said}, and the server's log; {}", ADVICE.client)
        })
    }
}

/// Another node of the cluster: only the host and the port are its own.
fn node_of(uri: &AMQPUri, node: &str) -> Result<AMQPUri, PortError> {
    let unreadable = |why: &str| refused("read broker.nodes", format!("{node} is no host:port: {why}"));
    // What is no plain address might hold a password, which the error would show.
    if node.contains(['@', '/', '?']) {
        return Err(refused("read broker.nodes", "write host:port alone; login and the rest are those of broker.url"));
    }
    let parsed: AMQPUri = format!("amqp://{node}").parse().map_err(|why: String| unreadable(&why))?;
    let mut other = uri.clone();
    other.authority.host = parsed.authority.host;
    if node.ends_with(&format!(":{}", parsed.authority.port)) {
        other.authority.port = parsed.authority.port;
    }
    Ok(other)
}

fn address(uri: &AMQPUri) -> String {
    format!("{}:{}", uri.authority.host, uri.authority.port)
}

fn connector(files: &Files) -> Result<RustlsConnector, PortError> {
    tls::install_provider();
    let unusable = |error: &dyn fmt::Display| refused(STEP, format!("the certificates of broker.url: {error}"));
    let Material { authorities, client } = files.read().map_err(|error| unusable(&error))?;
    let trusting = match authorities.as_deref().and_then(tls::authorities) {
        Some(own) => RustlsConnectorConfig::default().with_parsable_certificates(own),
        None => RustlsConnectorConfig::new_with_platform_verifier(),
    };
    let shown = client.and_then(|client| Some((tls::authorities(&client.certificate)?, tls::key(&client.key)?)));
    let connector = match shown {
        Some((certificates, key)) => trusting.connector_with_single_cert(certificates, key),
        None => trusting.connector_with_no_client_auth(),
    };
    connector.map_err(|error| unusable(&error))
}

/// What the server did instead of a handshake.
#[derive(Debug, thiserror::Error)]
#[error("the server {did} in the TLS handshake; {plain}", plain = ADVICE.plain)]
struct NoHandshake {
    did: &'static str,
}

/// Ends a handshake that does not go on, and says what may be the matter.
async fn handshake<T>(shaking: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let did = match tokio::time::timeout(HANDSHAKE_TIMEOUT, shaking).await {
        Ok(Err(error)) if is_end(error.kind()) => "ended the connection",
        Err(_) => "said nothing",
        Ok(outcome) => return outcome,
    };
    Err(io::Error::other(NoHandshake { did }))
}

fn no_handshake(error: &lapin::Error) -> Option<String> {
    let ErrorKind::IOError(error) = error.kind() else { return None };
    Some(error.get_ref()?.downcast_ref::<NoHandshake>()?.to_string())
}

fn is_end(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialer(url: &str, files: &Files) -> Result<Dialer, PortError> {
        Dialer::new(url.parse().unwrap(), &[], files)
    }

    fn nodes(nodes: &[&str]) -> Result<Vec<String>, PortError> {
        let nodes: Vec<String> = nodes.iter().map(|node| (*node).to_owned()).collect();
        let dialer = Dialer::new("amqp://u:hidden@a:1234/v".parse().unwrap(), &nodes, &Files::default())?;
        assert!(dialer.uris.iter().all(|uri| uri.authority.userinfo.password == "hidden" && uri.vhost == "v"));
        Ok(dialer.uris.iter().map(address).collect())
    }

    #[test]
    fn other_nodes_have_their_own_address_and_nothing_else() {
        assert_eq!(nodes(&["b:5673", "c"]).unwrap(), ["a:1234", "b:5673", "c:1234"]);
        assert!(nodes(&["b:port"]).unwrap_err().to_string().contains("b:port is no host:port"));
        let error = nodes(&["u:secret@b"]).unwrap_err().to_string();
        assert!(error.contains("host:port alone") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn a_file_for_tls_without_tls_is_refused() {
        let files = Files { authorities: "/ca.pem".into(), ..Files::default() };
        let error = dialer("amqp://u:hidden@h", &files).err().unwrap();
        assert!(error.to_string().contains("write amqps://") && !error.to_string().contains("hidden"), "{error}");
        assert!(dialer("amqp://h", &Files::default()).is_ok_and(|dialer| dialer.connector.is_none()));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_refused() {
        let files = Files { authorities: "/no/such/ca.pem".into(), ..Files::default() };
        let error = dialer("amqps://u:hidden@h", &files).err().unwrap();
        assert!(matches!(error, PortError::Refused { .. }));
        assert!(error.to_string().contains("/no/such/ca.pem cannot be read"), "{error}");
    }

    #[test]
    fn without_a_file_the_systems_authorities_are_trusted() {
        assert!(dialer("amqps://h", &Files::default()).is_ok_and(|dialer| dialer.connector.is_some()));
    }
}
