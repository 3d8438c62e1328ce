//! From text to the tree of one query, and back.

use contracts::Dialect;
use sqlparser::ast::{Expr, Query, Statement};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::dialect::parser_dialect;
use crate::lex::{self, frame};
use crate::refusal::{Refusal, rule};

/// Parentheses and subqueries inside each other.
const MAX_NESTING: usize = 100;

/// Reads exactly one query.
pub fn query(sql: &str, dialect: Dialect) -> Result<Query, Refusal> {
    let tokens = lex::statement(sql, dialect)?;
    let mut parser =
        Parser::new(parser_dialect(dialect)).with_recursion_limit(MAX_NESTING).with_tokens_with_locations(tokens);
    let query = parser.parse_query().map_err(|error| unreadable(&error, dialect))?;
    let rest = parser.peek_token_ref();
    if rest.token == Token::EOF {
        return Ok(*query);
    }
    let message =
        format!("The statement should end before {}, which cannot be read as {}.", rest.token, label(dialect));
    Err(Refusal::new(rule::SYNTAX, message))
}

/// Reads exactly one INSERT, UPDATE or DELETE.
pub fn change(sql: &str, dialect: Dialect) -> Result<Statement, Refusal> {
    let tokens = lex::change(sql, dialect)?;
    let mut parser =
        Parser::new(parser_dialect(dialect)).with_recursion_limit(MAX_NESTING).with_tokens_with_locations(tokens);
    let statement = parser.parse_statement().map_err(|error| unreadable(&error, dialect))?;
    let rest = parser.peek_token_ref();
    if rest.token == Token::EOF {
        return Ok(statement);
    }
    let message =
        format!("The statement should end before {}, which cannot be read as {}.", rest.token, label(dialect));
    Err(Refusal::new(rule::SYNTAX, message))
}

/// Reads one expression.
pub fn expression(sql: &str, dialect: Dialect) -> Result<Expr, Refusal> {
    let tokens = lex::fragment(sql, dialect)?;
    expression_of(tokens, dialect)
}

/// Reads one expression from its tokens.
pub fn expression_of(tokens: Vec<TokenWithSpan>, dialect: Dialect) -> Result<Expr, Refusal> {
    let mut parser =
        Parser::new(parser_dialect(dialect)).with_recursion_limit(MAX_NESTING).with_tokens_with_locations(tokens);
    let expr = parser.parse_expr().map_err(|error| unreadable(&error, dialect))?;
    let rest = parser.peek_token_ref();
    if rest.token == Token::EOF {
        return Ok(expr);
    }
    Err(Refusal::new(rule::SYNTAX, format!("The expression should end before {}.", rest.token)))
}

fn unreadable(error: &ParserError, dialect: Dialect) -> Refusal {
    match error {
        ParserError::RecursionLimitExceeded => lex::too_complex(),
        ParserError::TokenizerError(reason) | ParserError::ParserError(reason) => {
            let message = format!("The statement cannot be read as {}: {reason}.", label(dialect));
            Refusal::new(rule::SYNTAX, message)
        }
    }
}

fn label(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "SQLite",
        Dialect::Postgres => "PostgreSQL",
        Dialect::Mysql => "MySQL",
    }
}

/// Prints the query, and proves that the text means the same tree.
pub fn print(query: &Query, dialect: Dialect) -> Result<String, Refusal> {
    let printed = restored(query.to_string(), dialect)?;
    match self::query(&printed, dialect) {
        Ok(again) if again == *query => Ok(printed),
        _ => Err(unstable()),
    }
}

/// As [`print`], for a change.
pub fn print_change(change: &Statement, dialect: Dialect) -> Result<String, Refusal> {
    let printed = restored(change.to_string(), dialect)?;
    match self::change(&printed, dialect) {
        Ok(again) if again == *change => Ok(printed),
        _ => Err(unstable()),
    }
}

fn restored(printed: String, dialect: Dialect) -> Result<String, Refusal> {
    match frame::is_lifted(&printed) {
        true => Ok(frame::restore(&printed, &lex::tokenize(&printed, dialect)?)),
        false => Ok(printed),
    }
}

fn unstable() -> Refusal {
    Refusal::new(rule::UNSTABLE, "The statement changes when it is written out again. Write it in plainer SQL.")
}
