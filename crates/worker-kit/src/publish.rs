use crate::protocol;
use contracts::Envelope;
use futures_util::future::try_join_all;
use ports::broker::{Destination, HEADER_PRODUCER, Message, PublishError, Queue};
use ports::event_log::{Append, AppendError};
use ports::ledger::Outcome;
use ports::{PortError, Ports};
use std::time::Duration;
use telemetry::names;

/// Notes that an outcome has been published.
pub async fn mark_published(ports: &Ports, outcome: &Outcome) -> Result<(), PortError> {
    ports.ledger.mark_published(&outcome.hop, outcome.fence).await?;
    protocol::step("marked", outcome.hop.as_str(), None);
    Ok(())
}

/// Publishes what a hop decided: the terminal event to the log, the next jobs to their queues. Safe to repeat; who does
/// marks it afterwards ([`mark_published`]).
pub async fn publish_outcome(ports: &Ports, outcome: &Outcome) -> Result<(), PublishError> {
    if let Some(event) = &outcome.terminal_event {
        publish_end(ports, outcome, event).await?;
    }
    try_join_all(outcome.next.iter().map(|envelope| publish_job(ports, outcome, envelope))).await?;
    protocol::step("published", outcome.hop.as_str(), None);
    Ok(())
}

async fn publish_end(ports: &Ports, outcome: &Outcome, event: &str) -> Result<(), PortError> {
    let append = Append {
        turn: outcome.turn.clone(),
        fence: outcome.fence,
        batch: outcome.batches,
        floor: outcome.next_seq,
        events: vec![event.to_owned()],
        closes: true,
    };
    match ports.events.append(append).await {
        // A closed log has the terminal event already: this is a repeat.
        Ok(_) | Err(AppendError::Closed) => Ok(()),
        // An open log takes an end whatever fence has written, and a closed one has it.
        Err(AppendError::Stale) => Err(PortError::refused("event log", "end a response", "a newer claim has written")),
        Err(AppendError::Port(error)) => Err(error),
    }
}

/// Publishes a job once more whose message may be lost. One that is not lost finds the job done, or claimed.
pub async fn publish_again(ports: &Ports, envelope: &Envelope) -> Result<(), PublishError> {
    // Told first: who is killed in between has promised a copy that never comes, and not sent one that nobody knows of.
    protocol::step("sent_again", envelope.hop.as_str(), None);
    send(ports, envelope, None).await
}

async fn publish_job(ports: &Ports, outcome: &Outcome, envelope: &Envelope) -> Result<(), PublishError> {
    send(ports, envelope, outcome.traceparent.clone()).await
}

async fn send(ports: &Ports, envelope: &Envelope, traceparent: Option<String>) -> Result<(), PublishError> {
    let mut message = Message::carrying(envelope, traceparent)?;
    if let Some(producer) = telemetry::trace::current_traceparent() {
        message.headers.insert(HEADER_PRODUCER.to_owned(), producer);
    }
    let started_ms = ports.clock.monotonic_ms();
    ports.broker.publish(&Destination::Work(queue_of(envelope)), message).await?;
    let took = Duration::from_millis(ports.clock.monotonic_ms().saturating_sub(started_ms));
    metrics::histogram!(names::PUBLISH_DURATION, "kind" => envelope.kind.clone()).record(took.as_secs_f64());
    Ok(())
}

/// The queue that an envelope belongs in.
fn queue_of(envelope: &Envelope) -> Queue {
    Queue::of(envelope.kind.clone(), envelope.meta.lane)
}
