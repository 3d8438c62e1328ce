//! Messages come twice, broken, too large, from another release; clients repeat themselves and change their minds.

use crate::faults::actions::bad_bodies_in_all;
use crate::faults::case::{BOTH, Case, DISTRIBUTED, EMBEDDED, Expect, Row, Step};
use crate::faults::question::Style;
use std::time::Duration;

pub fn rows() -> Vec<Row> {
    vec![
        Row::new("F19", "every job is delivered twice", "each queue", vec![twice()]),
        Row::new("F22", "messages that cannot be read", "each queue, the API", vec![unreadable(), bad_input()]),
        Row::new("F23", "messages of 10 MB", "queue, API, language model, result", large()),
        Row::new("F39", "access is taken away", "while jobs run", access_taken_away()),
        Row::new("F40", "the same key again", "the API", vec![same_key()]),
        Row::new("F41", "cancelled mid-stream", "the API", vec![cancelled()]),
        Row::new("F44", "one tenant floods the queue", "the API", vec![flood()]),
        Row::new("F45", "messages of a later release", "each queue", later_release()),
    ]
}

/// While they run, at once after, and once more later. An hour is not waited for: the ledger forgets nothing by time.
fn twice() -> Case {
    let during = vec![
        Step::UntilEnded(20),
        Step::Republish,
        Step::UntilEnded(100),
        Step::Republish,
        Step::Lasts(Duration::from_secs(10)),
        Step::Republish,
    ];
    Case::new("verbatim", DISTRIBUTED, during).before(vec![Step::Tap]).expect(vec![
        Expect::AllAnswered,
        Expect::CallsAtMost(3),
        Expect::NoSecondAttempt,
    ])
}

fn unreadable() -> Case {
    let during = vec![Step::UntilAccepted(50), Step::PublishBad, Step::AskMore(20)];
    let case = Case::new("in each queue", DISTRIBUTED, during);
    Case { dead_expected: bad_bodies_in_all(), ..case }
        .expect(vec![Expect::AllAnswered, Expect::Dead(bad_bodies_in_all())])
}

fn bad_input() -> Case {
    Case::new("at the API", BOTH, vec![Step::UntilAccepted(50), Step::BadInput])
}

/// Queues and the API are in F22; here the language model and the result.
fn large() -> Vec<Case> {
    use crate::faults::llm::Mood;
    let of_model = Case::new("from the language model", BOTH, vec![Step::UntilEnded(100)])
        .before(vec![Step::Llm(0, Mood::TenMegabytes)]);
    let result = Case::new("result", BOTH, vec![Step::UntilEnded(100)]).asking(&[Style::Bomb]);
    vec![of_model, result]
}

/// What has run may be told; no statement begins any more, also not of questions that were taken before.
fn access_taken_away() -> Vec<Case> {
    let one = vec![Step::UntilAccepted(50), Step::Access(0, false), Step::UntilEnded(100), Step::Access(0, true)];
    let one = Case::new("of one of two", BOTH, one);
    let before_any_statement = vec![
        Step::UntilAccepted(100),
        Step::Access(0, false),
        Step::Access(1, false),
        Step::Start("execute_sql"),
        Step::UntilEnded(100),
        Step::Access(0, true),
        Step::Access(1, true),
    ];
    let both = Case::new("before any statement", DISTRIBUTED, before_any_statement);
    vec![
        one.expect(vec![Expect::TenantAnswered(1), Expect::Codes(&["forbidden"])]),
        both.before(vec![Step::Terminate("execute_sql")]).expect(vec![
            Expect::NoneAnswered,
            Expect::Codes(&["forbidden"]),
            Expect::NothingExecuted,
        ]),
    ]
}

fn same_key() -> Case {
    Case::new("parallel, again, other text", BOTH, vec![Step::UntilAccepted(50), Step::SameKey, Step::SameKey])
}

fn cancelled() -> Case {
    Case::new("mid-stream", BOTH, vec![Step::UntilEnded(100), Step::NothingRuns])
        .asking(&[Style::Cancelled])
        .expect(vec![Expect::AllIncomplete])
}

/// The others ask the same before and beside the flood. The flood is ten times the questions: more than its line takes.
fn flood() -> Case {
    let during = vec![
        Step::UntilEnded(100),
        Step::AskAs(1, 8, Style::Paced),
        Step::UntilEnded(108),
        Step::AskAs(0, 1_000, Style::Plain),
        Step::UntilRefused(10),
        Step::AskAs(1, 8, Style::Beside),
        Step::UntilEnded(1_110),
    ];
    let admission = "{share=4,window=64,max_waiting=100,deadline_s=0}".to_owned();
    let case = Case::new("ten times the questions", BOTH, during);
    let case = case.asking(&[Style::Plain]);
    Case { settings: vec![("ASKLINE_ADMISSION__INTERACTIVE", admission)], ..case }.expect(vec![
        Expect::AllAnswered,
        Expect::SomeRefused,
        Expect::NotHeldUp(1, Style::Paced, Style::Beside),
    ])
}

const KINDS: [&str; 4] = ["classify", "generate_sql", "execute_sql", "reply"];

/// Fields that this release does not know, in envelope, meta and job.
fn later_release() -> Vec<Case> {
    let mut cases = vec![in_the_queues()];
    cases.extend(KINDS.map(in_the_journal));
    cases
}

/// In every job of every question.
fn in_the_queues() -> Case {
    let during = KINDS.iter().flat_map(|kind| [Step::AddFields(kind), Step::Start(kind)]);
    Case::new("unknown fields", DISTRIBUTED, during.collect())
        .before(KINDS.map(Step::Terminate).to_vec())
        .expect(vec![Expect::AllAnswered, Expect::NoSecondAttempt])
}

/// In the jobs that the one process left when it died, one of this kind among them: it must not have gone on with it.
fn in_the_journal(kind: &'static str) -> Case {
    let during = vec![Step::UntilPaused, Step::Kill(kind), Step::LaterReleaseWrote(kind), Step::Start(kind)];
    let case = Case::new(format!("{kind}, unknown fields"), EMBEDDED, during)
        .before(vec![Step::Pause(kind, "before_work"), Step::LaterReleaseWrites]);
    Case { settings: vec![("ASKLINE_WORKERS__GO_ON_MS", "0".to_owned())], ..case }
}
