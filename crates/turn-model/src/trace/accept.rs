use super::Step;
use super::actors::Cast;
use super::search::{Found, Search};

/// More states than the search for any trace of real processes has looked at, by far.
const MOST_STATES: usize = 20_000;

/// Why a trace is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// No run of the model does these steps.
    #[error("step {} of the trace of {turn} is impossible: {step}: {reason}", .at + 1)]
    Impossible {
        /// The turn.
        turn: String,
        /// Where the first step stands that no run explains, from 0.
        at: usize,
        /// The step.
        step: String,
        /// Why.
        reason: String,
    },
    /// There is nothing to look at.
    #[error(
        "no process has told a step of the turn: let the processes log askline::protocol=debug, and read the logs of \
         all that have run"
    )]
    Untold,
    /// There are too many ways to do these steps.
    #[error(
        "whether the trace of {turn} is possible is not known: {states} states of the model were looked at, and the \
         search was given up; read the steps of this turn in the logs"
    )]
    Undecided {
        /// The turn.
        turn: String,
        /// How many states were looked at.
        states: usize,
    },
}

impl Rejected {
    pub(crate) fn at(trace: &[Step], at: usize, reason: impl Into<String>) -> Self {
        let step = trace.get(at).map(Step::to_string).unwrap_or_default();
        Self::Impossible { turn: turn_of(trace), at, step, reason: reason.into() }
    }
}

/// Whether some run of the model does these steps of one turn. Steps that nobody told (events, duplicates, ends of
/// leases, deadlines, what a process did just before it was killed) are put in where they are needed.
///
/// A step is told after it was done. So one may have happened before others that were told earlier, though not before
/// the step that its own actor told last.
///
/// A trace may stop anywhere. It must begin with the turn. One without a step is rejected.
pub fn accepts(trace: &[Step]) -> Result<(), Rejected> {
    accepts_within(trace, MOST_STATES)
}

/// As [`accepts`], and gives up after so many states.
pub fn accepts_within(trace: &[Step], most_states: usize) -> Result<(), Rejected> {
    if trace.is_empty() {
        return Err(Rejected::Untold);
    }
    let cast = Cast::of(trace)?;
    match Search::new(&cast, trace, most_states).run() {
        Found::Run => Ok(()),
        Found::NoRun { at, reason } => Err(Rejected::at(trace, at, reason)),
        Found::TooMuch { states } => Err(Rejected::Undecided { turn: turn_of(trace), states }),
    }
}

fn turn_of(trace: &[Step]) -> String {
    let hop = trace.first().map(|step| step.act.hop()).unwrap_or_default();
    hop.split('/').next().unwrap_or_default().to_owned()
}
