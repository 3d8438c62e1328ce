//! What tells an autoscaler how many workers are wanted, and a person where work piles up.

use ports::broker::{Depth, Destination, Queue};
use ports::dead::{DeadFilter, DeadState, Scope};
use ports::{PortError, Ports};
use std::collections::HashMap;
use telemetry::names;

/// Unknown, as Prometheus says it: no rule fires on it, and nobody takes it for nothing to do.
const UNKNOWN: f64 = f64::NAN;
/// Open turns that are looked at for the oldest of each kind.
const LOOKED_AT: u32 = 200;

/// Measures every queue. What cannot be measured is unknown.
pub(crate) async fn measure(ports: &Ports, queues: &[Queue]) {
    for queue in queues {
        let work = ports.broker.depth(&Destination::Work(queue.clone())).await;
        show_work(queue, log(queue, work));
        let parked = ports.broker.parked(queue).await;
        set(names::QUEUE_DEPTH, queue, Some("retry"), log(queue, parked).map(|count| count as f64));
        let dead = ports.broker.depth(&Destination::Dead(queue.clone())).await;
        set(names::QUEUE_DEPTH, queue, Some("dead"), log(queue, dead).map(|depth| depth.ready as f64));
        let filter =
            DeadFilter { state: Some(DeadState::Open), kind: Some(queue.kind.clone()), ..DeadFilter::default() };
        let open = log(queue, ports.store.count_dead(&Scope::Operator, &filter).await);
        set(names::DEAD_OPEN, queue, None, open.map(|count| count as f64));
    }
    show_ages(queues, oldest(ports).await);
}

/// Says that nothing is known here any more: somebody else measures.
pub(crate) fn forget(queues: &[Queue]) {
    for queue in queues {
        show_work(queue, None);
        set(names::QUEUE_DEPTH, queue, Some("retry"), None);
        set(names::QUEUE_DEPTH, queue, Some("dead"), None);
        set(names::DEAD_OPEN, queue, None, None);
    }
    show_ages(queues, None);
}

fn show_work(queue: &Queue, depth: Option<Depth>) {
    set(names::QUEUE_DEPTH, queue, Some("work"), depth.map(|depth| depth.ready as f64));
    set(names::QUEUE_CONSUMERS, queue, None, depth.map(|depth| depth.consumers as f64));
    // A broker that does not tell leaves it to its consumers, each of which counts its own.
    if let Some(unacked) = depth.and_then(|depth| depth.unacked) {
        set(names::QUEUE_UNACKED, queue, None, Some(unacked as f64));
    }
}

/// Ages of the oldest open turn by the kind of its step, in seconds, and whether all open turns were looked at.
type Ages = (HashMap<String, f64>, bool);

async fn oldest(ports: &Ports) -> Option<Ages> {
    let steps = match ports.store.open_steps(LOOKED_AT).await {
        Ok(steps) => steps,
        Err(error) => {
            tracing::debug!(%error, "the age of the oldest jobs is unknown");
            return None;
        }
    };
    let now_ms = ports.clock.now_ms();
    let all = steps.len() < LOOKED_AT as usize;
    let mut ages = HashMap::new();
    for step in steps {
        let age = now_ms.saturating_sub(step.asked_ms).max(0) as f64 / 1_000.0;
        let oldest = ages.entry(step.kind).or_insert(age);
        *oldest = age.max(*oldest);
    }
    Some((ages, all))
}

fn show_ages(queues: &[Queue], ages: Option<Ages>) {
    for queue in queues {
        let age = ages.as_ref().and_then(|(ages, all)| match ages.get(&queue.kind) {
            Some(age) => Some(*age),
            // Younger than all that were looked at, or not there.
            None => all.then_some(0.0),
        });
        set(names::OLDEST_AGE, queue, None, age);
    }
}

fn set(name: &'static str, queue: &Queue, place: Option<&'static str>, value: Option<f64>) {
    let (kind, lane) = (queue.kind.clone(), queue.lane.as_str());
    let gauge = match place {
        Some(place) => metrics::gauge!(name, "kind" => kind, "lane" => lane, "queue" => place),
        None => metrics::gauge!(name, "kind" => kind, "lane" => lane),
    };
    gauge.set(value.unwrap_or(UNKNOWN));
}

fn log<T>(queue: &Queue, measured: Result<T, PortError>) -> Option<T> {
    measured.inspect_err(|error| tracing::debug!(kind = queue.kind, %error, "a figure is unknown")).ok()
}
