//! What the store can take neither now nor later.

use crate::mode::{Mode, execute};
use testkit::llm_server::Script;
use testkit::{ScriptedLlm, World};

const COUNT: &str = "How many customers do we have?";

in_both_modes!(an_answer_that_the_store_refuses_ends_with_an_error, a_nul_of_the_language_model_is_left_out);

impl Mode {
    /// From now on no turn ends with an answer.
    async fn refuse_answers(self, world: &World) {
        let url = self.store_url(world);
        match self {
            Self::Embedded => {
                let trigger = "CREATE TRIGGER no_answers BEFORE UPDATE ON turns WHEN NEW.state = 'completed' \
                     BEGIN SELECT RAISE(ABORT, 'no answers'); END";
                execute(&url, &[trigger]).await;
            }
            Self::Distributed => {
                let function = "CREATE FUNCTION no_answers() RETURNS trigger LANGUAGE plpgsql AS \
                     $$ BEGIN RAISE EXCEPTION 'no answers'; END $$";
                let trigger = "CREATE TRIGGER no_answers BEFORE UPDATE ON turns FOR EACH ROW \
                     WHEN (NEW.state = 'completed') EXECUTE FUNCTION no_answers()";
                execute(&url, &[function, trigger]).await;
            }
        }
    }
}

/// Running again would give the same: the user hears of it once, at once, and the job is kept.
async fn an_answer_that_the_store_refuses_ends_with_an_error(mode: Mode) {
    let world = mode.world(&[]).await;
    mode.refuse_answers(&world).await;
    let transcript = world.client().ask(COUNT).await;
    assert_eq!((transcript.check().status(), transcript.error().0.as_str()), ("failed", "internal_error"));
    assert!(transcript.error().1.contains("dead_"), "it names what is kept: {:?}", transcript.error());
    let attempts = transcript.of("response.askline.step.started").map(|step| step["attempt"].as_u64());
    assert!(attempts.into_iter().all(|attempt| attempt == Some(1)), "no step ran twice: {:#?}", transcript.types());
    world.stop().await;
}

/// PostgreSQL stores none.
async fn a_nul_of_the_language_model_is_left_out(mode: Mode) {
    let llm = ScriptedLlm::with(|purpose, _| match purpose {
        "classify" => Script::answer(&[r#"{"intent":"sql"}"#]),
        "generate_sql" => Script::answer(&["SELECT COUNT(*)\0 FROM customers"]),
        _ => Script::answer(&["There \0are ", "\0", "28."]),
    })
    .await;
    let world = mode.world(&[("ASKLINE_LLM__PROVIDERS", format!("[{}]", llm.provider("scripted")))]).await;
    let transcript = world.client().ask(COUNT).await;
    assert_eq!(transcript.check().status(), "completed", "{:#?}", transcript.terminal());
    assert_eq!(transcript.text(), "There are 28.");
    world.stop().await;
}
