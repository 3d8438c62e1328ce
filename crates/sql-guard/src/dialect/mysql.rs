//! MySQL and MariaDB as the guard reads them: `!x`, `a MOD b`, `EXTRACT(YEAR_MONTH FROM …)` and
//! `INTERVAL … HOUR_MINUTE` are read, BINARY binds to its operand alone, and comments that the server would execute stay
//! comments.

use std::any::TypeId;

use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, DateTimeField, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, Interval, Statement,
};
use sqlparser::dialect::{Dialect, MySqlDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::delegate::{delegate_char_tests, delegate_flags};

const BASE: MySqlDialect = MySqlDialect {};

/// Units of several fields, which the parser does not know.
pub const COMPOSITE_UNITS: [&str; 11] = [
    "SECOND_MICROSECOND",
    "MINUTE_MICROSECOND",
    "MINUTE_SECOND",
    "HOUR_MICROSECOND",
    "HOUR_SECOND",
    "HOUR_MINUTE",
    "DAY_MICROSECOND",
    "DAY_SECOND",
    "DAY_MINUTE",
    "DAY_HOUR",
    "YEAR_MONTH",
];

#[derive(Debug)]
pub struct GuardedMysql;

impl Dialect for GuardedMysql {
    fn dialect(&self) -> TypeId {
        BASE.dialect()
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        BASE.identifier_quote_style(identifier)
    }

    delegate_char_tests!(BASE; is_delimited_identifier_start, is_identifier_start, is_identifier_part);

    delegate_flags!(BASE;
        supports_string_literal_backslash_escape,
        supports_string_literal_concatenation,
        ignores_wildcard_escapes,
        supports_numeric_prefix,
        supports_bitwise_shift_operators,
        require_interval_qualifier,
        supports_limit_comma,
        supports_create_table_select,
        supports_insert_set,
        supports_user_host_grantee,
        supports_table_hints,
        requires_single_line_comment_whitespace,
        supports_match_against,
        supports_select_modifiers,
        supports_set_names,
        supports_comma_separated_set_assignments,
        supports_update_order_by,
        supports_data_type_signed_suffix,
        supports_cross_join_constraint,
        supports_double_ampersand_operator,
        supports_comment_optimizer_hint,
        supports_constraint_keyword_without_name,
        supports_key_column_option,
        supports_group_by_with_modifier,
        supports_left_associative_joins_without_parens,
    );

    fn supports_multiline_comment_hints(&self) -> bool {
        false
    }

    fn supports_bang_not_operator(&self) -> bool {
        true
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn is_table_factor_alias(&self, explicit: bool, keyword: &Keyword, parser: &mut Parser) -> bool {
        BASE.is_table_factor_alias(explicit, keyword, parser)
    }

    fn parse_infix(&self, parser: &mut Parser, left: &Expr, precedence: u8) -> Option<Result<Expr, ParserError>> {
        if !is_mod(parser) {
            return BASE.parse_infix(parser, left, precedence);
        }
        parser.advance_token();
        let modulo =
            |right| Expr::BinaryOp { left: Box::new(left.clone()), op: BinaryOperator::Modulo, right: Box::new(right) };
        Some(parser.parse_subexpr(precedence).map(modulo))
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        is_mod(parser).then(|| Ok(self.prec_value(Precedence::MulDivModOp)))
    }

    fn parse_statement(&self, parser: &mut Parser) -> Option<Result<Statement, ParserError>> {
        BASE.parse_statement(parser)
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        match keyword_at(parser, 0)? {
            Keyword::INTERVAL => {
                parser.advance_token();
                Some(interval(parser))
            }
            Keyword::BINARY => {
                parser.advance_token();
                Some(self.binary_operand(parser))
            }
            _ => None,
        }
    }
}

impl GuardedMysql {
    /// `BINARY x` is a cast that binds more tightly than any operator.
    fn binary_operand(&self, parser: &mut Parser) -> Result<Expr, ParserError> {
        let operand = parser.parse_subexpr(self.prec_value(Precedence::DoubleColon))?;
        Ok(Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(operand),
            data_type: DataType::Binary(None),
            format: None,
        })
    }
}

fn keyword_at(parser: &Parser, offset: usize) -> Option<Keyword> {
    match &parser.peek_nth_token_ref(offset).token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

/// `MOD` between two operands. The word is reserved, so it can be nothing else there.
fn is_mod(parser: &Parser) -> bool {
    match &parser.peek_token_ref().token {
        Token::Word(word) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case("mod"),
        _ => false,
    }
}

/// `INTERVAL value unit`, read without a second try: tries inside each other take exponential time.
fn interval(parser: &mut Parser) -> Result<Expr, ParserError> {
    let value = Box::new(parser.parse_expr()?);
    let composite = match &parser.peek_token_ref().token {
        Token::Word(unit) if is_composite_unit(&unit.value) => Some(DateTimeField::Custom(Ident::new(&unit.value))),
        _ => None,
    };
    let unit = match composite {
        Some(unit) => {
            parser.advance_token();
            unit
        }
        None if parser.next_token_is_temporal_unit() => parser.parse_date_time_field()?,
        None if matches!(*value, Expr::Tuple(_)) => return Ok(interval_function(*value)),
        None => return parser.expected_ref("a unit after INTERVAL", parser.peek_token_ref()),
    };
    Ok(Expr::Interval(Interval {
        value,
        leading_field: Some(unit),
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    }))
}

/// `INTERVAL(n, a, b)` says between which of the numbers n lies.
fn interval_function(arguments: Expr) -> Expr {
    let arguments = match arguments {
        Expr::Tuple(values) => values,
        other => vec![other],
    };
    let args = arguments.into_iter().map(|value| FunctionArg::Unnamed(FunctionArgExpr::Expr(value))).collect();
    let list = FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() };
    Expr::Function(Function {
        name: vec![Ident::new("INTERVAL")].into(),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(list),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// Whether the word is one of [`COMPOSITE_UNITS`].
pub fn is_composite_unit(word: &str) -> bool {
    COMPOSITE_UNITS.iter().any(|unit| unit.eq_ignore_ascii_case(word))
}
