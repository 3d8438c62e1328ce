use super::{column, encoded};
use crate::batch::Write;
use crate::db::{Conn, values};
use ports::store::AuditRow;
use sqlx::{Error, PgConnection};

/// An audit row.
pub(crate) struct Audit {
    row: AuditRow,
    tables: String,
}

impl Audit {
    pub(crate) fn new(row: &AuditRow) -> Result<Self, Error> {
        Ok(Self { row: row.clone(), tables: encoded(&row.tables)? })
    }
}

macro_rules! audit {
    ($items:literal) => {
        concat!(
            "INSERT INTO audit (id, business_id, user_id, turn_id, hop, attempt, connection_id, statement, tables, \
             verdict, at_ms) ",
            $items
        )
    };
}

const TOGETHER: &str = audit!(
    "SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], \
     $8::text[], $9::text[], $10::text[], $11::bigint[])"
);
const ALONE: &str = audit!("VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");

impl Write for Audit {
    type Answer = ();
    const NAME: &'static str = "audit";

    fn key(&self) -> &str {
        &self.row.id
    }

    async fn together(writes: &[&Self], _: i64, conn: &mut PgConnection) -> Result<Vec<Option<()>>, Error> {
        sqlx::query(TOGETHER)
            .bind(column(writes, |write| write.row.id.as_str()))
            .bind(column(writes, |write| write.row.business.as_str()))
            .bind(column(writes, |write| write.row.user.as_str()))
            .bind(column(writes, |write| write.row.turn.as_str()))
            .bind(column(writes, |write| write.row.hop.as_str()))
            .bind(column(writes, |write| i64::from(write.row.attempt)))
            .bind(column(writes, |write| write.row.connection.as_str()))
            .bind(column(writes, |write| write.row.sql.as_str()))
            .bind(column(writes, |write| write.tables.as_str()))
            .bind(column(writes, |write| write.row.verdict.as_str()))
            .bind(column(writes, |write| write.row.at_ms))
            .execute(conn)
            .await?;
        Ok(vec![Some(()); writes.len()])
    }

    async fn alone(&self, _: i64, conn: &mut Conn<'_>) -> Result<Option<()>, Error> {
        let row = &self.row;
        let values = values![
            &row.id,
            row.business.as_str(),
            row.user.as_str(),
            row.turn.as_str(),
            row.hop.as_str(),
            i64::from(row.attempt),
            row.connection.as_str(),
            &row.sql,
            &self.tables,
            &row.verdict,
            row.at_ms,
        ];
        conn.execute(ALONE, values).await?;
        Ok(Some(()))
    }

    async fn otherwise(&self, _: i64, _: &mut Conn<'_>) -> Result<(), Error> {
        Ok(())
    }
}
