use crate::file;
use crate::queues::{Kept, Queues};
use crate::writer::{Apply, WriteError, Writer};
use async_trait::async_trait;
use bytes::Bytes;
use contracts::Lane;
use ports::broker::{Consumer, Delivery, Depth, Destination, Message, PublishError, Queue, RUNGS_MS, Receipt};
use ports::{Broker, Clock, PortError};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow, SqliteSynchronous};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const SYSTEM: &str = "queue journal";

const LAYOUT: &[&str] = &["CREATE TABLE IF NOT EXISTS messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, lane TEXT NOT NULL, place TEXT NOT NULL,
        rung INTEGER NOT NULL, due_ms INTEGER NOT NULL, hop TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL
    ) STRICT"];

/// The broker of embedded mode: queues in memory over a journal. A publish returns when its row is committed; an ack
/// deletes the row with the next commit, so a crash may deliver again what was acked last.
pub struct Journal {
    queues: Queues,
    writer: Arc<Writer<Rows>>,
    clock: Arc<dyn Clock>,
    max_queue_length: usize,
}

enum Write {
    Insert { to: Destination, due_ms: i64, message: Message },
    Delete(i64),
}

struct Rows {
    queues: Queues,
}

impl Journal {
    /// Opens the journal and reads what an earlier process left in it. A queue takes at most `max_queue_length`.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>, max_queue_length: usize) -> Result<Self, PortError> {
        let mut connection = file::open(SYSTEM, path, SqliteSynchronous::Full, LAYOUT).await?;
        let queues = Queues::default();
        load(&mut connection, &queues).await?;
        let writer = Arc::new(Writer::start(connection, Rows { queues: queues.clone() }));
        tokio::spawn(release_when_due(queues.clone(), clock.clone()));
        Ok(Self { queues, writer, clock, max_queue_length })
    }
}

/// Serves the retry ladder. Ends with the process: it holds nothing that must be closed.
async fn release_when_due(queues: Queues, clock: Arc<dyn Clock>) {
    loop {
        let now = clock.now_ms();
        let sooner = queues.sooner.notified();
        match queues.release_due(now) {
            None => sooner.await,
            Some(due_ms) => {
                let wait = Duration::from_millis(u64::try_from(due_ms - now).unwrap_or(0));
                tokio::select! {
                    () = sooner => {}
                    () = tokio::time::sleep(wait) => {}
                }
            }
        }
    }
}

async fn load(connection: &mut SqliteConnection, queues: &Queues) -> Result<(), PortError> {
    let rows = sqlx::query("SELECT id, kind, lane, place, rung, due_ms, hop, headers, body FROM messages ORDER BY id")
        .fetch_all(connection)
        .await
        .map_err(|error| PortError::unavailable(SYSTEM, "read the journal", error))?;
    for row in &rows {
        let (to, due_ms, kept) = read(row).map_err(|error| PortError::unreadable(SYSTEM, "read the journal", error))?;
        queues.put(&to, due_ms, kept);
    }
    Ok(())
}

fn read(row: &SqliteRow) -> Result<(Destination, i64, Kept), Box<dyn std::error::Error + Send + Sync>> {
    let lane: Lane = serde_json::from_value(row.try_get::<String, _>("lane")?.into())?;
    let queue = Queue { kind: row.try_get("kind")?, lane };
    let to = match row.try_get::<&str, _>("place")? {
        "retry" => Destination::Retry(queue, usize::try_from(row.try_get::<i64, _>("rung")?)?),
        "dead" => Destination::Dead(queue),
        _ => Destination::Work(queue),
    };
    let headers: BTreeMap<String, String> = serde_json::from_str(row.try_get("headers")?)?;
    let body = Bytes::from(row.try_get::<Vec<u8>, _>("body")?);
    let message = Message { id: row.try_get("hop")?, headers, body };
    Ok((to, row.try_get("due_ms")?, Kept { id: row.try_get("id")?, message, redelivered: true }))
}

#[async_trait]
impl Apply for Rows {
    type Write = Write;
    type Answer = i64;

    async fn apply(&mut self, connection: &mut SqliteConnection, write: &Write) -> Result<i64, sqlx::Error> {
        match write {
            Write::Insert { to, due_ms, message } => insert(connection, to, *due_ms, message).await,
            Write::Delete(id) => {
                sqlx::query("DELETE FROM messages WHERE id = $1").bind(id).execute(connection).await?;
                Ok(*id)
            }
        }
    }

