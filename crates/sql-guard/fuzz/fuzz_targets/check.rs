//! Any text, as a query and as a change: what the guard allows is allowed again, printed the same, and touches nothing but
//! the policy's tables as SQLite sees it. `tests/mutations.rs` asks the same of statements made wrong at random.
#![no_main]

#[path = "../../tests/oracle/mod.rs"]
mod oracle;

use libfuzzer_sys::fuzz_target;
use oracle::Oracle;

thread_local! {
    static ORACLE: Oracle = Oracle::new(
        [
            include_str!("../../../../tests/fixtures/guard/policy.sqlite.json"),
            include_str!("../../../../tests/fixtures/guard/policy.postgres.json"),
            include_str!("../../../../tests/fixtures/guard/policy.mysql.json"),
        ]
        .map(|text| serde_json::from_str::<sql_guard::Policy>(text).unwrap().with_row_limit(None))
        .to_vec(),
    );
}

fuzz_target!(|text: &str| {
    ORACLE.with(|oracle| oracle.examine(text));
});
