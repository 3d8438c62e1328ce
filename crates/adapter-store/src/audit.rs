use crate::Store;
use crate::db::{Row, fault, values};
use crate::writes::{Audit, stored};
use async_trait::async_trait;
use contracts::{BusinessId, ConnectionId, HopId, TurnId, UserId};
use domain::audit_chain::FIELDS;
use ports::PortError;
use ports::audit::{
    AuditChain, AuditEntry, AuditFilter, AuditHead, AuditLink, AuditLog, AuditPhase, AuditRow, StoredAudit,
};
use sqlx::Error;

macro_rules! select {
    ($rest:expr) => {
        concat!(
            "SELECT id, business_id, user_id, turn_id, hop, attempt, connection_id, statement, tables, verdict, at_ms, \
             question, phase, intent_id, row_count, duration_ms, seq, previous, hash FROM audit WHERE business_id = $1 ",
            $rest
        )
    };
}

// Rows from before the chain come first.
const OF_TURN: &str = select!("AND turn_id = $2 ORDER BY COALESCE(seq, 0), at_ms, id");

macro_rules! filtered {
    ($turn:literal) => {
        select!(concat!(
            "AND ",
            $turn,
            " AND seq < $3 AND ($4 IS NULL OR user_id = $4) AND ($5 IS NULL OR connection_id = $5) \
             AND ($6 IS NULL OR at_ms >= $6) AND ($7 IS NULL OR at_ms < $7) ORDER BY seq DESC LIMIT $8"
        ))
    };
}

// The rows of a turn are few and have an index of their own; for both there is one plan.
const LIST: &str = filtered!("$2 IS NULL");
const LIST_OF_TURN: &str = filtered!("turn_id = $2");

// A write, because it waits for the disk: once it is answered, what it gives survives a crash.
const HEADS: &str = "UPDATE audit_heads SET told = told + 1 WHERE ($1 IS NULL OR business_id = $1) AND seq > 0 \
     RETURNING business_id, seq, hash";
// One statement sees one moment.
const CHAINS: &str = "SELECT b.business_id, h.seq, h.hash, \
     (SELECT COUNT(*) FROM audit AS a WHERE a.business_id = b.business_id AND a.seq IS NULL) AS unchained, \
     (SELECT COUNT(*) FROM audit AS a WHERE a.business_id = b.business_id AND a.seq > COALESCE(h.seq, 0)) AS beyond \
     FROM (SELECT business_id FROM audit_heads UNION SELECT business_id FROM audit) AS b \
     LEFT JOIN audit_heads AS h ON h.business_id = b.business_id ORDER BY b.business_id";
// Whatever somebody has put into a column, it is read as a text.
const PAGE: &str = "SELECT CAST(seq AS BIGINT) AS seq, COALESCE(previous, '') AS previous, COALESCE(hash, '') AS hash, \
     id, phase, intent_id, user_id, turn_id, hop, CAST(attempt AS TEXT) AS attempt, connection_id, question, statement, \
     tables, verdict, CAST(row_count AS TEXT) AS row_count, CAST(duration_ms AS TEXT) AS duration_ms, \
     CAST(at_ms AS TEXT) AS at_ms FROM audit AS a WHERE business_id = $1 AND a.seq >= $2 AND (a.seq > $2 OR a.id > $3) \
     ORDER BY a.seq, a.id LIMIT $4";

#[async_trait]
impl AuditLog for Store {
    async fn audit(&self, row: &AuditRow) -> Result<(), PortError> {
        let unfit = |error: Error| fault("audit", &error);
        self.writer.submit(Audit::new(row).map_err(unfit)?).await
    }

    async fn audit_of(&self, business: &BusinessId, turn: &TurnId) -> Result<Vec<AuditRow>, PortError> {
        self.db.list("audit_of", OF_TURN, values![business.as_str(), turn.as_str()], audit_row).await
    }

    async fn audit_list(
        &self,
        business: &BusinessId,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, PortError> {
        let values = values![
            business.as_str(),
            filter.turn.as_ref().map(TurnId::as_str),
            filter.before.map_or(i64::MAX, stored),
            filter.user.as_ref().map(UserId::as_str),
            filter.connection.as_ref().map(ConnectionId::as_str),
            filter.since_ms,
            filter.until_ms,
            i64::from(limit),
        ];
        let statement = if filter.turn.is_some() { LIST_OF_TURN } else { LIST };
        self.db.list("audit_list", statement, values, entry).await
    }

    async fn audit_heads(&self, business: Option<&BusinessId>) -> Result<Vec<AuditHead>, PortError> {
        let values = values![business.map(BusinessId::as_str)];
        let mut heads = self.db.write_all("audit_heads", HEADS, values, head).await?;
        heads.sort_by(|a, b| a.business.as_str().cmp(b.business.as_str()));
        Ok(heads)
    }

    async fn audit_chains(&self) -> Result<Vec<AuditChain>, PortError> {
        self.db.list("audit_chains", CHAINS, values![], chain).await
    }

    async fn audit_page(
        &self,
        business: &BusinessId,
        after: Option<(i64, &str)>,
        limit: u32,
    ) -> Result<Vec<StoredAudit>, PortError> {
        let (seq, id) = after.unwrap_or((i64::MIN, ""));
        self.db.list("audit_page", PAGE, values![business.as_str(), seq, id, i64::from(limit)], stored_audit).await
    }
}

fn audit_row(row: &Row) -> Result<AuditRow, Error> {
    let phase = match row.maybe_text("phase")? {
        Some(_) => row.named("phase", AuditPhase::parse)?,
        None => AuditPhase::Whole,
    };
    Ok(AuditRow {
        id: row.text("id")?,
        business: BusinessId(row.text("business_id")?),
        user: UserId(row.text("user_id")?),
        turn: TurnId(row.text("turn_id")?),
        hop: HopId(row.text("hop")?),
        attempt: row.count("attempt")?,
        connection: ConnectionId(row.text("connection_id")?),
        phase,
        intent: row.maybe_text("intent_id")?,
        question: row.maybe_text("question")?,
        sql: row.text("statement")?,
        tables: row.json("tables")?,
        verdict: row.text("verdict")?,
        rows: row.maybe_count("row_count")?,
        duration_ms: row.maybe_count("duration_ms")?,
        at_ms: row.int("at_ms")?,
    })
}

fn entry(row: &Row) -> Result<AuditEntry, Error> {
    let link = AuditLink { seq: row.count("seq")?, previous: row.text("previous")?, hash: row.text("hash")? };
    Ok(AuditEntry { row: audit_row(row)?, link })
}

fn head(row: &Row) -> Result<AuditHead, Error> {
    let business = BusinessId(row.text("business_id")?);
    Ok(AuditHead { business, seq: row.count("seq")?, hash: row.text("hash")? })
}

fn chain(row: &Row) -> Result<AuditChain, Error> {
    let head = match row.maybe_int("seq")? {
        Some(seq) => Some((seq, row.text("hash")?)),
        None => None,
    };
    let business = BusinessId(row.text("business_id")?);
    Ok(AuditChain { business, head, unchained: row.count("unchained")?, beyond: row.count("beyond")? })
}

fn stored_audit(row: &Row) -> Result<StoredAudit, Error> {
    let fields: Result<_, Error> = FIELDS.iter().map(|field| row.maybe_text(field)).collect();
    Ok(StoredAudit { seq: row.int("seq")?, previous: row.text("previous")?, hash: row.text("hash")?, fields: fields? })
}
