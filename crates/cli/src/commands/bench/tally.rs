//! What a client heard of its questions, and what is wrong with it.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The fields of a frame that count; the rest is not read.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    response_id: Option<Cow<'a, str>>,
    sequence_number: Option<u64>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    idempotency_key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow)]
    metadata: HashMap<Cow<'a, str>, Cow<'a, str>>,
}

/// One response, as far as it has been heard.
struct Heard {
    asked: Instant,
    next: u64,
    ended: bool,
}

/// Everything that one client heard.
#[derive(Default)]
pub struct Tally {
    /// Questions that were asked and not yet known by a response, by their keys.
    asked: HashMap<String, Instant>,
    responses: HashMap<String, Heard>,
    /// From asking to the terminal event.
    pub latencies: Vec<Duration>,
    /// Numbered events.
    pub events: u64,
    /// Terminal events beyond the first of a response, and repeated numbers.
    pub duplicates: u64,
    /// Numbers that were left out.
    pub holes: u64,
    /// Responses that ended without an answer.
    pub failed: u64,
    /// Questions that were answered with an error frame.
    pub refused: u64,
    /// The code of the last such error or failure.
    pub complaint: Option<String>,
}

impl Tally {
    /// Notes a question under its key.
    pub fn ask(&mut self, key: String) {
        self.asked.insert(key, Instant::now());
    }

    /// Reads a frame. True when a question is done with: answered, failed or refused.
    pub fn hear(&mut self, text: &str) -> Result<bool, serde_json::Error> {
        let frame: Frame<'_> = serde_json::from_str(text)?;
        let (Some(id), Some(number)) = (&frame.response_id, frame.sequence_number) else {
            return Ok(self.hear_unnumbered(&frame));
        };
        self.events += 1;
        if !self.responses.contains_key(id.as_ref()) {
            self.begin(id, &frame);
        }
        let Some(heard) = self.responses.get_mut(id.as_ref()) else { return Ok(false) };
        if number < heard.next || heard.ended {
            self.duplicates += 1;
            return Ok(false);
        }
        self.holes += number - heard.next;
        heard.next = number + 1;
        heard.ended = is_terminal(&frame.kind);
        if heard.ended {
            self.latencies.push(heard.asked.elapsed());
            if frame.kind != "response.completed" {
                self.failed += 1;
                self.complaint = frame.response.map(|response| response.get().to_owned());
            }
        }
        Ok(heard.ended)
    }

    /// Accepted and not ended.
    pub fn lost(&self) -> u64 {
        self.responses.values().filter(|heard| !heard.ended).count() as u64
    }

    /// Asked, and nothing heard of it.
    pub fn unheard(&self) -> u64 {
        self.asked.len() as u64
    }

    fn hear_unnumbered(&mut self, frame: &Frame<'_>) -> bool {
        if frame.kind != "error" {
            return false;
        }
        self.complaint = frame.code.as_deref().map(str::to_owned);
        let was_asked = frame.idempotency_key.as_deref().and_then(|key| self.asked.remove(key)).is_some();
        self.refused += u64::from(was_asked);
        was_asked
    }

    /// The first event of a response carries the key of its question.
    fn begin(&mut self, id: &str, frame: &Frame<'_>) {
        let response = frame.response.and_then(|raw| serde_json::from_str::<Response<'_>>(raw.get()).ok());
        let key = response.and_then(|response| response.metadata.get("idempotency_key").map(|key| key.to_string()));
        if let Some(asked) = key.and_then(|key| self.asked.remove(&key)) {
            self.responses.insert(id.to_owned(), Heard { asked, next: 0, ended: false });
        }
    }
}

fn is_terminal(kind: &str) -> bool {
    matches!(kind, "response.completed" | "response.failed" | "response.incomplete")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, number: u64) -> String {
        let response = r#"{"metadata":{"idempotency_key":"k"}}"#;
        format!(r#"{{"sequence_number":{number},"response_id":"r","type":"{kind}","response":{response}}}"#)
    }

    fn heard(events: &[(&str, u64)]) -> Tally {
        let mut tally = Tally::default();
        tally.ask("k".into());
        for (kind, number) in events {
            tally.hear(&event(kind, *number)).unwrap();
        }
        tally
    }

    #[test]
    fn a_whole_response_is_neither_lost_nor_duplicate() {
        let tally = heard(&[("response.created", 0), ("response.queued", 1), ("response.completed", 2)]);
        assert_eq!((tally.lost(), tally.duplicates, tally.holes, tally.latencies.len()), (0, 0, 0, 1));
    }

    #[test]
    fn a_response_without_an_end_is_lost() {
        assert_eq!(heard(&[("response.created", 0)]).lost(), 1);
    }

    #[test]
    fn a_second_end_is_a_duplicate_whatever_its_number() {
        let tally = heard(&[("response.created", 0), ("response.completed", 1), ("response.completed", 2)]);
        assert_eq!((tally.duplicates, tally.latencies.len()), (1, 1));
    }

    #[test]
    fn a_repeated_number_is_a_duplicate_and_a_missing_one_a_hole() {
        let tally = heard(&[("response.created", 0), ("response.queued", 0), ("response.completed", 3)]);
        assert_eq!((tally.duplicates, tally.holes), (1, 2));
    }

    #[test]
    fn a_refused_question_is_done_with() {
        let mut tally = Tally::default();
        tally.ask("k".into());
        assert!(tally.hear(r#"{"type":"error","code":"queue_unavailable","idempotency_key":"k"}"#).unwrap());
        assert_eq!((tally.refused, tally.unheard()), (1, 0));
    }
}
