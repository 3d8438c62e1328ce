//! A statement that would change data: its rows are read and shown, and it is parked until a person decides.

use crate::SqlExecutor;
use crate::{outcome, policy};
use contracts::job::{Basis, ExecuteSql, Reply};
use contracts::{ApprovalId, Event, ResultSet, Role, Schema};
use ports::approvals::{Approval, ApprovalState};
use ports::audit::verdict;
use ports::source::{self, Source};
use ports::store::{Connection, Seen};
use sql_guard::{Affected, CheckedChange, Policy, Refusal};
use worker_kit::audit::{self, Act};
use worker_kit::{Ctx, Database, Done, JobError, OrRetry};

/// The rule that a connection or a role which allows no changes refuses by. Never renamed.
const NOT_ALLOWED: &str = "changes_not_allowed";

/// Where the rows of a change are read, and on what record.
struct Reading<'a> {
    connection: &'a Connection,
    policy: &'a Policy,
    source: &'a dyn Source,
    act: Act<'a>,
}

/// What was read of a change.
struct Preview {
    affected: u64,
    rows: ResultSet,
}

impl SqlExecutor {
    pub(crate) async fn propose(
        &self,
        ctx: &Ctx,
        job: ExecuteSql,
        database: &Database,
        policy: Policy,
    ) -> Result<Done, JobError> {
        let (Seen { connection, role, .. }, schema) = (&database.seen, &*database.schema);
        let role = *role;
        if let Some(message) = self.not_allowed(connection, role) {
            return self.refused(ctx, job, connection, Refusal { rule: NOT_ALLOWED, message }).await;
        }
        let shown = policy.clone().with_row_limit(u64::try_from(self.shown_rows).ok());
        let checked = match check(&job.sql, &shown, schema) {
            Ok(checked) => checked,
            Err(refusal) => return self.refused(ctx, job, connection, refusal).await,
        };
        let source = ctx.open_source(connection).await?;
        let act =
            Act { connection: &connection.id, question: &job.question, sql: &checked.sql, tables: &checked.tables };
        audit::whole(ctx, &act, verdict::ASK).await.or_retry("write the audit row")?;
        let reading = Reading { connection, policy: &policy, source: &*source, act };
        let mut preview = match self.read(ctx, &reading, &checked).await? {
            Ok(preview) => preview,
            Err(error) => return self.failed(ctx, job, error),
        };
        self.refuse_size(&checked, preview.affected)?;
        policy::note(&mut preview.rows, &checked.preview, &policy, &self.sight.masking);
        self.mask_preview(ctx, role, &mut preview.rows);
        // By the rules of the connection alone: they decide who may see the change. What is masked is masked for whoever
        // reads.
        let rules = policy::of(ctx, connection, schema, &ctx.meta.user).await?.with_row_limit(None);
        let unlimited = sql_guard::check_change(&job.sql, &rules)
            .map_err(|refusal| JobError::internal("read a change again", refusal))?;
        let asked = self.asked(ctx, &job, connection, checked, unlimited.preview.sql, preview);
        let kept = ctx.ports.store.ask_approval(&asked).await.or_retry("keep what is asked")?;
        tell(ctx, &kept);
        let detail = domain::change::intention(kept.kind, kept.affected, &kept.table);
        Done::next(&Reply { question: job.question, basis: Basis::Approval { approval: kept.id } }, detail)
    }

    fn not_allowed(&self, connection: &Connection, role: Option<Role>) -> Option<String> {
        if connection.sealed_write_url.is_none() {
            return Some(
                "The statement changes data, and this connection allows no changes. Only reading is possible: leave \
                 INSERT, UPDATE and DELETE out. A manager can allow changes with `askline connection allow-writes`."
                    .to_owned(),
            );
        }
        let may_ask = role.is_some_and(|role| self.changes.askers.contains(&role));
        (!may_ask).then(|| {
            "The statement changes data, and your role may not ask for changes. Only reading is possible: leave INSERT, \
             UPDATE and DELETE out, or ask a manager."
                .to_owned()
        })
    }

    /// Counts the rows and reads the first of them, by the credential for reading.
    async fn read(
        &self,
        ctx: &Ctx,
        reading: &Reading<'_>,
        checked: &CheckedChange,
    ) -> Result<Result<Preview, source::Error>, JobError> {
        let affected = match &checked.affected {
            Affected::Rows(rows) => *rows,
            Affected::Counted(sql) => match self.query(ctx, reading, sql).await? {
                Ok(rows) => counted(&rows).map_err(|message| JobError::internal("count rows", message))?,
                Err(error) => return Ok(Err(error)),
            },
        };
        let rows = self.query(ctx, reading, &checked.preview.sql).await?;
        Ok(rows.map(|rows| {
            let mut rows = rows.head(self.shown_rows);
            rows.truncated |= (rows.rows.len() as u64) < affected;
            Preview { affected, rows }
        }))
    }

