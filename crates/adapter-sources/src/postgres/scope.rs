//! What a statement reads, in PostgreSQL's own terms: whatever it names, be it inside a view, a function or a cast, is
//! locked until the transaction ends.

use super::errors::failed;
use ports::source::{Error, Reads};
use sqlx::Row;
use sqlx::postgres::PgConnection;
use sqlx::postgres::types::Oid;

/// Tables and views outside the catalogs that the transaction of a backend has touched. Partitions stand for their table.
const TOUCHED: &str = "SELECT c.oid, n.nspname::text, c.relname::text \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.oid IN (SELECT l.relation FROM pg_catalog.pg_lock_status() l \
            WHERE l.locktype = 'relation' AND l.pid = $1) \
        AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition \
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/// Whether a backend is in a transaction that has not failed: each holds the lock of its own number.
const IS_GOING_ON: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_lock_status() l \
    WHERE l.locktype = 'virtualxid' AND l.pid = $1)";

/// What the listed ones read or consist of: views by their definition, tables by their children.
const REACHED: &str = "WITH RECURSIVE reached (oid) AS ( \
        SELECT unnest($1::pg_catalog.oid[]) \
        UNION \
        SELECT inner_one.oid FROM reached, LATERAL ( \
            SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = reached.oid \
            UNION ALL \
            SELECT d.refobjid FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_depend d \
                ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid \
                AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass \
            WHERE w.ev_class = reached.oid) AS inner_one (oid)) \
    SELECT oid FROM reached";

/// As `check`, from another connection. A statement that has failed meanwhile has no locks any more to tell what it read.
pub(super) async fn check_other(connection: &mut PgConnection, backend: i32, reads: &Reads) -> Result<(), Error> {
    check(connection, backend, reads).await?;
    let row = sqlx::query(IS_GOING_ON).bind(backend).fetch_one(connection).await.map_err(failed)?;
    match row.try_get(0).map_err(failed)? {
        true => Ok(()),
        false => Err(Error::Statement("it fails on a row after those that would be shown".to_owned())),
    }
}

/// Refuses what touched a table that is not listed and that no listed view reads.
pub(super) async fn check(connection: &mut PgConnection, backend: i32, reads: &Reads) -> Result<(), Error> {
    let mut listed = Vec::new();
    let mut others = Vec::new();
    for row in sqlx::query(TOUCHED).bind(backend).fetch_all(&mut *connection).await.map_err(failed)? {
        let oid: Oid = row.try_get(0).map_err(failed)?;
        let namespace: String = row.try_get(1).map_err(failed)?;
        let name: String = row.try_get(2).map_err(failed)?;
        if reads.allow(Some(&namespace), &name) { listed.push(oid) } else { others.push((oid, namespace, name)) }
    }
    if others.is_empty() {
        return Ok(());
    }
    let reached = sqlx::query(REACHED).bind(listed).fetch_all(connection).await.map_err(failed)?;
    let reached: Result<Vec<Oid>, _> = reached.iter().map(|row| row.try_get(0)).collect();
    let reached = reached.map_err(failed)?;
    match others.into_iter().find(|(oid, ..)| !reached.contains(oid)) {
        Some((_, namespace, name)) => {
            Err(Error::Forbidden(format!("{namespace}.{name} is not among the tables of this connection")))
        }
        None => Ok(()),
    }
}
