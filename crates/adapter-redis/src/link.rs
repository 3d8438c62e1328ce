//! The connection for commands. It comes back by itself, and it finds out when the server has lost everything.

use crate::backoff::Backoff;
use crate::dial::{Dialer, Failure};
use crate::error::{port_error, unavailable};
use crate::keys::Keys;
use ports::PortError;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, Pipeline, RedisError, RedisResult, ServerErrorKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A command that takes longer has failed.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);
/// How long a command waits for a lost connection to come back.
const PATIENCE: Duration = Duration::from_secs(1);
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Renewed by every heartbeat of every process.
const EPOCH_TTL_S: u64 = 3_600;
/// Commands that wait to be written.
const WAITING: usize = 1_024;

enum State {
    Down(Option<Failure>),
    Up(Ready),
}

/// A connection, and the name under which the server knows our script.
#[derive(Clone)]
struct Ready {
    number: u64,
    connection: MultiplexedConnection,
    script: Arc<str>,
}

impl Ready {
    async fn answer<T: FromRedisValue>(&self, build: &impl Fn(&str) -> Cmd) -> RedisResult<T> {
        build(&self.script).query_async(&mut self.connection.clone()).await
    }
}

/// A handle to the connection.
#[derive(Clone)]
pub(crate) struct Link {
    state: watch::Receiver<State>,
    script: &'static str,
    look: Arc<Notify>,
}

impl Link {
    /// Starts to connect, in the background, until `stop` is cancelled. `reset` hears when another connection
    /// stands and when the server has lost what it held.
    pub(crate) fn open(
        dialer: Dialer,
        keys: Keys,
        script: &'static str,
        reset: Arc<Notify>,
        stop: CancellationToken,
    ) -> Self {
        let (sender, state) = watch::channel(State::Down(None));
        let look = Arc::new(Notify::new());
        let keeper = Keeper {
            dialer,
            keys,
            script,
            state: sender,
            look: Arc::clone(&look),
            reset,
            epoch: None,
            number: 0,
            was_up: false,
        };
        tokio::spawn(async move { stop.run_until_cancelled(keeper.keep()).await });
        Self { state, script, look }
    }

    /// Waits until the first try to connect has succeeded or failed.
    pub(crate) async fn tried(&self) {
        let mut state = self.state.clone();
        state.wait_for(|state| !matches!(state, State::Down(None))).await.ok();
    }

    /// Sends a command that may be sent twice; it is, when its connection was lost under it.
    pub(crate) async fn query<T: FromRedisValue>(&self, step: &'static str, command: &Cmd) -> Result<T, PortError> {
        self.run(step, |_| command.clone()).await
    }

    /// The same for a command that needs the hash of the script.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        step: &'static str,
        build: impl Fn(&str) -> Cmd,
    ) -> Result<T, PortError> {
        let ready = self.ready(step, None).await?;
        let answer = match ready.answer(&build).await {
            Err(error) if error.is_connection_dropped() => {
                self.look.notify_one();
                self.ready(step, Some(ready.number)).await?.answer(&build).await
            }
            Err(error) if is_unknown_script(&error) => match load(&mut ready.connection.clone(), self.script).await {
                Ok(_) => ready.answer(&build).await,
                Err(error) => Err(error),
            },
            answer => answer,
        };
        answer.map_err(|error| self.failed(step, error))
    }

    /// Sends several commands at once.
    pub(crate) async fn send(&self, step: &'static str, commands: &Pipeline) -> Result<(), PortError> {
        let mut connection = self.ready(step, None).await?.connection;
        let answer = commands.exec_async(&mut connection).await;
        answer.map_err(|error| self.failed(step, error))
    }

    /// The connection, if there is one soon that is not the `lost` one.
    async fn ready(&self, step: &'static str, lost: Option<u64>) -> Result<Ready, PortError> {
        let mut waiting = self.state.clone();
        let is_usable = |state: &State| matches!(state, State::Up(ready) if Some(ready.number) != lost);
        let found = match tokio::time::timeout(PATIENCE, waiting.wait_for(is_usable)).await {
            Ok(Ok(state)) => match &*state {
                State::Up(ready) => Some(ready.clone()),
                State::Down(_) => None,
            },
            Ok(Err(_)) => return Err(unavailable(step, "the process is stopping")),
            Err(_) => None,
        };
        found.ok_or_else(|| self.why_down(step))
    }

    fn failed(&self, step: &'static str, error: RedisError) -> PortError {
        if error.is_io_error() || error.is_unrecoverable_error() {
            self.look.notify_one();
        }
        port_error(step, error)
    }

    fn why_down(&self, step: &'static str) -> PortError {
        match &*self.state.borrow() {
            State::Down(Some(Failure::Driver(error))) => port_error(step, RedisError::clone(error)),
            State::Down(Some(Failure::Tls(sentence))) => unavailable(step, sentence.to_string()),
            _ => unavailable(step, "not connected"),
        }
    }
}

