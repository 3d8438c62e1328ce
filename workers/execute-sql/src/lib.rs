//! Checks one statement with the guard and runs what the guard printed, never what the model wrote. A statement that would
//! change data is shown to a person first; the second worker here runs it once it is approved.

mod change;
mod direct;
mod outcome;
mod policy;
mod propose;
mod traced;

use async_trait::async_trait;
pub use change::ChangeExecutor;
use contracts::job::{Basis, Direct, ExecuteSql, GenerateSql, Rejected, Reply};
use contracts::{Event, ResultSet, Role};
use domain::personal::{Sight, mask_text};
use ports::audit::verdict;
use ports::source::{self, Source, Statement};
use ports::store::Connection;
use sql_guard::{Checked, Policy, Refusal};
use std::time::Duration;
use telemetry::names;
use tracing::Instrument;
use worker_kit::audit::{self, Act};
use worker_kit::{Ctx, Done, JobError, OrRetry, Worker, pause};

/// The worker of kind `execute_sql`.
pub struct SqlExecutor {
    /// The database stops a statement after this.
    pub timeout: Duration,
    /// Rows kept.
    pub max_rows: usize,
    /// Bytes of cells kept.
    pub max_bytes: usize,
    /// Rows that the database may expect to go through, unless the connection says otherwise.
    pub max_scanned_rows: u64,
    /// Personal data in results.
    pub sight: Sight,
    /// Rows that the event shows.
    pub shown_rows: usize,
    /// Corrections of a refused or failed statement.
    pub correction_rounds: u32,
    /// Changes of data.
    pub changes: ChangeRules,
}

/// Who may ask for changes of data, who may approve them, and how large they may be.
#[derive(Clone, Debug)]
pub struct ChangeRules {
    /// Roles whose questions may ask for one.
    pub askers: Vec<Role>,
    /// Roles that may approve one.
    pub approvers: Vec<Role>,
    /// Nobody can approve it after this.
    pub expire: Duration,
    /// Rows that it may concern.
    pub max_rows: u64,
}

#[async_trait]
impl Worker for SqlExecutor {
    type Job = ExecuteSql;

    async fn run(&self, ctx: &Ctx, job: ExecuteSql) -> Result<Done, JobError> {
        let database = ctx.database().await?;
        let connection = &database.seen.connection;
        // One row more than is kept shows that there are more.
        let most = u64::try_from(direct::rows_of(job.direct, self.max_rows)).ok().and_then(|rows| rows.checked_add(1));
        let policy = policy::asked(ctx, &database, &self.sight).await?.with_row_limit(most);
        // What a program sends is read-only.
        if job.direct.is_none() && sql_guard::is_change(&job.sql, connection.dialect) {
            return self.propose(ctx, job, &database, policy).await;
        }
        let checked = match sql_guard::check(&job.sql, &policy) {
            Ok(checked) => checked,
            Err(refusal) => return self.refused(ctx, job, connection, refusal).await,
        };
        let source = ctx.open_source(connection).await?;
        let statement = self.statement(ctx, connection, &policy, &checked.sql, job.direct);
        let act =
            Act { connection: &connection.id, question: &job.question, sql: &checked.sql, tables: &checked.tables };
        if direct::is_dry(job.direct) {
            let planned = plan(ctx, &act, &*source, statement).await?;
            return planned.map(|()| direct::planned(checked)).or_else(|error| self.failed(ctx, job, error));
        }
        let intent = audit::intent(ctx, &act, verdict::EXECUTE).await.or_retry("write the audit row")?;
        let span = traced::statement(connection.dialect, &checked.sql);
        let running = source.query(statement).instrument(span.clone());
        let started = ctx.ports.clock.monotonic_ms();
        let (ran, ()) = tokio::join!(running, pause::point("execute_sql", "in_statement"));
        traced::ran(&span, &ran);
        measure(connection, ctx.ports.clock.monotonic_ms().saturating_sub(started), &ran);
        let (verdict, rows) = outcome::of(&ran);
        // Reading once more is safe, so that a run whose end is not on record may be done again.
        let recorded = audit::outcome(ctx, intent, verdict, rows);
        let (recorded, role) = tokio::join!(recorded, ctx.ports.store.role_in(&ctx.meta.user, &ctx.meta.business));
        recorded.or_retry("write the audit row of the outcome")?;
        match ran {
            Ok(mut rows) => {
                policy::note(&mut rows, &checked, &policy, &self.sight.masking);
                self.mask(ctx, role.or_retry("read the role")?, &mut rows);
                self.answered(ctx, job, checked, rows)
            }
            Err(error) => self.failed(ctx, job, error),
        }
    }
}

impl SqlExecutor {
    fn statement(
        &self,
        ctx: &Ctx,
        connection: &Connection,
        policy: &Policy,
        sql: &str,
        direct: Option<Direct>,
    ) -> Statement {
        Statement {
            sql: sql.to_owned(),
            timeout: direct::time_of(direct, self.timeout).min(ctx.time_left()),
            max_rows: direct::rows_of(direct, self.max_rows),
            max_bytes: self.max_bytes,
            cancel: ctx.cancel.clone(),
            reads: Some(policy::reads(policy)),
            max_scanned_rows: Some(connection.max_scanned_rows.unwrap_or(self.max_scanned_rows)),
        }
    }

