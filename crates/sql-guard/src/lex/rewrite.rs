//! Spellings that the database knows and the parser does not, put in words that both know.

use contracts::Dialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{frame, is_word, keyword};
use crate::refusal::{Refusal, rule};

/// Rewrites that depend on there being no white space between the tokens.
pub(super) fn adjacent(tokens: &mut Vec<TokenWithSpan>, dialect: Dialect) -> Result<(), Refusal> {
    match dialect {
        Dialect::Sqlite => refuse_run_on_numbers(tokens),
        Dialect::Postgres => {
            refuse_run_on_numbers(tokens)?;
            refuse_run_on_operators(tokens)?;
            unicode_identifiers(tokens)
        }
        Dialect::Mysql => Ok(()),
    }
}

/// Rewrites of tokens that stand next to each other once white space is gone.
pub(super) fn unknown_to_the_parser(tokens: &mut Vec<TokenWithSpan>, dialect: Dialect) -> Result<(), Refusal> {
    if dialect == Dialect::Sqlite {
        drop_index_hints(tokens);
        drop_materialized(tokens);
        hexadecimal_numbers(tokens)?;
    }
    if dialect != Dialect::Mysql {
        postfix_isnull(tokens);
    }
    if dialect != Dialect::Sqlite {
        table_commands(tokens);
    }
    match dialect {
        Dialect::Mysql => conjunctions(tokens),
        Dialect::Sqlite | Dialect::Postgres => frame::lift(tokens)?,
    }
    Ok(())
}

/// `1x` is two tokens for the parser and an error, or a hexadecimal number, for the database.
fn refuse_run_on_numbers(tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    let run_on = |pair: &[TokenWithSpan]| {
        matches!(pair[0].token, Token::Number(..))
            && matches!(&pair[1].token, Token::Word(word) if word.quote_style.is_none())
    };
    match tokens.windows(2).find(|pair| run_on(pair)) {
        None => Ok(()),
        Some(pair) => {
            let message = format!("{}{} is not a number. Separate the two by a space.", pair[0].token, pair[1].token);
            Err(Refusal::new(rule::SYNTAX, message))
        }
    }
}

/// PostgreSQL reads the longest operator there is, `@@@` where the parser reads `@@` and `@`.
fn refuse_run_on_operators(tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    for pair in tokens.windows(2) {
        let [left, right] = [&pair[0].token, &pair[1].token].map(operator_text);
        let (Some(left), Some(right)) = (left, right) else {
            continue;
        };
        let special = left.contains(['~', '!', '@', '#', '%', '^', '&', '|', '`', '?']);
        if special || !["+", "-"].contains(&right.as_str()) {
            let message = format!("The operator {left}{right} is not allowed. If it is two, separate them by a space.");
            return Err(Refusal::new(rule::UNKNOWN_OPERATOR, message));
        }
    }
    Ok(())
}

/// The text of a token made of the characters that PostgreSQL makes operators of.
fn operator_text(token: &Token) -> Option<String> {
    let ordinary = matches!(
        token,
        Token::Word(_) | Token::Whitespace(_) | Token::Comma | Token::LParen | Token::RParen | Token::Number(..)
    );
    if ordinary {
        return None;
    }
    let text = token.to_string();
    text.chars().all(|ch| "+-*/<>=~!@#%^&|`?".contains(ch)).then_some(text)
}

/// `U&"d\0061t"` is a quoted identifier with escapes.
fn unicode_identifiers(tokens: &mut Vec<TokenWithSpan>) -> Result<(), Refusal> {
    let is_u = |token: &Token| matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("u"));
    let is_quoted = |token: &Token| matches!(token, Token::Word(word) if word.quote_style == Some('"'));
    let mut at = 0;
    while at + 2 < tokens.len() {
        let found =
            is_u(&tokens[at].token) && tokens[at + 1].token == Token::Ampersand && is_quoted(&tokens[at + 2].token);
        if found {
            tokens.drain(at..at + 2);
            decode(&mut tokens[at].token)?;
        }
        at += 1;
    }
    Ok(())
}

fn decode(token: &mut Token) -> Result<(), Refusal> {
    let Token::Word(word) = token else {
        return Ok(());
    };
    let unreadable = || Refusal::new(rule::SYNTAX, "The identifier with Unicode escapes cannot be read.");
    word.value = decoded(&word.value).ok_or_else(unreadable)?;
    Ok(())
}

fn decoded(escaped: &str) -> Option<String> {
    let mut chars = escaped.chars().peekable();
    let mut text = String::new();
    while let Some(ch) = chars.next() {
        if ch != '\\' {
            text.push(ch);
            continue;
        }
        let digits = match chars.peek()? {
            '\\' => 0,
            '+' => 6,
            _ => 4,
        };
        if digits != 4 {
            chars.next();
        }
        match digits {
            0 => text.push('\\'),
            _ => push_code(&mut text, &chars.by_ref().take(digits).collect::<String>(), digits)?,
        }
    }
    Some(text)
}

