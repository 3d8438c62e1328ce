//! Statements that are too long or too deep are refused, not crashed on.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

mod common;

use common::{is_stable, printed, shop, verdict};
use contracts::Dialect;

/// Three quarters of the stack of a worker's thread.
const STACK: usize = 1536 * 1024;

fn on_a_small_stack(sql: String, expected: &'static str) {
    let run = move || {
        for dialect in common::DIALECTS {
            assert_eq!(verdict(&sql, &shop(dialect)), expected, "{}", &sql[..80]);
        }
    };
    std::thread::Builder::new().stack_size(STACK).spawn(run).unwrap().join().unwrap();
}

#[test]
fn long_chains_are_walked() {
    on_a_small_stack(format!("SELECT 1{}", " + 1".repeat(380)), "allowed");
    on_a_small_stack(format!("SELECT id FROM orders WHERE id = 1{}", " OR id = 2".repeat(375)), "allowed");
    on_a_small_stack(format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(380)), "allowed");
    on_a_small_stack(format!("SELECT 1{}", " IS NULL".repeat(90)), "allowed");
    on_a_small_stack(format!("SELECT id FROM orders WHERE id IN (1{})", ", 2".repeat(9_000)), "allowed");
}

#[test]
fn longer_chains_are_refused() {
    on_a_small_stack(format!("SELECT 1{}", " + 1".repeat(5_900)), "too_complex");
    on_a_small_stack(format!("SELECT 1{}", " + 1".repeat(20_000)), "too_complex");
    on_a_small_stack(format!("SELECT 1{}", " IS NULL".repeat(2_900)), "too_complex");
    on_a_small_stack(format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(1_400)), "too_complex");
    on_a_small_stack(format!("SELECT {}1{}", "(".repeat(2_000), ")".repeat(2_000)), "too_complex");
    on_a_small_stack(format!("SELECT {}1", "NOT ".repeat(5_000)), "syntax");
    on_a_small_stack(format!("SELECT {}1{}", "(SELECT ".repeat(1_900), ")".repeat(1_900)), "too_complex");
    on_a_small_stack(format!("SELECT '{}'", "x".repeat(200_000)), "too_complex");
}

#[test]
fn honest_nesting_is_read() {
    for dialect in [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql] {
        let policy = shop(dialect);
        let nested = format!("SELECT * FROM {}orders{}", "(SELECT * FROM ".repeat(15), ") t".repeat(15));
        assert!(is_stable(&printed(&nested, &policy), &policy));
        let parentheses = format!("SELECT {}1{}", "(".repeat(30), ")".repeat(30));
        assert!(is_stable(&printed(&parentheses, &policy), &policy));
    }
}

/// A parser that tries again at every level needs years for these.
#[test]
fn nesting_does_not_take_exponential_time() {
    for (open, close) in [
        ("(", ")"),
        ("INTERVAL ", " DAY"),
        ("INTERVAL (", ") DAY_HOUR"),
        ("BINARY ", ""),
        ("NOT ", ""),
        ("- ", ""),
        ("CASE WHEN ", " THEN 1 END"),
        ("CASE ", " WHEN 1 THEN 1 END"),
        ("(SELECT ", ")"),
        ("(VALUES (", "))"),
        ("abs(", ")"),
        ("CAST(", " AS CHAR)"),
        ("(1, ", ")"),
        ("EXISTS (SELECT ", ")"),
        ("1 IN (", ")"),
        ("1 BETWEEN ", " AND 1"),
        ("count(*) FILTER (WHERE ", ")"),
        ("sum(1) OVER (ORDER BY ", ")"),
        ("ARRAY[", "]"),
        ("EXTRACT(YEAR FROM ", ")"),
        ("SUBSTRING(", " FROM 1)"),
        ("TRIM(", ")"),
        ("date ", ""),
        ("{fn abs(", ")}"),
    ] {
        for depth in [20, 40, 90, 200] {
            let sql = format!("SELECT {}1{}", open.repeat(depth), close.repeat(depth));
            for dialect in common::DIALECTS {
                let started = std::time::Instant::now();
                verdict(&sql, &shop(dialect));
                assert!(started.elapsed().as_secs() < 5, "{open} {depth} {}", dialect.as_str());
            }
        }
    }
    for depth in [20, 40, 90] {
        for (open, close) in [("(SELECT * FROM ", ") t"), ("(", ")"), ("(orders JOIN ", " ON 1 = 1)")] {
            let sql = format!("SELECT * FROM {}orders{}", open.repeat(depth), close.repeat(depth));
            for dialect in common::DIALECTS {
                let started = std::time::Instant::now();
                verdict(&sql, &shop(dialect));
                assert!(started.elapsed().as_secs() < 5, "FROM {open} {depth} {}", dialect.as_str());
            }
        }
    }
}
