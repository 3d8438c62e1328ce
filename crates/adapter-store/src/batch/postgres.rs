use super::lanes::Lanes;
use super::{Limits, Waiting, Write, measure};
use crate::db::{Conn, is_outage};
use sqlx::PgConnection;
use tokio::sync::mpsc;

/// Starts the queue and the task of one kind of write.
pub(super) fn start<W: Write>(lanes: Lanes, limits: Limits) -> mpsc::Sender<Waiting<W>> {
    let (sender, receiver) = mpsc::channel(limits.queue);
    tokio::spawn(Batcher { lanes, limits, receiver }.run());
    sender
}

struct Batcher<W: Write> {
    lanes: Lanes,
    limits: Limits,
    receiver: mpsc::Receiver<Waiting<W>>,
}

impl<W: Write> Batcher<W> {
    async fn run(mut self) {
        let mut batch = Vec::new();
        while self.receiver.recv_many(&mut batch, self.limits.batch).await > 0 {
            if !W::LINGER.is_zero() {
                tokio::time::sleep(W::LINGER).await;
            }
            let lanes = self.lanes.clone();
            match lanes.take().await {
                Ok(mut lane) => {
                    self.add_what_came(&mut batch);
                    let patience = lane.patience();
                    let writing = write_batch(lane.conn(), std::mem::take(&mut batch), self.limits.clock.now_ms());
                    if tokio::time::timeout(patience, writing).await == Ok(true) {
                        lane.keep();
                    }
                }
                Err(error) => self.fail_all(std::mem::take(&mut batch), &error),
            }
        }
    }

    /// Without a connection, whoever waits behind this batch would only wait for the same failure.
    fn fail_all(&mut self, batch: Vec<Waiting<W>>, error: &sqlx::Error) {
        let queued = std::iter::from_fn(|| self.receiver.try_recv().ok());
        batch.into_iter().chain(queued).for_each(|waiting| waiting.fail(error));
    }

    /// While a connection was waited for.
    fn add_what_came(&mut self, batch: &mut Vec<Waiting<W>>) {
        let room = self.limits.batch.saturating_sub(batch.len());
        batch.extend(std::iter::from_fn(|| self.receiver.try_recv().ok()).take(room));
    }
}

/// False when the connection is of no more use.
async fn write_batch<W: Write>(conn: &mut PgConnection, batch: Vec<Waiting<W>>, now_ms: i64) -> bool {
    measure(W::NAME, batch.len());
    let mut is_usable = true;
    for round in rounds(batch) {
        is_usable &= write_round(conn, round, now_ms).await;
    }
    is_usable
}

/// Sorted by key, and each key once: the second write to a key goes into the second round.
fn rounds<W: Write>(mut batch: Vec<Waiting<W>>) -> Vec<Vec<Waiting<W>>> {
    batch.sort_by(|a, b| a.write.key().cmp(b.write.key()));
    let mut rounds: Vec<Vec<Waiting<W>>> = Vec::new();
    for waiting in batch {
        let free =
            rounds.iter().position(|round| round.last().is_none_or(|last| last.write.key() != waiting.write.key()));
        match free {
            Some(index) => rounds[index].push(waiting),
            None => rounds.push(vec![waiting]),
        }
    }
    rounds
}

async fn write_round<W: Write>(conn: &mut PgConnection, round: Vec<Waiting<W>>, now_ms: i64) -> bool {
    let writes: Vec<&W> = round.iter().map(|waiting| &waiting.write).collect();
    match W::together(&writes, now_ms, conn).await {
        Ok(answers) => {
            answer_round(conn, round, answers, now_ms).await;
            true
        }
        Err(error) if is_outage(&error) => {
            round.into_iter().for_each(|waiting| waiting.fail(&error));
            false
        }
        Err(_) => {
            write_singly(conn, round, now_ms).await;
            true
        }
    }
}

/// One of them made the statement fail; the others must not suffer for it.
async fn write_singly<W: Write>(conn: &mut PgConnection, round: Vec<Waiting<W>>, now_ms: i64) {
    for waiting in round {
        match W::together(&[&waiting.write], now_ms, conn).await {
            Ok(answers) => answer_round(conn, vec![waiting], answers, now_ms).await,
            Err(error) => waiting.fail(&error),
        }
    }
}

async fn answer_round<W: Write>(
    conn: &mut PgConnection,
    round: Vec<Waiting<W>>,
    answers: Vec<Option<W::Answer>>,
    now_ms: i64,
) {
    let mut undecided = Vec::new();
    for (waiting, answer) in round.into_iter().zip(answers) {
        match answer {
            Some(answer) => waiting.settle(Ok(answer)),
            None => undecided.push(waiting),
        }
    }
    for waiting in undecided {
        match waiting.write.otherwise(now_ms, &mut Conn::Postgres(conn)).await {
            Ok(answer) => waiting.settle(Ok(answer)),
            Err(error) => waiting.fail(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writes::Accept;
    use tokio::sync::oneshot;

    fn waiting(turn: &str) -> Waiting<Accept> {
        Waiting { write: Accept(turn.into()), answer: None, caller: oneshot::channel().0 }
    }

    #[test]
    fn each_round_holds_a_key_once_and_in_order() {
        let batch = ["c", "a", "b", "a", "c", "a"].map(waiting).into();
        let keys: Vec<Vec<String>> = rounds(batch)
            .iter()
            .map(|round| round.iter().map(|waiting| waiting.write.key().to_owned()).collect())
            .collect();
        assert_eq!(keys, [vec!["a", "b", "c"], vec!["a", "c"], vec!["a"]]);
    }
}
