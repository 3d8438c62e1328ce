//! Answers a question with the run of another turn that asked the same a moment before.
//!
//! The follower stays a turn of its own: with its own claim, events, audit row and end. What the leader streams is
//! streamed again as it comes; what the leader ended with is what counts. A leader that ended without an answer or an
//! error of its own, because its user stopped it or its time was up, gives way: one follower goes on from its last
//! finished step, the others follow that one.
//!
//! A leader may take longer than a run of a job may, so a follower makes way now and then, and goes on where it was.

mod mirror;

use async_trait::async_trait;
use contracts::job::{Basis, Classify, Follow, Reply};
use contracts::{ApprovalId, ConnectionId, Job, NextJob, TurnId};
use mirror::{Heard, Mirror, Tale};
use ports::audit::verdict;
use ports::store::{EndState, Turn, TurnState};
use std::time::Duration;
use worker_kit::audit::{self, Act};
use worker_kit::{Answer, Ctx, Done, Ending, JobError, OrRetry, Worker};

/// After so much silence the store is asked whether the leader has ended.
const SILENCE: Duration = Duration::from_secs(1);

/// A follower that makes way comes again after this.
const AGAIN: Duration = Duration::from_millis(300);

/// The worker of kind `follow`.
pub struct Follower {
    /// It follows for so long at a time.
    pub at_a_time: Duration,
}

/// What becomes of a follower.
enum Fate {
    /// The leader's end is its end.
    Shares(Box<Turn>, EndState),
    /// It leads now.
    Leads(TurnId),
    /// The leader asks for a change, which is the leader's alone to ask for.
    Alone,
}

#[async_trait]
impl Worker for Follower {
    type Job = Follow;
    const GOES_ON: bool = true;

    async fn run(&self, ctx: &Ctx, job: Follow) -> Result<Done, JobError> {
        let mut tale = Tale::begin(ctx);
        let fate = tokio::time::timeout(self.at_a_time, fate(ctx, &job, &mut tale)).await;
        match fate.map_err(|_| JobError::Snooze(AGAIN))?? {
            Fate::Shares(leader, end) => share(ctx, &job.question, &leader, end, &mut tale.answer).await,
            Fate::Leads(earlier) => go_on(ctx, job, &earlier).await,
            Fate::Alone => begin_anew(job),
        }
    }
}

/// Follows one leader after the other until one has ended with something to share, or none is left.
async fn fate(ctx: &Ctx, job: &Follow, tale: &mut Tale<'_>) -> Result<Fate, JobError> {
    let mut leader = job.leader.clone();
    loop {
        match until_ended(ctx, &leader, tale).await? {
            Some((turn, _)) if asks_for_a_change(ctx, &turn.id).await? => {
                tale.answer.restart();
                return Ok(Fate::Alone);
            }
            Some((turn, end)) if end.state != TurnState::Incomplete => return Ok(Fate::Shares(turn, end)),
            _ => tale.answer.restart(),
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
    tale: &mut Tale<'_>,
) -> Result<Option<(Box<Turn>, EndState)>, JobError> {
    let mut mirror = Mirror::new(ctx, leader).await;
    loop {
        let heard = tokio::select! {
            () = ctx.cancel.cancelled() => return Err(JobError::Cancelled),
            heard = tokio::time::timeout(SILENCE, mirror.next(tale)) => heard.unwrap_or(Heard::Silence),
        };
        if heard == Heard::More {
            continue;
        }
        let turn = ctx.ports.store.turn(&ctx.meta.business, leader).await.or_retry("read the leading turn")?;
        // To wait for somebody who is at work is what a follower is for.
        ctx.progress();
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
    let question = job.question.clone();
    let next = match unfinished {
        Some(envelope) => NextJob { kind: envelope.kind, job: envelope.job },
        None => return begin_anew(job),
    };
    if let (Some(sql), Some(connection)) = (statement_of(&next), &ctx.meta.connection) {
        share_on_record(ctx, &question, connection, &sql).await?;
    }
    Ok(Done { next: Some(next), detail: "goes on alone".into(), ..Done::default() })
}

fn begin_anew(job: Follow) -> Result<Done, JobError> {
    Done::next(&Classify { question: job.question, shared_schema_ms: None }, "goes on alone")
}

async fn asks_for_a_change(ctx: &Ctx, leader: &TurnId) -> Result<bool, JobError> {
    let asked = ctx.ports.store.approval(&ctx.meta.business, &ApprovalId::of(leader)).await;
    Ok(asked.or_retry("read what the leader asks for")?.is_some())
}

/// The statement whose rows a job tells of.
fn statement_of(next: &NextJob) -> Option<String> {
    if next.kind != Reply::KIND {
        return None;
    }
    match serde_json::from_value::<Reply>(next.job.clone()).ok()?.basis {
        Basis::Rows { sql, .. } => Some(sql),
        Basis::Chat | Basis::NoWorkflow | Basis::Approval { .. } => None,
    }
}

/// The statement ran on the leader's behalf; its rows are shown on this one's.
async fn share_on_record(ctx: &Ctx, question: &str, connection: &ConnectionId, sql: &str) -> Result<(), JobError> {
    let act = Act { connection, question, sql, tables: &[] };
    audit::whole(ctx, &act, verdict::SHARED).await.or_retry("write the audit row")
}
