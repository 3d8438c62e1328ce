//! The network splits, slows down and loses one end; clocks differ.

use crate::faults::case::{BOTH, Case, DISTRIBUTED, Expect, Net, Row, Step, Whose};
use crate::faults::installation::Link;
use std::time::Duration;

pub fn rows() -> Vec<Row> {
    vec![
        Row::new("F31", "partition", "workers to broker, Redis, store", partitions()),
        Row::new("F32", "200 ms more, or 10 kB/s", "each link", slow_links()),
        skewed_row(),
    ]
}

const NAMES: [(Link, &str); 3] = [(Link::Broker, "broker"), (Link::Events, "Redis"), (Link::Store, "store")];

fn partitions() -> Vec<Case> {
    let mut cases = Vec::new();
    for (link, name) in NAMES {
        for (net, how) in [(Net::Freeze, "dropped"), (Net::FreezeOneWay, "one way"), (Net::HalfOpen, "half-open")] {
            cases.push(partition(link, net, format!("{name} {how}, 5 s"), 5));
        }
        cases.push(partition(link, Net::Freeze, format!("{name} dropped, 60 s"), 60));
    }
    cases
}

fn partition(link: Link, net: Net, name: String, seconds: u64) -> Case {
    let during = vec![
        Step::UntilAccepted(60),
        Step::Net(Whose::Workers, link, net),
        Step::AskMore(20),
        Step::Lasts(Duration::from_secs(seconds)),
        Step::Net(Whose::Workers, link, Net::Heal),
    ];
    let case = Case::new(name, DISTRIBUTED, during);
    // A worker does not hold a turn up for a log that it cannot reach.
    if link == Link::Events { case.losing_the_log() } else { case }
}

/// All links of a kind at once. Packets are not lost one by one: stalls stand for that, in F31.
fn slow_links() -> Vec<Case> {
    let mut cases = Vec::new();
    for (link, name) in NAMES {
        let slow = |net, how: &str| {
            Case::new(format!("{name} {how}"), DISTRIBUTED, vec![Step::UntilEnded(100)])
                .before(vec![Step::Net(Whose::Everybody, link, net)])
                .expect(vec![Expect::AllAnswered])
        };
        let slow = |net, how: &str| if link == Link::Events { slow(net, how).losing_the_log() } else { slow(net, how) };
        cases.push(slow(Net::Delay(Duration::from_millis(200)), "200 ms"));
        cases.push(slow(Net::Throttle(10_000), "10 kB/s"));
    }
    cases
}

const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// Through libfaketime.
fn skewed_row() -> Row {
    let what = "a clock is wrong by 10 minutes";
    if std::path::Path::new(LIBRARY).exists() {
        Row::new("F35", what, "one process", skewed())
    } else {
        Row::missing("F35", what, "it needs Debian's package faketime")
    }
}

fn skewed() -> Vec<Case> {
    let skew = |kind: &'static str, offset: &str| {
        let pairs = vec![("LD_PRELOAD", LIBRARY.to_owned()), ("FAKETIME", offset.to_owned())];
        let case =
            Case::new(format!("{kind} {offset}"), BOTH, vec![Step::UntilEnded(100), Step::StartWith(kind, Vec::new())]);
        Case { skewed: true, ..case }.before(vec![Step::StartWith(kind, pairs), Step::Lasts(Duration::from_secs(1))])
    };
    ["execute_sql", "reply", "api-1"].iter().flat_map(|kind| [skew(kind, "+10m"), skew(kind, "-10m")]).collect()
}
