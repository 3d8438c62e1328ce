//! Access that is taken away while a question is on its way. Every case runs in both modes.

use crate::mode::Mode;
use contracts::TurnId;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use testkit::llm_server::Script;
use testkit::{ScriptedLlm, World};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

in_both_modes!(no_statement_begins_for_somebody_whose_access_was_taken_away);

const QUESTION: &str = "How many customers do we have?";
const PATIENCE: Duration = Duration::from_secs(60);

/// Says that it is asked for a statement, and writes it when the gate is opened.
async fn model(asked: &Arc<Notify>, gate: &CancellationToken) -> ScriptedLlm {
    let (asked, gate) = (asked.clone(), gate.clone());
    ScriptedLlm::with(move |purpose, _| match purpose {
        "classify" => Script::answer(&[r#"{"intent":"sql"}"#]),
        "generate_sql" => {
            asked.notify_one();
            Script::answer(&["SELECT COUNT(*) FROM customers"]).behind(&gate)
        }
        _ => Script::answer(&["There are 28."]),
    })
    .await
}

async fn statements(world: &World, turn: &str) -> usize {
    world.ports.store.audit_of(&"biz_demo".into(), &TurnId(turn.to_owned())).await.unwrap().len()
}

async fn no_statement_begins_for_somebody_whose_access_was_taken_away(mode: Mode) {
    let (asked, gate) = (Arc::<Notify>::default(), CancellationToken::new());
    let llm = model(&asked, &gate).await;
    let provider = llm.provider("scripted").replace("first_byte_timeout_s=2", "first_byte_timeout_s=100");
    let world = mode.world(&[("ASKLINE_LLM__PROVIDERS", format!("[{provider}]"))]).await;
    let store = &world.ports.store;
    let (user, shop) = (store.user_by_email(&world.demo.email).await.unwrap().unwrap().id, "biz_demo".into());
    let role = store.role_in(&user, &shop).await.unwrap().unwrap();

    let mut client = world.client();
    client.create(json!({"input": QUESTION})).await;
    // The generator has read the schema by then.
    tokio::time::timeout(PATIENCE, asked.notified()).await.expect("the model is asked");
    assert!(store.remove_membership(&user, &shop).await.unwrap());
    gate.cancel();
    let begun = client.listen_on(Vec::new()).await;
    let later = world.client().ask_with(json!({"input": QUESTION})).await;
    for refused in [begun, later] {
        assert_eq!((refused.check().status(), refused.error().0.as_str()), ("failed", "forbidden"));
        assert_eq!(refused.of("response.askline.rows").count(), 0);
        assert_eq!(statements(&world, refused.id()).await, 0);
    }

    store.set_membership(&user, &shop, role).await.unwrap();
    let again = world.client().ask_with(json!({"input": QUESTION})).await;
    assert_eq!(again.check().status(), "completed", "{:#?}", again.terminal());
    world.stop().await;
}
