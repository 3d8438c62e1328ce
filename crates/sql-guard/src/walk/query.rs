//! Queries: WITH, set operations, ORDER BY and LIMIT.

use contracts::Dialect;
use sqlparser::ast::{
    Cte as CteNode, Expr, Fetch, LimitClause, Offset, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, OrderBySort,
    Query, SetExpr, SetQuantifier, Values, With,
};

use super::scope::{Columns, Cte, Output, Scope, Source};
use super::{NESTED, Verdict, Walk, absent, empty, joins, recursion};
use crate::names;
use crate::refusal::{Refusal, rule};

impl<'p> Walk<'p> {
    /// Checks a query and returns the columns that it gives.
    pub(super) fn query(&mut self, query: &mut Query) -> Result<Output<'p>, Refusal> {
        self.deeper(NESTED, |walk| {
            let frames = walk.ctes.len();
            let result = walk.query_parts(query);
            walk.ctes.truncate(frames);
            result
        })
    }

    fn query_parts(&mut self, query: &mut Query) -> Result<Output<'p>, Refusal> {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if !locks.is_empty() {
            return Err(Refusal::new(rule::LOCK, "A query must not lock rows. Leave FOR UPDATE and FOR SHARE out."));
        }
        absent(for_clause, "FOR XML and FOR JSON")?;
        absent(settings, "SETTINGS")?;
        absent(format_clause, "FORMAT")?;
        empty(pipe_operators, "A pipe operator")?;
        self.with(with)?;
        let output = self.body(body, order_by)?;
        self.limit(limit_clause)?;
        self.fetch(fetch)?;
        let few = joins::is_limited(limit_clause, fetch);
        Ok(Output { weight: if few { 0 } else { output.weight }, ..output })
    }

    /// ORDER BY sees what the SELECT in front of it sees; after a set operation it sees the result alone.
    fn body(&mut self, body: &mut SetExpr, order_by: &mut Option<OrderBy>) -> Result<Output<'p>, Refusal> {
        if let SetExpr::Select(select) = body {
            return self.select(select, order_by.as_mut());
        }
        let output = self.set_expr(body)?;
        let Some(order_by) = order_by else {
            return Ok(output);
        };
        let source = Source { columns: output.columns.clone(), ..Source::default() };
        self.within(Scope { sources: vec![source], aliases: Vec::new() }, |walk| walk.order_by(order_by))?;
        Ok(output)
    }

    /// Chains of set operations lean to the left: they are walked by a loop.
    fn set_expr(&mut self, mut body: &mut SetExpr) -> Result<Output<'p>, Refusal> {
        let mut levels = 0;
        let mut weight = 0;
        while let SetExpr::SetOperation { left, op: _, set_quantifier, right } = body {
            self.set_quantifier(*set_quantifier)?;
            levels += 1;
            weight = weight.max(self.deeper(levels, |walk| walk.set_operand(right))?.weight);
            body = left;
        }
        let first = self.deeper(levels, |walk| walk.set_operand(body))?;
        Ok(Output { weight: weight.max(first.weight), ..first })
    }

    fn set_operand(&mut self, operand: &mut SetExpr) -> Result<Output<'p>, Refusal> {
        match operand {
            SetExpr::Select(select) => self.select(select, None),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { .. } => self.deeper(NESTED, |walk| walk.set_expr(operand)),
            SetExpr::Values(values) => self.values(values),
            SetExpr::Table(_) => Err(Refusal::unsupported("TABLE")),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => Err(write()),
        }
    }

    fn set_quantifier(&self, quantifier: SetQuantifier) -> Verdict {
        match quantifier {
            SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None => Ok(()),
            SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName => {
                Err(Refusal::unsupported("BY NAME"))
            }
        }
    }

    fn values(&mut self, values: &mut Values) -> Result<Output<'p>, Refusal> {
        let Values { explicit_row: _, value_keyword: _, rows } = values;
        for row in rows {
            self.exprs(&mut row.content)?;
        }
        Ok(Output::default())
    }

    fn with(&mut self, with: &mut Option<With>) -> Verdict {
        let Some(With { with_token: _, recursive, cte_tables }) = with else {
            return Ok(());
        };
        // In SQLite and in PostgreSQL's WITH RECURSIVE all names are in sight of all bodies. Elsewhere a name that is
        // not yet defined means the table of that name.
        let all = self.dialect == Dialect::Sqlite || (self.dialect == Dialect::Postgres && *recursive);
        let frame = if all { cte_tables.iter().map(|cte| self.announced(cte)).collect() } else { Vec::new() };
        self.ctes.push(frame);
        for cte in cte_tables {
            let itself = *recursive && !all;
            self.cte(cte, itself, *recursive || self.dialect == Dialect::Sqlite)?;
        }
        Ok(())
    }

    fn announced(&self, cte: &CteNode) -> Cte<'p> {
        let columns = self.renamed(&cte.alias, Columns::Unknown);
        Cte { name: names::meaning(self.dialect, &cte.alias.name), output: Output { columns, weight: 0 } }
    }

    fn cte(&mut self, cte: &mut CteNode, sees_itself: bool, recursive: bool) -> Verdict {
        if sees_itself {
            let announced = self.announced(cte);
            self.define(announced);
        }
        let name = names::meaning(self.dialect, &cte.alias.name);
        let CteNode { alias, query, from, materialized: _, closing_paren_token: _ } = cte;
        absent(from, "FROM after a common table expression")?;
        self.alias(alias)?;
        if recursive {
            recursion::check(query, &name, self.dialect)?;
        }
        let given = self.query(query)?;
        let columns = self.renamed(alias, given.columns);
        self.define(Cte { name, output: Output { columns, weight: given.weight } });
        Ok(())
    }

    /// Adds to the innermost WITH, or completes what was announced.
    fn define(&mut self, cte: Cte<'p>) {
        let Some(frame) = self.ctes.last_mut() else {
            return;
        };
        match frame.iter_mut().find(|known| known.name == cte.name) {
            Some(known) => *known = cte,
            None => frame.push(cte),
        }
    }

    pub(super) fn order_by(&mut self, order_by: &mut OrderBy) -> Verdict {
        let OrderBy { kind, interpolate } = order_by;
        absent(interpolate, "INTERPOLATE")?;
        match kind {
            OrderByKind::Expressions(exprs) => self.sort_keys(exprs),
            OrderByKind::All(_) => Err(Refusal::unsupported("ORDER BY ALL")),
        }
    }

    pub(super) fn sort_keys(&mut self, keys: &mut [OrderByExpr]) -> Verdict {
        for OrderByExpr { expr, options, with_fill } in keys {
            let OrderByOptions { sort, nulls_first: _ } = options;
            match sort {
                None | Some(OrderBySort::Asc | OrderBySort::Desc) => {}
                Some(OrderBySort::Using(_)) => return Err(Refusal::unsupported("ORDER BY … USING")),
            }
            absent(with_fill, "WITH FILL")?;
            self.expr(expr)?;
        }
        Ok(())
    }

    fn limit(&mut self, limit: &mut Option<LimitClause>) -> Verdict {
        match limit {
            None => Ok(()),
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) => {
                empty(limit_by, "LIMIT BY")?;
                self.optional(limit.as_mut())?;
                self.optional(offset.as_mut().map(|Offset { value, rows: _ }| value))
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                self.expr(offset)?;
                self.expr(limit)
            }
        }
    }

    fn fetch(&mut self, fetch: &mut Option<Fetch>) -> Verdict {
        match fetch {
            None => Ok(()),
            Some(Fetch { with_ties: _, percent: _, quantity }) => self.optional(quantity.as_mut()),
        }
    }

    pub(super) fn optional(&mut self, expr: Option<&mut Expr>) -> Verdict {
        expr.map_or(Ok(()), |expr| self.expr(expr))
    }

    pub(super) fn exprs(&mut self, exprs: &mut [Expr]) -> Verdict {
        exprs.iter_mut().try_for_each(|expr| self.expr(expr))
    }
}

fn write() -> Refusal {
    Refusal::new(
        rule::WRITE,
        "The statement changes data. Only reading is allowed: leave INSERT, UPDATE and DELETE out.",
    )
}
