//! A query as the rules compose it. Tables and columns are positions in the schema, so a plan cannot name what does
//! not exist.

use super::{
    catalog::ColumnRef,
    lexicon::{Direction, Function, Grain, Op, Search},
};

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// A column.
    Column(ColumnRef),
    /// Two columns multiplied.
    Product(ColumnRef, ColumnRef),
    /// The period that a date lies in.
    Period(Grain, ColumnRef),
}

impl Scalar {
    /// The tables it reads.
    pub fn tables(&self) -> Vec<usize> {
        match self {
            Self::Column(column) | Self::Period(_, column) => vec![column.table],
            Self::Product(left, right) => vec![left.table, right.table],
        }
    }
}

/// A value of the result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expr {
    /// A value of a row.
    Scalar(Scalar),
    /// The number of rows of a table.
    Rows(usize),
    /// The number of different values of a column.
    Different(ColumnRef),
    /// An aggregate.
    Aggregate(Function, Scalar),
    /// The percentage of a table's rows that the plan's share describes.
    Share(usize),
    /// A sum divided by the number of different values of a column.
    SumPer(Scalar, ColumnRef),
}

impl Expr {
    /// Whether it is computed over many rows.
    pub fn is_aggregate(&self) -> bool {
        !matches!(self, Self::Scalar(_))
    }

    /// The tables it reads.
    pub fn tables(&self) -> Vec<usize> {
        match self {
            Self::Scalar(scalar) | Self::Aggregate(_, scalar) => scalar.tables(),
            Self::Rows(table) | Self::Share(table) => vec![*table],
            Self::Different(column) => vec![column.table],
            Self::SumPer(scalar, column) => [scalar.tables(), vec![column.table]].concat(),
        }
    }
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A number as written.
    Number(String),
    /// A text.
    Text(String),
    /// A truth value.
    Truth(bool),
}

/// What must hold for a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// It compares so.
    Compare(Op, Literal),
    /// It lies between the two, both included.
    Between(Literal, Literal),
    /// It lies from the first up to, not including, the second.
    Range(String, String),
    /// It holds the text.
    Like(Search, String, bool),
    /// It compares so with the one value of a query.
    CompareQuery(Op, Box<Plan>),
    /// The query returns it; or does not, when negated.
    In(Box<Plan>, bool),
    /// It is null.
    Null,
}

/// A condition on rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The value.
    pub left: Scalar,
    /// What must hold.
    pub test: Test,
}

/// A condition on groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Having {
    /// The aggregate.
    pub left: Expr,
    /// What must hold.
    pub test: Test,
}

/// A query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The table to start from.
    pub root: usize,
    /// Tables to join although nothing else names them.
    pub also: Vec<usize>,
    /// The result's columns.
    pub select: Vec<Expr>,
    /// Whether equal rows appear once.
    pub distinct: bool,
    /// All of these hold, each when any of its conditions holds.
    pub filters: Vec<Vec<Condition>>,
    /// What holds for the rows of a share.
    pub share: Vec<Vec<Condition>>,
    /// What rows are grouped by.
    pub group: Vec<Scalar>,
    /// All of these hold for a group.
    pub having: Vec<Having>,
    /// The order of the result.
    pub order: Vec<(Expr, Direction)>,
    /// The most rows.
    pub limit: Option<u64>,
}

impl Plan {
    /// Every table that it reads itself, the root first.
    pub fn tables(&self) -> Vec<usize> {
        let mut tables = vec![self.root];
        tables.extend(&self.also);
        tables.extend(self.select.iter().flat_map(Expr::tables));
        tables.extend(self.filters.iter().flatten().flat_map(|condition| condition.left.tables()));
        tables.extend(self.group.iter().flat_map(Scalar::tables));
        tables.extend(self.having.iter().flat_map(|having| having.left.tables()));
        tables.extend(self.order.iter().flat_map(|(expr, _)| expr.tables()));
        let mut seen = Vec::new();
        tables.retain(|table| {
            let new = !seen.contains(table);
            seen.push(*table);
            new
        });
        tables
    }
}
