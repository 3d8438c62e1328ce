//! The wire against a scripted server: each fault, alone and with a provider to fall back to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use adapter_llm::{ApiKey, Backoff, Chain, Openai, OpenaiConfig, Provider};
use futures_util::StreamExt;
use ports::llm::{Call, Error, Llm, Piece, Purpose};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{Calls, Outcome, call, chain, request, run};
use testkit::llm_server::{LlmServer, Script};

const PATIENCE: Duration = Duration::from_millis(400);
const TIME_LEFT: Duration = Duration::from_secs(30);

fn config(name: &str, base_url: String) -> OpenaiConfig {
    OpenaiConfig {
        name: name.into(),
        base_url,
        model: "scripted".into(),
        api_key: Some(ApiKey::new("sk-secret").unwrap()),
        api_key_env: "SCRIPTED_KEY".into(),
        first_byte_timeout: TIME_LEFT,
        stall_timeout: TIME_LEFT,
        attempts: 2,
        json_schema: true,
    }
}

/// Impatient only about the silence that a fault is about, so that a slow machine changes no outcome.
fn impatient(name: &str, server: &LlmServer, sentence: &str) -> OpenaiConfig {
    let mut config = config(name, server.base_url());
    match sentence {
        "did not begin to answer" => config.first_byte_timeout = PATIENCE,
        "fell silent" => config.stall_timeout = PATIENCE,
        _ => {}
    }
    config
}

fn openai(config: OpenaiConfig) -> Arc<dyn Provider> {
    Arc::new(Openai::new(config).unwrap())
}

fn quick(providers: Vec<Arc<dyn Provider>>) -> Chain {
    chain(providers, Backoff { base: Duration::from_millis(1), ..Backoff::default() })
}

fn only(server: &LlmServer) -> Chain {
    quick(vec![openai(config("only", server.base_url()))])
}

fn ask(budget: &Arc<Calls>) -> Call {
    call(request(Purpose::GenerateSql), budget.clone(), TIME_LEFT)
}

/// A fault, how often its server is asked in two attempts, and what the error says when no other provider follows.
fn faults() -> Vec<(&'static str, Script, usize, &'static str)> {
    let busy = |status: u16| Script::status(status);
    vec![
        ("408", busy(408), 2, "status 408"),
        ("409", busy(409), 2, "status 409"),
        ("429", busy(429), 2, "status 429"),
        ("500", busy(500), 2, "status 500"),
        ("502", busy(502), 2, "status 502"),
        ("503", busy(503), 2, "status 503"),
        ("429 for an hour", busy(429).with_header("retry-after", "3600"), 1, "try again in 3600 s"),
        ("no quota", Script::error(429, "insufficient_quota"), 1, "insufficient_quota"),
        ("400", Script::error(400, "context_length_exceeded"), 1, "context_length_exceeded"),
        ("401", busy(401), 1, "set SCRIPTED_KEY"),
        ("403", busy(403), 1, "set SCRIPTED_KEY"),
        ("404", busy(404), 1, "check base_url and model"),
        ("redirect", busy(307).with_header("location", "http://127.0.0.1:9/"), 1, "status 307"),
        ("hang", Script::hang(), 2, "did not begin to answer"),
        ("hang after headers", Script::hang_after_headers(), 2, "did not begin to answer"),
        ("stall", Script::stall(&["SELECT "]), 2, "fell silent"),
        ("truncated", Script::truncated(&["SELECT "]), 2, "broke off"),
        ("truncated at once", Script::raw(""), 2, "broke off"),
        ("bad JSON", Script::bad_json(&[]), 2, "unreadable"),
        ("bad JSON after text", Script::bad_json(&["SELECT "]), 2, "unreadable"),
        ("error within the stream", Script::error_frame(&["SELECT "]), 2, "unreadable"),
        ("empty choices", Script::empty_choices(), 2, "no choices"),
        ("no text", Script::no_text(), 2, "no text"),
        ("no event stream", Script::raw("{\"choices\":[]}"), 2, "broke off"),
        ("invalid UTF-8 length", Script::raw("data: \u{0}\n\n"), 2, "unreadable"),
        ("endless without text", Script::endless_without_text(), 2, "broke off"),
        ("two megabytes in a line", Script::answer(&["x".repeat(2 << 20).as_str()]), 2, "broke off"),
    ]
}

