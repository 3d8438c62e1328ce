//! How the model can do what was told: the steps of the model for each step of a trace.

use super::Act;
use super::actors::{Cast, Place};
use super::sweeps::swept;
use crate::model::{Action, Hop, Phase, State};

/// The state after an act that is possible now and takes nothing from anybody: whatever can be done without it can be
/// done after it. So it need not be weighed against others.
/// `then` is what the actor tells next.
pub(crate) fn quiet(cast: &Cast, state: &State, place: Place, act: &Act, then: Option<&Act>) -> Option<State> {
    match place {
        Place::Worker(w) => Worker::of(cast, w, act).quiet(state, act, then),
        Place::Sweeper(_) => None,
    }
}

/// The states in which the model may be after an act that is not quiet.
pub(crate) fn ways(cast: &Cast, state: &State, place: Place, act: &Act) -> Vec<State> {
    match place {
        Place::Worker(w) => Worker::of(cast, w, act).ways(state, act),
        Place::Sweeper(s) => swept(cast, state, s, act).into_iter().collect(),
    }
}

/// A claim or a seizure that nobody told, when an act says that there was one: whoever did it was killed.
pub(crate) fn untold_claim(cast: &Cast, state: &State, act: &Act) -> Option<State> {
    let shows_it = matches!(act, Act::Busy { .. } | Act::Fenced { .. });
    if !shows_it || state.turn.fence >= MOST_UNTOLD {
        return None;
    }
    let ghost = Worker::of(cast, cast.ghost(), act);
    ghost.dies_with_claim(state).or_else(|| {
        let sweeper = state.sweepers.len() - 1;
        go(cast, state.clone(), &[Action::Seize(sweeper), Action::SweeperCrash(sweeper)])
    })
}

/// The model counts claims in a byte.
const MOST_UNTOLD: u8 = 250;

/// What an actor may have done after the last step that it told.
pub(crate) fn unseen(cast: &Cast, state: &State, place: Place) -> Vec<State> {
    let sequences: &[&[Action]] = match place {
        Place::Worker(w) => &[
            &[Action::Emit(w), Action::Next(w)],
            &[Action::Emit(w), Action::GoOn(w)],
            &[Action::Emit(w), Action::Fail(w)],
            &[Action::Fail(w)],
            &[Action::Mark(w)],
        ],
        Place::Sweeper(s) => &[&[Action::End(s)], &[Action::SweeperMark(s)]],
    };
    sequences.iter().filter_map(|actions| go(cast, state.clone(), actions)).collect()
}

pub(super) fn go(cast: &Cast, mut state: State, actions: &[Action]) -> Option<State> {
    actions.iter().all(|action| action.apply(&cast.config, &mut state)).then_some(state)
}

/// Whoever was refused has asked again: else nothing more can come of the turn.
pub(super) fn asked_again(cast: &Cast, state: &mut State) {
    if Action::AskAgain.is_likely(state) {
        Action::AskAgain.apply(&cast.config, state);
    }
}

struct Worker<'a> {
    cast: &'a Cast,
    w: usize,
    hop: Hop,
}

impl<'a> Worker<'a> {
    fn of(cast: &'a Cast, w: usize, act: &Act) -> Self {
        Self { cast, w, hop: cast.hop(act.hop()) }
    }

    fn quiet(&self, state: &State, act: &Act, then: Option<&Act>) -> Option<State> {
        match act {
            Act::Repeated { .. } => self.repeated(state, then),
            Act::Busy { .. } => self.asked(state, |phase| matches!(phase, Phase::Parking(_))),
            Act::Over { .. } => self.asked(state, |phase| matches!(phase, Phase::Settling(..))),
            Act::Fenced { fence, .. } => self.fenced(state, self.cast.fence(*fence)),
            Act::Published { .. } => self.do_in(state, Phase::publishes, Action::Publish(self.w)),
            Act::Acked { .. } | Act::Buried { .. } => self.acked(state),
            Act::Parked { .. } | Act::Requeued { .. } => self.parked(state),
            _ => None,
        }
    }

