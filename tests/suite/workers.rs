//! Each worker by itself, inline: a failure at each of its calls, and every run twice.

use async_trait::async_trait;
use contracts::job::{Basis, Classify, Direct, ExecuteSql, GenerateSql, Introspect, Job, Reply, TestConnection};
use contracts::{Dialect, TableSchema};
use domain::personal::Sight;
use ports::Llm;
use ports::llm::{Call, Error, Pieces};
use ports::source::DiscoveryLimits;
use std::sync::Arc;
use std::time::Duration;
use testkit::inline::{ByPurpose, Inline};
use worker_kit::{Handler, handler};

const QUESTION: &str = "How many customers do we have?";
const COUNT: &str = "SELECT COUNT(*) AS customers FROM customers";

async fn inline(handler: Arc<dyn Handler>) -> Inline {
    let texts = [
        ("classify", r#"{"intent":"sql","tables":[],"filters":[]}"#),
        ("generate_sql", COUNT),
        ("reply", "There are 28 customers."),
    ];
    Inline::new(handler, ByPurpose::new(&texts)).await
}

/// Fails each call of a job, and runs it twice. `asks` are calls that it must have made.
async fn holds<J: Job>(handler: Arc<dyn Handler>, job: J, asks: &[&str]) {
    let inline = inline(handler).await;
    let calls = inline.fails_safely_at_every_call(&job).await;
    for call in ["claim", "commit", "mark_published"].iter().chain(asks) {
        assert!(calls.contains(call), "{} asks for {call}: {calls:?}", J::KIND);
    }
    inline.comes_to_the_same_twice(&job).await;
}

fn change_rules() -> execute_sql::ChangeRules {
    let managers = vec![contracts::Role::Manager];
    execute_sql::ChangeRules {
        askers: managers.clone(),
        approvers: managers,
        expire: Duration::from_secs(60),
        max_rows: 100,
    }
}

fn executor() -> Arc<dyn Handler> {
    handler(execute_sql::SqlExecutor {
        timeout: Duration::from_secs(5),
        max_rows: 100,
        max_bytes: 1_000_000,
        max_scanned_rows: 1_000_000,
        sight: Sight { clear_roles: vec![contracts::Role::Manager], ..Sight::default() },
        shown_rows: 10,
        correction_rounds: 2,
        changes: change_rules(),
    })
}

fn execute(sql: &str) -> ExecuteSql {
    ExecuteSql { question: QUESTION.to_owned(), sql: sql.to_owned(), dialect: Dialect::Sqlite, round: 0, direct: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn classify_fails_safely_at_every_call_and_comes_to_the_same_twice() {
    let handler = handler(classify::Classifier { recent_messages: 4, history_messages: 20 });
    holds(handler, Classify { question: QUESTION.to_owned(), shared_schema_ms: None }, &["history", "llm"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_before_is_not_read_where_nothing_was() {
    let inline = inline(handler(classify::Classifier { recent_messages: 4, history_messages: 20 })).await;
    let job = Classify { question: QUESTION.to_owned(), shared_schema_ms: None };
    let (first, later) = (inline.order_beginning(&job).await, inline.order(&job).await);
    for (order, reads) in [(first, false), (later, true)] {
        let ran = inline.run(&order).await;
        assert_eq!(ran.calls.contains(&"history"), reads, "{:?}", ran.calls);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn generate_sql_fails_safely_at_every_call_and_comes_to_the_same_twice() {
    let generator = generate_sql::SqlGenerator {
        history_messages: 20,
        schema_tokens: 6_000,
        correction_rounds: 2,
        askers: Vec::new(),
    };
    let job = GenerateSql { question: QUESTION.to_owned(), round: 0, rejected: None };
    holds(handler(generator), job, &["seen", "schema_of", "llm"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn execute_sql_fails_safely_at_every_call_and_comes_to_the_same_twice() {
    holds(executor(), execute(COUNT), &["audit", "open_source", "query"]).await;
    holds(executor(), execute("SELECT 1 FROM nowhere"), &["audit"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_statement_fails_safely_at_every_call_and_comes_to_the_same_twice() {
    let direct = |sql: &str, direct: Direct| ExecuteSql { direct: Some(direct), ..execute(sql) };
    holds(executor(), direct(COUNT, Direct::default()), &["audit", "open_source", "query"]).await;
    let dry = Direct { dry_run: true, ..Direct::default() };
    holds(executor(), direct(COUNT, dry), &["audit", "open_source", "plan"]).await;
    holds(executor(), direct("SELECT 1 FROM nowhere", Direct::default()), &["audit"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_statement_ends_its_turn_and_a_dry_run_asks_for_no_rows() {
    let inline = inline(executor()).await;
    let run = async |sql: &str, direct: Direct| {
        let job = ExecuteSql { direct: Some(direct), ..execute(sql) };
        inline.run(&inline.order(&job).await).await
    };
    let ran = run("SELECT name FROM customers", Direct { max_rows: Some(3), ..Direct::default() }).await;
    let done = ran.done.unwrap();
    assert!(done.outcome.next.is_empty() && done.end.is_some(), "no reply is written");
    let rows = done.result.unwrap().rows;
    assert_eq!((rows.rows.len(), rows.truncated), (3, true));
    let ran = run("SELECT name FROM customers", Direct { dry_run: true, ..Direct::default() }).await;
    assert!(!ran.calls.contains(&"query") && ran.calls.contains(&"plan"), "{:?}", ran.calls);
    let done = ran.done.unwrap();
    assert!(done.result.is_none() && done.end.unwrap().sql.unwrap().contains("LIMIT"));
    let ran = run("DELETE FROM customers", Direct::default()).await;
    let done = ran.done.unwrap();
    assert_eq!(done.end.unwrap().error.unwrap().code, "statement_refused");
    assert!(done.outcome.next.is_empty(), "no model corrects what a program wrote");
}

#[tokio::test(flavor = "multi_thread")]
async fn reply_fails_safely_at_every_call_and_comes_to_the_same_twice() {
    let replier = || handler(reply::Replier { history_messages: 20, shown_rows: 30 });
    holds(replier(), Reply { question: QUESTION.to_owned(), basis: Basis::Chat }, &["llm"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inspection_fails_safely_at_every_call_and_comes_to_the_same_twice() {
    let connection = || "con_sample_shop".into();
    let test = TestConnection { connection: connection(), then_introspect: true };
    holds(handler(inspect_source::ConnectionTester), test, &["open_source", "about"]).await;
    let limits = DiscoveryLimits { max_tables: 100, samples: 5, sampled_rows: 100, timeout: Duration::from_secs(5) };
    let introspector = handler(inspect_source::Introspector { limits });
    holds(introspector, Introspect { connection: connection() }, &["discover", "save_schema"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_runs_when_its_audit_row_was_not_written() {
    let inline = inline(executor()).await;
    let order = inline.order(&execute(COUNT)).await;
    let ran = inline.run_without(&order, "audit").await;
    assert!(ran.done.is_none() && ran.calls.contains(&"audit"), "{:?}", ran.calls);
    assert!(!ran.calls.contains(&"query"), "{:?}", ran.calls);
    assert_eq!(inline.ports.store.audit_of(&"biz_demo".into(), &order.turn).await.unwrap(), []);
}

/// Its end is not known then: the statement runs again, as another attempt with an intent of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_whose_outcome_was_not_put_on_record_runs_again_on_record() {
    let inline = inline(executor()).await;
    let order = inline.order(&execute(COUNT)).await;
    let lost = inline.run_without_nth(&order, "audit", 1).await;
    assert!(lost.done.is_none() && lost.calls.contains(&"query"), "{:?}", lost.calls);
    assert!(inline.run(&order).await.done.is_some());
    let rows = inline.ports.store.audit_of(&"biz_demo".into(), &order.turn).await.unwrap();
    let told: Vec<_> = rows.iter().map(|row| (row.attempt, row.verdict.as_str())).collect();
    assert_eq!(told, [(1, "execute"), (2, "execute"), (2, "done")]);
    assert_eq!(rows[2].intent.as_ref(), Some(&rows[1].id));
    let verified = app::verify_audit(&*inline.ports.store, None, &[], &mut |_, _| {}).await.unwrap();
    assert!(verified.is_sound(), "{verified:?}");
    assert_eq!(verified.chains[0].checked.open_intents, 1);
}

/// The example of docs/adding-a-worker.md.
mod example {
    use super::*;
    use async_trait::async_trait;
    use serde::{Deserialize, Serialize};
    use worker_kit::{Ctx, Done, JobError, Worker};

    /// Look at how large the tables of a statement are.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct CheckSize {
        statement: ExecuteSql,
    }

    impl Job for CheckSize {
        const KIND: contracts::Kind = "check_size";
    }

    struct SizeChecker {
        large: u64,
    }

    #[async_trait]
    impl Worker for SizeChecker {
        type Job = CheckSize;

        async fn run(&self, ctx: &Ctx, job: CheckSize) -> Result<Done, JobError> {
            let connection = ctx.connection().await?;
            let schema = ctx.schema(&connection).await?;
            let is_large = |table: &&TableSchema| {
                job.statement.sql.contains(&table.name) && table.row_estimate.is_none_or(|rows| rows > self.large)
            };
            let large: Vec<_> = schema.tables.iter().filter(is_large).map(|table| table.name.as_str()).collect();
            if !large.is_empty() {
                ctx.notice("large_tables", format!("The statement reads large tables: {}.", large.join(", ")));
            }
            Done::next(&job.statement, format!("{} large", large.len()))
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_worker_of_ones_own_is_run_inline_and_looked_at() {
        let inline = Inline::new(handler(SizeChecker { large: 0 }), ByPurpose::new(&[])).await;
        let job = CheckSize { statement: execute(COUNT) };
        let ran = inline.run(&inline.order(&job).await).await;
        let next = &ran.done.as_ref().unwrap().outcome.next[0];
        assert_eq!((next.kind.as_str(), &next.job["sql"]), ("execute_sql", &serde_json::json!(COUNT)));
        assert_eq!(ran.heard()[0], "response.askline.step.started");
        assert!(ran.calls.contains(&"schema_of"), "{:?}", ran.calls);

        inline.fails_safely_at_every_call(&job).await;
        inline.comes_to_the_same_twice(&job).await;
    }
}

/// A model whose time is over.
struct OutOfTime;

#[async_trait]
impl Llm for OutOfTime {
    async fn stream(&self, _: Call) -> Result<Pieces, Error> {
        Err(Error::TimedOut)
    }

    fn providers(&self) -> Vec<String> {
        Vec::new()
    }

    async fn check(&self) -> Vec<(String, Result<String, String>)> {
        Vec::new()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_ends_with_the_turns_time_ends_the_turn_by_its_deadline() {
    let replier = handler(reply::Replier { history_messages: 20, shown_rows: 30 });
    let inline = Inline::new(replier, Arc::new(OutOfTime)).await;
    let job = Reply { question: QUESTION.to_owned(), basis: Basis::Chat };
    for (left, expected) in [(Duration::from_millis(20), "deadline_exceeded"), (Duration::from_secs(60), "llm_timeout")]
    {
        let ran = inline.run(&inline.order_due_in(left, &job).await).await;
        assert_eq!(ran.done.unwrap().end.unwrap().error.unwrap().code, expected);
    }
}
