//! Every kind of expression.

use contracts::Dialect;
use sqlparser::ast::{
    AccessExpr, Array, CaseWhen, CastKind, CeilFloorKind, DateTimeField, Expr, Ident, Interval, MemberOf, Query,
    Subscript, TypedString, UnaryOperator, Value,
};

use super::{NESTED, Verdict, Walk, absent, empty, unset};
use crate::dialect::is_composite_unit;
use crate::names;
use crate::refusal::Refusal;

impl Walk<'_> {
    /// Checks an expression. Chains of operators lean to the left: they are walked by a loop.
    pub(super) fn expr(&mut self, expr: &mut Expr) -> Verdict {
        let mut levels = NESTED;
        let mut innermost = expr;
        while let Expr::BinaryOp { left, op, right } = innermost {
            self.binary(op)?;
            self.deeper(levels, |walk| walk.expr(right))?;
            self.size_of_operation(op, right)?;
            levels += 1;
            innermost = left;
        }
        self.deeper(levels, |walk| walk.operand(innermost))
    }

    fn both(&mut self, left: &mut Expr, right: &mut Expr) -> Verdict {
        self.expr(left)?;
        self.expr(right)
    }

    fn subquery(&mut self, query: &mut Query) -> Verdict {
        self.query(query).map(|_| ())
    }

    fn operand(&mut self, expr: &mut Expr) -> Verdict {
        match expr {
            Expr::Identifier(_) => self.bare_name(expr),
            Expr::CompoundIdentifier(parts) => self.qualified_name(parts),
            Expr::CompoundFieldAccess { root, access_chain } => self.field_access(root, access_chain),
            Expr::Value(value) => self.literal(&mut value.value),
            Expr::Prefixed { prefix, value } => self.introducer(prefix, value),
            Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax: _ }) => {
                self.data_type(data_type)?;
                self.literal(&mut value.value)
            }
            Expr::Interval(interval) => self.interval(interval),
            Expr::BinaryOp { left, op, right } => {
                self.binary(op)?;
                self.both(left, right)
            }
            Expr::UnaryOp { op, expr } => {
                self.unary(op)?;
                if *op != UnaryOperator::Not {
                    keep_apart(expr);
                }
                self.expr(expr)
            }
            Expr::IsFalse(expr)
            | Expr::IsNotFalse(expr)
            | Expr::IsTrue(expr)
            | Expr::IsNotTrue(expr)
            | Expr::IsNull(expr)
            | Expr::IsNotNull(expr)
            | Expr::IsUnknown(expr)
            | Expr::IsNotUnknown(expr)
            | Expr::Nested(expr) => self.expr(expr),
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => self.both(left, right),
            Expr::IsJson { expr, kind: _, unique_keys: _, negated: _ } => self.expr(expr),
            Expr::IsNormalized { expr, form: _, negated: _ } => self.expr(expr),
            Expr::InList { expr, list, negated: _ } => {
                self.expr(expr)?;
                self.exprs(list)
            }
            Expr::InSubquery { expr, subquery, negated: _ } => {
                self.expr(expr)?;
                self.subquery(subquery)
            }
            Expr::Between { expr, negated: _, low, high } => {
                self.expr(expr)?;
                self.both(low, high)
            }
            Expr::Like { negated: _, any, expr, pattern, escape_char }
            | Expr::ILike { negated: _, any, expr, pattern, escape_char } => {
                unset(*any && self.dialect != Dialect::Postgres, "LIKE ANY")?;
                self.both(expr, pattern)?;
                self.optional(escape_char.as_deref_mut())
            }
            Expr::SimilarTo { negated: _, expr, pattern, escape_char } => {
                self.both(expr, pattern)?;
                self.optional(escape_char.as_deref_mut())
            }
            Expr::RLike { negated: _, expr, pattern, regexp: _ } => {
                self.both(expr, pattern)?;
                self.pattern(pattern)
            }
            Expr::AnyOp { left, compare_op, right, is_some: _ } | Expr::AllOp { left, compare_op, right } => {
                self.binary(compare_op)?;
                self.both(left, right)
            }
            Expr::Convert { is_try, expr, data_type, charset, target_before_value, styles } => {
                unset(*is_try || *target_before_value, "This form of CONVERT")?;
                empty(styles, "A style in CONVERT")?;
                if let Some(data_type) = data_type {
                    self.data_type(data_type)?;
                }
                if let Some(charset) = charset {
                    self.object_name(charset)?;
                }
                self.expr(expr)
            }
            Expr::Cast { kind, expr, data_type, format } => {
                unset(matches!(kind, CastKind::TryCast | CastKind::SafeCast), "TRY_CAST")?;
                absent(format, "FORMAT in a cast")?;
                self.data_type(data_type)?;
                self.expr(expr)
            }
            Expr::AtTimeZone { timestamp, time_zone } => self.both(timestamp, time_zone),
            Expr::Extract { field, syntax: _, expr } => {
                self.date_time_field(field)?;
                self.expr(expr)
            }
            Expr::Ceil { expr, field } | Expr::Floor { expr, field } => {
                let plain = matches!(field, CeilFloorKind::DateTimeField(DateTimeField::NoDateTime));
                unset(!plain, "A unit or scale in CEIL or FLOOR")?;
                self.expr(expr)
            }
            Expr::Position { expr, r#in } => self.both(expr, r#in),
            Expr::Substring { expr, substring_from, substring_for, special: _, shorthand: _ } => {
                self.expr(expr)?;
                self.optional(substring_from.as_deref_mut())?;
                self.optional(substring_for.as_deref_mut())
            }
            Expr::Trim { trim_where: _, trim_what, expr, trim_characters } => {
                self.optional(trim_what.as_deref_mut())?;
                self.exprs(trim_characters.as_deref_mut().unwrap_or_default())?;
                self.expr(expr)
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                self.both(expr, overlay_what)?;
                self.expr(overlay_from)?;
                self.optional(overlay_for.as_deref_mut())
            }
            Expr::Collate { expr, collation } => {
                unset(collation.0.len() > 1, "A collation with a schema")?;
                self.object_name(collation)?;
                self.expr(expr)
            }
            Expr::Function(function) => self.function(function),
            Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                self.optional(operand.as_deref_mut())?;
                for CaseWhen { condition, result } in conditions {
                    self.both(condition, result)?;
                }
                self.optional(else_result.as_deref_mut())
            }
            Expr::Exists { subquery, negated: _ } | Expr::Subquery(subquery) => self.subquery(subquery),
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                sets.iter_mut().try_for_each(|set| self.exprs(set))
            }
            Expr::Tuple(exprs) => self.exprs(exprs),
            Expr::Array(Array { elem, named: _ }) => {
                unset(self.dialect != Dialect::Postgres, "An array")?;
                self.exprs(elem)
            }
            Expr::MatchAgainst { columns, match_value, opt_search_modifier: _ } => {
                columns.iter_mut().try_for_each(|column| self.matched_column(column))?;
                self.literal(&mut match_value.value)
            }
            Expr::MemberOf(MemberOf { value, array }) => self.both(value, array),
            Expr::JsonAccess { .. } => Err(Refusal::unsupported("Access with a colon")),
            Expr::InUnnest { .. } => Err(Refusal::unsupported("IN UNNEST")),
            Expr::Struct { .. } | Expr::Named { .. } => Err(Refusal::unsupported("STRUCT")),
            Expr::Dictionary(_) | Expr::Map(_) => Err(Refusal::unsupported("A map")),
            Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => Err(Refusal::unsupported("* in an expression")),
            Expr::OuterJoin(_) => Err(Refusal::unsupported("(+)")),
            Expr::Prior(_) => Err(Refusal::unsupported("PRIOR")),
            Expr::Lambda(_) => Err(Refusal::unsupported("A lambda function")),
        }
    }

    fn field_access(&mut self, root: &mut Expr, chain: &mut [AccessExpr]) -> Verdict {
        unset(self.dialect != Dialect::Postgres, "Access to a part of a value")?;
        self.fields(root, chain)?;
        self.expr(root)?;
        for access in chain {
            match access {
                AccessExpr::Dot(Expr::Identifier(field)) => self.ident(field)?,
                AccessExpr::Dot(_) => return Err(Refusal::unsupported("A computed field")),
                AccessExpr::Subscript(Subscript::Index { index }) => self.expr(index)?,
                AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) => {
                    self.optional(lower_bound.as_mut())?;
                    self.optional(upper_bound.as_mut())?;
                    absent(stride, "A stride")?;
                }
            }
        }
        Ok(())
    }

    /// `_utf8mb4'…'`
    fn introducer(&mut self, prefix: &mut Ident, value: &mut Expr) -> Verdict {
        let charset =
            prefix.value.strip_prefix('_').is_some_and(|name| name.chars().all(|ch| ch.is_ascii_alphanumeric()));
        let literal = matches!(value, Expr::Value(_));
        unset(
            self.dialect != Dialect::Mysql || prefix.quote_style.is_some() || !charset || !literal,
            "A prefix of a value",
        )?;
        self.expr(value)
    }

    fn interval(&mut self, interval: &mut Interval) -> Verdict {
        let Interval { value, leading_field, leading_precision: _, last_field, fractional_seconds_precision: _ } =
            interval;
        unset(self.dialect == Dialect::Sqlite, "INTERVAL")?;
        for field in [leading_field, last_field].into_iter().flatten() {
            self.date_time_field(field)?;
        }
        self.expr(value)
    }

    fn date_time_field(&mut self, field: &DateTimeField) -> Verdict {
        let DateTimeField::Custom(name) = field else {
            return Ok(());
        };
        let known = match self.dialect {
            Dialect::Mysql => is_composite_unit(&name.value),
            Dialect::Postgres | Dialect::Sqlite => {
                names::meaning(self.dialect, name).chars().all(|ch| ch.is_ascii_alphanumeric() || ch == '_')
            }
        };
        unset(!known, "This part of a date")
    }
}

/// Two signs in a row would be printed as one operator, or as a comment.
fn keep_apart(operand: &mut Box<Expr>) {
    if matches!(**operand, Expr::UnaryOp { .. }) {
        let inner = std::mem::replace(operand, Box::new(Expr::Value(Value::Null.into())));
        **operand = Expr::Nested(inner);
    }
}
