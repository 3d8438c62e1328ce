//! What several steps read of the world.

use crate::{Ctx, JobError, OrFail, OrRetry};
use contracts::event::{ConversationRef, Response, Status};
use contracts::{ConnectionId, ConversationId, Event, Message, Schema};
use ports::PortError;
use ports::source::{Access, Source, Writer};
use ports::store::{Connection, FILE_URL, FileKind, Seen};
use ports::vault::write_slot;
use std::sync::Arc;

const NO_CONNECTION: &str = "No database is connected. Add a connection first, then ask again.";
const UNKNOWN_CONNECTION: &str = "The connection does not exist any more. Choose another one.";

/// The database of a turn.
#[derive(Clone, Debug)]
pub struct Database {
    /// The connection, and what decides what whoever asks may see of it.
    pub seen: Seen,
    /// What discovery found.
    pub schema: Arc<Schema>,
}

impl Ctx {
    /// The last messages of the conversation before this turn, oldest first, at most `most`.
    pub async fn history(&self, most: u32) -> Result<Vec<Message>, JobError> {
        let Some(conversation) = &self.meta.conversation else { return Ok(Vec::new()) };
        if *conversation == ConversationId::begun_by(&self.meta.turn) {
            return Ok(Vec::new());
        }
        let turns = self.ports.store.history(&self.meta.business, conversation, most.div_ceil(2)).await;
        let turns = turns.or_retry("read the conversation")?;
        let pairs = turns.iter().filter(|turn| turn.id != self.meta.turn);
        let pairs = pairs.map(|turn| (turn.question.as_str(), turn.end.as_ref().map_or("", |end| end.answer.as_str())));
        Ok(domain::prompt::history(pairs, most as usize))
    }

    /// The turn's connection.
    pub async fn connection(&self) -> Result<Connection, JobError> {
        let id = self.meta.connection.as_ref();
        self.connection_by_id(id.or_fail("no_connection", NO_CONNECTION)?).await
    }

    /// The turn's database as whoever asks sees it, and its schema.
    pub async fn database(&self) -> Result<Database, JobError> {
        let seen = self.seen().await?;
        let schema = self.schema(&seen.connection).await?;
        Ok(Database { seen, schema })
    }

    /// The turn's connection as whoever asks sees it.
    pub async fn seen(&self) -> Result<Seen, JobError> {
        let id = self.meta.connection.as_ref();
        let id = id.or_fail("no_connection", NO_CONNECTION)?;
        let seen = self.ports.store.seen(&self.meta.business, id, &self.meta.user).await;
        seen.or_retry("read the connection")?.or_fail("unknown_connection", UNKNOWN_CONNECTION)
    }

    /// A connection of the turn's business.
    pub async fn connection_by_id(&self, id: &ConnectionId) -> Result<Connection, JobError> {
        let found = self.ports.store.connection(&self.meta.business, id).await.or_retry("read the connection")?;
        found.or_fail("unknown_connection", UNKNOWN_CONNECTION)
    }

    /// The schema that discovery found.
    pub async fn schema(&self, connection: &Connection) -> Result<Arc<Schema>, JobError> {
        known(self.ports.store.schema_of(connection).await)
    }

    /// Opens the database of a connection.
    pub async fn open_source(&self, connection: &Connection) -> Result<Arc<dyn Source>, JobError> {
        let access = self.access(connection).await?;
        self.ports.sources.open(&access).await.map_err(|error| JobError::fail(error.class(), error.to_string()))
    }

    /// Opens the database of a connection by the credential for changes. Only what runs an approved change, or tests the
    /// credential, may call it.
    pub async fn open_writer(&self, connection: &Connection) -> Result<Arc<dyn Writer>, JobError> {
        let sealed = connection.sealed_write_url.as_ref();
        let sealed = sealed.or_fail("changes_not_allowed", "This connection allows no changes any more.")?;
        let url = self.unsealed(connection, &write_slot(&connection.id), sealed).await?;
        let access = Access { dialect: connection.dialect, url };
        let source = self.access(connection).await?;
        self.ports
            .sources
            .writer(&source, &access)
            .await
            .map_err(|error| JobError::fail(error.class(), error.to_string()))
    }

    async fn access(&self, connection: &Connection) -> Result<Access, JobError> {
        let url = self.unsealed(connection, &connection.id, &connection.sealed_url).await?;
        match url.as_str() {
            FILE_URL => self.file_access(connection).await,
            _ => Ok(Access { dialect: connection.dialect, url }),
        }
    }

    async fn unsealed(&self, connection: &Connection, slot: &ConnectionId, sealed: &str) -> Result<String, JobError> {
        match self.ports.vault.open(&connection.business, slot, sealed).await {
            Ok(url) => Ok(url),
            Err(error) if error.is_transient() => Err(JobError::port("open the credentials", error)),
            Err(error) => {
                tracing::error!(%error, connection = %connection.id, "credentials cannot be opened");
                Err(JobError::fail(
                    "credentials_unreadable",
                    "The stored credentials of the connection cannot be read. Enter the connection again.",
                ))
            }
        }
    }

    /// The database of an uploaded file, laid down on this machine when it is not here yet.
    async fn file_access(&self, connection: &Connection) -> Result<Access, JobError> {
        let business = &connection.business;
        let file = self.ports.store.file_of(business, &connection.id, FileKind::Database).await;
        let file = file.or_retry("find the imported file")?;
        let missing = "The uploaded file is not imported. Test the connection, or upload the file again.";
        let file = file.or_fail("file_missing", missing)?;
        if let Some(access) = self.ports.sources.placed(business, &file.sha256).await {
            return Ok(access);
        }
        let body = self.ports.store.file_body(&file).await.or_retry("read the imported file")?;
        let placed = self.ports.sources.place(business, &file.sha256, body.or_fail("file_missing", missing)?).await;
        placed.map_err(|error| JobError::retry("lay down the imported file", error))
    }

    /// Tells the client that a worker took the question.
    pub fn emit_in_progress(&self) {
        let mut response = Response::new(self.meta.turn.as_str(), self.meta.created_ms / 1_000, Status::InProgress);
        response.conversation = self.meta.conversation.as_ref().map(|id| ConversationRef { id: id.0.clone() });
        self.emit(Event::InProgress { response });
    }
}

fn known(schema: Result<Option<Arc<Schema>>, PortError>) -> Result<Arc<Schema>, JobError> {
    let schema = schema.or_retry("read the schema")?.or_fail(
        "schema_unknown",
        "The tables of the database are not known yet. Wait until the connection is ready, or test it again.",
    )?;
    if schema.tables.is_empty() {
        return Err(JobError::fail("no_tables", "The database has no tables that this connection may read."));
    }
    Ok(schema)
}
