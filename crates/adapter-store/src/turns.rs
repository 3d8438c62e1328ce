use crate::Store;
use crate::db::{Row, fault, values};
use crate::reads::{FindResult, History};
use crate::writes::{Accept, Asked, FirstJob, Offer};
use async_trait::async_trait;
use contracts::event::{ResponseError, Usage};
use contracts::job::{Classify, Job, TestConnection};
use contracts::{
    BusinessId, ConnectionId, ConversationId, DeadId, Envelope, HopId, Lane, ResultId, ResultSet, TurnId, UserId,
};
use ports::PortError;
use ports::ledger::Outcome;
use ports::store::{ConversationSummary, EndState, NewTurn, Offered, OpenStep, Turn, TurnState, Turns};
use sqlx::Error;

/// Every column of a turn that is read.
macro_rules! select {
    ($rest:expr) => {
        concat!(
            "SELECT id, business_id, user_id, conversation_id, connection_id, question, lane, place, \
             state, cancel_requested, \
             input_tokens, output_tokens, total_tokens, answer, message_id, executed_sql, result_id, error_code, \
             error_message, reason, ended_ms, next_seq, created_ms, deadline_ms, hop, replay_of FROM turns ",
            $rest
        )
    };
}

pub(crate) use select;

/// A worker that holds the turn, or held it, knows that the job is in the queue.
const REFUSE: &str = "UPDATE turns SET state = 'refused', ended_ms = $2, place = NULL, beginning = NULL \
     WHERE id = $1 AND state IN ('offered', 'waiting') AND fence = 0";
const TURN: &str = select!("WHERE business_id = $1 AND id = $2");
const REQUEST_CANCEL: &str = "UPDATE turns SET cancel_requested = TRUE \
     WHERE business_id = $1 AND id = $2 AND COALESCE(ended_ms, 0) = 0";
const TURNS: &str = select!(
    "WHERE business_id = $1 AND conversation_id = $2 AND state <> 'refused' \
     ORDER BY created_ms DESC, id DESC LIMIT $3"
);
const CONVERSATIONS: &str = "SELECT c.conversation_id, c.updated_ms, c.turns, \
     (SELECT f.question FROM turns AS f WHERE f.business_id = $1 AND f.conversation_id = c.conversation_id \
     AND f.user_id = $2 AND f.state <> 'refused' ORDER BY f.created_ms, f.id LIMIT 1) AS title \
     FROM (SELECT conversation_id, MAX(created_ms) AS updated_ms, COUNT(*) AS turns FROM turns \
     WHERE business_id = $1 AND user_id = $2 AND conversation_id IS NOT NULL AND state <> 'refused' \
     GROUP BY conversation_id ORDER BY updated_ms DESC, conversation_id DESC LIMIT $3) AS c \
     ORDER BY c.updated_ms DESC, c.conversation_id DESC";
const OPEN_STEPS: &str = "SELECT t.hop, t.conversation_id, t.first_job, t.created_ms, h.outcome FROM turns AS t \
     LEFT JOIN hops AS h ON t.hop_done AND h.hop = t.hop WHERE t.ended_ms IS NULL AND t.deadline_ms > 0 \
     ORDER BY t.deadline_ms, t.id LIMIT $1";
const OVERDUE: &str =
    select!("WHERE ended_ms IS NULL AND deadline_ms > 0 AND deadline_ms < $1 ORDER BY deadline_ms, id LIMIT $2");

#[async_trait]
impl Turns for Store {
    async fn offer(&self, turn: &NewTurn, first: &Envelope) -> Result<Offered, PortError> {
        let asked = Asked { turn: turn.clone(), key_lifetime_ms: self.key_lifetime_ms };
        self.writer.submit(Offer::new(asked, first).map_err(|error| fault("offer", &error))?).await
    }

    async fn accept(&self, turn: &TurnId) -> Result<bool, PortError> {
        self.writer.submit(Accept(turn.clone())).await
    }

    async fn refuse(&self, turn: &TurnId) -> Result<bool, PortError> {
        Ok(self.db.execute("refuse", REFUSE, values![turn.as_str(), self.clock.now_ms()]).await? > 0)
    }

    async fn turn(&self, business: &BusinessId, id: &TurnId) -> Result<Option<Turn>, PortError> {
        self.db.find("turn", TURN, values![business.as_str(), id.as_str()], turn).await
    }

    async fn request_cancel(&self, business: &BusinessId, id: &TurnId) -> Result<bool, PortError> {
        Ok(self.db.execute("request_cancel", REQUEST_CANCEL, values![business.as_str(), id.as_str()]).await? > 0)
    }

    async fn history(&self, business: &BusinessId, id: &ConversationId, limit: u32) -> Result<Vec<Turn>, PortError> {
        let mut turns = self.reader.list::<History>(business.as_str(), id.as_str(), i64::from(limit)).await?;
        turns.sort_unstable_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
        Ok(turns)
    }

