//! A message as AMQP carries it.

use crate::error::refused;
use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use ports::PortError;
use ports::broker::Message;
use std::collections::BTreeMap;

/// Header for an id that is longer than the 255 bytes of the AMQP property.
const HEADER_ID: &str = "x-id";
/// What the broker adds to a message that comes back from a ladder queue.
const ADDED_BY_BROKER: [&str; 2] = ["x-first-death-", "x-last-death-"];
const MAX_HEADERS: usize = 32;
const MAX_HEADER_BYTES: usize = 4 * 1024;
/// All headers together. They travel in one frame, and a frame beyond 128 KiB ends the connection.
const MAX_ALL_HEADERS_BYTES: usize = 96 * 1024;
const PERSISTENT: u8 = 2;

/// The properties that carry a message's id and headers.
pub(crate) fn properties(message: &Message) -> Result<BasicProperties, PortError> {
    check_headers(message)?;
    let mut headers = BTreeMap::new();
    for (name, value) in &message.headers {
        headers.insert(ShortString::try_new(name.as_str()).map_err(too_long)?, text(value));
    }
    let mut properties =
        BasicProperties::default().with_delivery_mode(PERSISTENT).with_content_type("application/json".into());
    match ShortString::try_new(message.id.as_str()) {
        Ok(id) => properties = properties.with_message_id(id),
        Err(_) => {
            headers.insert(HEADER_ID.into(), text(&message.id));
        }
    }
    if !headers.is_empty() {
        properties = properties.with_headers(FieldTable::from(headers));
    }
    Ok(properties)
}

/// The message that properties and a body carry. Whatever has not the expected shape is left out: it comes from
/// outside.
pub(crate) fn received(properties: &BasicProperties, body: Vec<u8>) -> Message {
    let mut headers: BTreeMap<String, String> = properties.headers().iter().flatten().filter_map(header).collect();
    let long_id = headers.remove(HEADER_ID);
    let id = properties.message_id().as_ref().map(ToString::to_string).or(long_id).unwrap_or_default();
    Message { id, headers, body: Bytes::from(body) }
}

fn header((name, value): (&ShortString, &AMQPValue)) -> Option<(String, String)> {
    let AMQPValue::LongString(value) = value else { return None };
    let name = name.as_str();
    if ADDED_BY_BROKER.iter().any(|prefix| name.starts_with(prefix)) {
        return None;
    }
    Some((name.to_owned(), str::from_utf8(value.as_bytes()).ok()?.to_owned()))
}

fn check_headers(message: &Message) -> Result<(), PortError> {
    let headers = &message.headers;
    let whole: usize = message.id.len() + headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    if headers.len() > MAX_HEADERS {
        return Err(refused("publish", format!("{} headers, at most {MAX_HEADERS}", headers.len())));
    }
    if let Some((name, value)) = headers.iter().find(|(_, value)| value.len() > MAX_HEADER_BYTES) {
        return Err(refused("publish", format!("header {name} has {} bytes, at most {MAX_HEADER_BYTES}", value.len())));
    }
    if whole > MAX_ALL_HEADERS_BYTES {
        return Err(refused("publish", format!("headers of {whole} bytes, at most {MAX_ALL_HEADERS_BYTES}")));
    }
    Ok(())
}

fn too_long(error: impl std::fmt::Display) -> PortError {
    refused("publish", format!("name of a header: {error}"))
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, headers: &[(&str, &str)]) -> Message {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Message { id: id.to_owned(), headers, body: Bytes::from_static(b"{}") }
    }

    #[test]
    fn a_message_comes_out_as_it_went_in() {
        for id in ["hop", &"long/".repeat(100)] {
            let sent = message(id, &[("x-attempt", "1"), ("x-error", "ü")]);
            assert_eq!(received(&properties(&sent).unwrap(), b"{}".to_vec()), sent);
        }
    }

    #[test]
    fn headers_that_are_no_text_or_come_from_the_broker_are_left_out() {
        let mut table = FieldTable::default();
        table.insert("x-delivery-count".into(), AMQPValue::LongLongInt(3));
        table.insert("x-death".into(), AMQPValue::FieldArray(Vec::new().into()));
        table.insert("x-first-death-queue".into(), text("q"));
        table.insert("x-broken".into(), AMQPValue::LongString(vec![0xff_u8].into()));
        table.insert("x-attempt".into(), text("2"));
        let message = received(&BasicProperties::default().with_headers(table), Vec::new());
        assert_eq!(message.headers, BTreeMap::from([("x-attempt".to_owned(), "2".to_owned())]));
        assert_eq!(message.id, "");
    }

    #[test]
    fn headers_that_would_end_the_connection_are_refused() {
        assert!(properties(&message("hop", &[("x-error", &"x".repeat(5_000))])).is_err());
        assert!(properties(&message("hop", &[(&"n".repeat(256), "x")])).is_err());
        assert!(properties(&message(&"i".repeat(100_000), &[])).is_err());
        let many =
            Message { headers: (0..33).map(|n| (n.to_string(), String::new())).collect(), ..message("hop", &[]) };
        assert!(properties(&many).is_err());
    }
}
