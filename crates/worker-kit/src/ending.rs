use crate::ctx::message_id;
use crate::protocol;
use crate::publish::{mark_published, publish_outcome};
use contracts::event::{ResponseError, Usage};
use contracts::{DeadId, Event, HopId, Meta, ResultId, TurnId};
use domain::response::{Ended, ended, terminal_event};
use ports::ledger::{Commit, Committed, Grant, Outcome};
use ports::store::{EndState, Turn, TurnState};
use ports::{PortError, Ports};

/// What a user hears when every try of a step failed.
pub(crate) const USED_UP: &str =
    "A part of the system did not work in spite of several tries. Ask again in a few minutes.";

/// How a turn ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    state: TurnState,
    answer: String,
    sql: Option<String>,
    result: Option<ResultId>,
    error: Option<ResponseError>,
    reason: Option<String>,
}

impl Ending {
    /// With an answer.
    pub fn completed(answer: impl Into<String>) -> Self {
        Self::of(TurnState::Completed, answer.into())
    }

    /// With an answer made of rows.
    pub fn answered(answer: impl Into<String>, sql: impl Into<String>, result: ResultId) -> Self {
        Self { sql: Some(sql.into()), result: Some(result), ..Self::completed(answer) }
    }

    /// With what a change of data did.
    pub fn changed(answer: impl Into<String>, sql: impl Into<String>) -> Self {
        Self { sql: Some(sql.into()), ..Self::completed(answer) }
    }

    /// With a statement that was planned and not run.
    pub fn planned(sql: impl Into<String>) -> Self {
        Self { sql: Some(sql.into()), ..Self::completed("") }
    }

    /// With an error.
    pub fn failed(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { error: Some(ResponseError::new(code, message)), ..Self::of(TurnState::Failed, String::new()) }
    }

    /// With an error whose job is kept for a person to look at.
    pub(crate) fn dead(code: &str, message: &str, hop: &HopId) -> Self {
        let job = DeadId::of(hop);
        let message = format!("{message} The failed step is kept under {job}; an administrator can run it again.");
        let error = ResponseError { dead_job: Some(job), ..ResponseError::new(code, message) };
        Self { error: Some(error), ..Self::of(TurnState::Failed, String::new()) }
    }

    /// Because a job was given up that nobody works on any more.
    pub fn given_up(hop: &HopId) -> Self {
        Self::dead("attempts_used_up", USED_UP, hop)
    }

    /// Because the user stopped it.
    pub fn cancelled() -> Self {
        Self { reason: Some("cancelled".into()), ..Self::of(TurnState::Incomplete, String::new()) }
    }

    /// Because its time was up.
    pub fn out_of_time() -> Self {
        let message = "The question took longer than it may. Ask again, or ask for less at a time.";
        let error = ResponseError::new("deadline_exceeded", message);
        let reason = Some("deadline".into());
        Self { error: Some(error), reason, ..Self::of(TurnState::Incomplete, String::new()) }
    }

    /// The name of its state, for metrics and logs.
    pub fn state(&self) -> &'static str {
        self.state.as_str()
    }

    fn of(state: TurnState, answer: String) -> Self {
        Self { state, answer, sql: None, result: None, error: None, reason: None }
    }
}

/// What a database says of its rows may hold NUL, which PostgreSQL stores in no text.
fn storable(error: ResponseError) -> ResponseError {
    ResponseError { message: error.message.replace('\0', ""), ..error }
}

/// The ending as it is stored.
pub fn end_state(ending: Ending, turn: &TurnId, now_ms: i64) -> EndState {
    EndState {
        state: ending.state,
        message_id: if ending.answer.is_empty() { String::new() } else { message_id(turn) },
        answer: ending.answer,
        sql: ending.sql,
        result: ending.result,
        error: ending.error.map(storable),
        reason: ending.reason,
        ended_ms: now_ms,
    }
}

/// The event that tells a client of it.
pub(crate) fn event_of(end: &EndState, meta: &Meta, usage: Usage) -> Event {
    terminal_event(ended(Ended {
        id: meta.turn.as_str(),
        created_ms: meta.created_ms,
        conversation: meta.conversation.as_ref().map(|id| id.as_str()),
        connection: meta.connection.as_ref().map(|id| id.as_str()),
        status: end.state.status(),
        text: &end.answer,
        message_id: &end.message_id,
        sql: end.sql.as_deref(),
        result_id: end.result.as_ref().map(|id| id.as_str()),
        error: end.error.clone(),
        reason: end.reason.as_deref(),
        usage,
        replay_of: meta.replay_of.as_ref().map(|id| id.as_str()),
    }))
}

/// Ends a turn that nobody works on, under a claim that was seized for it. False when somebody else ended it first.
pub async fn end_turn(ports: &Ports, turn: &Turn, grant: Grant, ending: Ending) -> Result<bool, PortError> {
    let hop = HopId(format!("{}/end.{}", turn.id, grant.fence));
    end_in(ports, turn, hop, grant, ending).await
}

/// As `end_turn`, in the hop that the claim is for.
pub async fn end_in(ports: &Ports, turn: &Turn, hop: HopId, grant: Grant, ending: Ending) -> Result<bool, PortError> {
    let end = end_state(ending, &turn.id, ports.clock.now_ms());
    let event = serde_json::to_string(&event_of(&end, &turn.meta(), turn.usage))
        .map_err(|error| PortError::unreadable("worker-kit", "encode the terminal event", error))?;
    let outcome = Outcome {
        hop,
        turn: turn.id.clone(),
        fence: grant.fence,
        next: Vec::new(),
        terminal_event: Some(event),
        next_seq: turn.next_seq,
        batches: 0,
        traceparent: None,
        dead: None,
        published: false,
    };
    protocol::step("seized", outcome.hop.as_str(), Some(grant.fence));
    let commit = Commit { end: Some(end), ..Commit::of(outcome.clone()) };
    if ports.ledger.commit(commit).await? == Committed::Fenced {
        protocol::step("fenced", outcome.hop.as_str(), Some(grant.fence));
        return Ok(false);
    }
    protocol::committed(&outcome.hop, grant.fence, true);
    // What cannot be published now is published by the sweeper: the end itself is stored.
    if let Err(error) = publish_outcome(ports, &outcome).await {
        tracing::warn!(turn = %turn.id, %error, "the end of a turn is stored and not yet published");
    } else if let Err(error) = mark_published(ports, &outcome).await {
        tracing::warn!(turn = %turn.id, %error, "the end of a turn is published and not marked: it is published again");
    }
    Ok(true)
}
