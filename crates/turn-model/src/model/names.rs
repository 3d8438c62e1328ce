//! The names of the properties.

/// I1.
pub const ONE_TERMINAL_EVENT: &str = "a response has at most one terminal event";
/// I1.
pub const ONE_END: &str = "a turn ends at most once";
/// I1, I2.
pub const REFUSED_IS_OVER: &str = "a refused turn is not worked on";
/// I1, I7.
pub const ENDS: &str = "when the faults stop the turn ends and nothing is left over";
/// I3.
pub const NOTHING_AFTER_THE_END: &str = "no event follows the terminal event";
/// I3.
pub const ATTEMPTS_APART: &str = "the events of two attempts never mix";
/// I4.
pub const TEXT_IS_THE_ANSWER: &str = "the text of the stream is the text of the terminal event";
/// I4.
pub const EVENT_IS_THE_END: &str = "the terminal event is the stored end";
/// I5.
pub const ONE_OUTCOME: &str = "a hop has at most one outcome";
/// I5.
pub const STORED_FIRST: &str = "a job is published only from a stored outcome";
/// I5, I10.
pub const NOT_ROBBED: &str = "a worker that renews its lease keeps its claim";
/// I5.
pub const FENCES_GROW: &str = "no fence is given twice";
/// I7.
pub const NOT_LOST: &str = "the job of a turn that has not ended is never lost";
/// I7.
pub const ACKED_LAST: &str = "a delivery is acked only when its outcome is published or its turn is over";

/// Reached.
pub const ANSWERED: &str = "a turn is answered";
/// Reached.
pub const ANSWERED_LATER: &str = "a second run gives the answer";
/// Reached.
pub const SWEPT: &str = "a sweeper ends a turn";
/// Reached.
pub const LATE_REFUSED: &str = "a late writer is refused";

/// What must be reached, lest the rest says nothing.
pub const REACHED: [&str; 4] = [ANSWERED, ANSWERED_LATER, SWEPT, LATE_REFUSED];