    fn committed(&mut self, write: Write, id: &i64) {
        if let Write::Insert { to, due_ms, message } = write {
            self.queues.put(&to, due_ms, Kept { id: *id, message, redelivered: false });
        }
    }
}

async fn insert(
    connection: &mut SqliteConnection,
    to: &Destination,
    due_ms: i64,
    message: &Message,
) -> Result<i64, sqlx::Error> {
    let (queue, place, rung) = match to {
        Destination::Work(queue) => (queue, "work", 0),
        Destination::Retry(queue, rung) => (queue, "retry", *rung as i64),
        Destination::Dead(queue) => (queue, "dead", 0),
    };
    let headers = serde_json::to_string(&message.headers).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let done = sqlx::query(
        "INSERT INTO messages (kind, lane, place, rung, due_ms, hop, headers, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&queue.kind)
    .bind(lane_name(queue.lane))
    .bind(place)
    .bind(rung)
    .bind(due_ms)
    .bind(&message.id)
    .bind(headers)
    .bind(message.body.as_ref())
    .execute(connection)
    .await?;
    Ok(done.last_insert_rowid())
}

fn lane_name(lane: Lane) -> &'static str {
    match lane {
        Lane::Interactive => "interactive",
        Lane::Scheduled => "scheduled",
        Lane::Backfill => "backfill",
    }
}

#[async_trait]
impl Broker for Journal {
    async fn declare(&self, queues: &[Queue]) -> Result<(), PortError> {
        queues.iter().for_each(|queue| self.queues.declare(queue));
        Ok(())
    }

    async fn publish(&self, to: &Destination, message: Message) -> Result<(), PublishError> {
        let (Destination::Work(queue) | Destination::Retry(queue, _) | Destination::Dead(queue)) = to;
        if !self.queues.is_declared(queue) {
            return Err(PublishError::Unroutable(format!("queue {} was not declared", queue.kind)));
        }
        if matches!(to, Destination::Work(_)) && self.queues.depth(to).0 >= self.max_queue_length {
            return Err(PublishError::Full);
        }
        let due_ms = due_ms(to, self.clock.now_ms());
        self.writer.write(Write::Insert { to: to.clone(), due_ms, message }).await.map_err(unavailable("publish"))?;
        Ok(())
    }

    async fn consume(&self, queue: &Queue, prefetch: u16) -> Result<Box<dyn Consumer>, PortError> {
        self.queues.attach(queue, 1);
        Ok(Box::new(LocalConsumer {
            queue: queue.clone(),
            queues: self.queues.clone(),
            writer: self.writer.clone(),
            slots: Arc::new(Semaphore::new(usize::from(prefetch.max(1)))),
            stopped: false,
        }))
    }

    async fn depth(&self, of: &Destination) -> Result<Depth, PortError> {
        let (ready, consumers) = self.queues.depth(of);
        Ok(Depth { ready: ready as u64, consumers, unacked: Some(self.queues.unacked(of)) })
    }

    async fn take_dead(&self, queue: &Queue, limit: usize) -> Result<Vec<Delivery>, PortError> {
        let taken = self.queues.take_dead(queue, limit).into_iter();
        Ok(taken.map(|kept| hand_out_dead(queue, kept, &self.queues, &self.writer)).collect())
    }

    async fn ping(&self, timeout: Duration) -> Result<(), PortError> {
        let nothing = self.writer.write(Write::Delete(-1));
        let answer = tokio::time::timeout(timeout, nothing).await;
        answer.map_err(|late| PortError::unavailable(SYSTEM, "ping", late))?.map_err(unavailable("ping"))?;
        Ok(())
    }
}

/// When a message that is published now may be handed out. The millisecond that has begun does not count: the clock
/// has cut off up to one.
fn due_ms(to: &Destination, now_ms: i64) -> i64 {
    match to {
        Destination::Retry(_, rung) => {
            now_ms + 1 + RUNGS_MS.get(*rung).or(RUNGS_MS.last()).copied().unwrap_or(0) as i64
        }
        Destination::Work(_) | Destination::Dead(_) => now_ms,
    }
}

fn unavailable(step: &'static str) -> impl Fn(WriteError) -> PortError {
    move |error| PortError::unavailable(SYSTEM, step, error)
}

