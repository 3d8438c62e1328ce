//! The credential for changes is tested too. Reading goes on without it, so that what is wrong with it is a warning.

use crate::until_cancelled;
use ports::store::Connection;
use worker_kit::{Ctx, JobError};

/// The warnings, with one more when the connection has a URL for changes that does not work.
pub(crate) async fn with_warning(
    ctx: &Ctx,
    connection: &Connection,
    mut warnings: Vec<String>,
) -> Result<Vec<String>, JobError> {
    if connection.sealed_write_url.is_none() {
        return Ok(warnings);
    }
    if let Some(reason) = unusable(ctx, connection).await? {
        warnings.push(format!("changes cannot be made, because the URL for them does not work: {reason}"));
    }
    Ok(warnings)
}

async fn unusable(ctx: &Ctx, connection: &Connection) -> Result<Option<String>, JobError> {
    let writer = match ctx.open_writer(connection).await {
        Ok(writer) => writer,
        Err(JobError::Fail { message, .. }) => return Ok(Some(message)),
        Err(error) => return Err(error),
    };
    match until_cancelled(ctx, writer.check()).await {
        Ok(()) => Ok(None),
        Err(ports::source::Error::Cancelled) => Err(JobError::Cancelled),
        Err(error) => Ok(Some(error.to_string())),
    }
}
