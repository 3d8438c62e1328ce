use super::{applied, column};
use crate::batch::Write;
use crate::db::{Conn, Row, values};
use contracts::TurnId;
use ports::store::{NewTurn, Offered, TurnState};
use sqlx::{Error, PgConnection};

/// A question that the API wants to take.
pub(crate) struct Offer(pub(crate) NewTurn);

/// An idempotency key counts for so long.
const KEY_LIFETIME_MS: i64 = 24 * 60 * 60 * 1000;
const TRIES: usize = 4;

macro_rules! insert {
    ($items:literal) => {
        concat!(
            "INSERT INTO turns (id, business_id, user_id, conversation_id, connection_id, question, idempotency_key, \
             created_ms, deadline_ms, replay_of, state) ",
            $items,
            " ON CONFLICT DO NOTHING RETURNING id"
        )
    };
}

const TOGETHER: &str = insert!(
    "SELECT i.*, 'offered' FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], \
     $7::text[], $8::bigint[], $9::bigint[], $10::text[]) AS i"
);
const ALONE: &str = insert!("VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'offered')");
const BY_KEY: &str = "SELECT id, question, connection_id, state, created_ms FROM turns \
     WHERE business_id = $1 AND user_id = $2 AND idempotency_key = $3";
const RELEASE_KEY: &str = "UPDATE turns SET idempotency_key = NULL WHERE id = $1 AND business_id = $2";
const REOPEN: &str = "UPDATE turns SET state = 'offered', ended_ms = NULL, cancel_requested = FALSE, \
     conversation_id = $3, created_ms = $4, deadline_ms = $5 \
     WHERE id = $1 AND business_id = $2 AND state = 'refused'";

impl Offer {
    async fn by_key(&self, conn: &mut Conn<'_>) -> Result<Option<Row>, Error> {
        let Some(key) = &self.0.idempotency_key else { return Ok(None) };
        conn.row(BY_KEY, values![self.0.business.as_str(), self.0.user.as_str(), key]).await
    }

    fn conversation(&self) -> Option<&str> {
        self.0.conversation.as_ref().map(|id| id.as_str())
    }

    fn connection(&self) -> Option<&str> {
        self.0.connection.as_ref().map(|id| id.as_str())
    }

    fn replay_of(&self) -> Option<&str> {
        self.0.replay_of.as_ref().map(|id| id.as_str())
    }

    /// What the key stands for; `None` when somebody else changed that meanwhile, or it was too old and is free now.
    async fn known(&self, earlier: &Row, now_ms: i64, conn: &mut Conn<'_>) -> Result<Option<Offered>, Error> {
        let (id, business) = (earlier.text("id")?, self.0.business.as_str());
        if earlier.int("created_ms")? <= now_ms - KEY_LIFETIME_MS {
            conn.execute(RELEASE_KEY, values![&id, business]).await?;
            return Ok(None);
        }
        let is_same_text = earlier.text("question")? == self.0.question;
        if !is_same_text || earlier.maybe_text("connection_id")?.as_deref() != self.connection() {
            return Ok(Some(Offered::KeyReused));
        }
        if earlier.named("state", TurnState::parse)? != TurnState::Refused {
            return Ok(Some(Offered::Known(TurnId(id))));
        }
        let renewed = values![&id, business, self.conversation(), self.0.created_ms, self.0.deadline_ms];
        let reopened = conn.execute(REOPEN, renewed).await?;
        Ok((reopened > 0).then_some(Offered::Reopened(TurnId(id))))
    }
}

impl Write for Offer {
    type Answer = Offered;
    const NAME: &'static str = "offer";

    fn key(&self) -> &str {
        self.0.id.as_str()
    }

    async fn together(writes: &[&Self], _: i64, conn: &mut PgConnection) -> Result<Vec<Option<Offered>>, Error> {
        let inserted: Vec<String> = sqlx::query_scalar(TOGETHER)
            .bind(column(writes, Self::key))
            .bind(column(writes, |write| write.0.business.as_str()))
            .bind(column(writes, |write| write.0.user.as_str()))
            .bind(column(writes, Self::conversation))
            .bind(column(writes, Self::connection))
            .bind(column(writes, |write| write.0.question.as_str()))
            .bind(column(writes, |write| write.0.idempotency_key.as_deref()))
            .bind(column(writes, |write| write.0.created_ms))
            .bind(column(writes, |write| write.0.deadline_ms))
            .bind(column(writes, Self::replay_of))
            .fetch_all(conn)
            .await?;
        Ok(applied(writes, inserted, Offered::New))
    }

    async fn alone(&self, _: i64, conn: &mut Conn<'_>) -> Result<Option<Offered>, Error> {
        let turn = &self.0;
        let values = values![
            turn.id.as_str(),
            turn.business.as_str(),
            turn.user.as_str(),
            self.conversation(),
            self.connection(),
            &turn.question,
            turn.idempotency_key.as_deref(),
            turn.created_ms,
            turn.deadline_ms,
            self.replay_of(),
        ];
        Ok(conn.row(ALONE, values).await?.map(|_| Offered::New))
    }

    async fn otherwise(&self, now_ms: i64, conn: &mut Conn<'_>) -> Result<Offered, Error> {
        for _ in 0..TRIES {
            let answer = match self.by_key(conn).await? {
                Some(earlier) => self.known(&earlier, now_ms, conn).await?,
                None => self.alone(now_ms, conn).await?,
            };
            if let Some(answer) = answer {
                return Ok(answer);
            }
        }
        Err(Error::InvalidArgument(format!("a turn {} exists already", self.0.id)))
    }
}
