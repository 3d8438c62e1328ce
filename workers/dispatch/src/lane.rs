use crate::begin::begin;
use crate::{Bounds, Dispatcher};
use contracts::{BusinessId, Lane, TurnId};
use domain::fair::{Contender, Pace, RoundRobin};
use futures_util::future::join_all;
use ports::line::Queued;
use ports::{PortError, Ports};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use telemetry::names;

/// A turn that was taken is begun within this, or whoever took it has died.
const TAKEN_FOR: Duration = Duration::from_secs(5);
/// Turns whose end is watched, to learn how long one takes.
const WATCHED: usize = 64;
const LOOKED_AT: usize = 4;

/// One lane, from round to round.
pub(crate) struct LaneState {
    lane: Lane,
    robin: RoundRobin,
    pace: Pace,
    watched: VecDeque<(TurnId, BusinessId, i64)>,
}

impl LaneState {
    pub(crate) fn new(lane: Lane, bounds: Bounds) -> Self {
        let pace = Pace::new(bounds.share, bounds.window);
        Self { lane, robin: RoundRobin::default(), pace, watched: VecDeque::new() }
    }

    /// Lets in as many as there is room for. True when somebody waits.
    pub(crate) async fn serve(&mut self, of: &Dispatcher) -> Result<bool, PortError> {
        let lines = of.ports.store.lines(self.lane).await?;
        let waiting: u64 = lines.iter().map(Queued::len).sum();
        metrics::gauge!(names::TURNS_WAITING, "lane" => self.lane.as_str()).set(waiting as f64);
        if lines.is_empty() {
            self.pace.rest();
            return Ok(false);
        }
        let in_flight: BTreeMap<_, _> = of.ports.store.in_flight(self.lane).await?.into_iter().collect();
        self.note(&of.ports, &in_flight, &lines);
        self.learn(&of.ports).await?;
        let allowance = self.pace.allowance();
        let contender = |line: &Queued| Contender {
            room: allowance.saturating_sub(in_flight.get(&line.business).copied().unwrap_or(0)),
            waiting: line.len(),
            weight: of.weight(line.business.as_str()),
            business: line.business.0.clone(),
        };
        let contenders: Vec<_> = lines.iter().map(contender).collect();
        let slots = self.pace.window().saturating_sub(in_flight.values().sum());
        let picked = self.robin.pick(&contenders, slots);
        for let_in in join_all(picked.iter().map(|(business, count)| self.let_in(of, business, *count))).await {
            self.watch(let_in?);
        }
        Ok(true)
    }

    async fn let_in(
        &self,
        of: &Dispatcher,
        business: &str,
        count: u64,
    ) -> Result<Vec<(TurnId, BusinessId, i64)>, PortError> {
        let business = BusinessId::from(business);
        let most = u32::try_from(count).unwrap_or(u32::MAX);
        let taken = of.ports.store.take(self.lane, &business, most, TAKEN_FOR).await?;
        let begun = join_all(taken.iter().map(|taken| begin(&of.ports, taken))).await;
        let now_ms = of.ports.clock.now_ms();
        let mut let_in = Vec::new();
        for (taken, begun) in taken.into_iter().zip(begun) {
            match begun {
                Ok(()) => let_in.push((taken.turn, business.clone(), now_ms)),
                Err(error) => {
                    tracing::warn!(turn = %taken.turn, %error, "a waiting turn was not begun: it is taken again");
                }
            }
        }
        metrics::counter!(names::TURNS_LET_IN, "lane" => self.lane.as_str()).increment(let_in.len() as u64);
        Ok(let_in)
    }

    fn note(&mut self, ports: &Ports, in_flight: &BTreeMap<BusinessId, u64>, lines: &[Queued]) {
        metrics::gauge!(names::TURNS_IN_FLIGHT, "lane" => self.lane.as_str())
            .set(in_flight.values().sum::<u64>() as f64);
        let active = in_flight.keys().chain(lines.iter().map(|line| &line.business));
        self.pace.seen(active.map(BusinessId::as_str), ports.clock.monotonic_ms());
    }

    fn watch(&mut self, let_in: Vec<(TurnId, BusinessId, i64)>) {
        let room = WATCHED.saturating_sub(self.watched.len());
        self.watched.extend(let_in.into_iter().take(room));
    }

    /// Looks whether some of the turns that were let in have ended, and how long they took.
    async fn learn(&mut self, ports: &Ports) -> Result<(), PortError> {
        for _ in 0..LOOKED_AT.min(self.watched.len()) {
            let Some((turn, business, begun_ms)) = self.watched.pop_front() else { break };
            match ports.store.turn(&business, &turn).await? {
                Some(stored) => match stored.end {
                    Some(end) => self.pace.took(u64::try_from(end.ended_ms - begun_ms).unwrap_or(0)),
                    None => self.watched.push_back((turn, business, begun_ms)),
                },
                None => tracing::debug!(%turn, "a turn that was let in is stored no more"),
            }
        }
        Ok(())
    }
}
