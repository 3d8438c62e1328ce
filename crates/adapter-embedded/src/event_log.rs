use crate::file;
use crate::watchers::Watchers;
use crate::writer::{Apply, WriteError, Writer};
use async_trait::async_trait;
use contracts::{Frame, LoggedEvent, TurnId};
use ports::event_log::{Append, AppendError, Position, Watch};
use ports::{Clock, EventLog, PortError};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const SYSTEM: &str = "event log";
const READERS: u32 = 4;

const LAYOUT: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS logs (
        turn TEXT PRIMARY KEY, fence INTEGER NOT NULL, batch INTEGER NOT NULL, next_seq INTEGER NOT NULL,
        closed INTEGER NOT NULL, touched_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS events (
        turn TEXT NOT NULL, seq INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (turn, seq)
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS logs_by_age ON logs (touched_ms)",
];

/// The event log of embedded mode: a SQLite file that one task writes.
pub struct FileLog {
    writer: Writer<Logs>,
    readers: SqlitePool,
    watchers: Watchers,
}

struct Logs {
    watchers: Watchers,
    clock: Arc<dyn Clock>,
}

enum Answer {
    Appended { first_seq: u64, position: Position },
    Repeated(Position),
    Stale,
    Closed,
}

struct State {
    fence: u64,
    batch: u64,
    next_seq: u64,
    closed: bool,
}

impl FileLog {
    /// Opens the log and drops what is older than `retention`.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>, retention: Duration) -> Result<Self, PortError> {
        let mut connection = open(path).await?;
        let oldest = clock.now_ms() - i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        drop_older(&mut connection, oldest).await.map_err(|error| unavailable("drop old events")(error.into()))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(SqliteConnectOptions::new().filename(path).read_only(true))
            .await
            .map_err(|error| PortError::unavailable(SYSTEM, "open the file", error))?;
        let watchers = Watchers::default();
        let writer = Writer::start(connection, Logs { watchers: watchers.clone(), clock });
        Ok(Self { writer, readers, watchers })
    }
}

/// A damaged log is no reason not to start: what it held is in the store, where it counts. A power cut loses its last
/// events (`NORMAL`), and damages nothing.
async fn open(path: &Path) -> Result<SqliteConnection, PortError> {
    let open = || file::open(SYSTEM, path, SqliteSynchronous::Normal, LAYOUT);
    match open().await {
        Err(error @ PortError::Unreadable { .. }) => {
            let aside = file::set_aside(SYSTEM, path)?;
            tracing::error!(%error, aside = %aside.display(), "the event log begins anew: clients get snapshots");
            open().await
        }
        opened => opened,
    }
}

async fn drop_older(connection: &mut SqliteConnection, oldest_ms: i64) -> Result<(), Arc<sqlx::Error>> {
    for statement in [
        "DELETE FROM events WHERE turn IN (SELECT turn FROM logs WHERE touched_ms < $1)",
        "DELETE FROM logs WHERE touched_ms < $1",
    ] {
        sqlx::query(statement).bind(oldest_ms).execute(&mut *connection).await?;
    }
    Ok(())
}

#[async_trait]
impl Apply for Logs {
    type Write = Append;
    type Answer = Answer;

    async fn apply(&mut self, connection: &mut SqliteConnection, append: &Append) -> Result<Answer, sqlx::Error> {
        let state = state(connection, &append.turn).await?;
        if let Some(refusal) = state.as_ref().and_then(|state| refuse(state, append)) {
            return Ok(refusal);
        }
        let first_seq = state.map_or(0, |state| state.next_seq).max(append.floor);
        for (seq, json) in (first_seq..).zip(&append.events) {
            sqlx::query("INSERT INTO events (turn, seq, json) VALUES ($1, $2, $3)")
                .bind(append.turn.as_str())
                .bind(seq as i64)
                .bind(json)
                .execute(&mut *connection)
                .await?;
        }
        let next_seq = first_seq + append.events.len() as u64;
        save(connection, append, next_seq, self.clock.now_ms()).await?;
        Ok(Answer::Appended { first_seq, position: Position { next_seq, closed: append.closes } })
    }