fn hand_out_dead(queue: &Queue, kept: Kept, queues: &Queues, writer: &Arc<Writer<Rows>>) -> Delivery {
    let (message, redelivered) = (kept.message.clone(), kept.redelivered);
    let receipt =
        DeadReceipt { kept: Some(kept), queue: queue.clone(), queues: queues.clone(), writer: writer.clone() };
    Delivery { message, redelivered, receipt: Box::new(receipt) }
}

/// Dropped without a word it puts its message back into the dead queue.
struct DeadReceipt {
    kept: Option<Kept>,
    queue: Queue,
    queues: Queues,
    writer: Arc<Writer<Rows>>,
}

#[async_trait]
impl Receipt for DeadReceipt {
    async fn ack(mut self: Box<Self>) -> Result<(), PortError> {
        let Some(kept) = self.kept.take() else { return Ok(()) };
        self.writer.write_later(Write::Delete(kept.id)).await.map_err(unavailable("ack"))
    }

    async fn requeue(self: Box<Self>) -> Result<(), PortError> {
        Ok(())
    }
}

impl Drop for DeadReceipt {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.take() {
            self.queues.put_back_dead(&self.queue, Kept { redelivered: true, ..kept });
        }
    }
}

struct LocalConsumer {
    queue: Queue,
    queues: Queues,
    writer: Arc<Writer<Rows>>,
    slots: Arc<Semaphore>,
    stopped: bool,
}

#[async_trait]
impl Consumer for LocalConsumer {
    async fn next(&mut self) -> Option<Delivery> {
        if self.stopped {
            return None;
        }
        let slot = self.slots.clone().acquire_owned().await.ok()?;
        let wake = self.queues.wake_of(&self.queue);
        loop {
            if let Some(kept) = self.queues.take_ready(&self.queue) {
                return Some(self.hand_out(kept, slot));
            }
            wake.notified().await;
        }
    }

    async fn stop(&mut self) {
        self.stopped = true;
        // A wake-up meant for this consumer is for the others now.
        self.queues.wake_of(&self.queue).notify_one();
    }
}

impl LocalConsumer {
    fn hand_out(&self, kept: Kept, slot: OwnedSemaphorePermit) -> Delivery {
        let message = kept.message.clone();
        let redelivered = kept.redelivered;
        let receipt = LocalReceipt {
            kept: Some(kept),
            queue: self.queue.clone(),
            queues: self.queues.clone(),
            writer: self.writer.clone(),
            _slot: slot,
        };
        Delivery { message, redelivered, receipt: Box::new(receipt) }
    }
}

impl Drop for LocalConsumer {
    fn drop(&mut self) {
        self.queues.attach(&self.queue, -1);
        self.queues.wake_of(&self.queue).notify_one();
    }
}

/// Dropped without a word it puts its message back.
struct LocalReceipt {
    kept: Option<Kept>,
    queue: Queue,
    queues: Queues,
    writer: Arc<Writer<Rows>>,
    _slot: OwnedSemaphorePermit,
}

#[async_trait]
impl Receipt for LocalReceipt {
    async fn ack(mut self: Box<Self>) -> Result<(), PortError> {
        let Some(kept) = self.kept.take() else { return Ok(()) };
        self.queues.settled(&self.queue);
        self.writer.write_later(Write::Delete(kept.id)).await.map_err(unavailable("ack"))
    }

    async fn requeue(self: Box<Self>) -> Result<(), PortError> {
        Ok(())
    }
}

impl Drop for LocalReceipt {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.take() {
            self.queues.put_back(&self.queue, std::iter::once(Kept { redelivered: true, ..kept }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_waits_its_rung_out_although_the_clock_cuts_off_what_has_passed_of_a_millisecond() {
        let queue = Queue { kind: "reply".into(), lane: Lane::Interactive };
        let (published_us, read_ms) = (1_000_999, 1_000);
        for (rung, wait_ms) in RUNGS_MS.iter().enumerate() {
            let due_us = due_ms(&Destination::Retry(queue.clone(), rung), read_ms) * 1_000;
            assert!(due_us - published_us >= *wait_ms as i64 * 1_000, "rung {rung}");
        }
        assert_eq!(due_ms(&Destination::Work(queue), read_ms), read_ms);
    }
}
