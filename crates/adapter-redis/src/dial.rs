//! Opens connections to one of the nodes, over TLS where the URL says so, and says why it cannot.

use crate::error::{SYSTEM, port_error};
use crate::link::TIMEOUT;
use ports::PortError;
use redis::io::tcp::TcpSettings;
use redis::{Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError, TlsCertificates};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tls::{Advice, Files, Material};

const STEP: &str = "prepare TLS";

const ADVICE: Advice = Advice {
    trust: "name the certificate of its authority in events.ca_file",
    client: "name one that it takes in events.client_cert_file, with its key in events.client_key_file",
    plain: "check the port in events.url (Redis speaks TLS on its tls-port only), or write redis:// where nobody can \
            listen",
};

/// Where connections go: all to the same one of the nodes, until that is given up.
#[derive(Clone)]
pub(crate) struct Dialer {
    nodes: Arc<[Node]>,
    at: Arc<AtomicUsize>,
    secure: bool,
}

struct Node {
    client: Client,
    address: String,
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
    /// Reads the files once: a change of them counts from the next start on. `others` are nodes as `host:port`.
    pub(crate) fn new(url: String, others: &[String], files: &Files) -> Result<Self, PortError> {
        let server = url.into_connection_info().map_err(unreadable)?;
        // A command is small, and by default the next one would wait until the server has acknowledged it, for 40 ms.
        let server = server.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let secure = is_secure(server.addr())?;
        if !secure && !files.is_empty() {
            return Err(refused(
                "events.ca_file or a client's certificate is set, and events.url is no rediss:// URL: write rediss://, \
                 or nothing is encrypted",
            ));
        }
        let others = others.iter().map(|node| other_node(&server, node)).collect::<Result<Vec<_>, _>>()?;
        let nodes = std::iter::once(server).chain(others).map(|server| Node::new(server, secure, files));
        Ok(Self { nodes: nodes.collect::<Result<_, _>>()?, at: Arc::default(), secure })
    }

    /// Opens connections to the node of the moment.
    pub(crate) fn client(&self) -> &Client {
        &self.node().client
    }

    /// From now on the next node. True when it is the first one's turn again.
    pub(crate) fn turn(&self) -> bool {
        let next = (self.at.load(Ordering::Relaxed) + 1) % self.nodes.len();
        self.at.store(next, Ordering::Relaxed);
        next == 0
    }

    fn node(&self) -> &Node {
        &self.nodes[self.at.load(Ordering::Relaxed)]
    }

    /// What it means that a connection could not be opened.
    pub(crate) fn failure(&self, error: RedisError) -> Failure {
        let fault = tls::explain(&error, &ADVICE).or_else(|| self.no_handshake(&error));
        match fault {
            Some(fault) => Failure::Tls(format!("Redis at {}: {fault}", self.node().address).into()),
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

impl Node {
    fn new(server: ConnectionInfo, secure: bool, files: &Files) -> Result<Self, PortError> {
        let address = server.addr().to_string();
        let client = if secure { secure_client(server, files)? } else { Client::open(server).map_err(unreadable)? };
        Ok(Self { client, address })
    }
}

/// Only the host and the port are its own.
fn other_node(server: &ConnectionInfo, node: &str) -> Result<ConnectionInfo, PortError> {
    let refuse = |sentence: String| PortError::refused(SYSTEM, "read events.nodes", sentence);
    // What is no plain address might hold a password, which the error would show.
    if node.contains(['@', '/', '?', '#']) {
        return Err(refuse("write host:port alone; login and the rest are those of events.url".to_owned()));
    }
    let parsed = format!("redis://{node}").into_connection_info();
    let parsed = parsed.map_err(|error| refuse(format!("{node} is no host:port: {error}")))?;
    let address = match (server.addr(), parsed.addr().clone()) {
        (ConnectionAddr::Tcp(..), address) => address,
        (ConnectionAddr::TcpTls { insecure, tls_params, .. }, ConnectionAddr::Tcp(host, port)) => {
            ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
        }
        _ => return Err(refuse("events.url is a socket of this machine, which has no other nodes".to_owned())),
    };
    Ok(server.clone().set_addr(address))
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
        let error = Dialer::new(url.to_owned(), &[], &files).err().map(|error| error.to_string()).unwrap_or_default();
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

    fn nodes(url: &str, others: &[&str]) -> Result<Vec<String>, String> {
        let others: Vec<String> = others.iter().map(|node| (*node).to_owned()).collect();
        let dialer = Dialer::new(url.to_owned(), &others, &Files::default()).map_err(|error| error.to_string())?;
        Ok(dialer.nodes.iter().map(|node| node.address.clone()).collect())
    }

    #[test]
    fn other_nodes_have_their_own_address_and_nothing_else() {
        for scheme in ["redis", "rediss"] {
            let known = nodes(&format!("{scheme}://u:hidden@a:1234/3"), &["b:5673", "[::1]:7"]);
            assert_eq!(known.unwrap(), ["a:1234", "b:5673", "::1:7"]);
        }
        let error = nodes("redis://a", &["u:secret@b"]).unwrap_err();
        assert!(error.contains("host:port alone") && !error.contains("secret"), "{error}");
        assert!(nodes("redis://a", &["b:port"]).unwrap_err().contains("b:port is no host:port"));
        assert!(nodes("unix:///run/redis.sock", &["b:1"]).unwrap_err().contains("no other nodes"));
    }

    #[test]
    fn nodes_are_tried_in_turn() {
        let others = ["b:1".to_owned()];
        let dialer = Dialer::new("redis://a:1".to_owned(), &others, &Files::default()).unwrap();
        let alike = dialer.clone();
        assert_eq!((dialer.turn(), alike.node().address.as_str()), (false, "b:1"));
        assert_eq!((alike.turn(), dialer.node().address.as_str()), (true, "a:1"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_refused() {
        assert!(error("rediss://:hidden@h", "/no/such/ca.pem").contains("/no/such/ca.pem cannot be read"));
    }
}
