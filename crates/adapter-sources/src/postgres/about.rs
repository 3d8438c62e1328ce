use super::errors::failed;
use super::server::{Server, close};
use ports::source::{About, Error};
use sqlx::Row;
use sqlx::postgres::PgConnection;

/// What the role could do that a reader should not.
const ABOUT: &str = "SELECT current_setting('server_version'), \
    (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user), \
    EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname IN \
        ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program') \
        AND pg_catalog.pg_has_role(r.oid, 'MEMBER')), \
    EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
        AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')), \
    EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_' \
        AND pg_catalog.has_schema_privilege(n.oid, 'CREATE')), \
    EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
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
    let row = sqlx::query(ABOUT).fetch_one(&mut *connection).await.map_err(failed)?;
    let version: String = row.try_get(0).map_err(failed)?;
    let mut facts = [false; 5];
    for (index, fact) in facts.iter_mut().enumerate() {
        *fact = row.try_get(index + 1).map_err(failed)?;
    }
    let mut warnings = warnings(facts);
    let [superuser, ..] = facts;
    if !superuser {
        warnings.extend(foreign(&names(connection, SCHEMAS).await?, &names(connection, THROUGH).await?));
    }
    Ok(About { version: format!("PostgreSQL {version}"), warnings })
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

fn warnings([superuser, files, writes, creates, has_tables]: [bool; 5]) -> Vec<String> {
    let mut warnings = Vec::new();
    if superuser {
        warnings.push(format!("the role is a superuser: it may read files and change everything; {ADVICE}"));
    } else if files {
        warnings.push(format!("the role may read or write files, or run programs, on the server; {ADVICE}"));
    }
    if !superuser && writes {
        warnings.push(format!("the role may change rows; {ADVICE}"));
    }
    if !superuser && creates {
        warnings.push(format!("the role may create tables; {ADVICE}"));
    }
    if !has_tables {
        warnings.push("the database has no tables that the role may read: there is nothing to ask yet".to_owned());
    }
    warnings
}
