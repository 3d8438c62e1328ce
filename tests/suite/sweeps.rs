//! What the sweeper does on a store that can be read and takes no mark.

use crate::skew::turn;
use crate::taken_up::unpublished;
use ports::Ports;
use ports::broker::{Destination, Queue, all_queues};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use std::time::Duration;
use sweep::Sweeper;
use testkit::World;

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
    for id in ["resp_1", "resp_2", "resp_3"] {
        unpublished(ports, &turn(ports, id.to_owned()).await).await;
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
        assert_eq!(sweeper.round().await.unwrap().published, 0);
        assert_eq!(published(ports).await, round);
    }
    run(&mut store, "DROP TRIGGER full").await;
    assert_eq!(sweeper.round().await.unwrap().published, 3);
    assert_eq!(sweeper.round().await.unwrap().published, 0);
    assert_eq!(published(ports).await, 5);
}