    /// Runs one query between its two audit rows.
    async fn query(
        &self,
        ctx: &Ctx,
        reading: &Reading<'_>,
        sql: &str,
    ) -> Result<Result<ResultSet, source::Error>, JobError> {
        let act = Act { sql, ..reading.act };
        let intent = audit::intent(ctx, &act, verdict::EXECUTE).await.or_retry("write the audit row")?;
        let ran = reading.source.query(self.statement(ctx, reading.connection, reading.policy, sql, None)).await;
        let (verdict, rows) = outcome::of(&ran);
        audit::outcome(ctx, intent, verdict, rows).await.or_retry("write the audit row of the outcome")?;
        Ok(ran)
    }

    fn refuse_size(&self, checked: &CheckedChange, affected: u64) -> Result<(), JobError> {
        if affected == 0 {
            let message = format!("No row of {} fits, so there is nothing to change.", checked.label);
            return Err(JobError::fail("nothing_to_change", message));
        }
        if affected > self.changes.max_rows {
            let message = format!(
                "This would {}; at most {} are allowed at a time. Ask for fewer rows, such as one month.",
                domain::change::intention(checked.kind, affected, &checked.label),
                self.changes.max_rows
            );
            return Err(JobError::fail("change_too_large", message));
        }
        Ok(())
    }

    /// A preview is made for the eyes of who asks. It is masked again for whoever reads it and sees less.
    fn mask_preview(&self, ctx: &Ctx, asker: Option<Role>, rows: &mut ResultSet) {
        let columns = self.sight.show(asker, rows);
        if !columns.is_empty() {
            ctx.notice("masked", format!("Personal data is masked in the preview: {}.", columns.join(", ")));
        }
    }

    fn asked(
        &self,
        ctx: &Ctx,
        job: &ExecuteSql,
        connection: &Connection,
        checked: CheckedChange,
        preview_sql: String,
        preview: Preview,
    ) -> Approval {
        let now_ms = ctx.ports.clock.now_ms();
        let expire_ms = i64::try_from(self.changes.expire.as_millis()).unwrap_or(i64::MAX);
        Approval {
            id: ApprovalId::of(&ctx.meta.turn),
            business: ctx.meta.business.clone(),
            connection: connection.id.clone(),
            turn: ctx.meta.turn.clone(),
            user: ctx.meta.user.clone(),
            question: job.question.clone(),
            statement: job.sql.clone(),
            sql: checked.sql,
            preview_sql,
            kind: checked.kind,
            table: checked.label,
            affected: preview.affected,
            preview: preview.rows,
            state: ApprovalState::Pending,
            decided: None,
            executed_as: None,
            changed: None,
            error: None,
            created_ms: now_ms,
            expires_ms: now_ms.saturating_add(expire_ms),
        }
    }
}

/// The guard's word, and that the table is none of those whose rows belong to others.
pub(crate) fn check(sql: &str, policy: &Policy, schema: &Schema) -> Result<CheckedChange, Refusal> {
    let checked = sql_guard::check_change(sql, policy)?;
    let is_it = |table: &&contracts::TableSchema| table.name == checked.table && table.namespace == checked.namespace;
    if schema.tables.iter().find(is_it).is_some_and(|table| table.is_view) {
        let message = format!("{} is a view. Change the table that its rows come from.", checked.label);
        return Err(Refusal { rule: sql_guard::rule::UNSUPPORTED, message });
    }
    Ok(checked)
}

fn counted(rows: &ResultSet) -> Result<u64, String> {
    let cell = rows.rows.first().and_then(|row| row.first());
    let number = cell.and_then(|cell| cell.as_u64().or_else(|| cell.as_str()?.parse().ok()));
    number.ok_or_else(|| format!("the count is {cell:?}"))
}

fn tell(ctx: &Ctx, asked: &Approval) {
    ctx.emit(Event::ApprovalRequired {
        approval_id: asked.id.clone(),
        sql: asked.sql.clone(),
        kind: asked.kind,
        table: asked.table.clone(),
        affected_rows: asked.affected,
        preview: asked.preview.clone(),
        expires_at: asked.expires_ms.div_euclid(1_000),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_read_however_the_database_gives_it() {
        let one = |cell: serde_json::Value| ResultSet { rows: vec![vec![cell]], ..ResultSet::default() };
        assert_eq!(counted(&one(3.into())), Ok(3));
        assert_eq!(counted(&one("9007199254740993".into())), Ok(9_007_199_254_740_993));
        assert!(counted(&one("many".into())).is_err());
        assert!(counted(&ResultSet::default()).is_err());
    }
}
