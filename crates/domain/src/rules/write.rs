//! From a plan to SQL in a dialect.

mod identifiers;
mod literals;

use contracts::Dialect;

use super::{
    catalog::{Catalog, ColumnKind, ColumnRef},
    joins::{self, Graph, Join},
    lexicon::{Direction, Function, Grain, Op, Search},
    plan::{Condition, Expr, Literal, Plan, Scalar, Test},
};
use identifiers::Namer;

/// Writes plans.
pub struct Writer<'a> {
    catalog: &'a Catalog<'a>,
    graph: &'a Graph,
    dialect: Dialect,
    namer: Namer,
}

/// One query being written.
struct Scope<'w> {
    joins: &'w [Join],
    qualified: bool,
    /// What holds for the rows of a share.
    share: &'w str,
}

impl<'a> Writer<'a> {
    /// A writer for a schema in a dialect.
    pub fn new(catalog: &'a Catalog<'a>, graph: &'a Graph, dialect: Dialect) -> Self {
        Self { catalog, graph, dialect, namer: Namer::new(catalog.schema, dialect) }
    }

    /// The statement; `None` when its tables are not connected.
    pub fn statement(&self, plan: &Plan) -> Option<String> {
        self.query(plan, true)
    }

    /// The joins that a plan needs.
    pub fn joins(&self, plan: &Plan) -> Option<Vec<Join>> {
        self.graph.connect(plan.root, &plan.tables())
    }

    fn query(&self, plan: &Plan, outer: bool) -> Option<String> {
        let joins = self.joins(plan)?;
        let bare = Scope { qualified: !joins.is_empty(), joins: &joins, share: "" };
        let share = self.filters(&plan.share, &bare)?.join(" AND ");
        let scope = Scope { share: &share, ..bare };
        let mut sql =
            format!("SELECT {}{}", if plan.distinct { "DISTINCT " } else { "" }, self.select(plan, &scope, outer));
        sql.push_str(&self.from(plan.root, &scope));
        self.push_list(&mut sql, " WHERE ", self.filters(&plan.filters, &scope)?, " AND ");
        self.push_list(&mut sql, " GROUP BY ", plan.group.iter().map(|key| self.scalar(key, &scope)).collect(), ", ");
        self.push_list(&mut sql, " HAVING ", self.having(plan, &scope)?, " AND ");
        self.push_list(&mut sql, " ORDER BY ", self.order(plan, &scope), ", ");
        if let Some(limit) = plan.limit {
            sql.push_str(&format!(" LIMIT {limit}"));
        }
        Some(sql)
    }

    fn push_list(&self, sql: &mut String, before: &str, parts: Vec<String>, between: &str) {
        if !parts.is_empty() {
            sql.push_str(before);
            sql.push_str(&parts.join(between));
        }
    }

    fn select(&self, plan: &Plan, scope: &Scope, outer: bool) -> String {
        let mut used = Vec::new();
        let parts = plan.select.iter().map(|expr| {
            let text = self.expr(expr, scope);
            let alias = if outer { self.alias(expr, plan, &mut used) } else { None };
            alias.map_or(text.clone(), |alias| format!("{text} AS {}", self.namer.quote(&alias)))
        });
        parts.collect::<Vec<_>>().join(", ")
    }

    /// A name for what has none of its own, or whose name another column has too.
    fn alias(&self, expr: &Expr, plan: &Plan, used: &mut Vec<String>) -> Option<String> {
        let name = match expr {
            Expr::Scalar(Scalar::Column(column)) => self.shared_name(*column, plan)?,
            other => self.computed_name(other),
        };
        let repeats = used.iter().filter(|known| **known == name).count();
        used.push(name.clone());
        Some(if repeats == 0 { name } else { format!("{name}_{}", repeats + 1) })
    }

    fn shared_name(&self, column: ColumnRef, plan: &Plan) -> Option<String> {
        let name = &self.catalog.raw(column).name;
        let same = plan.select.iter().filter(|expr| match expr {
            Expr::Scalar(Scalar::Column(other)) => self.catalog.raw(*other).name.eq_ignore_ascii_case(name),
            _ => false,
        });
        (same.count() > 1).then(|| format!("{}_{}", self.catalog.schema.tables[column.table].name, name))
    }

    fn computed_name(&self, expr: &Expr) -> String {
        match expr {
            Expr::Rows(table) => format!("number_of_{}", self.catalog.schema.tables[*table].name),
            Expr::Different(column) => format!("different_{}", self.catalog.raw(*column).name),
            Expr::Aggregate(Function::Sum, Scalar::Product(..)) => "revenue".to_owned(),
            Expr::Aggregate(function, scalar) => format!("{}_{}", function_word(*function), self.scalar_name(scalar)),
            Expr::SumPer(..) => "average_order_value".to_owned(),
            Expr::Share(_) => "percentage".to_owned(),
            Expr::Scalar(scalar) => self.scalar_name(scalar),
        }
        .to_lowercase()
    }

