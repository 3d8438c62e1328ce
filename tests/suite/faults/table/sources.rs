//! The tenants' databases go away, kill statements, and take too long.

use crate::faults::case::{BOTH, Case, Expect, Net, Row, Step};
use crate::faults::question::Style;
use crate::faults::tenants::READER_PASSWORD;
use std::time::Duration;

pub fn rows() -> Vec<Row> {
    vec![
        Row::new("F17", "a tenant's database is down", "execute_sql", vec![down()]),
        Row::new("F18", "a tenant's database ends statements", "execute_sql", vec![ended()]),
        Row::new("F30", "slow statements and millions of rows", "execute_sql", vec![too_slow(), bomb()]),
        Row::new("F47", "keys and passwords are wrong", "execute_sql, language model", vec![rotated(), key_wrong()]),
    ]
}

fn down() -> Case {
    Case::new("of one tenant", BOTH, vec![Step::UntilEnded(100)])
        .before(vec![Step::Source(0, Net::Refuse)])
        .expect(vec![Expect::Codes(&["database_unavailable"]), Expect::TenantAnswered(1), Expect::Answered(50)])
}

fn ended() -> Case {
    let during = vec![Step::UntilAccepted(100), Step::Lasts(Duration::from_millis(2_500)), Step::EndBackends];
    Case::new("mid-query", BOTH, during)
        .asking(&[Style::SlowSql])
        .expect(vec![Expect::Codes(&["database_unavailable", "database_error"])])
}

fn too_slow() -> Case {
    Case::new("slow statement", BOTH, vec![Step::UntilEnded(100), Step::NothingRuns])
        .asking(&[Style::Paced, Style::Paced, Style::Paced, Style::Paced, Style::TooSlowSql])
        .expect(vec![Expect::Answered(75), Expect::Faster(Style::Paced, Style::TooSlowSql)])
}

fn bomb() -> Case {
    Case::new("row bomb", BOTH, vec![Step::UntilEnded(100), Step::NothingRuns]).asking(&[Style::Paced, Style::Bomb])
}

fn rotated() -> Case {
    let during = vec![Step::UntilEnded(100), Step::ReaderPassword(READER_PASSWORD)];
    Case::new("database password", BOTH, during).before(vec![Step::ReaderPassword("another")]).expect(vec![
        Expect::NoneAnswered,
        Expect::NothingExecuted,
        Expect::CallsAtMost(8),
    ])
}

fn key_wrong() -> Case {
    use crate::faults::llm::Mood;
    let refuse = |which| Step::Llm(which, Mood::Status(401));
    Case::new("key of the language model", BOTH, vec![Step::UntilEnded(100)])
        .before(vec![refuse(0), refuse(1)])
        .expect(vec![Expect::NoneAnswered, Expect::CallsAtMost(2), Expect::NothingExecuted])
}
