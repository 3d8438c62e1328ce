//! Statements that are too long or too deep are refused, not crashed on.

mod common;

use common::{is_stable, printed, shop, verdict};
use contracts::Dialect;

/// The stack of a worker's thread.
const STACK: usize = 2 * 1024 * 1024;

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
    on_a_small_stack(format!("SELECT 1{}", " + 1".repeat(900)), "allowed");
    on_a_small_stack(format!("SELECT id FROM orders WHERE id = 1{}", " OR id = 2".repeat(450)), "allowed");
    on_a_small_stack(format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(400)), "allowed");
    on_a_small_stack(format!("SELECT id FROM orders WHERE id IN (1{})", ", 2".repeat(9_000)), "allowed");
}

#[test]
fn longer_chains_are_refused() {
    on_a_small_stack(format!("SELECT 1{}", " + 1".repeat(5_900)), "too_complex");
    on_a_small_stack(format!("SELECT 1{}", " + 1".repeat(20_000)), "too_complex");
    on_a_small_stack(format!("SELECT 1{}", " IS NULL".repeat(2_900)), "too_complex");
    on_a_small_stack(format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(1_400)), "too_complex");
    on_a_small_stack(format!("SELECT {}1{}", "(".repeat(2_000), ")".repeat(2_000)), "too_complex");
    on_a_small_stack(format!("SELECT {}1", "NOT ".repeat(5_000)), "too_complex");
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
