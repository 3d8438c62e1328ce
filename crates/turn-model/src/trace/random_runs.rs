//! Runs of the model itself, as processes would tell them: each must be accepted, and none after it was tampered with.

use super::{Act, Rejected, Step, accepts};
use crate::model::{ANY_NUMBER, Action, Config, Hop, Phase, State, Sweeper, TurnModel, Why};
use stateright::Model;
use std::collections::BTreeMap;

const CONFIG: Config = Config {
    hops: 3,
    tokens: 0,
    workers: 3,
    sweepers: 1,
    faults: ANY_NUMBER,
    forgetful: false,
    lossy: false,
    mutant: None,
};
const STEPS: usize = 100;
const RUNS: u64 = 4_000;

/// A generator of numbers that needs no crate (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 33).unwrap() % end
    }
}

/// Who does an action, as the model numbers them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Worker(usize),
    Sweeper(usize),
}

/// What was told so far. A line is written after its step and before its actor's next one; a kill may come between.
#[derive(Default)]
struct Telling {
    told: Vec<Step>,
    /// The line that an actor is about to write.
    pending: BTreeMap<Who, Step>,
    /// Deliveries and starts so far.
    begun: usize,
    names: BTreeMap<Who, String>,
}

impl Telling {
    fn begin(&mut self, who: Who) {
        self.begun += 1;
        self.names.insert(who, format!("process#{}", self.begun));
    }

    fn tell(&mut self, who: Who, act: Act) {
        if !self.names.contains_key(&who) {
            self.begin(who);
        }
        self.pending.insert(who, Step::new(self.names[&who].clone(), act));
    }

    fn flush(&mut self, who: Who) {
        self.told.extend(self.pending.remove(&who));
    }

    fn kill(&mut self, who: Who) {
        self.pending.remove(&who);
        self.names.remove(&who);
    }
}

fn hop_id(state: &State, hop: Hop) -> String {
    if hop == CONFIG.end_hop() {
        return format!("resp_1/end.{}", state.outcome(hop).map_or(state.turn.fence, |outcome| outcome.fence));
    }
    (0..=hop).fold("resp_1".to_owned(), |id, depth| format!("{id}/step_{depth}.0"))
}

fn worker_of(action: Action) -> Option<usize> {
    match action {
        Action::Deliver(w, _)
        | Action::Claim(w)
        | Action::Emit(w)
        | Action::Next(w)
        | Action::GoOn(w)
        | Action::GoOnUnanswered(w)
        | Action::Complete(w)
        | Action::Fail(w)
        | Action::Retry(w)
        | Action::GiveBack(w)
        | Action::Publish(w)
        | Action::Mark(w)
        | Action::Park(w)
        | Action::Settle(w)
        | Action::Unanswered(w, _)
        | Action::Crash(w) => Some(w),
        _ => None,
    }
}

fn sweeper_of(action: Action) -> Option<usize> {
    match action {
        Action::Relay(s, _)
        | Action::Seize(s)
        | Action::End(s)
        | Action::SweeperPublish(s)
        | Action::SweeperMark(s)
        | Action::SweeperCrash(s) => Some(s),
        _ => None,
    }
}

fn who_does(action: Action) -> Option<Who> {
    worker_of(action).map(Who::Worker).or_else(|| sweeper_of(action).map(Who::Sweeper))
}

/// What a worker says that it has done, when it says something.
fn said_by_worker(action: Action, before: &Phase, state: &State, w: usize) -> Option<Act> {
    let after = &state.workers[w].phase;
    let of = match before {
        Phase::Got(of) | Phase::Parking(of) | Phase::Settling(of, _) => Some(*of),
        publishes_or_marks => publishes_or_marks.publishes().or(publishes_or_marks.marks()),
    };
    let Some(of) = of else { return said_by_run(action, before, state, w) };
    let hop = hop_id(state, of);
    Some(match (action, before, after) {
        (Action::Claim(_), _, Phase::Running(run)) => Act::Claimed { hop, fence: u64::from(run.fence) },
        (Action::Claim(_), _, Phase::Parking(_)) => Act::Busy { hop },
        (Action::Claim(_), _, Phase::Settling(_, Why::Over)) => Act::Over { hop },
        (Action::Claim(_), ..) => Act::Repeated { hop },
        (Action::Publish(_), _, Phase::Marking(_)) => Act::Published { hop },
        (Action::Mark(_), ..) => Act::Marked { hop },
        (Action::Settle(_), Phase::Settling(_, Why::Parked), _) => Act::Parked { hop },
        (Action::Settle(_), ..) => Act::Acked { hop },
        _ => return None,
    })
}

