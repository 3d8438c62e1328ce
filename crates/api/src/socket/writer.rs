use super::close::{Close, SLOW};
use super::outbound::{Next, Outbound};
use axum::extract::ws::{Message, WebSocket};
use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use std::sync::Arc;
use std::time::Duration;

/// For the close frame, behind what the client has not read yet.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

type Sink = SplitSink<WebSocket, Message>;

/// Writes what waits until the queue is closed or the client is gone. A frame that cannot be written within `patience`
/// closes the socket.
pub async fn run(mut sink: Sink, outbound: Arc<Outbound>, patience: Duration) {
    if let Some(close) = write_all(&mut sink, &outbound, patience).await {
        let sent = tokio::time::timeout(CLOSE_TIMEOUT, sink.send(close.frame())).await;
        tracing::debug!(code = close.code, told = matches!(sent, Ok(Ok(()))), "a websocket was closed");
    }
    outbound.write_off();
}

async fn write_all(sink: &mut Sink, outbound: &Outbound, patience: Duration) -> Option<Close> {
    loop {
        let frame = match outbound.next().await {
            Next::Frame(frame) => frame,
            Next::Close(close) => return Some(close),
        };
        let written = tokio::select! {
            written = tokio::time::timeout(patience, write(sink, frame, outbound)) => written,
            close = outbound.urgent() => return Some(close),
        };
        match written {
            Ok(Ok(None)) => {}
            Ok(Ok(close)) => return close,
            Ok(Err(_)) => return None,
            Err(_) => return Some(SLOW),
        }
    }
}

/// Writes a frame and what else waits, and flushes once. Gives a close that it met.
async fn write(sink: &mut Sink, first: Message, outbound: &Outbound) -> Result<Option<Close>, axum::Error> {
    sink.feed(first).await?;
    let mut met = None;
    while let Some(next) = outbound.try_next() {
        match next {
            Next::Frame(frame) => sink.feed(frame).await?,
            Next::Close(close) => {
                met = Some(close);
                break;
            }
        }
    }
    sink.flush().await?;
    Ok(met)
}
