//! The suite of [`EventLog`].

use super::within;
use crate::event_log::{Append, AppendError, EventLog, Heard, Position, Watch};
use contracts::{LoggedEvent, TurnId};
use std::sync::Arc;
use std::time::Duration;

/// Runs the suite: `ports::event_log_conformance!(make);`.
#[macro_export]
macro_rules! event_log_conformance {
    ($make:path) => {
        $crate::conformance_cases!(
            $make,
            event_log,
            [
                numbers_are_dense_from_zero,
                an_older_fence_is_refused_and_leaves_nothing,
                an_end_is_taken_whatever_fence_has_written,
                a_newer_fence_goes_on_with_the_numbers,
                a_repeated_batch_is_skipped_and_answers_the_same_position,
                a_repeated_last_batch_is_skipped_although_the_log_is_closed,
                a_new_fence_counts_its_batches_from_zero,
                the_floor_lifts_the_number_after_a_lost_log,
                a_floor_below_the_next_number_changes_nothing,
                a_closed_log_refuses,
                events_are_read_from_a_number_with_a_limit,
                events_survive_byte_for_byte,
                the_position_of_an_unknown_turn_is_none,
                concurrent_appends_keep_the_numbers_dense,
                two_fences_never_interleave,
                a_watcher_hears_what_is_appended_after_it_registered,
                two_watchers_hear_the_same,
                a_watcher_hears_nothing_of_other_turns,
                a_dropped_watch_does_not_end_another,
                a_slow_watcher_loses_nothing_for_good,
                ping_answers,
            ]
        );
    };
}

const SILENCE: Duration = Duration::from_millis(200);

fn turn() -> TurnId {
    TurnId::from("resp_conformance")
}

/// An append of `{"n":…}` events by a fence.
fn batch(fence: u64, batch: u64, events: &[u64]) -> Append {
    let events = events.iter().map(|n| format!("{{\"n\":{n}}}")).collect();
    Append { turn: turn(), fence, batch, floor: 0, events, closes: false }
}

async fn append(log: &Arc<dyn EventLog>, append: Append) -> Position {
    within("append", log.append(append)).await.expect("append")
}

async fn refused(log: &Arc<dyn EventLog>, append: Append) -> AppendError {
    within("append", log.append(append)).await.expect_err("the append is refused")
}

async fn read(log: &Arc<dyn EventLog>, from: u64) -> Vec<LoggedEvent> {
    within("read", log.read(&turn(), from, 10_000)).await.expect("read")
}

async fn position(log: &Arc<dyn EventLog>) -> Option<Position> {
    within("position", log.position(&turn())).await.expect("position")
}

fn open_at(next_seq: u64) -> Position {
    Position { next_seq, closed: false }
}

fn numbered(numbers: impl IntoIterator<Item = (u64, u64)>) -> Vec<LoggedEvent> {
    numbers.into_iter().map(|(seq, n)| LoggedEvent { seq, json: format!("{{\"n\":{n}}}") }).collect()
}

pub async fn numbers_are_dense_from_zero(log: Arc<dyn EventLog>) {
    assert_eq!(append(&log, batch(1, 0, &[10, 11])).await, open_at(2));
    assert_eq!(append(&log, batch(1, 1, &[12])).await, open_at(3));
    assert_eq!(read(&log, 0).await, numbered([(0, 10), (1, 11), (2, 12)]));
    assert_eq!(position(&log).await, Some(open_at(3)));
}

pub async fn an_older_fence_is_refused_and_leaves_nothing(log: Arc<dyn EventLog>) {
    append(&log, batch(2, 0, &[1])).await;
    let error = refused(&log, batch(1, 0, &[2])).await;
    assert!(matches!(error, AppendError::Stale), "{error:?}");
    assert_eq!(read(&log, 0).await, numbered([(0, 1)]));
    assert_eq!(append(&log, batch(2, 1, &[3])).await, open_at(2));
}

pub async fn an_end_is_taken_whatever_fence_has_written(log: Arc<dyn EventLog>) {
    append(&log, batch(7, 0, &[1])).await;
    let end = Append { closes: true, ..batch(3, 0, &[2]) };
    for _ in 0..2 {
        let position = append(&log, end.clone()).await;
        assert_eq!(position, Position { next_seq: 2, closed: true });
    }
    assert!(matches!(refused(&log, batch(7, 1, &[3])).await, AppendError::Closed));
    assert_eq!(read(&log, 0).await, numbered([(0, 1), (1, 2)]));
}

pub async fn a_newer_fence_goes_on_with_the_numbers(log: Arc<dyn EventLog>) {
    append(&log, batch(0, 0, &[1])).await;
    append(&log, batch(3, 0, &[2])).await;
    assert_eq!(append(&log, batch(7, 0, &[3])).await, open_at(3));
    assert_eq!(read(&log, 0).await, numbered([(0, 1), (1, 2), (2, 3)]));
}

