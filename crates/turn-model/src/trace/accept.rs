use super::actors::Cast;
use super::ways::ways;
use super::{Step, why};
use crate::model::State;
use std::collections::HashSet;

/// The first step of a trace that no run of the model explains.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("step {} of the trace is impossible: {step}: {reason}", .at + 1)]
pub struct Rejected {
    /// Where it stands, from 0.
    pub at: usize,
    /// The step.
    pub step: String,
    /// Why.
    pub reason: String,
}

impl Rejected {
    pub(crate) fn at(trace: &[Step], at: usize, reason: impl Into<String>) -> Self {
        let step = trace.get(at).map(Step::to_string).unwrap_or_default();
        Self { at, step, reason: reason.into() }
    }
}

/// Whether some run of the model does these steps of one turn. Steps that nobody told (events, duplicates, ends of
/// leases, deadlines, what a process did just before it was killed) are put in where they are needed.
///
/// A step is told after it was done. So one may have happened before others that were told earlier, though not before
/// the step that its own actor told last.
///
/// A trace may stop anywhere. It must begin with the turn.
pub fn accepts(trace: &[Step]) -> Result<(), Rejected> {
    let cast = Cast::of(trace)?;
    let mut search = Search { cast: &cast, trace, seen: HashSet::new(), best: None };
    let start = Node { state: State::start(&cast.config), done: vec![0; cast.actors.len()] };
    if search.explains(start) {
        return Ok(());
    }
    let (at, reason) = search.best.unwrap_or_default();
    Err(Rejected::at(trace, at, reason))
}

/// A state of the model, and how many of its steps each actor has done.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Node {
    state: State,
    done: Vec<usize>,
}

struct Search<'a> {
    cast: &'a Cast,
    trace: &'a [Step],
    seen: HashSet<Node>,
    /// The furthest first missing step, and why it was not possible there.
    best: Option<(usize, String)>,
}

impl Search<'_> {
    fn explains(&mut self, start: Node) -> bool {
        let mut open = vec![start];
        while let Some(node) = open.pop() {
            if !self.seen.insert(node.clone()) {
                continue;
            }
            let Some((actor, first)) = self.first_missing(&node) else { return true };
            if self.best.as_ref().is_none_or(|(best, _)| *best < first) {
                let (place, _) = self.cast.actors[actor];
                let reason = why::not_possible(self.cast, &node.state, place, &self.trace[first].act);
                self.best = Some((first, reason));
            }
            self.follow(&node, first, &mut open);
        }
        false
    }

    /// The step that was told first among those that are not done, and its actor.
    fn first_missing(&self, node: &Node) -> Option<(usize, usize)> {
        let next = self.cast.actors.iter().enumerate().zip(&node.done);
        let next = next.filter_map(|((actor, (_, steps)), done)| Some((actor, *steps.get(*done)?)));
        next.min_by_key(|(_, at)| *at)
    }

    /// Pushes what may come next; the step that was told first is looked at first.
    fn follow(&self, node: &Node, first: usize, open: &mut Vec<Node>) {
        let mut after = Vec::new();
        for (actor, (place, steps)) in self.cast.actors.iter().enumerate() {
            let done = node.done[actor];
            let Some(at) = steps.get(done) else {
                let unseen = super::ways::unseen(self.cast, &node.state, *place);
                open.extend(unseen.into_iter().map(|state| Node { state, done: node.done.clone() }));
                continue;
            };
            // It began after its actor's step before: had that been told after the first missing one, that one
            // would be done.
            let began = done.checked_sub(1).map(|before| steps[before]);
            if began.is_some_and(|began| began > first) {
                continue;
            }
            for state in ways(self.cast, &node.state, *place, &self.trace[*at].act) {
                let mut done = node.done.clone();
                done[actor] += 1;
                after.push((*at, Node { state, done }));
            }
        }
        after.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        open.extend(after.into_iter().map(|(_, node)| node));
    }
}
