use contracts::ResultSet;
use ports::audit::verdict;
use ports::source::Error;

/// What the audit says of a statement that has run: the verdict, and its rows where it gave any.
pub(crate) fn of(ran: &Result<ResultSet, Error>) -> (&'static str, Option<u64>) {
    (verdict_of(ran), ran.as_ref().ok().map(|rows| rows.rows.len() as u64))
}

/// The verdict alone.
pub(crate) fn verdict_of<T>(ran: &Result<T, Error>) -> &'static str {
    match ran {
        Ok(_) => verdict::DONE,
        Err(Error::Cancelled) => verdict::CANCELLED,
        Err(Error::Interrupted(_)) => verdict::INTERRUPTED,
        Err(Error::TimedOut(_)) => verdict::TIMED_OUT,
        Err(Error::TooExpensive(_)) => verdict::TOO_EXPENSIVE,
        Err(_) => verdict::FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn the_record_says_how_a_statement_ended() {
        let rows = ResultSet { columns: Vec::new(), rows: vec![vec![json!(1)], vec![json!(2)]], truncated: true };
        assert_eq!(of(&Ok(rows)), ("done", Some(2)));
        let cases = [
            (Error::Cancelled, "cancelled"),
            (Error::Interrupted("gone".into()), "interrupted"),
            (Error::TimedOut(Duration::from_secs(1)), "timed_out"),
            (Error::TooExpensive("much".into()), "too_expensive"),
            (Error::Statement("no such column".into()), "failed"),
            (Error::Unreachable("refused".into()), "failed"),
        ];
        for (error, verdict) in cases {
            assert_eq!(of(&Err(error)), (verdict, None));
        }
    }
}
