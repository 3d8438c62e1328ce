//! Which columns of a result may hold values of some columns, whatever they are called by then.
//!
//! It goes by names, wherever in the statement they stand: a name that a value was given once is suspect everywhere in it.
//! So it finds too many rather than too few. A count of values, and whether a value is this or that, is no value.

mod mention;

use std::cell::OnceCell;
use std::collections::BTreeSet;

use sqlparser::ast::{
    Expr, FunctionArg, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor,
    TableFunctionArgs, TableWithJoins, Visit,
};

use crate::names::meaning;
use crate::policy::{Policy, PolicyTable};
use mention::Mention;

/// Passes over a statement. Each gives at least one name to the next.
const MOST_PASSES: usize = 200;

/// Columns of a result that hold what was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    everything: bool,
    names: BTreeSet<String>,
    /// By their place, where no wildcard stands in the list.
    places: Option<Vec<bool>>,
}

impl Carried {
    /// Whether the column at this place and of this name may hold such values. Where nothing but a wildcard gives the
    /// column, it has the name that it has in its table.
    pub fn holds(&self, place: usize, name: &str) -> bool {
        let by_name = || self.names.contains(&name.to_lowercase());
        self.everything || self.places.as_ref().map_or_else(by_name, |places| places.get(place) != Some(&false))
    }

    fn everything() -> Self {
        Self { everything: true, ..Self::default() }
    }
}

/// Finds the columns of the result of a checked query that may hold values of the columns that are meant.
pub(crate) fn carried(query: &Query, policy: &Policy, is_meant: impl Fn(&str) -> bool) -> Carried {
    let (anywhere, names) = (OnceCell::new(), BTreeSet::new());
    let mut tracer = Tracer { policy, is_meant: &is_meant, anywhere, names, everything: false };
    for _ in 0..MOST_PASSES {
        let known = tracer.names.len();
        let given = tracer.query(query);
        if tracer.everything {
            return Carried::everything();
        }
        if tracer.names.len() == known {
            let places = given.columns.map(|columns| columns.iter().map(|column| column.carried).collect());
            return Carried { everything: false, names: tracer.names, places };
        }
    }
    Carried::everything()
}

/// What a query gives.
#[derive(Default)]
struct Given {
    /// In order; `None` where a wildcard stands among them.
    columns: Option<Vec<Column>>,
    /// Whether any may hold what is meant.
    some: bool,
}

struct Column {
    name: Option<String>,
    carried: bool,
}

struct Tracer<'a> {
    policy: &'a Policy,
    is_meant: &'a dyn Fn(&str) -> bool,
    /// Whether any table has a column that is meant. Schemas may be large, and few statements need it.
    anywhere: OnceCell<bool>,
    /// Names by which such values go, in lower case.
    names: BTreeSet<String>,
    everything: bool,
}

