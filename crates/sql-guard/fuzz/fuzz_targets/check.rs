//! Any text: what the guard allows is allowed again, and printed the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sql_guard::Policy;
use std::sync::LazyLock;

static POLICIES: LazyLock<Vec<Policy>> = LazyLock::new(|| {
    [
        include_str!("../../../../tests/fixtures/guard/policy.sqlite.json"),
        include_str!("../../../../tests/fixtures/guard/policy.postgres.json"),
        include_str!("../../../../tests/fixtures/guard/policy.mysql.json"),
    ]
    .iter()
    .map(|text| serde_json::from_str::<Policy>(text).unwrap().with_row_limit(None))
    .collect()
});

fuzz_target!(|text: &str| {
    for policy in POLICIES.iter() {
        let Ok(checked) = sql_guard::check(text, policy) else { continue };
        let again = sql_guard::check(&checked.sql, policy);
        assert_eq!(again.map(|again| again.sql), Ok(checked.sql));
    }
});
