//! Values and sets of rows whose size stands in the statement, in literals that the walk has put in their plain spelling. What the statement computes is the business of the
//! session's limits.

use contracts::Dialect;
use sqlparser::ast::{BinaryOperator, Expr, FunctionArg, FunctionArgExpr, Value};

use super::recursion::{series, signed};
use super::{Verdict, Walk};
use crate::refusal::{Refusal, rule};

/// Characters that a function may be told to make.
const MAX_LENGTH: f64 = 100_000.0;
/// Exponents and factorials of PostgreSQL's numbers, which have no other limit.
const MAX_EXPONENT: f64 = 5_000.0;

impl Walk<'_> {
    /// Refuses a call whose literal arguments make its result huge.
    pub(super) fn size_of_call(&self, name: &str, args: &[FunctionArg]) -> Verdict {
        let values: Vec<&Expr> = args.iter().filter_map(value).collect();
        let largest = |position: usize| values.get(position).and_then(|value| signed(value)).unwrap_or_default();
        match name {
            "generate_series" => series(&values),
            "repeat" | "lpad" | "rpad" => within(name, largest(1), MAX_LENGTH),
            "space" => within(name, largest(0), MAX_LENGTH),
            "factorial" => within(name, largest(0), MAX_EXPONENT),
            "power" | "pow" if self.dialect == Dialect::Postgres => within(name, largest(1), MAX_EXPONENT),
            "array_fill" => match values.get(1) {
                Some(Expr::Array(sizes)) => within(name, sizes.elem.iter().filter_map(signed).product(), MAX_LENGTH),
                _ => Ok(()),
            },
            "printf" | "format" => values.first().map_or(Ok(()), |format| width(name, format)),
            _ if name.starts_with("regexp_") => values.get(1).map_or(Ok(()), |pattern| self.pattern(pattern)),
            _ => Ok(()),
        }
    }

    /// Refuses an operation whose literal operand makes its result huge.
    pub(super) fn size_of_operation(&self, operator: &BinaryOperator, right: &Expr) -> Verdict {
        match operator {
            BinaryOperator::PGExp => within("^", signed(right).unwrap_or_default(), MAX_EXPONENT),
            BinaryOperator::Regexp
            | BinaryOperator::PGRegexMatch
            | BinaryOperator::PGRegexIMatch
            | BinaryOperator::PGRegexNotMatch
            | BinaryOperator::PGRegexNotIMatch => self.pattern(right),
            _ => Ok(()),
        }
    }

    /// Refuses a pattern that repeats a repetition, such as `(a+)+`: matching it may take exponential time.
    pub(super) fn pattern(&self, pattern: &Expr) -> Verdict {
        match pattern {
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } | Expr::Collate { expr: inner, .. } => {
                self.pattern(inner)
            }
            Expr::Value(literal) => match &literal.value {
                Value::SingleQuotedString(text) if repeats_repetition(text) => Err(Refusal::new(
                    rule::TOO_LARGE,
                    "The pattern repeats a repetition, such as (a+)+, and may never end. Write a simpler pattern.",
                )),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

fn value(argument: &FunctionArg) -> Option<&Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value))
        | FunctionArg::Named { arg: FunctionArgExpr::Expr(value), .. }
        | FunctionArg::ExprNamed { arg: FunctionArgExpr::Expr(value), .. } => Some(value),
        _ => None,
    }
}

fn within(name: &str, size: f64, most: f64) -> Verdict {
    match size > most {
        true => Err(Refusal::new(rule::TOO_LARGE, format!("{name} with {size} is too large. Use at most {most}."))),
        false => Ok(()),
    }
}

/// `%1000000000d`
fn width(name: &str, format: &Expr) -> Verdict {
    let Expr::Value(literal) = format else {
        return Ok(());
    };
    let Value::SingleQuotedString(text) = &literal.value else {
        return Ok(());
    };
    let numbers = text.split(|ch: char| !ch.is_ascii_digit()).filter_map(|digits| digits.parse::<f64>().ok());
    match text.contains('%') {
        true => within(name, numbers.fold(0.0, f64::max), 1_000_000_000.0_f64.min(MAX_LENGTH)),
        false => Ok(()),
    }
}

fn repeats_repetition(pattern: &str) -> bool {
    let chars: Vec<char> = pattern.chars().collect();
    (1..chars.len()).any(|at| {
        let open_ended = |ch: char| matches!(ch, '+' | '*');
        let inner = match chars[at - 1] {
            '}' => chars[..at].iter().rev().take_while(|ch| **ch != '{').any(|ch| *ch == ','),
            ch => open_ended(ch) && (at < 2 || chars[at - 2] != '\\'),
        };
        let outer = chars.get(at + 1).is_some_and(|ch| open_ended(*ch) || (*ch == '{'));
        chars[at] == ')' && inner && outer
    })
}
