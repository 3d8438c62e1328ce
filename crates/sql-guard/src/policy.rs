//! What a statement may touch.

use std::collections::{BTreeSet, HashMap};

use contracts::{Dialect, Schema, TableSchema};
use serde::{Deserialize, Serialize};

use crate::functions;

/// The tables and functions that statements on one source may use. Whatever is not listed is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "PolicyFile", into = "PolicyFile")]
pub struct Policy {
    dialect: Dialect,
    default_namespaces: Vec<String>,
    tables: Vec<PolicyTable>,
    functions: BTreeSet<String>,
    types: BTreeSet<String>,
    by_name: HashMap<String, Vec<usize>>,
}

/// One table or view that may be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyTable {
    /// The database schema (PostgreSQL) or database (MySQL); `None` in SQLite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name, unquoted.
    pub name: String,
    /// Its columns, unquoted. Empty when they are not known.
    #[serde(default)]
    pub columns: Vec<String>,
}

impl PolicyTable {
    /// `namespace.name`, as events and messages show it.
    pub fn label(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// How a policy is written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    dialect: Dialect,
    #[serde(default)]
    default_namespaces: Vec<String>,
    tables: Vec<PolicyTable>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    functions: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    types: BTreeSet<String>,
}

impl From<PolicyFile> for Policy {
    fn from(file: PolicyFile) -> Self {
        let by_name = index(&file.tables);
        let PolicyFile { dialect, default_namespaces, tables, functions, types } = file;
        Self { dialect, default_namespaces, tables, functions, types, by_name }
    }
}

impl From<Policy> for PolicyFile {
    fn from(policy: Policy) -> Self {
        let Policy { dialect, default_namespaces, tables, functions, types, by_name: _ } = policy;
        Self { dialect, default_namespaces, tables, functions, types }
    }
}

fn index(tables: &[PolicyTable]) -> HashMap<String, Vec<usize>> {
    let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
    for (position, table) in tables.iter().enumerate() {
        by_name.entry(table.name.to_lowercase()).or_default().push(position);
    }
    by_name
}

impl Policy {
    /// Every discovered table and view, and nothing else.
    pub fn for_schema(dialect: Dialect, schema: &Schema) -> Self {
        let tables = schema.tables.iter().map(|table| listed(dialect, table)).collect();
        Self::from(PolicyFile {
            dialect,
            default_namespaces: default_namespaces(dialect, schema),
            tables,
            functions: BTreeSet::new(),
            types: own_types(schema),
        })
    }

    /// The same policy with one function more, such as one of an extension. Case is ignored.
    #[must_use]
    pub fn allow_function(mut self, name: &str) -> Self {
        self.functions.insert(name.to_lowercase());
        self
    }

    /// The dialect that statements are read in.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Where a table without a namespace is looked for. The session must look in the same places (`search_path`).
    pub fn default_namespaces(&self) -> &[String] {
        &self.default_namespaces
    }

    /// Every table that may be read.
    pub fn tables(&self) -> &[PolicyTable] {
        &self.tables
    }

    /// The tables of this name, whatever their namespace and case.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = &PolicyTable> {
        let positions = self.by_name.get(&name.to_lowercase()).map_or(&[][..], Vec::as_slice);
        positions.iter().map(|position| &self.tables[*position])
    }

    pub(crate) fn allows_function(&self, name: &str) -> bool {
        functions::scalar(self.dialect).contains(name) || self.functions.contains(name)
    }

    pub(crate) fn allows_table_function(&self, name: &str) -> bool {
        functions::in_from(self.dialect).contains(name) || self.functions.contains(name)
    }

    pub(crate) fn has_own_type(&self, name: &str) -> bool {
        self.types.contains(name)
    }
}

fn listed(dialect: Dialect, table: &TableSchema) -> PolicyTable {
    PolicyTable {
        namespace: table.namespace.clone().filter(|_| dialect != Dialect::Sqlite),
        name: table.name.clone(),
        columns: table.columns.iter().map(|column| column.name.clone()).collect(),
    }
}

/// The only namespace there is, else PostgreSQL's `public`. With several others a table must name its own.
fn default_namespaces(dialect: Dialect, schema: &Schema) -> Vec<String> {
    let found: BTreeSet<&str> = schema.tables.iter().filter_map(|table| table.namespace.as_deref()).collect();
    if dialect == Dialect::Sqlite {
        return Vec::new();
    }
    if found.len() > 1 {
        return found
            .into_iter()
            .filter(|name| dialect == Dialect::Postgres && *name == "public")
            .map(str::to_owned)
            .collect();
    }
    found.into_iter().map(str::to_owned).collect()
}

/// The types of the discovered columns, so that a value may be cast to the owner's own enumeration.
fn own_types(schema: &Schema) -> BTreeSet<String> {
    let columns = schema.tables.iter().flat_map(|table| &table.columns);
    columns.map(|column| column.data_type.to_lowercase()).filter(|name| is_own_type(name)).collect()
}

/// PostgreSQL's types whose values are read from the catalogs.
const CATALOG_TYPES: [&str; 12] = [
    "oid",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
];

fn is_own_type(name: &str) -> bool {
    let plain = name.chars().all(|ch| ch.is_alphanumeric() || ch == '_');
    plain && !name.is_empty() && !CATALOG_TYPES.contains(&name)
}
