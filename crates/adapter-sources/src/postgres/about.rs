use super::errors::failed;
use super::server::{Server, close};
use ports::source::{About, Error};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row};

const VERSION: &str = "SELECT current_setting('server_version'), rolsuper \
    FROM pg_catalog.pg_roles WHERE rolname = current_user";

/// What a reader should not be able to do. Rights of roles that it may become count as its own.
const POWERS: [(&str, &str); 8] = [
    (
        "EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolsuper AND pg_catalog.pg_has_role(r.oid, 'MEMBER'))",
        "may become a superuser",
    ),
    (
        "EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname IN \
            ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program') \
            AND pg_catalog.pg_has_role(r.oid, 'MEMBER')) \
        OR EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace \
            AND p.proname IN ('pg_read_file', 'pg_read_binary_file', 'pg_ls_dir', 'pg_stat_file', 'lo_import', 'lo_export') \
            AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE'))",
        "may read or write files, or run programs, on the server",
    ),
    (
        "EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolbypassrls AND pg_catalog.pg_has_role(r.oid, 'MEMBER'))",
        "is not held by row-level security (BYPASSRLS)",
    ),
    (
        "EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE (r.rolcreaterole OR r.rolcreatedb OR r.rolreplication \
            OR r.rolname = 'pg_signal_backend') AND pg_catalog.pg_has_role(r.oid, 'MEMBER'))",
        "may administer the server (CREATEROLE, CREATEDB, REPLICATION or pg_signal_backend)",
    ),
    (
        "EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname IN ('pg_monitor', 'pg_read_all_stats', \
            'pg_read_all_settings', 'pg_stat_scan_tables') AND pg_catalog.pg_has_role(r.oid, 'MEMBER'))",
        "sees the statements of others or the server's settings (pg_monitor or a part of it)",
    ),
    (
        "EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
            WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
            AND (pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') \
                OR pg_catalog.has_any_column_privilege(c.oid, 'INSERT, UPDATE')))",
        "may change rows",
    ),
    (
        "EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_' \
            AND pg_catalog.has_schema_privilege(n.oid, 'CREATE'))",
        "may create tables",
    ),
    (
        "pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')",
        "may create schemas (CREATE on the database)",
    ),
];

const HAS_TABLES: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT'))";

/// Schemas with tables that the role may read.
const SCHEMAS: &str = "SELECT DISTINCT n.nspname::text \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
        AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT') \
    ORDER BY 1";

/// Views that the role may read, over tables that it may not.
const THROUGH: &str = "SELECT DISTINCT n.nspname || '.' || v.relname \
    FROM pg_catalog.pg_class v JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace \
    JOIN pg_catalog.pg_rewrite w ON w.ev_class = v.oid \
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid \
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> v.oid \
    JOIN pg_catalog.pg_class c ON c.oid = d.refobjid \
    WHERE v.relkind = 'v' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
        AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(v.oid, 'SELECT') \
        AND NOT (pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE') \
            AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')) \
    ORDER BY 1 LIMIT 20";

const ADVICE: &str = "give it a role that may only SELECT";

pub(super) async fn about(server: &Server) -> Result<About, Error> {
    let mut connection = server.connect().await?;
    let about = ask(&mut connection).await;
    close(connection).await;
    about
}

async fn ask(connection: &mut PgConnection) -> Result<About, Error> {
    let row = sqlx::query(VERSION).fetch_one(&mut *connection).await.map_err(failed)?;
    let version: String = row.try_get(0).map_err(failed)?;
    let mut warnings = if row.try_get(1).map_err(failed)? {
        vec![format!("the role is a superuser: it may read files and change everything; {ADVICE}")]
    } else {
        let mut warnings = powers(connection).await?;
        warnings.extend(foreign(&names(connection, SCHEMAS).await?, &names(connection, THROUGH).await?));
        warnings
    };
    let row = sqlx::query(HAS_TABLES).fetch_one(&mut *connection).await.map_err(failed)?;
    if !row.try_get::<bool, _>(0).map_err(failed)? {
        warnings.push("the database has no tables that the role may read: there is nothing to ask yet".to_owned());
    }
    Ok(About { version: format!("PostgreSQL {version}"), warnings })
}

/// What it may do and should not.
async fn powers(connection: &mut PgConnection) -> Result<Vec<String>, Error> {
    let conditions: Vec<String> = POWERS.iter().map(|(condition, _)| format!("({condition})")).collect();
    let sql = format!("SELECT {}", conditions.join(", "));
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(connection).await.map_err(failed)?;
    let mut warnings = Vec::new();
    for (index, (_, allowed)) in POWERS.iter().enumerate() {
        if row.try_get(index).map_err(failed)? {
            warnings.push(format!("the role {allowed}; {ADVICE}"));
        }
    }
    Ok(warnings)
}

async fn names(connection: &mut PgConnection, sql: &'static str) -> Result<Vec<String>, Error> {
    let rows = sqlx::query(sql).fetch_all(connection).await.map_err(failed)?;
    rows.iter().map(|row| row.try_get(0).map_err(failed)).collect()
}

/// What may belong to somebody else.
fn foreign(schemas: &[String], views: &[String]) -> Vec<String> {
    let mut warnings = Vec::new();
    if schemas.len() > 1 {
        warnings.push(format!(
            "the role may read {} schemas ({}); if one of them belongs to somebody else, give it a role without them",
            schemas.len(),
            schemas.join(", ")
        ));
    }
    if !views.is_empty() {
        warnings.push(format!(
            "views show the role what it may not read itself ({}); take them away if that is not intended",
            views.join(", ")
        ));
    }
    warnings
}
