//! Every attack of the shared list, sent past the guard, as the read-only role that a source should have: what the
//! database and the session still accept, and what comes of it.

use crate::attacked::Attacked;
use contracts::{Cell, Dialect, ResultSet};
use ports::source::{Error, Reads, Source, Statement};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// What belongs to somebody else says so.
pub const CANARY: &str = "CANARY";
/// Tables and views of the tenant, as README.md of the list says.
const OWN: [&str; 12] = [
    "customers",
    "products",
    "orders",
    "order_items",
    "subscriptions",
    "events",
    "audit_log",
    "tickets",
    "employees",
    "call",
    "v_sales",
    "mv_sales",
];
const TIMEOUT: Duration = Duration::from_secs(1);
/// Beyond the timeout: connecting, and a statement that is stopped by our own clock and not by the database's.
const GRACE: Duration = Duration::from_secs(3);

struct Attack {
    id: String,
    category: String,
    sql: String,
}

/// What an attack came to although it must not, by kind.
#[derive(Default)]
struct Findings(BTreeMap<&'static str, Vec<String>>);

impl Findings {
    fn add(&mut self, kind: &'static str, attack: &Attack) {
        self.0.entry(kind).or_default().push(format!("{} {}", attack.id, attack.sql));
    }
}

fn list() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("ASKLINE_SHARED_DATA").map_or_else(beside, PathBuf::from).join("guard");
    if root.join("attacks.tsv").exists() {
        return Some(root);
    }
    eprintln!("skipped: {} is not here (set ASKLINE_SHARED_DATA)", root.display());
    None
}

fn attacks(folder: &Path, dialect: Dialect) -> Vec<Attack> {
    let text = std::fs::read_to_string(folder.join("attacks.tsv")).unwrap();
    let attack = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        (fields[1] == dialect.as_str()).then(|| Attack {
            id: fields[0].to_owned(),
            category: fields[2].to_owned(),
            sql: decoded(fields[3]),
        })
    };
    text.lines().skip(1).filter_map(attack).collect()
}

/// The escapes of the list: \n \t \r \\ \xHH.
fn decoded(text: &str) -> String {
    let mut sql = String::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            sql.push(character);
            continue;
        }
        match rest.next().unwrap() {
            'n' => sql.push('\n'),
            't' => sql.push('\t'),
            'r' => sql.push('\r'),
            'x' => {
                let digits: String = rest.by_ref().take(2).collect();
                sql.push(char::from(u8::from_str_radix(&digits, 16).unwrap()));
            }
            other => sql.push(other),
        }
    }
    sql
}

fn shows(result: &ResultSet, text: &str) -> bool {
    result.rows.iter().flatten().any(|cell| matches!(cell, Cell::String(found) if found.contains(text)))
}

async fn all_attacks_come_to_nothing(dialect: Dialect) {
    let Some(folder) = list() else { return };
    let database = Attacked::create(dialect, &folder).await;
    let tried = tokio::spawn(try_all(database.clone(), attacks(&folder, dialect))).await;
    database.remove().await;
    let findings = tried.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()));
    assert!(findings.0.is_empty(), "{:#?}", findings.0);
}

async fn try_all(database: Attacked, attacks: Vec<Attack>) -> Findings {
    let source = database.source().await;
    let namespace = database.own_namespace();
    let reads = Arc::new(Reads::new(OWN.map(|name| (namespace.clone(), name.to_owned()))));
    let before = database.digest().await;
    let settings = database.settings(&*source).await;
    let mut findings = Findings::default();
    let mut accepted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for attack in &attacks {
        let started = Instant::now();
        let outcome = source.query(asked(&database.renamed(&attack.sql), reads.clone())).await;
        if started.elapsed() > TIMEOUT + GRACE {
            findings.add("not ended in time", attack);
        }
        match &outcome {
            Ok(result) => {
                accepted.entry(attack.category.clone()).or_default().push(attack.id.clone());
                judge(&mut findings, attack, result);
            }
            Err(error) if error.to_string().contains(CANARY) => findings.add("rows of others in a message", attack),
            Err(Error::Settings(_) | Error::Login(_) | Error::Unreachable(_)) => findings.add("not sent", attack),
            Err(_) => continue,
        }
        if database.holds_locks().await {
            findings.add("locks that outlive", attack);
        }
        let now = database.settings(&*source).await;
        if now != settings {
            eprintln!("{}: {}", attack.id, changed(&settings, &now));
            findings.add("settings that outlive", attack);
        }
        if database.digest().await != before {
            findings.add("writes", attack);
        }
    }
    let count: usize = accepted.values().map(Vec::len).sum();
    eprintln!(
        "{dialect:?}: {count} of {} accepted past the guard: {accepted:?}",
        attacks.len(),
        dialect = database.dialect()
    );
    // Also what was refused must have left nothing.
    assert_eq!(database.digest().await, before);
    findings
}

