use super::{column, stored};
use crate::batch::Write;
use crate::db::{Conn, values};
use ports::store::LlmCallRecord;
use sqlx::{Error, PgConnection};

/// One call to a language model, and its tokens added to the turn.
pub(crate) struct RecordLlmCall(pub(crate) LlmCallRecord);

macro_rules! insert_calls {
    ($items:literal) => {
        concat!(
            "INSERT INTO llm_calls (id, business_id, turn_id, purpose, provider, model, input_tokens, output_tokens, \
             total_tokens, duration_ms, at_ms) ",
            $items
        )
    };
}

pub(super) use insert_calls;

macro_rules! add_tokens {
    ($items:literal) => {
        concat!(
            "UPDATE turns AS t SET input_tokens = t.input_tokens + i.input, \
             output_tokens = t.output_tokens + i.output, total_tokens = t.total_tokens + i.total FROM ",
            $items,
            " WHERE t.id = i.turn AND t.business_id = i.business"
        )
    };
}

const TOGETHER: &str = concat!(
    "WITH i AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], \
     $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[]) \
     AS i (id, business, turn, purpose, provider, model, input, output, total, duration_ms, at_ms)), \
     added AS (",
    add_tokens!("i"),
    ") ",
    insert_calls!("SELECT * FROM i")
);
const INSERT: &str = insert_calls!("VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
const ADD_TOKENS: &str =
    add_tokens!("(SELECT $1 AS business, $2 AS turn, $3 AS input, $4 AS output, $5 AS total) AS i");

impl Write for RecordLlmCall {
    type Answer = ();
    const NAME: &'static str = "record_llm_call";

    /// The turn, whose tokens one statement can add to only once.
    fn key(&self) -> &str {
        self.0.turn.as_str()
    }

    async fn together(writes: &[&Self], _: i64, conn: &mut PgConnection) -> Result<Vec<Option<()>>, Error> {
        sqlx::query(TOGETHER)
            .bind(column(writes, |write| write.0.id.as_str()))
            .bind(column(writes, |write| write.0.business.as_str()))
            .bind(column(writes, |write| write.0.turn.as_str()))
            .bind(column(writes, |write| write.0.purpose.as_str()))
            .bind(column(writes, |write| write.0.provider.as_str()))
            .bind(column(writes, |write| write.0.model.as_str()))
            .bind(column(writes, |write| stored(write.0.usage.input_tokens)))
            .bind(column(writes, |write| stored(write.0.usage.output_tokens)))
            .bind(column(writes, |write| stored(write.0.usage.total_tokens)))
            .bind(column(writes, |write| stored(write.0.duration_ms)))
            .bind(column(writes, |write| write.0.at_ms))
            .execute(conn)
            .await?;
        Ok(vec![Some(()); writes.len()])
    }

    async fn alone(&self, _: i64, conn: &mut Conn<'_>) -> Result<Option<()>, Error> {
        let call = &self.0;
        insert_call(call, conn).await?;
        let [input, output, total] = tokens(call);
        conn.execute(ADD_TOKENS, values![call.business.as_str(), call.turn.as_str(), input, output, total]).await?;
        Ok(Some(()))
    }

    async fn otherwise(&self, _: i64, _: &mut Conn<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// Adds a call, without its tokens.
pub(super) async fn insert_call(call: &LlmCallRecord, conn: &mut Conn<'_>) -> Result<(), Error> {
    let (business, turn) = (call.business.as_str(), call.turn.as_str());
    let [input, output, total] = tokens(call);
    let names = values![&call.id, business, turn, &call.purpose, &call.provider, &call.model];
    let numbers = values![input, output, total, stored(call.duration_ms), call.at_ms];
    conn.execute(INSERT, names.into_iter().chain(numbers).collect()).await?;
    Ok(())
}

fn tokens(call: &LlmCallRecord) -> [i64; 3] {
    [stored(call.usage.input_tokens), stored(call.usage.output_tokens), stored(call.usage.total_tokens)]
}
