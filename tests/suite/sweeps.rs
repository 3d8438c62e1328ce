//! What the sweeper does on a store that can be read and takes no mark.

use crate::skew::{golden, turn};
use contracts::HopId;
use ports::Ports;
use ports::broker::{Destination, Queue, all_queues};
use ports::ledger::{Claim, Claimed, Commit, Committed, Outcome};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use std::time::Duration;
use sweep::Sweeper;
use testkit::World;

/// A step that is done, and whose next job nobody has published.
async fn unpublished(ports: &Ports, turn_id: &str) {
    let turn = turn(ports, turn_id.to_owned()).await;
    let hop = HopId::first(&turn.id, "classify");
    let claim = Claim {
        hop: hop.clone(),
        turn: turn.id.clone(),
        owner: "a worker that dies".to_owned(),
        lease: Duration::from_secs(60),
        must_last: true,
        budget: None,
    };
    let Claimed::Granted(grant) = ports.ledger.claim(claim).await.unwrap() else { panic!("not granted") };
    let mut job = golden("generate_sql", &turn);
    job["hop"] = serde_json::json!(hop.child("generate_sql", 0));
    let outcome = Outcome {
        hop,
        turn: turn.id,
        fence: grant.fence,
        next: vec![serde_json::from_value(job).unwrap()],
        terminal_event: None,
        next_seq: 2,
        batches: 0,
        traceparent: None,
        dead: None,
        published: false,
    };
    let commit = Commit { outcome, result: None, end: None, calls: Vec::new() };
    assert_eq!(ports.ledger.commit(commit).await.unwrap(), Committed::Stored);
}

async fn published(ports: &Ports) -> u64 {
    ports.broker.depth(&Destination::Work(Queue::interactive("generate_sql"))).await.unwrap().ready
}

async fn run(store: &mut SqliteConnection, statement: &'static str) {
    sqlx::query(statement).execute(store).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_round_publishes_one_job_again_while_no_mark_is_taken_and_then_the_rest_once() {
    let (composed, folder) = World::at_rest().await;
    let ports = &composed.ports;
    for turn in ["resp_1", "resp_2", "resp_3"] {
        unpublished(ports, turn).await;
    }
    let store = SqliteConnectOptions::new().filename(folder.path().join("store.sqlite"));
    let mut store = store.connect().await.unwrap();
    run(&mut store, "UPDATE hops SET stored_ms = stored_ms - 60000").await;
    run(&mut store, "CREATE TRIGGER full BEFORE UPDATE ON hops BEGIN SELECT RAISE(ABORT, 'full'); END").await;
    let sweeper = Sweeper {
        ports: ports.clone(),
        owner: "sweeper".to_owned(),
        every: Duration::from_secs(1),
        queues: all_queues(),
        keep: None,
    };
    for round in 1..=2 {
        assert!(sweeper.round().await.is_err());
        assert_eq!(published(ports).await, round);
    }
    run(&mut store, "DROP TRIGGER full").await;
    assert_eq!(sweeper.round().await.unwrap().published, 3);
    assert_eq!(sweeper.round().await.unwrap().published, 0);
    assert_eq!(published(ports).await, 5);
}