fn push_code(text: &mut String, hex: &str, digits: usize) -> Option<()> {
    let code = u32::from_str_radix(hex, 16).ok().filter(|code| hex.len() == digits && *code != 0)?;
    let ch = char::from_u32(code)?;
    text.push(ch);
    if ch == '"' {
        text.push(ch);
    }
    Some(())
}

/// `FROM t INDEXED BY i` and `FROM t NOT INDEXED` tell SQLite how, not what, to read.
fn drop_index_hints(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 1;
    while at < tokens.len() {
        match hint_length(tokens, at) {
            Some(length) => drop(tokens.drain(at..at + length)),
            None => at += 1,
        }
    }
}

/// `AS MATERIALIZED (` and `AS NOT MATERIALIZED (` tell SQLite how, not what, to compute.
fn drop_materialized(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 1;
    while at + 1 < tokens.len() {
        let opens = tokens[at + 1].token == Token::LParen;
        let hint = is_word(&tokens[at].token, "materialized") && opens;
        let negated = at > 1 && keyword(&tokens[at - 1].token) == Some(Keyword::NOT);
        let first = if negated { at - 1 } else { at };
        if hint && keyword(&tokens[first - 1].token) == Some(Keyword::AS) {
            drop(tokens.drain(first..=at));
        } else {
            at += 1;
        }
    }
}

fn hint_length(tokens: &[TokenWithSpan], at: usize) -> Option<usize> {
    let after_name = matches!(&tokens[at - 1].token, Token::Word(word) if word.keyword == Keyword::NoKeyword);
    if !after_name {
        return None;
    }
    let is_indexed = |token: Option<&TokenWithSpan>| token.is_some_and(|token| is_word(&token.token, "indexed"));
    let keyword_at = |at: usize| tokens.get(at).and_then(|token| keyword(&token.token));
    if is_indexed(tokens.get(at)) && keyword_at(at + 1) == Some(Keyword::BY) {
        return matches!(tokens.get(at + 2)?.token, Token::Word(_)).then_some(3);
    }
    (keyword_at(at) == Some(Keyword::NOT) && is_indexed(tokens.get(at + 1))).then_some(2)
}

/// `0x1F` is a number in SQLite and a string of bytes for the parser.
fn hexadecimal_numbers(tokens: &mut [TokenWithSpan]) -> Result<(), Refusal> {
    for token in tokens {
        let Token::HexStringLiteral(digits) = &token.token else {
            continue;
        };
        let width = token.span.end.column.saturating_sub(token.span.start.column);
        let quoted = width != digits.chars().count() as u64 + 2;
        if quoted {
            continue;
        }
        let number = i64::from_str_radix(digits, 16)
            .map_err(|_| Refusal::new(rule::SYNTAX, format!("0x{digits} is not a number that SQLite can hold.")))?;
        token.token = Token::Number(number.to_string(), false);
    }
    Ok(())
}

/// `x ISNULL` is `x IS NULL`.
fn postfix_isnull(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 1;
    while at < tokens.len() {
        if is_postfix_isnull(tokens, at) {
            let span = tokens[at].span;
            let words = ["IS", "NULL"].map(|text| TokenWithSpan::new(Token::make_keyword(text), span));
            tokens.splice(at..=at, words);
        }
        at += 1;
    }
}

fn is_postfix_isnull(tokens: &[TokenWithSpan], at: usize) -> bool {
    let named = matches!(&tokens[at - 1].token, Token::Period) || keyword(&tokens[at - 1].token) == Some(Keyword::AS);
    let called = tokens.get(at + 1).is_some_and(|token| token.token == Token::LParen);
    is_word(&tokens[at].token, "isnull") && !named && !called
}

/// `TABLE t` is `SELECT * FROM t`, of which the parser keeps the quotes.
fn table_commands(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at < tokens.len() {
        if is_table_command(tokens, at) {
            let span = tokens[at].span;
            let words = [Token::make_keyword("SELECT"), Token::Mul, Token::make_keyword("FROM")];
            tokens.splice(at..=at, words.map(|token| TokenWithSpan::new(token, span)));
        }
        at += 1;
    }
}

fn is_table_command(tokens: &[TokenWithSpan], at: usize) -> bool {
    let begins = match at.checked_sub(1).map(|before| &tokens[before].token) {
        None | Some(Token::LParen | Token::RParen) => true,
        Some(before) => matches!(
            keyword(before),
            Some(Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::ALL | Keyword::DISTINCT)
        ),
    };
    let named = matches!(tokens.get(at + 1).map(|next| &next.token), Some(Token::Word(_)));
    begins && named && keyword(&tokens[at].token) == Some(Keyword::TABLE)
}

/// MySQL's `&&` binds like AND, which the parser does not know.
fn conjunctions(tokens: &mut [TokenWithSpan]) {
    for token in tokens.iter_mut().filter(|token| token.token == Token::Overlap) {
        token.token = Token::make_keyword("AND");
    }
}
