//! Taking a question: offer, log, publish, accept. In this order, so that a question that was refused left nothing
//! behind, and one that was accepted lies in the queue. A question beyond its business's share is kept in line instead
//! of being published: the dispatcher publishes it.

use crate::error::ApiError;
use crate::response_object;
use crate::state::ApiState;
use contracts::{Envelope, Event, Job, Kind, Lane, Meta, TurnId};
use ports::PortError;
use ports::broker::{Destination, Message, PublishError, Queue};
use ports::event_log::{Append, AppendError};
use ports::line::{Beginning, Waits};
use ports::store::{NewTurn, Offered, Turn, TurnState};
use std::time::Duration;
use telemetry::names;
use tokio::time::Instant;
use tracing::Instrument;

/// Numbers that the API gives: those of `response.created` and `response.queued`.
pub const FIRST_EVENTS: u64 = 2;
/// After so long a full line is likely to have moved.
const FULL_RETRY_S: u64 = 5;

/// Whether an offer was published is looked up so often.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A turn to take, and its first job.
pub struct Order<J> {
    pub turn: NewTurn,
    pub job: J,
}

/// A job that a turn can begin with.
pub trait FirstJob: Send + Sync + 'static {
    /// Its kind.
    fn kind(&self) -> Kind;
    /// Its envelope.
    fn envelope(&self, meta: Meta, next_seq: u64) -> Result<Envelope, serde_json::Error>;
}

impl<J: Job> FirstJob for J {
    fn kind(&self) -> Kind {
        J::KIND
    }

    fn envelope(&self, meta: Meta, next_seq: u64) -> Result<Envelope, serde_json::Error> {
        Envelope::first(meta, next_seq, self)
    }
}

