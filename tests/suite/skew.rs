//! Messages of other releases, through the workers of this one: with fields that a later release added, and without
//! the fields that an earlier one did not write. Every case runs in both modes.

use contracts::job::{Classify, KINDS};
use contracts::{Envelope, HopId, TurnId};
use ports::Ports;
use ports::broker::{Destination, Message, Queue};
use ports::store::NewTurn;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use testkit::World;

/// Fields that the first release did not write, by where they stand.
const CAME_LATER: &[(&str, &[&str])] = &[
    ("/meta", &["created_ms", "spent", "lane", "replay_of"]),
    ("", &["next_seq"]),
    ("/job", &["round", "rejected", "then_introspect"]),
];

/// The message as the golden file holds it, for a turn of this installation.
pub fn golden(kind: &str, turn: &NewTurn) -> Value {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/contracts/job.{kind}.json"));
    let mut message: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    message["hop"] = json!(HopId::first(&turn.id, kind));
    for (name, value) in [
        ("turn", json!(turn.id)),
        ("business", json!(turn.business)),
        ("user", json!(turn.user)),
        ("conversation", json!(turn.conversation)),
        ("connection", json!(turn.connection)),
        ("created_ms", json!(turn.created_ms)),
        ("deadline_ms", json!(turn.deadline_ms)),
    ] {
        message["meta"][name] = value;
    }
    match kind {
        "execute_sql" => {
            message["job"]["sql"] = json!("SELECT COUNT(*) FROM customers");
            message["job"]["dialect"] = json!("sqlite");
        }
        "reply" => message["job"]["basis"] = json!({"type": "chat"}),
        "test_connection" | "introspect" => message["job"]["connection"] = json!(turn.connection),
        _ => message["job"]["question"] = json!("How many customers do we have?"),
    }
    message
}

/// As a later release may write it: with fields that nobody here knows, at every depth.
fn newer(message: &mut Value) {
    if let Value::Object(fields) = message {
        fields.values_mut().for_each(newer);
        fields.insert("a_field_of_a_later_release".to_owned(), json!({"deep": [1, null]}));
    }
}

/// As the first release wrote it.
fn older(message: &mut Value) {
    for (place, names) in CAME_LATER {
        if let Some(Value::Object(fields)) = message.pointer_mut(place) {
            names.iter().for_each(|name| drop(fields.remove(*name)));
        }
    }
}

pub async fn turn(ports: &Ports, id: String) -> NewTurn {
    let now_ms = ports.clock.now_ms();
    let turn = NewTurn {
        id: TurnId(id),
        business: "biz_demo".into(),
        user: "usr_demo".into(),
        conversation: Some("conv_skew".into()),
        connection: Some("con_sample_shop".into()),
        question: "How many customers do we have?".to_owned(),
        idempotency_key: None,
        lane: Default::default(),
        share: None,
        created_ms: now_ms,
        deadline_ms: now_ms + 60_000,
        replay_of: None,
    };
    let job = Classify { question: turn.question.clone(), shared_schema_ms: None };
    ports.store.offer(&turn, &Envelope::first(turn.meta(), 2, &job).unwrap()).await.unwrap();
    assert!(ports.store.accept(&turn.id).await.unwrap());
    turn
}

async fn every_message_is_done(world: World) {
    for (age, change) in [("newer", newer as fn(&mut Value)), ("older", older)] {
        for kind in KINDS {
            let turn = turn(&world.ports, format!("resp_{age}_{kind}")).await;
            let mut message = golden(kind, &turn);
            change(&mut message);
            let body = serde_json::to_vec(&message).unwrap();
            let id = message["hop"].as_str().unwrap().to_owned();
            let message = Message { id, headers: BTreeMap::new(), body: body.into() };
            world.ports.broker.publish(&Destination::Work(Queue::interactive(*kind)), message).await.unwrap();
            let heard = world.client().follow(turn.id.as_str()).await;
            // These were read; there is no connection behind the one, and no approval behind the other.
            let expected = match *kind {
                "import_file" => ("failed", "unknown_connection"),
                "execute_change" => ("failed", "approval_unknown"),
                _ => ("completed", ""),
            };
            assert_eq!((heard.status(), heard.error().0.as_str()), expected, "{age} {kind}: {:#?}", heard.terminal());
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_other_releases_are_done_in_one_process() {
    every_message_is_done(World::embedded(&[]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_other_releases_are_done_over_servers() {
    every_message_is_done(World::distributed(&[]).await).await;
}
