//! The operators of each dialect. What is not listed may be a function of somebody else.

use contracts::Dialect;
use sqlparser::ast::{BinaryOperator, UnaryOperator};

use super::{Verdict, Walk};
use crate::dialect::is_own_operator;
use crate::refusal::{Refusal, rule};

/// Operators of PostgreSQL that the parser has no name for.
const POSTGRES_CUSTOM: [&str; 15] =
    ["-|-", "<<=", ">>=", "&&&", "<%", "%>", "<<%", "%>>", "<<->", "<->>", "<<<->", "<->>>", "#=", "~~*", "!~~*"];

impl Walk<'_> {
    pub(super) fn unary(&self, operator: &UnaryOperator) -> Verdict {
        let known = match operator {
            UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not | UnaryOperator::BitwiseNot => true,
            UnaryOperator::BangNot => self.dialect == Dialect::Mysql,
            UnaryOperator::PGAbs | UnaryOperator::PGSquareRoot | UnaryOperator::PGCubeRoot => {
                self.dialect == Dialect::Postgres
            }
            UnaryOperator::AtDashAt
            | UnaryOperator::DoubleAt
            | UnaryOperator::Hash
            | UnaryOperator::PGPostfixFactorial
            | UnaryOperator::PGPrefixFactorial
            | UnaryOperator::QuestionDash
            | UnaryOperator::QuestionPipe => false,
        };
        verdict(known, operator)
    }

    pub(super) fn binary(&self, operator: &BinaryOperator) -> Verdict {
        let known = match operator {
            BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::StringConcat
            | BinaryOperator::Gt
            | BinaryOperator::Lt
            | BinaryOperator::GtEq
            | BinaryOperator::LtEq
            | BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::And
            | BinaryOperator::Or
            | BinaryOperator::BitwiseOr
            | BinaryOperator::BitwiseAnd
            | BinaryOperator::PGBitwiseShiftLeft
            | BinaryOperator::PGBitwiseShiftRight
            | BinaryOperator::Arrow
            | BinaryOperator::LongArrow => true,
            BinaryOperator::Xor
            | BinaryOperator::Spaceship
            | BinaryOperator::MyIntegerDivide
            | BinaryOperator::BitwiseXor => self.dialect == Dialect::Mysql,
            BinaryOperator::Regexp => self.dialect != Dialect::Postgres,
            BinaryOperator::Glob | BinaryOperator::Match => self.dialect == Dialect::Sqlite,
            BinaryOperator::PGBitwiseXor
            | BinaryOperator::PGExp
            | BinaryOperator::PGOverlap
            | BinaryOperator::PGRegexMatch
            | BinaryOperator::PGRegexIMatch
            | BinaryOperator::PGRegexNotMatch
            | BinaryOperator::PGRegexNotIMatch
            | BinaryOperator::PGLikeMatch
            | BinaryOperator::PGILikeMatch
            | BinaryOperator::PGNotLikeMatch
            | BinaryOperator::PGNotILikeMatch
            | BinaryOperator::PGStartsWith
            | BinaryOperator::HashArrow
            | BinaryOperator::HashLongArrow
            | BinaryOperator::AtAt
            | BinaryOperator::AtArrow
            | BinaryOperator::ArrowAt
            | BinaryOperator::HashMinus
            | BinaryOperator::AtQuestion
            | BinaryOperator::Question
            | BinaryOperator::QuestionAnd
            | BinaryOperator::QuestionPipe
            | BinaryOperator::Overlaps
            | BinaryOperator::DoubleHash
            | BinaryOperator::LtDashGt
            | BinaryOperator::AndLt
            | BinaryOperator::AndGt
            | BinaryOperator::LtLtPipe
            | BinaryOperator::PipeGtGt
            | BinaryOperator::AndLtPipe
            | BinaryOperator::PipeAndGt
            | BinaryOperator::LtCaret
            | BinaryOperator::GtCaret
            | BinaryOperator::QuestionHash
            | BinaryOperator::QuestionDash
            | BinaryOperator::QuestionDashPipe
            | BinaryOperator::QuestionDoublePipe
            | BinaryOperator::At
            | BinaryOperator::TildeEq => self.dialect == Dialect::Postgres,
            BinaryOperator::Custom(text) => match self.dialect {
                Dialect::Sqlite => is_own_operator(text),
                Dialect::Postgres => POSTGRES_CUSTOM.contains(&text.as_str()),
                Dialect::Mysql => false,
            },
            BinaryOperator::PGCustomBinaryOperator(_)
            | BinaryOperator::DuckIntegerDivide
            | BinaryOperator::Assignment => false,
        };
        verdict(known, operator)
    }
}

fn verdict(known: bool, operator: &impl std::fmt::Display) -> Verdict {
    if known {
        return Ok(());
    }
    let message = format!("The operator {operator} is not allowed. Use the ordinary operators of SQL.");
    Err(Refusal::new(rule::UNKNOWN_OPERATOR, message))
}
