//! The words that carry an intent rather than name something.

mod phrases;
mod words;

pub use phrases::mark_at;
pub use words::{is_noise, synonyms};

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
}

impl Op {
    /// The comparison that holds exactly when this one does not.
    pub fn negated(self) -> Self {
        match self {
            Self::Eq => Self::Ne,
            Self::Ne => Self::Eq,
            Self::Lt => Self::Ge,
            Self::Le => Self::Gt,
            Self::Gt => Self::Le,
            Self::Ge => Self::Lt,
        }
    }
}

/// An aggregate function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// The mean.
    Avg,
    /// The sum.
    Sum,
    /// The smallest.
    Min,
    /// The largest.
    Max,
}

/// The direction of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
}

impl Direction {
    /// The other one.
    pub fn reversed(self) -> Self {
        match self {
            Self::Asc => Self::Desc,
            Self::Desc => Self::Asc,
        }
    }
}

/// A period of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// A day.
    Day,
    /// A month of a year.
    Month,
    /// A year.
    Year,
}

/// A figure that a trade computes from its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Quantity times price, summed.
    Revenue,
    /// Quantity, summed.
    Units,
    /// Revenue for each order.
    OrderValue,
}

/// How a text is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// Anywhere.
    Contains,
    /// At the start.
    Starts,
    /// At the end.
    Ends,
}

/// An intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Asks for something: show, list, what.
    Ask,
    /// Counts what follows.
    Count,
    /// Aggregates what follows.
    Aggregate(Function),
    /// Only different values.
    Distinct,
    /// One result for each of what follows.
    Each,
    /// `by`, between what is asked and what it is grouped by.
    By,
    /// Orders by what follows.
    OrderBy(Option<Direction>),
    /// States the direction of an order.
    Sorted(Direction),
    /// Compares with the number that follows; the words hint at the column.
    Compare(Op, &'static [&'static str]),
    /// After a number: at least, or at most, that.
    Inclusive(Op),
    /// Between two numbers.
    Between,
    /// An extreme; the words hint at the column. A date or year is read the other way round when `flips` is set.
    Extreme { direction: Direction, hints: &'static [&'static str] },
    /// The first rows of a ranking.
    Top(Direction),
    /// The value that occurs most or least often.
    Common(Direction),
    /// Negates.
    Not,
    /// And.
    And,
    /// Or.
    Or,
    /// Both of two things hold.
    Both,
    /// A comma.
    Comma,
    /// The end of a sentence.
    Stop,
    /// Searches the text that follows.
    Like(Search),
    /// A name follows.
    Named,
    /// A condition follows: where, whose, with, that.
    Clause,
    /// In, at, on, from.
    In,
    /// A period of the calendar.
    Period(Grain),
    /// A figure of a trade.
    Measure(Measure),
    /// Was sold, bought.
    Sale,
    /// A value is missing.
    Missing,
    /// A share of the whole.
    Share,
    /// A unit after a number.
    Unit,
    /// Asks for a date.
    When,
    /// A meaning that the rules do not cover.
    Unread,
}

impl Mark {
    /// Whether the name of a table or column of the same length takes precedence.
    pub fn yields_to_names(self) -> bool {
        matches!(
            self,
            Self::Ask
                | Self::Period(_)
                | Self::Measure(_)
                | Self::Sale
                | Self::Unit
                | Self::Named
                | Self::Common(_)
                | Self::Share
                | Self::Missing
        )
    }
}
