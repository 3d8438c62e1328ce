//! Finds what a call names: a database, a table.

use crate::caller::{Caller, Database, Problem};
use contracts::{Dialect, Schema, TableSchema};

/// Names that a sentence lists.
const LISTED: usize = 20;

/// The database that is named by id or name, else the only one.
pub async fn database(caller: &dyn Caller, wanted: Option<&str>) -> Result<Database, Problem> {
    let mut all = caller.databases().await?;
    match wanted {
        Some(wanted) => match all.iter().position(|one| one.id.as_str() == wanted || one.name == wanted) {
            Some(found) => Ok(all.swap_remove(found)),
            None => Err(unknown_database(&all)),
        },
        None if all.len() > 1 => Err(several(&all)),
        None => all.pop().ok_or_else(no_database),
    }
}

/// The tables of a database as the caller may know them.
pub async fn schema(caller: &dyn Caller, database: &Database) -> Result<Schema, Problem> {
    caller.schema(&database.id).await?.ok_or_else(|| {
        let message = format!(
            "The tables of {} are not known yet. Wait until the connection is ready, or have a manager test it.",
            database.name
        );
        Problem::new("schema_unknown", message)
    })
}

/// What a table is called in statements on its database.
pub fn label(table: &TableSchema, dialect: Dialect) -> String {
    match &table.namespace {
        Some(namespace) if dialect == Dialect::Postgres && namespace != "public" => {
            format!("{namespace}.{}", table.name)
        }
        _ => table.name.clone(),
    }
}

/// The table of a name, with or without its namespace; case counts only where two tables differ in nothing else.
pub fn table<'a>(schema: &'a Schema, dialect: Dialect, name: &str) -> Result<&'a TableSchema, Problem> {
    let whole = |table: &TableSchema| match &table.namespace {
        Some(namespace) => format!("{namespace}.{}", table.name),
        None => table.name.clone(),
    };
    let lower = name.to_lowercase();
    let ways: [&dyn Fn(&TableSchema) -> bool; 4] = [
        &|table| label(table, dialect) == name,
        &|table| whole(table) == name,
        &|table| label(table, dialect).to_lowercase() == lower || whole(table).to_lowercase() == lower,
        &|table| table.name.to_lowercase() == lower,
    ];
    for way in ways {
        let found: Vec<&TableSchema> = schema.tables.iter().filter(|table| way(table)).collect();
        match found.as_slice() {
            [] => {}
            [only] => return Ok(only),
            several => return Err(ambiguous(name, several, whole)),
        }
    }
    Err(unknown_table(schema, dialect, name))
}

fn unknown_table(schema: &Schema, dialect: Dialect, name: &str) -> Problem {
    let near = domain::find::tables(schema, name, LISTED);
    let near: Vec<String> = near.iter().map(|found| label(found.table, dialect)).collect();
    let hint = match near.is_empty() {
        true => "search_schema finds tables by their words.".to_owned(),
        false => format!("Did you mean {}?", near.join(", ")),
    };
    Problem::new("unknown_table", format!("There is no table of this name that you may read. {hint}"))
}

fn ambiguous(name: &str, tables: &[&TableSchema], whole: impl Fn(&TableSchema) -> String) -> Problem {
    let names: Vec<String> = tables.iter().take(LISTED).map(|table| whole(table)).collect();
    Problem::new("ambiguous_table", format!("Several tables are called {name}. Name one of {}.", names.join(", ")))
}

fn several(all: &[Database]) -> Problem {
    let message = format!("There are several databases. Name one as `connection`: {}.", listed(all));
    Problem::new("several_connections", message)
}

fn unknown_database(all: &[Database]) -> Problem {
    let choice = match all.is_empty() {
        true => "There is none yet: a manager must add one.".to_owned(),
        false => format!("Choose from {}.", listed(all)),
    };
    Problem::new("unknown_connection", format!("There is no connection with this id or name. {choice}"))
}

fn no_database() -> Problem {
    Problem::new("no_connection", "There is no database to ask yet. A manager must add a connection first.")
}

fn listed(all: &[Database]) -> String {
    let one = |database: &Database| format!("{} ({}, {})", database.name, database.id, database.dialect.as_str());
    all.iter().take(LISTED).map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(namespace: Option<&str>, name: &str) -> TableSchema {
        TableSchema {
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
            comment: None,
            columns: Vec::new(),
            primary_key: Vec::new(),
            foreign_keys: Vec::new(),
            row_estimate: None,
            is_view: false,
        }
    }

    fn schema() -> Schema {
        let names = [("public", "orders"), ("sales", "Orders"), ("sales", "refunds"), ("old", "refunds")];
        Schema { tables: names.iter().map(|(namespace, name)| named(Some(namespace), name)).collect() }
    }

    fn found(name: &str) -> Result<String, String> {
        let schema = schema();
        let found = table(&schema, Dialect::Postgres, name);
        found.map(|table| label(table, Dialect::Postgres)).map_err(|problem| problem.code)
    }

    #[test]
    fn a_table_is_found_by_what_statements_call_it() {
        assert_eq!(found("orders").as_deref(), Ok("orders"));
        assert_eq!(found("public.orders").as_deref(), Ok("orders"));
        assert_eq!(found("SALES.orders").as_deref(), Ok("sales.Orders"));
        assert_eq!(found("old.refunds").as_deref(), Ok("old.refunds"));
    }

    #[test]
    fn two_tables_of_one_name_are_told_and_an_unknown_one_is_not_made_up() {
        assert_eq!(found("refunds"), Err("ambiguous_table".into()));
        assert_eq!(found("order_items"), Err("unknown_table".into()));
        let message = table(&schema(), Dialect::Postgres, "refund list").unwrap_err().message;
        assert!(message.contains("sales.refunds, old.refunds"), "{message}");
    }

    #[test]
    fn mysql_names_no_database() {
        assert_eq!(label(&named(Some("shop"), "orders"), Dialect::Mysql), "orders");
        assert_eq!(label(&named(None, "orders"), Dialect::Sqlite), "orders");
    }
}