impl Tracer<'_> {
    fn is_carried(&self, name: &str) -> bool {
        (self.is_meant)(name) || self.names.contains(&name.to_lowercase())
    }

    fn is_anywhere(&self) -> bool {
        *self.anywhere.get_or_init(|| self.policy.tables().iter().any(|table| self.has_meant(table)))
    }

    /// A table of unknown columns may have any.
    fn has_meant(&self, table: &PolicyTable) -> bool {
        table.columns.is_empty() || table.columns.iter().any(|column| (self.is_meant)(column))
    }

    fn suspect(&mut self, name: &str) {
        self.names.insert(name.to_lowercase());
    }

    fn query(&mut self, query: &Query) -> Given {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let given = self.query(&cte.query);
            self.called(Some(&cte.alias), &given);
        }
        self.body(&query.body)
    }

    fn body(&mut self, body: &SetExpr) -> Given {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => {
                let (left, right) = (self.body(left), self.body(right));
                self.both(left, right)
            }
            SetExpr::Values(values) => {
                let rows: Vec<&[Expr]> = values.rows.iter().map(|row| row.content.as_slice()).collect();
                let width = rows.first().map_or(0, |row| row.len());
                let carried = |at: usize| rows.iter().filter_map(|row| row.get(at)).any(|expr| self.mentions(expr));
                let carried: Vec<bool> = (0..width).map(carried).collect();
                for (at, _) in carried.iter().enumerate().filter(|(_, carried)| **carried) {
                    self.suspect(&format!("column{}", at + 1));
                    self.suspect(&format!("column_{at}"));
                }
                let columns = carried.iter().enumerate();
                let columns =
                    columns.map(|(at, carried)| Column { name: Some(format!("column{}", at + 1)), carried: *carried });
                Given { some: carried.contains(&true), columns: Some(columns.collect()) }
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) | SetExpr::Table(_) => {
                self.everything = true;
                Given::default()
            }
        }
    }

    /// The columns of a set operation have the names of its first part.
    fn both(&mut self, left: Given, right: Given) -> Given {
        let some = left.some || right.some;
        let (Some(mut columns), Some(others)) = (left.columns, right.columns) else {
            self.everything |= some;
            return Given { columns: None, some };
        };
        for (column, other) in columns.iter_mut().zip(others) {
            column.carried |= other.carried;
            if let (true, Some(name)) = (column.carried, &column.name) {
                self.suspect(name);
            }
        }
        Given { columns: Some(columns), some }
    }

    fn select(&mut self, select: &Select) -> Given {
        let from_some = self.from(&select.from);
        self.everything |= !select.lateral_views.is_empty();
        let mut columns = Vec::new();
        let mut is_wild = false;
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    columns.push(Column { name: self.plain_name(expr), carried: self.mentions(expr) });
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let name = Some(meaning(self.policy.dialect(), alias));
                    columns.push(Column { name, carried: self.mentions(expr) });
                }
                SelectItem::Wildcard(_)
                | SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(_), _) => is_wild = true,
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(_), _)
                | SelectItem::ExprWithAliases { .. } => self.everything = true,
            }
        }
        let mut some = is_wild && from_some;
        for column in columns.iter().filter(|column| column.carried) {
            some = true;
            match &column.name {
                Some(name) => self.suspect(name),
                // Neither its name nor its place is known.
                None => self.everything |= is_wild,
            }
        }
        Given { columns: (!is_wild).then_some(columns), some }
    }

    fn plain_name(&self, expr: &Expr) -> Option<String> {
        let ident = match expr {
            Expr::Identifier(ident) => Some(ident),
            Expr::CompoundIdentifier(parts) => parts.last(),
            _ => None,
        };
        ident.map(|ident| meaning(self.policy.dialect(), ident))
    }

    /// Whether something in FROM may hold what is meant.
    fn from(&mut self, from: &[TableWithJoins]) -> bool {
        let mut some = false;
        for TableWithJoins { relation, joins } in from {
            some |= self.factor(relation);
            for join in joins {
                some |= self.factor(&join.relation);
            }
        }
        some
    }

    fn factor(&mut self, factor: &TableFactor) -> bool {
        match factor {
            TableFactor::Table { name: _, args: Some(TableFunctionArgs { args, .. }), .. } => self.function(args),
            TableFactor::Table { name, alias, .. } => {
                let name = name.0.last().and_then(|part| part.as_ident());
                let name = name.map(|name| meaning(self.policy.dialect(), name)).unwrap_or_default();
                let some = self.is_carried(&name) || self.table_has(&name);
                if some {
                    // The name of a row stands for all of it.
                    self.suspect(&name);
                    self.suspect_alias(alias.as_ref());
                }
                some
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let given = self.query(subquery);
                self.called(alias.as_ref(), &given);
                given.some
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let some = self.from(std::slice::from_ref(table_with_joins));
                if some {
                    self.suspect_alias(alias.as_ref());
                }
                some
            }
            TableFactor::Function { args, .. } => self.function(args),
            TableFactor::UNNEST { array_exprs, .. } => {
                self.everything |= array_exprs.iter().any(|expr| self.mentions(expr));
                false
            }
            TableFactor::JsonTable { json_expr, .. } => {
                self.everything |= self.mentions(json_expr);
                false
            }
            // The guard refuses the rest.
            _ => {
                self.everything = true;
                true
            }
        }
    }

    /// What a function in FROM makes of such values has names that nobody knows.
    fn function(&mut self, args: &[FunctionArg]) -> bool {
        self.everything |= args.iter().any(|arg| self.mentions(arg));
        false
    }

    fn table_has(&self, name: &str) -> bool {
        self.policy.named(name).any(|table| self.has_meant(table))
    }

    fn suspect_alias(&mut self, alias: Option<&TableAlias>) {
        let Some(alias) = alias else { return };
        let dialect = self.policy.dialect();
        self.suspect(&meaning(dialect, &alias.name));
        alias.columns.iter().for_each(|column| self.suspect(&meaning(dialect, &column.name)));
    }

    /// The names that a query's columns get where it stands in FROM or WITH.
    fn called(&mut self, alias: Option<&TableAlias>, given: &Given) {
        if !given.some {
            return;
        }
        let Some(columns) = &given.columns else { return self.suspect_alias(alias) };
        let dialect = self.policy.dialect();
        let named = |at: usize| alias.and_then(|alias| alias.columns.get(at)).map(|name| meaning(dialect, &name.name));
        for (at, column) in columns.iter().enumerate().filter(|(_, column)| column.carried) {
            match named(at).or_else(|| column.name.clone()) {
                Some(name) => self.suspect(&name),
                // Each database makes up a name of its own.
                None => self.everything = true,
            }
        }
        if let Some(alias) = alias {
            self.suspect(&meaning(dialect, &alias.name));
        }
    }

    fn mentions(&self, part: &impl Visit) -> bool {
        part.visit(&mut Mention::new(self)).is_break()
    }
}
