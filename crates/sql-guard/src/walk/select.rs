//! One SELECT.

use contracts::Dialect;
use sqlparser::ast::{
    AccessExpr, DataType, Distinct, Expr, GroupByExpr, GroupByWithModifier, NamedWindowDefinition, NamedWindowExpr,
    OrderBy, Select, SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind, SelectModifiers,
    WildcardAdditionalOptions,
};

use super::scope::{Columns, Output, Scope};
use super::{Verdict, Walk, absent, empty, unset};
use crate::names;
use crate::refusal::{Refusal, rule};

impl<'p> Walk<'p> {
    /// Checks a SELECT with the ORDER BY that belongs to it, and returns the columns that it gives.
    pub(super) fn select(
        &mut self,
        select: &mut Select,
        order_by: Option<&mut OrderBy>,
    ) -> Result<Output<'p>, Refusal> {
        refuse_foreign_clauses(select)?;
        // Hints change how a query runs, and some of them change settings.
        select.optimizer_hints.clear();
        let sources = self.from(&mut select.from)?;
        let aliases = self.aliases(&select.projection);
        self.within(Scope { sources, aliases }, |walk| {
            walk.join_conditions(&mut select.from)?;
            walk.clauses(select)?;
            if let Some(order_by) = order_by {
                walk.order_by(order_by)?;
            }
            let weight = walk.cross_join(select)?;
            Ok(Output { columns: walk.given_columns(&select.projection), weight })
        })
    }

    fn clauses(&mut self, select: &mut Select) -> Verdict {
        self.distinct(&mut select.distinct)?;
        modifiers(&mut select.select_modifiers);
        for item in &mut select.projection {
            self.select_item(item)?;
        }
        self.optional(select.selection.as_mut())?;
        self.group_by(&mut select.group_by)?;
        self.optional(select.having.as_mut())?;
        for NamedWindowDefinition(_, window) in &mut select.named_window {
            match window {
                NamedWindowExpr::NamedWindow(_) => {}
                NamedWindowExpr::WindowSpec(spec) => self.window(spec)?,
            }
        }
        Ok(())
    }

    fn distinct(&mut self, distinct: &mut Option<Distinct>) -> Verdict {
        match distinct {
            None | Some(Distinct::All | Distinct::Distinct) => Ok(()),
            Some(Distinct::On(exprs)) => self.exprs(exprs),
        }
    }

    fn select_item(&mut self, item: &mut SelectItem) -> Verdict {
        match item {
            SelectItem::UnnamedExpr(expr) => self.expr(expr),
            SelectItem::ExprWithAlias { expr, alias } => {
                self.ident(alias)?;
                self.expr(expr)
            }
            SelectItem::Wildcard(options) => wildcard(options),
            SelectItem::QualifiedWildcard(kind, options) => {
                wildcard(options)?;
                match kind {
                    SelectItemQualifiedWildcardKind::ObjectName(name) => self.all_columns(name),
                    SelectItemQualifiedWildcardKind::Expr(expr) => self.expr(expr),
                }
            }
            SelectItem::ExprWithAliases { .. } => Err(Refusal::unsupported("An expression with several aliases")),
        }
    }

    fn group_by(&mut self, group_by: &mut GroupByExpr) -> Verdict {
        let (exprs, modifiers) = match group_by {
            GroupByExpr::All(_) => return Err(Refusal::unsupported("GROUP BY ALL")),
            GroupByExpr::Expressions(exprs, modifiers) => (exprs, modifiers),
        };
        self.exprs(exprs)?;
        for modifier in modifiers {
            match modifier {
                GroupByWithModifier::Rollup | GroupByWithModifier::Cube => {}
                GroupByWithModifier::GroupingSets(expr) => self.expr(expr)?,
                GroupByWithModifier::Totals => return Err(Refusal::unsupported("WITH TOTALS")),
            }
        }
        Ok(())
    }

    fn aliases(&self, projection: &[SelectItem]) -> Vec<String> {
        let alias = |item: &SelectItem| match item {
            SelectItem::ExprWithAlias { alias, .. } => Some(names::meaning(self.dialect, alias)),
            _ => None,
        };
        projection.iter().filter_map(alias).collect()
    }

    /// The names of the result's columns, as the database gives them.
    fn given_columns(&self, projection: &[SelectItem]) -> Columns<'p> {
        let mut given = Vec::new();
        for item in projection {
            match item {
                SelectItem::ExprWithAlias { alias, .. } => given.push(names::meaning(self.dialect, alias)),
                SelectItem::UnnamedExpr(expr) => match self.column_name(expr) {
                    Some(name) => given.push(name),
                    None => return Columns::Unknown,
                },
                SelectItem::Wildcard(_) => match self.starred(None) {
                    Some(columns) => given.extend(columns),
                    None => return Columns::Unknown,
                },
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    match self.starred(name.0.last().and_then(|part| part.as_ident())) {
                        Some(columns) => given.extend(columns),
                        None => return Columns::Unknown,
                    }
                }
                SelectItem::QualifiedWildcard(..) | SelectItem::ExprWithAliases { .. } => return Columns::Unknown,
            }
        }
        Columns::Listed(given.into())
    }

    /// The name of a column without alias. MySQL names it by the text as it was written, which is no longer known.
    fn column_name(&self, expr: &Expr) -> Option<String> {
        match (expr, self.dialect) {
            (Expr::Identifier(ident), _) => Some(names::meaning(self.dialect, ident)),
            (Expr::CompoundIdentifier(parts), _) => parts.last().map(|ident| names::meaning(self.dialect, ident)),
            (other, Dialect::Sqlite) => Some(other.to_string()),
            (_, Dialect::Mysql) => None,
            (other, Dialect::Postgres) => Some(self.postgres_name(other)),
        }
    }

    /// PostgreSQL names a column by the column, function or type in it.
    fn postgres_name(&self, expr: &Expr) -> String {
        let name = match expr {
            Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => self.column_name(inner),
            Expr::Function(function) => {
                function.name.0.last().and_then(|part| part.as_ident()).map(|ident| names::meaning(self.dialect, ident))
            }
            Expr::Cast { expr: inner, data_type, .. } => match self.column_name(inner) {
                Some(name) if name != NAMELESS => Some(name),
                _ => Some(type_name(data_type)),
            },
            Expr::TypedString(typed) => Some(type_name(&typed.data_type)),
            Expr::Case { else_result: Some(other), .. } => match self.column_name(other) {
                Some(name) if name != NAMELESS => Some(name),
                _ => Some("case".to_owned()),
            },
            Expr::CompoundFieldAccess { root, access_chain } => match access_chain.last() {
                Some(AccessExpr::Dot(Expr::Identifier(field))) => Some(names::meaning(self.dialect, field)),
                _ => self.column_name(root),
            },
            Expr::Extract { .. } => Some("extract".to_owned()),
            Expr::Position { .. } => Some("position".to_owned()),
            Expr::Substring { .. } => Some("substring".to_owned()),
            Expr::Trim { .. } => Some("btrim".to_owned()),
            Expr::Overlay { .. } => Some("overlay".to_owned()),
            Expr::Ceil { .. } => Some("ceil".to_owned()),
            Expr::Floor { .. } => Some("floor".to_owned()),
            Expr::AtTimeZone { .. } => Some("timezone".to_owned()),
            Expr::Interval(_) => Some("interval".to_owned()),
            Expr::Array(_) => Some("array".to_owned()),
            Expr::Case { .. } => Some("case".to_owned()),
            Expr::Exists { .. } => Some("exists".to_owned()),
            Expr::Tuple(_) => Some("row".to_owned()),
            _ => None,
        };
        name.unwrap_or_else(|| NAMELESS.to_owned())
    }

    /// The columns that `*` or `name.*` stands for in the innermost scope.
    fn starred(&self, source: Option<&sqlparser::ast::Ident>) -> Option<Vec<String>> {
        let wanted = source.map(|ident| names::meaning(self.dialect, ident));
        let mut columns = Vec::new();
        for source in &self.scopes.last()?.sources {
            let name = source.name.as_deref().unwrap_or_default();
            if wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(name)) {
                columns.extend_from_slice(source.columns.names()?);
            }
        }
        Some(columns)
    }
}

