//! The cross-join rule: whole tables that nothing joins multiply their rows. Two may be meant, three are a mistake or an
//! attack.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Distinct, Expr, Fetch, FunctionArguments, GroupByExpr, JoinConstraint, JoinOperator, LimitClause,
    Select, SelectItem, TableFactor, TableWithJoins, Value, visit_expressions,
};

use super::Walk;
use super::scope::{Scope, Source};
use crate::names;
use crate::refusal::{Refusal, rule};

/// Rows that are few: a table of so many does no harm in a product.
const FEW_ROWS: u64 = 1_000;
/// Whole tables that may be multiplied with each other.
const MOST_MEANT: usize = 2;

impl Walk<'_> {
    /// Refuses a product of whole tables, and returns how many this SELECT multiplies.
    pub(super) fn cross_join(&self, select: &Select) -> Result<usize, Refusal> {
        let Some(scope) = self.scopes.last() else {
            return Ok(0);
        };
        let total: usize = scope.sources.iter().map(|source| source.weight).sum();
        if total <= 1 {
            return Ok(if gives_few(select) { 0 } else { total });
        }
        let mut joined = Joined::new(self, scope);
        joined.from(&select.from);
        if let Some(condition) = &select.selection {
            joined.condition(condition);
        }
        let weight = joined.weight();
        if weight > MOST_MEANT {
            return Err(joined.refusal());
        }
        Ok(if gives_few(select) { 0 } else { weight })
    }
}

/// Which sources the conditions of a SELECT bring together.
struct Joined<'w, 's> {
    walk: &'w Walk<'s>,
    sources: &'w [Source<'s>],
    /// The group of each source: the lowest index in it.
    group: Vec<usize>,
    /// Sources that a comparison with a value narrows to a few rows.
    pinned: Vec<bool>,
    next: usize,
}

impl<'w, 's> Joined<'w, 's> {
    fn new(walk: &'w Walk<'s>, scope: &'w Scope<'s>) -> Self {
        let count = scope.sources.len();
        let (group, pinned) = ((0..count).collect(), vec![false; count]);
        Self { walk, sources: &scope.sources, group, pinned, next: 0 }
    }

    fn from(&mut self, from: &[TableWithJoins]) {
        from.iter().for_each(|table| self.table(table));
    }

    fn table(&mut self, table: &TableWithJoins) {
        let first = self.next;
        self.factor(&table.relation, first);
        for join in &table.joins {
            let right = self.next;
            self.factor(&join.relation, first);
            self.operator(&join.join_operator, first, right);
        }
    }

    fn factor(&mut self, factor: &TableFactor, first: usize) {
        match factor {
            TableFactor::NestedJoin { table_with_joins, .. } => self.table(table_with_joins),
            TableFactor::Derived { lateral: true, .. } => {
                let own = self.next;
                (first..own).for_each(|before| self.join(before, own));
                self.next += 1;
            }
            _ => self.next += 1,
        }
    }

