//! Metrics of calls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use adapter_llm::telemetry::{DURATION, FIRST_CHUNK, TOKENS};
use adapter_llm::{Openai, OpenaiConfig};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use ports::llm::Purpose;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use support::{Calls, call, chain, full_window, request, run};
use testkit::llm_server::{LlmServer, Script};

const LONG: Duration = Duration::from_secs(30);

fn local(server: &LlmServer) -> Openai {
    Openai::new(OpenaiConfig {
        name: "local".into(),
        base_url: server.base_url(),
        model: "small".into(),
        api_key: None,
        api_key_env: String::new(),
        first_byte_timeout: LONG,
        stall_timeout: LONG,
        attempts: 2,
        json_schema: false,
    })
    .unwrap()
}

/// Every metric with its labels, as `name{value,value}`, and its count or number of observations.
fn counts(snapshotter: &Snapshotter) -> BTreeMap<String, u64> {
    let entries = snapshotter.snapshot().into_vec();
    let count = |value| match value {
        DebugValue::Counter(count) => count,
        DebugValue::Histogram(observed) => observed.len() as u64,
        DebugValue::Gauge(_) => panic!("a gauge"),
    };
    entries
        .into_iter()
        .map(|(key, _, _, value)| {
            let mut labels: Vec<_> =
                key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            labels.sort();
            (format!("{}{{{}}}", key.key().name(), labels.join(",")), count(value))
        })
        .collect()
}

#[tokio::test]
async fn each_attempt_is_measured_with_its_outcome_and_tokens() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let scripts = vec![Script::status(503), Script::answer(&["a", "b"])];
    let server = LlmServer::start(scripts).await.unwrap();
    let chain = chain(vec![Arc::new(local(&server))], full_window());
    run(&chain, call(request(Purpose::Reply), Calls::of(2), LONG)).await;
    let expected = BTreeMap::from([
        (format!("{DURATION}{{model=small,outcome=busy,provider=local,purpose=reply}}"), 1),
        (format!("{DURATION}{{model=small,outcome=ok,provider=local,purpose=reply}}"), 1),
        (format!("{FIRST_CHUNK}{{model=small,provider=local}}"), 1),
        (format!("{TOKENS}{{direction=input,model=small,provider=local}}"), 7),
        (format!("{TOKENS}{{direction=output,model=small,provider=local}}"), 2),
    ]);
    assert_eq!(counts(&snapshotter), expected);
}

#[tokio::test]
async fn an_attempt_that_is_given_up_is_measured_too() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let server = LlmServer::start(vec![Script::hang()]).await.unwrap();
    let chain = chain(vec![Arc::new(local(&server))], full_window());
    let the_call = call(request(Purpose::Reply), Calls::of(2), LONG);
    let cancel = the_call.cancel.clone();
    tokio::join!(run(&chain, the_call), async {
        assert!(server.was_asked(1).await);
        cancel.cancel();
    });
    let expected = [(format!("{DURATION}{{model=small,outcome=dropped,provider=local,purpose=reply}}"), 1)];
    assert_eq!(counts(&snapshotter), BTreeMap::from(expected));
}
