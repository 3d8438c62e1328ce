//! What the sweeper publishes again, and how often: on a store that can be read and takes no mark, and of jobs that are
//! nowhere.

use crate::skew::turn;
use crate::taken_up::unpublished;
use contracts::Envelope;
use ports::Ports;
use ports::broker::{Destination, Message, Queue, all_queues};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use std::time::Duration;
use sweep::Sweeper;
use testkit::World;
use tokio_util::sync::CancellationToken;

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
    let sweeper = sweeper(ports);
    for round in 1..=2 {
        assert_eq!(sweeper.round().await.unwrap().published, 0);
        assert_eq!(depth(ports, "generate_sql").await, round);
    }
    run(&mut store, "DROP TRIGGER full").await;
    assert_eq!(sweeper.round().await.unwrap().published, 3);
    assert_eq!(sweeper.round().await.unwrap().published, 0);
    assert_eq!(depth(ports, "generate_sql").await, 5);
}

/// A queue in which something waits has lost nothing that is known of.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_holds_is_published_again_where_its_queue_is_empty() {
    let (composed, _folder) = World::at_rest().await;
    let ports = &composed.ports;
    let (every, lost_after) = (Duration::from_millis(10), Some(Duration::from_millis(200)));
    let sweeper = Sweeper { every, lost_after, ..sweeper(ports) };
    turn(ports, "resp_1".to_owned()).await;
    sweeping(&sweeper, ports, "classify").await;
    assert_eq!(depth(ports, "classify").await, 1);

    turn(ports, "resp_2".to_owned()).await;
    let first = unpublished(ports, &turn(ports, "resp_3".to_owned()).await).await;
    ports.ledger.mark_published(&first.hop, first.fence).await.unwrap();
    sweeping(&sweeper, ports, "generate_sql").await;
    assert_eq!(depth(ports, "generate_sql").await, 1);
    assert_eq!(depth(ports, "classify").await, 1, "a job of the same age waits behind one that is there");
}

/// It may have been lost from among those that wait there.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_holds_for_long_is_published_again_where_a_queue_never_runs_empty() {
    let (composed, _folder) = World::at_rest().await;
    let ports = &composed.ports;
    let queue = Queue::interactive("classify");
    for id in ["resp_1", "resp_2"] {
        let job = first_job(ports, id).await;
        ports.broker.publish(&Destination::Work(queue.clone()), Message::carrying(&job, None).unwrap()).await.unwrap();
    }
    let lost = first_job(ports, "resp_3").await;
    let mut worker = ports.broker.consume(&queue, 1).await.unwrap();
    let mut held = worker.next().await.unwrap();
    assert_eq!(depth(ports, "classify").await, 1, "it holds the one and leaves the other");
    let (every, lost_after) = (Duration::from_millis(10), Some(Duration::from_millis(20)));
    let sweeper = Sweeper { every, lost_after, ..sweeper(ports) };
    let stop = CancellationToken::new();
    let until = async {
        while depth(ports, "classify").await < 4 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        while held.message.id != lost.hop.as_str() {
            held.receipt.ack().await.unwrap();
            held = worker.next().await.unwrap();
        }
        stop.cancel();
    };
    let both = async { tokio::join!(sweeper.run(stop.clone()), until) };
    tokio::time::timeout(Duration::from_secs(30), both).await.expect("the lost one comes");
}

async fn first_job(ports: &Ports, id: &str) -> Envelope {
    let turn = turn(ports, id.to_owned()).await;
    ports.ledger.awaited(&turn.id).await.unwrap().unwrap()
}

/// Sweeps until there is something in this queue, and ends its round.
async fn sweeping(sweeper: &Sweeper, ports: &Ports, kind: &str) {
    let stop = CancellationToken::new();
    let until = async {
        while depth(ports, kind).await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stop.cancel();
    };
    let both = async { tokio::join!(sweeper.run(stop.clone()), until) };
    tokio::time::timeout(Duration::from_secs(30), both).await.expect("something is published");
}

async fn depth(ports: &Ports, kind: &str) -> u64 {
    ports.broker.depth(&Destination::Work(Queue::interactive(kind))).await.unwrap().ready
}

fn sweeper(ports: &Ports) -> Sweeper {
    Sweeper {
        ports: ports.clone(),
        owner: "sweeper".to_owned(),
        every: Duration::from_secs(1),
        queues: all_queues(),
        keep: None,
        lost_after: None,
    }
}
