use crate::fresh::{SqliteFile, open};
use ports::conformance::audit::intent;
use ports::conformance::bench::{Bench, business, completed, first_job, hop, outcome, question};
use ports::ledger::Committed;
use sqlx::{Connection, SqliteConnection};

async fn make() -> (Bench, SqliteFile) {
    let file = SqliteFile::new();
    (open(&file.url()).await, file)
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
async fn an_audit_row_can_be_neither_changed_nor_removed_nor_replaced() {
    let (bench, file) = make().await;
    bench.store.audit(&intent("aud_1", 1)).await.unwrap();
    let mut conn = SqliteConnection::connect(&file.url()).await.unwrap();
    for attempt in [
        "UPDATE audit SET statement = 'SELECT 2'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit (id, business_id, user_id, turn_id, hop, attempt, connection_id, statement, \
         tables, verdict, at_ms, seq, previous, hash) SELECT id, business_id, user_id, turn_id, hop, attempt, \
         connection_id, 'SELECT 2', tables, verdict, at_ms, seq, previous, hash FROM audit",
    ] {
        let error = sqlx::query(attempt).execute(&mut conn).await.unwrap_err().to_string();
        assert!(error.contains("never changed"), "{error}");
    }
    assert_eq!(bench.store.audit_of(&business(), &"resp_1".into()).await.unwrap(), [intent("aud_1", 1)]);
}

/// A full disk ends a transaction by itself; so does this trigger.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_ended_by_itself_costs_no_later_one() {
    let (bench, file) = make().await;
    let mut conn = SqliteConnection::connect(&file.url()).await.unwrap();
    let end = "CREATE TRIGGER full BEFORE INSERT ON turns BEGIN SELECT RAISE(ROLLBACK, 'full'); END";
    sqlx::query(end).execute(&mut conn).await.unwrap();
    for turn in ["resp_1", "resp_2"] {
        let refused = bench.store.offer(&question(turn), &first_job(&question(turn))).await.unwrap_err();
        assert!(refused.to_string().contains("full"), "{refused}");
    }
    sqlx::query("DROP TRIGGER full").execute(&mut conn).await.unwrap();
    bench.answered(question("resp_3"), "42").await;
}

/// The file is copied as a crash would leave it: with its journal, while the store has it open.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_crash() {
    let (bench, file) = make().await;
    bench.answered(question("resp_1"), "42").await;
    bench.accepted("resp_2").await;
    let fence = bench.granted("resp_2", &hop("resp_2")).await.fence;
    bench.store.audit(&intent("aud_1", 1)).await.unwrap();

    let crashed = SqliteFile::new();
    for suffix in ["", "-wal"] {
        let name = |file: &SqliteFile| format!("{}{suffix}", file.path().display());
        std::fs::copy(name(&file), name(&crashed)).unwrap();
    }
    let reopened = open(&crashed.url()).await;
    let turn = reopened.store.turn(&business(), &"resp_1".into()).await.unwrap().unwrap();
    assert_eq!(turn.end, Some(completed("42")));
    assert_eq!(reopened.store.audit_of(&business(), &"resp_1".into()).await.unwrap(), [intent("aud_1", 1)]);
    let unfinished = reopened.commit(outcome("resp_2", &hop("resp_2"), fence), None).await;
    assert_eq!(unfinished, Committed::Stored);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_one_file() {
    let (here, file) = make().await;
    let there = open(&file.url()).await;
    for (n, bench) in [&here, &there, &here, &there].into_iter().enumerate() {
        bench.answered(question(&format!("resp_{n}")), "42").await;
    }
    let turns = (0..40).map(|n| format!("both_{n}")).collect::<Vec<_>>();
    let (a, b) = turns.split_at(20);
    let accept = |bench: &Bench, ids: &[String]| {
        let (bench, ids) = (bench.clone(), ids.to_vec());
        async move {
            for id in ids {
                bench.accepted(&id).await;
            }
        }
    };
    tokio::join!(accept(&here, a), accept(&there, b));
    for id in &turns {
        assert!(here.store.turn(&business(), &id.as_str().into()).await.unwrap().is_some());
    }
}