pub async fn a_repeated_batch_is_skipped_and_answers_the_same_position(log: Arc<dyn EventLog>) {
    append(&log, batch(1, 0, &[1])).await;
    let once = append(&log, batch(1, 1, &[2, 3])).await;
    assert_eq!(append(&log, batch(1, 1, &[2, 3])).await, once);
    assert_eq!(read(&log, 0).await.len(), 3);
    assert_eq!(append(&log, batch(1, 2, &[4])).await, open_at(4));
}

pub async fn a_repeated_last_batch_is_skipped_although_the_log_is_closed(log: Arc<dyn EventLog>) {
    let last = Append { closes: true, ..batch(1, 0, &[1]) };
    let once = append(&log, last.clone()).await;
    assert_eq!(once, Position { next_seq: 1, closed: true });
    assert_eq!(append(&log, last).await, once);
    assert_eq!(read(&log, 0).await.len(), 1);
}

pub async fn a_new_fence_counts_its_batches_from_zero(log: Arc<dyn EventLog>) {
    append(&log, batch(1, 0, &[1])).await;
    append(&log, batch(1, 1, &[2])).await;
    assert_eq!(append(&log, batch(2, 0, &[3])).await, open_at(3));
}

pub async fn the_floor_lifts_the_number_after_a_lost_log(log: Arc<dyn EventLog>) {
    let after_the_loss = Append { floor: 40, ..batch(5, 3, &[1, 2]) };
    assert_eq!(append(&log, after_the_loss).await, open_at(42));
    assert_eq!(read(&log, 0).await, numbered([(40, 1), (41, 2)]));
    assert_eq!(append(&log, batch(5, 4, &[3])).await, open_at(43));
}

pub async fn a_floor_below_the_next_number_changes_nothing(log: Arc<dyn EventLog>) {
    append(&log, batch(1, 0, &[1, 2, 3])).await;
    let low = Append { floor: 2, ..batch(1, 1, &[4]) };
    assert_eq!(append(&log, low).await, open_at(4));
    assert_eq!(read(&log, 3).await, numbered([(3, 4)]));
}

pub async fn a_closed_log_refuses(log: Arc<dyn EventLog>) {
    let closed = append(&log, Append { closes: true, ..batch(1, 0, &[1, 2]) }).await;
    for late in [batch(1, 1, &[3]), batch(2, 0, &[3])] {
        let error = refused(&log, late).await;
        assert!(matches!(error, AppendError::Closed), "{error:?}");
    }
    assert_eq!(position(&log).await, Some(closed));
    assert_eq!(read(&log, 0).await.len(), 2);
}

pub async fn events_are_read_from_a_number_with_a_limit(log: Arc<dyn EventLog>) {
    append(&log, batch(1, 0, &[0, 1, 2, 3, 4, 5])).await;
    let page = within("read", log.read(&turn(), 2, 3)).await.expect("read");
    assert_eq!(page, numbered([(2, 2), (3, 3), (4, 4)]));
    assert_eq!(read(&log, 5).await, numbered([(5, 5)]));
    assert!(read(&log, 6).await.is_empty());
    assert!(within("read", log.read(&turn(), 0, 0)).await.expect("read").is_empty());
}

pub async fn events_survive_byte_for_byte(log: Arc<dyn EventLog>) {
    let json = format!("{{\"text\":\"{}\"}}", "\\u0000 \\\" \\n ü 漢 \u{1F980} %s KEYS[1] ".repeat(2_000));
    let mut watch = watch(&log).await;
    append(&log, Append { events: vec![json.clone(), "{}".to_owned()], ..batch(1, 0, &[]) }).await;
    let expected = vec![LoggedEvent { seq: 0, json }, LoggedEvent { seq: 1, json: "{}".to_owned() }];
    assert_eq!(read(&log, 0).await, expected);
    assert_eq!(hear(&log, &mut watch, 0, 2).await, expected);
}

pub async fn the_position_of_an_unknown_turn_is_none(log: Arc<dyn EventLog>) {
    assert_eq!(position(&log).await, None);
    assert!(read(&log, 0).await.is_empty());
}

pub async fn concurrent_appends_keep_the_numbers_dense(log: Arc<dyn EventLog>) {
    let writers = (0..8).map(|w| {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            let turn = TurnId::from(format!("resp_{w}").as_str());
            for n in 0..20 {
                let append = Append { turn: turn.clone(), ..batch(1, n, &[n, n]) };
                let position = log.append(append).await.expect("append");
                assert_eq!(position, open_at(2 * (n + 1)));
            }
            let logged = log.read(&turn, 0, 100).await.expect("read");
            assert_eq!(logged, numbered((0..40).map(|seq| (seq, seq / 2))));
        })
    });
    for writer in within("the writers", futures_util::future::join_all(writers)).await {
        writer.expect("a writer");
    }
}

