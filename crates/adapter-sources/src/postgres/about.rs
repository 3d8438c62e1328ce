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

const ADVICE: &str = "give it a role that may only SELECT";

pub(super) async fn about(server: &Server) -> Result<About, Error> {
    let mut connection = server.connect().await?;
    let about = ask(&mut connection).await;
    close(connection).await;
    about
}

async fn ask(connection: &mut PgConnection) -> Result<About, Error> {
    let row = sqlx::query(ABOUT).fetch_one(connection).await.map_err(failed)?;
    let version: String = row.try_get(0).map_err(failed)?;
    let mut facts = [false; 5];
    for (index, fact) in facts.iter_mut().enumerate() {
        *fact = row.try_get(index + 1).map_err(failed)?;
    }
    Ok(About { version: format!("PostgreSQL {version}"), warnings: warnings(facts) })
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
