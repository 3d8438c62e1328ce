//! What a statement may touch.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use contracts::{Dialect, Schema, TableSchema};
use serde::{Deserialize, Serialize};

use crate::functions;
use crate::restrict::{Attributes, Mask, PolicyError, Restriction, TableRule};

/// The tables and functions that statements on one source may use. Whatever is not listed is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "PolicyFile", into = "PolicyFile")]
pub struct Policy {
    dialect: Dialect,
    default_namespaces: Vec<String>,
    tables: Vec<PolicyTable>,
    functions: BTreeSet<String>,
    types: BTreeSet<String>,
    row_limit: Option<u64>,
    by_name: HashMap<String, Vec<usize>>,
    /// The rules of tables, by their position.
    restrictions: HashMap<usize, Restriction>,
}

/// Rows of a statement where the policy says nothing else.
const ROW_LIMIT: u64 = 10_000;

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
    /// As in [`TableRule::filter`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// As in [`TableRule::masks`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub masks: BTreeMap<String, Mask>,
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
    /// Most rows that a statement may give.
    #[serde(default = "row_limit")]
    row_limit: Option<u64>,
}

fn row_limit() -> Option<u64> {
    Some(ROW_LIMIT)
}

impl TryFrom<PolicyFile> for Policy {
    type Error = PolicyError;

    fn try_from(file: PolicyFile) -> Result<Self, PolicyError> {
        let mut policy = Self::without_rules(file);
        policy.read_rules()?;
        Ok(policy)
    }
}

impl From<Policy> for PolicyFile {
    fn from(policy: Policy) -> Self {
        let Policy { dialect, default_namespaces, tables, functions, types, row_limit, by_name: _, restrictions: _ } =
            policy;
        Self { dialect, default_namespaces, tables, functions, types, row_limit }
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
        Self::without_rules(PolicyFile {
            dialect,
            default_namespaces: default_namespaces(dialect, schema),
            tables,
            functions: BTreeSet::new(),
            types: own_types(schema),
            row_limit: row_limit(),
        })
    }

    fn without_rules(file: PolicyFile) -> Self {
        let by_name = index(&file.tables);
        let PolicyFile { dialect, default_namespaces, tables, functions, types, row_limit } = file;
        let restrictions = HashMap::new();
        Self { dialect, default_namespaces, tables, functions, types, row_limit, by_name, restrictions }
    }

    fn read_rules(&mut self) -> Result<(), PolicyError> {
        self.restrictions.clear();
        let mut restrictions = HashMap::new();
        for (position, table) in self.tables.iter().enumerate() {
            if let Some(restriction) = Restriction::read(table, self)? {
                restrictions.insert(position, restriction);
            }
        }
        self.restrictions = restrictions;
        Ok(())
    }

    /// The same policy with these rules on top of its tables.
    pub fn with_rules(mut self, rules: &[TableRule]) -> Result<Self, PolicyError> {
        for (position, rule) in rules.iter().enumerate() {
            let table = self.tables.iter_mut().filter(|table| table.name == rule.name);
            let same = |table: &&mut PolicyTable| rule.namespace.is_none() || table.namespace == rule.namespace;
            let mut found: Vec<&mut PolicyTable> = table.filter(same).collect();
            let [table] = found.as_mut_slice() else {
                let what = match found.len() {
                    0 => "There is no table of this name. Read the schema again, or correct the name.",
                    _ => "Several tables have this name. Say in which namespace.",
                };
                return Err(PolicyError::new(format!("tables[{position}] {}", rule.name), what));
            };
            table.filter.clone_from(&rule.filter);
            table.masks.clone_from(&rule.masks);
        }
        self.read_rules()?;
        Ok(self)
    }

    /// The same policy, in which these columns are redacted too where no rule masks them. Before [`Self::for_user`].
    pub fn redacting(mut self, is_meant: impl Fn(&str) -> bool) -> Result<Self, PolicyError> {
        let mut some = false;
        for table in &mut self.tables {
            for column in table.columns.iter().filter(|column| is_meant(column)) {
                some = true;
                table.masks.entry(column.clone()).or_insert(Mask::Redact);
            }
        }
        if some {
            self.read_rules()?;
        }
        Ok(self)
    }

    /// The same policy for one user, whose attributes the row filters name.
    pub fn for_user(mut self, attributes: &Attributes) -> Result<Self, PolicyError> {
        for restriction in self.restrictions.values_mut() {
            *restriction = restriction.bound(attributes, self.dialect)?;
        }
        Ok(self)
    }

    /// The same policy without these tables.
    #[must_use]
    pub fn without_tables(self, unwanted: impl Fn(&PolicyTable) -> bool) -> Self {
        let mut file = PolicyFile::from(self);
        file.tables.retain(|table| !unwanted(table));
        Self::without_rules(file)
    }

    /// The same policy with another limit of rows; `None` leaves the statement's own.
    #[must_use]
    pub fn with_row_limit(mut self, rows: Option<u64>) -> Self {
        self.row_limit = rows;
        self
    }

    pub(crate) fn row_limit(&self) -> Option<u64> {
        self.row_limit
    }

    /// The rule of one of its tables.
    pub(crate) fn restriction(&self, table: &PolicyTable) -> Option<&Restriction> {
        if self.restrictions.is_empty() {
            return None;
        }
        let position = self.tables.iter().position(|own| std::ptr::eq(own, table))?;
        self.restrictions.get(&position)
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
        filter: None,
        masks: BTreeMap::new(),
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
