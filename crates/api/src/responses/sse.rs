//! Events over HTTP. A client that is slow is waited for: the relay reads the log at the client's pace.

use crate::relay::{News, Relay};
use crate::snapshot;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use contracts::TurnId;
use futures_util::stream;
use std::convert::Infallible;
use std::time::Duration;

const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The answer that streams a response up to its end.
pub fn stream(relay: Relay) -> Response {
    let events = stream::unfold(relay, |mut relay| async move {
        let news = relay.next().await?;
        Some((Ok::<_, Infallible>(frame(relay.turn(), &news)), relay))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

fn frame(turn: &TurnId, news: &News) -> Event {
    let (json, id) = match news {
        News::Event(event) => (&event.json, Some(event.seq.to_string())),
        News::Aside(json) => (json, None),
    };
    // A type with a line break would end the field; ours have none.
    let kind = snapshot::type_of(json).replace(char::is_control, "");
    let frame = Event::default().event(kind).data(news.to_client_json(turn));
    match id {
        Some(id) => frame.id(id),
        None => frame,
    }
}
