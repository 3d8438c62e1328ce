use crate::fresh::{PostgresSchema, open};
use contracts::Lane;
use futures_util::future::join_all;
use ports::conformance::audit::intent;
use ports::conformance::bench::{Bench, LEASE, business, hop, outcome, question};
use ports::ledger::{Claimed, Committed};
use sqlx::{Connection, Row};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

async fn make() -> (Bench, PostgresSchema) {
    let schema = PostgresSchema::new().await;
    (open(&schema.url()).await, schema)
}

ports::ledger_conformance!(make);
ports::onward_conformance!(make);
ports::awaited_conformance!(make);
ports::turns_conformance!(make);
ports::line_conformance!(make);
ports::store_conformance!(make);
ports::audit_conformance!(make);
ports::dead_conformance!(make);
ports::approvals_conformance!(make);
ports::leader_conformance!(make);

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_row_can_be_neither_changed_nor_removed() {
    let (bench, schema) = make().await;
    bench.store.audit(&intent("aud_1", 1)).await.unwrap();
    let mut conn = schema.connect().await;
    for attempt in [
        "UPDATE audit SET statement = 'SELECT 2'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "INSERT INTO audit SELECT * FROM audit ON CONFLICT (id) DO UPDATE SET statement = 'SELECT 2'",
    ] {
        let error = sqlx::query(attempt).execute(&mut conn).await.unwrap_err().to_string();
        assert!(error.contains("never changed"), "{error}");
    }
    assert_eq!(bench.store.audit_of(&business(), &"resp_1".into()).await.unwrap(), [intent("aud_1", 1)]);
}

/// Two processes batch the same turns in different orders; neither may wait for the other for ever.
#[tokio::test(flavor = "multi_thread")]
async fn batches_of_two_processes_do_not_deadlock() {
    let (here, schema) = make().await;
    let there = open(&schema.url()).await;
    let turns: Vec<String> = (0..60).map(|n| format!("resp_{n:02}")).collect();
    join_all(turns.iter().map(|turn| here.offer(question(turn)))).await;
    for _ in 0..5 {
        let forth = turns.iter().map(|turn| spend(&here, turn));
        let back = turns.iter().rev().map(|turn| spend(&there, turn));
        let accept = turns.iter().rev().map(|turn| accept(&there, turn));
        tokio::join!(join_all(forth), join_all(back), join_all(accept));
    }
}

async fn spend(bench: &Bench, turn: &str) {
    assert!(bench.ledger.spend_llm_call(&turn.into(), 10).await.unwrap());
}

async fn accept(bench: &Bench, turn: &str) {
    assert!(bench.store.accept(&turn.into()).await.unwrap());
}

/// The claim looks at the turn before the commit is visible, waits for the row that the commit holds, and must then
/// see that the hop is done.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_waits_for_a_commit_finds_its_outcome() {
    let schema = PostgresSchema::new().await;
    let url = format!("{}&application_name={}", schema.url(), schema.name());
    let (here, there) = (open(&url).await, open(&url).await);
    here.accepted("resp_1").await;
    let done = outcome("resp_1", &hop("resp_1"), here.granted("resp_1", &hop("resp_1")).await.fence);

    let mut blocker = schema.connect().await;
    let mut lock = blocker.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM turns FOR UPDATE").execute(&mut *lock).await.unwrap();
    let commit = tokio::spawn({
        let (here, done) = (here.clone(), done.clone());
        async move { here.commit(done, None).await }
    });
    waiting_for_a_lock(&schema, 1).await;
    there.clock.advance(LEASE);
    let claim = tokio::spawn(async move { there.claim("resp_1", &hop("resp_1"), "other").await });
    waiting_for_a_lock(&schema, 2).await;
    lock.rollback().await.unwrap();

    assert_eq!(commit.await.unwrap(), Committed::Stored);
    assert_eq!(claim.await.unwrap(), Claimed::Done(Box::new(done)));
}

/// What a server that crashes may do: it forgets a claim that did not wait for the disk. Whoever claims next came by a
/// new connection, and its fence is none that the forgotten claim may have had.
#[tokio::test(flavor = "multi_thread")]
async fn the_fence_of_a_forgotten_claim_is_never_given_again() {
    let schema = PostgresSchema::new().await;
    let here = open(&schema.url()).await;
    here.accepted("resp_1").await;
    let mut conn = schema.connect().await;
    let mut forgotten = 0;
    for _ in 0..3 {
        forgotten = here.granted("resp_1", &hop("resp_1")).await.fence;
        here.clock.advance(LEASE);
    }
    sqlx::query("UPDATE turns SET fence = 0, run = 0, hop = '', lease_owner = NULL").execute(&mut conn).await.unwrap();
    let there = open(&schema.url()).await;
    let grant = there.granted("resp_1", &hop("resp_1")).await;
    assert!(grant.fence > forgotten, "{} after {forgotten}", grant.fence);
    assert_eq!(here.commit(outcome("resp_1", &hop("resp_1"), forgotten), None).await, Committed::Fenced);
    assert_eq!(there.commit(outcome("resp_1", &hop("resp_1"), grant.fence), None).await, Committed::Stored);
}

