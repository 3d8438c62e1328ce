//! Statements made wrong at random. Whatever the guard allows prints stably, and touches nothing but the policy's tables
//! as SQLite's authorizer sees it. `ASKLINE_FUZZ_SECONDS` says how long; without it a bounded count is tried.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

mod common;
mod oracle;
mod random;

use std::time::{Duration, Instant};

use common::{DIALECTS, lines, shared, shop};
use contracts::Dialect;
use oracle::Oracle;
use random::Random;

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

/// Changes to begin with.
const CHANGES: [&str; 8] = [
    "UPDATE orders SET status = 'open', total = total + 1 WHERE id = 5",
    "UPDATE customers SET notes = upper(name) WHERE city IN (SELECT city FROM customers WHERE id = 2)",
    "UPDATE orders AS o SET total = (SELECT max(total) FROM orders) WHERE o.customer_id = 3 AND status <> 'open'",
    "DELETE FROM events WHERE created_at < '2026-01-01'",
    "DELETE FROM order_items WHERE order_id IN (SELECT id FROM orders WHERE status = 'cancelled')",
    "INSERT INTO customers (id, name, email) VALUES (100, 'Ann', 'ann@example.org')",
    "INSERT INTO products (id, sku, name) SELECT id + 1000, sku, name FROM products WHERE price > 10",
    "INSERT INTO tickets (id, subject) VALUES (1, 'a'), (2, 'b')",
];

fn corpus() -> Vec<(String, Dialect)> {
    let mut all = Vec::new();
    for sql in CHANGES {
        all.push((sql.to_owned(), Dialect::Sqlite));
    }
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
    let oracle = Oracle::new(DIALECTS.map(shop).to_vec());
    let corpus = corpus();
    let seconds: Option<u64> = std::env::var("ASKLINE_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let seed = std::env::var("ASKLINE_FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let started = Instant::now();
    let mut random = Random::new(seed);
    let (mut tried, mut allowed) = (0, 0);
    while seconds.map_or(tried < COUNT, |seconds| started.elapsed() < Duration::from_secs(seconds)) {
        allowed += oracle.examine(&mutated(&mut random, &corpus));
        tried += 1;
    }
    println!("{tried} mutated statements, {allowed} allowed, in {:?}", started.elapsed());
    assert!(allowed > tried / 20, "too few are allowed to say much: {allowed} of {tried}");
}

/// The oracle is no yes-man.
#[test]
fn what_a_guard_would_have_to_refuse_is_seen() {
    let oracle = Oracle::new(DIALECTS.map(shop).to_vec());
    assert_eq!(oracle.examine("SELECT * FROM orders"), 3);
    assert_eq!(oracle.examine("UPDATE orders SET status = 'x' WHERE id = 1"), 3);
    assert_eq!(oracle.examine("DELETE FROM api_keys WHERE secret = 'x'"), 0);
    assert_eq!(oracle.foreign_in("SELECT secret FROM api_keys"), ["api_keys"]);
    assert_eq!(oracle.foreign_in("SELECT COUNT(*) FROM api_keys"), ["api_keys"]);
    assert_eq!(oracle.foreign_in("WITH api_keys AS (SELECT 1) SELECT id FROM orders, api_keys"), [""; 0]);
    let both = "SELECT (WITH api_keys AS (SELECT 1) SELECT COUNT(*) FROM api_keys) FROM api_keys";
    assert_eq!(oracle.foreign_in(both), ["api_keys"], "one of them is the table");
    assert_eq!(oracle.foreign_in("SELECT name FROM sqlite_master"), ["sqlite_master"]);
    let through_a_view = oracle.foreign_in("SELECT id FROM orders WHERE id IN (SELECT id FROM v_cross)");
    assert_eq!(through_a_view, ["shop_b_customers", "v_cross"]);
    assert!(oracle.foreign_in("DELETE FROM orders WHERE id = 1").contains(&"->orders".to_owned()));
    assert!(oracle.foreign_in("DROP TABLE orders").iter().any(|touched| touched.contains("DropTable")));
}