fn changed(before: &str, now: &str) -> String {
    let before: Vec<&str> = before.split(',').collect();
    now.split(',').filter(|setting| !before.contains(setting)).collect::<Vec<_>>().join(",")
}

fn judge(findings: &mut Findings, attack: &Attack, result: &ResultSet) {
    if shows(result, CANARY) || attack.category == "other_tenant" {
        findings.add("rows of others", attack);
    }
    let about_files = ["file_read", "copy", "attach", "extension", "large_object"].contains(&attack.category.as_str());
    let is_empty = result.rows.iter().flatten().all(Cell::is_null);
    if shows(result, "root:x:") || (about_files && !is_empty) {
        findings.add("files", attack);
    }
}

fn asked(sql: &str, reads: Arc<Reads>) -> Statement {
    Statement {
        sql: sql.to_owned(),
        timeout: TIMEOUT,
        max_rows: 1_000,
        max_bytes: 1 << 20,
        cancel: CancellationToken::new(),
        reads: Some(reads),
        max_scanned_rows: Some(1_000_000_000),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_the_guard_postgres_lets_no_attack_through() {
    all_attacks_come_to_nothing(Dialect::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_the_guard_mariadb_lets_no_attack_through() {
    all_attacks_come_to_nothing(Dialect::Mysql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_the_guard_sqlite_lets_no_attack_through() {
    all_attacks_come_to_nothing(Dialect::Sqlite).await;
}

/// The bombs of the list, with time and bytes as small as a busy installation would set them.
pub async fn bombs(dialect: Dialect) -> Option<Vec<(String, String)>> {
    let folder = list()?;
    let bombs = attacks(&folder, dialect).into_iter().filter(|attack| attack.category.starts_with("dos_"));
    Some(bombs.map(|attack| (attack.id, attack.sql)).collect())
}

async fn every_bomb_ends(dialect: Dialect) {
    let (Some(folder), Some(bombs)) = (list(), bombs(dialect).await) else { return };
    let database = Attacked::create(dialect, &folder).await;
    let source: Arc<dyn Source> = database.source().await;
    let mut late = Vec::new();
    for (id, sql) in &bombs {
        // Without the gate, so that time, rows and bytes must do it.
        let started = Instant::now();
        let bare = Statement { reads: None, max_scanned_rows: None, ..asked(&database.renamed(sql), Arc::default()) };
        let outcome = source.query(bare).await;
        let bytes =
            outcome.iter().flat_map(|result| &result.rows).flatten().map(|cell| cell.to_string().len()).sum::<usize>();
        if started.elapsed() > TIMEOUT + GRACE || bytes > 2 << 20 {
            late.push(format!("{id} {:?} {bytes}", started.elapsed()));
        }
        if database.holds_locks().await {
            late.push(format!("{id} still runs"));
        }
    }
    database.remove().await;
    assert!(late.is_empty(), "{late:?}");
    assert!(!bombs.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bomb_ends_within_its_limits_in_postgres() {
    every_bomb_ends(Dialect::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bomb_ends_within_its_limits_in_mariadb() {
    every_bomb_ends(Dialect::Mysql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bomb_ends_within_its_limits_in_sqlite() {
    every_bomb_ends(Dialect::Sqlite).await;
}
