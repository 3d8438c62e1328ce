//! Tables as resources.

use crate::caller::{Caller, Database, Problem};
use crate::lookup;
use crate::tools::description;
use crate::uri::TableUri;
use contracts::TableSchema;

/// Addresses of tables, as clients fill them in.
pub const TEMPLATE: &str = "schema://{business}/{table}{?connection}";
/// Tables of one page.
const PAGE: usize = 500;

/// A table in a list.
pub struct Listed {
    /// Its address.
    pub uri: String,
    /// What statements call it.
    pub name: String,
    /// Where it lies, in a sentence.
    pub description: String,
}

/// Some tables, and where the next ones begin.
pub struct Page {
    /// In the order of connections and of discovery.
    pub tables: Vec<Listed>,
    /// `None` when there are no more.
    pub next: Option<String>,
}

/// The tables of every database, on from a cursor that an earlier page gave.
pub async fn list(caller: &dyn Caller, cursor: Option<&str>) -> Result<Page, Problem> {
    let from = cursor.map(position).transpose()?.unwrap_or(0);
    let mut all = Vec::new();
    for database in caller.databases().await? {
        let schema = caller.schema(&database.id).await?.unwrap_or_default();
        all.extend(schema.tables.iter().filter_map(|table| listed(caller, &database, table)));
    }
    let next = from.saturating_add(PAGE);
    let next = (next < all.len()).then(|| next.to_string());
    Ok(Page { tables: all.into_iter().skip(from).take(PAGE).collect(), next })
}

/// The description of the table at an address, as JSON. `None` when there is none that the caller may know of.
pub async fn read(caller: &dyn Caller, uri: &str, most_bytes: usize) -> Result<Option<String>, Problem> {
    let Some(address) = TableUri::parse(uri).filter(|address| address.business == *caller.business()) else {
        return Ok(None);
    };
    let mut found = Vec::new();
    for database in caller.databases().await? {
        if address.connection.as_ref().is_some_and(|named| *named != database.id.0 && *named != database.name) {
            continue;
        }
        let schema = caller.schema(&database.id).await?.unwrap_or_default();
        if let Ok(table) = lookup::table(&schema, database.dialect, &address.table) {
            found.push(description(table, &database, caller.business(), most_bytes));
        }
    }
    match (found.pop(), found.is_empty()) {
        (None, _) => Ok(None),
        (Some(table), true) => serde_json::to_string(&table).map(Some).map_err(|error| {
            tracing::error!(%error, "a table could not be written as JSON");
            Problem::new("internal_error", "Something went wrong on the server. Try again.")
        }),
        (Some(_), false) => {
            let message = "Several databases have a table of this name. Add ?connection= and the id of one.";
            Err(Problem::new("several_connections", message))
        }
    }
}

fn listed(caller: &dyn Caller, database: &Database, table: &TableSchema) -> Option<Listed> {
    let name = lookup::label(table, database.dialect);
    let kind = if table.is_view { "View" } else { "Table" };
    Some(Listed {
        uri: TableUri::write(caller.business(), &name, Some(&database.id))?,
        description: format!("{kind} of the database {}", database.name),
        name,
    })
}

fn position(cursor: &str) -> Result<usize, Problem> {
    cursor.parse().map_err(|_| {
        let message = "There is no page with this cursor. Begin the list anew, without one.";
        Problem::new("invalid_cursor", message)
    })
}
