//! The suites of the ports, on files in a temporary folder.

#![allow(clippy::unwrap_used)]

use adapter_embedded::{FileLog, Journal, LocalFlights, LocalLimiter, LocalSignals};
use ports::{Broker, Clock, EventLog, Flights, Limiter, Signals};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

struct RealClock(Instant);

impl Clock for RealClock {
    #[allow(clippy::disallowed_methods)]
    fn now_ms(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
    }
    fn monotonic_ms(&self) -> u64 {
        self.0.elapsed().as_millis() as u64
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(RealClock(Instant::now()))
}

async fn journal_in(folder: &TempDir) -> Journal {
    Journal::open(&folder.path().join("queue.sqlite"), clock(), 10_000).await.unwrap()
}

async fn make_broker() -> (Arc<dyn Broker>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Arc::new(journal_in(&folder).await), folder)
}

async fn make_event_log() -> (Arc<dyn EventLog>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let log = FileLog::open(&folder.path().join("events.sqlite"), clock(), Duration::from_secs(60)).await.unwrap();
    (Arc::new(log), folder)
}

async fn make_signals() -> ((Arc<dyn Signals>, Arc<dyn Signals>), ()) {
    let signals: Arc<dyn Signals> = Arc::new(LocalSignals::default());
    ((signals.clone(), signals), ())
}

async fn make_limiter() -> ((Arc<dyn Limiter>, Arc<dyn Limiter>), ()) {
    let limiter: Arc<dyn Limiter> = Arc::new(LocalLimiter::default());
    ((limiter.clone(), limiter), ())
}

mod broker {
    use super::*;
    ports::broker_conformance!(make_broker);
}
mod event_log {
    use super::*;
    ports::event_log_conformance!(make_event_log);
}
mod signals {
    use super::*;
    ports::signals_conformance!(make_signals);
}

mod flights {
    use super::*;

    async fn make() -> ((Arc<dyn Flights>, Arc<dyn Flights>), ()) {
        let flights: Arc<dyn Flights> = Arc::new(LocalFlights::new(clock()));
        ((flights.clone(), flights), ())
    }

    ports::flights_conformance!(make);
}
mod limiter {
    use super::*;
    ports::limiter_conformance!(make_limiter);
}

#[tokio::test]
async fn a_damaged_log_is_set_aside_and_a_damaged_journal_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let [log, queues] = ["events.sqlite", "queue.sqlite"].map(|name| folder.path().join(name));
    for file in [&log, &queues] {
        std::fs::write(file, "no database at all, but long enough to be looked at as one").unwrap();
    }
    FileLog::open(&log, clock(), Duration::from_secs(60)).await.unwrap();
    assert!(std::fs::read_to_string(log.with_extension("damaged")).unwrap().starts_with("no database"));
    let error = Journal::open(&queues, clock(), 10).await.err().unwrap();
    assert!(error.to_string().contains("queue.sqlite is damaged"), "{error}");
}

mod journal {
    use super::*;
    use bytes::Bytes;
    use ports::broker::{Destination, Message, Queue};
    use sqlx::ConnectOptions;
    use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

    /// Another connection to the file.
    async fn open(folder: &TempDir) -> SqliteConnection {
        SqliteConnectOptions::new().filename(folder.path().join("queue.sqlite")).connect().await.unwrap()
    }

    fn message(id: &str) -> Message {
        Message { id: id.into(), headers: Default::default(), body: Bytes::from_static(b"{}") }
    }

    #[tokio::test]
    async fn what_was_not_acked_comes_again_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let queue = Queue::interactive("classify");
        {
            let journal = journal_in(&folder).await;
            journal.declare(std::slice::from_ref(&queue)).await.unwrap();
            for id in ["acked", "waiting"] {
                journal.publish(&Destination::Work(queue.clone()), message(id)).await.unwrap();
            }
            let mut consumer = journal.consume(&queue, 1).await.unwrap();
            consumer.next().await.unwrap().receipt.ack().await.unwrap();
            journal.ping(Duration::from_secs(5)).await.unwrap();
        }
        let journal = journal_in(&folder).await;
        journal.declare(std::slice::from_ref(&queue)).await.unwrap();
        let delivery = journal.consume(&queue, 1).await.unwrap().next().await.unwrap();
        assert_eq!((delivery.message.id.as_str(), delivery.redelivered), ("waiting", true));
    }

    /// As a full disk does.
    #[tokio::test]
    async fn an_ack_that_the_file_refuses_is_written_when_it_takes_it() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal_in(&folder).await;
        let queue = Queue::interactive("classify");
        journal.declare(std::slice::from_ref(&queue)).await.unwrap();
        journal.publish(&Destination::Work(queue.clone()), message("1")).await.unwrap();
        let mut file = open(&folder).await;
        let refuse = "CREATE TRIGGER full BEFORE DELETE ON messages BEGIN SELECT RAISE(ABORT, 'full'); END";
        sqlx::query(refuse).execute(&mut file).await.unwrap();
        journal.consume(&queue, 1).await.unwrap().next().await.unwrap().receipt.ack().await.unwrap();
        assert!(journal.ping(Duration::from_secs(5)).await.is_err());
        sqlx::query("DROP TRIGGER full").execute(&mut file).await.unwrap();
        journal.ping(Duration::from_secs(5)).await.unwrap();
        let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM messages").fetch_one(&mut file).await.unwrap();
        assert_eq!(left, 0);
    }

    /// As a full disk ends them.
    #[tokio::test]
    async fn a_transaction_that_ended_by_itself_costs_no_later_one() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal_in(&folder).await;
        let queue = Queue::interactive("classify");
        journal.declare(std::slice::from_ref(&queue)).await.unwrap();
        let work = Destination::Work(queue.clone());
        let mut file = open(&folder).await;
        let end = "CREATE TRIGGER full BEFORE INSERT ON messages BEGIN SELECT RAISE(ROLLBACK, 'full'); END";
        sqlx::query(end).execute(&mut file).await.unwrap();
        for id in ["1", "2"] {
            let refused = journal.publish(&work, message(id)).await.unwrap_err();
            assert!(refused.to_string().contains("full"), "{refused}");
        }
        sqlx::query("DROP TRIGGER full").execute(&mut file).await.unwrap();
        journal.publish(&work, message("3")).await.unwrap();
        assert_eq!(journal.consume(&queue, 1).await.unwrap().next().await.unwrap().message.id, "3");
    }

    #[tokio::test]
    async fn a_full_queue_refuses() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("q.sqlite"), clock(), 1).await.unwrap();
        let queue = Queue::interactive("classify");
        journal.declare(std::slice::from_ref(&queue)).await.unwrap();
        let work = Destination::Work(queue);
        journal.publish(&work, message("1")).await.unwrap();
        assert!(matches!(journal.publish(&work, message("2")).await, Err(ports::broker::PublishError::Full)));
    }
}
