//! What waits to be sent to one client, bounded in bytes.
//!
//! Above the soft bound the responses of the socket stop forwarding (`room`): they lag, and go on from the event log at
//! the client's pace. Deltas are not joined: that would leave gaps in the sequence numbers. What nothing holds back
//! (answers to pings, errors) is what can reach the hard bound: then the socket closes with 4408, and the client
//! resumes. So it does when one frame cannot be written for as long as a ping may stay unanswered.

use super::close::{Close, SLOW};
use axum::extract::ws::Message;
use bytes::Bytes;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The queue of one socket: many write to it, one reads.
pub struct Outbound {
    queue: Mutex<Queue>,
    filled: Notify,
    drained: Notify,
    urgent: CancellationToken,
    written_off: CancellationToken,
    soft: usize,
    hard: usize,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Message>,
    bytes: usize,
    close: Option<Close>,
}

/// What to write next.
#[derive(Debug, PartialEq)]
pub enum Next {
    Frame(Message),
    Close(Close),
}

impl Outbound {
    pub fn new(soft: usize, hard: usize) -> Self {
        Self {
            queue: Mutex::default(),
            filled: Notify::new(),
            drained: Notify::new(),
            urgent: CancellationToken::new(),
            written_off: CancellationToken::new(),
            soft: soft.max(1),
            hard,
        }
    }

    /// Adds a frame. One that is larger than the bound by itself is let through when nothing else waits.
    pub fn push(&self, text: String) {
        let mut queue = self.lock();
        if queue.close.is_some() {
            return;
        }
        if queue.bytes > 0 && queue.bytes + text.len() > self.hard {
            drop(queue);
            return self.close(SLOW);
        }
        queue.bytes += text.len();
        queue.frames.push_back(Message::text(text));
        self.filled.notify_one();
    }

    /// Adds a ping, before everything else.
    pub fn ping(&self) {
        self.lock().frames.push_front(Message::Ping(Bytes::new()));
        self.filled.notify_one();
    }

    /// Ends the queue. The first close counts.
    pub fn close(&self, close: Close) {
        self.lock().close.get_or_insert(close);
        if close.at_once {
            self.urgent.cancel();
        }
        self.filled.notify_one();
        self.drained.notify_waiters();
    }

    /// Waits until there is room below the soft bound.
    pub async fn room(&self) {
        loop {
            let mut drained = pin!(self.drained.notified());
            drained.as_mut().enable();
            if self.has_room() {
                return;
            }
            drained.await;
        }
    }

    /// What to write next.
    pub async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.try_next() {
                return next;
            }
            self.filled.notified().await;
        }
    }

    /// What to write next, when something waits.
    pub fn try_next(&self) -> Option<Next> {
        let mut queue = self.lock();
        if let Some(close) = queue.close.filter(|close| close.at_once || queue.frames.is_empty()) {
            return Some(Next::Close(close));
        }
        let frame = queue.frames.pop_front()?;
        queue.bytes = queue.bytes.saturating_sub(text_len(&frame));
        if queue.bytes <= self.soft / 2 {
            self.drained.notify_waiters();
        }
        Some(Next::Frame(frame))
    }

    /// Waits for a close that overtakes.
    pub async fn urgent(&self) -> Close {
        self.urgent.cancelled().await;
        self.lock().close.unwrap_or(SLOW)
    }

    /// Nothing more will be written.
    pub fn write_off(&self) {
        self.written_off.cancel();
    }

    /// Waits until nothing more will be written.
    pub async fn is_written_off(&self) {
        self.written_off.cancelled().await;
    }

    fn has_room(&self) -> bool {
        let queue = self.lock();
        queue.bytes < self.soft || queue.close.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text_len(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::close::{NOT_JSON, RESTARTING};
    use super::*;
    use futures_util::FutureExt;
    use std::sync::Arc;

    fn text(text: &str) -> Option<Next> {
        Some(Next::Frame(Message::text(text)))
    }

    #[test]
    fn a_close_comes_after_the_rest_unless_it_overtakes() {
        let outbound = Outbound::new(100, 100);
        outbound.push("a".into());
        outbound.close(NOT_JSON);
        outbound.push("too late".into());
        assert_eq!(outbound.try_next(), text("a"));
        assert_eq!(outbound.try_next(), Some(Next::Close(NOT_JSON)));

        let outbound = Outbound::new(100, 100);
        outbound.push("a".into());
        outbound.close(RESTARTING);
        assert_eq!(outbound.try_next(), Some(Next::Close(RESTARTING)));
    }

    #[test]
    fn beyond_the_hard_bound_the_client_is_too_slow() {
        let outbound = Outbound::new(4, 8);
        outbound.push("larger than the bound".into());
        assert_eq!(outbound.try_next(), text("larger than the bound"));
        outbound.push("12345".into());
        outbound.push("1234".into());
        assert_eq!(outbound.try_next(), Some(Next::Close(SLOW)));
    }

    #[test]
    fn a_ping_overtakes_what_waits() {
        let outbound = Outbound::new(100, 100);
        outbound.push("a".into());
        outbound.ping();
        assert_eq!(outbound.try_next(), Some(Next::Frame(Message::Ping(Bytes::new()))));
    }

    #[tokio::test]
    async fn who_waits_for_room_goes_on_when_half_is_drained() {
        let outbound = Arc::new(Outbound::new(4, 100));
        outbound.push("1234".into());
        outbound.push("56".into());
        assert!(outbound.room().now_or_never().is_none());
        let waiting = tokio::spawn({
            let outbound = outbound.clone();
            async move { outbound.room().await }
        });
        tokio::task::yield_now().await;
        assert_eq!(outbound.try_next(), text("1234"));
        waiting.await.unwrap();
    }
}
