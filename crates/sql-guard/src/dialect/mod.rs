//! sqlparser's dialects, with what it lacks for each database added.

mod delegate;
mod mysql;
mod sqlite;

pub use mysql::is_composite_unit;
pub use sqlite::is_own_operator;

use contracts::Dialect;
use sqlparser::dialect::{Dialect as ParserDialect, PostgreSqlDialect};

/// The parser's view of a source's dialect.
pub fn parser_dialect(dialect: Dialect) -> &'static dyn ParserDialect {
    match dialect {
        Dialect::Sqlite => &sqlite::GuardedSqlite,
        Dialect::Postgres => &PostgreSqlDialect {},
        Dialect::Mysql => &mysql::GuardedMysql,
    }
}
