//! The audit: no statement without its row, what came of it beside it, and a chain that shows every change.

mod program;
mod tampered;

use crate::mode::{Mode, execute};
use ports::audit::{AuditPhase, AuditRow, verdict};
use serde_json::{Value, json};
use testkit::{ScriptedLlm, Transcript, World};

const COUNT: &str = "How many customers do we have?";

impl Mode {
    /// From now on the audit takes no row.
    async fn refuse_rows(self, world: &World) {
        let url = self.store_url(world);
        match self {
            Self::Embedded => {
                let trigger = "CREATE TRIGGER audit_is_down BEFORE INSERT ON audit \
                     BEGIN SELECT RAISE(ABORT, 'the audit store is down'); END";
                execute(&url, &[trigger]).await;
            }
            Self::Distributed => {
                let function = "CREATE FUNCTION audit_is_down() RETURNS trigger LANGUAGE plpgsql AS \
                     $$ BEGIN RAISE EXCEPTION 'the audit store is down' USING ERRCODE = '58030'; END $$";
                let trigger = "CREATE TRIGGER audit_is_down BEFORE INSERT ON audit \
                     FOR EACH STATEMENT EXECUTE FUNCTION audit_is_down()";
                execute(&url, &[function, trigger]).await;
            }
        }
    }

    async fn take_rows_again(self, world: &World) {
        let drop = match self {
            Self::Embedded => "DROP TRIGGER audit_is_down",
            Self::Distributed => "DROP TRIGGER audit_is_down ON audit",
        };
        execute(&self.store_url(world), &[drop]).await;
    }
}

in_both_modes!(
    an_answered_question_leaves_an_intent_and_its_outcome,
    a_refused_statement_is_one_row,
    nothing_runs_while_the_audit_takes_no_rows,
);

async fn rows_of(world: &World, transcript: &Transcript) -> Vec<AuditRow> {
    world.ports.store.audit_of(&"biz_demo".into(), &transcript.id().into()).await.unwrap()
}

async fn an_answered_question_leaves_an_intent_and_its_outcome(mode: Mode) {
    let world = mode.world(&[]).await;
    let transcript = world.client().ask(COUNT).await;
    assert_eq!(transcript.check().status(), "completed");
    let rows = rows_of(&world, &transcript).await;
    let [intent, outcome] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((intent.phase, intent.verdict.as_str(), intent.rows), (AuditPhase::Intent, verdict::EXECUTE, None));
    assert_eq!((intent.question.as_deref(), intent.tables.as_slice()), (Some(COUNT), &["customers".to_owned()][..]));
    assert!(intent.sql.to_lowercase().contains("count("), "{}", intent.sql);
    assert_eq!((outcome.phase, outcome.verdict.as_str()), (AuditPhase::Outcome, verdict::DONE));
    assert_eq!((outcome.intent.as_ref(), outcome.rows, outcome.attempt), (Some(&intent.id), Some(1), 1));
    assert!(outcome.duration_ms.is_some() && outcome.at_ms >= intent.at_ms);
    let verified = app::verify_audit(&*world.ports.store, None, &[], &mut |_, _| {}).await.unwrap();
    assert!(verified.is_sound(), "{verified:?}");
    assert_eq!(verified.chains[0].checked.open_intents, 0);
    world.stop().await;
}

async fn a_refused_statement_is_one_row(mode: Mode) {
    let llm = ScriptedLlm::answering("DELETE FROM customers", "Done.").await;
    let pairs = [
        ("ASKLINE_LLM__PROVIDERS", format!("[{}]", llm.provider("scripted"))),
        ("ASKLINE_TURN__CORRECTION_ROUNDS", "0".to_owned()),
    ];
    let world = mode.world(&pairs).await;
    let transcript = world.client().ask("Delete the customers").await;
    assert_eq!(transcript.check().status(), "failed");
    let rows = rows_of(&world, &transcript).await;
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((row.phase, row.verdict.as_str()), (AuditPhase::Whole, verdict::REFUSE));
    assert_eq!((row.sql.as_str(), row.question.as_deref()), ("DELETE FROM customers", Some("Delete the customers")));
    world.stop().await;
}

/// F48, in both modes. The fault suite watches the customers' databases at the same time.
async fn nothing_runs_while_the_audit_takes_no_rows(mode: Mode) {
    let world = mode.world(&[("ASKLINE_TURN__DEADLINE_S", "5".to_owned())]).await;
    mode.refuse_rows(&world).await;
    let transcript = world.client().ask(COUNT).await;
    assert_eq!((transcript.check().status(), transcript.error().0.as_str()), ("incomplete", "deadline_exceeded"));
    assert_eq!(transcript.of("response.askline.rows").count(), 0, "no statement ran");
    assert_eq!(rows_of(&world, &transcript).await, []);
    let turn = world.ports.store.turn(&"biz_demo".into(), &transcript.id().into()).await.unwrap().unwrap();
    assert_eq!(turn.end.unwrap().sql, None);
    mode.take_rows_again(&world).await;
    let next = world.client().ask(COUNT).await;
    assert_eq!(next.check().status(), "completed", "{:#?}", next.terminal());
    let verified = app::verify_audit(&*world.ports.store, None, &[], &mut |_, _| {}).await.unwrap();
    assert!(verified.is_sound(), "{verified:?}");
    world.stop().await;
}

/// More tries than a job has attempts. (A trigger of SQLite cannot say that it may pass.)
#[tokio::test(flavor = "multi_thread")]
async fn what_waited_for_the_audit_is_answered_with_no_attempt_spent() {
    let mode = Mode::Distributed;
    let world = mode.world(&[("ASKLINE_WORKERS__MAX_ATTEMPTS", "2".to_owned())]).await;
    mode.refuse_rows(&world).await;
    let mut client = world.client();
    client.create(json!({"input": COUNT})).await;
    let is_third = |event: &Value| event["step"] == "execute_sql" && event["attempt"] == 3;
    let heard = client.listen_until(is_third).await;
    mode.take_rows_again(&world).await;
    let heard = heard.into_iter().filter(|event| event["response_id"].is_string()).collect();
    let transcript = client.listen_on(heard).await;
    assert_eq!(transcript.check().status(), "completed", "{:#?}", transcript.terminal());
    let rows = rows_of(&world, &transcript).await;
    assert_eq!(rows.iter().filter(|row| row.phase == AuditPhase::Intent).count(), 1, "{rows:?}");
    world.stop().await;
}