fn said_by_run(action: Action, before: &Phase, state: &State, w: usize) -> Option<Act> {
    let Phase::Running(run) = before else { return None };
    let (hop, fence) = (hop_id(state, run.hop), u64::from(run.fence));
    match (action, &state.workers[w].phase) {
        (Action::Retry(_) | Action::GiveBack(_), _) => Some(Act::Released { hop, fence }),
        (Action::GoOn(_), Phase::Running(next)) => {
            Some(Act::WentOn { hop: hop_id(state, next.hop), fence: u64::from(next.fence) })
        }
        (Action::Next(_), Phase::Publishing(_)) => Some(Act::Committed { hop, fence, ends: false }),
        (Action::Complete(_) | Action::Fail(_), Phase::Publishing(_)) => {
            Some(Act::Committed { hop, fence, ends: true })
        }
        (Action::Unanswered(..) | Action::GoOnUnanswered(_), _) => None,
        (_, Phase::Parking(_)) => Some(Act::Fenced { hop, fence }),
        _ => None,
    }
}

fn said_by_sweeper(action: Action, before: &Sweeper, state: &State, s: usize) -> Option<Act> {
    match (action, before, &state.sweepers[s]) {
        (Action::Seize(_), _, Sweeper::Ending(fence)) => {
            let fence = u64::from(*fence);
            Some(Act::Seized { hop: format!("resp_1/end.{fence}"), fence })
        }
        (Action::End(_), Sweeper::Ending(fence), after) => {
            let (hop, fence) = (format!("resp_1/end.{fence}"), u64::from(*fence));
            let is_stored = matches!(after, Sweeper::Publishing(_));
            Some(if is_stored { Act::Committed { hop, fence, ends: true } } else { Act::Fenced { hop, fence } })
        }
        (Action::SweeperPublish(_), _, Sweeper::Marking(of)) => Some(Act::Published { hop: hop_id(state, of.hop) }),
        (Action::SweeperMark(_), Sweeper::Marking(of), _) => Some(Act::Marked { hop: hop_id(state, of.hop) }),
        _ => None,
    }
}

/// Faults are rarer than work, so that turns come to something.
fn pick(random: &mut Random, actions: &[Action]) -> Action {
    let work: Vec<Action> = actions.iter().copied().filter(|action| !is_fault(*action)).collect();
    let among = if work.is_empty() || random.below(6) == 0 { actions } else { &work };
    among[random.below(among.len())]
}

fn is_fault(action: Action) -> bool {
    matches!(
        action,
        Action::Refuse
            | Action::AskAgain
            | Action::Deadline
            | Action::Duplicate(_)
            | Action::Fail(_)
            | Action::Retry(_)
            | Action::GiveBack(_)
            | Action::Unanswered(..)
            | Action::GoOnUnanswered(_)
            | Action::Crash(_)
            | Action::Stop(_)
            | Action::Seize(_)
            | Action::SweeperCrash(_)
    )
}

fn step(model: &TurnModel, random: &mut Random, before: &State, telling: &mut Telling) -> Option<State> {
    let mut actions = Vec::new();
    model.actions(before, &mut actions);
    let action = pick(random, &actions);
    let state = model.next_state(before, action)?;
    let Some(who) = who_does(action) else { return Some(state) };
    match action {
        Action::Deliver(..) => telling.begin(who),
        Action::Crash(_) | Action::SweeperCrash(_) => telling.kill(who),
        _ => telling.flush(who),
    }
    let said = match who {
        Who::Worker(w) => said_by_worker(action, &before.workers[w].phase, &state, w),
        Who::Sweeper(s) => said_by_sweeper(action, &before.sweepers[s], &state, s),
    };
    said.into_iter().for_each(|act| telling.tell(who, act));
    Some(state)
}

fn random_trace(seed: u64) -> Vec<Step> {
    let (model, mut random) = (TurnModel::new(CONFIG), Random(seed));
    let (mut state, mut telling) = (State::start(&CONFIG), Telling::default());
    for _ in 0..STEPS {
        state = step(&model, &mut random, &state, &mut telling).unwrap_or(state);
        let waiting: Vec<Who> = telling.pending.keys().copied().collect();
        for who in waiting {
            if random.below(3) > 0 {
                telling.flush(who);
            }
        }
    }
    telling.told
}

#[test]
fn whatever_the_model_does_is_accepted() {
    let mut told = 0;
    for seed in 0..RUNS {
        let trace = random_trace(seed);
        told += trace.len();
        match accepts(&trace) {
            Ok(()) => {}
            Err(Rejected::Untold) => assert!(trace.is_empty()),
            Err(rejected) => panic!("seed {seed}: {rejected}\n{trace:#?}"),
        }
    }
    assert!(told > 10 * usize::try_from(RUNS).unwrap(), "the runs are worth looking at: {told} steps");
}

#[test]
fn what_the_model_does_with_a_second_commit_is_rejected() {
    let mut tampered = 0;
    for seed in 0..RUNS {
        let mut trace = random_trace(seed);
        let Some(at) = trace.iter().position(|step| matches!(step.act, Act::Committed { .. })) else { continue };
        trace.insert(at + 1, trace[at].clone());
        let rejected = accepts(&trace).expect_err("a second commit");
        assert!(matches!(rejected, Rejected::Impossible { .. }), "seed {seed}: {rejected}");
        tampered += 1;
    }
    assert!(tampered > 100, "{tampered} runs had a commit");
}
