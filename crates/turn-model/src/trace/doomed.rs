use super::actors::Cast;
use super::search::Node;
use super::{Act, Step};
use crate::model::{Ended, State};

/// A step that is still missing can never be done from here. Fences only grow, outcomes and ends stay.
pub(crate) fn is_doomed(cast: &Cast, trace: &[Step], node: &Node) -> bool {
    let missing = cast.actors.iter().zip(&node.done).flat_map(|((_, steps), done)| &steps[*done..]);
    missing.map(|at| &trace[*at].act).any(|act| is_too_late(cast, &node.state, act))
}

fn is_too_late(cast: &Cast, state: &State, act: &Act) -> bool {
    let newest = u64::from(state.turn.fence);
    let has_outcome = |hop: &str| state.outcome(cast.hop(hop)).is_some();
    // One that was refused may be asked again.
    let has_ended = matches!(state.turn.ended, Some(Ended::By(_)));
    match act {
        Act::Claimed { hop, fence } | Act::WentOn { hop, fence } => {
            has_ended || cast.fence(*fence) <= newest || has_outcome(hop) || state.is_past(cast.hop(hop))
        }
        Act::Seized { fence, .. } => has_ended || cast.fence(*fence) <= newest,
        Act::Committed { hop, fence, .. } => has_ended || cast.fence(*fence) < newest || has_outcome(hop),
        _ => false,
    }
}
