//! SQLite as the guard reads it: `IS` between any two expressions, `NOT GLOB` and its kin, and shifts.

use std::any::TypeId;

use sqlparser::ast::{BinaryOperator, Expr, Statement};
use sqlparser::dialect::{Dialect, SQLiteDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::delegate::{delegate_char_tests, delegate_flags};

const BASE: SQLiteDialect = SQLiteDialect {};

const IS: &str = "IS";
const IS_NOT: &str = "IS NOT";
const NEGATED: [(Keyword, &str); 3] =
    [(Keyword::GLOB, "NOT GLOB"), (Keyword::MATCH, "NOT MATCH"), (Keyword::REGEXP, "NOT REGEXP")];

/// Whether the text is one of the operators that are read here into `BinaryOperator::Custom`.
pub fn is_own_operator(text: &str) -> bool {
    [IS, IS_NOT].contains(&text) || NEGATED.iter().any(|(_, operator)| *operator == text)
}

#[derive(Debug)]
pub struct GuardedSqlite;

impl Dialect for GuardedSqlite {
    fn dialect(&self) -> TypeId {
        BASE.dialect()
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        BASE.identifier_quote_style(identifier)
    }

    delegate_char_tests!(BASE; is_delimited_identifier_start, is_identifier_start, is_identifier_part);

    delegate_flags!(BASE;
        supports_filter_during_aggregation,
        supports_start_transaction_modifier,
        supports_in_empty_list,
        supports_limit_comma,
        supports_asc_desc_in_column_definition,
        supports_dollar_placeholder,
        supports_notnull_operator,
        supports_comma_separated_trim,
        supports_numeric_literal_underscores,
    );

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }

    fn parse_statement(&self, parser: &mut Parser) -> Option<Result<Statement, ParserError>> {
        BASE.parse_statement(parser)
    }

    fn parse_infix(&self, parser: &mut Parser, left: &Expr, precedence: u8) -> Option<Result<Expr, ParserError>> {
        match general_is(parser).or_else(|| negated(parser)) {
            Some(operator) => Some(parse_own(parser, left, operator, precedence)),
            None => BASE.parse_infix(parser, left, precedence),
        }
    }
}

fn keyword_at(parser: &Parser, offset: usize) -> Option<Keyword> {
    match &parser.peek_nth_token_ref(offset).token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

/// The operator when an `IS` follows that the parser itself does not know.
fn general_is(parser: &Parser) -> Option<&'static str> {
    if keyword_at(parser, 0) != Some(Keyword::IS) {
        return None;
    }
    let negated = keyword_at(parser, 1) == Some(Keyword::NOT);
    let operand = keyword_at(parser, if negated { 2 } else { 1 });
    match operand {
        Some(Keyword::NULL | Keyword::TRUE | Keyword::FALSE | Keyword::DISTINCT) => None,
        _ if negated => Some(IS_NOT),
        _ => Some(IS),
    }
}

fn negated(parser: &Parser) -> Option<&'static str> {
    let operand = keyword_at(parser, 1).filter(|_| keyword_at(parser, 0) == Some(Keyword::NOT))?;
    NEGATED.iter().find(|(keyword, _)| *keyword == operand).map(|(_, operator)| *operator)
}

fn parse_own(parser: &mut Parser, left: &Expr, operator: &str, precedence: u8) -> Result<Expr, ParserError> {
    for _ in operator.split(' ') {
        parser.advance_token();
    }
    let right = parser.parse_subexpr(precedence)?;
    let op = BinaryOperator::Custom(operator.to_owned());
    Ok(Expr::BinaryOp { left: Box::new(left.clone()), op, right: Box::new(right) })
}
