//! Gathers the evidence of a run once everything is at rest.

use crate::faults::client::Access;
use crate::faults::evidence::{Asked, Evidence, Executed, Told};
use crate::faults::installation::{Installation, Mode};
use crate::faults::question::tags_in;
use crate::faults::servers::Servers;
use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The documented names of the queues; they are kept for ever.
const KINDS: [&str; 9] = [
    "classify",
    "generate_sql",
    "execute_sql",
    "reply",
    "follow",
    "import_file",
    "test_connection",
    "introspect",
    "execute_change",
];
const LADDER_MS: [u32; 5] = [300, 900, 2_700, 8_100, 24_300];

/// Requests to the API.
const AT_A_TIME: usize = 8;

/// Queues are empty by then, or something is lost in them.
const REST: Duration = Duration::from_secs(90);

static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(reqwest::Client::new);

/// Remembers what there was before a run.
pub struct Collector {
    run: String,
    source_log: usize,
    /// Jobs that lay at the dead-letter desk.
    dead: BTreeSet<String>,
}

impl Collector {
    pub async fn begin(run: &str, servers: &Servers, installation: &Installation) -> Self {
        let dead = installation.database.dead_jobs().await.into_keys().collect();
        Self { run: run.to_owned(), source_log: servers.source.log().len(), dead }
    }

    /// Waits for rest, then looks everywhere.
    pub async fn collect(self, asked: Vec<Asked>, servers: &mut Servers, installation: &mut Installation) -> Evidence {
        let left = at_rest(servers, installation).await;
        let holding = format!("(q.{}.", self.run);
        let mut evidence = Evidence {
            turns: installation.database.turns(&holding).await,
            audit: installation.database.audit(&holding).await,
            executed: executed(&servers.source.log()[self.source_log..]),
            left,
            dead: self.dead(installation).await,
            memory_mb: installation.memory_mb(),
            canaries: installation.tenants.iter().map(|tenant| tenant.canary.clone()).collect(),
            secrets: installation.secrets.clone(),
            ..Evidence::default()
        };
        for llm in &installation.llms {
            for (tag, calls) in llm.take_calls() {
                *evidence.llm_calls.entry(tag).or_default() += calls;
            }
        }
        evidence.logs = installation.logs();
        let logs = installation.logs_by_process();
        evidence.unexplained = tokio::task::block_in_place(|| super::traces::unexplained(&logs, &evidence.turns));
        evidence.told = told(&asked, installation, &evidence).await;
        evidence.asked = asked;
        evidence
    }

    /// The turns of the jobs that came to the desk since.
    async fn dead(&self, installation: &Installation) -> Vec<Option<String>> {
        let all = installation.database.dead_jobs().await;
        all.into_iter().filter(|(id, _)| !self.dead.contains(id)).map(|(_, turn)| turn).collect()
    }
}

