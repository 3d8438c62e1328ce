//! A PostgreSQL database for one measurement.

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use std::ops::RangeInclusive;
use url::Url;

/// A plan that PostgreSQL makes for an empty table is not one for a table in use. What it holds is not so old that it would
/// be deleted meanwhile.
const PREFILL: [&str; 6] = [
    "INSERT INTO turns (id, business_id, user_id, conversation_id, connection_id, question, state, fence, hop, run, \
     hop_done, llm_calls, next_seq, answer, message_id, created_ms, deadline_ms, ended_ms) \
     SELECT 'resp_old_' || n, 'biz_old_' || n % 100, 'usr_old', 'conv_old_' || n / 4, 'con_old', 'How many?', \
     'completed', 4, 'resp_old_' || n || '/reply.0', 1, TRUE, 3, 20, repeat('word ', 64), 'msg_old_' || n, \
     hour_ago + n, hour_ago + n + 1000, hour_ago + n + 1000 FROM generate_series(1, 10000) AS n, \
     (SELECT extract(epoch FROM now())::bigint * 1000 - 3600000 AS hour_ago) AS time",
    "INSERT INTO hops (hop, turn_id, business_id, fence, outcome, stored_ms, published) \
     SELECT 'resp_old_' || n / 4 || '/hop.' || n % 4, 'resp_old_' || n / 4, 'biz_old', 1, repeat('x', 600), n, TRUE \
     FROM generate_series(4, 40003) AS n",
    "INSERT INTO results (id, business_id, turn_id, body, stored_ms) \
     SELECT 'res_old_' || n, 'biz_old', 'resp_old_' || n, repeat('x', 600), n FROM generate_series(1, 10000) AS n",
    "INSERT INTO audit (id, business_id, user_id, turn_id, hop, attempt, connection_id, statement, tables, verdict, \
     at_ms) SELECT 'aud_old_' || n, 'biz_old_' || n % 100, 'usr_old', 'resp_old_' || n, 'hop', 1, 'con_old', repeat('x', 150), \
     '[]', 'execute', n FROM generate_series(1, 10000) AS n",
    "INSERT INTO llm_calls (id, business_id, turn_id, purpose, provider, model, input_tokens, output_tokens, \
     total_tokens, duration_ms, at_ms) SELECT 'llm_old_' || n, 'biz_old', 'resp_old_' || n / 3, 'reply', 'fixed', \
     'fixed', 400, 64, 464, 1, n FROM generate_series(1, 30000) AS n",
    "ANALYZE",
];

/// A turn's jobs as they lie in its outcomes, byte for byte.
const JOB_BYTES: &str = "SELECT COALESCE(avg(octet_length((outcome::json -> 'next' -> 0)::text)), 0)::float8 AS bytes \
     FROM hops WHERE business_id = $1 AND outcome::json -> 'next' -> 0 IS NOT NULL";
const RECORDED: &str = "SELECT (SELECT count(*) FROM turns WHERE business_id = $1 AND state = 'completed') AS completed, \
     (SELECT count(*) FROM audit WHERE business_id = $1 AND phase = 'intent') AS audited, \
     (SELECT count(*) FROM llm_calls WHERE business_id = $1) AS called, \
     (SELECT count(*) FROM hops WHERE business_id = $1) AS hops";

const LINE_UP: &str = "INSERT INTO turns (id, business_id, user_id, connection_id, question, state, created_ms, \
     deadline_ms, lane, place, beginning) SELECT 'resp_waiting_' || n, $1, 'usr_bench', 'con_bench', 'How many?', \
     'waiting', extract(epoch FROM now())::bigint * 1000, extract(epoch FROM now())::bigint * 1000 + 86400000, \
     'interactive', n, replace($2, $3, 'resp_waiting_' || n) FROM generate_series($4::bigint, $5) AS n";
/// Two rows of the audit for each statement: counting turns would cost more than the turns do.
const EXECUTED: &str = "SELECT COALESCE((SELECT seq FROM audit_heads WHERE business_id = $1), 0) / 2";

/// A database of its own.
pub struct Database {
    server: String,
    name: String,
    /// With the credentials of the server's URL.
    pub url: String,
}

/// What the store kept of a business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Turns that were answered.
    pub completed: u64,
    /// Audit rows of statements that were about to run: one for each answer. What came of each is a row of its own.
    pub audited: u64,
    /// Calls to the language model.
    pub called: u64,
    /// Outcomes of hops.
    pub hops: u64,
}

impl Database {
    /// Makes it on the server of this URL.
    pub async fn create(server: &str, name: &str) -> Result<Self> {
        let mut url = Url::parse(server).context("store.url is no URL")?;
        url.set_path(name);
        execute(server, &format!("CREATE DATABASE {name}"))
            .await
            .context("a database for the measurement cannot be made: the user of store.url must be allowed to")?;
        Ok(Self { server: server.to_owned(), name: name.to_owned(), url: url.into() })
    }

    /// Puts ten thousand turns of other businesses in, as a store in use has them.
    pub async fn prefill(&self) -> Result<()> {
        for statement in PREFILL {
            execute(&self.url, statement).await.context("the database cannot be filled")?;
        }
        Ok(())
    }

    /// Mean size of the jobs of a business's turns.
    pub async fn job_bytes(&self, business: &str) -> Result<f64> {
        let mut connection = PgConnection::connect(&self.url).await?;
        let row = sqlx::query(JOB_BYTES).bind(business).fetch_one(&mut connection).await?;
        Ok(row.try_get("bytes")?)
    }

    /// What the store kept of a business.
    pub async fn recorded(&self, business: &str) -> Result<Recorded> {
        let mut connection = PgConnection::connect(&self.url).await?;
        let row = sqlx::query(RECORDED).bind(business).fetch_one(&mut connection).await?;
        let count = |name: &str| Ok::<_, anyhow::Error>(u64::try_from(row.try_get::<i64, _>(name)?)?);
        Ok(Recorded {
            completed: count("completed")?,
            audited: count("audited")?,
            called: count("called")?,
            hops: count("hops")?,
        })
    }

    /// Has turns of a business wait in line, at these places. `beginning` holds a turn's id as `nameless`.
    pub async fn line_up(
        &self,
        business: &str,
        beginning: &str,
        nameless: &str,
        places: RangeInclusive<u64>,
    ) -> Result<()> {
        let mut connection = PgConnection::connect(&self.url).await?;
        sqlx::query(LINE_UP)
            .bind(business)
            .bind(beginning)
            .bind(nameless)
            .bind(i64::try_from(*places.start())?)
            .bind(i64::try_from(*places.end())?)
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        Ok(())
    }

    /// Turns of a business whose statement has run.
    pub async fn executed(&self, business: &str) -> Result<u64> {
        let mut connection = PgConnection::connect(&self.url).await?;
        let executed: i64 = sqlx::query_scalar(EXECUTED).bind(business).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(u64::try_from(executed)?)
    }

    /// Drops it, whoever is connected.
    pub async fn remove(&self) -> Result<()> {
        let dropped = execute(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).await;
        dropped.with_context(|| format!("the database {} was left behind", self.name))
    }
}

async fn execute(url: &str, statement: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}
