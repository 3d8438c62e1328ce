//! The broker, Redis and the app store stop, die, fill up and forget.

use crate::faults::case::{BOTH, Case, DISTRIBUTED, EMBEDDED, Expect, Net, Row, Server, Step, Whose};
use crate::faults::installation::Link;
use crate::faults::question::Style;
use std::time::Duration;

pub fn rows() -> Vec<Row> {
    vec![
        Row::new("F09", "the broker restarts", "under load", vec![broker(Step::StopServer(Server::Broker))]),
        Row::new("F10", "kill -9 of the broker", "under load", killed_and_wiped()),
        Row::new("F11", "the broker is out of reach", "when asked", vec![unreachable()]),
        Row::new("F12", "the broker closes the channel of a long job", "reply", vec![consumer_timeout()]),
        Row::new("F13", "Redis restarts, empty", "mid-stream", vec![redis_restarts()]),
        Row::new("F14", "Redis FLUSHALL", "mid-stream", flushed()),
        Row::new("F15", "Redis is down for 60 s, or full", "under load", vec![redis_down(), redis_full()]),
        Row::new("F16", "the app store restarts, or takes no writes", "each stage", store_restarts()),
        Row::new("CLUSTER", "a node of three dies and comes back; Redis fails over", "under load", cluster()),
        Row::new("F33", "the disk is full", "broker, app store, the one process's files", disk_full()),
        Row::new("F34", "memory alarm at the broker", "under load", vec![alarm()]),
        Row::new("F46", "started before the store", "start-up", vec![started_first()]),
        Row::new("F48", "the audit table takes no rows", "execute_sql", audit_down()),
    ]
}

fn broker(end: Step) -> Case {
    let during = vec![
        Step::UntilAccepted(60),
        end,
        Step::AskMore(20),
        Step::Lasts(Duration::from_secs(4)),
        Step::StartServer(Server::Broker),
    ];
    Case::new("under load", DISTRIBUTED, during)
}

fn killed_and_wiped() -> Vec<Case> {
    let accepted = Step::UntilAccepted;
    let kill = || Step::KillServer(Server::Broker);
    let gone = |name, modes, during| {
        let settings = vec![("ASKLINE_WORKERS__LOST_AFTER_S", "3".to_owned())];
        Case { settings, ..Case::new(name, modes, during) }
    };
    // Some jobs wait for one worker, and the first ones of others for another: the broker alone has them.
    let (last_to_begin, first_to_go) = ("classify", "generate_sql");
    let before = vec![Step::Terminate(first_to_go)];
    let held = vec![accepted(60), Step::Terminate(last_to_begin), Step::AskMore(40), accepted(90)];
    let lost = vec![kill(), Step::WipeBroker, Step::StartServer(Server::Broker)];
    let back = vec![Step::Start(last_to_begin), Step::Start(first_to_go)];
    let disk = [held, lost, back].concat();
    let journal = vec![accepted(60), Step::Kill("reply"), Step::WipeBroker, Step::AskMore(20), Step::Start("reply")];
    vec![
        broker(kill()),
        gone("its disk is lost, queues and all", DISTRIBUTED, disk).before(before),
        gone("the journal is lost", EMBEDDED, journal),
    ]
}

fn unreachable() -> Case {
    let during = vec![
        Step::UntilAccepted(100),
        Step::Net(Whose::Api, Link::Broker, Net::Refuse),
        Step::RefusesSoon(Duration::from_secs(8)),
        Step::AskMore(50),
        Step::UntilRefused(50),
        Step::Net(Whose::Api, Link::Broker, Net::Heal),
    ];
    Case::new("at the API", DISTRIBUTED, during).expect(vec![Expect::AllAnswered, Expect::SomeRefused])
}

/// The answer takes twenty seconds, and the broker waits ten for an ack.
fn consumer_timeout() -> Case {
    Case::new(
        "an answer of 20 s",
        DISTRIBUTED,
        vec![Step::UntilEnded(100), Step::ConsumerTimeout(Duration::from_secs(1800))],
    )
    .asking(&[Style::Long])
    .before(vec![
        Step::ConsumerTimeout(Duration::from_secs(10)),
        Step::StartWith("reply", Vec::new()),
        Step::Lasts(Duration::from_secs(1)),
    ])
    .expect(vec![Expect::AllAnswered, Expect::NoSecondAttempt])
}

fn redis_restarts() -> Case {
    let during = vec![
        Step::UntilDeltas(5),
        Step::StopServer(Server::Events),
        Step::Lasts(Duration::from_millis(500)),
        Step::StartServer(Server::Events),
    ];
    Case::new("mid-stream", DISTRIBUTED, during).losing_the_log()
}

/// Also while several ask the same: who leads is lost, too.
fn flushed() -> Vec<Case> {
    let during =
        vec![Step::UntilDeltas(5), Step::FlushEvents, Step::AskMore(20), Step::UntilDeltas(20), Step::FlushEvents];
    let case = |name: &str| Case::new(name, DISTRIBUTED, during.clone()).losing_the_log();
    let shared = case("mid-stream, five ask the same").asked_by(5);
    vec![case("mid-stream"), shared.expect(vec![Expect::AllAnswered, Expect::SomeShared])]
}

