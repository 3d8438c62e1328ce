//! What a schema offers to ask about, in plain words.

use contracts::Schema;

use super::{
    catalog::{Catalog, ColumnKind, ColumnRef},
    joins::Graph,
    lexicon::Measure,
    names, sales,
    tokens::Stems,
};

/// A schema in plain words.
#[derive(Clone, Debug)]
pub struct Outline {
    /// Whether it holds sales.
    pub sells: bool,
    /// Its tables that hold things worth asking about.
    pub tables: Vec<TableOutline>,
}

/// A table in plain words.
#[derive(Clone, Debug)]
pub struct TableOutline {
    /// Its name, as a plural.
    pub plural: String,
    /// Columns of text with few values.
    pub categories: Vec<String>,
    /// Columns of numbers.
    pub numbers: Vec<String>,
    /// Columns of dates.
    pub dates: Vec<String>,
    /// Tables that refer to it, as plurals.
    pub children: Vec<String>,
}

/// Derives the outline.
pub fn of(schema: &Schema) -> Outline {
    let stems = Stems::default();
    let catalog = Catalog::new(schema, &stems);
    let graph = Graph::new(&catalog);
    let sells = sales::measure(&catalog, &graph, Measure::Revenue).is_some();
    let worth = |table: &usize| catalog.tables[*table].key.is_some() && !schema.tables[*table].is_view;
    let tables = (0..schema.tables.len()).filter(worth).map(|table| outline(&catalog, &graph, table)).collect();
    Outline { sells, tables }
}

fn outline(catalog: &Catalog, graph: &Graph, table: usize) -> TableOutline {
    let columns = |wanted: fn(&Catalog, ColumnRef) -> bool| {
        let chosen = catalog.columns_of(table).filter(|column| wanted(catalog, *column));
        chosen.map(|column| names::split(&catalog.raw(column).name).join(" ")).collect()
    };
    TableOutline {
        plural: plural(catalog, table),
        categories: columns(is_category),
        numbers: columns(|catalog, column| {
            is_free(catalog, column) && catalog.column(column).kind == ColumnKind::Number
        }),
        dates: columns(|catalog, column| catalog.column(column).kind == ColumnKind::Date),
        children: graph.children_of(table).map(|child| plural(catalog, child)).collect(),
    }
}

fn is_free(catalog: &Catalog, column: ColumnRef) -> bool {
    !catalog.column(column).is_key
}

/// Few different values, and not what names the row.
fn is_category(catalog: &Catalog, column: ColumnRef) -> bool {
    let entry = catalog.column(column);
    let names_row = catalog.tables[column.table].display.contains(&column.column);
    let samples = catalog.raw(column).samples.len();
    entry.kind == ColumnKind::Text && !entry.is_key && !names_row && (2..=20).contains(&samples)
}

fn plural(catalog: &Catalog, table: usize) -> String {
    let name = names::split(&catalog.schema.tables[table].name).join(" ");
    match name.strip_suffix('y') {
        _ if name.ends_with('s') => name,
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{name}s"),
    }
}
