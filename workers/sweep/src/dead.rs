//! Moves dead jobs from the broker's dead queues into the app store, where people can look at them: reading a queue
//! of the broker counts as a delivery.

use contracts::{DeadId, Envelope, HopId};
use domain::redact::redact;
use ports::broker::{Delivery, HEADER_ERROR, Message, Queue};
use ports::dead::{DeadJob, DeadState};
use ports::ledger::{Claim, Claimed};
use ports::store::Turn;
use ports::{PortError, Ports};
use std::time::Duration;
use worker_kit::{Ending, end_in};

const AT_A_TIME: usize = 100;
/// A job is far smaller; a stranger may have sent this one.
const LONGEST_BODY: usize = 256 * 1_024;
const LEASE: Duration = Duration::from_secs(10);
/// The broker itself moves a job that was handed out too often.
const NOT_SETTLED: &str = "it was handed out again and again, and no worker settled it";

/// Moves what lies in the dead queues. Says how many jobs it kept that were not kept before.
pub(crate) async fn collect(ports: &Ports, owner: &str, queues: &[Queue]) -> usize {
    let mut kept = 0;
    for queue in queues {
        match collect_queue(ports, owner, queue).await {
            Ok(count) => kept += count,
            Err(error) => tracing::warn!(kind = queue.kind, %error, "dead jobs stay in their queue for now"),
        }
    }
    kept
}

async fn collect_queue(ports: &Ports, owner: &str, queue: &Queue) -> Result<usize, PortError> {
    let mut kept = 0;
    loop {
        let taken = ports.broker.take_dead(queue, AT_A_TIME).await?;
        let is_last = taken.len() < AT_A_TIME;
        let mut held = 0;
        for delivery in taken {
            match collect_one(ports, owner, queue, delivery).await {
                Ok(Collected::New) => kept += 1,
                Ok(Collected::Known) => {}
                Ok(Collected::Held) => held += 1,
                Err(error) if error.is_transient() => return Err(error),
                // One that the store does not take must not hold up the others.
                Err(error) => {
                    tracing::error!(kind = queue.kind, %error, "a dead job stays in its queue");
                    held += 1;
                }
            }
        }
        if is_last || held > 0 {
            return Ok(kept);
        }
    }
}

enum Collected {
    /// Kept now.
    New,
    /// Kept before: a job may come into a dead queue twice.
    Known,
    /// Somebody works on its turn: it stays in its queue until the next round.
    Held,
}

/// Kept first, acked then: a crash in between keeps it once more, under the same id.
async fn collect_one(ports: &Ports, owner: &str, queue: &Queue, delivery: Delivery) -> Result<Collected, PortError> {
    let found = Found::of(ports, &delivery.message).await?;
    if !found.end_turn(ports, owner).await? {
        return Ok(Collected::Held);
    }
    let job = found.job(ports, queue, &delivery.message).await?;
    let is_new = ports.store.keep_dead(&job).await?;
    delivery.receipt.ack().await?;
    if is_new {
        tracing::warn!(dead = %job.id, kind = job.kind, code = job.code, "a dead job is kept at the desk");
    }
    Ok(if is_new { Collected::New } else { Collected::Known })
}

/// What can be told of a dead message.
enum Found {
    /// A job of a turn that its business has.
    Job(Box<Envelope>, Box<Turn>),
    /// A job of a turn that the store does not know in this business.
    Stray,
    /// No envelope.
    Unreadable,
}

impl Found {
    async fn of(ports: &Ports, message: &Message) -> Result<Self, PortError> {
        let Ok(envelope) = serde_json::from_slice::<Envelope>(&message.body) else { return Ok(Self::Unreadable) };
        let own = format!("{}/", envelope.meta.turn);
        if !envelope.hop.as_str().starts_with(&own) {
            return Ok(Self::Stray);
        }
        let turn = ports.store.turn(&envelope.meta.business, &envelope.meta.turn).await?;
        Ok(match turn {
            Some(turn) => Self::Job(Box::new(envelope), Box::new(turn)),
            None => Self::Stray,
        })
    }

    /// The turn of a job that the broker gave up has not ended, and nobody will work on it any more. False while
    /// somebody does.
    async fn end_turn(&self, ports: &Ports, owner: &str) -> Result<bool, PortError> {
        let Self::Job(envelope, turn) = self else { return Ok(true) };
        if turn.end.is_some() {
            return Ok(true);
        }
        let (hop, owner) = (envelope.hop.clone(), owner.to_owned());
        let claim =
            Claim { hop: hop.clone(), turn: turn.id.clone(), owner, lease: LEASE, must_last: false, prepays: None };
        match ports.ledger.claim(claim).await? {
            Claimed::Granted(grant) => end_in(ports, turn, hop.clone(), grant, Ending::given_up(&hop)).await,
            Claimed::Busy(_) => Ok(false),
            Claimed::Done(_) | Claimed::Over => Ok(true),
        }
    }

    async fn job(self, ports: &Ports, queue: &Queue, message: &Message) -> Result<DeadJob, PortError> {
        let now_ms = ports.clock.now_ms();
        let error = message.headers.get(HEADER_ERROR);
        let job = DeadJob {
            id: unreadable_id(queue, message),
            business: None,
            turn: None,
            hop: HopId(plain(&message.id)),
            kind: queue.kind.clone(),
            lane: queue.lane,
            code: "unreadable".to_owned(),
            error: plain(&redact(error.map_or(NOT_SETTLED, String::as_str))),
            attempts: message.attempt(),
            headers: shown_headers(message),
            body: message.body.slice(..message.body.len().min(LONGEST_BODY)),
            at_ms: now_ms,
            state: DeadState::Open,
            replayed_as: None,
            decided: None,
        };
        Ok(match self {
            Self::Unreadable => job,
            Self::Stray => DeadJob { code: "unknown_turn".to_owned(), ..job },
            Self::Job(envelope, turn) => of_turn(job, *envelope, ended(ports, *turn).await?),
        })
    }
}

/// The turn as it stands now: it may have been ended a moment ago.
async fn ended(ports: &Ports, turn: Turn) -> Result<Turn, PortError> {
    if turn.end.is_some() {
        return Ok(turn);
    }
    Ok(ports.store.turn(&turn.business, &turn.id).await?.unwrap_or(turn))
}

fn of_turn(job: DeadJob, envelope: Envelope, turn: Turn) -> DeadJob {
    let end = turn.end.as_ref().filter(|end| end.error.as_ref().is_some_and(|error| error.dead_job.is_some()));
    let code = end.and_then(|end| end.error.as_ref()).map_or("not_settled", |error| &error.code);
    DeadJob {
        id: DeadId::of(&envelope.hop),
        business: Some(turn.business),
        turn: Some(turn.id),
        code: code.to_owned(),
        // The run that was the last one is not in the header.
        attempts: job.attempts + u32::from(end.is_some()),
        at_ms: end.map_or(job.at_ms, |end| end.ended_ms),
        hop: envelope.hop,
        ..job
    }
}

fn unreadable_id(queue: &Queue, message: &Message) -> DeadId {
    DeadId::of_bytes(&[queue.kind.as_bytes(), message.id.as_bytes(), &message.body])
}

fn shown_headers(message: &Message) -> std::collections::BTreeMap<String, String> {
    let headers = message.headers.iter();
    headers.map(|(name, value)| (plain(name), plain(&redact(value)))).collect()
}

/// A text as every store takes it: some take no NUL.
fn plain(text: &str) -> String {
    text.replace('\0', "")
}
