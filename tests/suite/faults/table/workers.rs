//! Workers and the API die, stop, hang and panic.

use crate::faults::case::{BOTH, Case, DISTRIBUTED, EMBEDDED, Expect, Row, Step};
use crate::faults::installation::ALL;
use crate::faults::question::Style;
use std::time::Duration;

pub fn rows() -> Vec<Row> {
    vec![
        Row::new("F01", "kill -9 of classify", "each point of a job", classifier_killed()),
        Row::new("F02", "kill -9 of generate_sql", "each point of a job", generator_killed()),
        Row::new("F03", "kill -9 of execute_sql", "each point of a job", executor_killed()),
        Row::new("F05", "kill -9 of reply", "each point of a job", killed("reply")),
        Row::new("F06", "kill -9 of reply", "after some tokens", killed_in_the_middle()),
        Row::new("F07", "kill -9 of an API node", "with open sockets", vec![node_killed()]),
        Row::new("F08", "SIGTERM of each worker", "under load", drained()),
        Row::new("F20", "a worker is frozen and thaws late", "each stage", frozen()),
        Row::new("F21", "a job panics its worker", "each queue", poisoned()),
    ]
}

fn killed_at(kind: &'static str, point: &'static str) -> Case {
    let during = vec![Step::UntilPaused, Step::Kill(kind), Step::Start(kind)];
    Case::new(point, BOTH, during).before(vec![Step::Pause(kind, point)])
}

fn killed(kind: &'static str) -> Vec<Case> {
    ["before_work", "after_commit", "before_ack"].map(|point| killed_at(kind, point)).to_vec()
}

/// Also while its process follows turns of others: five ask each question.
fn classifier_killed() -> Vec<Case> {
    let mut cases = killed("classify");
    cases.push(killed_while_shared("classify"));
    cases
}

/// Those who asked the same hear one run of it, and its worker or theirs dies.
fn killed_while_shared(kind: &'static str) -> Case {
    let during = vec![Step::UntilDeltas(10), Step::Kill(kind), Step::Start(kind)];
    Case::new("five ask the same, after token 10", BOTH, during).asked_by(5).expect(vec![
        Expect::AllAnswered,
        Expect::SomeShared,
        Expect::SomeSecondAttempt,
    ])
}

/// Also where its process goes on with what follows.
fn generator_killed() -> Vec<Case> {
    let dies = [Step::Kill("generate_sql"), Step::Start("generate_sql")];
    let goes_on = |name: &str, until: Step, more: Option<Step>| {
        let during = std::iter::once(until).chain(dies.clone()).collect();
        let before = std::iter::once(Step::Together("generate_sql")).chain(more).collect();
        let however_long = vec![("ASKLINE_WORKERS__GO_ON_MS", "60000".to_owned())];
        let case = Case::new(format!("going on, {name}"), DISTRIBUTED, during).before(before);
        Case { settings: however_long, ..case }.expect(vec![Expect::AllAnswered, Expect::SomeSecondAttempt])
    };
    let committed = goes_on("after_commit", Step::UntilPaused, Some(Step::Pause("generate_sql", "after_commit")));
    let in_the_answer = goes_on("after token 15", Step::UntilDeltas(15), None);
    let mut cases = killed("generate_sql");
    cases.extend([committed, in_the_answer, killed_deferred("generate_sql", "before_work")]);
    cases
}

fn executor_killed() -> Vec<Case> {
    let mut cases = killed("execute_sql");
    cases.extend([killed_at("execute_sql", "in_statement"), killed_deferred("execute_sql", "in_statement")]);
    cases
}

/// Where none of the steps before it is stored, however long they took.
fn killed_deferred(kind: &'static str, point: &'static str) -> Case {
    let settings = vec![("ASKLINE_WORKERS__DEFER_MS", "60000".to_owned())];
    let case = Case { modes: EMBEDDED, name: format!("deferred, {point}"), settings, ..killed_at(kind, point) };
    case.expect(vec![Expect::AllAnswered, Expect::SomeSecondAttempt])
}

/// The answer has about fifty tokens.
fn killed_in_the_middle() -> Vec<Case> {
    let after = |tokens| {
        let during = vec![Step::UntilDeltas(tokens), Step::Kill("reply"), Step::Start("reply")];
        Case::new(format!("after token {tokens}"), BOTH, during)
            .expect(vec![Expect::AllAnswered, Expect::SomeSecondAttempt])
    };
    let mut cases = [1, 15, 30].map(after).to_vec();
    cases.push(killed_while_shared("reply"));
    cases
}

fn node_killed() -> Case {
    let during = vec![
        Step::UntilDeltas(3),
        Step::Kill("api-1"),
        Step::AskMore(20),
        Step::Lasts(Duration::from_secs(2)),
        Step::Start("api-1"),
    ];
    Case::new("mid-stream", DISTRIBUTED, during).expect(vec![Expect::AllAnswered, Expect::NoSecondAttempt])
}

fn drained() -> Vec<Case> {
    let drained = |kind| {
        let during = vec![
            Step::UntilAccepted(50),
            Step::Second(kind),
            Step::Terminate(kind),
            Step::AskMore(20),
            Step::Start(kind),
        ];
        Case::new(kind, DISTRIBUTED, during).expect(vec![Expect::AllAnswered, Expect::NoSecondAttempt])
    };
    let mut cases = ["classify", "generate_sql", "execute_sql", "reply"].map(drained).to_vec();
    let during = vec![Step::UntilAccepted(100), Step::Terminate(ALL), Step::Start(ALL), Step::AskMore(20)];
    let one = Case::new("the one process", EMBEDDED, during);
    cases.push(one.expect(vec![Expect::AllAnswered, Expect::NoSecondAttempt]));
    cases
}

/// Longer than the broker waits for a heartbeat and much longer than a lease; a second worker takes over.
fn frozen() -> Vec<Case> {
    let frozen = |kind| {
        let during = vec![
            Step::UntilAccepted(10),
            Step::Signal(kind, "STOP"),
            Step::Second(kind),
            Step::AskMore(50),
            Step::Lasts(Duration::from_secs(45)),
            Step::Signal(kind, "CONT"),
        ];
        Case::new(kind, DISTRIBUTED, during)
    };
    let mut cases = ["classify", "generate_sql", "execute_sql", "reply"].map(frozen).to_vec();
    let during = vec![
        Step::UntilAccepted(80),
        Step::Signal(ALL, "STOP"),
        Step::AskMore(20),
        Step::Lasts(Duration::from_secs(45)),
        Step::Signal(ALL, "CONT"),
    ];
    cases.push(Case::new("the one process", EMBEDDED, during));
    cases
}

/// One question in five is poison; the others are answered meanwhile.
fn poisoned() -> Vec<Case> {
    let poisoned = |kind| {
        Case::new(kind, BOTH, vec![Step::UntilEnded(100), Step::StartWith(kind, Vec::new())])
            .asking(&[Style::Paced, Style::Paced, Style::Paced, Style::Paced, Style::Plain])
            .before(vec![Step::Poison(kind)])
            .expect(vec![
                Expect::Codes(&["attempts_used_up"]),
                Expect::Answered(75),
                Expect::Faster(Style::Paced, Style::Plain),
            ])
    };
    ["classify", "generate_sql", "execute_sql", "reply"].map(poisoned).to_vec()
}
