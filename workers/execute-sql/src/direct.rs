//! Statements that a program wrote: never corrected, and their rows are the answer.

use contracts::ResultSet;
use contracts::job::Direct;
use sql_guard::Checked;
use std::time::Duration;
use worker_kit::{Ctx, Done, Ending};

/// Rows that are kept: what is wanted, within what is allowed.
pub fn rows_of(direct: Option<Direct>, allowed: usize) -> usize {
    let wanted = direct.and_then(|direct| direct.max_rows).and_then(|rows| usize::try_from(rows).ok());
    wanted.map_or(allowed, |wanted| wanted.min(allowed))
}

/// Time that a statement may take: what is wanted, within what is allowed.
pub fn time_of(direct: Option<Direct>, allowed: Duration) -> Duration {
    let wanted = direct.and_then(|direct| direct.timeout_ms).map(Duration::from_millis);
    wanted.map_or(allowed, |wanted| wanted.min(allowed))
}

/// Whether the statement is only planned.
pub fn is_dry(direct: Option<Direct>) -> bool {
    direct.is_some_and(|direct| direct.dry_run)
}

/// The turn ends with rows. There is no text about them: whoever asked reads rows.
pub fn answered(ctx: &Ctx, checked: Checked, rows: ResultSet, detail: String) -> Done {
    Done::end(Ending::answered("", checked.sql, ctx.result_id()), detail).with_result(rows)
}

/// The turn ends with the statement as it would run.
pub fn planned(checked: Checked) -> Done {
    Done::end(Ending::planned(checked.sql), "planned, not run")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direct(max_rows: Option<u64>, timeout_ms: Option<u64>) -> Option<Direct> {
        Some(Direct { max_rows, timeout_ms, dry_run: false })
    }

    #[test]
    fn what_is_wanted_only_lowers_what_is_allowed() {
        for (wanted, kept) in [(None, 100), (Some(7), 7), (Some(0), 0), (Some(u64::MAX), 100)] {
            assert_eq!(rows_of(direct(wanted, None), 100), kept, "{wanted:?}");
        }
        let second = Duration::from_secs(1);
        for (wanted, allowed) in [(None, second), (Some(20), Duration::from_millis(20)), (Some(u64::MAX), second)] {
            assert_eq!(time_of(direct(None, wanted), second), allowed, "{wanted:?}");
        }
        assert_eq!((rows_of(None, 9), time_of(None, second)), (9, second));
    }
}
