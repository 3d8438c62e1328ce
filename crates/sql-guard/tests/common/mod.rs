//! What the checks share: the policies of the shared lists, and where test data lies.
#![allow(dead_code, reason = "each check uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use contracts::{ColumnSchema, Dialect, Schema, TableSchema};
use serde::Deserialize;
use sql_guard::Policy;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of our own data for the guard.
pub fn fixture(file: &str) -> PathBuf {
    root().join("tests/fixtures/guard").join(file)
}

/// A file or folder of the shared data, or `None`, said aloud, where there is none.
pub fn shared(path: &str) -> Option<PathBuf> {
    let base = std::env::var_os("ASKLINE_SHARED_DATA").map_or_else(|| root().join("../shared/data"), PathBuf::from);
    let found = base.join(path);
    if !found.exists() {
        println!("skipped: {} is not there", found.display());
        return None;
    }
    Some(found)
}

/// The policy that the shared lists assume, without a limit of rows.
pub fn shop(dialect: Dialect) -> Policy {
    limited_shop(dialect).with_row_limit(None)
}

/// The policy that the shared lists assume.
pub fn limited_shop(dialect: Dialect) -> Policy {
    let file = root().join(format!("tests/fixtures/guard/policy.{}.json", dialect.as_str()));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

pub const DIALECTS: [Dialect; 3] = [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql];

/// The rule that refuses the statement, or `allowed`.
pub fn verdict(sql: &str, policy: &Policy) -> &'static str {
    sql_guard::check(sql, policy).map_or_else(|refusal| refusal.rule, |_| "allowed")
}

/// What is printed, which must be allowed, without a limit of rows.
pub fn printed(sql: &str, policy: &Policy) -> String {
    match sql_guard::check(sql, &policy.clone().with_row_limit(None)) {
        Ok(checked) => checked.sql,
        Err(refusal) => panic!("{sql}\n  refused by {}: {}", refusal.rule, refusal.message),
    }
}

/// Allowed text is allowed again, and printed the same.
pub fn is_stable(printed: &str, policy: &Policy) -> bool {
    sql_guard::check(printed, policy).is_ok_and(|again| again.sql == printed)
}

/// One line of the shared lists.
pub struct Line {
    pub id: String,
    pub dialect: String,
    pub category: String,
    pub sql: String,
}

pub fn lines(file: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(file).unwrap();
    let line = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        Line {
            id: fields[0].to_owned(),
            dialect: fields[1].to_owned(),
            category: fields[2].to_owned(),
            sql: decoded(fields[3]),
        }
    };
    text.split('\n').skip(1).filter(|text| !text.is_empty()).map(line).collect()
}

/// The text with its escapes resolved.
pub fn decoded(escaped: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = escaped.bytes();
    while let Some(byte) = rest.next() {
        match (byte, if byte == b'\\' { rest.next() } else { None }) {
            (b'\\', Some(b'n')) => bytes.push(b'\n'),
            (b'\\', Some(b't')) => bytes.push(b'\t'),
            (b'\\', Some(b'r')) => bytes.push(b'\r'),
            (b'\\', Some(b'x')) => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            (b'\\', Some(other)) => bytes.push(other),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// A schema file of the shared questions.
#[derive(Deserialize)]
struct SchemaFile {
    tables: Vec<SchemaTable>,
}

#[derive(Deserialize)]
struct SchemaTable {
    name: String,
    columns: Vec<SchemaColumn>,
}

#[derive(Deserialize)]
struct SchemaColumn {
    name: String,
    #[serde(rename = "type", default)]
    data_type: String,
}

/// The policy for a database of the shared questions, made as for a discovered schema. The files name no namespace; each
/// server has its own.
pub fn question_policy(folder: &Path, database: &str, dialect: Dialect) -> Policy {
    let file = folder.join(format!("schemas/{}.json", database.replace('/', "__")));
    let read: SchemaFile = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let home = match dialect {
        Dialect::Sqlite => None,
        Dialect::Postgres => Some("public".to_owned()),
        Dialect::Mysql => database.split('/').next_back().map(str::to_owned),
    };
    let tables = read.tables.into_iter().map(|table| discovered(table, home.clone())).collect();
    Policy::for_schema(dialect, &Schema { tables })
}

fn discovered(table: SchemaTable, namespace: Option<String>) -> TableSchema {
    let column = |column: SchemaColumn| ColumnSchema {
        name: column.name,
        data_type: column.data_type,
        nullable: true,
        comment: None,
        samples: Vec::new(),
    };
    TableSchema {
        namespace,
        name: table.name,
        comment: None,
        columns: table.columns.into_iter().map(column).collect(),
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
        row_estimate: None,
        is_view: false,
    }
}
