//! A job whose message the broker has lost, with its worker dead or before any had it. Every case runs in both modes.

use crate::mode::Mode;
use crate::skew::{golden, turn};
use contracts::HopId;
use ports::Ports;
use ports::ledger::{Claim, Claimed, Commit, Committed, Grant, Outcome};
use ports::store::NewTurn;
use serde_json::json;
use std::time::Duration;
use testkit::World;

in_both_modes!(
    a_job_that_nobody_took_up_is_published_again,
    a_first_job_that_is_nowhere_is_published_again,
    a_later_job_that_is_nowhere_is_published_again,
);

async fn claim(ports: &Ports, turn: &NewTurn, hop: &HopId, lease: Duration) -> Grant {
    let owner = "a worker that dies".to_owned();
    let claim = Claim { hop: hop.clone(), turn: turn.id.clone(), owner, lease, must_last: true, prepays: None };
    match ports.ledger.claim(claim).await.unwrap() {
        Claimed::Granted(grant) => grant,
        other => panic!("{hop} is not granted: {other:?}"),
    }
}

/// A first step that is done, and whose next job nobody has published.
pub async fn unpublished(ports: &Ports, turn: &NewTurn) -> Outcome {
    let hop = HopId::first(&turn.id, "classify");
    let fence = claim(ports, turn, &hop, Duration::from_secs(60)).await.fence;
    let mut job = golden("generate_sql", turn);
    job["hop"] = json!(hop.child("generate_sql", 0));
    let outcome = Outcome {
        hop,
        turn: turn.id.clone(),
        fence,
        next: vec![serde_json::from_value(job).unwrap()],
        terminal_event: None,
        next_seq: 2,
        batches: 0,
        traceparent: None,
        dead: None,
        published: false,
    };
    let commit = Commit::of(outcome.clone());
    assert_eq!(ports.ledger.commit(commit).await.unwrap(), Committed::Stored);
    outcome
}

/// The step before is done and published; its next job is claimed, and its message is nowhere.
async fn lose_the_second_job(ports: &Ports, turn: &NewTurn) {
    let first = unpublished(ports, turn).await;
    ports.ledger.mark_published(&first.hop, first.fence).await.unwrap();
    claim(ports, turn, &first.next[0].hop, Duration::from_millis(1)).await;
}

async fn is_answered(world: World, turn: &NewTurn) {
    let heard = world.client().follow(turn.id.as_str()).await;
    assert_eq!(heard.status(), "completed", "{:#?}", heard.terminal());
    assert!(heard.text().contains("28"), "{}", heard.text());
    world.stop().await;
}

async fn a_job_that_nobody_took_up_is_published_again(mode: Mode) {
    let world = mode.world(&[]).await;
    let turn = turn(&world.ports, "resp_lost".to_owned()).await;
    lose_the_second_job(&world.ports, &turn).await;
    is_answered(world, &turn).await;
}

async fn a_first_job_that_is_nowhere_is_published_again(mode: Mode) {
    let world = mode.world(&[soon_lost()]).await;
    let turn = turn(&world.ports, "resp_lost".to_owned()).await;
    is_answered(world, &turn).await;
}

async fn a_later_job_that_is_nowhere_is_published_again(mode: Mode) {
    let world = mode.world(&[soon_lost()]).await;
    let turn = turn(&world.ports, "resp_lost".to_owned()).await;
    let first = unpublished(&world.ports, &turn).await;
    world.ports.ledger.mark_published(&first.hop, first.fence).await.unwrap();
    is_answered(world, &turn).await;
}

fn soon_lost() -> (&'static str, String) {
    ("ASKLINE_WORKERS__LOST_AFTER_S", "1".to_owned())
}
