use super::{column, encoded, quickly, stored};
use crate::batch::Write;
use crate::db::{Conn, values};
use domain::audit_chain::{self, GENESIS};
use ports::audit::{AuditPhase, AuditRow};
use sqlx::{Error, PgConnection};

/// A row of the audit, put at the end of the chain of its business. What came of a statement may be forgotten in a crash
/// of the store, since that it ran stands in its intent. All the same it is written together with what must last: the
/// rows of a chain would wait for each other anyway.
pub(crate) struct Audit {
    row: AuditRow,
    tables: String,
}

impl Audit {
    pub(crate) fn new(row: &AuditRow) -> Result<Self, Error> {
        Ok(Self { row: row.clone(), tables: encoded(&row.tables)? })
    }

    fn rows(&self) -> Option<i64> {
        self.row.rows.map(stored)
    }

    fn duration_ms(&self) -> Option<i64> {
        self.row.duration_ms.map(stored)
    }

    /// The hash of the row at a place, as PostgreSQL's trigger computes it.
    fn hash(&self, seq: i64, previous: &str) -> String {
        let row = &self.row;
        let text = |number: Option<i64>| number.map(|number| number.to_string());
        let (rows, duration_ms) = (text(self.rows()), text(self.duration_ms()));
        let (attempt, at_ms) = (row.attempt.to_string(), row.at_ms.to_string());
        let fields = [
            Some(row.id.as_str()),
            Some(row.phase.as_str()),
            row.intent.as_deref(),
            Some(row.user.as_str()),
            Some(row.turn.as_str()),
            Some(row.hop.as_str()),
            Some(attempt.as_str()),
            Some(row.connection.as_str()),
            row.question.as_deref(),
            Some(row.sql.as_str()),
            Some(self.tables.as_str()),
            Some(row.verdict.as_str()),
            rows.as_deref(),
            duration_ms.as_deref(),
            Some(at_ms.as_str()),
        ];
        audit_chain::hash(row.business.as_str(), seq, previous, fields)
    }
}

macro_rules! columns {
    ($more:literal) => {
        concat!(
            "INSERT INTO audit (id, business_id, user_id, turn_id, hop, attempt, connection_id, statement, tables, \
             verdict, at_ms, question, phase, intent_id, row_count, duration_ms",
            $more,
            ") "
        )
    };
}

// A trigger links each row, in this order: the heads of the chains are locked by business, so that two statements cannot
// wait for each other.
macro_rules! together {
    ($from:literal) => {
        concat!(
            columns!(""),
            "SELECT i.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], \
             $7::text[], $8::text[], $9::text[], $10::text[], $11::bigint[], $12::text[], $13::text[], $14::text[], \
             $15::bigint[], $16::bigint[]) AS i (id, business, user_id, turn, hop, attempt, connection, statement, \
             tables, verdict, at_ms, question, phase, intent, row_count, duration_ms)",
            $from,
            " ORDER BY i.business, i.at_ms, i.id"
        )
    };
}

const TOGETHER: &str = together!("");
const TOGETHER_QUICKLY: &str = concat!(quickly!(), together!(" JOIN quick ON quick.commits = 'off'"));
const HEAD: &str = "SELECT seq, hash FROM audit_heads WHERE business_id = $1";
const ALONE: &str = concat!(
    columns!(", seq, previous, hash"),
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"
);

impl Write for Audit {
    type Answer = ();
    const NAME: &'static str = "audit";

    fn key(&self) -> &str {
        &self.row.id
    }

    fn must_last(&self) -> bool {
        self.row.phase != AuditPhase::Outcome
    }

    async fn together(writes: &[&Self], _: i64, conn: &mut PgConnection) -> Result<Vec<Option<()>>, Error> {
        let lasts = writes.iter().any(|write| write.must_last());
        sqlx::query(if lasts { TOGETHER } else { TOGETHER_QUICKLY })
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
            .bind(column(writes, |write| write.row.question.as_deref()))
            .bind(column(writes, |write| write.row.phase.as_str()))
            .bind(column(writes, |write| write.row.intent.as_deref()))
            .bind(column(writes, |write| write.rows()))
            .bind(column(writes, |write| write.duration_ms()))
            .execute(conn)
            .await?;
        Ok(vec![Some(()); writes.len()])
    }

    /// SQLite has one writer at a time, so that nobody else adds to the chain between the two statements.
    async fn alone(&self, _: i64, conn: &mut Conn<'_>) -> Result<Option<()>, Error> {
        let row = &self.row;
        let head = conn.row(HEAD, values![row.business.as_str()]).await?;
        let (last, previous) = match head {
            Some(head) => (head.int("seq")?, head.text("hash")?),
            None => (0, GENESIS.to_owned()),
        };
        let seq = last.saturating_add(1);
        let hash = self.hash(seq, &previous);
        let act = values![
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
        let end = values![
            row.question.as_deref(),
            row.phase.as_str(),
            row.intent.as_deref(),
            self.rows(),
            self.duration_ms(),
            seq,
            &previous,
            &hash,
        ];
        conn.execute(ALONE, act.into_iter().chain(end).collect()).await?;
        Ok(Some(()))
    }

    async fn otherwise(&self, _: i64, _: &mut Conn<'_>) -> Result<(), Error> {
        Ok(())
    }
}