    fn committed(&mut self, append: Append, answer: &Answer) {
        if let Answer::Appended { first_seq, .. } = answer {
            let events = (*first_seq..).zip(append.events).map(|(seq, json)| LoggedEvent { seq, json }).collect();
            self.watchers.announce(&Frame { turn: append.turn, events });
        }
    }
}

fn refuse(state: &State, append: &Append) -> Option<Answer> {
    // Only an end that is stored closes a log, and a turn has at most one: whatever fence has written, it is due.
    if append.closes && !state.closed {
        return None;
    }
    let position = Position { next_seq: state.next_seq, closed: state.closed };
    if append.fence == state.fence && append.batch <= state.batch {
        return Some(Answer::Repeated(position));
    }
    if append.fence < state.fence {
        return Some(Answer::Stale);
    }
    state.closed.then_some(Answer::Closed)
}

async fn state(connection: &mut SqliteConnection, turn: &TurnId) -> Result<Option<State>, sqlx::Error> {
    let row = sqlx::query("SELECT fence, batch, next_seq, closed FROM logs WHERE turn = $1")
        .bind(turn.as_str())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(State {
        fence: row.try_get::<i64, _>(0)? as u64,
        batch: row.try_get::<i64, _>(1)? as u64,
        next_seq: row.try_get::<i64, _>(2)? as u64,
        closed: row.try_get::<i64, _>(3)? != 0,
    }))
}

async fn save(
    connection: &mut SqliteConnection,
    append: &Append,
    next_seq: u64,
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO logs (turn, fence, batch, next_seq, closed, touched_ms) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (turn) DO UPDATE SET fence = excluded.fence, batch = excluded.batch,
             next_seq = excluded.next_seq, closed = excluded.closed, touched_ms = excluded.touched_ms",
    )
    .bind(append.turn.as_str())
    .bind(append.fence as i64)
    .bind(append.batch as i64)
    .bind(next_seq as i64)
    .bind(i64::from(append.closes))
    .bind(now_ms)
    .execute(connection)
    .await?;
    Ok(())
}

#[async_trait]
impl EventLog for FileLog {
    async fn append(&self, append: Append) -> Result<Position, AppendError> {
        match self.writer.write(append).await.map_err(unavailable("append events"))? {
            Answer::Appended { position, .. } | Answer::Repeated(position) => Ok(position),
            Answer::Stale => Err(AppendError::Stale),
            Answer::Closed => Err(AppendError::Closed),
        }
    }

    async fn position(&self, turn: &TurnId) -> Result<Option<Position>, PortError> {
        let row = sqlx::query("SELECT next_seq, closed FROM logs WHERE turn = $1")
            .bind(turn.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(|error| PortError::unavailable(SYSTEM, "read a position", error))?;
        Ok(row.map(|row| Position { next_seq: row.get::<i64, _>(0) as u64, closed: row.get::<i64, _>(1) != 0 }))
    }

    async fn read(&self, turn: &TurnId, from: u64, limit: usize) -> Result<Vec<LoggedEvent>, PortError> {
        let rows = sqlx::query("SELECT seq, json FROM events WHERE turn = $1 AND seq >= $2 ORDER BY seq LIMIT $3")
            .bind(turn.as_str())
            .bind(i64::try_from(from).unwrap_or(i64::MAX))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.readers)
            .await
            .map_err(|error| PortError::unavailable(SYSTEM, "read events", error))?;
        Ok(rows.iter().map(|row| LoggedEvent { seq: row.get::<i64, _>(0) as u64, json: row.get(1) }).collect())
    }

    async fn watch(&self, turn: &TurnId) -> Result<Box<dyn Watch>, PortError> {
        Ok(Box::new(self.watchers.watch(turn)))
    }

    async fn ping(&self) -> Result<(), PortError> {
        let answer = sqlx::query("SELECT 1").fetch_one(&self.readers).await;
        answer.map(drop).map_err(|error| PortError::unavailable(SYSTEM, "ping", error))
    }
}

fn unavailable(step: &'static str) -> impl Fn(WriteError) -> PortError {
    move |error| PortError::unavailable(SYSTEM, step, error)
}