#[tokio::test]
async fn each_fault_falls_back_to_the_next_provider() {
    for (fault, script, asked, sentence) in faults() {
        let faulty = LlmServer::start(vec![script]).await.unwrap();
        let good = LlmServer::start(vec![Script::answer(&["SELECT", " 1"])]).await.unwrap();
        let budget = Calls::of(8);
        let providers = vec![openai(impatient("faulty", &faulty, sentence)), openai(config("good", good.base_url()))];
        let outcome = run(&quick(providers), ask(&budget)).await;
        assert_eq!(outcome.completion().text, "SELECT 1", "{fault}");
        assert_eq!(outcome.completion().provider, "good", "{fault}");
        assert_eq!(outcome.notices, ["faulty did not answer; good answers instead"], "{fault}");
        assert_eq!((faulty.received().len(), good.received().len()), (asked, 1), "{fault}");
        assert_eq!(budget.spent() as usize, asked + 1, "{fault}");
    }
}

#[tokio::test]
async fn each_fault_alone_is_a_clear_error() {
    for (fault, script, asked, sentence) in faults() {
        let server = LlmServer::start(vec![script]).await.unwrap();
        let faulty = openai(impatient("only", &server, sentence));
        let outcome = run(&quick(vec![faulty]), ask(&Calls::of(8))).await;
        let error = outcome.error().to_string();
        assert!(error.contains(sentence), "{fault}: {error}");
        for secret in ["sk-secret", "127.0.0.1", "scripted failure", &server.base_url()] {
            assert!(!error.contains(secret) && !format!("{outcome:?}").contains(secret), "{fault}: {outcome:?}");
        }
        assert_eq!(server.received().len(), asked, "{fault}");
    }
}

#[tokio::test]
async fn each_fault_that_passes_is_overcome_by_the_same_provider() {
    for (fault, script, asked, sentence) in faults() {
        if asked == 1 {
            continue;
        }
        let server = LlmServer::start(vec![script, Script::answer(&["SELECT", " 1"])]).await.unwrap();
        let faulty = openai(impatient("only", &server, sentence));
        let outcome = run(&quick(vec![faulty]), ask(&Calls::of(8))).await;
        assert_eq!(outcome.completion().text, "SELECT 1", "{fault}");
        assert!(outcome.notices.is_empty(), "{fault}");
    }
}

#[tokio::test]
async fn the_client_itself_never_tries_again() {
    for script in [Script::status(500), Script::status(429), Script::hang(), Script::truncated(&["a"])] {
        let server = LlmServer::start(vec![script]).await.unwrap();
        let once = OpenaiConfig { attempts: 1, first_byte_timeout: PATIENCE, ..config("once", server.base_url()) };
        let budget = Calls::of(8);
        run(&quick(vec![openai(once)]), ask(&budget)).await;
        assert_eq!((server.received().len(), budget.spent()), (1, 1));
    }
}

#[tokio::test]
async fn retry_after_is_read_from_the_wire() {
    let scripts = vec![Script::status(429).with_header("retry-after", "1"), Script::answer(&["1"])];
    let server = LlmServer::start(scripts).await.unwrap();
    let started = Instant::now();
    let outcome = run(&only(&server), ask(&Calls::of(8))).await;
    assert_eq!(outcome.completion().text, "1");
    assert_eq!(outcome.notices, ["only is busy; it is asked again in 1 s"]);
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn an_unreachable_server_falls_back() {
    let gone = LlmServer::start(vec![]).await.unwrap().base_url();
    let good = LlmServer::start(vec![Script::answer(&["1"])]).await.unwrap();
    let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}/v1", unused.local_addr().unwrap());
    drop(unused);
    for base_url in [gone, closed, "http://name.invalid/v1".to_owned()] {
        let providers = vec![openai(config("gone", base_url)), openai(config("good", good.base_url()))];
        let outcome = run(&quick(providers), ask(&Calls::of(8))).await;
        assert_eq!(outcome.completion().provider, "good");
    }
}

#[tokio::test]
async fn a_request_carries_what_was_asked_and_the_key() {
    let server = LlmServer::start(vec![Script::answer(&["{}"])]).await.unwrap();
    let mut asked = request(Purpose::Classify);
    asked.json_schema = Some(json!({"type": "object"}));
    run(&only(&server), call(asked, Calls::of(1), TIME_LEFT)).await;
    let received = server.received().remove(0);
    assert_eq!(received.authorization.as_deref(), Some("Bearer sk-secret"));
    let expected = json!({
        "model": "scripted",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How many?"}],
        "stream": true,
        "stream_options": {"include_usage": true},
        "max_tokens": 100,
        "response_format": {"type": "json_schema", "json_schema": {"name": "classify", "schema": {"type": "object"}}},
    });
    assert_eq!(received.body, expected);
}

#[tokio::test]
async fn without_key_and_schema_neither_is_sent() {
    let server = LlmServer::start(vec![Script::answer(&["{}"])]).await.unwrap();
    let bare = OpenaiConfig { api_key: None, json_schema: false, ..config("bare", server.base_url()) };
    let mut asked = request(Purpose::Classify);
    asked.json_schema = Some(json!({"type": "object"}));
    run(&quick(vec![openai(bare)]), call(asked, Calls::of(1), TIME_LEFT)).await;
    let received = server.received().remove(0);
    assert_eq!(received.authorization, None);
    assert_eq!(received.body.get("response_format"), None);
}

