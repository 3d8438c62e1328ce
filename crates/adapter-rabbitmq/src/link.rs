//! One connection to the broker that comes back by itself.

use crate::backoff::Backoff;
use crate::dial::{Dialer, Failure};
use crate::error::{port_error, unavailable};
use futures_util::{FutureExt, StreamExt};
use lapin::{Connection, Event};
use ports::PortError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A connection that says nothing is found out by its heartbeat; one that lapin has given up without an event, by this.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Where the connection stands.
#[derive(Clone)]
pub(crate) enum State {
    /// No connection, and why the last try failed.
    Down(Option<Failure>),
    /// Connected.
    Up {
        /// The connection.
        connection: Arc<Connection>,
        /// The broker takes no messages on it: its alarm is raised.
        blocked: bool,
    },
}

/// A handle to the connection. The connection ends when `stop` is cancelled.
#[derive(Clone)]
pub(crate) struct Link {
    state: watch::Receiver<State>,
    suspicion: Arc<Suspicion>,
}

#[derive(Default)]
struct Suspicion {
    look: Notify,
    give_up: Notify,
}

impl Link {
    /// Starts to connect, in the background.
    pub(crate) fn open(dialer: Arc<Dialer>, name: &'static str, stop: CancellationToken) -> Self {
        let (sender, state) = watch::channel(State::Down(None));
        let suspicion = Arc::new(Suspicion::default());
        let keeper = Keeper { dialer, name, state: sender, suspicion: Arc::clone(&suspicion) };
        tokio::spawn(async move { stop.run_until_cancelled(keeper.keep()).await });
        Self { state, suspicion }
    }

    /// The connection, as soon as there is one.
    pub(crate) async fn connection(&mut self) -> Option<Arc<Connection>> {
        let state = self.state.wait_for(|state| matches!(state, State::Up { .. })).await.ok()?;
        match &*state {
            State::Up { connection, .. } => Some(Arc::clone(connection)),
            State::Down(_) => None,
        }
    }

    /// The connection, if there is one within `patience`.
    pub(crate) async fn within(&self, step: &'static str, patience: Duration) -> Result<Arc<Connection>, PortError> {
        if let State::Up { connection, .. } = &*self.state.borrow() {
            return Ok(Arc::clone(connection));
        }
        let mut waiting = self.clone();
        match tokio::time::timeout(patience, waiting.connection()).await {
            Ok(Some(connection)) => Ok(connection),
            Ok(None) => Err(unavailable(step, "the process is stopping")),
            Err(_) => Err(self.why_down(step)),
        }
    }

    /// Waits until the first try to connect has succeeded or failed.
    pub(crate) async fn tried(&mut self) {
        if matches!(&*self.state.borrow_and_update(), State::Down(None)) {
            self.changed().await;
        }
    }

    /// Waits until the connection comes, goes, or is blocked or unblocked.
    pub(crate) async fn changed(&mut self) -> bool {
        self.state.changed().await.is_ok()
    }

    /// True when the broker takes no messages.
    pub(crate) fn is_blocked(&self) -> bool {
        matches!(&*self.state.borrow(), State::Up { blocked: true, .. })
    }

    /// True while this very connection stands.
    pub(crate) fn is_current(&self, connection: &Arc<Connection>) -> bool {
        matches!(&*self.state.borrow(), State::Up { connection: current, .. } if Arc::ptr_eq(current, connection))
    }

    /// A call on the connection failed: have a look at it.
    pub(crate) fn suspect(&self) {
        self.suspicion.look.notify_one();
    }

    /// The connection is of no use, whatever it says: open another.
    pub(crate) fn give_up(&self) {
        self.suspicion.give_up.notify_one();
    }

    /// Why nothing was heard in time: there is no connection, or the broker does not answer.
    pub(crate) fn silence(&self, step: &'static str) -> PortError {
        match &*self.state.borrow() {
            State::Up { .. } => unavailable(step, "no answer in time"),
            State::Down(failure) => why_down(step, failure.as_ref()),
        }
    }

    fn why_down(&self, step: &'static str) -> PortError {
        match &*self.state.borrow() {
            State::Down(failure) => why_down(step, failure.as_ref()),
            State::Up { .. } => why_down(step, None),
        }
    }
}

fn why_down(step: &'static str, failure: Option<&Failure>) -> PortError {
    match failure {
        Some(Failure::Driver(error)) => port_error(step, error.clone()),
        Some(Failure::Tls(sentence)) => unavailable(step, sentence),
        None => unavailable(step, "not connected"),
    }
}

struct Keeper {
    dialer: Arc<Dialer>,
    name: &'static str,
    state: watch::Sender<State>,
    suspicion: Arc<Suspicion>,
}

impl Keeper {
    async fn keep(self) {
        let mut backoff = Backoff::default();
        let mut reported = false;
        loop {
            match self.dialer.connect(self.name).await {
                Ok(connection) => {
                    tracing::info!(connection = self.name, "connected to RabbitMQ");
                    let started = Instant::now();
                    let reason = self.hold(connection).await;
                    tracing::warn!(connection = self.name, reason, "lost the connection to RabbitMQ");
                    reported = true;
                    backoff.ended_after(started.elapsed());
                }
                Err(error) => {
                    if !reported {
                        tracing::warn!(connection = self.name, %error, "cannot connect to RabbitMQ, trying again");
                        reported = true;
                    }
                    self.state.send_replace(State::Down(Some(error)));
                }
            }
            backoff.pause().await;
        }
    }

    /// Shows the connection until it is lost. Says why it was.
    async fn hold(&self, connection: Connection) -> String {
        let mut events = Box::pin(connection.events_listener());
        let connection = Arc::new(connection);
        let mut blocked = connection.status().blocked();
        self.show(&connection, blocked);
        let mut check = tokio::time::interval(CHECK_EVERY);
        let mut reason = "closed".to_owned();
        // Meant for the connection before this one.
        self.suspicion.give_up.notified().now_or_never();
        while connection.status().connected() {
            tokio::select! {
                event = events.next() => if let Some(Event::Error(error)) = event { reason = error.to_string() },
                _ = self.suspicion.look.notified() => {}
                _ = check.tick() => {}
                _ = self.suspicion.give_up.notified() => {
                    reason = "no progress".to_owned();
                    break;
                }
            }
            if connection.status().blocked() != blocked {
                blocked = !blocked;
                tracing::warn!(connection = self.name, blocked, "RabbitMQ's alarm changed whether it takes messages");
                self.show(&connection, blocked);
            }
        }
        self.state.send_replace(State::Down(None));
        reason
    }

    fn show(&self, connection: &Arc<Connection>, blocked: bool) {
        self.state.send_replace(State::Up { connection: Arc::clone(connection), blocked });
    }
}
