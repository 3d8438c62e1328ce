use super::Config;
use std::hash::{Hash, Hasher};

/// Depth of a hop in the chain, from 0.
pub(crate) type Hop = u8;
/// Number of a claim.
pub(crate) type Fence = u8;

/// Everything that outlives a step, and who is in the middle of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub(crate) turn: Turn,
    /// Stored outcomes by hop; the last place is for the end that a sweeper writes.
    pub(crate) outcomes: Vec<Option<Outcome>>,
    pub(crate) log: EventLog,
    /// Copies of each hop's job that wait in the broker, parked ones among them.
    pub(crate) ready: Vec<u8>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) sweepers: Vec<Sweeper>,
    pub(crate) overdue: bool,
    /// Faults that may still happen.
    pub(crate) faults: u8,
    /// What a crash of the store's server may go back to: before each write that did not wait for the disk, oldest first.
    pub(crate) forgettable: Vec<Stored>,
    /// The fences of the store's era are above this, as above all that were given before.
    pub(crate) era: Fence,
    pub(crate) seen: Seen,
}

/// What the store holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stored {
    pub(crate) turn: Turn,
    pub(crate) outcomes: Vec<Option<Outcome>>,
}

/// The row of the turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Turn {
    pub(crate) fence: Fence,
    pub(crate) hop: Option<Hop>,
    pub(crate) done: bool,
    pub(crate) run: u8,
    pub(crate) lease: Lease,
    pub(crate) seized: bool,
    pub(crate) ended: Option<Ended>,
}

/// `Free` has no owner; `Over` has one whose time is up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Lease {
    #[default]
    Free,
    Held,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ended {
    Refused,
    By(Fence),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Ending {
    /// With the text that its run streamed.
    Completed,
    /// With an error and no text.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Outcome {
    pub(crate) fence: Fence,
    /// `None`: the next job follows.
    pub(crate) ending: Option<Ending>,
    pub(crate) batches: u8,
    /// The mark.
    pub(crate) published: bool,
    /// Who stored it went on with the next hop, whose job is in no queue.
    pub(crate) went_on: bool,
    /// Whether it really was published: no process knows this.
    pub(crate) sent: bool,
}

/// An outcome, as who publishes it has it in memory: the store may have forgotten it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Decided {
    pub(crate) hop: Hop,
    pub(crate) fence: Fence,
    pub(crate) ending: Option<Ending>,
    pub(crate) batches: u8,
}

/// What the event log holds, as a client joins it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct EventLog {
    pub(crate) fence: Fence,
    pub(crate) batch: u8,
    /// The text that counts: fence and place of each piece.
    pub(crate) text: Vec<(Fence, u8)>,
    pub(crate) end: Option<(Fence, Ending)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Worker {
    pub(crate) phase: Phase,
    /// False between SIGSTOP and SIGCONT.
    pub(crate) awake: bool,
    /// It was stopped during this run.
    pub(crate) late: bool,
    /// The delivery that it has not settled.
    pub(crate) holds: Option<Hop>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Phase {
    Idle,
    Got(Hop),
    Running(Run),
    Publishing(Decided),
    Marking(Decided),
    /// About to publish a copy of the job for later.
    Parking(Hop),
    Settling(Hop, Why),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Run {
    pub(crate) hop: Hop,
    pub(crate) fence: Fence,
    pub(crate) attempt: u8,
    /// Appends so far: the first says that the step has begun, the others are text.
    pub(crate) batches: u8,
    /// Only a mutant publishes before it commits.
    pub(crate) published: bool,
}

/// Why a delivery may be acked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Why {
    Published,
    Over,
    Fenced(Fence),
    Parked,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Sweeper {
    #[default]
    Idle,
    /// It has seized the turn.
    Ending(Fence),
    Publishing(Decided),
    Marking(Decided),
}

/// What no state shows once it is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    /// Ends written to the row of the turn.
    pub(crate) ends: u8,
    pub(crate) terminal_events: u8,
    pub(crate) event_after_end: bool,
    pub(crate) attempts_mixed: bool,
    pub(crate) second_outcome: bool,
    pub(crate) acked_too_soon: bool,
    pub(crate) robbed: bool,
    pub(crate) published_unstored: bool,
    pub(crate) late_writer_refused: bool,
    pub(crate) fence_given_again: bool,
    pub(crate) asked_again: bool,
    /// Hops, a bit for each, with an outcome that was published and that the store has forgotten.
    pub(crate) sent_and_forgotten: u8,
}

/// Workers are alike: states that differ only in who is who count as one.
impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self { turn, outcomes, log, ready, workers, sweepers, overdue, faults, forgettable, era, seen } = self;
        (turn, outcomes, log, ready, sweepers, overdue, faults, forgettable, era, seen).hash(hasher);
        let mut alike: Vec<_> = workers.iter().collect();
        alike.sort_unstable();
        alike.hash(hasher);
    }
}

