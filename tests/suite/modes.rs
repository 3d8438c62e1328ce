//! Two modes, one code: the same questions give the same events.

use serde_json::Value;
use std::time::Duration;
use testkit::llm_server::Script;
use testkit::{Client, Processes, ScriptedLlm, World, binary, normalise};

/// Answered, answered with many rows, small talk, not understood.
const QUESTIONS: &[&str] = &[
    "How many customers do we have?",
    "How many orders are there per status?",
    "List the names of all products.",
    "Hello!",
    "Which customers will leave us next year, and why?",
];

async fn ask_all(mut client: Client) -> Vec<Vec<Value>> {
    let mut all = Vec::new();
    for question in QUESTIONS {
        all.push(normalise(&client.ask(question).await.check().events));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_its_own_process_gives_the_events_of_one_embedded_process() {
    let world = World::embedded(&[]).await;
    let embedded = ask_all(world.client()).await;
    world.stop().await;
    let processes = Processes::start(&binary(), &[]).await;
    let distributed = ask_all(processes.client()).await;
    for ((question, one), many) in QUESTIONS.iter().zip(&embedded).zip(&distributed) {
        assert_eq!(one, many, "{question}");
    }
    let ends: Vec<_> = embedded.iter().map(|events| events.last().unwrap()["type"].as_str().unwrap()).collect();
    assert_eq!(ends[0], "response.completed");
    assert!(ends.contains(&"response.failed"), "{ends:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_asked_to_stop_drains_and_nobody_notices() {
    let mut processes = Processes::start(&binary(), &[]).await;
    let mut client = processes.client();
    let asking = tokio::spawn(async move {
        for _ in 0..40 {
            let transcript = client.ask(QUESTIONS[0]).await;
            assert_eq!(transcript.check().status(), "completed", "{:#?}", transcript.terminal());
            let attempts = transcript.of("response.askline.step.started").map(|step| step["attempt"].as_u64());
            assert!(attempts.into_iter().all(|attempt| attempt == Some(1)), "no step ran twice");
        }
    });
    for role in ["classify", "generate_sql", "execute_sql", "reply"] {
        let mut old = processes.running.remove(role).unwrap();
        processes.start_role(role, &[]);
        let status = old.terminate();
        assert!(status.success(), "{role} ended with {status}:\n{}", old.log());
    }
    asking.await.unwrap();
}

/// The first signal lets what runs end; the second gives it back, and that costs the job no attempt.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_gives_back_what_runs_and_another_worker_does_it() {
    let llm = ScriptedLlm::with(|purpose, count| match purpose {
        "classify" => Script::answer(&[r#"{"intent":"sql"}"#]),
        "generate_sql" if count == 1 => Script::hang(),
        "generate_sql" => Script::answer(&["SELECT COUNT(*) FROM customers"]),
        _ => Script::answer(&["There are 28."]),
    })
    .await;
    let provider = llm.provider("scripted").replace("first_byte_timeout_s=2", "first_byte_timeout_s=100");
    let pairs = [("ASKLINE_LLM__PROVIDERS", format!("[{provider}]")), ("ASKLINE_WORKERS__DRAIN_S", "100".to_owned())];
    let mut processes = Processes::start(&binary(), &pairs).await;
    let mut client = processes.client();
    let asking = tokio::spawn(async move { client.ask(QUESTIONS[0]).await });
    assert!(llm.server.was_asked(2).await, "the statement is asked for");
    let mut old = processes.running.remove("generate_sql").unwrap();
    old.signal("TERM");
    assert!(old.wait_for(Duration::from_secs(2)).is_none(), "what runs may end: {}", old.log());
    processes.start_role("generate_sql", &[]);
    old.signal("TERM");
    let status = old.wait_for(Duration::from_secs(20));
    assert!(status.is_some_and(|status| status.success()), "it ended with {status:?}:\n{}", old.log());
    let transcript = asking.await.unwrap();
    assert_eq!(transcript.check().status(), "completed", "{:#?}", transcript.terminal());
    let attempts = transcript.of("response.askline.step.started").map(|step| step["attempt"].as_u64());
    assert!(
        attempts.into_iter().all(|attempt| attempt == Some(1)),
        "a stop spends no attempt: {:#?}",
        transcript.types()
    );
}