    fn ways(&self, state: &State, act: &Act) -> Vec<State> {
        match act {
            Act::Claimed { fence, .. } => self.claimed(state, self.cast.fence(*fence)).into_iter().collect(),
            Act::WentOn { fence, .. } => self.went_on(state, self.cast.fence(*fence)).into_iter().collect(),
            Act::Over { .. } => self.refused(state).into_iter().collect(),
            Act::Committed { fence, ends, .. } => self.committed(state, self.cast.fence(*fence), *ends),
            Act::Released { fence, .. } => self.released(state, self.cast.fence(*fence)),
            Act::Marked { .. } => self.do_in(state, Phase::marks, Action::Mark(self.w)).into_iter().collect(),
            Act::Acked { .. } | Act::Buried { .. } => self.acked_unmarked(state),
            Act::Parked { .. } | Act::Requeued { .. } => self.given_up(state),
            _ => Vec::new(),
        }
    }

    fn phase<'s>(&self, state: &'s State) -> &'s Phase {
        &state.workers[self.w].phase
    }

    fn go(&self, state: &State, actions: &[Action]) -> Option<State> {
        go(self.cast, state.clone(), actions)
    }

    fn do_in(&self, state: &State, does: fn(&Phase) -> Option<Hop>, action: Action) -> Option<State> {
        if does(self.phase(state)) != Some(self.hop) {
            return None;
        }
        self.go(state, &[action])
    }

    /// Takes the job: the broker may deliver again what was published once.
    fn taken(&self, w: usize, state: State) -> Option<State> {
        let is_there = state.ready.get(usize::from(self.hop)).is_some_and(|copies| *copies > 0);
        let duplicate = [Action::Duplicate(self.hop), Action::Deliver(w, self.hop)];
        go(self.cast, state, if is_there { &duplicate[1..] } else { &duplicate })
    }

    /// Each hole in the fences is a claim that nobody told. One that is refused gives no fence.
    fn claimed(&self, state: &State, fence: u64) -> Option<State> {
        let mut state = state.clone();
        let ghost = Worker { w: self.cast.ghost(), ..*self };
        while u64::from(state.turn.fence) + 1 < fence {
            state = ghost.dies_with_claim(&state)?;
        }
        let state = self.taken(self.w, self.free(state))?;
        let state = go(self.cast, state, &[Action::Claim(self.w)])?;
        let is_it = state.workers[self.w].runs().is_some_and(|run| u64::from(run.fence) == fence);
        is_it.then_some(state)
    }

    /// Claims, and is killed.
    fn dies_with_claim(&self, state: &State) -> Option<State> {
        if self.hop >= self.cast.config.hops {
            return None;
        }
        let state = self.taken(self.w, self.free(state.clone()))?;
        let state = go(self.cast, state, &[Action::Claim(self.w)]).filter(|state| self.phase(state).is_running())?;
        go(self.cast, state, &[Action::Crash(self.w)])
    }

    /// The holder of a lease was stopped or killed, so that the lease expired; or the turn was refused and asked again.
    fn free(&self, mut state: State) -> State {
        asked_again(self.cast, &mut state);
        for holder in 0..state.workers.len() {
            let holds = state.workers[holder].runs().is_some_and(|run| run.fence == state.turn.fence);
            if holds && holder != self.w {
                Action::Stop(holder).apply(&self.cast.config, &mut state);
            }
        }
        Action::LeaseExpires.apply(&self.cast.config, &mut state);
        state
    }

    fn asked(&self, state: &State, is_it: impl Fn(&Phase) -> bool) -> Option<State> {
        let state = self.taken(self.w, state.clone())?;
        go(self.cast, state, &[Action::Claim(self.w)]).filter(|state| is_it(self.phase(state)))
    }

    /// What it does next tells whether the outcome was marked.
    fn repeated(&self, state: &State, then: Option<&Act>) -> Option<State> {
        self.asked(state, |phase| match then {
            Some(Act::Acked { .. } | Act::Buried { .. }) => matches!(phase, Phase::Settling(..)),
            Some(_) => matches!(phase, Phase::Publishing(_)),
            None => matches!(phase, Phase::Publishing(_) | Phase::Settling(..)),
        })
    }

    /// The API has refused the turn before anybody claimed it.
    fn refused(&self, state: &State) -> Option<State> {
        let state = self.go(state, &[Action::Refuse])?;
        self.asked(&state, |phase| matches!(phase, Phase::Settling(..)))
    }

    fn runs(&self, state: &State, fence: u64) -> bool {
        let run = state.workers[self.w].runs();
        run.is_some_and(|run| run.hop == self.hop && u64::from(run.fence) == fence)
    }

    fn committed(&self, state: &State, fence: u64, ends: bool) -> Vec<State> {
        if !self.runs(state, fence) {
            return Vec::new();
        }
        let commit = if ends { Action::Fail(self.w) } else { Action::Next(self.w) };
        let ways = [self.go(state, &[Action::Emit(self.w), commit]), self.go(state, &[commit])];
        let is_stored = |state: &State| self.phase(state).publishes() == Some(self.hop);
        ways.into_iter().flatten().filter(is_stored).take(1).collect()
    }

    /// From the hop before, under the next fence.
    fn went_on(&self, state: &State, fence: u64) -> Option<State> {
        let (w, before) = (self.w, self.hop.checked_sub(1)?);
        if state.workers[w].runs().is_none_or(|run| run.hop != before) {
            return None;
        }
        let ways = [self.go(state, &[Action::Emit(w), Action::GoOn(w)]), self.go(state, &[Action::GoOn(w)])];
        ways.into_iter().flatten().find(|state| self.runs(state, fence))
    }

    fn fenced(&self, state: &State, fence: u64) -> Option<State> {
        if !self.runs(state, fence) {
            return None;
        }
        self.go(state, &[Action::Fail(self.w)]).filter(|state| *self.phase(state) == Phase::Parking(self.hop))
    }

    /// Given back; or stored, and the worker did not hear of it.
    fn released(&self, state: &State, fence: u64) -> Vec<State> {
        if !self.runs(state, fence) {
            return Vec::new();
        }
        let (w, unheard) = (self.w, Action::Unanswered(self.w, false));
        let ways: [&[Action]; 4] = [
            &[Action::GiveBack(w)],
            &[Action::Emit(w), Action::GoOnUnanswered(w)],
            &[Action::Emit(w), Action::Next(w), unheard],
            &[Action::Emit(w), Action::Fail(w), unheard],
        ];
        ways.into_iter().filter_map(|actions| self.go(state, actions)).collect()
    }

    fn acked(&self, state: &State) -> Option<State> {
        let Phase::Settling(hop, _) = *self.phase(state) else { return None };
        (hop == self.hop).then(|| self.go(state, &[Action::Settle(self.w)]))?
    }

    /// Its mark was not answered. Others may have found it made.
    fn acked_unmarked(&self, state: &State) -> Vec<State> {
        if self.phase(state).marks() != Some(self.hop) {
            return Vec::new();
        }
        let unanswered = [Action::Mark(self.w), Action::Unanswered(self.w, false)];
        unanswered.into_iter().filter_map(|mark| self.go(state, &[mark, Action::Settle(self.w)])).collect()
    }

    /// Parked because it was said before, because the claim was not answered, or because publishing was not: then it
    /// may have been done, which others can only be glad of.
    fn parked(&self, state: &State) -> Option<State> {
        let (w, unanswered) = (self.w, Action::Unanswered(self.w, matches!(self.phase(state), Phase::Publishing(_))));
        let state = match self.phase(state) {
            Phase::Parking(_) => Some(state.clone()),
            Phase::Idle => go(self.cast, self.taken(w, state.clone())?, &[unanswered]),
            Phase::Publishing(_) => self.go(state, &[unanswered]),
            _ => None,
        }?;
        self.go(&state, &[Action::Park(w), Action::Settle(w)])
    }

    /// A run whose store did not answer. Its outcome may be stored.
    fn given_up(&self, state: &State) -> Vec<State> {
        if !self.phase(state).is_running() {
            return Vec::new();
        }
        let (w, unheard) = (self.w, Action::Unanswered(self.w, false));
        let ways: [&[Action]; 4] = [
            &[unheard],
            &[Action::Emit(w), Action::GoOnUnanswered(w)],
            &[Action::Emit(w), Action::Next(w), unheard],
            &[Action::Emit(w), Action::Fail(w), unheard],
        ];
        let parked = |state: State| self.go(&state, &[Action::Park(w), Action::Settle(w)]);
        ways.into_iter().filter_map(|actions| self.go(state, actions)).filter_map(parked).collect()
    }
}
