//! How the model can do what was told: the steps of the model for each step of a trace.

use super::Act;
use super::actors::{Cast, Place};
use crate::model::{Action, Hop, Phase, State, Sweeper};

/// The states in which the model may be after the act.
pub(crate) fn ways(cast: &Cast, state: &State, place: Place, act: &Act) -> Vec<State> {
    match place {
        Place::Worker(w) => Worker { cast, w, hop: cast.hop(act.hop()) }.ways(state, act),
        Place::Sweeper(s) => swept(cast, state, s, act).into_iter().collect(),
    }
}

/// What an actor may have done after the last step that it told.
pub(crate) fn unseen(cast: &Cast, state: &State, place: Place) -> Vec<State> {
    let sequences: &[&[Action]] = match place {
        Place::Worker(w) => &[
            &[Action::Emit(w), Action::Next(w)],
            &[Action::Emit(w), Action::Fail(w)],
            &[Action::Fail(w)],
            &[Action::Publish(w)],
            &[Action::Mark(w)],
        ],
        Place::Sweeper(s) => &[&[Action::End(s)], &[Action::SweeperPublish(s)], &[Action::SweeperMark(s)]],
    };
    sequences.iter().filter_map(|actions| go(cast, state.clone(), actions)).collect()
}

fn go(cast: &Cast, mut state: State, actions: &[Action]) -> Option<State> {
    actions.iter().all(|action| action.apply(&cast.config, &mut state)).then_some(state)
}

struct Worker<'a> {
    cast: &'a Cast,
    w: usize,
    hop: Hop,
}

impl Worker<'_> {
    fn ways(&self, state: &State, act: &Act) -> Vec<State> {
        let mut state = state.clone();
        Action::Wake(self.w).apply(&self.cast.config, &mut state);
        match act {
            Act::Claimed { fence, .. } => self.claimed(state, self.cast.fence(*fence)).into_iter().collect(),
            Act::Busy { .. } => self.asked(state, |phase| matches!(phase, Phase::Parking(_))),
            Act::Repeated { .. } => {
                self.asked(state, |phase| matches!(phase, Phase::Publishing(_) | Phase::Settling(..)))
            }
            Act::Over { .. } => self.over(state),
            Act::Committed { fence, ends, .. } => self.committed(&state, self.cast.fence(*fence), *ends),
            Act::Fenced { fence, .. } => self.fenced(state, self.cast.fence(*fence)),
            Act::Released { fence, .. } => self.released(&state, self.cast.fence(*fence)),
            Act::Published { .. } => self.do_in(&state, Phase::Publishing(self.hop), Action::Publish(self.w)),
            Act::Marked { .. } => self.do_in(&state, Phase::Marking(self.hop), Action::Mark(self.w)),
            Act::Acked { .. } | Act::Buried { .. } => self.acked(state),
            Act::Parked { .. } | Act::Requeued { .. } => self.parked(&state),
            Act::Seized { .. } => Vec::new(),
        }
    }

    fn phase<'s>(&self, state: &'s State) -> &'s Phase {
        &state.workers[self.w].phase
    }

    fn go(&self, state: &State, actions: &[Action]) -> Option<State> {
        go(self.cast, state.clone(), actions)
    }

    fn do_in(&self, state: &State, phase: Phase, action: Action) -> Vec<State> {
        if *self.phase(state) != phase {
            return Vec::new();
        }
        self.go(state, &[action]).into_iter().collect()
    }

    /// Takes the job: the broker may deliver again what was published once.
    fn taken(&self, w: usize, state: State) -> Option<State> {
        let is_there = state.ready.get(usize::from(self.hop)).is_some_and(|copies| *copies > 0);
        let duplicate = [Action::Duplicate(self.hop), Action::Deliver(w, self.hop)];
        go(self.cast, state, if is_there { &duplicate[1..] } else { &duplicate })
    }

    fn claimed(&self, mut state: State, fence: u64) -> Option<State> {
        let ghost = self.cast.ghost();
        while u64::from(state.turn.fence) + 1 < fence {
            state = self.taken(ghost, self.free(state))?;
            state = go(self.cast, state, &[Action::Claim(ghost), Action::Crash(ghost)])?;
        }
        let state = self.taken(self.w, self.free(state))?;
        let state = go(self.cast, state, &[Action::Claim(self.w)])?;
        let is_it = state.workers[self.w].runs().is_some_and(|run| u64::from(run.fence) == fence);
        is_it.then_some(state)
    }

    /// The holder of a lease was stopped or killed, so that the lease expired.
    fn free(&self, mut state: State) -> State {
        for holder in 0..state.workers.len() {
            let holds = state.workers[holder].runs().is_some_and(|run| run.fence == state.turn.fence);
            if holds && holder != self.w {
                Action::Stop(holder).apply(&self.cast.config, &mut state);
            }
        }
        Action::LeaseExpires.apply(&self.cast.config, &mut state);
        state
    }

    fn asked(&self, state: State, is_it: impl Fn(&Phase) -> bool) -> Vec<State> {
        let state = self.taken(self.w, state).and_then(|state| go(self.cast, state, &[Action::Claim(self.w)]));
        state.into_iter().filter(|state| is_it(self.phase(state))).collect()
    }

    fn over(&self, mut state: State) -> Vec<State> {
        // The API may have refused the turn before anybody claimed it.
        Action::Refuse.apply(&self.cast.config, &mut state);
        self.asked(state, |phase| matches!(phase, Phase::Settling(..)))
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
        let is_stored = |state: &State| *self.phase(state) == Phase::Publishing(self.hop);
        ways.into_iter().flatten().filter(is_stored).take(1).collect()
    }

    fn fenced(&self, state: State, fence: u64) -> Vec<State> {
        if !self.runs(&state, fence) {
            return Vec::new();
        }
        let is_refused = |state: &State| *self.phase(state) == Phase::Parking(self.hop);
        self.go(&state, &[Action::Fail(self.w)]).into_iter().filter(is_refused).collect()
    }

    /// Given back; or stored, and the worker did not hear of it.
    fn released(&self, state: &State, fence: u64) -> Vec<State> {
        if !self.runs(state, fence) {
            return Vec::new();
        }
        let (w, unheard) = (self.w, Action::Unanswered(self.w, false));
        let ways: [&[Action]; 3] = [
            &[Action::GiveBack(w)],
            &[Action::Emit(w), Action::Next(w), unheard],
            &[Action::Emit(w), Action::Fail(w), unheard],
        ];
        ways.into_iter().filter_map(|actions| self.go(state, actions)).collect()
    }

    fn acked(&self, mut state: State) -> Vec<State> {
        if matches!(self.phase(&state), Phase::Marking(_)) {
            Action::Unanswered(self.w, false).apply(&self.cast.config, &mut state);
        }
        let Phase::Settling(hop, _) = *self.phase(&state) else { return Vec::new() };
        if hop != self.hop {
            return Vec::new();
        }
        self.go(&state, &[Action::Settle(self.w)]).into_iter().collect()
    }

    /// Parked because it was said before, or because something did not answer.
    fn parked(&self, state: &State) -> Vec<State> {
        let before = match self.phase(state) {
            Phase::Idle => self.taken(self.w, state.clone()),
            _ => Some(state.clone()),
        };
        let Some(before) = before else { return Vec::new() };
        let rest = [Action::Park(self.w), Action::Settle(self.w)];
        if matches!(self.phase(&before), Phase::Parking(_)) {
            return self.go(&before, &rest).into_iter().collect();
        }
        let unanswered = [false, true].map(|done| self.go(&before, &[Action::Unanswered(self.w, done)]));
        unanswered.into_iter().flatten().filter_map(|state| self.go(&state, &rest)).collect()
    }
}

