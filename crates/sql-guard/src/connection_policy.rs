//! What each role may see of a connection, as a manager writes it.

use std::collections::BTreeMap;

use contracts::{Dialect, Role, Schema, TableSchema};
use serde::{Deserialize, Serialize};

use crate::policy::Policy;
use crate::restrict::{Mask, PolicyError, TableRule};

/// The rules of a connection. It narrows what discovery found, and never widens it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionPolicy {
    /// For every role that has no rules of its own.
    #[serde(default)]
    pub tables: Vec<TableRule>,
    /// Instead of these, by role.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<Role, Vec<TableRule>>,
}

impl ConnectionPolicy {
    /// Whether every rule can be applied to this schema; else where the mistake is.
    pub fn check(&self, dialect: Dialect, schema: &Schema) -> Result<(), PolicyError> {
        rules_apply(&self.tables, dialect, schema)?;
        for (role, rules) in &self.roles {
            rules_apply(rules, dialect, schema).map_err(|mut error| {
                error.at = format!("roles.{}.{}", role.as_str(), error.at);
                error
            })?;
        }
        Ok(())
    }

    /// What statements of this role may touch.
    pub fn policy(&self, dialect: Dialect, schema: &Schema, role: Role) -> Result<Policy, PolicyError> {
        narrowed(self.rules(role), dialect, schema)
    }

    /// The schema as this role may know it: without hidden columns, and without sample values of what is masked or
    /// filtered.
    pub fn visible(&self, schema: &Schema, role: Role) -> Schema {
        let rules = self.rules(role);
        let tables = schema.tables.iter().filter(|table| is_listed(table, rules));
        Schema { tables: tables.map(|table| visible(table, rules)).collect() }
    }

    fn rules(&self, role: Role) -> &[TableRule] {
        self.roles.get(&role).unwrap_or(&self.tables)
    }
}

fn rules_apply(rules: &[TableRule], dialect: Dialect, schema: &Schema) -> Result<(), PolicyError> {
    narrowed(rules, dialect, schema).map(|_| ())
}

fn narrowed(rules: &[TableRule], dialect: Dialect, schema: &Schema) -> Result<Policy, PolicyError> {
    let tables = schema.tables.iter().filter(|table| is_listed(table, rules)).cloned().collect();
    Policy::for_schema(dialect, &Schema { tables }).with_rules(rules)
}

/// A view reads tables past their rules, so where there are rules it must have one of its own.
fn is_listed(table: &TableSchema, rules: &[TableRule]) -> bool {
    !table.is_view || rules.is_empty() || rules.iter().any(|rule| applies(rule, table))
}

fn applies(rule: &TableRule, table: &TableSchema) -> bool {
    rule.name == table.name && (rule.namespace.is_none() || rule.namespace == table.namespace)
}

fn visible(table: &TableSchema, rules: &[TableRule]) -> TableSchema {
    let mut shown = table.clone();
    let Some(rule) = rules.iter().find(|rule| applies(rule, table)) else {
        return shown;
    };
    shown.columns.retain(|column| rule.masks.get(&column.name) != Some(&Mask::Refuse));
    for column in &mut shown.columns {
        if rule.filter.is_some() || rule.masks.contains_key(&column.name) {
            column.samples.clear();
        }
    }
    shown
}
