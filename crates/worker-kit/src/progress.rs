use contracts::{HopId, Kind, Lane, TurnId};
use metrics::Gauge;
use ports::Clock;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Looks while nothing comes of a run for as long as it may.
const LOOKS: u32 = 10;

/// When something last came of a run.
pub(crate) struct Progress {
    clock: Arc<dyn Clock>,
    last_ms: AtomicU64,
}

impl Progress {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let last_ms = AtomicU64::new(clock.monotonic_ms());
        Self { clock, last_ms }
    }

    pub(crate) fn note(&self) {
        self.last_ms.store(self.clock.monotonic_ms(), Ordering::Relaxed);
    }

    fn still(&self) -> Duration {
        Duration::from_millis(self.clock.monotonic_ms().saturating_sub(self.last_ms.load(Ordering::Relaxed)))
    }
}

/// Which run it is, for the log.
pub(crate) struct Who<'a> {
    pub(crate) turn: &'a TurnId,
    pub(crate) hop: &'a HopId,
    pub(crate) kind: Kind,
    pub(crate) lane: Lane,
}

/// Counts a run of which nothing comes, for as long as that lasts, and tells of it once.
pub(crate) struct Watchman<'a> {
    progress: &'a Progress,
    after: Duration,
    who: Who<'a>,
    counted: Option<Stuck>,
    is_told: bool,
}

/// A run that is counted as stuck, however it ends.
struct Stuck(Gauge);

impl Drop for Stuck {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl<'a> Watchman<'a> {
    pub(crate) fn new(progress: &'a Progress, after: Duration, who: Who<'a>) -> Self {
        Self { progress, after, who, counted: None, is_told: false }
    }

    /// Looks again and again, for ever; never when `after` is zero.
    pub(crate) async fn watch(mut self) -> Infallible {
        if self.after.is_zero() {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(self.after / LOOKS).await;
            self.look();
        }
    }

    fn look(&mut self) {
        let still = self.progress.still();
        if still < self.after {
            self.counted = None;
        } else if self.counted.is_none() {
            self.counted = Some(self.count());
            self.tell(still);
        }
    }

    fn count(&self) -> Stuck {
        let (kind, lane) = (self.who.kind, self.who.lane.as_str());
        let gauge = metrics::gauge!(telemetry::names::STUCK, "kind" => kind, "lane" => lane);
        gauge.increment(1.0);
        Stuck(gauge)
    }

    fn tell(&mut self, still: Duration) {
        if std::mem::replace(&mut self.is_told, true) {
            return;
        }
        let Who { turn, hop, kind, lane } = &self.who;
        let (still_ms, lane) = (still.as_millis() as u64, lane.as_str());
        tracing::warn!(%turn, %hop, kind, lane, still_ms, "a job holds its claim and nothing comes of it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::{Counter, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
    use std::sync::Mutex;

    const AFTER: Duration = Duration::from_secs(60);

    /// Stands still until it is set.
    #[derive(Default)]
    struct HandClock(AtomicU64);

    impl HandClock {
        fn forward(&self, seconds: u64) {
            self.0.fetch_add(seconds * 1_000, Ordering::Relaxed);
        }
    }

    impl Clock for HandClock {
        fn now_ms(&self) -> i64 {
            0
        }

        fn monotonic_ms(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    /// One gauge for everything, and the keys that were asked for.
    #[derive(Default)]
    struct OneGauge {
        value: Arc<AtomicU64>,
        keys: Mutex<Vec<String>>,
    }

    impl OneGauge {
        fn value(&self) -> f64 {
            f64::from_bits(self.value.load(Ordering::Relaxed))
        }
    }

    impl Recorder for OneGauge {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
            Counter::noop()
        }

        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            self.keys.lock().unwrap().push(format!("{} {}", key.name(), labels.join(" ")));
            Gauge::from_arc(self.value.clone())
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    /// Lets a watchman look at what the steps do with clock and progress; gives the gauge after each, and after its end.
    fn counted(steps: &[fn(&HandClock, &Progress)]) -> (Vec<f64>, Vec<String>) {
        let (recorder, clock) = (OneGauge::default(), Arc::new(HandClock::default()));
        let progress = Progress::new(clock.clone());
        let (turn, hop) = (TurnId::from("resp_1"), HopId::first(&"resp_1".into(), "reply"));
        let values = metrics::with_local_recorder(&recorder, || {
            let who = Who { turn: &turn, hop: &hop, kind: "reply", lane: Lane::Backfill };
            let mut watchman = Watchman::new(&progress, AFTER, who);
            let mut values: Vec<f64> = Vec::new();
            for step in steps {
                step(&clock, &progress);
                watchman.look();
                values.push(recorder.value());
            }
            drop(watchman);
            values.push(recorder.value());
            values
        });
        let keys = recorder.keys.lock().unwrap().clone();
        (values, keys)
    }

    #[test]
    fn a_run_is_counted_once_while_nothing_comes_of_it_and_no_more_after_its_end() {
        let (values, keys) =
            counted(&[|clock, _| clock.forward(59), |clock, _| clock.forward(1), |clock, _| clock.forward(600)]);
        assert_eq!(values, [0.0, 1.0, 1.0, 0.0]);
        assert_eq!(keys, ["askline_jobs_stuck kind=reply lane=backfill"]);
    }

    #[test]
    fn a_run_that_goes_on_is_stuck_no_more_and_may_be_so_again() {
        let (values, _) = counted(&[
            |clock, _| clock.forward(60),
            |_, progress| progress.note(),
            |clock, _| clock.forward(59),
            |clock, _| clock.forward(1),
        ]);
        assert_eq!(values, [1.0, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn a_run_that_says_something_now_and_then_is_never_stuck() {
        let step: fn(&HandClock, &Progress) = |clock, progress| {
            clock.forward(50);
            progress.note();
        };
        assert_eq!(counted(&[step; 10]).0, [0.0; 11]);
    }
}
