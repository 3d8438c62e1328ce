//! Reads that every turn makes share statements, as hot writes share commits: whatever is asked while one statement
//! runs goes into the next, and what several callers ask is read once. An answer is never older than its question.
//!
//! Only PostgreSQL needs this: a read of SQLite costs no round trip.

use super::lanes::Lanes;
use super::unanswered;
use crate::db::{Row, SYSTEM, fault, is_outage};
use ports::PortError;
use sqlx::{Error, PgConnection};
use std::collections::BTreeMap;
use tokio::sync::{mpsc, oneshot};

/// A read of rows that belong to a business.
pub(crate) trait HotRead: Send + Sync + 'static {
    /// What a row holds.
    type Item: Clone + Send + Sync + 'static;
    /// The step's name in errors.
    const NAME: &'static str;
    /// The rows of several keys: arrays of their numbers, businesses, ids, limits and users. Each row tells the number of
    /// its key as `n`.
    const TOGETHER: &'static str;
    /// The rows of one key: business, id, limit and, where the key has one, user.
    const ALONE: &'static str;

    /// Reads a row.
    fn item(row: &Row) -> Result<Self::Item, Error>;
}

/// The statement of a read, for several keys or for one.
macro_rules! hot_read {
    (together: $inner:ident $(, $user:literal)?) => {
        concat!(
            "SELECT i.n, r.* FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[]) \
             AS i (n, business, id, most, asker) CROSS JOIN LATERAL (",
            $inner!("i.business", "i.id", "i.most" $(, $user)?),
            ") AS r"
        )
    };
    (alone: $inner:ident $(, $user:literal)?) => {
        $inner!("$1", "$2", "$3" $(, $user)?)
    };
}
pub(crate) use hot_read;

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) business: String,
    pub(crate) id: String,
    /// At most so many rows.
    pub(crate) most: i64,
    /// On whose behalf, where that matters.
    pub(crate) user: Option<String>,
}

/// A read and who waits for it.
pub(crate) struct Asked<R: HotRead> {
    key: Key,
    caller: oneshot::Sender<Result<Vec<R::Item>, PortError>>,
}

/// The bounds of a queue.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// Keys of one statement.
    pub(crate) batch: usize,
    /// Reads that wait.
    pub(crate) queue: usize,
}

/// Starts the queue and the task of one kind of read.
pub(crate) fn start<R: HotRead>(lanes: Lanes, bounds: Bounds) -> mpsc::Sender<Asked<R>> {
    let (sender, receiver) = mpsc::channel(bounds.queue);
    tokio::spawn(run(lanes, bounds.batch, receiver));
    sender
}

/// Asks, and waits for the rows.
pub(crate) async fn ask<R: HotRead>(queue: &mpsc::Sender<Asked<R>>, key: Key) -> Result<Vec<R::Item>, PortError> {
    let (caller, answer) = oneshot::channel();
    let stopped = |_| PortError::unavailable(SYSTEM, R::NAME, "the store's reader has stopped");
    queue.send(Asked { key, caller }).await.map_err(stopped)?;
    answer.await.map_err(|_| unanswered(R::NAME))?
}

type Callers<R> = Vec<oneshot::Sender<Result<Vec<<R as HotRead>::Item>, PortError>>>;

async fn run<R: HotRead>(lanes: Lanes, batch: usize, mut receiver: mpsc::Receiver<Asked<R>>) {
    let mut asked = Vec::new();
    while receiver.recv_many(&mut asked, batch).await > 0 {
        let lane = lanes.take().await;
        while asked.len() < batch
            && let Ok(more) = receiver.try_recv()
        {
            asked.push(more);
        }
        let by_key = by_key(asked.drain(..));
        match lane {
            Ok(mut lane) => {
                let patience = lane.patience();
                if tokio::time::timeout(patience, read::<R>(lane.conn(), by_key)).await == Ok(true) {
                    lane.keep();
                }
            }
            Err(error) => fail::<R>(by_key.into_values().flatten(), &error),
        }
    }
}

fn by_key<R: HotRead>(asked: impl Iterator<Item = Asked<R>>) -> BTreeMap<Key, Callers<R>> {
    let mut callers: BTreeMap<Key, Callers<R>> = BTreeMap::new();
    asked.for_each(|Asked { key, caller }| callers.entry(key).or_default().push(caller));
    callers
}

/// False when the connection is of no more use.
async fn read<R: HotRead>(conn: &mut PgConnection, by_key: BTreeMap<Key, Callers<R>>) -> bool {
    let (keys, callers): (Vec<Key>, Vec<Callers<R>>) = by_key.into_iter().unzip();
    match together::<R>(conn, &keys).await {
        Ok(answers) => callers.into_iter().zip(answers).for_each(|(callers, items)| answer::<R>(callers, items)),
        Err(error) if is_outage(&error) => {
            fail::<R>(callers.into_iter().flatten(), &error);
            return false;
        }
        // A row of one key cannot be read; the others must not suffer for it.
        Err(_) => {
            for (key, callers) in keys.into_iter().zip(callers) {
                match together::<R>(conn, &[key]).await {
                    Ok(mut answers) => answer::<R>(callers, answers.pop().unwrap_or_default()),
                    Err(error) => fail::<R>(callers.into_iter(), &error),
                }
            }
        }
    }
    true
}

async fn together<R: HotRead>(conn: &mut PgConnection, keys: &[Key]) -> Result<Vec<Vec<R::Item>>, Error> {
    let numbers: Vec<i64> = (0..).take(keys.len()).collect();
    let column = |field: fn(&Key) -> &str| keys.iter().map(field).collect::<Vec<_>>();
    let rows = sqlx::query(R::TOGETHER)
        .bind(numbers)
        .bind(column(|key| &key.business))
        .bind(column(|key| &key.id))
        .bind(keys.iter().map(|key| key.most).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| key.user.as_deref()).collect::<Vec<_>>())
        .fetch_all(conn)
        .await?;
    let mut answers = vec![Vec::new(); keys.len()];
    for row in rows.into_iter().map(Row::Postgres) {
        if let Some(answer) = answers.get_mut(row.count::<usize>("n")?) {
            answer.push(R::item(&row)?);
        }
    }
    Ok(answers)
}

/// A caller that has gone needs no answer.
fn answer<R: HotRead>(mut callers: Callers<R>, items: Vec<R::Item>) {
    let Some(last) = callers.pop() else { return };
    callers.into_iter().for_each(|caller| drop(caller.send(Ok(items.clone()))));
    drop(last.send(Ok(items)));
}

fn fail<R: HotRead>(callers: impl Iterator<Item = oneshot::Sender<Result<Vec<R::Item>, PortError>>>, error: &Error) {
    callers.for_each(|caller| drop(caller.send(Err(fault(R::NAME, error)))));
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl HotRead for Nothing {
        type Item = ();
        const NAME: &'static str = "nothing";
        const TOGETHER: &'static str = "";
        const ALONE: &'static str = "";

        fn item(_: &Row) -> Result<(), Error> {
            Ok(())
        }
    }

    fn asked(id: &str) -> Asked<Nothing> {
        let key = Key { business: "biz".into(), id: id.into(), most: 1, user: None };
        Asked { key, caller: oneshot::channel().0 }
    }

    #[test]
    fn what_several_ask_is_read_once() {
        let by_key = by_key(["a", "b", "a"].map(asked).into_iter());
        let counts: Vec<_> = by_key.iter().map(|(key, callers)| (key.id.as_str(), callers.len())).collect();
        assert_eq!(counts, [("a", 2), ("b", 1)]);
    }
}
