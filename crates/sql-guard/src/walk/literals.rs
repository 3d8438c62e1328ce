//! Literals, each in one spelling that the database reads in one way whatever its settings.

use contracts::Dialect;
use sqlparser::ast::Value;

use super::{Verdict, Walk};
use crate::refusal::{Refusal, rule};

/// A string literal that means this text. Not for MySQL, where a backslash would have to be doubled.
pub fn text(text: &str) -> Value {
    Value::SingleQuotedString(text.replace('\'', "''"))
}

impl Walk<'_> {
    /// Checks a literal and puts it in its plain spelling.
    pub(super) fn literal(&mut self, value: &mut Value) -> Verdict {
        match value {
            Value::Number(_, long) => super::unset(*long, "A number that ends in L"),
            Value::Boolean(_) | Value::Null => Ok(()),
            Value::SingleQuotedString(raw) => {
                if self.dialect == Dialect::Mysql {
                    *raw = plain_mysql(raw, '\'');
                }
                Ok(())
            }
            Value::DoubleQuotedString(raw) if self.dialect == Dialect::Mysql => {
                *value = Value::SingleQuotedString(plain_mysql(raw, '"'));
                Ok(())
            }
            Value::DollarQuotedString(quoted) if self.dialect == Dialect::Postgres => {
                *value = text(&quoted.value);
                Ok(())
            }
            Value::EscapedStringLiteral(decoded) | Value::UnicodeStringLiteral(decoded)
                if self.dialect == Dialect::Postgres =>
            {
                *value = text(decoded);
                Ok(())
            }
            Value::NationalStringLiteral(raw) if self.dialect != Dialect::Sqlite => {
                if self.dialect == Dialect::Mysql {
                    *raw = plain_mysql(raw, '\'');
                }
                Ok(())
            }
            Value::HexStringLiteral(digits) => digits_only(digits, |digit| digit.is_ascii_hexdigit()),
            Value::SingleQuotedByteStringLiteral(digits) if self.dialect != Dialect::Sqlite => {
                digits_only(digits, |digit| matches!(digit, '0' | '1'))
            }
            Value::Placeholder(_) => Err(Refusal::new(
                rule::PLACEHOLDER,
                "The statement has a parameter without a value. Write the value itself.",
            )),
            Value::DoubleQuotedString(_)
            | Value::DollarQuotedString(_)
            | Value::EscapedStringLiteral(_)
            | Value::UnicodeStringLiteral(_)
            | Value::NationalStringLiteral(_)
            | Value::SingleQuotedByteStringLiteral(_)
            | Value::TripleSingleQuotedString(_)
            | Value::TripleDoubleQuotedString(_)
            | Value::DoubleQuotedByteStringLiteral(_)
            | Value::TripleSingleQuotedByteStringLiteral(_)
            | Value::TripleDoubleQuotedByteStringLiteral(_)
            | Value::SingleQuotedRawStringLiteral(_)
            | Value::DoubleQuotedRawStringLiteral(_)
            | Value::TripleSingleQuotedRawStringLiteral(_)
            | Value::TripleDoubleQuotedRawStringLiteral(_)
            | Value::QuoteDelimitedStringLiteral(_)
            | Value::NationalQuoteDelimitedStringLiteral(_) => Err(Refusal::unsupported("This kind of string literal")),
        }
    }
}

fn digits_only(digits: &str, is_digit: impl Fn(char) -> bool) -> Verdict {
    match digits.chars().all(is_digit) {
        true => Ok(()),
        false => Err(Refusal::new(rule::SYNTAX, format!("'{digits}' is not a literal of this kind."))),
    }
}

/// The raw text of a MySQL literal for single quotes, in which no quote needs a backslash: it ends at the same place
/// with and without NO_BACKSLASH_ESCAPES.
fn plain_mysql(raw: &str, quote: char) -> String {
    let mut plain = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(ch) = chars.next() {
        match ch {
            '\\' => match chars.next() {
                Some('\'') => plain.push_str("''"),
                Some('"') => plain.push('"'),
                Some(escaped) => plain.extend(['\\', escaped]),
                None => plain.push_str("\\\\"),
            },
            ch if ch == quote => {
                chars.next_if_eq(&quote);
                plain.push_str(if quote == '\'' { "''" } else { "\"" });
            }
            '\'' => plain.push_str("''"),
            ch => plain.push(ch),
        }
    }
    plain
}
