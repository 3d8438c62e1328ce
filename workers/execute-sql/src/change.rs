//! Does what a person decided about a change: runs it, at most once, or says that it was declined.
//!
//! Before the statement begins, `running` is stored. Whoever finds it there without an end does not run the statement
//! again: nobody knows whether it was kept.

use crate::{ChangeRules, capital, policy, propose, unusable};
use async_trait::async_trait;
use contracts::job::ExecuteChange;
use contracts::{Role, Schema};
use domain::personal::{Sight, mask_text};
use ports::PortError;
use ports::approvals::{Approval, ApprovalState, ChangeEnd};
use ports::audit::verdict;
use ports::source::{self, Change, Writer};
use ports::store::Connection;
use sql_guard::{CheckedChange, Policy};
use std::sync::Arc;
use std::time::Duration;
use worker_kit::audit::{self, Act, Intent};
use worker_kit::{Answer, Ctx, Done, Ending, JobError, OrFail, OrRetry, Worker, pause};

const KIND: &str = "execute_change";
/// Tries to store what became of a change: once it is lost, nobody knows.
const TRIES: u32 = 8;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

/// The worker of kind `execute_change`. It alone runs statements by the credential for changes.
pub struct ChangeExecutor {
    /// The database stops a statement after this.
    pub timeout: Duration,
    /// Who may ask and who may approve.
    pub rules: ChangeRules,
    /// Columns that who asked does not see are closed to the change.
    pub sight: Sight,
}

/// What was checked before a change begins.
struct Ready {
    checked: CheckedChange,
    policy: Policy,
    writer: Arc<dyn Writer>,
}

#[async_trait]
impl Worker for ChangeExecutor {
    type Job = ExecuteChange;
    const STREAMS: bool = true;

    async fn run(&self, ctx: &Ctx, job: ExecuteChange) -> Result<Done, JobError> {
        ctx.emit_in_progress();
        let approval = find(ctx, &job).await?;
        let connection = ctx.connection_by_id(&approval.connection).await?;
        match approval.state {
            ApprovalState::Approved => self.execute(ctx, approval, &connection).await,
            ApprovalState::Declined => declined(ctx, &approval).await,
            ApprovalState::Running => {
                end(ctx, &approval, &ChangeEnd::Unknown).await?;
                conclude(ctx, &approval, None, Conclusion::Unknown).await
            }
            ApprovalState::Unknown => conclude(ctx, &approval, None, Conclusion::Unknown).await,
            ApprovalState::Done => {
                let rows = approval.changed.unwrap_or(approval.affected);
                conclude(ctx, &approval, None, Conclusion::Done(rows)).await
            }
            ApprovalState::Failed => {
                let (code, message) = approval.error.clone().unwrap_or_else(|| ("change_failed".into(), FAILED.into()));
                conclude(ctx, &approval, None, Conclusion::Failed { code, message }).await
            }
            ApprovalState::Pending | ApprovalState::Expired => Err(not_decided()),
        }
    }
}

const FAILED: &str = "The change was not made. Ask for it again.";
const UNKNOWN: &str = "The worker that made this change was lost, and whether the change was kept is not known. It is not \
                       made again. Look at the rows in the database: if they are as before, ask for the change again.";

async fn find(ctx: &Ctx, job: &ExecuteChange) -> Result<Approval, JobError> {
    let approval = ctx.ports.store.approval(&ctx.meta.business, &job.approval).await.or_retry("read the approval")?;
    let approval = approval.or_fail("approval_unknown", "There is no such change to approve. Ask for it again.")?;
    if approval.executed_as.as_ref() != Some(&ctx.meta.turn) {
        return Err(not_decided());
    }
    Ok(approval)
}

fn not_decided() -> JobError {
    let message = "This response is not the one that was to make the change. Look at the change with `askline approval \
                   show`.";
    JobError::fail("approval_unusable", message)
}

impl ChangeExecutor {
    async fn execute(&self, ctx: &Ctx, approval: Approval, connection: &Connection) -> Result<Done, JobError> {
        let ready = match self.ready(ctx, &approval, connection).await {
            Ok(ready) => ready,
            Err(JobError::Fail { code, message }) => {
                let failed = ChangeEnd::Failed { code: code.clone(), message: message.clone() };
                end(ctx, &approval, &failed).await?;
                return conclude(ctx, &approval, None, Conclusion::Failed { code, message }).await;
            }
            Err(error) => return Err(error),
        };
        let intent = intend(ctx, &approval, &ready.checked.tables).await.or_retry("write the audit row")?;
        let store = &ctx.ports.store;
        let begun = store.begin_change(&approval.business, &approval.id, &ctx.meta.turn).await;
        if !begun.or_retry("begin the change")? {
            return Err(JobError::retry("begin the change", "another run of this job has begun it"));
        }
        pause::point(KIND, "before_statement").await;
        let outcome = ready.writer.change(self.change(ctx, &approval, &ready)).await;
        pause::point(KIND, "after_statement").await;
        match outcome {
            Ok(changed) => {
                end(ctx, &approval, &ChangeEnd::Done { rows: changed.rows }).await?;
                conclude(ctx, &approval, Some(intent), Conclusion::Done(changed.rows)).await
            }
            Err(source::Error::OutcomeUnknown(reason)) => {
                tracing::error!(turn = %ctx.meta.turn, reason, "whether a change was kept is not known");
                end(ctx, &approval, &ChangeEnd::Unknown).await?;
                conclude(ctx, &approval, Some(intent), Conclusion::Unknown).await
            }
            Err(error) => undone(ctx, &approval, intent, &error).await,
        }
    }