struct Keeper {
    dialer: Dialer,
    keys: Keys,
    script: &'static str,
    state: watch::Sender<State>,
    look: Arc<Notify>,
    reset: Arc<Notify>,
    epoch: Option<String>,
    number: u64,
    /// The last connection was one to work with.
    was_up: bool,
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == redis::ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Teaches the server the script. Gives its hash.
async fn load(connection: &mut MultiplexedConnection, script: &'static str) -> RedisResult<String> {
    redis::cmd("SCRIPT").arg("LOAD").arg(script).query_async(connection).await
}

impl Keeper {
    async fn keep(mut self) {
        let mut backoff = Backoff::default();
        let mut reported = false;
        // A node that cannot be reached or takes no writes is passed over at once, and a pause made after the last.
        loop {
            let error = match self.connect().await {
                Ok(ready) => {
                    let started = Instant::now();
                    let error = self.hold(ready).await;
                    backoff.ended_after(started.elapsed());
                    reported &= !std::mem::take(&mut self.was_up);
                    error.into()
                }
                Err(failure) => failure,
            };
            if !reported {
                tracing::warn!(%error, "no connection to Redis, trying again");
                reported = true;
            }
            self.state.send_replace(State::Down(Some(error)));
            if self.dialer.turn() {
                backoff.pause().await;
            }
        }
    }

    async fn connect(&mut self) -> Result<Ready, Failure> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT))
            .set_pipeline_buffer_size(WAITING);
        let opened = self.dialer.client().get_multiplexed_async_connection_with_config(&config).await;
        let mut connection = opened.map_err(|error| self.dialer.failure(error))?;
        let script = load(&mut connection, self.script).await?.into();
        self.number += 1;
        Ok(Ready { number: self.number, connection, script })
    }

    /// Shows the connection until it fails. Says how.
    async fn hold(&mut self, ready: Ready) -> RedisError {
        let mut connection = ready.connection.clone();
        if let Err(error) = self.beat(&mut connection).await {
            return error;
        }
        tracing::info!("connected to Redis");
        let is_first = ready.number == 1;
        self.state.send_replace(State::Up(ready));
        self.was_up = true;
        if !is_first {
            self.reset.notify_one();
        }
        loop {
            tokio::select! {
                () = tokio::time::sleep(HEARTBEAT) => {}
                () = self.look.notified() => {}
            }
            if let Err(error) = self.beat(&mut connection).await {
                return error;
            }
        }
    }

    /// Shows that the server is there, that it still holds what it held, and to this process's subscription that
    /// messages arrive.
    async fn beat(&mut self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let key = self.keys.epoch();
        let candidate = format!("{:016x}", rand::random::<u64>());
        let mut commands = redis::pipe();
        commands.cmd("SET").arg(&key).arg(candidate).arg("NX").arg("EX").arg(EPOCH_TTL_S).ignore();
        commands.cmd("EXPIRE").arg(&key).arg(EPOCH_TTL_S).ignore();
        commands.cmd("PUBLISH").arg(self.keys.node_channel()).arg("").ignore();
        commands.cmd("GET").arg(&key);
        let (epoch,): (String,) = commands.query_async(connection).await?;
        let known = self.epoch.replace(epoch);
        if known.is_some() && known != self.epoch {
            tracing::warn!("Redis has lost what it held");
            self.reset.notify_one();
        }
        Ok(())
    }
}