    fn scalar_name(&self, scalar: &Scalar) -> String {
        match scalar {
            Scalar::Column(column) => self.catalog.raw(*column).name.clone(),
            Scalar::Product(..) => "amount".to_owned(),
            Scalar::Period(Grain::Day, _) => "day".to_owned(),
            Scalar::Period(Grain::Month, _) => "month".to_owned(),
            Scalar::Period(Grain::Year, _) => "year".to_owned(),
        }
    }

    fn from(&self, root: usize, scope: &Scope) -> String {
        let mut sql = format!(" FROM {}", self.namer.table(root));
        for join in scope.joins {
            let pairs = join.edge.pairs.iter().map(|(child, parent)| {
                let (new, known) = if join.table == child.table { (child, parent) } else { (parent, child) };
                format!("{} = {}", self.column(*new, scope), self.column(*known, scope))
            });
            let pairs: Vec<String> = pairs.collect();
            sql.push_str(&format!(" JOIN {} ON {}", self.namer.table(join.table), pairs.join(" AND ")));
        }
        sql
    }

    fn filters(&self, groups: &[Vec<Condition>], scope: &Scope) -> Option<Vec<String>> {
        let mut parts: Vec<String> = Vec::new();
        for group in groups {
            let tests: Vec<String> =
                group.iter().map(|condition| self.condition(condition, scope)).collect::<Option<_>>()?;
            let text = if tests.len() > 1 { format!("({})", tests.join(" OR ")) } else { tests.concat() };
            if !parts.contains(&text) {
                parts.push(text);
            }
        }
        Some(parts)
    }

    fn condition(&self, condition: &Condition, scope: &Scope) -> Option<String> {
        let left = match &condition.test {
            Test::Compare(op, Literal::Number(_)) if !matches!(op, Op::Eq | Op::Ne) => {
                self.number(&condition.left, scope)
            }
            Test::Between(Literal::Number(_), _) | Test::CompareQuery(..) => self.number(&condition.left, scope),
            _ => self.scalar(&condition.left, scope),
        };
        self.test(&left, &condition.left, &condition.test)
    }

    fn test(&self, left: &str, scalar: &Scalar, test: &Test) -> Option<String> {
        let literal = |value: &Literal| self.literal(scalar, value, left);
        Some(match test {
            Test::Compare(op, value) => format!("{left} {} {}", symbol(*op), literal(value)),
            Test::Between(low, high) => format!("{left} BETWEEN {} AND {}", literal(low), literal(high)),
            Test::Range(from, to) => {
                let (from, to) = (literals::text(from, self.dialect), literals::text(to, self.dialect));
                format!("{left} >= {from} AND {left} < {to}")
            }
            Test::Like(search, text, negated) => self.like(left, *search, text, *negated),
            Test::CompareQuery(op, plan) => format!("{left} {} ({})", symbol(*op), self.query(plan, false)?),
            Test::In(plan, negated) => self.membership(left, plan, *negated)?,
            Test::Null => format!("{left} IS NULL"),
        })
    }

    /// `NOT IN` needs rows without nulls.
    fn membership(&self, left: &str, plan: &Plan, negated: bool) -> Option<String> {
        if !negated {
            return Some(format!("{left} IN ({})", self.query(plan, false)?));
        }
        let sql = self.query(plan, false)?;
        if let Some(Expr::Scalar(Scalar::Column(column))) = plan.select.first()
            && self.catalog.raw(*column).nullable
        {
            let qualified = !self.joins(plan)?.is_empty();
            let name = self.column(*column, &Scope { joins: &[], qualified, share: "" });
            let word = if plan.filters.is_empty() { "WHERE" } else { "AND" };
            return Some(format!("{left} NOT IN ({sql} {word} {name} IS NOT NULL)"));
        }
        Some(format!("{left} NOT IN ({sql})"))
    }

    fn like(&self, left: &str, search: Search, text: &str, negated: bool) -> String {
        let (pattern, escape) = literals::pattern(search, text, self.dialect);
        let word = if self.dialect == Dialect::Postgres { "ILIKE" } else { "LIKE" };
        format!("{left} {}{word} {pattern}{escape}", if negated { "NOT " } else { "" })
    }

    fn literal(&self, scalar: &Scalar, value: &Literal, left: &str) -> String {
        let Scalar::Column(column) = scalar else { return literals::write(value, self.dialect) };
        let entry = self.catalog.column(*column);
        let cast = left.starts_with("CAST");
        match value {
            Literal::Number(text) if entry.stored_as_text && !cast => literals::text(text, self.dialect),
            Literal::Text(text)
                if entry.kind == ColumnKind::Number && text.parse::<f64>().is_ok() && !entry.stored_as_text =>
            {
                text.clone()
            }
            other => literals::write(other, self.dialect),
        }
    }

    fn having(&self, plan: &Plan, scope: &Scope) -> Option<Vec<String>> {
        let tests = plan.having.iter().map(|having| {
            let left = self.expr(&having.left, scope);
            let none = Scalar::Product(ColumnRef { table: 0, column: 0 }, ColumnRef { table: 0, column: 0 });
            self.test(&left, &none, &having.test)
        });
        tests.collect()
    }

