use crate::Composed;
use crate::ops;
use crate::roles::opens_sources;
use crate::{Role, Roles, Shutdown};
use anyhow::{Context, Result};
use axum::serve::ListenerExt;
use classify::Classifier;
use contracts::Lane;
use contracts::job::lanes_of;
use dispatch::{Bounds, Dispatcher};
use domain::personal::{Masking, Sight};
use execute_sql::{ChangeExecutor, ChangeRules, SqlExecutor};
use follow::Follower;
use generate_sql::SqlGenerator;
use inspect_source::{ConnectionTester, FileImporter, Introspector};
use ports::Ports;
use ports::source::{DiscoveryLimits, ImportLimits};
use reply::Replier;
use settings::{RoleName, Settings};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use sweep::Sweeper;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use worker_kit::{CancelRegistry, Crew, Flush, Handler, Limits, Runner, ShownSchemas, handler, run_worker};

const AGAIN: Duration = Duration::from_secs(1);
/// A store that restarts is back by then.
const KEEP_OUTCOME: Duration = Duration::from_secs(30);
const GIVE_BACK: Duration = Duration::from_secs(4);

/// A process at work.
pub struct Running {
    /// Where the API listens.
    pub address: Option<SocketAddr>,
    tasks: JoinSet<()>,
    cancels: Option<AbortHandle>,
    shutdown: Shutdown,
    drain: Duration,
    _composed: Composed,
}

/// Starts these roles. Returns when the API listens; workers connect in the background and go on trying.
pub async fn start(settings: &Settings, roles: &Roles, composed: Composed, shutdown: Shutdown) -> Result<Running> {
    let ports = composed.ports.clone();
    let mut tasks = JoinSet::new();
    let owner = ports.ids.next("own");
    let cancels = CancelRegistry::default();
    let crew = Crew::new(goes_on_within(settings), shutdown.drain.clone());
    let listening = roles.kinds().next().is_some().then(|| listen_to_cancels(&cancels, &ports, &shutdown));
    for kind in roles.kinds() {
        let handler = handler_of(kind, settings).with_context(|| format!("there is no worker of kind {kind}"))?;
        for lane in lanes_of(kind) {
            let (abandon, drain) = (shutdown.abandon.clone(), shutdown.drain.clone());
            let (handler, ports, owner) = (handler.clone(), ports.clone(), owner.clone());
            let runner = Runner::new(handler, ports, limits(settings), owner, cancels.clone(), abandon).in_lane(*lane);
            let runner = if opens_sources(kind) { runner.with_sources(settings.sources.max_in_flight) } else { runner };
            let (places, prefetch) = places(settings, kind, *lane);
            let runner = Arc::new(runner.with_places(places).with_crew(crew.clone()));
            crew.join(&runner);
            tasks.spawn(work(runner, prefetch, drain));
        }
    }
    if roles.has(&Role::Sweep) {
        let every = Duration::from_millis(settings.workers.sweep_ms);
        let sweeper = Sweeper {
            ports: ports.clone(),
            owner: owner.clone(),
            every,
            queues: ports::broker::all_queues(),
            keep: keep(settings),
            lost_after: lost_after(settings),
        };
        let stop = shutdown.drain.clone();
        tasks.spawn(async move { sweeper.run(stop).await });
        let dispatcher = dispatcher(settings, ports.clone(), owner);
        let stop = shutdown.drain.clone();
        tasks.spawn(async move { dispatcher.run(stop).await });
    }
    let address = listen(settings, roles, ports, &shutdown, &mut tasks).await?;
    let drain = Duration::from_secs(settings.workers.drain_s);
    Ok(Running { address, tasks, cancels: listening, shutdown, drain, _composed: composed })
}

/// Listens through the drain too: a running job may be cancelled until it has ended.
fn listen_to_cancels(cancels: &CancelRegistry, ports: &Ports, shutdown: &Shutdown) -> AbortHandle {
    let (cancels, signals, stop) = (cancels.clone(), ports.signals.clone(), shutdown.abandon.clone());
    tokio::spawn(async move { cancels.listen(signals, stop).await }).abort_handle()
}

