//! From any state on, one run without further faults: the turn must end, and nothing may be left over.

use super::state::{Ended, Phase, State, Sweeper};
use super::{Action, Config};
use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// More steps than any such run takes.
const STEPS: usize = 400;

/// Such runs, and the states on them that are known to end well.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recovery {
    good: Arc<Mutex<HashSet<u64>>>,
}

impl Recovery {
    pub(crate) fn ends(&self, config: &Config, state: &State) -> bool {
        let mut state = state.clone();
        let mut passed = Vec::new();
        for _ in 0..STEPS {
            let key = BuildHasherDefault::<DefaultHasher>::default().hash_one(&state);
            if self.good().contains(&key) {
                self.good().extend(passed);
                return true;
            }
            passed.push(key);
            if !step(config, &mut state) {
                let ends = is_at_rest(config, &state);
                if ends {
                    self.good().extend(passed);
                }
                return ends;
            }
        }
        false
    }

    fn good(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first step that is possible; one that is not leaves the state as it is. What is begun is finished first; time passes only when nobody else can go on.
fn step(config: &Config, state: &mut State) -> bool {
    let workers = 0..state.workers.len();
    let sweepers = 0..state.sweepers.len();
    let begun = workers.clone().flat_map(progress).chain(sweepers.clone().flat_map(Action::of_sweeper));
    let hops = || 0..config.hops;
    let relays = sweepers.flat_map(|s| (0..=config.end_hop()).map(move |hop| Action::Relay(s, hop)));
    let deliveries = workers.flat_map(|w| hops().map(move |hop| Action::Deliver(w, hop)));
    let mut all = begun.chain(relays).chain([Action::LeaseExpires]).chain(deliveries).chain([Action::SendAgain]);
    all.any(|action| action.is_likely(state) && action.apply(config, state))
}

fn progress(w: usize) -> impl Iterator<Item = Action> {
    [Action::Wake(w)].into_iter().chain(Action::of_worker(w)).filter(|action| !matches!(action, Action::Fail(_)))
}

fn is_at_rest(config: &Config, state: &State) -> bool {
    let is_told = match state.turn.ended {
        Some(Ended::Refused) => true,
        Some(Ended::By(_)) => state.log.end.is_some(),
        None => false,
    };
    is_told
        && (0..=config.end_hop())
            .all(|hop| state.outcome(hop).is_none_or(|outcome| outcome.went_on || outcome.published && outcome.sent))
        && state.ready.iter().all(|copies| *copies == 0)
        && state.workers.iter().all(|worker| worker.phase == Phase::Idle && worker.holds.is_none())
        && state.sweepers.iter().all(|sweeper| *sweeper == Sweeper::Idle)
}