    /// What is masked here is masked for good: the same rows are stored and streamed. Those of a role that sees it all are
    /// masked again for whoever reads them.
    fn mask(&self, ctx: &Ctx, role: Option<Role>, rows: &mut ResultSet) {
        let columns = self.sight.show(role, rows);
        if !columns.is_empty() {
            let names = columns.join(", ");
            ctx.notice("masked", format!("Personal data is masked for your role: {names}."));
        }
    }

    fn answered(&self, ctx: &Ctx, job: ExecuteSql, checked: Checked, rows: ResultSet) -> Result<Done, JobError> {
        ctx.emit(Event::rows(&rows, self.shown_rows));
        let detail = match (rows.rows.len(), rows.truncated) {
            (1, false) => "1 row".to_owned(),
            (count, false) => format!("{count} rows"),
            (count, true) => format!("{count} rows, cut"),
        };
        if job.direct.is_some() {
            return Ok(direct::answered(ctx, checked, rows, detail));
        }
        let basis = Basis::Rows { sql: checked.sql, result: ctx.result_id() };
        Ok(Done::next(&Reply { question: job.question, basis }, detail)?.with_result(rows))
    }

    async fn refused(
        &self,
        ctx: &Ctx,
        job: ExecuteSql,
        connection: &Connection,
        refusal: Refusal,
    ) -> Result<Done, JobError> {
        let act = Act { connection: &connection.id, question: &job.question, sql: &job.sql, tables: &[] };
        audit::whole(ctx, &act, verdict::REFUSE).await.or_retry("write the audit row")?;
        self.correct(ctx, job, refusal.rule, refusal.message, "statement_refused")
    }

    fn failed(&self, ctx: &Ctx, job: ExecuteSql, error: source::Error) -> Result<Done, JobError> {
        match &error {
            source::Error::Cancelled => Err(JobError::Cancelled),
            // The session is read-only, so that running the statement again is safe.
            source::Error::Interrupted(_) if ctx.attempt == 1 => Err(JobError::retry("run the statement", error)),
            // A database quotes values in its messages.
            source::Error::Statement(message) | source::Error::Forbidden(message) => {
                self.correct(ctx, job, error.class(), mask_text(message), "statement_failed")
            }
            source::Error::TooExpensive(message) => {
                self.correct(ctx, job, error.class(), capital(message), "statement_too_expensive")
            }
            source::Error::TimedOut(_) => Err(JobError::fail(
                error.class(),
                format!("{}. Ask for less at a time, such as one month.", capital(&error.to_string())),
            )),
            _ => Err(unusable(ctx, &error)),
        }
    }

    /// Back to the generator with what was wrong, or the end when the rounds are used up or no model wrote it.
    fn correct(&self, ctx: &Ctx, job: ExecuteSql, rule: &str, message: String, code: &str) -> Result<Done, JobError> {
        ctx.emit(Event::SqlRejected { rule: rule.to_owned(), message: message.clone() });
        if job.direct.is_some() {
            return Err(JobError::fail(code, message));
        }
        if job.round >= self.correction_rounds {
            let sentence = format!("No statement for this question could be run. The last one: {message}");
            return Err(JobError::fail(code, sentence));
        }
        let rejected = Some(Rejected { sql: job.sql, rule: rule.to_owned(), message });
        Done::next(&GenerateSql { question: job.question, round: job.round + 1, rejected }, rule)
    }
}

/// Has a statement planned. The database is asked for it, so that it is on record as a statement that runs is.
async fn plan(
    ctx: &Ctx,
    act: &Act<'_>,
    source: &dyn Source,
    statement: Statement,
) -> Result<Result<(), source::Error>, JobError> {
    let intent = audit::intent(ctx, act, verdict::DRY_RUN).await.or_retry("write the audit row")?;
    let planned = source.plan(statement).await;
    let verdict = outcome::verdict_of(&planned);
    audit::outcome(ctx, intent, verdict, None).await.or_retry("write the audit row of the outcome")?;
    Ok(planned)
}

fn measure(connection: &Connection, took_ms: u64, outcome: &Result<ResultSet, source::Error>) {
    let system = connection.dialect.as_str();
    let class = outcome.as_ref().map_or_else(source::Error::class, |_| "ok");
    metrics::histogram!(names::DB_DURATION, "system" => system, "outcome" => class).record(took_ms as f64 / 1_000.0);
    if let Ok(rows) = outcome {
        metrics::histogram!(names::DB_ROWS, "system" => system).record(rows.rows.len() as f64);
    }
}

/// Whoever asks need not know where the database is: that stands in the log and in the connection's test.
fn unusable(ctx: &Ctx, error: &source::Error) -> JobError {
    tracing::warn!(turn = %ctx.meta.turn, %error, "a source cannot be used");
    let message = "The database of this connection cannot be used right now. Ask again later, or have a manager test \
                   the connection.";
    JobError::fail(error.class(), message)
}

fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
