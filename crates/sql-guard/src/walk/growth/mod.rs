//! How long a text may become. A function that repeats its argument is harmless with the text of a column, and makes a
//! gigabyte of what another such function made, be it in the same expression or in a query that this one reads from.
//! PostgreSQL has no limit below a gigabyte, and sends such a value whole.
//!
//! SQLite is left out: there the session limits every value, and a longer one fails at once.

mod size;

use std::collections::HashMap;
use std::ops::ControlFlow;

use contracts::Dialect;
use size::Size;
use sqlparser::ast::{Expr, ObjectName, Query, TableFactor, Visit, Visitor};

use super::Verdict;
use crate::names;
use crate::refusal::{Refusal, rule};

/// Characters that a step of a recursive query may add to a text.
const MAX_STEP: f64 = 2_000.0;

/// Refuses what could make one value huge.
pub fn check(statement: &impl Visit, dialect: Dialect) -> Verdict {
    if dialect == Dialect::Sqlite {
        return Ok(());
    }
    let mut growth = Growth {
        dialect,
        levels: vec![Level::Query(Reading::at(Place::From, Vec::new()))],
        known: HashMap::new(),
        lateral: false,
    };
    match statement.visit(&mut growth) {
        ControlFlow::Break(refusal) => Err(refusal),
        ControlFlow::Continue(()) => match growth.levels.pop() {
            Some(Level::Query(root)) => root.total().map(drop),
            _ => Ok(()),
        },
    }
}

/// What is being visited, outermost first.
enum Level {
    Query(Reading),
    Expr(Vec<Size>),
    /// Something in FROM, with the arguments of a function that stands there.
    Factor(Vec<Size>),
}

/// How much longer than a common text what a query gives may be, and how often it multiplies the columns around it.
#[derive(Clone, Copy)]
struct Ratio {
    times: f64,
    degree: i32,
}

impl Ratio {
    fn beside(self, columns: f64) -> f64 {
        self.times * columns.powi(self.degree)
    }
}

/// What is known of a query so far.
struct Reading {
    /// The largest of its expressions, and the largest of all that they are made of.
    largest: Size,
    peak: Size,
    /// How much longer than common texts the columns of FROM may be.
    columns: f64,
    /// Queries in its expressions. They may read its columns.
    inner: Vec<Ratio>,
    /// Names of its WITH that have not been visited yet, first one last.
    pending: Vec<String>,
    place: Place,
    is_recursive: bool,
}

/// Where a query stands.
#[derive(Default)]
enum Place {
    #[default]
    From,
    /// It sees what stands before it.
    Lateral,
    Expression,
    /// It is given a name.
    With(String),
}

impl Reading {
    fn at(place: Place, pending: Vec<String>) -> Self {
        let (largest, peak) = (Size::nothing(), Size::nothing());
        Self { largest, peak, columns: 1.0, inner: Vec::new(), pending, place, is_recursive: false }
    }

    fn total(&self) -> Result<Ratio, Refusal> {
        if self.is_recursive && (self.largest.multiplies || self.largest.characters > MAX_STEP) {
            return Err(growing());
        }
        let inner = self.inner.iter().map(|inner| inner.beside(self.columns));
        let columns = inner.fold(self.columns, f64::max);
        if self.peak.is_too_long(columns) {
            return Err(size::too_long());
        }
        let times = (self.largest.characters_with(columns) / size::COMMON).max(columns);
        let degree = self.inner.iter().map(|inner| inner.degree).fold(self.largest.degree, i32::max);
        Ok(Ratio { times, degree })
    }

    fn reads(&mut self, times: f64) {
        self.columns = self.columns.max(times);
    }
}

struct Growth {
    dialect: Dialect,
    levels: Vec<Level>,
    /// How much longer than a common text the columns of a WITH may be, by its name.
    known: HashMap<String, f64>,
    lateral: bool,
}

impl Growth {
    fn query(&mut self) -> Option<&mut Reading> {
        self.levels.iter_mut().rev().find_map(|level| match level {
            Level::Query(reading) => Some(reading),
            _ => None,
        })
    }