impl State {
    pub(crate) fn start(config: &Config) -> Self {
        let mut ready = vec![0; usize::from(config.hops)];
        ready[0] = 1;
        Self {
            turn: Turn::default(),
            outcomes: vec![None; usize::from(config.end_hop()) + 1],
            log: EventLog::default(),
            ready,
            workers: vec![Worker::idle(); usize::from(config.workers)],
            sweepers: vec![Sweeper::Idle; usize::from(config.sweepers)],
            overdue: false,
            faults: config.faults,
            forgettable: Vec::new(),
            era: 0,
            seen: Seen::default(),
        }
    }

    pub(crate) fn outcome(&self, hop: Hop) -> Option<&Outcome> {
        self.outcomes.get(usize::from(hop)).and_then(Option::as_ref)
    }

    pub(crate) fn outcome_mut(&mut self, hop: Hop) -> Option<&mut Outcome> {
        self.outcomes.get_mut(usize::from(hop)).and_then(Option::as_mut)
    }

    /// The turn is past a hop that has no outcome.
    pub(crate) fn is_past(&self, hop: Hop) -> bool {
        self.turn.hop.is_some_and(|at| at > hop)
    }

    /// False when no fault is left.
    pub(crate) fn fault(&mut self) -> bool {
        if self.faults == 0 {
            return false;
        }
        if self.faults != super::config::ANY_NUMBER {
            self.faults -= 1;
        }
        if self.faults == 0 {
            self.forgettable.clear();
        }
        true
    }
}

impl Phase {
    /// The hop whose outcome it publishes.
    pub(crate) fn publishes(&self) -> Option<Hop> {
        match self {
            Self::Publishing(decided) => Some(decided.hop),
            _ => None,
        }
    }

    /// The hop whose outcome it marks.
    pub(crate) fn marks(&self) -> Option<Hop> {
        match self {
            Self::Marking(decided) => Some(decided.hop),
            _ => None,
        }
    }
}

impl Sweeper {
    /// The hop whose outcome it publishes.
    pub(crate) fn publishes(&self) -> Option<Hop> {
        match self {
            Self::Publishing(decided) => Some(decided.hop),
            _ => None,
        }
    }

    /// The hop whose outcome it marks.
    pub(crate) fn marks(&self) -> Option<Hop> {
        match self {
            Self::Marking(decided) => Some(decided.hop),
            _ => None,
        }
    }
}

impl Outcome {
    pub(crate) fn decided(&self, hop: Hop) -> Decided {
        Decided { hop, fence: self.fence, ending: self.ending, batches: self.batches }
    }

    /// Who comes upon it need not publish it.
    pub(crate) fn is_settled(&self) -> bool {
        self.published && !self.went_on
    }
}

impl Phase {
    pub(crate) fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    /// The hop that it is about.
    pub(crate) fn hop(&self) -> Option<Hop> {
        match self {
            Self::Idle => None,
            Self::Got(hop) | Self::Parking(hop) | Self::Settling(hop, _) => Some(*hop),
            Self::Running(run) => Some(run.hop),
            Self::Publishing(decided) | Self::Marking(decided) => Some(decided.hop),
        }
    }
}

impl Worker {
    pub(crate) fn idle() -> Self {
        Self { phase: Phase::Idle, awake: true, late: false, holds: None }
    }

    pub(crate) fn runs(&self) -> Option<&Run> {
        match &self.phase {
            Phase::Running(run) => Some(run),
            _ => None,
        }
    }
}