async fn at_rest(servers: &mut Servers, installation: &Installation) -> BTreeMap<String, u64> {
    let started = Instant::now();
    loop {
        let mut left = work_left(servers, installation).await;
        let unpublished = installation.database.unpublished().await;
        if unpublished > 0 {
            left.insert("outcomes that are not published".into(), unpublished.unsigned_abs());
        }
        if left.is_empty() {
            left = held(servers, installation).await;
        }
        if left.is_empty() || started.elapsed() > REST {
            return left;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Messages that workers hold, once none is ready any more.
async fn held(servers: &mut Servers, installation: &Installation) -> BTreeMap<String, u64> {
    if installation.mode == Mode::Embedded {
        return BTreeMap::new();
    }
    servers.rabbit().unsettled(&format!("{}.", installation.prefix)).await
}

async fn work_left(servers: &mut Servers, installation: &Installation) -> BTreeMap<String, u64> {
    if installation.mode == Mode::Embedded {
        let places = installation.journal().places().await.into_iter();
        return places.map(|(kind, place, count)| (format!("{kind} {place}"), count.unsigned_abs())).collect();
    }
    let work = KINDS.iter().map(|kind| format!("{}.{kind}.interactive.v1", installation.prefix));
    let with_ladder = |queue: String| {
        let ladder: Vec<String> = LADDER_MS.iter().map(|ms| format!("{queue}.retry.{ms}")).collect();
        // The sweeper takes what is dead to the desk.
        ladder.into_iter().chain([format!("{queue}.dead"), queue])
    };
    let queues: Vec<String> = work.flat_map(with_ladder).collect();
    let mut left = servers.rabbit().messages(&queues).await;
    left.retain(|_, count| *count > 0);
    left
}

/// `1700000000.123 tenant_a LOG:  execute sqlx_s_1: SELECT …`
fn executed(log: &str) -> Vec<Executed> {
    let mut all = Vec::new();
    for line in log.lines() {
        let mut words = line.splitn(3, ' ');
        let (Some(at), Some(database), Some(rest)) = (words.next(), words.next(), words.next()) else { continue };
        let Some(statement) = rest.strip_prefix("LOG:  execute ") else { continue };
        // A plan is made and nothing of the statement runs.
        let is_plan = statement.split_once(": ").is_some_and(|(_, sql)| sql.starts_with("EXPLAIN (FORMAT JSON)"));
        if is_plan {
            continue;
        }
        let (Ok(seconds), Some(tag)) = (at.parse::<f64>(), tags_in(statement).pop()) else { continue };
        all.push(Executed { tag, database: database.to_owned(), at_ms: (seconds * 1000.0).round() as i64 });
    }
    all
}

async fn told(asked: &[Asked], installation: &Installation, evidence: &Evidence) -> BTreeMap<String, Told> {
    let conversations: BTreeMap<&str, &str> =
        evidence.turns.iter().map(|turn| (turn.id.as_str(), turn.conversation.as_str())).collect();
    let access = [installation.access(0), installation.access(1)];
    let asking = asked.iter().filter_map(|asked| {
        let id = asked.response.as_deref()?;
        let conversation = conversations.get(id).copied().unwrap_or_default();
        Some(told_of(&access, asked.tenant, id, conversation))
    });
    stream::iter(asking).buffer_unordered(AT_A_TIME).collect().await
}

async fn told_of(access: &[Access; 2], tenant: usize, id: &str, conversation: &str) -> (String, Told) {
    let (_, response) = get(&access[tenant], &format!("responses/{id}")).await;
    let (to_others, _) = get(&access[1 - tenant], &format!("responses/{id}")).await;
    let history = match conversation {
        "" => Value::Null,
        _ => get(&access[tenant], &format!("conversations/{conversation}/turns")).await.1,
    };
    let of_turn = |turn: &&Value| turn["id"] == id;
    let history = history["data"].as_array().map(|turns| turns.iter().filter(of_turn).cloned().collect());
    (id.to_owned(), Told { response, history: history.unwrap_or_default(), to_others })
}

async fn get(access: &Access, path: &str) -> (u16, Value) {
    for _ in 0..20 {
        let request = CLIENT.get(format!("{}/v1/{path}", access.urls[0])).bearer_auth(&access.token);
        match request.send().await {
            Ok(answer) if answer.status().as_u16() < 500 => {
                return (answer.status().as_u16(), answer.json().await.unwrap_or_default());
            }
            _ => tokio::time::sleep(Duration::from_millis(250)).await,
        }
    }
    (0, Value::Null)
}

#[test]
fn a_statement_is_found_in_the_log_of_its_database() {
    let log = "1700000000.250 tenant_b LOG:  execute sqlx_s_1: SELECT 1, 'q.F01.3.plain.q' AS tag FROM customers\n\
               1700000000.250 tenant_b LOG:  execute sqlx_s_1: EXPLAIN (FORMAT JSON) SELECT 'q.F01.3.plain.q'\n\
               1700000000.251 tenant_b STATEMENT:  SELECT 'q.F01.3.plain.q'\n";
    let found = executed(log);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].at_ms, found[0].database.as_str(), found[0].tag.number), (1_700_000_000_250, "tenant_b", 3));
}