async fn waiting_for_a_lock(schema: &PostgresSchema, expected: i64) {
    let mut conn = schema.connect().await;
    let started = Instant::now();
    loop {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'",
        )
        .bind(schema.name())
        .fetch_one(&mut conn)
        .await
        .unwrap();
        if waiting == expected {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{waiting} statements wait, not {expected}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// No index holds what changes while a turn runs, and pages keep room: updates do not touch the indexes.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_turn_is_updated_in_place() {
    let (bench, schema) = make().await;
    for n in 0..20 {
        let turn = format!("resp_{n}");
        bench.accepted(&turn).await;
        let first = bench.done(&turn, &hop(&turn)).await;
        bench.done(&turn, &first.hop.child("reply", 0)).await;
        spend(&bench, &turn).await;
    }
    let mut conn = schema.connect().await;
    let started = Instant::now();
    loop {
        let row = sqlx::query(UPDATES).fetch_one(&mut conn).await.unwrap();
        let (in_place, updated): (i64, i64) = (row.get("in_place"), row.get("updated"));
        if updated >= 120 {
            assert!(in_place * 10 >= updated * 9, "{in_place} of {updated} updates were in place");
            return;
        }
        assert!(started.elapsed() < PATIENCE, "only {updated} updates were counted");
        // The server publishes its counters when a connection is idle, on its own time.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The indexes of what is open and of what is unpublished are for the sweeper: they keep an entry of each turn until the
/// next vacuum, so a statement that reads them grows slower with every turn.
#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_found_by_its_id() {
    let (bench, schema) = make().await;
    let turns: Vec<String> = (0..40).map(|n| format!("resp_{n}")).collect();
    join_all(turns.iter().map(|turn| async {
        bench.answered(question(turn), "42").await;
        let Claimed::Done(done) = bench.claim(turn, &hop(turn), "other").await else { panic!("not done") };
        bench.ledger.mark_published(&done.hop, done.fence).await.unwrap();
        assert!(!bench.store.request_cancel(&business(), &turn.as_str().into()).await.unwrap());
    }))
    .await;
    let mut conn = schema.connect().await;
    let started = Instant::now();
    loop {
        let row = sqlx::query(SCANS).fetch_one(&mut conn).await.unwrap();
        let (by_id, by_state): (i64, i64) = (row.get("by_id"), row.get("by_state"));
        assert_eq!(by_state, 0, "the index of open turns, or of unpublished outcomes, was read");
        if by_id >= 80 {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "only {by_id} reads by id were counted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A line costs as much to read however long it is: by its own indexes alone, also where their tables were empty when the
/// statement was planned.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_line_is_read_by_its_ends() {
    let (bench, schema) = make().await;
    let look = async || {
        assert!(bench.store.in_flight(Lane::Interactive).await.unwrap().is_empty());
        assert!(bench.store.overdue(i64::MIN, 10).await.unwrap().is_empty());
        bench.store.lines(Lane::Interactive).await.unwrap()
    };
    assert!(look().await.is_empty());
    let mut conn = schema.connect().await;
    sqlx::query(LONG_LINE).execute(&mut conn).await.unwrap();
    for _ in 0..10 {
        let lines = look().await;
        assert_eq!((lines.len(), lines[0].len()), (1, 2_000));
    }
    let started = Instant::now();
    loop {
        let row = sqlx::query(LINE_SCANS).fetch_one(&mut conn).await.unwrap();
        let (scans, entries): (i64, i64) = (row.get("scans"), row.get("entries"));
        if scans >= 40 {
            assert!(entries < 2_000, "{scans} looks at a line read {entries} entries of indexes");
            return;
        }
        assert!(started.elapsed() < PATIENCE, "only {scans} looks were counted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

const LONG_LINE: &str = "INSERT INTO turns (id, business_id, user_id, question, state, created_ms, deadline_ms, lane, place, beginning) \
     SELECT 'resp_' || n, 'biz_a', 'usr_a', 'How many?', 'waiting', 1, 9223372036854775807, 'interactive', n, '{}' \
     FROM generate_series(1, 2000) AS n";
const LINE_SCANS: &str = "SELECT CAST(sum(idx_scan) AS BIGINT) AS scans, CAST(sum(idx_tup_read) AS BIGINT) AS entries \
     FROM pg_stat_user_indexes WHERE schemaname = current_schema() AND relname = 'turns'";
const SCANS: &str = "SELECT CAST(sum(idx_scan) FILTER (WHERE indexrelname IN ('turns_pkey', 'hops_pkey')) AS BIGINT) AS by_id, \
     CAST(sum(idx_scan) FILTER (WHERE indexrelname IN ('turns_by_deadline', 'hops_unpublished')) AS BIGINT) AS by_state \
     FROM pg_stat_user_indexes WHERE schemaname = current_schema()";
const UPDATES: &str = "SELECT n_tup_hot_upd AS in_place, n_tup_upd AS updated FROM pg_stat_user_tables \
     WHERE relid = 'turns'::regclass";