impl Running {
    /// Waits for the first stage of the stop, then for what runs; past the drain's time the second stage comes by
    /// itself.
    pub async fn until_stopped(mut self) {
        self.shutdown.drain.cancelled().await;
        let ended = tokio::select! {
            () = all(&mut self.tasks) => true,
            () = self.shutdown.abandon.cancelled() => false,
            () = tokio::time::sleep(self.drain) => false,
        };
        if !ended {
            tracing::warn!("jobs still run: they are given back");
            self.shutdown.abandon.cancel();
            // What is left gets a moment to give its claims back; what does not use it loses them with their leases.
            if tokio::time::timeout(GIVE_BACK, all(&mut self.tasks)).await.is_err() {
                self.tasks.abort_all();
            }
        }
        if let Some(cancels) = self.cancels {
            cancels.abort();
        }
    }
}

async fn all(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

async fn work(runner: Arc<Runner>, prefetch: u16, drain: CancellationToken) {
    while !drain.is_cancelled() {
        if let Err(error) = run_worker(runner.clone(), prefetch, drain.clone()).await {
            tracing::warn!(%error, "a worker could not start: it tries again");
        }
        tokio::select! {
            () = drain.cancelled() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

async fn listen(
    settings: &Settings,
    roles: &Roles,
    ports: Ports,
    shutdown: &Shutdown,
    tasks: &mut JoinSet<()>,
) -> Result<Option<SocketAddr>> {
    if roles.has(&Role::Api) {
        let jwt = &settings.secrets.jwt_secret;
        let state = api::ApiState::new(ports, settings, jwt, shutdown.drain.clone())
            .context("the API cannot start (ASKLINE_SECRETS__JWT_SECRET wants at least 32 bytes)")?;
        return serve(&settings.server.listen, "server.listen", api::router(state), shutdown, tasks).await.map(Some);
    }
    if !settings.workers.listen.is_empty() {
        serve(&settings.workers.listen, "workers.listen", ops::router(ports), shutdown, tasks).await?;
    }
    Ok(None)
}

async fn serve(
    address: &str,
    setting: &str,
    router: axum::Router,
    shutdown: &Shutdown,
    tasks: &mut JoinSet<()>,
) -> Result<SocketAddr> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} cannot be listened on: choose another address in {setting}"))?;
    let bound = listener.local_addr()?;
    let listener = listener.tap_io(send_at_once);
    let stop = shutdown.drain.clone();
    tasks.spawn(async move {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await {
            tracing::error!(%error, "the listener ended");
        }
    });
    Ok(bound)
}

/// An event is small, and the next one would wait until the client has acknowledged it, for 40 ms.
fn send_at_once(socket: &mut TcpStream) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "a socket sends its events late");
    }
}

fn handler_of(kind: &str, settings: &Settings) -> Option<Arc<dyn Handler>> {
    let turn = &settings.turn;
    let sources = &settings.sources;
    let timeout = Duration::from_millis(sources.statement_timeout_ms);
    Some(match kind {
        "classify" => {
            handler(Classifier { recent_messages: turn.classifier_messages, history_messages: turn.history_messages })
        }
        "follow" => handler(Follower { at_a_time: longest_run(settings) / 2 }),
        "generate_sql" => handler(SqlGenerator {
            history_messages: turn.history_messages,
            schema_tokens: turn.schema_tokens,
            correction_rounds: turn.correction_rounds,
            askers: roles_of(&settings.writes.askers),
        }),
        "execute_sql" => handler(SqlExecutor {
            timeout,
            max_rows: sources.max_rows,
            max_bytes: sources.max_bytes,
            max_scanned_rows: sources.max_scanned_rows,
            sight: sight(settings),
            shown_rows: turn.shown_rows,
            correction_rounds: turn.correction_rounds,
            changes: change_rules(settings),
        }),
        "execute_change" => handler(ChangeExecutor { timeout, rules: change_rules(settings), sight: sight(settings) }),
        "reply" => handler(Replier { history_messages: turn.history_messages, shown_rows: turn.reply_rows }),
        "import_file" => handler(FileImporter {
            limits: ImportLimits {
                max_rows: sources.max_file_rows,
                max_columns: sources.max_file_columns,
                max_database_bytes: sources.max_file_database_bytes,
            },
        }),
        "test_connection" => handler(ConnectionTester),
        "introspect" => handler(Introspector {
            limits: DiscoveryLimits {
                max_tables: sources.max_tables,
                samples: sources.samples,
                sampled_rows: sources.sampled_rows,
                timeout,
            },
        }),
        _ => return None,
    })
}

