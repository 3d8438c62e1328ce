//! Looks for a run of the model that does the steps of a trace.
//!
//! What keeps it short: acts that take nothing from anybody are done as soon as they can be; a state from which a step
//! that is still missing can never be done is put aside; and states are kept without what decides nothing any more.

use super::actors::Cast;
use super::doomed::is_doomed;
use super::ways::{quiet, unseen, untold_claim, ways};
use super::{Act, Step, why};
use crate::model::State;
use std::collections::HashSet;

/// States that are looked at only to word a rejection.
const MOST_EXPLAINING: usize = 500;

/// What a search came to.
pub(crate) enum Found {
    Run,
    NoRun {
        /// The furthest first missing step.
        at: usize,
        reason: String,
    },
    TooMuch {
        states: usize,
    },
}

/// A state of the model, and how many of its steps each actor has done.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) state: State,
    pub(crate) done: Vec<usize>,
}

pub(crate) struct Search<'a> {
    cast: &'a Cast,
    trace: &'a [Step],
    most_states: usize,
    seen: HashSet<Node>,
    open: Vec<Node>,
    /// They lead nowhere. They are looked at last, only to say which step is the impossible one.
    doomed: Vec<Node>,
    best: Option<(usize, String)>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(cast: &'a Cast, trace: &'a [Step], most_states: usize) -> Self {
        let (seen, open, doomed) = (HashSet::new(), Vec::new(), Vec::new());
        Self { cast, trace, most_states, seen, open, doomed, best: None }
    }

    pub(crate) fn run(mut self) -> Found {
        self.push(Node { state: State::start(&self.cast.config), done: vec![0; self.cast.actors.len()] });
        while let Some(node) = self.open.pop() {
            if self.is_at_end(node) {
                return Found::Run;
            }
            if self.seen.len() > self.most_states {
                return Found::TooMuch { states: self.seen.len() };
            }
        }
        self.explain()
    }

    /// Which step is the impossible one; within the limit, as well as can be told.
    fn explain(mut self) -> Found {
        let most = self.seen.len() + MOST_EXPLAINING;
        while self.seen.len() < most
            && let Some(node) = self.doomed.pop()
        {
            self.is_at_end(node);
        }
        let (at, reason) = self.best.unwrap_or_default();
        Found::NoRun { at, reason }
    }

    /// Looks at what may come next.
    fn is_at_end(&mut self, node: Node) -> bool {
        let Some((actor, first)) = self.first_missing(&node) else { return true };
        if !self.seen.insert(node.clone()) {
            return false;
        }
        if self.best.as_ref().is_none_or(|(best, _)| *best < first) {
            let (place, _) = self.cast.actors[actor];
            let reason = why::not_possible(self.cast, &node.state, place, &self.trace[first].act);
            self.best = Some((first, reason));
        }
        self.follow(&node, first);
        false
    }

    /// The step that was told first among those that are not done, and its actor.
    fn first_missing(&self, node: &Node) -> Option<(usize, usize)> {
        let next = self.cast.actors.iter().enumerate().zip(&node.done);
        let next = next.filter_map(|((actor, (_, steps)), done)| Some((actor, *steps.get(*done)?)));
        next.min_by_key(|(_, at)| *at)
    }

    /// The actors' next steps that may have been done before the first missing one was told: the actor's step before
    /// was told earlier than that.
    fn next_steps(&self, node: &Node, first: usize) -> Vec<(usize, usize)> {
        let mut next = Vec::new();
        for (actor, (_, steps)) in self.cast.actors.iter().enumerate() {
            let done = node.done[actor];
            let began = done.checked_sub(1).map(|before| steps[before]);
            if let Some(at) = steps.get(done)
                && began.is_none_or(|began| began < first)
            {
                next.push((actor, *at));
            }
        }
        next.sort_by_key(|(_, at)| *at);
        next
    }

    /// Puts forward what may come next; the step that was told first is looked at first, what nobody told last.
    fn follow(&mut self, node: &Node, first: usize) {
        if let Some(state) = untold_claim(self.cast, &node.state, &self.trace[first].act) {
            self.push(Node { state, done: node.done.clone() });
        }
        for (actor, (place, steps)) in self.cast.actors.iter().enumerate() {
            if node.done[actor] == steps.len() {
                for state in unseen(self.cast, &node.state, *place) {
                    self.push(Node { state, done: node.done.clone() });
                }
            }
        }
        for (actor, at) in self.next_steps(node, first).into_iter().rev() {
            let (place, _) = self.cast.actors[actor];
            for state in ways(self.cast, &node.state, place, &self.trace[at].act) {
                self.push(node.after(actor, state));
            }
        }
    }

    fn push(&mut self, node: Node) {
        let node = self.calm(node);
        let to = if is_doomed(self.cast, self.trace, &node) { &mut self.doomed } else { &mut self.open };
        to.push(node);
    }

    /// Does all that is quiet.
    fn calm(&self, mut node: Node) -> Node {
        loop {
            self.simplify(&mut node);
            let Some(next) = self.quiet_step(&node) else { return node };
            node = next;
        }
    }

    fn quiet_step(&self, node: &Node) -> Option<Node> {
        let (_, first) = self.first_missing(node)?;
        self.next_steps(node, first).into_iter().find_map(|(actor, at)| {
            let (place, steps) = &self.cast.actors[actor];
            let then = steps.get(node.done[actor] + 1).map(|next| &self.trace[*next].act);
            let act = &self.trace[at].act;
            let state = quiet(self.cast, &node.state, *place, act, then).or_else(|| self.mark(node, actor, act))?;
            Some(node.after(actor, state))
        })
    }

    /// A mark is quiet when nobody will find its outcome unmarked any more.
    fn mark(&self, node: &Node, actor: usize, act: &Act) -> Option<State> {
        let Act::Marked { hop } = act else { return None };
        let (place, _) = self.cast.actors[actor];
        let is_waited_for = self.cast.actors.iter().zip(&node.done).any(|((of, steps), done)| {
            let mut missing = steps[*done..].iter().map(|at| &self.trace[*at].act);
            let finds_it = |act: &Act| matches!(act, Act::Published { .. } | Act::Parked { .. } | Act::Requeued { .. });
            *of != place && missing.any(|act| finds_it(act) && act.hop() == hop)
        });
        if is_waited_for {
            return None;
        }
        ways(self.cast, &node.state, place, act).into_iter().next()
    }

    fn simplify(&self, node: &mut Node) {
        for ((place, steps), done) in self.cast.actors.iter().zip(&node.done) {
            if *done == steps.len() {
                place.retire(&self.cast.config, &mut node.state);
            }
        }
        node.state.simplify();
    }
}

impl Node {
    fn after(&self, actor: usize, state: State) -> Self {
        let mut done = self.done.clone();
        done[actor] += 1;
        Self { state, done }
    }
}
