//! Names in a dialect: quoted where they must be, qualified where they could be mistaken.

use contracts::{Dialect, Schema};

/// Words that name nothing without quotes in at least one of the dialects.
const RESERVED: &[&str] = &[
    "add",
    "all",
    "alter",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "authorization",
    "before",
    "between",
    "both",
    "by",
    "call",
    "cascade",
    "case",
    "cast",
    "change",
    "character",
    "check",
    "collate",
    "column",
    "columns",
    "commit",
    "condition",
    "constraint",
    "continue",
    "convert",
    "create",
    "cross",
    "cube",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "cursor",
    "database",
    "databases",
    "day_hour",
    "declare",
    "default",
    "delayed",
    "delete",
    "desc",
    "describe",
    "distinct",
    "div",
    "do",
    "drop",
    "dual",
    "each",
    "else",
    "elseif",
    "end",
    "escape",
    "except",
    "exists",
    "exit",
    "explain",
    "false",
    "fetch",
    "float",
    "for",
    "force",
    "foreign",
    "freeze",
    "from",
    "full",
    "fulltext",
    "function",
    "generated",
    "get",
    "glob",
    "grant",
    "group",
    "grouping",
    "groups",
    "having",
    "if",
    "ignore",
    "ilike",
    "in",
    "index",
    "indexed",
    "initially",
    "inner",
    "inout",
    "insert",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "key",
    "keys",
    "kill",
    "lag",
    "lateral",
    "lead",
    "leading",
    "leave",
    "left",
    "like",
    "limit",
    "lines",
    "load",
    "localtime",
    "localtimestamp",
    "lock",
    "long",
    "loop",
    "match",
    "maxvalue",
    "mod",
    "natural",
    "not",
    "notnull",
    "nth_value",
    "ntile",
    "null",
    "numeric",
    "of",
    "offset",
    "on",
    "only",
    "optimize",
    "option",
    "or",
    "order",
    "out",
    "outer",
    "outfile",
    "over",
    "overlaps",
    "partition",
    "placing",
    "precision",
    "primary",
    "procedure",
    "range",
    "rank",
    "read",
    "reads",
    "recursive",
    "references",
    "regexp",
    "release",
    "rename",
    "repeat",
    "replace",
    "require",
    "restrict",
    "return",
    "returning",
    "revoke",
    "right",
    "rlike",
    "rollback",
    "row",
    "row_number",
    "rows",
    "schema",
    "schemas",
    "select",
    "sensitive",
    "separator",
    "session_user",
    "set",
    "show",
    "similar",
    "some",
    "spatial",
    "sql",
    "ssl",
    "starting",
    "system",
    "table",
    "tablesample",
    "terminated",
    "then",
    "to",
    "trailing",
    "transaction",
    "trigger",
    "true",
    "undo",
    "union",
    "unique",
    "unlock",
    "unsigned",
    "update",
    "usage",
    "use",
    "user",
    "using",
    "utc_date",
    "values",
    "variadic",
    "verbose",
    "virtual",
    "when",
    "where",
    "while",
    "window",
    "with",
    "without",
    "write",
    "xor",
    "year_month",
    "zerofill",
];

/// Names tables and columns.
pub struct Namer {
    dialect: Dialect,
    tables: Vec<(String, String)>,
}

impl Namer {
    /// Prepares the names of a schema's tables.
    pub fn new(schema: &Schema, dialect: Dialect) -> Self {
        let mut namer = Self { dialect, tables: Vec::new() };
        for (at, table) in schema.tables.iter().enumerate() {
            let earlier =
                schema.tables[..at].iter().filter(|other| other.name.eq_ignore_ascii_case(&table.name)).count();
            let prefix = table.namespace.as_deref().filter(|_| namer.needs_namespace(schema, at));
            let name = namer.quote(&table.name);
            let full = prefix.map_or(name.clone(), |namespace| format!("{}.{name}", namer.quote(namespace)));
            let entry = match earlier {
                0 => (full, name),
                _ => {
                    let alias = namer.quote(&format!("{}_{}", table.name, earlier + 1));
                    (format!("{full} AS {alias}"), alias)
                }
            };
            namer.tables.push(entry);
        }
        namer
    }

    /// The namespace is said unless it is the one a session starts in.
    fn needs_namespace(&self, schema: &Schema, at: usize) -> bool {
        let own = schema.tables[at].namespace.as_deref();
        match self.dialect {
            Dialect::Sqlite => false,
            Dialect::Postgres => own != Some("public"),
            Dialect::Mysql => schema.tables.iter().any(|table| table.namespace.as_deref() != own),
        }
    }

    /// A table where it is read from.
    pub fn table(&self, at: usize) -> &str {
        &self.tables[at].0
    }

    /// A table before its column.
    pub fn qualifier(&self, at: usize) -> &str {
        &self.tables[at].1
    }

    /// A name, in quotes where it needs them.
    pub fn quote(&self, name: &str) -> String {
        if self.is_plain(name) {
            return name.to_owned();
        }
        match self.dialect {
            Dialect::Mysql => format!("`{}`", name.replace('`', "``")),
            _ => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// PostgreSQL folds to lower case what stands without quotes.
    fn is_plain(&self, name: &str) -> bool {
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let shaped = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let folded = self.dialect != Dialect::Postgres || !name.chars().any(|c| c.is_ascii_uppercase());
        starts && shaped && folded && RESERVED.binary_search(&name.to_lowercase().as_str()).is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::RESERVED;

    #[test]
    fn the_reserved_words_are_sorted_for_the_search() {
        assert!(RESERVED.is_sorted());
    }
}
