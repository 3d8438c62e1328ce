use crate::{note, until_cancelled};
use async_trait::async_trait;
use contracts::job::{ImportFile, Introspect};
use ports::source::{self, ImportLimits, Imported, Upload};
use ports::store::{Connection, ConnectionStatus, FileKind, StoredFile};
use worker_kit::{Ctx, Done, JobError, OrRetry, Worker};

/// The worker of kind `import_file`.
pub struct FileImporter {
    /// How much of a file is taken.
    pub limits: ImportLimits,
}

#[async_trait]
impl Worker for FileImporter {
    type Job = ImportFile;

    async fn run(&self, ctx: &Ctx, job: ImportFile) -> Result<Done, JobError> {
        ctx.emit_in_progress();
        let connection = ctx.connection_by_id(&job.connection).await?;
        let Some(upload) = find(ctx, &connection, FileKind::Upload).await? else {
            return already(ctx, &connection).await;
        };
        let body = ctx.ports.store.file_body(&upload).await.or_retry("read the uploaded file")?;
        let Some(bytes) = body else { return already(ctx, &connection).await };
        let reading = ctx.ports.sources.import(Upload { name: upload.name.clone(), bytes }, self.limits, ctx.go_on());
        match until_cancelled(ctx, reading).await {
            Ok(imported) => keep(ctx, &connection, &upload, imported).await,
            Err(error) => refuse(ctx, &connection, &upload, error).await,
        }
    }
}

async fn find(ctx: &Ctx, connection: &Connection, kind: FileKind) -> Result<Option<StoredFile>, JobError> {
    ctx.ports.store.file_of(&connection.business, &connection.id, kind).await.or_retry("find the file")
}

/// The upload is gone: an earlier run has made the database of it, or nobody ever can.
async fn already(ctx: &Ctx, connection: &Connection) -> Result<Done, JobError> {
    if find(ctx, connection, FileKind::Database).await?.is_some() {
        return Done::next(&Introspect { connection: connection.id.clone() }, "imported before");
    }
    let message = "The uploaded file is not there any more. Upload it again.";
    note(ctx, &connection.id, ConnectionStatus::Failed, message).await?;
    Err(JobError::fail("file_missing", message))
}

/// The database first, then the upload goes: a run that ends between the two is repeated with the same outcome.
async fn keep(ctx: &Ctx, connection: &Connection, upload: &StoredFile, made: Imported) -> Result<Done, JobError> {
    let file = StoredFile {
        id: format!("{}-{}", connection.id, made.sha256),
        kind: FileKind::Database,
        bytes: made.database.len() as u64,
        sha256: made.sha256,
        created_ms: ctx.ports.clock.now_ms(),
        ..upload.clone()
    };
    ctx.ports.store.save_file(&file, &made.database).await.or_retry("keep the imported file")?;
    remove(ctx, upload).await?;
    made.notices.into_iter().for_each(|notice| ctx.notice("import", notice));
    let found = format!("{} rows in {}", made.rows, made.tables.join(", "));
    Done::next(&Introspect { connection: connection.id.clone() }, found)
}

async fn refuse(
    ctx: &Ctx,
    connection: &Connection,
    upload: &StoredFile,
    error: source::Error,
) -> Result<Done, JobError> {
    match error {
        source::Error::Cancelled => Err(JobError::Cancelled),
        source::Error::File(_) => {
            let mut message = format!("{error}.");
            message.replace_range(..1, "T");
            remove(ctx, upload).await?;
            note(ctx, &connection.id, ConnectionStatus::Failed, &message).await?;
            Err(JobError::fail(error.class(), message))
        }
        other => Err(JobError::retry("import the file", other)),
    }
}

async fn remove(ctx: &Ctx, upload: &StoredFile) -> Result<(), JobError> {
    ctx.ports.store.remove_file(&upload.business, &upload.id).await.or_retry("remove the uploaded file")
}