fn redis_down() -> Case {
    let during = vec![
        Step::UntilAccepted(80),
        Step::KillServer(Server::Events),
        Step::AskMore(20),
        Step::Lasts(Duration::from_secs(60)),
        Step::StartServer(Server::Events),
    ];
    Case::new("under load", DISTRIBUTED, during).losing_the_log()
}

fn redis_full() -> Case {
    let during = vec![
        Step::UntilDeltas(5),
        Step::EventsFull(true),
        Step::AskMore(20),
        Step::Lasts(Duration::from_secs(10)),
        Step::EventsFull(false),
    ];
    Case::new("no room for 10 s", DISTRIBUTED, during).losing_the_log()
}

fn store_restarts() -> Vec<Case> {
    let restart = |name: &str, end: Step, wait: Step| {
        let lasts = Step::Lasts(Duration::from_secs(4));
        Case::new(name, DISTRIBUTED, vec![wait, end, lasts, Step::StartServer(Server::Store), Step::AskMore(20)])
    };
    let accepted = || Step::UntilAccepted(20);
    let read_only = vec![
        Step::UntilAccepted(50),
        Step::ReadOnly(true),
        Step::AskMore(20),
        Step::Lasts(Duration::from_secs(12)),
        Step::ReadOnly(false),
    ];
    vec![
        Case::new("read, not written, 12 s", BOTH, read_only),
        restart("stopped at the first steps", Step::StopServer(Server::Store), accepted()),
        restart("killed at the first steps", Step::KillServer(Server::Store), accepted()),
        restart("stopped mid-stream", Step::StopServer(Server::Store), Step::UntilDeltas(5)),
        restart("killed mid-stream", Step::KillServer(Server::Store), Step::UntilDeltas(5)),
    ]
}

/// The broker's disk alarm blocks publishers; PostgreSQL ends itself when its log finds no room.
fn disk_full() -> Vec<Case> {
    let full = |modes, server, name: &str, again: Vec<Step>| {
        let mut during = vec![Step::UntilAccepted(50), Step::Fill(server), Step::AskMore(20)];
        during.extend([Step::Lasts(Duration::from_secs(12)), Step::Free(server)]);
        during.extend(again);
        Case::new(name, modes, during).before(vec![Step::SmallDisk(server)])
    };
    let again = vec![Step::StopServer(Server::Store), Step::StartServer(Server::Store)];
    vec![
        full(DISTRIBUTED, Server::Broker, "broker", Vec::new()),
        full(DISTRIBUTED, Server::Store, "app store", again),
        full(EMBEDDED, Server::Store, "store, queues and event log", Vec::new()).losing_the_log(),
    ]
}

fn alarm() -> Case {
    let during = vec![
        Step::UntilAccepted(50),
        Step::Alarm(true),
        Step::RefusesSoon(Duration::from_secs(10)),
        Step::AskMore(20),
        Step::Lasts(Duration::from_secs(5)),
        Step::Alarm(false),
    ];
    Case::new("under load", DISTRIBUTED, during).expect(vec![Expect::AllAnswered, Expect::SomeRefused])
}

fn started_first() -> Case {
    const ROLES: [&str; 4] = ["api-1", "api-2", "classify", "reply"];
    let mut during = vec![Step::UntilEnded(100)];
    during.extend(ROLES.map(Step::Kill));
    during.push(Step::StopServer(Server::Store));
    during.extend(ROLES.map(Step::Start));
    during.extend([
        Step::NotReady,
        Step::Lasts(Duration::from_secs(5)),
        Step::AllRun,
        Step::StartServer(Server::Store),
    ]);
    Case::new("roles wait", DISTRIBUTED, during)
}

/// Nothing runs while the audit takes no rows: questions wait for it, up to their deadline.
fn audit_down() -> Vec<Case> {
    let until_the_deadline = vec![Step::UntilEnded(100), Step::AuditFails(false)];
    let closed = Case::new("fail closed", DISTRIBUTED, until_the_deadline)
        .expect(vec![Expect::NoneAnswered, Expect::NothingExecuted]);
    let closed = Case { settings: vec![("ASKLINE_TURN__DEADLINE_S", "15".to_owned())], ..closed };
    let a_while = vec![Step::UntilAccepted(100), Step::Lasts(Duration::from_secs(15)), Step::AuditFails(false)];
    let waits = Case::new("for a while", DISTRIBUTED, a_while).expect(vec![Expect::AllAnswered]);
    [closed, waits].map(|case| case.asking(&[Style::Plain]).before(vec![Step::AuditFails(true)])).into()
}

/// The queues are declared through the first node, so it leads them.
fn cluster() -> Vec<Case> {
    let leader = vec![
        Step::ThreeReplicas,
        Step::UntilAccepted(60),
        Step::KillLeader,
        Step::AskMore(20),
        Step::Lasts(Duration::from_secs(5)),
        Step::StartServer(Server::Broker),
    ];
    let leader = Case { cluster: true, ..Case::new("the leader of the queues", DISTRIBUTED, leader) };
    let redis =
        |name, over| Case::new(name, DISTRIBUTED, vec![Step::UntilDeltas(5), over, Step::AskMore(20)]).losing_the_log();
    vec![
        redis("Redis fails over to a replica", Step::FailOver),
        redis("Redis and a replica change places", Step::ChangeOver),
        leader,
    ]
}