    /// Everything is looked at once more: days may have passed.
    async fn ready(&self, ctx: &Ctx, approval: &Approval, connection: &Connection) -> Result<Ready, JobError> {
        if connection.sealed_write_url.is_none() {
            return Err(JobError::fail("changes_not_allowed", "This connection allows no changes any more."));
        }
        let approver = approval.decided.as_ref().map(|decision| decision.by.as_str().into());
        let approver = approver.or_fail("approval_unusable", "Nobody has approved this change.")?;
        self.must_have(ctx, &approval.user, &self.rules.askers, ASKER_GONE).await?;
        self.must_have(ctx, &approver, &self.rules.approvers, APPROVER_GONE).await?;
        let schema = ctx.schema(connection).await?;
        let asker = policy::seen_by(ctx, connection, &schema, &approval.user, &self.sight);
        let policy = asker.await?.with_row_limit(None);
        let checked = same_as_approved(approval, &policy, &schema)?;
        let own = policy::of(ctx, connection, &schema, &approver).await?;
        let bare = Policy::for_schema(connection.dialect, &schema);
        match sql_guard::sees_change(&approval.statement, &approval.sql, &approval.preview_sql, &own, &bare) {
            Ok(true) => {}
            Ok(false) | Err(_) => {
                let message = "The rules of the connection do not show all of this change to who approved it. Have \
                               somebody else approve it: ask for it again.";
                return Err(JobError::fail("approver_rules", message));
            }
        }
        let writer = ctx.open_writer(connection).await?;
        Ok(Ready { checked, policy, writer })
    }

    async fn must_have(&self, ctx: &Ctx, user: &contracts::UserId, roles: &[Role], gone: &str) -> Result<(), JobError> {
        let role = ctx.ports.store.role_in(user, &ctx.meta.business).await.or_retry("read the role")?;
        match role.is_some_and(|role| roles.contains(&role)) {
            true => Ok(()),
            false => Err(JobError::fail("role_gone", gone)),
        }
    }

    fn change(&self, ctx: &Ctx, approval: &Approval, ready: &Ready) -> Change {
        Change {
            sql: approval.sql.clone(),
            kind: approval.kind,
            namespace: ready.checked.namespace.clone(),
            table: ready.checked.table.clone(),
            expected_rows: approval.affected,
            reads: policy::reads(&ready.policy),
            timeout: self.timeout.min(ctx.time_left()),
            cancel: ctx.cancel.clone(),
        }
    }
}

const ASKER_GONE: &str =
    "Who asked for this change may not ask for changes in this business any more. Nothing was changed.";
const APPROVER_GONE: &str =
    "Who approved this change may not approve changes in this business any more. Nothing was changed.";

/// The statement as the guard prints it now must be the one that was approved.
fn same_as_approved(approval: &Approval, policy: &Policy, schema: &Schema) -> Result<CheckedChange, JobError> {
    let changed = "The rules of the connection or its tables have changed since this was asked. Nothing was changed: ask \
                   for it again.";
    match propose::check(&approval.statement, policy, schema) {
        Ok(checked) if checked.sql == approval.sql => Ok(checked),
        Ok(_) => Err(JobError::fail("policy_changed", changed)),
        Err(refusal) => Err(JobError::fail("policy_changed", format!("{changed} ({})", refusal.message))),
    }
}

/// Nothing was kept.
async fn undone(ctx: &Ctx, approval: &Approval, intent: Intent, error: &source::Error) -> Result<Done, JobError> {
    let (code, message) = match error {
        source::Error::Cancelled => ("cancelled", "It was stopped, and nothing was changed.".to_owned()),
        source::Error::OtherRows { expected, found } => (
            error.class(),
            format!(
                "{found} rows would have changed, and {expected} were approved: the data has changed since. Nothing was \
                 changed; ask for it again."
            ),
        ),
        source::Error::Statement(message) | source::Error::Forbidden(message) => (
            error.class(),
            format!("The database refused the change, and nothing was changed: {}", capital(&mask_text(message))),
        ),
        source::Error::TimedOut(_) => (error.class(), format!("{}. Nothing was changed.", capital(&error.to_string()))),
        _ => {
            let told = unusable(ctx, error);
            (error.class(), format!("{} Nothing was changed.", told.told().unwrap_or(FAILED)))
        }
    };
    let failed = ChangeEnd::Failed { code: code.to_owned(), message: message.clone() };
    end(ctx, approval, &failed).await?;
    if matches!(error, source::Error::Cancelled) {
        on_record(ctx, approval, Some(intent), verdict::CANCELLED, None).await?;
        return Err(JobError::Cancelled);
    }
    conclude(ctx, approval, Some(intent), Conclusion::Failed { code: code.to_owned(), message }).await
}