#[tokio::test]
async fn tokens_are_as_the_server_counted_them_or_zero() {
    for (script, expected, cut) in [
        (Script::answer(&["a", "b"]), (7, 2, 9), false),
        (Script::answer_without_usage(&["a", "b"]), (0, 0, 0), false),
        (Script::cut_answer(&["a", "b"]), (0, 0, 0), true),
        (Script::answer_then_hang(&["a", "b"]), (0, 0, 0), false),
    ] {
        let server = LlmServer::start(vec![script]).await.unwrap();
        let outcome = run(&only(&server), ask(&Calls::of(1))).await;
        let completion = outcome.completion();
        let usage = completion.usage;
        assert_eq!((usage.input_tokens, usage.output_tokens, usage.total_tokens), expected);
        assert_eq!((completion.text.as_str(), completion.cut, completion.model.as_str()), ("ab", cut, "scripted"));
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_and_its_connection_closed() {
    let server = LlmServer::start(vec![Script::endless("and so on ")]).await.unwrap();
    let outcome = run(&only(&server), ask(&Calls::of(1))).await;
    assert!(outcome.completion().cut);
    assert_eq!(outcome.completion().text.len(), 16 * 1024);
    assert!(server.was_broken_off(1).await);
}

#[tokio::test]
async fn a_cancel_reaches_the_server_wherever_the_answer_is() {
    for script in [Script::hang(), Script::hang_after_headers(), Script::stall(&["half"])] {
        let server = LlmServer::start(vec![script]).await.unwrap();
        let the_call = ask(&Calls::of(1));
        let cancel = the_call.cancel.clone();
        let chain = only(&server);
        let (outcome, ()) = tokio::join!(run(&chain, the_call), async {
            assert!(server.was_asked(1).await);
            cancel.cancel();
        });
        assert!(matches!(outcome.error(), Error::Cancelled), "{outcome:?}");
        assert!(server.was_broken_off(1).await);
    }
}

#[tokio::test]
async fn dropping_the_pieces_closes_the_connection() {
    let server = LlmServer::start(vec![Script::stall(&["half"])]).await.unwrap();
    let mut pieces = only(&server).stream(ask(&Calls::of(1))).await.unwrap();
    assert_eq!(pieces.next().await.unwrap().unwrap(), Piece::Delta("half".into()));
    drop(pieces);
    assert!(server.was_broken_off(1).await);
}

#[tokio::test]
async fn the_deadline_is_kept_in_each_state() {
    for script in [Script::hang(), Script::stall(&["half"]), Script::status(429).with_header("retry-after", "2")] {
        let server = LlmServer::start(vec![script]).await.unwrap();
        let patient = OpenaiConfig { attempts: 1_000, ..config("patient", server.base_url()) };
        let started = Instant::now();
        let short = call(request(Purpose::Reply), Calls::of(1_000), PATIENCE);
        let outcome: Outcome = run(&quick(vec![openai(patient)]), short).await;
        assert!(matches!(outcome.error(), Error::TimedOut | Error::Unavailable(_)), "{outcome:?}");
        assert!(started.elapsed() < TIME_LEFT / 2, "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_check_says_whether_the_server_answers() {
    let server = LlmServer::start(vec![]).await.unwrap();
    let check = async |config: OpenaiConfig| Openai::new(config).unwrap().check().await;
    assert_eq!(check(config("a", server.base_url())).await.unwrap(), "answers and has scripted");
    let other = OpenaiConfig { model: "other".into(), ..config("a", server.base_url()) };
    assert_eq!(check(other).await.unwrap(), "answers, but does not list other");
    for (script, expected) in [
        (Script::status(404), Ok("answers; whether it has scripted is unknown")),
        (Script::raw("no list"), Ok("answers; whether it has scripted is unknown")),
        (Script::status(401), Err("refused the key: set SCRIPTED_KEY to a key that this provider accepts")),
        (Script::status(503), Err("is busy or out of order (status 503)")),
    ] {
        server.set_models(script);
        let said = check(config("a", server.base_url())).await;
        assert_eq!(said.as_deref().map_err(String::as_str), expected);
    }
    drop(server);
    let closed = check(config("a", "http://127.0.0.1:9/v1".into())).await;
    assert_eq!(closed.unwrap_err(), "cannot be reached");
}

#[tokio::test]
async fn a_whole_answer_is_not_broken_off() {
    let server = LlmServer::start(vec![Script::answer(&["a"])]).await.unwrap();
    for _ in 0..3 {
        run(&only(&server), ask(&Calls::of(1))).await;
    }
    assert_eq!((server.received().len(), server.broken_off()), (3, 0));
}
