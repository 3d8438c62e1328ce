//! FROM: tables, functions, subqueries and joins.

use contracts::Dialect;
use sqlparser::ast::{
    Ident, Join, JoinConstraint, JoinOperator, JsonTableColumn, JsonTableColumnErrorHandling, ObjectName, TableAlias,
    TableAliasColumnDef, TableFactor, TableFunctionArgs, TableSample, TableSampleKind, TableWithJoins,
};

use super::columns::of_function;
use super::scope::{Columns, Output, Scope, Source};
use super::{NESTED, Verdict, Walk, absent, empty, unset};
use crate::names;
use crate::refusal::Refusal;

impl<'p> Walk<'p> {
    /// Checks what stands in FROM, except the expressions that see all of it: [`Walk::join_conditions`].
    pub(super) fn from(&mut self, from: &mut [TableWithJoins]) -> Result<Vec<Source<'p>>, Refusal> {
        let mut sources = Vec::new();
        for TableWithJoins { relation, joins } in from {
            self.factor(relation, &mut sources)?;
            for Join { relation, global, join_operator: _ } in joins {
                unset(*global, "GLOBAL JOIN")?;
                self.factor(relation, &mut sources)?;
            }
        }
        Ok(sources)
    }

    fn factor(&mut self, factor: &mut TableFactor, sources: &mut Vec<Source<'p>>) -> Verdict {
        match factor {
            TableFactor::Table { .. } => sources.push(self.table_factor(factor)?),
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                absent(sample, "TABLESAMPLE of a subquery")?;
                let output = match lateral {
                    true => self.lateral(sources, |walk| walk.query(subquery))?,
                    false => self.query(subquery)?,
                };
                sources.push(self.source(alias, output)?);
            }
            TableFactor::Function { lateral: _, name, args: _, with_ordinality, alias } => {
                self.table_function(name)?;
                let called = last_name(self.dialect, name).unwrap_or_default();
                let source = self.function_source(&called, alias, *with_ordinality)?;
                sources.push(source);
            }
            TableFactor::UNNEST { alias, array_exprs: _, with_offset, with_offset_alias, with_ordinality } => {
                unset(*with_offset, "WITH OFFSET")?;
                absent(with_offset_alias, "WITH OFFSET")?;
                sources.push(self.function_source("unnest", alias, *with_ordinality)?);
            }
            TableFactor::JsonTable { json_expr: _, json_path, columns, alias } => {
                self.literal(&mut json_path.value)?;
                self.json_columns(columns)?;
                sources.push(self.source(alias, Output::default())?);
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                absent(alias, "An alias of a join in parentheses")?;
                let inner = self.deeper(NESTED, |walk| walk.from(std::slice::from_mut(table_with_joins)))?;
                sources.extend(inner);
            }
            TableFactor::TableFunction { .. } => return Err(Refusal::unsupported("TABLE() in FROM")),
            TableFactor::OpenJsonTable { .. } => return Err(Refusal::unsupported("OPENJSON")),
            TableFactor::Pivot { .. } => return Err(Refusal::unsupported("PIVOT")),
            TableFactor::Unpivot { .. } | TableFactor::UnpivotExpr { .. } => {
                return Err(Refusal::unsupported("UNPIVOT"));
            }
            TableFactor::MatchRecognize { .. } => return Err(Refusal::unsupported("MATCH_RECOGNIZE")),
            TableFactor::XmlTable { .. } => return Err(Refusal::unsupported("XMLTABLE")),
            TableFactor::SemanticView { .. } => return Err(Refusal::unsupported("SEMANTIC_VIEW")),
        }
        Ok(())
    }

    /// A lateral subquery sees what stands before it.
    fn lateral<T>(
        &mut self,
        before: &mut Vec<Source<'p>>,
        inside: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.scopes.push(Scope { sources: std::mem::take(before), aliases: Vec::new() });
        let result = inside(self);
        if let Some(scope) = self.scopes.pop() {
            *before = scope.sources;
        }
        result
    }

    fn table_factor(&mut self, factor: &mut TableFactor) -> Result<Source<'p>, Refusal> {
        let TableFactor::Table {
            name,
            alias,
            args,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample: _,
            index_hints: _,
        } = factor
        else {
            return Err(Refusal::unsupported("This part of FROM"));
        };
        empty(with_hints, "WITH hints")?;
        absent(version, "A version of a table")?;
        absent(json_path, "A path into a table")?;
        partitions.iter_mut().try_for_each(|partition| self.ident(partition))?;
        let called = last_name(self.dialect, name);
        if let Some(TableFunctionArgs { args: _, settings }) = args {
            absent(settings, "SETTINGS")?;
            self.table_function(name)?;
            return self.function_source(&called.unwrap_or_default(), alias, *with_ordinality);
        }
        self.object_name(name)?;
        let written = name.0.last().and_then(|part| part.as_ident()).cloned();
        let found = self.table(name)?;
        if let (Some(called), None) = (found.called, &alias) {
            *alias = Some(as_alias(called));
        }
        let source = self.source(alias, found.output)?;
        let source = Source { name: source.name.or(called), restriction: found.restriction, ..source };
        if let Some(restriction) = found.restriction {
            self.replace(factor, restriction, written)?;
        }
        Ok(source)
    }

    fn function_source(
        &mut self,
        called: &str,
        alias: &mut Option<TableAlias>,
        ordinality: bool,
    ) -> Result<Source<'p>, Refusal> {
        let columns = match self.dialect {
            Dialect::Postgres => {
                let alias = alias.as_ref().map(|alias| names::meaning(self.dialect, &alias.name));
                of_function(called, alias.as_deref(), ordinality)
            }
            Dialect::Sqlite | Dialect::Mysql => Columns::Unknown,
        };
        let source = self.source(alias, Output { columns, weight: 0 })?;
        Ok(Source { name: source.name.or_else(|| Some(called.to_owned())), ..source })
    }

    fn source(&mut self, alias: &mut Option<TableAlias>, output: Output<'p>) -> Result<Source<'p>, Refusal> {
        let Output { columns, weight } = output;
        let Some(alias) = alias else {
            return Ok(Source { columns, weight, ..Source::default() });
        };
        self.alias(alias)?;
        let name = Some(names::meaning(self.dialect, &alias.name));
        Ok(Source { name, columns: self.renamed(alias, columns), weight, ..Source::default() })
    }

    pub(super) fn alias(&mut self, alias: &mut TableAlias) -> Verdict {
        let TableAlias { explicit: _, name, columns, at } = alias;
        absent(at, "AT after an alias")?;
        self.ident(name)?;
        for TableAliasColumnDef { name, data_type } in columns {
            self.ident(name)?;
            if let Some(data_type) = data_type {
                self.data_type(data_type)?;
            }
        }
        Ok(())
    }

    /// The columns under the names that an alias with a column list gives them.
    pub(super) fn renamed(&self, alias: &TableAlias, columns: Columns<'p>) -> Columns<'p> {
        if alias.columns.is_empty() {
            return columns;
        }
        let given = alias.columns.iter().map(|column| names::meaning(self.dialect, &column.name));
        let rest = columns.names().unwrap_or_default().iter().skip(alias.columns.len()).cloned();
        Columns::Listed(given.chain(rest).collect())
    }

    fn json_columns(&mut self, columns: &mut [JsonTableColumn]) -> Verdict {
        for column in columns {
            match column {
                JsonTableColumn::ForOrdinality(name) => self.ident(name)?,
                JsonTableColumn::Nested(nested) => {
                    self.literal(&mut nested.path.value)?;
                    self.deeper(NESTED, |walk| walk.json_columns(&mut nested.columns))?;
                }
                JsonTableColumn::Named(column) => {
                    self.ident(&mut column.name)?;
                    self.data_type(&mut column.r#type)?;
                    self.literal(&mut column.path.value)?;
                    for handling in [&mut column.on_empty, &mut column.on_error].into_iter().flatten() {
                        match handling {
                            JsonTableColumnErrorHandling::Null | JsonTableColumnErrorHandling::Error => {}
                            JsonTableColumnErrorHandling::Default(value) => self.literal(&mut value.value)?,
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The expressions inside FROM: join conditions, arguments of functions, samples.
    pub(super) fn join_conditions(&mut self, from: &mut [TableWithJoins]) -> Verdict {
        for TableWithJoins { relation, joins } in from {
            self.factor_exprs(relation)?;
            for Join { relation, global: _, join_operator } in joins {
                self.factor_exprs(relation)?;
                self.join(join_operator)?;
            }
        }
        Ok(())
    }

    fn factor_exprs(&mut self, factor: &mut TableFactor) -> Verdict {
        match factor {
            TableFactor::Table { name, args, sample, .. } => {
                if let Some(TableFunctionArgs { args, settings: _ }) = args {
                    self.function_args(args)?;
                    self.size_of_call(&names::called(name), args)?;
                }
                match sample {
                    None => Ok(()),
                    Some(TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) => {
                        self.sample(sample)
                    }
                }
            }
            TableFactor::Function { name, args, .. } => {
                self.function_args(args)?;
                self.size_of_call(&names::called(name), args)
            }
            TableFactor::UNNEST { array_exprs, .. } => self.exprs(array_exprs),
            TableFactor::JsonTable { json_expr, .. } => self.expr(json_expr),
            TableFactor::NestedJoin { table_with_joins, .. } => {
                self.deeper(NESTED, |walk| walk.join_conditions(std::slice::from_mut(table_with_joins)))
            }
            // Subqueries were walked with their own scope, the rest was refused.
            TableFactor::Derived { .. }
            | TableFactor::TableFunction { .. }
            | TableFactor::OpenJsonTable { .. }
            | TableFactor::Pivot { .. }
            | TableFactor::Unpivot { .. }
            | TableFactor::UnpivotExpr { .. }
            | TableFactor::MatchRecognize { .. }
            | TableFactor::XmlTable { .. }
            | TableFactor::SemanticView { .. } => Ok(()),
        }
    }

    pub(super) fn sample(&mut self, sample: &mut TableSample) -> Verdict {
        let TableSample { modifier: _, name: _, quantity, seed, bucket, offset } = sample;
        absent(bucket, "BUCKET")?;
        absent(offset, "OFFSET in a sample")?;
        if let Some(seed) = seed {
            self.literal(&mut seed.value.value)?;
        }
        self.optional(quantity.as_mut().map(|quantity| &mut quantity.value))
    }

    fn join(&mut self, operator: &mut JoinOperator) -> Verdict {
        match operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint)
            | JoinOperator::CrossJoin(constraint)
            | JoinOperator::StraightJoin(constraint) => self.constraint(constraint),
            JoinOperator::Semi(_)
            | JoinOperator::LeftSemi(_)
            | JoinOperator::RightSemi(_)
            | JoinOperator::Anti(_)
            | JoinOperator::LeftAnti(_)
            | JoinOperator::RightAnti(_) => Err(Refusal::unsupported("SEMI and ANTI JOIN")),
            JoinOperator::CrossApply | JoinOperator::OuterApply => Err(Refusal::unsupported("APPLY")),
            JoinOperator::AsOf { .. } => Err(Refusal::unsupported("ASOF JOIN")),
            JoinOperator::ArrayJoin | JoinOperator::LeftArrayJoin | JoinOperator::InnerArrayJoin => {
                Err(Refusal::unsupported("ARRAY JOIN"))
            }
        }
    }

    fn constraint(&mut self, constraint: &mut JoinConstraint) -> Verdict {
        match constraint {
            JoinConstraint::On(condition) => self.expr(condition),
            JoinConstraint::Using(columns) => columns.iter_mut().try_for_each(|column| self.object_name(column)),
            JoinConstraint::Natural | JoinConstraint::None => Ok(()),
        }
    }
}

pub(super) fn as_alias(name: Ident) -> TableAlias {
    TableAlias { explicit: true, name, columns: Vec::new(), at: None }
}

fn last_name(dialect: Dialect, name: &ObjectName) -> Option<String> {
    name.0.last()?.as_ident().map(|ident| names::meaning(dialect, ident))
}
