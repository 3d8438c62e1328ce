use crate::db::{Conn, Row, values};
use contracts::TurnId;
use ports::store::{NewTurn, Offered, TurnState};
use sqlx::Error;

/// A question that the API wants to take, and what its idempotency key may stand for.
pub(crate) struct Asked {
    pub(crate) turn: NewTurn,
    /// A key counts for so long.
    pub(crate) key_lifetime_ms: i64,
}

const BY_KEY: &str = "SELECT id, question, connection_id, state, created_ms FROM turns \
     WHERE business_id = $1 AND user_id = $2 AND idempotency_key = $3";
const RELEASE_KEY: &str = "UPDATE turns SET idempotency_key = NULL WHERE id = $1 AND business_id = $2";
const REOPEN: &str = "UPDATE turns SET state = 'offered', ended_ms = NULL, cancel_requested = FALSE, \
     conversation_id = $3, created_ms = $4, deadline_ms = $5 \
     WHERE id = $1 AND business_id = $2 AND state = 'refused'";

impl Asked {
    pub(crate) fn id(&self) -> &str {
        self.turn.id.as_str()
    }

    pub(crate) fn business(&self) -> &str {
        self.turn.business.as_str()
    }

    pub(crate) fn user(&self) -> &str {
        self.turn.user.as_str()
    }

    pub(crate) fn lane(&self) -> &'static str {
        self.turn.lane.as_str()
    }

    pub(crate) fn key(&self) -> Option<&str> {
        self.turn.idempotency_key.as_deref()
    }

    pub(crate) fn conversation(&self) -> Option<&str> {
        self.turn.conversation.as_ref().map(|id| id.as_str())
    }

    pub(crate) fn connection(&self) -> Option<&str> {
        self.turn.connection.as_ref().map(|id| id.as_str())
    }

    pub(crate) fn replay_of(&self) -> Option<&str> {
        self.turn.replay_of.as_ref().map(|id| id.as_str())
    }

    pub(crate) async fn by_key(&self, conn: &mut Conn<'_>) -> Result<Option<Row>, Error> {
        let Some(key) = self.key() else { return Ok(None) };
        conn.row(BY_KEY, values![self.business(), self.user(), key]).await
    }

    /// What the key stands for; `None` when somebody else changed that meanwhile, or it was too old and is free now.
    pub(crate) async fn known(
        &self,
        earlier: &Row,
        now_ms: i64,
        conn: &mut Conn<'_>,
    ) -> Result<Option<Offered>, Error> {
        let (id, business) = (earlier.text("id")?, self.business());
        if earlier.int("created_ms")? <= now_ms - self.key_lifetime_ms {
            conn.execute(RELEASE_KEY, values![&id, business]).await?;
            return Ok(None);
        }
        let is_same_text = earlier.text("question")? == self.turn.question;
        if !is_same_text || earlier.maybe_text("connection_id")?.as_deref() != self.connection() {
            return Ok(Some(Offered::KeyReused));
        }
        if earlier.named("state", TurnState::parse)? != TurnState::Refused {
            return Ok(Some(Offered::Known(TurnId(id))));
        }
        let renewed = values![&id, business, self.conversation(), self.turn.created_ms, self.turn.deadline_ms];
        let reopened = conn.execute(REOPEN, renewed).await?;
        Ok((reopened > 0).then_some(Offered::Reopened(TurnId(id))))
    }
}
