//! The test of a connection says what its login may do beside reading. Each role is made for one look and removed.

use crate::database::{Database, open, run_at};
use contracts::Dialect;
use ports::source::Access;

/// What the connection test of a new role says after these statements. `{role}` stands for it.
async fn warned(database: &Database, number: usize, statements: &[&str]) -> Vec<String> {
    let dialect = database.dialect();
    let role = format!("r{number}_{}", database.name.trim_start_matches("askline_sources_"));
    let (create, remove): (String, Vec<String>) = match dialect {
        Dialect::Postgres => {
            (format!("CREATE ROLE {role} LOGIN"), vec![format!("DROP OWNED BY {role}"), format!("DROP ROLE {role}")])
        }
        _ => (format!("CREATE USER {role}@'%'"), vec![format!("DROP USER {role}@'%'")]),
    };
    let url = &database.access.url;
    run_at(dialect, url, &create).await;
    for statement in statements {
        run_at(dialect, url, &statement.replace("{role}", &role).replace("{database}", &database.name)).await;
    }
    let (scheme, rest) = url.split_once("://").unwrap();
    let place = rest.rsplit_once('@').unwrap().1;
    let about = open(&Access { dialect, url: format!("{scheme}://{role}@{place}") }).await.about().await;
    for statement in remove {
        run_at(dialect, url, &statement).await;
    }
    about.unwrap().warnings
}

/// Statements, and a part of each warning that they call for.
type Case<'a> = (&'a [&'a str], &'a [&'a str]);

/// What is said in each case.
async fn looked_at(database: &Database, cases: &[Case<'_>]) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for (number, (statements, _)) in cases.iter().enumerate() {
        all.push(warned(database, number, statements).await);
    }
    all
}

fn check(cases: &[Case<'_>], found: &[Vec<String>]) {
    for ((statements, expected), warnings) in cases.iter().zip(found) {
        for part in *expected {
            assert!(warnings.iter().any(|warning| warning.contains(part)), "{statements:?}: {part} in {warnings:?}");
        }
        assert_eq!(warnings.len(), expected.len(), "{statements:?}: {warnings:?}");
    }
}

#[tokio::test]
async fn what_a_role_of_postgres_may_do_beside_reading_is_said() {
    const READS: &str = "GRANT SELECT ON orders TO {role}";
    const BECOMES_ROOT: &str = "DO $$ BEGIN EXECUTE format('GRANT %I TO {role}', current_user); END $$";
    const SEES_ALL: &[&str] =
        &["may become a superuser", "may change rows", "may create tables", "may create schemas", "2 schemas"];
    const CASES: &[Case<'_>] = &[
        (&[READS], &[]),
        (&[], &["no tables"]),
        (&[READS, "GRANT INSERT ON orders TO {role}"], &["may change rows"]),
        (&[READS, "GRANT UPDATE (total) ON orders TO {role}"], &["may change rows"]),
        (&[READS, "GRANT CREATE ON SCHEMA other TO {role}"], &["may create tables"]),
        (&[READS, "GRANT CREATE ON DATABASE {database} TO {role}"], &["may create schemas"]),
        (&[READS, "GRANT USAGE ON SCHEMA other TO {role}", "GRANT SELECT ON other.notes TO {role}"], &["2 schemas"]),
        (&[READS, "ALTER ROLE {role} BYPASSRLS"], &["BYPASSRLS"]),
        (&[READS, "ALTER ROLE {role} CREATEROLE"], &["administer"]),
        (&[READS, "ALTER ROLE {role} REPLICATION"], &["administer"]),
        (&[READS, "GRANT pg_monitor TO {role}"], &["statements of others"]),
        (&[READS, "GRANT pg_read_all_stats TO {role}"], &["statements of others"]),
        (&[READS, "GRANT pg_read_server_files TO {role}"], &["files"]),
        (&[READS, "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO {role}"], &["files"]),
        (&[READS, "GRANT EXECUTE ON FUNCTION lo_import(text) TO {role}"], &["files"]),
        (&[READS, BECOMES_ROOT], SEES_ALL),
    ];
    crate::on(Dialect::Postgres, |database| async move {
        database.run("CREATE TABLE orders (id INTEGER, total INTEGER)").await;
        database.run("CREATE SCHEMA other").await;
        database.run("CREATE TABLE other.notes (id INTEGER)").await;
        check(CASES, &looked_at(&database, CASES).await);
    })
    .await;
}

#[tokio::test]
async fn what_a_user_of_mysql_may_do_beside_reading_is_said() {
    const READS: &str = "GRANT SELECT ON {database}.orders TO {role}@'%'";
    const CASES: &[Case<'_>] = &[
        (&[READS], &[]),
        (&[READS, "GRANT INSERT (total) ON {database}.orders TO {role}@'%'"], &["may change rows"]),
        (&[READS, "GRANT CREATE VIEW ON {database}.* TO {role}@'%'"], &["create or change"]),
        (&[READS, "GRANT CREATE ROUTINE ON {database}.* TO {role}@'%'"], &["create or change"]),
        (&[READS, "GRANT FILE ON *.* TO {role}@'%'"], &["files"]),
        (&[READS, "GRANT PROCESS ON *.* TO {role}@'%'"], &["statements of others"]),
        (&[READS, "GRANT SUPER ON *.* TO {role}@'%'"], &["administer"]),
        (&["GRANT SELECT ON {database}.* TO {role}@'%' WITH GRANT OPTION"], &["to others"]),
        (&[READS, "GRANT SELECT ON {database}_other.* TO {role}@'%'"], &["other databases"]),
        (&[READS, "GRANT {database}_role TO {role}@'%'"], &["may change rows"]),
    ];
    crate::on(Dialect::Mysql, |database| async move {
        let name = &database.name;
        database.run("CREATE TABLE orders (id INTEGER, total INTEGER)").await;
        database.run(&format!("CREATE DATABASE {name}_other")).await;
        database.run(&format!("CREATE ROLE {name}_role")).await;
        database.run(&format!("GRANT DELETE ON {name}.* TO {name}_role")).await;
        let found = looked_at(&database, CASES).await;
        database.run(&format!("DROP DATABASE {name}_other")).await;
        database.run(&format!("DROP ROLE {name}_role")).await;
        check(CASES, &found);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_can_be_written_is_said() {
    let database = Database::create(Dialect::Sqlite).await;
    database.run("CREATE TABLE orders (id INTEGER)").await;
    let warnings = database.source().await.about().await.unwrap().warnings;
    assert!(matches!(warnings.as_slice(), [one] if one.contains("may write to the file")), "{warnings:?}");
}
