//! Writes one statement that answers the question, or corrects the one before.

use async_trait::async_trait;
use contracts::job::{ExecuteSql, GenerateSql, Rejected};
use contracts::{Event, Message, Role, Schema};
use domain::prompt::{self, Allowed};
use domain::schema_text;
use futures_util::try_join;
use ports::llm::{Completion, Purpose, Request};
use ports::store::{Connection, Seen};
use sql_guard::ConnectionPolicy;
use std::sync::Arc;
use worker_kit::{Ctx, Database, Done, JobError, Worker, llm_failure};

const MAX_TOKENS: u32 = 1_500;
const SHOWN_OF_GARBAGE: usize = 400;

/// The worker of kind `generate_sql`.
pub struct SqlGenerator {
    /// Messages of the conversation that the prompt shows.
    pub history_messages: u32,
    /// Tokens of schema that the prompt shows.
    pub schema_tokens: usize,
    /// Corrections of a refused or failed statement.
    pub correction_rounds: u32,
    /// Roles whose questions may ask for a change of data, where the connection allows it.
    pub askers: Vec<Role>,
}

#[async_trait]
impl Worker for SqlGenerator {
    type Job = GenerateSql;
    const ASKS_MODEL: bool = true;

    async fn run(&self, ctx: &Ctx, job: GenerateSql) -> Result<Done, JobError> {
        let (database, history) = try_join!(ctx.database(), ctx.history(self.history_messages))?;
        let schema = shown_schema(ctx, &database).await?;
        let connection = &database.seen.connection;
        let request = self.request(ctx, &job, connection, schema, &history, self.allowed(&database.seen));
        let completion = ctx.complete(request).await.map_err(llm_failure)?;
        // A NUL is no SQL, and no database keeps one in a text.
        match sql_guard::extract_sql(&completion.text.replace('\0', "")) {
            Some(sql) => write(ctx, job, connection, sql, &completion),
            None => self.no_statement(ctx, job, &completion),
        }
    }
}

/// The schema as whoever asks may know it, and the model with them.
async fn shown_schema(ctx: &Ctx, database: &Database) -> Result<Arc<Schema>, JobError> {
    let Some(reader) = ctx.reader_of(&database.seen).await? else {
        return Ok(ctx.shared_schema_for_model(&database.schema));
    };
    let policy: ConnectionPolicy = serde_json::from_value(reader.policy).map_err(unusable_policy)?;
    Ok(Arc::new(ctx.schema_for_model(policy.visible(&database.schema, reader.role))))
}

fn unusable_policy(error: serde_json::Error) -> JobError {
    JobError::fail(
        "policy_unusable",
        format!("The policy of this connection cannot be used: {error}. Ask a manager to correct it."),
    )
}

impl SqlGenerator {
    /// What the statement may do for whoever asks.
    fn allowed(&self, seen: &Seen) -> Allowed {
        let may_ask = seen.role.is_some_and(|role| self.askers.contains(&role));
        if may_ask && seen.connection.sealed_write_url.is_some() { Allowed::Changes } else { Allowed::Reading }
    }

    fn request(
        &self,
        ctx: &Ctx,
        job: &GenerateSql,
        connection: &Connection,
        schema: Arc<Schema>,
        history: &[Message],
        allowed: Allowed,
    ) -> Request {
        let shown = schema_text::render(&schema, connection.dialect, &job.question, self.schema_tokens);
        if shown.left_out > 0 {
            let all = shown.shown + shown.left_out;
            ctx.notice(
                "schema_cut",
                format!("The database has {all} tables; only {} of them fit into the prompt.", shown.shown),
            );
        }
        Request {
            purpose: Purpose::GenerateSql,
            business: ctx.meta.business.clone(),
            connection: Some(connection.id.clone()),
            connection_name: Some(connection.name.clone()),
            question: job.question.clone(),
            messages: prompt::generate_sql(
                &job.question,
                connection.dialect,
                &shown,
                history,
                job.rejected.as_ref(),
                allowed,
            ),
            json_schema: None,
            max_tokens: MAX_TOKENS,
            schema: Some(schema),
            dialect: Some(connection.dialect),
            result: None,
        }
    }

    fn no_statement(&self, ctx: &Ctx, job: GenerateSql, completion: &Completion) -> Result<Done, JobError> {
        let message = "The answer held no SQL statement.".to_owned();
        ctx.emit(Event::SqlRejected { rule: "no_statement".into(), message: message.clone() });
        if job.round >= self.correction_rounds {
            return Err(JobError::fail(
                "no_statement",
                "The language model wrote no SQL statement for this question. Ask it in other words.",
            ));
        }
        let sql = completion.text.replace('\0', "").chars().take(SHOWN_OF_GARBAGE).collect();
        let rejected = Some(Rejected { sql, rule: "no_statement".into(), message });
        Done::next(&GenerateSql { question: job.question, round: job.round + 1, rejected }, "no statement")
    }
}

fn write(
    ctx: &Ctx,
    job: GenerateSql,
    connection: &Connection,
    sql: String,
    completion: &Completion,
) -> Result<Done, JobError> {
    ctx.emit(Event::SqlGenerated {
        sql: sql.clone(),
        dialect: connection.dialect,
        tables: sql_guard::tables_named(&sql, connection.dialect),
        confidence: completion.confidence,
    });
    let next = ExecuteSql { question: job.question, sql, dialect: connection.dialect, round: job.round, direct: None };
    Done::next(&next, completion.provider.clone())
}
