//! A language model that misbehaves: an answer or a clear error before the deadline.

use serde_json::Value;
use std::time::{Duration, Instant};
use testkit::llm_server::Script;
use testkit::{ScriptedLlm, Transcript, World};

const QUESTION: &str = "How many customers do we have?";
const DEADLINE: Duration = Duration::from_secs(15);

async fn world(providers: &[String]) -> World {
    let pairs = [
        ("ASKLINE_LLM__PROVIDERS", format!("[{}]", providers.join(","))),
        ("ASKLINE_TURN__DEADLINE_S", DEADLINE.as_secs().to_string()),
    ];
    World::embedded(&pairs).await
}

/// Asks, and checks that the turn ends in time with an answer or an error that says something.
async fn ask(providers: &[String]) -> Transcript {
    let world = world(providers).await;
    let started = Instant::now();
    let transcript = world.client().ask(QUESTION).await;
    assert!(started.elapsed() < DEADLINE + Duration::from_secs(5), "it ends by its deadline");
    if transcript.check().status() != "completed" {
        let (code, message) = transcript.error();
        assert!(!code.is_empty() && message.len() > 20, "a clear error: {:#?}", transcript.terminal());
        assert!(!message.contains("127.0.0.1"), "no host in it: {message}");
    }
    world.stop().await;
    transcript
}

fn well(purpose: &str) -> Script {
    match purpose {
        "classify" => Script::answer(&[r#"{"intent":"sql"}"#]),
        "generate_sql" => Script::answer(&["SELECT COUNT(*) FROM customers"]),
        _ => Script::answer(&["There are ", "28."]),
    }
}

/// Misbehaves for one purpose, and answers the others well.
async fn bad_at(bad: &'static str, script: Script) -> ScriptedLlm {
    ScriptedLlm::with(move |purpose, _| if purpose == bad { script.clone() } else { well(purpose) }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_step_ends_in_time() {
    let faults = [
        ("hang", Script::hang()),
        ("stall", Script::stall(&["SEL"])),
        ("garbage", Script::answer(&["I would rather talk about the weather."])),
        ("bad json", Script::bad_json(&[])),
        ("empty", Script::empty_choices()),
        ("truncated", Script::truncated(&["SELECT"])),
        ("status 500", Script::status(500)),
        ("status 401", Script::status(401)),
    ];
    for purpose in ["classify", "generate_sql", "reply"] {
        for (name, script) in &faults {
            let llm = bad_at(purpose, script.clone()).await;
            let transcript = ask(&[llm.provider("only")]).await;
            let status = transcript.status();
            let must_fail = purpose == "generate_sql" || (purpose == "classify" && *name != "garbage");
            assert_eq!(status == "completed", !must_fail, "{name} at {purpose}: {status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_once_is_waited_for() {
    let llm = ScriptedLlm::with(|purpose, count| match count {
        0 => Script::status(429).with_header("retry-after", "1"),
        _ => well(purpose),
    })
    .await;
    let transcript = ask(&[llm.provider("busy")]).await;
    assert_eq!(transcript.status(), "completed", "{:#?}", transcript.terminal());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_provider_is_followed_by_the_next_and_that_is_told() {
    let llm = ScriptedLlm::with(|purpose, _| well(purpose)).await;
    let nobody = "{name='nobody',kind='openai',base_url='http://127.0.0.1:1/v1',model='m'}".to_owned();
    let transcript = ask(&[nobody, llm.provider("second")]).await;
    assert_eq!(transcript.status(), "completed");
    let notices: Vec<&Value> = transcript.of("response.askline.notice").collect();
    assert!(notices.iter().any(|notice| notice["message"].as_str().unwrap().contains("second")), "{notices:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_provider_alone_is_a_clear_error() {
    let nobody = "{name='nobody',kind='openai',base_url='http://127.0.0.1:1/v1',model='m'}".to_owned();
    let transcript = ask(&[nobody]).await;
    assert_eq!(transcript.error().0, "llm_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_begins_again_and_the_text_is_not_mixed() {
    let llm = ScriptedLlm::with(|purpose, count| match (purpose, count) {
        ("reply", 2) => Script::truncated(&["There are ninety"]),
        _ => well(purpose),
    })
    .await;
    let transcript = ask(&[llm.provider("shaky")]).await;
    assert_eq!((transcript.status(), transcript.text().as_str()), ("completed", "There are 28."));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_of_calls_bounds_what_a_turn_costs() {
    let llm = ScriptedLlm::with(|_, _| Script::status(500)).await;
    let pairs = [
        ("ASKLINE_LLM__PROVIDERS", format!("[{}]", llm.provider("broken").replace("}", ",attempts=50}"))),
        ("ASKLINE_TURN__LLM_CALLS", "3".to_owned()),
    ];
    let world = World::embedded(&pairs).await;
    let transcript = world.client().ask(QUESTION).await;
    assert_eq!(transcript.check().error().0, "llm_budget_spent");
    assert_eq!(llm.server.received().len(), 3);
    world.stop().await;
}

/// A broker takes a message away that is held too long: no run may last so long.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_takes_too_long_is_ended_clearly_before_the_deadline() {
    let llm = bad_at("generate_sql", Script::hang()).await;
    let provider = llm.provider("hanging").replace("first_byte_timeout_s=2", "first_byte_timeout_s=100");
    let pairs =
        [("ASKLINE_LLM__PROVIDERS", format!("[{provider}]")), ("ASKLINE_WORKERS__LONGEST_RUN_S", "1".to_owned())];
    let world = World::embedded(&pairs).await;
    let transcript = world.client().ask(QUESTION).await;
    assert_eq!(transcript.check().status(), "failed");
    assert_eq!(transcript.error().0, "step_too_long", "{:#?}", transcript.terminal());
    assert!(llm.server.was_broken_off(1).await, "the call is broken off");
    world.stop().await;
}
