use super::state::{Ended, Ending, Hop, State};
use super::{TurnModel, names};
use stateright::Property;

type Condition = fn(&TurnModel, &State) -> bool;

fn always(name: &'static str, condition: Condition) -> Property<TurnModel> {
    Property::always(name, condition)
}

fn sometimes(name: &'static str, condition: Condition) -> Property<TurnModel> {
    Property::sometimes(name, condition)
}

pub(crate) fn all() -> Vec<Property<TurnModel>> {
    vec![
        always(names::ONE_TERMINAL_EVENT, |_, state| state.seen.terminal_events <= 1),
        always(names::ONE_END, |_, state| state.seen.ends <= 1),
        always(names::REFUSED_IS_OVER, |_, state| state.turn.ended != Some(Ended::Refused) || state.turn.fence == 0),
        always(names::NOTHING_AFTER_THE_END, |_, state| !state.seen.event_after_end),
        always(names::ATTEMPTS_APART, |_, state| !state.seen.attempts_mixed),
        always(names::TEXT_IS_THE_ANSWER, text_is_the_answer),
        always(names::EVENT_IS_THE_END, event_is_the_end),
        always(names::ONE_OUTCOME, |_, state| !state.seen.second_outcome),
        always(names::STORED_FIRST, |_, state| !state.seen.published_unstored),
        always(names::NOT_ROBBED, |_, state| !state.seen.robbed),
        always(names::FENCES_GROW, |_, state| !state.seen.fence_given_again),
        always(names::NOT_LOST, not_lost),
        always(names::ACKED_LAST, |_, state| !state.seen.acked_too_soon),
        always(names::ENDS, |model, state| model.recovery.ends(&model.config, state)),
        sometimes(names::ANSWERED, |_, state| is_answered(state)),
        sometimes(names::ANSWERED_LATER, |model, state| {
            let last = state.outcome(model.config.last_hop());
            is_answered(state) && last.is_some_and(|outcome| outcome.fence > model.config.hops)
        }),
        sometimes(names::SWEPT, |model, state| state.outcome(model.config.end_hop()).is_some()),
        sometimes(names::LATE_REFUSED, |_, state| state.seen.late_writer_refused),
    ]
}

fn is_answered(state: &State) -> bool {
    matches!(state.log.end, Some((_, Ending::Completed)))
}

fn text_is_the_answer(model: &TurnModel, state: &State) -> bool {
    match state.log.end {
        Some((fence, Ending::Completed)) => state.log.text == State::text_of(&model.config, fence),
        _ => true,
    }
}

fn event_is_the_end(_: &TurnModel, state: &State) -> bool {
    let Some((fence, _)) = state.log.end else { return true };
    state.turn.ended == Some(Ended::By(fence))
}

/// The first hop without an outcome, or a later one when the store has forgotten an outcome, has a copy in the broker, or
/// somebody still publishes it. Past its deadline a turn may lose its job: the sweeper ends it. Where the broker itself loses
/// jobs, only that the turn ends counts.
fn not_lost(model: &TurnModel, state: &State) -> bool {
    let mut hops = 0..model.config.hops;
    if model.config.lossy {
        return true;
    }
    let Some(undone) = hops.find(|hop| state.outcome(*hop).is_none()) else { return true };
    let last = if model.config.forgetful { model.config.last_hop() } else { undone };
    state.turn.ended.is_some() || state.overdue || (undone..=last).any(|hop| comes(state, hop))
}

/// Its job, or that of a hop before it from which a run went on: who gets that one publishes this one.
fn comes(state: &State, hop: Hop) -> bool {
    let Some(parent) = hop.checked_sub(1) else { return has_copy(state, hop) };
    let went_on = state.outcome(parent).is_some_and(|outcome| outcome.went_on);
    has_copy(state, hop) || will_come(state, parent) || went_on && comes(state, parent)
}

fn has_copy(state: &State, hop: Hop) -> bool {
    state.ready[usize::from(hop)] > 0 || state.workers.iter().any(|worker| worker.holds == Some(hop))
}

fn will_come(state: &State, parent: Hop) -> bool {
    let is_unpublished = state.outcome(parent).is_some_and(|outcome| !outcome.published);
    is_unpublished
        || state.workers.iter().any(|worker| worker.phase.publishes() == Some(parent))
        || state.sweepers.iter().any(|sweeper| sweeper.publishes() == Some(parent))
}