    fn order(&self, plan: &Plan, scope: &Scope) -> Vec<String> {
        let part = |(expr, direction): &(Expr, Direction)| {
            let text = match expr {
                Expr::Scalar(scalar) if !plan.group.contains(scalar) => self.number(scalar, scope),
                other => self.expr(other, scope),
            };
            match direction {
                Direction::Asc => text,
                Direction::Desc => format!("{text} DESC"),
            }
        };
        plan.order.iter().map(part).collect()
    }

    fn expr(&self, expr: &Expr, scope: &Scope) -> String {
        match expr {
            Expr::Scalar(scalar) => self.scalar(scalar, scope),
            Expr::Rows(table) => self.rows(*table, scope),
            Expr::Different(column) => format!("COUNT(DISTINCT {})", self.column(*column, scope)),
            Expr::Aggregate(function, scalar) => {
                format!("{}({})", function_name(*function), self.number(scalar, scope))
            }
            Expr::Share(_) => format!("100.0 * SUM(CASE WHEN {} THEN 1 ELSE 0 END) / COUNT(*)", scope.share),
            Expr::SumPer(scalar, column) => {
                format!("SUM({}) * 1.0 / COUNT(DISTINCT {})", self.scalar(scalar, scope), self.column(*column, scope))
            }
        }
    }

    /// Counts rows of a table, each once although joins may repeat it.
    fn rows(&self, table: usize, scope: &Scope) -> String {
        match self.catalog.key(table).filter(|_| joins::repeats(table, scope.joins)) {
            Some(key) => format!("COUNT(DISTINCT {})", self.column(key, scope)),
            None => "COUNT(*)".to_owned(),
        }
    }

    fn scalar(&self, scalar: &Scalar, scope: &Scope) -> String {
        match scalar {
            Scalar::Column(column) => self.column(*column, scope),
            Scalar::Product(left, right) => format!("{} * {}", self.column(*left, scope), self.column(*right, scope)),
            Scalar::Period(grain, column) => self.period(*grain, *column, scope),
        }
    }

    /// A value to compare or compute with: numbers stored as text are read as numbers.
    fn number(&self, scalar: &Scalar, scope: &Scope) -> String {
        let text = self.scalar(scalar, scope);
        let Scalar::Column(column) = scalar else { return text };
        let entry = self.catalog.column(*column);
        if !(entry.stored_as_text && entry.kind == ColumnKind::Number) {
            return text;
        }
        match self.dialect {
            Dialect::Sqlite => format!("CAST({text} AS REAL)"),
            Dialect::Postgres => format!("CAST(NULLIF({text}, '') AS numeric)"),
            Dialect::Mysql => format!("CAST({text} AS DECIMAL(30, 6))"),
        }
    }

    fn period(&self, grain: Grain, column: ColumnRef, scope: &Scope) -> String {
        let name = self.column(column, scope);
        let as_text = self.catalog.column(column).stored_as_text;
        let length = match grain {
            Grain::Day => 10,
            Grain::Month => 7,
            Grain::Year => 4,
        };
        match (self.dialect, grain) {
            _ if as_text => format!("SUBSTR({name}, 1, {length})"),
            (Dialect::Sqlite, Grain::Day) => format!("strftime('%Y-%m-%d', {name})"),
            (Dialect::Sqlite, Grain::Month) => format!("strftime('%Y-%m', {name})"),
            (Dialect::Sqlite, Grain::Year) => format!("strftime('%Y', {name})"),
            (Dialect::Postgres, Grain::Day) => format!("to_char({name}, 'YYYY-MM-DD')"),
            (Dialect::Postgres, Grain::Month) => format!("to_char({name}, 'YYYY-MM')"),
            (Dialect::Postgres, Grain::Year) => format!("to_char({name}, 'YYYY')"),
            (Dialect::Mysql, Grain::Day) => format!("DATE_FORMAT({name}, '%Y-%m-%d')"),
            (Dialect::Mysql, Grain::Month) => format!("DATE_FORMAT({name}, '%Y-%m')"),
            (Dialect::Mysql, Grain::Year) => format!("DATE_FORMAT({name}, '%Y')"),
        }
    }

    fn column(&self, column: ColumnRef, scope: &Scope) -> String {
        let name = self.namer.quote(&self.catalog.raw(column).name);
        if scope.qualified { format!("{}.{name}", self.namer.qualifier(column.table)) } else { name }
    }
}

fn symbol(op: Op) -> &'static str {
    match op {
        Op::Eq => "=",
        Op::Ne => "<>",
        Op::Lt => "<",
        Op::Le => "<=",
        Op::Gt => ">",
        Op::Ge => ">=",
    }
}

fn function_name(function: Function) -> &'static str {
    match function {
        Function::Avg => "AVG",
        Function::Sum => "SUM",
        Function::Min => "MIN",
        Function::Max => "MAX",
    }
}

fn function_word(function: Function) -> &'static str {
    match function {
        Function::Avg => "average",
        Function::Sum => "total",
        Function::Min => "lowest",
        Function::Max => "highest",
    }
}
