use crate::lines::Lines;
use crate::throttle::Throttle;
use crate::tokens::{TokenError, Tokens};
use axum::http::HeaderValue;
use contracts::{Lane, Role};
use domain::personal::{Masking, Sight};
use ports::Ports;
use settings::{LaneAdmission, Secret, Settings};
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Password checks at a time: each takes a core and 19 MiB for some tens of milliseconds.
const PASSWORD_CHECKS: usize = 4;
const MOST_SOCKETS: usize = u32::MAX as usize >> 3;

/// What every handler needs. Cheap to clone.
#[derive(Clone)]
pub struct ApiState(Arc<Inner>);

/// See `ApiState`.
pub struct Inner {
    /// Everything outside.
    pub ports: Ports,
    /// Section `server`.
    pub settings: settings::Server,
    /// Section `turn`.
    pub turn: settings::Turn,
    /// Section `admission`.
    pub admission: settings::Admission,
    /// Roles that may approve and decline changes.
    pub approvers: Vec<Role>,
    /// Signs and checks tokens.
    pub jwt: Tokens,
    /// Cancelled when the process stops: sockets close with 1012, streams end.
    pub shutdown: CancellationToken,
    pub(crate) origins: Vec<HeaderValue>,
    pub(crate) logins: Throttle,
    pub(crate) lines: Lines,
    pub(crate) password_checks: Semaphore,
    pub(crate) sockets: Arc<Semaphore>,
    /// Unless it is switched off.
    pub(crate) mcp: Option<mcp::Server>,
    pub(crate) sight: Sight,
}

/// Why the API cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The secret that signs tokens.
    #[error(transparent)]
    Secret(#[from] TokenError),
    /// An origin that no browser sends.
    #[error("server.cors_origins: {0:?} is no origin; write something like \"https://example.org\"")]
    Origin(String),
    /// The settings of the MCP server.
    #[error("mcp.allowed_hosts: {0}")]
    Mcp(#[from] mcp::ConfigError),
}

impl ApiState {
    /// Checks what it is given and puts it together.
    pub fn new(
        ports: Ports,
        settings: &Settings,
        jwt_secret: &Secret,
        shutdown: CancellationToken,
    ) -> Result<Self, StartError> {
        let server = settings.server.clone();
        Ok(Self(Arc::new(Inner {
            jwt: Tokens::new(jwt_secret, server.token_ttl_s)?,
            origins: server.cors_origins.iter().map(|origin| parse_origin(origin)).collect::<Result<_, _>>()?,
            logins: Throttle::new(),
            password_checks: Semaphore::new(PASSWORD_CHECKS),
            sockets: Arc::new(Semaphore::new(server.max_connections.min(MOST_SOCKETS))),
            turn: settings.turn.clone(),
            admission: settings.admission.clone(),
            approvers: settings.writes.approvers.iter().filter_map(|role| Role::parse(role.as_str())).collect(),
            lines: Lines::default(),
            mcp: mcp_server(settings, &shutdown)?,
            sight: sight(settings),
            settings: server,
            ports,
            shutdown,
        })))
    }

    /// Waits until every websocket has closed. After `shutdown` was cancelled that takes a few seconds at most.
    pub async fn drained(&self) {
        let all = u32::try_from(self.socket_permits()).unwrap_or(u32::MAX);
        // It fails only for a closed semaphore, and nobody closes this one.
        drop(self.sockets.acquire_many(all).await);
    }

    fn socket_permits(&self) -> usize {
        self.settings.max_connections.min(MOST_SOCKETS)
    }

    pub(crate) fn admission_of(&self, lane: Lane) -> &LaneAdmission {
        match lane {
            Lane::Interactive => &self.admission.interactive,
            Lane::Scheduled => &self.admission.scheduled,
            Lane::Backfill => &self.admission.backfill,
        }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.ports.clock.now_ms()
    }
}

impl Deref for ApiState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

fn mcp_server(settings: &Settings, shutdown: &CancellationToken) -> Result<Option<mcp::Server>, StartError> {
    let server = settings.mcp.enabled.then(|| {
        mcp::Server::new(mcp::Config {
            allowed_hosts: settings.mcp.allowed_hosts.clone(),
            allowed_origins: settings.server.cors_origins.clone(),
            max_body_bytes: settings.server.max_frame_bytes,
            max_result_bytes: settings.mcp.max_result_bytes,
            shutdown: shutdown.clone(),
        })
    });
    Ok(server.transpose()?)
}

fn sight(settings: &Settings) -> Sight {
    let masking = &settings.masking;
    Sight {
        masking: Masking::new(&masking.columns, &masking.clear_columns),
        clear_roles: masking.clear_roles.iter().filter_map(|role| Role::parse(role.as_str())).collect(),
    }
}

fn parse_origin(origin: &str) -> Result<HeaderValue, StartError> {
    let wrong = || StartError::Origin(origin.to_owned());
    let (scheme, host) = origin.split_once("://").ok_or_else(wrong)?;
    if !matches!(scheme, "http" | "https") || host.is_empty() || host.contains('/') {
        return Err(wrong());
    }
    HeaderValue::from_str(origin).map_err(|_| wrong())
}
