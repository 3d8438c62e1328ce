//! How many hops a second the store takes: each is a claim, a commit and a mark, of many turns at once.
//! `cargo run --release -p adapter-store --example commits_per_second -- <url> [turns] [concurrency]` prints one line
//! of JSON. The turns stay in the database: use one that is made for this.

use adapter_store::{Options, Store};
use contracts::job::Classify;
use contracts::{Envelope, HopId, Lane, TurnId};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use ports::ledger::{Claim, Claimed, Commit, Committed, Outcome};
use ports::store::{NewTurn, Turns};
use ports::{Clock, Ledger, PortError};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

const HOPS_PER_TURN: usize = 4;

struct SinceStart(Instant);

impl Clock for SinceStart {
    fn now_ms(&self) -> i64 {
        1_760_000_000_000 + i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn monotonic_ms(&self) -> u64 {
        self.now_ms().unsigned_abs()
    }
}

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("the first argument is the store's URL")?;
    let turns: usize = arguments.next().map_or(Ok(2000), |count| count.parse())?;
    let concurrency: usize = arguments.next().map_or(Ok(64), |count| count.parse())?;

    let store = Store::open(&url, Options::new(Arc::new(SinceStart(Instant::now())))).await?;
    store.migrate().await?;
    let run = format!("{}_{}", std::process::id(), turns);
    let started = Instant::now();
    let mut latencies: Vec<Duration> = stream::iter(0..turns)
        .map(|n| one_turn(&store, format!("resp_{run}_{n}")))
        .buffer_unordered(concurrency)
        .try_fold(Vec::new(), |mut all, turn| async move {
            all.extend(turn);
            Ok(all)
        })
        .await?;
    let seconds = started.elapsed().as_secs_f64();
    latencies.sort();
    let percentile = |share: usize| latencies[(latencies.len() - 1) * share / 100].as_secs_f64() * 1000.0;
    let report = serde_json::json!({
        "store": url.split(':').next(),
        "turns": turns,
        "concurrency": concurrency,
        "turns_per_s": (turns as f64 / seconds).round(),
        "commits_per_s": ((turns * HOPS_PER_TURN) as f64 / seconds).round(),
        "hop_p50_ms": percentile(50),
        "hop_p99_ms": percentile(99),
    });
    writeln!(std::io::stdout(), "{report}")?;
    store.close().await;
    Ok(())
}

/// Offer, acceptance and four hops; how long each hop took.
async fn one_turn(store: &Store, id: String) -> Result<Vec<Duration>, PortError> {
    let turn = TurnId(id);
    let asked = question(&turn);
    let job = Classify { question: asked.question.clone(), shared_schema_ms: None };
    let first =
        Envelope::first(asked.meta(), 2, &job).map_err(|error| PortError::unreadable("example", "offer", error))?;
    store.offer(&asked, &first).await?;
    store.accept(&turn).await?;
    let mut hop = HopId::first(&turn, "classify");
    let mut latencies = Vec::with_capacity(HOPS_PER_TURN);
    for _ in 0..HOPS_PER_TURN {
        let started = Instant::now();
        one_hop(store, &turn, &hop).await?;
        latencies.push(started.elapsed());
        hop = hop.child("reply", 0);
    }
    Ok(latencies)
}

async fn one_hop(store: &Store, turn: &TurnId, hop: &HopId) -> Result<(), PortError> {
    let lease = Duration::from_secs(10);
    let claim = Claim {
        hop: hop.clone(),
        turn: turn.clone(),
        owner: "example".to_owned(),
        lease,
        must_last: false,
        prepays: None,
    };
    let fence = match store.claim(claim).await? {
        Claimed::Granted(grant) => grant.fence,
        other => return Err(PortError::refused("example", "claim", format!("{other:?}"))),
    };
    let outcome = Outcome {
        hop: hop.clone(),
        turn: turn.clone(),
        fence,
        next: Vec::new(),
        terminal_event: None,
        next_seq: 3,
        batches: 1,
        traceparent: None,
        dead: None,
        published: false,
    };
    match store.commit(Commit::of(outcome)).await? {
        Committed::Stored | Committed::WentOn(_) => store.mark_published(hop, fence).await,
        Committed::Fenced => Err(PortError::refused("example", "commit", "fenced")),
    }
}

fn question(turn: &TurnId) -> NewTurn {
    NewTurn {
        id: turn.clone(),
        business: "biz_1".into(),
        user: "usr_1".into(),
        conversation: Some("conv_1".into()),
        connection: Some("con_1".into()),
        question: "How many customers do we have?".to_owned(),
        idempotency_key: None,
        lane: Lane::Interactive,
        share: None,
        created_ms: 1_760_000_000_000,
        deadline_ms: 1_760_000_060_000,
        replay_of: None,
    }
}
