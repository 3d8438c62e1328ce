//! The schema as the rules see it: names as stems, kinds of columns, what stands for a row of a table.

use std::collections::HashSet;

use contracts::{ColumnSchema, Schema, TableSchema};

use super::{names, tokens::Stems};

/// A column, by position in the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnRef {
    /// Index of the table.
    pub table: usize,
    /// Index of the column in the table.
    pub column: usize,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Numbers, perhaps stored as text.
    Number,
    /// Dates or timestamps, perhaps stored as ISO 8601 text.
    Date,
    /// Yes or no, in any spelling.
    Flag,
    /// Anything else.
    Text,
}

/// A column with what the rules derive from it.
#[derive(Clone, Debug)]
pub struct ColumnEntry {
    /// Stems of its name.
    pub words: Vec<String>,
    /// The same without the words of its table: `name` for `customers.customer_name`.
    pub own_words: Vec<String>,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether the database stores it as text.
    pub stored_as_text: bool,
    /// Whether it is the whole primary key, a part of it or a foreign key.
    pub is_key: bool,
}

/// A table with what the rules derive from it.
#[derive(Clone, Debug)]
pub struct TableEntry {
    /// Stems of its name.
    pub words: Vec<String>,
    /// Its columns.
    pub columns: Vec<ColumnEntry>,
    /// The columns that name a row to a person; empty when nothing does.
    pub display: Vec<usize>,
    /// The primary key, when it is one column.
    pub key: Option<usize>,
    /// Every column of the primary key; the first column when there is none.
    pub identity: Vec<usize>,
}

/// The schema with its derived entries, index by index.
pub struct Catalog<'a> {
    /// What discovery found.
    pub schema: &'a Schema,
    /// One entry for each table.
    pub tables: Vec<TableEntry>,
}

impl<'a> Catalog<'a> {
    /// Derives the entries.
    pub fn new(schema: &'a Schema, stems: &Stems) -> Self {
        let vocabulary = vocabulary(schema);
        let tables = schema.tables.iter().map(|table| table_entry(table, &vocabulary, stems)).collect();
        Self { schema, tables }
    }

    /// The derived entry of a column.
    pub fn column(&self, at: ColumnRef) -> &ColumnEntry {
        &self.tables[at.table].columns[at.column]
    }

    /// The column as discovered.
    pub fn raw(&self, at: ColumnRef) -> &ColumnSchema {
        &self.schema.tables[at.table].columns[at.column]
    }

    /// The single-column primary key of a table.
    pub fn key(&self, table: usize) -> Option<ColumnRef> {
        self.tables[table].key.map(|column| ColumnRef { table, column })
    }

    /// The columns that name a row; the primary key when none does.
    pub fn label(&self, table: usize) -> Vec<ColumnRef> {
        let entry = &self.tables[table];
        let columns = if entry.display.is_empty() { &entry.identity } else { &entry.display };
        columns.iter().copied().map(|column| ColumnRef { table, column }).collect()
    }

    /// Every column of a table.
    pub fn columns_of(&self, table: usize) -> impl Iterator<Item = ColumnRef> + '_ {
        (0..self.tables[table].columns.len()).map(move |column| ColumnRef { table, column })
    }

    /// The first column of a table, names in order of preference, that has one of these words and may be used so.
    pub fn column_with_word(
        &self,
        table: usize,
        words: &[String],
        usable: fn(&ColumnEntry) -> bool,
    ) -> Option<ColumnRef> {
        let has = |column: &ColumnRef, word: &String| {
            let entry = self.column(*column);
            usable(entry) && entry.words.contains(word)
        };
        words.iter().find_map(|word| self.columns_of(table).find(|column| has(column, word)))
    }

    /// The column that dates a row of the table.
    pub fn date_column(&self, table: usize) -> Option<ColumnRef> {
        let dates: Vec<ColumnRef> =
            self.columns_of(table).filter(|column| self.column(*column).kind == ColumnKind::Date).collect();
        let own = |column: &&ColumnRef| {
            let words = &self.column(**column).words;
            words.iter().any(|word| self.tables[table].words.contains(word)) || words.iter().any(|word| word == "creat")
        };
        dates.iter().find(own).or(dates.first()).copied()
    }
}

fn vocabulary(schema: &Schema) -> HashSet<String> {
    let tables = schema.tables.iter().map(|table| table.name.as_str());
    let columns = schema.tables.iter().flat_map(|table| table.columns.iter().map(|column| column.name.as_str()));
    tables.chain(columns).flat_map(names::split).collect()
}

fn table_entry(table: &TableSchema, vocabulary: &HashSet<String>, stems: &Stems) -> TableEntry {
    let words = names::stems_of(&table.name, vocabulary, stems);
    let columns: Vec<ColumnEntry> = table
        .columns
        .iter()
        .map(|column| column_entry(column, table, &words, names::stems_of(&column.name, vocabulary, stems)))
        .collect();
    let display = display(&words, &columns);
    let position = |name: &String| table.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
    let key = match table.primary_key.as_slice() {
        [only] => position(only),
        _ => None,
    };
    let mut identity: Vec<usize> = table.primary_key.iter().filter_map(position).collect();
    if identity.is_empty() {
        identity.extend((!columns.is_empty()).then_some(0));
    }
    TableEntry { words, columns, display, key, identity }
}