    fn give(&mut self, size: Size) {
        if let Some(reading) = self.query() {
            reading.peak = reading.peak.clone().or(size.clone());
        }
        match self.levels.last_mut() {
            Some(Level::Expr(arguments) | Level::Factor(arguments)) => arguments.push(size),
            Some(Level::Query(reading)) => reading.largest = reading.largest.clone().or(size),
            None => {}
        }
    }

    fn meaning(&self, name: &ObjectName) -> Option<String> {
        match names::parts(name)?.as_slice() {
            [only] => Some(names::meaning(self.dialect, only).to_lowercase()),
            _ => None,
        }
    }
}

impl Visitor for Growth {
    type Break = Refusal;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Refusal> {
        let is_lateral = std::mem::take(&mut self.lateral);
        let place = match self.levels.last_mut() {
            Some(Level::Expr(_)) => Place::Expression,
            Some(Level::Query(outer)) => outer.pending.pop().map(Place::With).unwrap_or_default(),
            _ if is_lateral => Place::Lateral,
            _ => Place::From,
        };
        let ctes = query.with.iter().flat_map(|with| with.cte_tables.iter().rev());
        let pending = ctes.map(|cte| names::meaning(self.dialect, &cte.alias.name).to_lowercase()).collect();
        self.levels.push(Level::Query(Reading::at(place, pending)));
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<Refusal> {
        let Some(Level::Query(done)) = self.levels.pop() else { return ControlFlow::Continue(()) };
        let ratio = match done.total() {
            Ok(ratio) => ratio,
            Err(refusal) => return ControlFlow::Break(refusal),
        };
        if let Place::With(name) = done.place {
            let known = self.known.entry(name).or_insert(1.0);
            *known = known.max(ratio.times);
            return ControlFlow::Continue(());
        }
        if let Some(outer) = self.query() {
            outer.largest.multiplies |= done.largest.multiplies;
            match done.place {
                Place::Expression => outer.inner.push(ratio),
                Place::Lateral => outer.reads(ratio.beside(outer.columns)),
                _ => outer.reads(ratio.times),
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Refusal> {
        let Some(name) = self.meaning(relation) else { return ControlFlow::Continue(()) };
        for level in &mut self.levels {
            if let Level::Query(reading) = level
                && matches!(&reading.place, Place::With(own) if *own == name)
            {
                reading.is_recursive = true;
            }
        }
        let ratio = self.known.get(&name).copied().unwrap_or(1.0);
        if let Some(reading) = self.query() {
            reading.reads(ratio);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Refusal> {
        self.lateral = matches!(factor, TableFactor::Derived { lateral: true, .. });
        self.levels.push(Level::Factor(Vec::new()));
        ControlFlow::Continue(())
    }

    /// A function in FROM is seen by those beside it.
    fn post_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Refusal> {
        let Some(Level::Factor(arguments)) = self.levels.pop() else { return ControlFlow::Continue(()) };
        let size = match size::of_factor(factor, arguments) {
            Ok(size) => size,
            Err(refusal) => return ControlFlow::Break(refusal),
        };
        if let Some(reading) = self.query() {
            let ratio = Ratio { times: (size.characters / size::COMMON).max(1.0), degree: size.degree };
            reading.reads(ratio.beside(reading.columns));
            reading.peak = reading.peak.clone().or(size);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<Refusal> {
        self.levels.push(Level::Expr(Vec::new()));
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Refusal> {
        let Some(Level::Expr(arguments)) = self.levels.pop() else { return ControlFlow::Continue(()) };
        match size::of_expr(expr, arguments) {
            Ok(size) => self.give(size),
            Err(refusal) => return ControlFlow::Break(refusal),
        }
        ControlFlow::Continue(())
    }
}

fn growing() -> Refusal {
    let message = "Each step of the recursive query makes a text much longer. Let a step add something short to it.";
    Refusal::new(rule::TOO_LARGE, message)
}