/// Stores what became of the change, and does not give up at the first fault.
async fn end(ctx: &Ctx, approval: &Approval, end: &ChangeEnd) -> Result<(), JobError> {
    for left in (0..TRIES).rev() {
        match ctx.ports.store.end_change(&approval.business, &approval.id, end).await {
            // False: another run of this job has said so before.
            Ok(_) => return Ok(()),
            Err(error) if left == 0 || !error.is_transient() => {
                tracing::error!(turn = %ctx.meta.turn, ?end, %error, "what became of a change was not stored");
                return Err(JobError::retry("store what became of the change", error));
            }
            Err(error) => tracing::warn!(%error, "what became of a change is not stored yet"),
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
    Ok(())
}

/// How it ended.
enum Conclusion {
    Done(u64),
    Failed { code: String, message: String },
    Unknown,
}

/// Says how it ended, after the audit row that says so. Comes to the same however often it runs.
async fn conclude(
    ctx: &Ctx,
    approval: &Approval,
    intent: Option<Intent>,
    conclusion: Conclusion,
) -> Result<Done, JobError> {
    match conclusion {
        Conclusion::Done(rows) => {
            on_record(ctx, approval, intent, verdict::DONE, Some(rows)).await?;
            let mut answer = Answer::begin(ctx);
            answer.push(&domain::change::done(approval.kind, rows, &approval.table));
            let text = answer.finish();
            let detail = text.trim_start_matches("Done: ").to_owned();
            Ok(Done::end(Ending::changed(text, approval.sql.clone()), detail))
        }
        Conclusion::Failed { code, message } => {
            on_record(ctx, approval, intent, verdict_of(&code), None).await?;
            Err(JobError::fail(code, message))
        }
        Conclusion::Unknown => {
            on_record(ctx, approval, intent, verdict::UNKNOWN, None).await?;
            Err(JobError::fail("change_unknown", UNKNOWN))
        }
    }
}

/// The audit's word for an error that undid a change.
fn verdict_of(code: &str) -> &'static str {
    match code {
        "rows_changed" => verdict::OTHER_ROWS,
        "statement_timeout" => verdict::TIMED_OUT,
        "cancelled" => verdict::CANCELLED,
        _ => verdict::FAILED,
    }
}

async fn declined(ctx: &Ctx, approval: &Approval) -> Result<Done, JobError> {
    on_record(ctx, approval, None, verdict::DECLINE, None).await?;
    let mut answer = Answer::begin(ctx);
    answer.push("The change was declined. Nothing was changed.");
    Ok(Done::end(Ending::completed(answer.finish()), "declined"))
}

/// Puts the intent on record, unless a run that did not come to begin has done so.
async fn intend(ctx: &Ctx, approval: &Approval, tables: &[String]) -> Result<Intent, PortError> {
    match audit::open_intent(ctx, verdict::CHANGE).await? {
        Some(intent) => Ok(intent),
        None => audit::intent(ctx, &act(approval, tables), verdict::CHANGE).await,
    }
}

/// Puts the end on record, once, whichever run comes to it. Without an intent nothing ran.
async fn on_record(
    ctx: &Ctx,
    approval: &Approval,
    intent: Option<Intent>,
    verdict: &str,
    rows: Option<u64>,
) -> Result<(), JobError> {
    let step = "write the audit row of the outcome";
    let intent = match intent {
        Some(intent) => Some(intent),
        None => audit::open_intent(ctx, verdict::CHANGE).await.or_retry(step)?,
    };
    if let Some(intent) = intent {
        return audit::outcome(ctx, intent, verdict, rows).await.or_retry(step);
    }
    let written = ctx.ports.store.audit_of(&ctx.meta.business, &ctx.meta.turn).await.or_retry(step)?;
    if !written.is_empty() {
        return Ok(());
    }
    let table = std::slice::from_ref(&approval.table);
    let word = if verdict == verdict::DECLINE { verdict::DECLINE } else { verdict::REFUSE };
    audit::whole(ctx, &act(approval, table), word).await.or_retry(step)
}

fn act<'a>(approval: &'a Approval, tables: &'a [String]) -> Act<'a> {
    Act { connection: &approval.connection, question: &approval.question, sql: &approval.sql, tables }
}
