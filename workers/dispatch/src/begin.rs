use ports::broker::{Destination, Message, PublishError, Queue};
use ports::event_log::{Append, AppendError};
use ports::line::{Beginning, Taken};
use ports::{PortError, Ports};

/// Publishes the first job of a turn and lets it leave its line. In this order: who dies in between leaves it in line.
pub(crate) async fn begin(ports: &Ports, taken: &Taken) -> Result<(), PublishError> {
    log_beginning(ports, taken).await;
    let Beginning { envelope, traceparent, .. } = &taken.beginning;
    let queue = Queue::of(envelope.kind.clone(), envelope.meta.lane);
    let message = Message::carrying(envelope, traceparent.clone())?;
    ports.broker.publish(&Destination::Work(queue), message).await?;
    ports.store.begun(&taken.turn).await?;
    Ok(())
}

/// The API has told the client already, unless it died before. A turn that was taken goes on without its log.
async fn log_beginning(ports: &Ports, taken: &Taken) {
    let append = Append {
        turn: taken.turn.clone(),
        fence: 0,
        batch: 0,
        floor: 0,
        events: taken.beginning.events.clone(),
        closes: false,
    };
    match ports.events.append(append).await {
        Ok(_) | Err(AppendError::Stale | AppendError::Closed) => {}
        Err(AppendError::Port(error)) => warn(taken, &error),
    }
}

fn warn(taken: &Taken, error: &PortError) {
    tracing::warn!(turn = %taken.turn, %error, "the first events of a waiting turn may be missing from its log");
}