fn column_entry(column: &ColumnSchema, table: &TableSchema, table_words: &[String], words: Vec<String>) -> ColumnEntry {
    let foreign = table.foreign_keys.iter().any(|key| key.columns.contains(&column.name));
    let is_key = foreign || table.primary_key.contains(&column.name) || words.last().is_some_and(|word| word == "id");
    let stored_as_text = is_text_type(&column.data_type);
    let kind = kind(column, &words, stored_as_text);
    ColumnEntry { own_words: own_words(&words, table_words), words, kind, stored_as_text, is_key }
}

fn own_words(words: &[String], table_words: &[String]) -> Vec<String> {
    let of_table = |word: &String| {
        table_words
            .iter()
            .any(|table| table == word || word.len() >= 3 && table.len() > 3 && table.starts_with(word.as_str()))
    };
    let mut own: Vec<String> = words.iter().filter(|word| !of_table(word)).cloned().collect();
    let joins = |word: &String| matches!(word.as_str(), "of" | "in" | "for" | "by" | "at" | "the");
    while own.last().is_some_and(joins) {
        own.pop();
    }
    while own.first().is_some_and(joins) {
        own.remove(0);
    }
    own
}

fn is_text_type(data_type: &str) -> bool {
    let upper = data_type.to_uppercase();
    upper.is_empty() || ["CHAR", "TEXT", "CLOB", "ENUM", "STRING"].iter().any(|part| upper.contains(part))
}

fn kind(column: &ColumnSchema, words: &[String], stored_as_text: bool) -> ColumnKind {
    let upper = column.data_type.to_uppercase();
    if upper.contains("BOOL") || upper == "TINYINT(1)" || is_flag(column, words) {
        return ColumnKind::Flag;
    }
    if ["DATE", "TIME"].iter().any(|part| upper.contains(part)) {
        return ColumnKind::Date;
    }
    if stored_as_text {
        return kind_of_samples(&column.samples);
    }
    let numeric = ["INT", "REAL", "FLOA", "DOUB", "NUM", "DEC", "MONEY", "SERIAL", "YEAR"];
    if numeric.iter().any(|part| upper.contains(part)) { ColumnKind::Number } else { ColumnKind::Text }
}

fn is_flag(column: &ColumnSchema, words: &[String]) -> bool {
    let named = words.first().is_some_and(|word| matches!(word.as_str(), "is" | "has" | "if"))
        || words.last().is_some_and(|word| matches!(word.as_str(), "yn" | "flag"));
    named || (!column.samples.is_empty() && column.samples.iter().all(|sample| truth(sample).is_some()))
}

/// Whether a text says yes or no.
pub fn truth(sample: &str) -> Option<bool> {
    match sample.trim().to_lowercase().as_str() {
        "t" | "y" | "yes" | "true" => Some(true),
        "f" | "n" | "no" | "false" => Some(false),
        _ => None,
    }
}

fn kind_of_samples(samples: &[String]) -> ColumnKind {
    if samples.is_empty() {
        return ColumnKind::Text;
    }
    if samples.iter().all(|sample| is_iso_date(sample)) {
        return ColumnKind::Date;
    }
    let numeric =
        |sample: &String| matches!(sample.trim(), "" | "null" | "NULL") || sample.trim().parse::<f64>().is_ok();
    let some_number = samples.iter().any(|sample| sample.trim().parse::<f64>().is_ok());
    if some_number && samples.iter().all(numeric) { ColumnKind::Number } else { ColumnKind::Text }
}

fn is_iso_date(sample: &str) -> bool {
    let bytes = sample.as_bytes();
    bytes.len() >= 10 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[..4].iter().all(u8::is_ascii_digit)
}

fn display(table_words: &[String], columns: &[ColumnEntry]) -> Vec<usize> {
    let only =
        |word: &str| columns.iter().position(|column| column.own_words.len() == 1 && column.own_words[0] == word);
    let whole = |words: &[&str]| columns.iter().position(|column| column.words == words);
    if let Some(name) = only("name").or_else(|| only("titl")) {
        return vec![name];
    }
    if let (Some(first), Some(last)) = (whole(&["first", "name"]), whole(&["last", "name"])) {
        return vec![first, last];
    }
    let usable = |column: &ColumnEntry| column.kind == ColumnKind::Text && !column.is_key;
    let same = columns.iter().position(|column| usable(column) && column.words == table_words);
    let named = || {
        let has_name = |column: &&ColumnEntry| column.words.iter().any(|word| word == "name" || word == "titl");
        columns.iter().position(|column| usable(column) && has_name(&column))
    };
    same.or_else(named).into_iter().collect()
}