    async fn turns(&self, business: &BusinessId, id: &ConversationId, limit: u32) -> Result<Vec<Turn>, PortError> {
        let values = values![business.as_str(), id.as_str(), i64::from(limit)];
        self.db.list("turns", TURNS, values, turn).await.map(oldest_first)
    }

    async fn conversations(
        &self,
        business: &BusinessId,
        user: &UserId,
        limit: u32,
    ) -> Result<Vec<ConversationSummary>, PortError> {
        let values = values![business.as_str(), user.as_str(), i64::from(limit)];
        self.db.list("conversations", CONVERSATIONS, values, summary).await
    }

    async fn overdue(&self, before_ms: i64, limit: u32) -> Result<Vec<Turn>, PortError> {
        self.db.list("overdue", OVERDUE, values![before_ms, i64::from(limit)], turn).await
    }

    async fn open_steps(&self, limit: u32) -> Result<Vec<OpenStep>, PortError> {
        self.db.list("open_steps", OPEN_STEPS, values![i64::from(limit)], open_step).await
    }

    async fn result(&self, business: &BusinessId, id: &ResultId) -> Result<Option<ResultSet>, PortError> {
        self.reader.find::<FindResult>(business.as_str(), id.as_str()).await
    }
}

/// A turn that no worker has taken waits for its first job. One that was asked of a release which did not keep that is
/// taken for a question, or without a conversation for the test of a connection.
fn open_step(row: &Row) -> Result<OpenStep, Error> {
    let next = row.maybe_text("outcome")?.and_then(|outcome| serde_json::from_str::<Outcome>(&outcome).ok());
    let next = next.and_then(|outcome| outcome.next.into_iter().next()).map(|envelope| envelope.kind);
    let hop = row.text("hop")?;
    let current = hop.rsplit('/').next().and_then(|step| step.split('.').next()).filter(|kind| !kind.is_empty());
    let likely = if row.maybe_text("conversation_id")?.is_some() { Classify::KIND } else { TestConnection::KIND };
    let first = row.maybe_json::<FirstJob>("first_job")?.map(FirstJob::into_kind);
    let known = next.or_else(|| current.map(str::to_owned)).or(first);
    let kind = known.unwrap_or_else(|| likely.to_owned());
    Ok(OpenStep { kind, asked_ms: row.int("created_ms")? })
}

fn oldest_first(mut turns: Vec<Turn>) -> Vec<Turn> {
    turns.reverse();
    turns
}

pub(crate) fn turn(row: &Row) -> Result<Turn, Error> {
    let place = row.maybe_int("place")?;
    let state = row.named("state", TurnState::parse)?;
    Ok(Turn {
        id: TurnId(row.text("id")?),
        business: BusinessId(row.text("business_id")?),
        user: UserId(row.text("user_id")?),
        conversation: row.maybe_text("conversation_id")?.map(ConversationId),
        connection: row.maybe_text("connection_id")?.map(ConnectionId),
        question: row.text("question")?,
        lane: row.named("lane", Lane::parse)?,
        place: place.and_then(|place| u64::try_from(place).ok()).filter(|_| state == TurnState::Waiting),
        state,
        cancel_requested: row.flag("cancel_requested")?,
        usage: usage(row)?,
        end: if state.is_terminal() { Some(end(row, state)?) } else { None },
        next_seq: row.count("next_seq")?,
        created_ms: row.int("created_ms")?,
        deadline_ms: row.int("deadline_ms")?,
        replay_of: row.maybe_text("replay_of")?.map(TurnId),
    })
}

fn usage(row: &Row) -> Result<Usage, Error> {
    Ok(Usage {
        input_tokens: row.count("input_tokens")?,
        output_tokens: row.count("output_tokens")?,
        total_tokens: row.count("total_tokens")?,
    })
}

fn end(row: &Row, state: TurnState) -> Result<EndState, Error> {
    let error = match (row.maybe_text("error_code")?, row.maybe_text("error_message")?) {
        (Some(code), Some(message)) => {
            let dead_job = DeadId::behind(&code, &HopId(row.text("hop")?));
            Some(ResponseError { code, message, dead_job })
        }
        _ => None,
    };
    Ok(EndState {
        state,
        answer: row.text("answer")?,
        message_id: row.text("message_id")?,
        sql: row.maybe_text("executed_sql")?,
        result: row.maybe_text("result_id")?.map(ResultId),
        error,
        reason: row.maybe_text("reason")?,
        ended_ms: row.int("ended_ms")?,
    })
}

fn summary(row: &Row) -> Result<ConversationSummary, Error> {
    Ok(ConversationSummary {
        id: ConversationId(row.text("conversation_id")?),
        title: row.text("title")?,
        updated_ms: row.int("updated_ms")?,
        turns: row.count("turns")?,
    })
}
