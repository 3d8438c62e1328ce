//! One trace crosses every hop, whatever process it runs in.

use std::collections::{BTreeMap, BTreeSet};
use testkit::otlp::{Exported, Sink};
use testkit::{Processes, binary};

const STEPS: &[&str] = &["classify", "generate_sql", "execute_sql", "reply"];

#[tokio::test(flavor = "multi_thread")]
async fn every_hop_is_a_child_of_the_turn_and_links_to_what_published_it() {
    let sink = Sink::start().await;
    let mut processes =
        Processes::start(&binary(), &[("ASKLINE_TELEMETRY__OTLP_ENDPOINT", sink.endpoint.clone())]).await;
    let transcript = processes.client().ask("How many customers do we have?").await;
    assert_eq!(transcript.check().status(), "completed", "{:#?}", transcript.terminal());
    // A process sends what is left when it ends.
    for process in processes.running.values_mut() {
        assert!(process.terminate().success(), "{}", process.log());
        assert!(
            !process.log().to_uppercase().contains("SELECT COUNT("),
            "a statement is in the log: {}",
            process.log()
        );
    }
    let spans = sink.spans();
    let of_turn = |span: &&Exported| span.texts.get("turn").is_some_and(|turn| turn == transcript.id());
    let turn = spans.iter().filter(of_turn).find(|span| span.name == "turn").expect("the turn's own span");
    assert!(turn.service.ends_with("api"), "{}", turn.service);
    let hops: BTreeMap<&str, &Exported> = spans
        .iter()
        .filter(of_turn)
        .filter(|span| span.name == "process")
        .map(|span| (span.texts["messaging.destination.name"].as_str(), span))
        .collect();
    assert_eq!(hops.keys().copied().collect::<BTreeSet<_>>(), STEPS.iter().copied().collect(), "a span for each hop");
    let statement = spans.iter().find(|span| span.name == "statement").expect("the statement's span");
    assert_eq!((&statement.trace, &statement.parent), (&turn.trace, &hops["execute_sql"].id));
    assert_eq!(statement.texts["db.system.name"], "sqlite");
    assert!(statement.texts["db.query.text"].to_uppercase().contains("COUNT("), "{:?}", statement.texts);
    for hop in hops.values() {
        assert_eq!(hop.texts["messaging.system"], "rabbitmq");
        assert_eq!(hop.texts["messaging.operation.name"], "process");
    }
    let mut producer = turn;
    for step in STEPS {
        let hop = hops[step];
        assert_eq!((&hop.trace, &hop.parent), (&turn.trace, &turn.id), "{step} is a child of the turn");
        if producer.name == "process" {
            assert_eq!(hop.links, [producer.id.clone()], "{step} links to what published it");
        }
        assert_ne!(hop.service, turn.service, "{step} ran in a process of its own");
        producer = hop;
    }
}
