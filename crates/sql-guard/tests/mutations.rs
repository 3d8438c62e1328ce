//! Statements made wrong at random. Whatever the guard allows prints stably, and touches nothing but the policy's tables
//! as SQLite's authorizer sees it. `ASKLINE_FUZZ_SECONDS` says how long; without it a bounded count is tried.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

mod common;
mod random;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{DIALECTS, lines, shared, shop};
use contracts::Dialect;
use random::Random;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use sql_guard::Policy;

const COUNT: usize = 3_000;

/// Words that attacks are made of.
const PIECES: [&str; 46] = [
    " UNION SELECT * FROM api_keys ",
    " api_keys ",
    " shop_b_customers ",
    " sqlite_master ",
    " main. ",
    " temp. ",
    "\"",
    "'",
    "`",
    "[",
    "]",
    "(",
    ")",
    " (SELECT secret FROM api_keys) ",
    "--",
    "/*",
    "*/",
    ";",
    ",",
    " WITH api_keys AS (SELECT 1) ",
    " RECURSIVE ",
    " AS ",
    " IN api_keys ",
    " NATURAL JOIN api_keys ",
    " LEFT JOIN ",
    " ON 1 ",
    " EXISTS ",
    " v_cross ",
    " load_extension('x') ",
    " pragma_table_info('api_keys') ",
    " COLLATE NOCASE ",
    " LIMIT ",
    " ORDER BY ",
    " VALUES ",
    " \"secret\" ",
    " .5 ",
    " x'41' ",
    " E'\\''",
    " $$ ",
    " U&'\\0041' ",
    " {fn abs(1)} ",
    " ISNULL ",
    " NOT INDEXED ",
    " TABLE orders ",
    " := ",
    "\u{e0f1}",
];

/// A database that notes which tables a statement reads.
struct Watched {
    database: rusqlite::Connection,
    read: Arc<Mutex<Vec<String>>>,
}

impl Watched {
    fn new() -> Option<Self> {
        let fixture = std::fs::read_to_string(shared("guard/fixture.sqlite.sql")?).unwrap();
        let database = rusqlite::Connection::open_in_memory().unwrap();
        database.execute_batch(&fixture).unwrap();
        let read = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&read);
        let watch = move |context: AuthContext<'_>| {
            match context.action {
                AuthAction::Read { table_name, .. } => noted.lock().unwrap().push(table_name.to_owned()),
                AuthAction::Select | AuthAction::Recursive => {}
                AuthAction::Function { function_name } => noted.lock().unwrap().push(format!("{function_name}()")),
                other => noted.lock().unwrap().push(format!("{other:?}")),
            }
            Authorization::Allow
        };
        database.authorizer(Some(watch)).unwrap();
        Some(Self { database, read })
    }

    /// What it touches, where it can be prepared at all.
    fn touched(&self, sql: &str) -> Vec<String> {
        self.read.lock().unwrap().clear();
        drop(self.database.prepare(sql));
        self.read.lock().unwrap().clone()
    }
}

const FORBIDDEN: [&str; 4] = ["load_extension()", "sqlite_version()", "randomblob()", "zeroblob()"];

/// The tables of somebody else.
const FOREIGN: [&str; 3] = ["api_keys", "shop_b_customers", "v_cross"];

fn is_permitted(touched: &str, policy: &Policy) -> bool {
    match touched.strip_suffix("()") {
        Some(_) => !FORBIDDEN.contains(&touched),
        // Subqueries and common table expressions are named too, by names of their own.
        None => {
            let listed = policy.tables().iter().any(|table| table.name.eq_ignore_ascii_case(touched));
            let lower = touched.to_lowercase();
            let own = lower.starts_with("sqlite_") || lower.starts_with("pragma_");
            listed || !(own || FOREIGN.contains(&lower.as_str()) || touched.contains('{'))
        }
    }
}

fn corpus() -> Vec<(String, Dialect)> {
    let mut all = Vec::new();
    for file in ["guard/attacks.tsv", "guard/legit.tsv"] {
        let Some(path) = shared(file) else { continue };
        for line in lines(&path) {
            all.push((line.sql, Dialect::parse(&line.dialect).unwrap_or(Dialect::Sqlite)));
        }
    }
    for file in ["attacks.tsv", "legit.tsv"] {
        for line in std::fs::read_to_string(common::fixture(file)).unwrap().lines().skip(1) {
            let fields: Vec<&str> = line.split('\t').collect();
            let dialect = Dialect::parse(fields[1]).unwrap_or(Dialect::Sqlite);
            all.push((common::decoded(fields[fields.len() - 1]), dialect));
        }
    }
    all
}

fn mutated(random: &mut Random, corpus: &[(String, Dialect)]) -> String {
    let mut text = corpus[random.below(corpus.len())].0.clone();
    for _ in 0..=random.below(4) {
        let at = boundary(&text, random.below(text.len() + 1));
        match random.below(5) {
            0 => text.insert_str(at, PIECES[random.below(PIECES.len())]),
            1 => {
                let end = boundary(&text, at + random.below(8));
                text.replace_range(at..end, "");
            }
            2 => {
                let other = &corpus[random.below(corpus.len())].0;
                let cut = boundary(other, random.below(other.len() + 1));
                text.replace_range(at.., &other[cut..]);
            }
            3 => {
                let end = boundary(&text, at + random.below(20));
                let copy = text[at..end].to_owned();
                text.insert_str(at, &copy);
            }
            _ => {
                let end = boundary(&text, at + random.below(6));
                text.replace_range(at..end, PIECES[random.below(PIECES.len())]);
            }
        }
    }
    text
}

fn boundary(text: &str, at: usize) -> usize {
    (at.min(text.len())..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

#[test]
fn what_is_allowed_of_mutated_statements_is_stable_and_touches_only_the_policys_tables() {
    let Some(watched) = Watched::new() else { return };
    let policies = DIALECTS.map(shop);
    let corpus = corpus();
    let seconds: Option<u64> = std::env::var("ASKLINE_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let seed = std::env::var("ASKLINE_FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let started = Instant::now();
    let mut random = Random::new(seed);
    let (mut tried, mut allowed) = (0, 0);
    while seconds.map_or(tried < COUNT, |seconds| started.elapsed() < Duration::from_secs(seconds)) {
        let sql = mutated(&mut random, &corpus);
        tried += 1;
        for policy in &policies {
            let Ok(checked) = sql_guard::check(&sql, policy) else { continue };
            allowed += 1;
            match sql_guard::check(&checked.sql, policy) {
                Ok(again) => assert_eq!(again.sql, checked.sql, "{sql:?} is not stable"),
                Err(refusal) => panic!("{sql:?} prints {:?}, which is refused: {refusal}", checked.sql),
            }
            if policy.dialect() == Dialect::Sqlite {
                let touched = watched.touched(&checked.sql);
                let foreign: Vec<&String> = touched.iter().filter(|name| !is_permitted(name, policy)).collect();
                assert!(foreign.is_empty(), "{sql:?}\nprints {:?}\nand touches {foreign:?}", checked.sql);
            }
        }
    }
    println!("{tried} mutated statements, {allowed} allowed, in {:?}", started.elapsed());
    assert!(allowed > tried / 20, "too few are allowed to say much: {allowed} of {tried}");
}
