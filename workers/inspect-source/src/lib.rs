//! Connects to a source, says what it is, and reads its schema.

mod import;
mod writes;

use async_trait::async_trait;
use contracts::job::{Introspect, TestConnection};
use contracts::{ConnectionId, Schema};
pub use import::FileImporter;
use ports::source::{self, DiscoveryLimits, Source};
use ports::store::{Connection, ConnectionStatus};
use std::sync::Arc;
use worker_kit::{Answer, Ctx, Done, Ending, JobError, OrRetry, Worker};

/// The worker of kind `test_connection`.
pub struct ConnectionTester;

#[async_trait]
impl Worker for ConnectionTester {
    type Job = TestConnection;

    async fn run(&self, ctx: &Ctx, job: TestConnection) -> Result<Done, JobError> {
        ctx.emit_in_progress();
        let (connection, source) = open(ctx, &job.connection).await?;
        let about = match until_cancelled(ctx, source.about()).await {
            Ok(about) => about,
            Err(error) => return failed(ctx, &connection.id, error).await,
        };
        let warnings = writes::with_warning(ctx, &connection, about.warnings).await?;
        warnings.iter().for_each(|warning| ctx.notice("source", warning.clone()));
        if job.then_introspect {
            return Done::next(&Introspect { connection: connection.id }, about.version);
        }
        let known = ctx.ports.store.schema(&ctx.meta.business, &connection.id).await.or_retry("read the schema")?;
        let status = if known.is_some() { ConnectionStatus::Ready } else { ConnectionStatus::New };
        let message = format!("Connected to {}.", about.version);
        note(ctx, &connection.id, status, &with_warnings(&message, &warnings)).await?;
        Ok(say(ctx, &message, about.version))
    }
}

/// The worker of kind `introspect`.
pub struct Introspector {
    /// How much discovery reads.
    pub limits: DiscoveryLimits,
}

#[async_trait]
impl Worker for Introspector {
    type Job = Introspect;

    async fn run(&self, ctx: &Ctx, job: Introspect) -> Result<Done, JobError> {
        let (connection, source) = open(ctx, &job.connection).await?;
        let schema = match until_cancelled(ctx, source.discover(self.limits, ctx.go_on())).await {
            Ok(schema) => schema,
            Err(error) => return failed(ctx, &connection.id, error).await,
        };
        if schema.tables.is_empty() {
            return no_tables(ctx, &connection.id).await;
        }
        let saved = ctx.ports.store.save_schema(&ctx.meta.business, &connection.id, &schema).await;
        saved.or_retry("save the schema")?;
        let found = describe(&schema);
        let warnings = match until_cancelled(ctx, source.about()).await {
            Ok(about) => about.warnings,
            Err(error) => return failed(ctx, &connection.id, error).await,
        };
        let warnings = writes::with_warning(ctx, &connection, warnings).await?;
        note(ctx, &connection.id, ConnectionStatus::Ready, &with_warnings(&found, &warnings)).await?;
        Ok(say(ctx, &format!("Ready! {found}"), found))
    }
}

fn say(ctx: &Ctx, message: &str, detail: String) -> Done {
    let mut answer = Answer::begin(ctx);
    answer.push(message);
    Done::end(Ending::completed(answer.finish()), detail)
}

async fn open(ctx: &Ctx, id: &ConnectionId) -> Result<(Connection, Arc<dyn Source>), JobError> {
    let connection = ctx.connection_by_id(id).await?;
    match ctx.open_source(&connection).await {
        Ok(source) => Ok((connection, source)),
        Err(error) => {
            if let Some(message) = error.told() {
                note(ctx, id, ConnectionStatus::Failed, message).await?;
            }
            Err(error)
        }
    }
}

async fn until_cancelled<T>(
    ctx: &Ctx,
    work: impl Future<Output = Result<T, source::Error>>,
) -> Result<T, source::Error> {
    tokio::select! {
        () = ctx.cancel.cancelled() => Err(source::Error::Cancelled),
        done = work => done,
    }
}

async fn failed(ctx: &Ctx, id: &ConnectionId, error: source::Error) -> Result<Done, JobError> {
    if matches!(error, source::Error::Cancelled) {
        return Err(JobError::Cancelled);
    }
    let message = format!("{error}. Correct the connection and test it again.");
    note(ctx, id, ConnectionStatus::Failed, &message).await?;
    Err(JobError::fail(error.class(), message))
}

async fn no_tables(ctx: &Ctx, id: &ConnectionId) -> Result<Done, JobError> {
    let message = "The database has no tables that this login may read. Check the database's name and the login's \
                   rights, then test the connection again.";
    note(ctx, id, ConnectionStatus::Failed, message).await?;
    Err(JobError::fail("no_tables", message))
}

async fn note(ctx: &Ctx, id: &ConnectionId, status: ConnectionStatus, message: &str) -> Result<(), JobError> {
    let noted = ctx.ports.store.set_connection_status(&ctx.meta.business, id, status, message).await;
    noted.or_retry("note how the connection is")
}

/// What a person should know stays with the connection, where lists and `doctor` show it.
fn with_warnings(message: &str, warnings: &[String]) -> String {
    warnings.iter().fold(message.to_owned(), |message, warning| format!("{message} Warning: {warning}."))
}

fn describe(schema: &Schema) -> String {
    let columns: usize = schema.tables.iter().map(|table| table.columns.len()).sum();
    match schema.tables.len() {
        1 => format!("1 table with {columns} columns."),
        tables => format!("{tables} tables with {columns} columns."),
    }
}