    fn operator(&mut self, operator: &JoinOperator, first: usize, right: usize) {
        let constraint = match operator {
            JoinOperator::CrossJoin(constraint)
            | JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint)
            | JoinOperator::StraightJoin(constraint) => constraint,
            _ => return,
        };
        match constraint {
            JoinConstraint::On(condition) => self.condition(condition),
            JoinConstraint::Using(_) | JoinConstraint::Natural => {
                (right..self.next).chain(first..right).for_each(|source| self.join(first, source));
            }
            JoinConstraint::None => {}
        }
    }

    /// Takes a condition apart at AND: each part brings together the sources that it names.
    fn condition(&mut self, condition: &Expr) {
        match condition {
            Expr::Nested(inner) => self.condition(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                self.condition(left);
                self.condition(right);
            }
            other => {
                let named = self.named(other);
                if let ([only], true) = (named.as_slice(), self.is_equality(other)) {
                    self.pinned[*only] = true;
                }
                for pair in named.windows(2) {
                    self.join(pair[0], pair[1]);
                }
            }
        }
    }

    /// The sources that an expression names, in it and in its subqueries.
    fn named(&self, expr: &Expr) -> Vec<usize> {
        let mut named = Vec::new();
        let flow: ControlFlow<()> = visit_expressions(expr, |part| {
            match part {
                Expr::Identifier(name) => {
                    named.extend(self.owner(&names::meaning(self.walk.dialect, name)));
                }
                Expr::CompoundIdentifier(parts) if parts.len() > 1 => {
                    let source = names::meaning(self.walk.dialect, &parts[parts.len() - 2]);
                    let same = |own: &Source| own.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(&source));
                    named.extend(self.sources.iter().position(same));
                }
                _ => {}
            }
            ControlFlow::Continue(())
        });
        debug_assert!(flow.is_continue());
        named.sort_unstable();
        named.dedup();
        named
    }

    /// A comparison with one value, or with a few.
    fn is_equality(&self, condition: &Expr) -> bool {
        match condition {
            Expr::BinaryOp { left, op, right } => {
                let equal =
                    matches!(op, BinaryOperator::Eq) || matches!(op, BinaryOperator::Custom(text) if text == "IS");
                equal && (self.named(left).is_empty() || self.named(right).is_empty())
            }
            Expr::InList { negated: false, .. } | Expr::InSubquery { negated: false, .. } => true,
            _ => false,
        }
    }

    /// The source of a column that names none: the first that has it, else one whose columns are not known.
    fn owner(&self, column: &str) -> Option<usize> {
        let has = |wanted: Option<bool>| self.sources.iter().position(|source| source.has(column) == wanted);
        has(Some(true)).or_else(|| has(None))
    }

    fn join(&mut self, left: usize, right: usize) {
        let (Some(left), Some(right)) = (self.group.get(left).copied(), self.group.get(right).copied()) else {
            return;
        };
        let (low, high) = (left.min(right), left.max(right));
        self.group.iter_mut().filter(|group| **group == high).for_each(|group| *group = low);
    }

    /// The heaviest source of each group.
    fn weights(&self) -> Vec<(usize, usize)> {
        let mut weights: Vec<(usize, usize)> = Vec::new();
        for (position, source) in self.sources.iter().enumerate().filter(|(_, source)| source.weight > 0) {
            let weight = if self.pinned[position] { 0 } else { source.weight };
            match weights.iter_mut().find(|(group, _)| *group == self.group[position]) {
                // A group that one row picks out is small.
                Some((_, heaviest)) => *heaviest = (*heaviest).max(weight),
                None => weights.push((self.group[position], weight)),
            }
        }
        weights
    }

    fn weight(&self) -> usize {
        self.weights().iter().map(|(_, weight)| weight).sum()
    }

    fn refusal(&self) -> Refusal {
        let first = |group: usize| self.sources.get(group).and_then(|source| source.name.clone());
        let names: Vec<String> = self.weights().into_iter().filter_map(|(group, _)| first(group)).collect();
        let message = match names.as_slice() {
            [] | [_] => "The query multiplies whole tables with each other. Join them by their keys.".to_owned(),
            names => format!(
                "Nothing joins {} with each other, so that every row would meet every row. Add the conditions that join \
                 them, such as ON a.id = b.a_id.",
                names.join(" and ")
            ),
        };
        Refusal::new(rule::CROSS_JOIN, message)
    }
}

/// One row, or one for each group.
fn gives_few(select: &Select) -> bool {
    if matches!(select.distinct, Some(Distinct::Distinct | Distinct::On(_))) {
        return true;
    }
    match &select.group_by {
        GroupByExpr::Expressions(keys, modifiers) if keys.is_empty() && modifiers.is_empty() => gives_one_row(select),
        GroupByExpr::Expressions(..) | GroupByExpr::All(_) => true,
    }
}

/// Whether every column of the SELECT is an aggregate over all rows.
pub fn gives_one_row(select: &Select) -> bool {
    let GroupByExpr::Expressions(keys, _) = &select.group_by else {
        return false;
    };
    let aggregate = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => is_aggregate(expr),
        _ => false,
    };
    keys.is_empty() && !select.projection.is_empty() && select.projection.iter().all(aggregate)
}

fn is_aggregate(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => is_aggregate(inner),
        Expr::BinaryOp { left, right, .. } => {
            let value = |side: &Expr| matches!(side, Expr::Value(_));
            (is_aggregate(left) && (is_aggregate(right) || value(right))) || (value(left) && is_aggregate(right))
        }
        Expr::Function(function) => {
            let name = function.name.to_string().to_lowercase();
            let arguments = match &function.args {
                FunctionArguments::List(list) => list.args.len(),
                FunctionArguments::None | FunctionArguments::Subquery(_) => 0,
            };
            // Two arguments of min and max are no aggregate in SQLite.
            let plain = arguments == 1 && ["count", "sum", "avg", "min", "max"].contains(&name.as_str());
            plain && function.over.is_none()
        }
        _ => false,
    }
}

/// Whether a LIMIT or FETCH keeps the rows few.
pub fn is_limited(limit: &Option<LimitClause>, fetch: &Option<Fetch>) -> bool {
    let limit = match limit {
        Some(LimitClause::LimitOffset { limit: Some(limit), .. } | LimitClause::OffsetCommaLimit { limit, .. }) => {
            Some(limit)
        }
        _ => fetch.as_ref().and_then(|fetch| fetch.quantity.as_ref()),
    };
    limit.and_then(number).is_some_and(|rows| rows <= FEW_ROWS)
}

/// The number that a literal is.
pub fn number(expr: &Expr) -> Option<u64> {
    match expr {
        Expr::Nested(inner) => number(inner),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}
