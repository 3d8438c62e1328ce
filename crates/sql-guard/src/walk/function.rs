//! Calls of functions.

use contracts::Dialect;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, Ident, JsonReturningClause, ObjectName, Value, WindowFrame,
    WindowFrameBound, WindowSpec, WindowType,
};

use super::select::wildcard;
use super::{Verdict, Walk};
use crate::names;
use crate::refusal::{Refusal, rule};

const MYSQL_UNITS: [&str; 12] =
    ["microsecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year", "date", "time", "datetime"];

/// The refusal of a function that the allow-list does not have.
pub fn unknown(name: &str) -> Refusal {
    let message = format!("The function {name} is not allowed. Use only functions that compute from their arguments.");
    Refusal::new(rule::UNKNOWN_FUNCTION, message)
}

impl Walk<'_> {
    pub(super) fn function(&mut self, function: &mut Function) -> Verdict {
        let Function { name, uses_odbc_syntax: _, parameters, args, within_group, filter, null_treatment: _, over } =
            function;
        match self.function_name(name)? {
            Some(called) if self.policy.allows_function(&called) => {}
            _ => return Err(unknown(&name.to_string())),
        }
        match parameters {
            FunctionArguments::None => {}
            FunctionArguments::Subquery(_) | FunctionArguments::List(_) => {
                return Err(Refusal::unsupported("A function with parameters"));
            }
        }
        self.arguments(args)?;
        if let FunctionArguments::List(list) = &*args {
            self.size_of_call(&names::called(name), &list.args)?;
        }
        self.sort_keys(within_group)?;
        self.optional(filter.as_deref_mut())?;
        match over {
            None | Some(WindowType::NamedWindow(_)) => Ok(()),
            Some(WindowType::WindowSpec(spec)) => self.window(spec),
        }
    }

    /// Refuses a function in FROM that is not listed.
    pub(super) fn table_function(&mut self, name: &mut ObjectName) -> Verdict {
        match self.function_name(name)? {
            Some(called) if self.policy.allows_table_function(&called) => Ok(()),
            _ => Err(unknown(&name.to_string())),
        }
    }

    /// The name to look up; `None` when it belongs to a schema other than PostgreSQL's own.
    fn function_name(&mut self, name: &mut ObjectName) -> Result<Option<String>, Refusal> {
        self.object_name(name)?;
        let parts = names::parts(name).unwrap_or_default();
        let called = |ident| match self.dialect {
            Dialect::Postgres => names::meaning(self.dialect, ident),
            Dialect::Sqlite | Dialect::Mysql => names::meaning(self.dialect, ident).to_lowercase(),
        };
        Ok(match parts.as_slice() {
            [function] => Some(called(function)),
            [schema, function] if self.dialect == Dialect::Postgres && called(schema) == "pg_catalog" => {
                Some(called(function))
            }
            _ => None,
        })
    }

    fn arguments(&mut self, arguments: &mut FunctionArguments) -> Verdict {
        match arguments {
            FunctionArguments::None => Ok(()),
            FunctionArguments::Subquery(query) => self.query(query).map(|_| ()),
            FunctionArguments::List(FunctionArgumentList { duplicate_treatment: _, args, clauses }) => {
                self.function_args(args)?;
                clauses.iter_mut().try_for_each(|clause| self.argument_clause(clause))
            }
        }
    }

    pub(super) fn function_args(&mut self, args: &mut [FunctionArg]) -> Verdict {
        for arg in args {
            self.assigned(arg);
            match arg {
                FunctionArg::Unnamed(value) => self.argument(value)?,
                FunctionArg::Named { name, arg, operator: _ } => {
                    self.ident(name)?;
                    self.argument(arg)?;
                }
                FunctionArg::ExprNamed {
                    name: Expr::Identifier(name),
                    arg,
                    operator: FunctionArgOperator::RightArrow,
                } => {
                    self.ident(name)?;
                    self.argument(arg)?;
                }
                FunctionArg::ExprNamed { name, arg, operator: _ } => {
                    self.expr(name)?;
                    self.argument(arg)?;
                }
            }
        }
        Ok(())
    }

    /// PostgreSQL's older `name := value` is `name => value`.
    fn assigned(&self, arg: &mut FunctionArg) {
        if self.dialect != Dialect::Postgres {
            return;
        }
        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::BinaryOp {
            left,
            op: BinaryOperator::Assignment,
            right,
        })) = arg
            && let Expr::Identifier(_) = &**left
        {
            let name = (**left).clone();
            let value = std::mem::replace(&mut **right, Expr::Value(Value::Null.into()));
            *arg = FunctionArg::ExprNamed {
                name,
                arg: FunctionArgExpr::Expr(value),
                operator: FunctionArgOperator::RightArrow,
            };
        }
    }

    fn argument(&mut self, argument: &mut FunctionArgExpr) -> Verdict {
        match argument {
            FunctionArgExpr::Expr(Expr::Identifier(word)) if self.is_keyword_argument(word) => {
                self.refuse_closed(&word.value)
            }
            FunctionArgExpr::Expr(expr) => self.expr(expr),
            FunctionArgExpr::QualifiedWildcard(name) => self.all_columns(name),
            FunctionArgExpr::Wildcard => Ok(()),
            FunctionArgExpr::WildcardWithOptions(options) => wildcard(options),
        }
    }

    /// Words that name a unit or a form, not a column.
    fn is_keyword_argument(&self, word: &Ident) -> bool {
        let words: &[&str] = match self.dialect {
            Dialect::Mysql => &MYSQL_UNITS,
            Dialect::Postgres => &["nfc", "nfd", "nfkc", "nfkd"],
            Dialect::Sqlite => &[],
        };
        word.quote_style.is_none() && words.iter().any(|known| word.value.eq_ignore_ascii_case(known))
    }

    fn argument_clause(&mut self, clause: &mut FunctionArgumentClause) -> Verdict {
        match clause {
            FunctionArgumentClause::OrderBy(keys) => self.sort_keys(keys),
            FunctionArgumentClause::Limit(expr) => self.expr(expr),
            FunctionArgumentClause::Separator(value) => self.literal(&mut value.value),
            FunctionArgumentClause::IgnoreOrRespectNulls(_) | FunctionArgumentClause::JsonNullClause(_) => Ok(()),
            FunctionArgumentClause::JsonReturningClause(JsonReturningClause { data_type }) => self.data_type(data_type),
            FunctionArgumentClause::Where(_) => Err(Refusal::unsupported("WHERE among arguments")),
            FunctionArgumentClause::Having(_) => Err(Refusal::unsupported("HAVING among arguments")),
            FunctionArgumentClause::OnOverflow(_) => Err(Refusal::unsupported("ON OVERFLOW")),
        }
    }

    pub(super) fn window(&mut self, window: &mut WindowSpec) -> Verdict {
        let WindowSpec { window_name: _, partition_by, order_by, window_frame } = window;
        self.exprs(partition_by)?;
        self.sort_keys(order_by)?;
        let Some(WindowFrame { units: _, start_bound, end_bound }) = window_frame else {
            return Ok(());
        };
        self.bound(start_bound)?;
        end_bound.as_mut().map_or(Ok(()), |bound| self.bound(bound))
    }

    fn bound(&mut self, bound: &mut WindowFrameBound) -> Verdict {
        match bound {
            WindowFrameBound::CurrentRow => Ok(()),
            WindowFrameBound::Preceding(rows) | WindowFrameBound::Following(rows) => self.optional(rows.as_deref_mut()),
        }
    }
}
