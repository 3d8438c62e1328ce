//! What people are told of a change of data.

use contracts::ChangeKind;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// What a change would do: `change 3 rows of orders`.
pub fn intention(kind: ChangeKind, rows: u64, table: &str) -> String {
    let rows = counted(rows);
    match kind {
        ChangeKind::Insert => format!("add {rows} to {table}"),
        ChangeKind::Update => format!("change {rows} of {table}"),
        ChangeKind::Delete => format!("delete {rows} of {table}"),
    }
}

/// Asks for approval. `turn` is the response that is approved.
pub fn request(kind: ChangeKind, rows: u64, table: &str, turn: &str, left_ms: i64) -> String {
    format!(
        "This would {}. Nothing is changed yet: a person with the right to can approve or decline it within {}, on this \
         page or with `askline approval approve {turn}`.",
        intention(kind, rows, table),
        span(left_ms)
    )
}

/// What was done.
pub fn done(kind: ChangeKind, rows: u64, table: &str) -> String {
    let verb = if rows == 1 { "was" } else { "were" };
    let rows = counted(rows);
    match kind {
        ChangeKind::Insert => format!("Done: {rows} {verb} added to {table}."),
        ChangeKind::Update => format!("Done: {rows} of {table} {verb} changed."),
        ChangeKind::Delete => format!("Done: {rows} of {table} {verb} deleted."),
    }
}

fn counted(rows: u64) -> String {
    match rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    }
}

/// A time span in the largest unit that it fills, rounded down.
fn span(ms: i64) -> String {
    let (count, unit) = match ms {
        DAY_MS.. => (ms / DAY_MS, "day"),
        HOUR_MS.. => (ms / HOUR_MS, "hour"),
        _ => ((ms / MINUTE_MS).max(1), "minute"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_what_would_happen_and_how_to_answer() {
        let text = request(ChangeKind::Update, 3, "public.orders", "resp_1", 7 * DAY_MS);
        assert!(text.starts_with("This would change 3 rows of public.orders. Nothing is changed yet"), "{text}");
        assert!(text.contains("within 7 days") && text.contains("askline approval approve resp_1"), "{text}");
    }

    #[test]
    fn rows_and_times_are_counted_as_people_do() {
        assert_eq!(intention(ChangeKind::Insert, 1, "orders"), "add 1 row to orders");
        assert_eq!(done(ChangeKind::Delete, 1, "orders"), "Done: 1 row of orders was deleted.");
        assert_eq!(done(ChangeKind::Insert, 2, "orders"), "Done: 2 rows were added to orders.");
        let spans =
            [(DAY_MS, "1 day"), (47 * HOUR_MS, "1 day"), (HOUR_MS, "1 hour"), (90_000, "1 minute"), (0, "1 minute")];
        for (ms, said) in spans {
            assert_eq!(span(ms), said);
        }
    }
}