/// What PostgreSQL calls a column that has no name.
const NAMELESS: &str = "?column?";

fn type_name(data_type: &DataType) -> String {
    let text = data_type.to_string().to_lowercase();
    text.split(['(', '[', ' ']).next().unwrap_or_default().to_owned()
}

/// Clauses of other products, and INTO.
fn refuse_foreign_clauses(select: &Select) -> Verdict {
    let Select {
        select_token: _,
        optimizer_hints: _,
        distinct: _,
        select_modifiers: _,
        top,
        top_before_distinct: _,
        projection: _,
        exclude,
        into,
        from: _,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by: _,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window: _,
        qualify,
        window_before_qualify: _,
        value_table_mode,
        flavor,
    } = select;
    if into.is_some() {
        return Err(Refusal::new(rule::INTO, "A query must not write its result anywhere. Leave INTO out."));
    }
    absent(top, "TOP")?;
    absent(exclude, "EXCLUDE")?;
    absent(prewhere, "PREWHERE")?;
    absent(qualify, "QUALIFY")?;
    absent(value_table_mode, "AS STRUCT and AS VALUE")?;
    empty(lateral_views, "LATERAL VIEW")?;
    empty(connect_by, "CONNECT BY")?;
    empty(cluster_by, "CLUSTER BY")?;
    empty(distribute_by, "DISTRIBUTE BY")?;
    empty(sort_by, "SORT BY")?;
    unset(*flavor != SelectFlavor::Standard, "FROM before SELECT")
}

/// Keeps the modifiers that only advise the optimizer; priorities and counters of the session are dropped.
fn modifiers(modifiers: &mut Option<SelectModifiers>) {
    let Some(kept) = modifiers else {
        return;
    };
    kept.high_priority = false;
    kept.sql_calc_found_rows = false;
    if !kept.is_any_set() {
        *modifiers = None;
    }
}

pub(super) fn wildcard(options: &WildcardAdditionalOptions) -> Verdict {
    let WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    absent(opt_ilike, "ILIKE after *")?;
    absent(opt_exclude, "EXCLUDE after *")?;
    absent(opt_except, "EXCEPT after *")?;
    absent(opt_replace, "REPLACE after *")?;
    absent(opt_rename, "RENAME after *")?;
    absent(opt_alias, "An alias of *")
}
