//! How the model's sweeper can do what was told.

use super::Act;
use super::actors::Cast;
use super::ways::{asked_again, go};
use crate::model::{Action, Hop, State, Sweeper};

/// The state after an act of a sweeper, when it is possible.
pub(super) fn swept(cast: &Cast, state: &State, s: usize, act: &Act) -> Option<State> {
    let hop = cast.hop(act.hop());
    let mut state = state.clone();
    match act {
        Act::Seized { fence, .. } => seized(cast, idle(cast, state, s), s, cast.fence(*fence)),
        Act::Committed { .. } => {
            let state = go(cast, state, &[Action::End(s)])?;
            (state.sweepers[s].publishes() == Some(hop)).then_some(state)
        }
        Act::Fenced { .. } => {
            let state = go(cast, state, &[Action::End(s)])?;
            (state.sweepers[s] == Sweeper::Idle).then_some(state)
        }
        Act::Published { .. } => {
            if state.sweepers[s].publishes() != Some(hop) {
                state = go(cast, held_up(cast, idle(cast, state, s), hop), &[Action::Relay(s, hop)])?;
            }
            let state = go(cast, state, &[Action::SweeperPublish(s)])?;
            (state.sweepers[s].marks() == Some(hop)).then_some(state)
        }
        Act::SentAgain { .. } => sent_again(state, hop),
        Act::Marked { .. } => {
            let is_next = state.sweepers[s].marks() == Some(hop);
            go(cast, state, &[Action::SweeperMark(s)]).filter(|_| is_next)
        }
        _ => None,
    }
}

/// Somebody may get the job from now on, if there is such a job.
fn sent_again(mut state: State, hop: Hop) -> Option<State> {
    let is_decided = hop == 0 || state.outcome(hop - 1).is_some();
    state.parked(hop);
    is_decided.then_some(state)
}

/// What it had begun came to nothing: the next round begins anew.
fn idle(cast: &Cast, mut state: State, s: usize) -> State {
    Action::SweeperCrash(s).apply(&cast.config, &mut state);
    state
}

fn seized(cast: &Cast, mut state: State, s: usize, fence: u64) -> Option<State> {
    asked_again(cast, &mut state);
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
        let phase = &state.workers[w].phase;
        if [phase.publishes(), phase.marks()].contains(&Some(hop)) {
            Action::Stop(w).apply(&cast.config, &mut state);
        }
    }
    state
}
