//! From text to the tokens of one statement. What hides in white space and comments ends here.

pub mod frame;
mod rewrite;

use contracts::Dialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace};

use crate::dialect::parser_dialect;
use crate::refusal::{Refusal, rule};

/// Bytes of a statement. Longer ones are no answer to a question.
const MAX_BYTES: usize = 128 * 1024;
/// Words, operators and parentheses of a statement, which bound the depth of its tree. Lists of literals do not count.
const MAX_PARTS: usize = 6_000;

/// The tokens of one query without comments and semicolons.
pub fn statement(sql: &str, dialect: Dialect) -> Result<Vec<TokenWithSpan>, Refusal> {
    one(sql, dialect, refuse_other_than_query)
}

/// The tokens of one INSERT, UPDATE or DELETE without comments and semicolons.
pub fn change(sql: &str, dialect: Dialect) -> Result<Vec<TokenWithSpan>, Refusal> {
    one(sql, dialect, refuse_other_than_change)
}

fn one(
    sql: &str,
    dialect: Dialect,
    refuse_others: fn(&[TokenWithSpan]) -> Result<(), Refusal>,
) -> Result<Vec<TokenWithSpan>, Refusal> {
    let mut tokens = tokenize(sql, dialect)?;
    refuse_executable_comments(&tokens, dialect)?;
    rewrite::adjacent(&mut tokens, dialect)?;
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    only_one(&mut tokens)?;
    refuse_variables(&tokens, dialect)?;
    refuse_others(&tokens)?;
    rewrite::unknown_to_the_parser(&mut tokens, dialect)?;
    Ok(tokens)
}

/// Whether the text begins as an INSERT, UPDATE or DELETE.
pub fn begins_change(sql: &str, dialect: Dialect) -> bool {
    let first = tokenize(sql, dialect).ok().and_then(|tokens| {
        tokens.into_iter().find(|token| !matches!(token.token, Token::Whitespace(_))).map(|token| token.token)
    });
    first.is_some_and(|first| starts_change(&first))
}

/// The tokens of an expression.
pub fn fragment(sql: &str, dialect: Dialect) -> Result<Vec<TokenWithSpan>, Refusal> {
    let mut tokens = tokenize(sql, dialect)?;
    refuse_executable_comments(&tokens, dialect)?;
    rewrite::adjacent(&mut tokens, dialect)?;
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    refuse_variables(&tokens, dialect)?;
    rewrite::unknown_to_the_parser(&mut tokens, dialect)?;
    Ok(tokens)
}

pub(crate) fn tokenize(sql: &str, dialect: Dialect) -> Result<Vec<TokenWithSpan>, Refusal> {
    if sql.len() > MAX_BYTES {
        return Err(too_complex());
    }
    if sql.contains('\0') {
        return Err(Refusal::new(rule::SYNTAX, "The statement contains a NUL character."));
    }
    // Literals keep their escapes: what is printed is what was written.
    let tokens = Tokenizer::new(parser_dialect(dialect), sql)
        .with_unescape(false)
        .tokenize_with_location()
        .map_err(|error| Refusal::new(rule::SYNTAX, format!("The statement cannot be read: {error}.")))?;
    match tokens.iter().filter(|token| is_part(&token.token)).count() {
        parts if parts > MAX_PARTS => Err(too_complex()),
        _ => Ok(tokens),
    }
}

fn is_part(token: &Token) -> bool {
    !matches!(token, Token::Whitespace(_) | Token::Comma | Token::Number(..) | Token::SingleQuotedString(_))
}

pub(crate) fn too_complex() -> Refusal {
    Refusal::new(rule::TOO_COMPLEX, "The statement is too long or nested too deeply. Write a shorter one.")
}

/// MySQL and MariaDB run what stands in `/*! */` and `/*M! */`.
fn refuse_executable_comments(tokens: &[TokenWithSpan], dialect: Dialect) -> Result<(), Refusal> {
    let executable = |token: &TokenWithSpan| match &token.token {
        Token::Whitespace(Whitespace::MultiLineComment(text)) => text.starts_with('!') || text.starts_with("M!"),
        _ => false,
    };
    if dialect == Dialect::Mysql && tokens.iter().any(executable) {
        let message = "Comments of the form /*! … */ are executed by the server and not allowed. Leave them out.";
        return Err(Refusal::new(rule::EXECUTABLE_COMMENT, message));
    }
    Ok(())
}

fn only_one(tokens: &mut Vec<TokenWithSpan>) -> Result<(), Refusal> {
    let Some(end) = tokens.iter().position(|token| token.token == Token::SemiColon) else {
        return Ok(());
    };
    if tokens[end..].iter().any(|token| token.token != Token::SemiColon) {
        let message = "There is more than one statement. Send exactly one query.";
        return Err(Refusal::new(rule::SEVERAL_STATEMENTS, message));
    }
    tokens.truncate(end);
    Ok(())
}

fn refuse_variables(tokens: &[TokenWithSpan], dialect: Dialect) -> Result<(), Refusal> {
    for token in tokens {
        match &token.token {
            Token::Placeholder(_) => return Err(placeholder()),
            Token::AtSign | Token::AtAt | Token::Assignment if dialect == Dialect::Mysql => return Err(variable()),
            Token::Word(word) if word.quote_style.is_none() && word.value.contains('@') => return Err(variable()),
            _ => {}
        }
    }
    Ok(())
}

fn placeholder() -> Refusal {
    Refusal::new(rule::PLACEHOLDER, "The statement has a parameter without a value. Write the value itself.")
}

fn variable() -> Refusal {
    Refusal::new(rule::VARIABLE, "User and system variables are not allowed. Write the query without them.")
}

fn refuse_other_than_query(tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    let first = tokens.iter().find(|token| token.token != Token::LParen);
    let Some(first) = first else {
        return Err(Refusal::new(rule::NOT_A_QUERY, "There is no SQL statement. Answer with one SELECT query."));
    };
    if starts_query(&first.token) {
        return Ok(());
    }
    let message = format!(
        "Only a query is allowed: one statement that begins with SELECT, WITH, VALUES or TABLE. This one begins with {}.",
        first.token
    );
    Err(Refusal::new(rule::NOT_A_QUERY, message))
}

fn refuse_other_than_change(tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    match tokens.first() {
        Some(first) if starts_change(&first.token) => Ok(()),
        Some(first) => {
            let message = format!("A change is one INSERT, UPDATE or DELETE. This one begins with {}.", first.token);
            Err(Refusal::new(rule::NOT_A_CHANGE, message))
        }
        None => Err(Refusal::new(rule::NOT_A_CHANGE, "There is no SQL statement.")),
    }
}

fn starts_change(token: &Token) -> bool {
    matches!(keyword(token), Some(Keyword::INSERT | Keyword::UPDATE | Keyword::DELETE))
}

/// Whether a query may begin with this token.
pub(crate) fn starts_query(token: &Token) -> bool {
    matches!(keyword(token), Some(Keyword::SELECT | Keyword::WITH | Keyword::VALUES | Keyword::TABLE))
}

/// The keyword that an unquoted word is.
pub(crate) fn keyword(token: &Token) -> Option<Keyword> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

/// Whether the token is this unquoted word.
fn is_word(token: &Token, text: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text))
}
