//! A job that holds its claim while nothing comes of it is counted and told of once, and ends at last.

use serde_json::json;
use std::time::{Duration, Instant};
use testkit::llm_server::Script;
use testkit::{Embedded, ScriptedLlm, binary, free_port};

const PATIENCE: Duration = Duration::from_secs(30);
const TOLD: &str = "nothing comes of it";
/// More pieces of an answer than a job is silent for before it is stuck.
const PIECES: usize = 12;

/// Says nothing to who asks for it to hang, and talks slowly to everybody else.
async fn model() -> ScriptedLlm {
    ScriptedLlm::hearing(|purpose, prompt| match purpose {
        "classify" => Script::answer(&[r#"{"intent":"chat"}"#]),
        _ if prompt.contains("hang") => Script::hang(),
        _ => Script::answer(&["and "; PIECES]).paced(Duration::from_millis(250)),
    })
    .await
}

/// What the gauge of the kind `reply` says; `None` before anything was counted.
async fn stuck(running: &Embedded) -> Option<f64> {
    let text = reqwest::get(format!("{}/metrics", running.demo.url)).await.unwrap().text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with("askline_jobs_stuck{") && line.contains(r#"kind="reply""#))?;
    assert!(line.contains(r#"lane="interactive""#), "{line}");
    line.rsplit_once(' ').unwrap().1.parse().ok()
}

async fn until_stuck(running: &Embedded, count: f64) {
    let started = Instant::now();
    while stuck(running).await != Some(count) {
        assert!(started.elapsed() < PATIENCE, "the gauge never says {count}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_which_nothing_comes_is_counted_and_told_of_once_and_ends() {
    let llm = model().await;
    let patient = "first_byte_timeout_s=600,stall_timeout_s=600";
    let provider = llm.provider("scripted").replace("first_byte_timeout_s=2,stall_timeout_s=2", patient);
    let pairs = [
        ("ASKLINE_LLM__PROVIDERS", format!("[{provider}]")),
        ("ASKLINE_WORKERS__STUCK_AFTER_S", "2".to_owned()),
        ("ASKLINE_WORKERS__LONGEST_RUN_S", "6".to_owned()),
    ];
    let folder = tempfile::tempdir().unwrap();
    let running = Embedded::start(&binary(), &folder, free_port(), &pairs).await;

    let slow = running.client().ask("Talk to me").await;
    assert_eq!(slow.check().status(), "completed", "{:#?}", slow.terminal());
    assert_eq!(stuck(&running).await, None, "whoever says something now and then is not stuck");

    let mut client = running.client();
    client.create(json!({"input": "hang"})).await;
    let started = |event: &serde_json::Value| event["type"] == "response.askline.step.started";
    let heard = client.listen_until(|event| started(event) && event["step"] == "reply").await;
    until_stuck(&running, 1.0).await;
    let ended = client.listen_on(heard.into_iter().filter(|event| event["response_id"].is_string()).collect()).await;
    assert_eq!((ended.check().status(), ended.error().0.as_str()), ("failed", "step_too_long"));
    until_stuck(&running, 0.0).await;

    let log = running.process.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains(TOLD)).collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    for part in [ended.id(), "reply", "still_ms"] {
        assert!(told[0].contains(part), "{part} is told: {}", told[0]);
    }
}
