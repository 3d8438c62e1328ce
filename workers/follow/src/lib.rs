//! Answers a question with the run of another turn that asked the same a moment before.
//!
//! The follower stays a turn of its own: with its own claim, events, audit row and end. What the leader streams is
//! streamed again as it comes; what the leader ended with is what counts. A leader that ended without an answer or an
//! error of its own, because its user stopped it or its time was up, gives way: one follower goes on from its last
//! finished step, the others follow that one.

mod mirror;

use async_trait::async_trait;
use contracts::job::{Basis, Classify, Follow, Reply};
use contracts::{ConnectionId, Job, NextJob, TurnId};
use mirror::{Heard, Mirror};
use ports::audit::verdict;
use ports::store::{EndState, Turn, TurnState};
use std::time::Duration;
use worker_kit::audit::{self, Act};
use worker_kit::{Answer, Ctx, Done, Ending, JobError, OrRetry, Worker};

/// After so much silence the store is asked whether the leader has ended.
const SILENCE: Duration = Duration::from_secs(1);

/// The worker of kind `follow`.
pub struct Follower;

/// What becomes of a follower.
enum Fate {
    /// The leader's end is its end.
    Shares(Box<Turn>, EndState),
    /// It leads now.
    Leads(TurnId),
}

#[async_trait]
impl Worker for Follower {
    type Job = Follow;

    async fn run(&self, ctx: &Ctx, job: Follow) -> Result<Done, JobError> {
        let mut answer = Answer::begin(ctx);
        match fate(ctx, &job, &mut answer).await? {
            Fate::Shares(leader, end) => share(ctx, &job.question, &leader, end, &mut answer).await,
            Fate::Leads(earlier) => go_on(ctx, job, &earlier).await,
        }
    }
}

/// Follows one leader after the other until one has ended with something to share, or none is left.
async fn fate(ctx: &Ctx, job: &Follow, answer: &mut Answer<'_>) -> Result<Fate, JobError> {
    let mut leader = job.leader.clone();
    loop {
        match until_ended(ctx, &leader, answer).await? {
            Some((turn, end)) if end.state != TurnState::Incomplete => return Ok(Fate::Shares(turn, end)),
            _ => answer.restart(),
        }
        let next = ctx.lead_flight(&job.flight, Some(&leader)).await;
        if next == ctx.meta.turn {
            return Ok(Fate::Leads(leader));
        }
        leader = next;
    }
}

/// Streams what the leader streams, and gives how it ended. `None` when it never began or is not known.
async fn until_ended(
    ctx: &Ctx,
    leader: &TurnId,
    answer: &mut Answer<'_>,
) -> Result<Option<(Box<Turn>, EndState)>, JobError> {
    let mut mirror = Mirror::new(ctx, leader).await;
    loop {
        let heard = tokio::select! {
            () = ctx.cancel.cancelled() => return Err(JobError::Cancelled),
            heard = tokio::time::timeout(SILENCE, mirror.next(answer)) => heard.unwrap_or(Heard::Silence),
        };
        if heard == Heard::More {
            continue;
        }
        let turn = ctx.ports.store.turn(&ctx.meta.business, leader).await.or_retry("read the leading turn")?;
        match turn {
            Some(turn) if turn.state == TurnState::Refused => return Ok(None),
            Some(turn) => {
                if let Some(end) = turn.end.clone() {
                    return Ok(Some((Box::new(turn), end)));
                }
            }
            None => return Ok(None),
        }
    }
}

async fn share(
    ctx: &Ctx,
    question: &str,
    leader: &Turn,
    end: EndState,
    answer: &mut Answer<'_>,
) -> Result<Done, JobError> {
    if let Some(error) = end.error {
        return Ok(Done::end(Ending::failed(error.code, error.message), "the same error"));
    }
    if let (Some(sql), Some(connection)) = (&end.sql, &leader.connection) {
        share_on_record(ctx, question, connection, sql).await?;
    }
    if answer.text() != end.answer {
        answer.restart();
        answer.push(&end.answer);
    }
    let text = answer.finish();
    let ending = match (end.sql, end.result) {
        (Some(sql), Some(result)) => Ending::answered(text, sql, result),
        _ => Ending::completed(text),
    };
    Ok(Done::end(ending, "shared"))
}

/// From the step that the earlier leader did not finish, with what it had found until then.
async fn go_on(ctx: &Ctx, job: Follow, earlier: &TurnId) -> Result<Done, JobError> {
    let unfinished = ctx.ports.ledger.unfinished(earlier).await.or_retry("read what the leader left")?;
    let question = job.question;
    let begin = Classify { question: question.clone(), shared_schema_ms: None };
    let next = match unfinished {
        Some(envelope) => NextJob { kind: envelope.kind, job: envelope.job },
        None => NextJob::new(&begin).map_err(|error| JobError::internal("encode the next job", error))?,
    };
    if let (Some(sql), Some(connection)) = (statement_of(&next), &ctx.meta.connection) {
        share_on_record(ctx, &question, connection, &sql).await?;
    }
    Ok(Done { next: Some(next), detail: "goes on alone".into(), ..Done::default() })
}

/// The statement whose rows a job tells of.
fn statement_of(next: &NextJob) -> Option<String> {
    if next.kind != Reply::KIND {
        return None;
    }
    match serde_json::from_value::<Reply>(next.job.clone()).ok()?.basis {
        Basis::Rows { sql, .. } => Some(sql),
        Basis::Chat | Basis::NoWorkflow => None,
    }
}

/// The statement ran on the leader's behalf; its rows are shown on this one's.
async fn share_on_record(ctx: &Ctx, question: &str, connection: &ConnectionId, sql: &str) -> Result<(), JobError> {
    let act = Act { connection, question, sql, tables: &[] };
    audit::whole(ctx, &act, verdict::SHARED).await.or_retry("write the audit row")
}