fn swept(cast: &Cast, state: &State, s: usize, act: &Act) -> Option<State> {
    let hop = cast.hop(act.hop());
    let mut state = state.clone();
    match act {
        Act::Seized { fence, .. } => seized(cast, idle(cast, state, s), s, cast.fence(*fence)),
        Act::Committed { .. } => {
            let state = go(cast, state, &[Action::End(s)])?;
            (state.sweepers[s] == Sweeper::Publishing(hop)).then_some(state)
        }
        Act::Fenced { .. } => {
            let state = go(cast, state, &[Action::End(s)])?;
            (state.sweepers[s] == Sweeper::Idle).then_some(state)
        }
        Act::Published { .. } => {
            if state.sweepers[s] != Sweeper::Publishing(hop) {
                state = go(cast, held_up(cast, idle(cast, state, s), hop), &[Action::Relay(s, hop)])?;
            }
            let state = go(cast, state, &[Action::SweeperPublish(s)])?;
            (state.sweepers[s] == Sweeper::Marking(hop)).then_some(state)
        }
        Act::Marked { .. } => {
            let is_next = state.sweepers[s] == Sweeper::Marking(hop);
            go(cast, state, &[Action::SweeperMark(s)]).filter(|_| is_next)
        }
        _ => None,
    }
}

/// What it had begun came to nothing: the next round begins anew.
fn idle(cast: &Cast, mut state: State, s: usize) -> State {
    Action::SweeperCrash(s).apply(&cast.config, &mut state);
    state
}

fn seized(cast: &Cast, mut state: State, s: usize, fence: u64) -> Option<State> {
    Action::Deadline.apply(&cast.config, &mut state);
    let ghost = state.sweepers.len() - 1;
    while u64::from(state.turn.fence) + 1 < fence {
        state = go(cast, state, &[Action::Seize(ghost), Action::SweeperCrash(ghost)])?;
    }
    let state = go(cast, state, &[Action::Seize(s)])?;
    (u64::from(state.turn.fence) == fence).then_some(state)
}

/// A sweeper publishes for workers that are dead or late.
fn held_up(cast: &Cast, mut state: State, hop: Hop) -> State {
    for w in 0..state.workers.len() {
        if matches!(state.workers[w].phase, Phase::Publishing(of) | Phase::Marking(of) if of == hop) {
            Action::Stop(w).apply(&cast.config, &mut state);
        }
    }
    state
}
