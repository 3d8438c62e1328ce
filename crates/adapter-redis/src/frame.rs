//! A frame on its way to a node: turn, number of the first event and the events' JSON, between separators. The
//! numbers are known only inside the script, where encoding JSON within JSON would cost the server dear; the
//! separator is a control character, which no JSON text holds.

use contracts::{Frame, LoggedEvent, TurnId};

/// Between the parts.
pub(crate) const SEPARATOR: char = '\u{1e}';

/// Reads a frame; `None` when it is none.
pub(crate) fn decode(payload: &str) -> Option<Frame> {
    let mut parts = payload.split(SEPARATOR);
    let turn = TurnId::from(parts.next()?);
    let first: u64 = parts.next()?.parse().ok()?;
    let events = (first..).zip(parts).map(|(seq, json)| LoggedEvent { seq, json: json.to_owned() }).collect();
    Some(Frame { turn, events })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read() {
        let frame = decode("resp_1\u{1e}7\u{1e}{\"a\":1}\u{1e}{}").unwrap();
        assert_eq!(frame.turn.as_str(), "resp_1");
        let events: Vec<_> = frame.events.iter().map(|event| (event.seq, event.json.as_str())).collect();
        assert_eq!(events, [(7, "{\"a\":1}"), (8, "{}")]);
    }

    #[test]
    fn what_is_no_frame_is_none() {
        for payload in ["", "resp_1", "resp_1\u{1e}x\u{1e}{}", "resp_1\u{1e}-1"] {
            assert_eq!(decode(payload), None);
        }
    }
}