pub async fn two_fences_never_interleave(log: Arc<dyn EventLog>) {
    const BATCHES: u64 = 30;
    let writers = [1_u64, 2].map(|fence| {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            for n in 0..BATCHES {
                match log.append(batch(fence, n, &[fence * 1_000 + n])).await {
                    Ok(_) => {}
                    Err(AppendError::Stale) if fence == 1 => return,
                    Err(error) => panic!("fence {fence}, batch {n}: {error}"),
                }
            }
        })
    });
    for writer in writers {
        within("a writer", writer).await.expect("a writer");
    }
    let logged = read(&log, 0).await;
    let written = |event: &LoggedEvent| event.json[5..event.json.len() - 1].parse::<u64>().expect("a number");
    let numbers: Vec<u64> = logged.iter().map(written).collect();
    assert!(numbers.is_sorted(), "an old fence wrote after a new one: {numbers:?}");
    assert_eq!(numbers.iter().filter(|n| **n >= 2_000).count() as u64, BATCHES);
    assert!(logged.iter().enumerate().all(|(n, event)| event.seq == n as u64), "the numbers are not dense");
}

async fn watch(log: &Arc<dyn EventLog>) -> Box<dyn Watch> {
    within("watch", log.watch(&turn())).await.expect("watch")
}

/// What a client of the log makes of a watch: the events from `from` on, read again where some were missed.
async fn hear(log: &Arc<dyn EventLog>, watch: &mut Box<dyn Watch>, from: u64, count: usize) -> Vec<LoggedEvent> {
    let mut events: Vec<LoggedEvent> = Vec::new();
    while events.len() < count {
        let fresh = match within("the next frame", watch.next()).await.expect("the log is up") {
            Heard::Frame(frame) => {
                assert_eq!(frame.turn, turn());
                frame.events
            }
            Heard::Missed => read(log, from).await,
        };
        let next = from + events.len() as u64;
        events.extend(fresh.into_iter().skip_while(|event| event.seq < next));
    }
    events
}

/// Waits for the frame that ends with this number. Frames must come, not only word that something was missed.
async fn until_frame(watch: &mut Box<dyn Watch>, seq: u64) {
    loop {
        if let Heard::Frame(frame) = within("the next frame", watch.next()).await.expect("the log is up")
            && frame.events.last().is_some_and(|event| event.seq == seq)
        {
            return;
        }
    }
}

pub async fn a_watcher_hears_what_is_appended_after_it_registered(log: Arc<dyn EventLog>) {
    append(&log, batch(1, 0, &[0])).await;
    let mut watch = watch(&log).await;
    for n in 1..50 {
        append(&log, batch(1, n, &[n])).await;
    }
    assert_eq!(hear(&log, &mut watch, 1, 49).await, numbered((1..50).map(|n| (n, n))));
    append(&log, Append { closes: true, ..batch(1, 50, &[50]) }).await;
    until_frame(&mut watch, 50).await;
}

pub async fn two_watchers_hear_the_same(log: Arc<dyn EventLog>) {
    let (mut first, mut second) = (watch(&log).await, watch(&log).await);
    append(&log, batch(1, 0, &[0, 1])).await;
    append(&log, batch(1, 1, &[2])).await;
    for watch in [&mut first, &mut second] {
        assert_eq!(hear(&log, watch, 0, 3).await, numbered([(0, 0), (1, 1), (2, 2)]));
    }
}

pub async fn a_watcher_hears_nothing_of_other_turns(log: Arc<dyn EventLog>) {
    let mut watch = watch(&log).await;
    let other = Append { turn: TurnId::from("resp_other"), ..batch(1, 0, &[7]) };
    append(&log, other).await;
    append(&log, batch(1, 0, &[8])).await;
    assert_eq!(hear(&log, &mut watch, 0, 1).await, numbered([(0, 8)]));
    // What was heard may be repeated.
    let more = async {
        loop {
            match watch.next().await.expect("the log is up") {
                Heard::Frame(frame) if frame.events != numbered([(0, 8)]) => return frame,
                _ => {}
            }
        }
    };
    if let Ok(frame) = tokio::time::timeout(SILENCE, more).await {
        panic!("{frame:?} was heard and never appended to this turn");
    }
}

pub async fn a_dropped_watch_does_not_end_another(log: Arc<dyn EventLog>) {
    let mut stays = watch(&log).await;
    drop(watch(&log).await);
    append(&log, batch(1, 0, &[0])).await;
    assert_eq!(hear(&log, &mut stays, 0, 1).await, numbered([(0, 0)]));
    drop(stays);
    let mut again = watch(&log).await;
    append(&log, batch(1, 1, &[1])).await;
    assert_eq!(hear(&log, &mut again, 1, 1).await, numbered([(1, 1)]));
}

pub async fn a_slow_watcher_loses_nothing_for_good(log: Arc<dyn EventLog>) {
    const EVENTS: u64 = 3_000;
    let mut slow = watch(&log).await;
    for n in 0..EVENTS / 10 {
        let ten: Vec<u64> = (n * 10..n * 10 + 10).collect();
        append(&log, batch(1, n, &ten)).await;
    }
    assert_eq!(hear(&log, &mut slow, 0, EVENTS as usize).await, numbered((0..EVENTS).map(|n| (n, n))));
}

pub async fn ping_answers(log: Arc<dyn EventLog>) {
    within("ping", log.ping()).await.expect("ping");
}
