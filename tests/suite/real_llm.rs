//! The pipeline on a real server with real weights: llama.cpp with a very small model. It proves the protocol
//! (streaming, JSON schema, token counts); what the model says is worth nothing.

use std::path::PathBuf;
use std::time::{Duration, Instant};
use testkit::{Process, World, free_port};

const PATIENCE: Duration = Duration::from_secs(60);

/// The interpreter, the script and the weights; `None`, and a word about it, where one is missing.
fn parts() -> Option<(PathBuf, PathBuf, PathBuf)> {
    let python = PathBuf::from(std::env::var_os("ASKLINE_TEST_LLM_PYTHON").unwrap_or_default());
    let script = PathBuf::from(std::env::var_os("ASKLINE_TEST_LLM_SERVER").unwrap_or_default());
    let weights = PathBuf::from(std::env::var_os("ASKLINE_TEST_LLM_WEIGHTS").unwrap_or_default());
    if [&python, &script, &weights].iter().all(|part| part.is_file()) {
        return Some((python, script, weights));
    }
    eprintln!("skipped: ASKLINE_TEST_LLM_PYTHON, _SERVER and _WEIGHTS do not name a server for a real model");
    None
}

async fn until_it_answers(process: &mut Process, url: &str) {
    let started = Instant::now();
    while !reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success()) {
        process.must_run();
        assert!(started.elapsed() < PATIENCE, "the model's server does not answer:\n{}", process.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_on_a_real_model_ends_and_its_tokens_are_counted() {
    let Some((python, script, weights)) = parts() else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = free_port().to_string();
    let arguments = [script.to_str().unwrap(), weights.to_str().unwrap(), &port, "1"];
    let mut server = Process::start(&python, "model", &arguments, &Default::default(), folder.path());
    let url = format!("http://127.0.0.1:{port}/v1");
    until_it_answers(&mut server, &format!("http://127.0.0.1:{port}/health")).await;
    let provider = format!(
        "[{{name='small',kind='openai',base_url='{url}',model='smollm2',first_byte_timeout_s=60,stall_timeout_s=60}}]"
    );
    let pairs = [("ASKLINE_LLM__PROVIDERS", provider), ("ASKLINE_TURN__CORRECTION_ROUNDS", "1".to_owned())];
    let world = World::embedded(&pairs).await;
    let transcript = world.client().ask("How many customers do we have?").await;
    let first = transcript.check().of("response.askline.step.completed").next().unwrap();
    assert!(first["tokens"].as_u64() > Some(0), "the classifier's tokens are counted: {first}");
    assert!(["sql", "chat", "workflow"].contains(&first["detail"].as_str().unwrap()), "the schema is obeyed: {first}");
    if transcript.status() != "completed" {
        let (code, message) = transcript.error();
        assert!(!code.is_empty() && message.len() > 20, "a clear error: {:#?}", transcript.terminal());
    }
    world.stop().await;
}