/// Why the first job was not published.
#[derive(Debug, thiserror::Error)]
enum EnqueueError {
    #[error("the first events were not logged: {0}")]
    Log(PortError),
    #[error("the job was not published: {0}")]
    Publish(#[from] PublishError),
    #[error("the job could not be written: {0}")]
    Encode(PortError),
    #[error("the first events or the job could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("event log and queue took longer than {0:?}")]
    TimedOut(Duration),
}

/// When a turn of a lane that starts now must have ended.
pub fn deadline_ms(state: &ApiState, lane: Lane, now_ms: i64) -> i64 {
    let own_s = Some(state.admission_of(lane).deadline_s).filter(|seconds| *seconds > 0);
    let allowed_s = own_s.unwrap_or(state.turn.deadline_s);
    let allowed_ms = i64::try_from(allowed_s.saturating_mul(1000)).unwrap_or(i64::MAX);
    now_ms.saturating_add(allowed_ms)
}

/// Takes a turn, or finds the one that its idempotency key stands for. What has begun is finished even when the client
/// goes away meanwhile.
pub async fn submit<J: FirstJob>(state: &ApiState, order: Order<J>) -> Result<TurnId, ApiError> {
    let span = tracing::info_span!("turn", turn = %order.turn.id, kind = order.job.kind());
    let state = state.clone();
    let task = tokio::spawn(async move { run(&state, order).await }.instrument(span));
    task.await.map_err(|error| {
        tracing::error!(%error, "a question was lost on its way to the queue");
        ApiError::internal()
    })?
}

async fn run<J: FirstJob>(state: &ApiState, order: Order<J>) -> Result<TurnId, ApiError> {
    let first = order.job.envelope(order.turn.meta(), FIRST_EVENTS)?;
    let offered = state.ports.store.offer(&order.turn, &first).await?;
    follow(state, order, offered).await
}

async fn follow<J: FirstJob>(state: &ApiState, order: Order<J>, offered: Offered) -> Result<TurnId, ApiError> {
    match offered {
        Offered::New => enqueue(state, order).await,
        Offered::Reopened(id) => reopened(state, order, id).await,
        Offered::Known(id) => known(state, order, id).await,
        Offered::KeyReused => Err(key_reused()),
        Offered::Beyond => wait(state, order).await,
    }
}

/// The line keeps all that it takes to begin the turn, so that it begins whatever becomes of this process.
async fn wait<J: FirstJob>(state: &ApiState, order: Order<J>) -> Result<TurnId, ApiError> {
    let beginning = Beginning {
        envelope: order.job.envelope(order.turn.meta(), FIRST_EVENTS)?,
        events: first_events(&order.turn)?,
        traceparent: telemetry::trace::current_traceparent(),
    };
    let most = state.admission_of(order.turn.lane).max_waiting;
    match state.ports.store.wait(&order.turn, &beginning, most).await? {
        Waits::At(_) => tell_of_wait(state, order.turn.id, beginning.events).await,
        Waits::Full => Err(too_many_waiting(order.turn.lane, most)),
        Waits::Keyed(offered) => Box::pin(follow(state, order, offered)).await,
    }
}

async fn tell_of_wait(state: &ApiState, id: TurnId, events: Vec<String>) -> Result<TurnId, ApiError> {
    let timeout = Duration::from_millis(state.settings.enqueue_timeout_ms);
    let done = tokio::time::timeout(timeout, state.ports.events.append(first_append(&id, events))).await;
    match done {
        // The dispatcher was faster: it writes the same events.
        Ok(Ok(_) | Err(AppendError::Stale | AppendError::Closed)) => {
            metrics::counter!(names::TURNS_OFFERED, "state" => "waiting").increment(1);
            Ok(id)
        }
        Ok(Err(AppendError::Port(error))) => refuse(state, id, &EnqueueError::Log(error)).await,
        Err(_) => refuse(state, id, &EnqueueError::TimedOut(timeout)).await,
    }
}

async fn reopened<J: FirstJob>(state: &ApiState, order: Order<J>, id: TurnId) -> Result<TurnId, ApiError> {
    let stored = state.ports.store.turn(&order.turn.business, &id).await?.ok_or_else(ApiError::internal)?;
    enqueue(state, take_over(order, stored)).await
}

/// The key was seen before. When whoever offered that turn died before the job was published, this finishes it: should
/// it have been published all the same, the second copy has the same hop id and does nothing. An offer that may still
/// be published or refused is no answer: nobody may be told that a question was taken which nobody publishes.
async fn known<J: FirstJob>(state: &ApiState, order: Order<J>, id: TurnId) -> Result<TurnId, ApiError> {
    let Some(stored) = decided(state, &order.turn, &id).await? else { return Ok(id) };
    match stored.state {
        TurnState::Offered => enqueue(state, take_over(order, stored)).await,
        TurnState::Refused => Box::pin(run(state, order)).await,
        _ => Ok(id),
    }
}

/// The turn, once it is offered no more, or its offer is older than any that is being worked on.
async fn decided(state: &ApiState, order: &NewTurn, id: &TurnId) -> Result<Option<Turn>, PortError> {
    let patience = Duration::from_millis(state.settings.enqueue_timeout_ms);
    let mut until = None;
    loop {
        let stored = state.ports.store.turn(&order.business, id).await?;
        let Some(offered) = stored.as_ref().filter(|turn| turn.state == TurnState::Offered) else { return Ok(stored) };
        let age = u64::try_from(state.now_ms().saturating_sub(offered.created_ms)).unwrap_or(0);
        // Clocks of two nodes may differ: no longer than the patience is waited in any case.
        let until = *until.get_or_insert_with(|| Instant::now() + patience.saturating_sub(Duration::from_millis(age)));
        if Instant::now() >= until {
            return Ok(stored);
        }
        tokio::time::sleep_until(until.min(Instant::now() + LOOK_AGAIN)).await;
    }
}

/// The order, for the turn as it is stored.
fn take_over<J>(order: Order<J>, stored: Turn) -> Order<J> {
    let turn = NewTurn {
        id: stored.id,
        conversation: stored.conversation,
        connection: stored.connection,
        created_ms: stored.created_ms,
        deadline_ms: stored.deadline_ms,
        ..order.turn
    };
    Order { turn, ..order }
}

async fn enqueue<J: FirstJob>(state: &ApiState, order: Order<J>) -> Result<TurnId, ApiError> {
    let timeout = Duration::from_millis(state.settings.enqueue_timeout_ms);
    let done = tokio::time::timeout(timeout, log_and_publish(state, &order)).await;
    match done.unwrap_or(Err(EnqueueError::TimedOut(timeout))) {
        Ok(()) => accept(state, order.turn.id).await,
        Err(error) => refuse(state, order.turn.id, &error).await,
    }
}

async fn log_and_publish<J: FirstJob>(state: &ApiState, order: &Order<J>) -> Result<(), EnqueueError> {
    let append = first_append(&order.turn.id, first_events(&order.turn)?);
    match state.ports.events.append(append).await {
        // A worker has written already: the job was published before.
        Ok(_) | Err(AppendError::Stale | AppendError::Closed) => publish(state, order).await,
        Err(AppendError::Port(error)) => Err(EnqueueError::Log(error)),
    }
}

fn first_events(turn: &NewTurn) -> Result<Vec<String>, serde_json::Error> {
    let key = turn.idempotency_key.as_deref();
    let (conversation, connection) = (turn.conversation.as_ref(), turn.connection.as_ref());
    let response =
        response_object::queued(&turn.id, turn.created_ms, conversation, connection, key, turn.replay_of.as_ref());
    let events = [Event::Created { response: response.clone() }, Event::Queued { response }];
    events.iter().map(serde_json::to_string).collect()
}

fn first_append(turn: &TurnId, events: Vec<String>) -> Append {
    Append { turn: turn.clone(), fence: 0, batch: 0, floor: 0, events, closes: false }
}

async fn publish<J: FirstJob>(state: &ApiState, order: &Order<J>) -> Result<(), EnqueueError> {
    let envelope = order.job.envelope(order.turn.meta(), FIRST_EVENTS)?;
    let message =
        Message::carrying(&envelope, telemetry::trace::current_traceparent()).map_err(EnqueueError::Encode)?;
    let started_ms = state.ports.clock.monotonic_ms();
    state.ports.broker.publish(&Destination::Work(Queue::of(order.job.kind(), order.turn.lane)), message).await?;
    let took = Duration::from_millis(state.ports.clock.monotonic_ms().saturating_sub(started_ms));
    metrics::histogram!(names::PUBLISH_DURATION, "kind" => order.job.kind()).record(took.as_secs_f64());
    Ok(())
}

async fn accept(state: &ApiState, id: TurnId) -> Result<TurnId, ApiError> {
    match state.ports.store.accept(&id).await {
        Ok(true) => Ok(accepted(id)),
        Ok(false) => Err(not_taken("it was given back before it was taken")),
        // The job lies in the queue: the turn will end, whatever the store says now.
        Err(error) => {
            tracing::warn!(turn = %id, %error, "a published question could not be marked as accepted");
            Ok(accepted(id))
        }
    }
}

async fn refuse(state: &ApiState, id: TurnId, cause: &EnqueueError) -> Result<TurnId, ApiError> {
    tracing::warn!(turn = %id, error = %cause, "a question did not get into the queue");
    match state.ports.store.refuse(&id).await {
        // A worker has it: it got there after all.
        Ok(false) => Ok(accepted(id)),
        Ok(true) => Err(not_taken(reason(cause))),
        Err(error) => {
            tracing::error!(turn = %id, %error, "a question could not be marked as refused");
            Err(not_taken(reason(cause)))
        }
    }
}

fn accepted(id: TurnId) -> TurnId {
    metrics::counter!(names::TURNS_OFFERED, "state" => "accepted").increment(1);
    id
}

fn reason(cause: &EnqueueError) -> &'static str {
    match cause {
        EnqueueError::Publish(PublishError::Full) => "the queue is full",
        _ => "the queue could not be reached",
    }
}

fn not_taken(reason: &str) -> ApiError {
    metrics::counter!(names::TURNS_OFFERED, "state" => "refused").increment(1);
    let message = format!("The question was not taken, because {reason}. Nothing was lost: send it again.");
    ApiError::unavailable("queue_unavailable", message)
}

fn too_many_waiting(lane: Lane, most: u32) -> ApiError {
    metrics::counter!(names::TURNS_OFFERED, "state" => "too_many").increment(1);
    let message = format!(
        "{most} {} questions of your business wait already, and no more can. Nothing was kept of this one: send it \
         again when some of them are answered.",
        lane.as_str()
    );
    ApiError::new(axum::http::StatusCode::TOO_MANY_REQUESTS, "too_many_waiting", message).retry_after(FULL_RETRY_S)
}

fn key_reused() -> ApiError {
    let message = "This idempotency key was used for another text. Use a new key for each question.";
    let status = axum::http::StatusCode::CONFLICT;
    ApiError::new(status, "idempotency_key_reused", message).about("idempotency_key")
}
