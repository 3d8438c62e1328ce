//! Attributes of the user in a row filter: `{user.region}`. In the tree an attribute without a value is a string literal
//! that nobody writes; a value takes its place as a literal, never as text.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use contracts::Dialect;
use serde_json::Value as Attribute;
use sqlparser::ast::{Expr, Query, Value, visit_expressions, visit_expressions_mut};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::PolicyError;
use crate::lex;
use crate::parse;
use crate::refusal::Refusal;

/// The user's attributes by name, without `user.`: text, a number, a truth value, or a list of these.
pub type Attributes = BTreeMap<String, Attribute>;

/// Begins the literal that stands for an attribute: a character for private use.
const MARK: char = '\u{e0f2}';

/// Reads a condition with attributes.
pub fn parse(filter: &str, dialect: Dialect) -> Result<Expr, Refusal> {
    let mut tokens = lex::fragment(&filter.replace(MARK, ""), dialect)?;
    mark(&mut tokens);
    parse::expression_of(tokens, dialect)
}

fn mark(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at + 4 < tokens.len() {
        if let Some(name) = attribute(&tokens[at..at + 5]) {
            let span = tokens[at].span;
            let literal = Token::SingleQuotedString(format!("{MARK}{name}"));
            tokens.splice(at..at + 5, [TokenWithSpan::new(literal, span)]);
        }
        at += 1;
    }
}

fn attribute(tokens: &[TokenWithSpan]) -> Option<String> {
    let [open, Token::Word(user), Token::Period, Token::Word(name), close] =
        [0, 1, 2, 3, 4].map(|at| &tokens[at].token)
    else {
        return None;
    };
    let braces = *open == Token::LBrace && *close == Token::RBrace;
    (braces && user.value == "user" && name.quote_style.is_none()).then(|| name.value.clone())
}

fn marked(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => text.strip_prefix(MARK),
            _ => None,
        },
        _ => None,
    }
}

/// An attribute that has no value yet.
pub fn first(query: &Query) -> Option<String> {
    visit_expressions(query, |expr| match marked(expr) {
        Some(name) => ControlFlow::Break(name.to_owned()),
        None => ControlFlow::Continue(()),
    })
    .break_value()
}

/// Puts the values in. An attribute that the user does not have stays open: a statement that needs it is refused.
pub fn bind(query: &mut Query, attributes: &Attributes, dialect: Dialect) -> Result<(), PolicyError> {
    let flow = visit_expressions_mut(query, |expr| match bind_one(expr, attributes, dialect) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    });
    flow.break_value().map_or(Ok(()), Err)
}

fn bind_one(expr: &mut Expr, attributes: &Attributes, dialect: Dialect) -> Result<(), PolicyError> {
    if let Expr::InList { list, .. } = expr {
        return bind_list(list, attributes, dialect);
    }
    let Some(name) = marked(expr) else {
        return Ok(());
    };
    match attributes.get(name) {
        // A list is put in by the IN around it.
        None | Some(Attribute::Array(_)) => Ok(()),
        Some(value) => {
            *expr = literal(name, value, dialect)?;
            Ok(())
        }
    }
}

fn bind_list(list: &mut Vec<Expr>, attributes: &Attributes, dialect: Dialect) -> Result<(), PolicyError> {
    let mut bound = Vec::with_capacity(list.len());
    for item in list.drain(..) {
        match marked(&item).map(|name| (name.to_owned(), attributes.get(name))) {
            // No value equals NULL.
            Some((_, Some(Attribute::Array(values)))) if values.is_empty() => {
                bound.push(Expr::Value(Value::Null.into()));
            }
            Some((name, Some(Attribute::Array(values)))) => {
                for value in values {
                    bound.push(literal(&name, value, dialect)?);
                }
            }
            _ => bound.push(item),
        }
    }
    *list = bound;
    Ok(())
}

fn literal(name: &str, value: &Attribute, dialect: Dialect) -> Result<Expr, PolicyError> {
    let wrong = |what: &str| PolicyError::new(format!("user.{name}"), what);
    let value = match value {
        Attribute::Null => Value::Null,
        Attribute::Bool(flag) => Value::Boolean(*flag),
        Attribute::Number(number) if number.is_u64() => Value::Number(number.to_string(), false),
        // A sign or an exponent would not be one token.
        Attribute::Number(number) => Value::SingleQuotedString(number.to_string()),
        Attribute::String(text) if text.contains(['\0', MARK]) => {
            return Err(wrong("The value contains a character that no value may contain."));
        }
        Attribute::String(text) => Value::SingleQuotedString(escaped(text, dialect)),
        Attribute::Array(_) => return Err(wrong("A list may not hold a list.")),
        Attribute::Object(_) => {
            return Err(wrong("The value must be text, a number, true, false, or a list of these."));
        }
    };
    Ok(Expr::Value(value.into()))
}

/// The text between single quotes as the database reads it.
fn escaped(text: &str, dialect: Dialect) -> String {
    let doubled = text.replace('\'', "''");
    match dialect {
        Dialect::Mysql => doubled.replace('\\', "\\\\"),
        Dialect::Sqlite | Dialect::Postgres => doubled,
    }
}
