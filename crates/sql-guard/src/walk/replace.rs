//! A table with a rule is replaced by a subquery that gives only what the rule leaves: wherever the table is joined,
//! grouped, sorted or compared, there is nothing else to be had.

use sqlparser::ast::{Ident, SetExpr, TableFactor, TableSampleKind};

use super::from::as_alias;
use super::{Verdict, Walk};
use crate::refusal::{Refusal, rule};
use crate::restrict::Restriction;

impl Walk<'_> {
    /// Puts the subquery in the place of the table. `written` is what the query calls the table by.
    pub(super) fn replace(
        &mut self,
        factor: &mut TableFactor,
        restriction: &Restriction,
        written: Option<Ident>,
    ) -> Verdict {
        bound(restriction)?;
        let TableFactor::Table { alias, sample, partitions, index_hints, .. } = factor else {
            return Ok(());
        };
        if let Some(TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) = sample {
            self.sample(sample)?;
        }
        let alias = alias.take().or_else(|| written.map(as_alias));
        let mut subquery = Box::new(restriction.query().clone());
        if let SetExpr::Select(select) = &mut *subquery.body
            && let Some(table) = select.from.first_mut()
            && let TableFactor::Table { sample: own_sample, partitions: own_partitions, index_hints: own_hints, .. } =
                &mut table.relation
        {
            *own_sample = sample.take();
            *own_partitions = std::mem::take(partitions);
            *own_hints = std::mem::take(index_hints);
        }
        *factor = TableFactor::Derived { lateral: false, subquery, alias, sample: None };
        Ok(())
    }
}

/// Refuses a rule that needs something of the user which is not known.
pub(super) fn bound(restriction: &Restriction) -> Verdict {
    let Some(attribute) = restriction.unbound() else { return Ok(()) };
    let message = format!(
        "The rule of this table needs the attribute user.{attribute}, which is not set for you. Ask a manager."
    );
    Err(Refusal::new(rule::POLICY, message))
}
