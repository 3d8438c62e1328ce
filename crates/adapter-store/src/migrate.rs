//! The migrations, compiled in.

use crate::db::{Db, SYSTEM, fault};
use ports::PortError;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Connection, PgPool, SqlSafeStr, SqlitePool};

const MIGRATE: &str = "migrate";

/// One dialect's migrations: version, name, text.
type Migrations = [(i64, &'static str, &'static str)];

macro_rules! migrations {
    ($dialect:literal: $($version:literal $name:literal),* $(,)?) => {
        &[$((
            $version,
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/", $dialect, "/", $name, ".sql")),
        )),*]
    };
}

const POSTGRES: &Migrations = migrations!("postgres":
    1 "0001_identity", 2 "0002_connections", 3 "0003_turns", 4 "0004_records", 5 "0005_lines", 7 "0007_dead_jobs_and_leaders",
    8 "0008_sources", 9 "0009_eras", 10 "0010_connection_policies", 11 "0011_audit_chain",
    12 "0012_approvals",
    13 "0013_deadlines", 14 "0014_spared_runs", 15 "0015_went_on", 16 "0016_audit_heads",
    17 "0017_first_jobs");
const SQLITE: &Migrations = migrations!("sqlite":
    1 "0001_identity", 2 "0002_connections", 3 "0003_turns", 4 "0004_records", 5 "0005_lines", 7 "0007_dead_jobs_and_leaders",
    8 "0008_sources", 9 "0009_eras", 10 "0010_connection_policies", 11 "0011_audit_chain",
    12 "0012_approvals",
    13 "0013_deadlines", 14 "0014_spared_runs", 15 "0015_went_on", 16 "0016_audit_heads",
    17 "0017_first_jobs");

/// Brings the database up to this release. Processes that do so at once wait for each other.
pub(crate) async fn migrate(db: &Db) -> Result<(), PortError> {
    let done = match db {
        Db::Postgres { pool, .. } => migrate_postgres(pool).await,
        Db::Sqlite { writer, .. } => migrate_sqlite(writer).await,
    };
    done.map_err(|error| match error {
        MigrateError::Execute(error) => fault(MIGRATE, &error),
        MigrateError::ExecuteMigration(error, version) => {
            PortError::refused(SYSTEM, MIGRATE, format!("migration {version}: {error}"))
        }
        other => PortError::refused(SYSTEM, MIGRATE, other.to_string()),
    })
}

const APPLIED: &str = "SELECT version FROM _sqlx_migrations WHERE success ORDER BY version";

/// Fails, as what may pass, when a migration of this release has not been run.
pub(crate) async fn check(db: &Db) -> Result<(), PortError> {
    let applied = match db.list("check_tables", APPLIED, Vec::new(), |row| row.int("version")).await {
        Ok(applied) => applied,
        Err(error) if error.is_transient() => return Err(error),
        Err(PortError::Refused { message, .. }) if message.contains("askline migrate") => Vec::new(),
        Err(error) => return Err(error),
    };
    let missing = POSTGRES.iter().filter(|(version, ..)| !applied.contains(version)).count();
    match missing {
        0 => Ok(()),
        _ => {
            Err(PortError::unavailable(SYSTEM, "check_tables", "its tables are not up to date: run `askline migrate`"))
        }
    }
}

/// The migrator takes an advisory lock that lives as long as its connection, so this one is not given back.
async fn migrate_postgres(pool: &PgPool) -> Result<(), MigrateError> {
    let mut conn = pool.acquire().await?.detach();
    let done = migrator(POSTGRES).run(&mut conn).await;
    conn.close().await?;
    done
}

/// SQLite's migrator takes no lock: one transaction around all of it does.
async fn migrate_sqlite(writer: &SqlitePool) -> Result<(), MigrateError> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    migrator(SQLITE).run(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

fn migrator(migrations: &Migrations) -> Migrator {
    let migrations = migrations.iter().map(|&(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    // While a new release rolls out, processes of the one before start on a schema that is ahead of them.
    migrator.set_ignore_missing(true);
    migrator
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn names_in(dialect: &str) -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(dialect);
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn every_migration_of_both_folders_is_compiled_in_under_its_number() {
        for (dialect, compiled) in [("postgres", POSTGRES), ("sqlite", SQLITE)] {
            let names: Vec<_> = compiled.iter().map(|(_, name, _)| (*name).to_owned()).collect();
            assert_eq!(names, names_in(dialect));
            for (version, name, _) in compiled {
                assert!(name.starts_with(&format!("{version:04}_")), "{name}");
            }
        }
    }
}
