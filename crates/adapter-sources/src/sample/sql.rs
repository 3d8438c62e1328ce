use super::tables::{Column, Kind, Table, Value};
use contracts::Dialect;

pub(super) fn statements(table: &Table, dialect: Dialect) -> Vec<String> {
    let mut statements = vec![create(table, dialect)];
    if dialect == Dialect::Postgres {
        statements.extend(comments(table));
    }
    statements.push(insert(table));
    statements
}

fn create(table: &Table, dialect: Dialect) -> String {
    let mut parts: Vec<String> = table.columns.iter().map(|column| definition(column, dialect)).collect();
    parts.push(format!("PRIMARY KEY ({})", table.primary_key.join(", ")));
    for (column, to) in table.references {
        parts.push(format!("FOREIGN KEY ({column}) REFERENCES {to} ({column})"));
    }
    let tail = match dialect {
        Dialect::Mysql => format!(" ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COMMENT = {}", literal(table.comment)),
        Dialect::Postgres | Dialect::Sqlite => String::new(),
    };
    format!("CREATE TABLE {} (\n  {}\n){tail}", table.name, parts.join(",\n  "))
}

fn definition(column: &Column, dialect: Dialect) -> String {
    let comment = match dialect {
        Dialect::Mysql => format!(" COMMENT {}", literal(column.comment)),
        Dialect::Postgres | Dialect::Sqlite => String::new(),
    };
    format!("{} {} NOT NULL{comment}", column.name, data_type(column.kind, dialect))
}

fn data_type(kind: Kind, dialect: Dialect) -> String {
    match (kind, dialect) {
        (Kind::Integer, _) => "INTEGER".to_owned(),
        (Kind::Text(_), Dialect::Sqlite) => "TEXT".to_owned(),
        (Kind::Text(length), _) => format!("VARCHAR({length})"),
        // NUMERIC would keep 12.00 as an integer, and an integer divided by another drops its fraction.
        (Kind::Money, Dialect::Sqlite) => "REAL".to_owned(),
        (Kind::Money, _) => "NUMERIC(10,2)".to_owned(),
        (Kind::Date, _) => "DATE".to_owned(),
    }
}

fn comments(table: &Table) -> Vec<String> {
    let on_table = format!("COMMENT ON TABLE {} IS {}", table.name, literal(table.comment));
    let on_column =
        |column: &Column| format!("COMMENT ON COLUMN {}.{} IS {}", table.name, column.name, literal(column.comment));
    std::iter::once(on_table).chain(table.columns.iter().map(on_column)).collect()
}

fn insert(table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let rows: Vec<String> = table.rows.iter().map(|row| values(row)).collect();
    format!("INSERT INTO {} ({}) VALUES\n  {}", table.name, names.join(", "), rows.join(",\n  "))
}

fn values(row: &[Value]) -> String {
    let values: Vec<String> = row.iter().map(value).collect();
    format!("({})", values.join(", "))
}

fn value(value: &Value) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Text(text) | Value::Date(text) => literal(text),
        Value::Money(cents) => format!("{}.{:02}", cents / 100, cents % 100),
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