fn roles_of(names: &[RoleName]) -> Vec<contracts::Role> {
    names.iter().filter_map(|role| contracts::Role::parse(role.as_str())).collect()
}

fn sight(settings: &Settings) -> Sight {
    Sight { masking: masking(settings), clear_roles: roles_of(&settings.masking.clear_roles) }
}

fn masking(settings: &Settings) -> Masking {
    Masking::new(&settings.masking.columns, &settings.masking.clear_columns)
}

fn change_rules(settings: &Settings) -> ChangeRules {
    let writes = &settings.writes;
    ChangeRules {
        askers: roles_of(&writes.askers),
        approvers: roles_of(&writes.approvers),
        expire: Duration::from_secs(writes.expire_s),
        max_rows: writes.max_rows,
    }
}

/// How long results are kept; `None` is for ever.
fn keep(settings: &Settings) -> Option<Duration> {
    let days = settings.workers.keep_results_days;
    (days > 0).then(|| Duration::from_secs(days.saturating_mul(24 * 60 * 60)))
}

fn lost_after(settings: &Settings) -> Option<Duration> {
    let seconds = settings.workers.lost_after_s;
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// Each step has at least half of the longest run for itself, since the delivery is held no longer.
fn goes_on_within(settings: &Settings) -> Duration {
    Duration::from_millis(settings.workers.go_on_ms).min(longest_run(settings) / 2)
}

fn longest_run(settings: &Settings) -> Duration {
    Duration::from_secs(settings.workers.longest_run_s.max(1))
}

/// Jobs of a kind and lane at a time, and messages fetched. Each lane has places of its own: what waits in one holds up
/// nothing in another.
fn places(settings: &Settings, kind: &str, lane: Lane) -> (usize, u16) {
    let workers = &settings.workers;
    let concurrency = match lane {
        Lane::Interactive => workers.concurrency_of.get(kind).copied().unwrap_or(workers.concurrency),
        Lane::Scheduled => workers.scheduled_concurrency,
        Lane::Backfill => workers.backfill_concurrency,
    };
    let concurrency = concurrency.max(1);
    // What is fetched and waits here has its time at the broker running: never more than two runs of it.
    let fetched = match lane {
        Lane::Interactive => 2 * concurrency,
        Lane::Scheduled | Lane::Backfill => concurrency,
    };
    (concurrency, u16::try_from(fetched).unwrap_or(u16::MAX).min(workers.prefetch))
}

fn dispatcher(settings: &Settings, ports: Ports, owner: String) -> Dispatcher {
    let admission = &settings.admission;
    let bounds = |of: &settings::LaneAdmission| Bounds { share: u64::from(of.share), window: u64::from(of.window) };
    Dispatcher {
        ports,
        owner,
        lanes: vec![
            (Lane::Interactive, bounds(&admission.interactive)),
            (Lane::Scheduled, bounds(&admission.scheduled)),
            (Lane::Backfill, bounds(&admission.backfill)),
        ],
        weights: admission.weights.clone(),
        every: Duration::from_millis(admission.dispatch_ms.max(1)),
    }
}

fn limits(settings: &Settings) -> Limits {
    let workers = &settings.workers;
    let masking = Arc::new(masking(settings));
    Limits {
        lease: Duration::from_millis(workers.lease_ms),
        renew: Duration::from_millis(workers.renew_ms),
        keep_outcome: KEEP_OUTCOME,
        longest_run: longest_run(settings),
        defer: Duration::from_millis(workers.defer_ms.min(workers.renew_ms)),
        stuck_after: Duration::from_secs(workers.stuck_after_s),
        max_attempts: workers.max_attempts,
        llm_calls: settings.turn.llm_calls,
        schemas: Arc::new(ShownSchemas::new(masking.clone(), settings.store.schemas)),
        masking,
        clear_to_llm: settings.masking.clear_to_llm,
        flush: Flush { after: Duration::from_millis(settings.events.flush_ms), bytes: settings.events.flush_bytes },
    }
}
