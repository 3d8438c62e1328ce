use super::Act;
use super::actors::{Cast, Place};
use crate::model::State;

/// A sentence for a person: why the model cannot do this here.
pub(crate) fn not_possible(cast: &Cast, state: &State, place: Place, act: &Act) -> String {
    let outcome = state.outcome(cast.hop(act.hop()));
    let newest = state.turn.fence;
    let is_sent = outcome.is_some_and(|outcome| outcome.sent);
    match act {
        Act::Claimed { .. } | Act::WentOn { .. } if outcome.is_some() => "the hop has an outcome already".into(),
        Act::Claimed { .. } | Act::WentOn { .. } if state.turn.ended.is_some() => "the turn has ended".into(),
        Act::Claimed { fence, .. } | Act::WentOn { fence, .. } | Act::Seized { fence, .. }
            if cast.fence(*fence) <= u64::from(newest) =>
        {
            "a fence as high was given already".into()
        }
        Act::WentOn { .. } => "it does not hold a claim of the hop before".into(),
        Act::SentAgain { .. } => "the hop before has no outcome, so that there is no such job".into(),
        Act::Claimed { .. } => "nobody has published its job, or somebody holds it".into(),
        Act::Committed { .. } if outcome.is_some() => "the hop has an outcome already".into(),
        Act::Committed { .. } if state.turn.ended.is_some() => "the turn has ended".into(),
        Act::Committed { fence, .. } if cast.fence(*fence) < u64::from(newest) => "a newer claim holds the turn".into(),
        Act::Committed { .. } => "it does not hold a claim of the hop under this fence".into(),
        Act::Fenced { .. } => "no newer claim holds the turn, and it has not ended".into(),
        Act::Published { .. } if outcome.is_none() => "the hop has no stored outcome".into(),
        Act::Marked { .. } if !is_sent => "the outcome is not published".into(),
        Act::Acked { .. } | Act::Buried { .. } if !is_sent => {
            "its outcome is not published, and its turn is not over".into()
        }
        Act::Repeated { .. } if outcome.is_none() => "the hop has no stored outcome".into(),
        Act::Over { .. } => "the turn has not ended and is not past the hop".into(),
        Act::Busy { .. } => "nobody holds the turn".into(),
        _ => format!("it is at another step: {}", at(state, place)),
    }
}

fn at(state: &State, place: Place) -> String {
    match place {
        Place::Worker(w) => format!("{:?}", state.workers[w].phase),
        Place::Sweeper(s) => format!("{:?}", state.sweepers[s]),
    }
}
