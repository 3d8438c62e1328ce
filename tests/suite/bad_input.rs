//! Bad input gets a clear error, crashes nothing and loses nothing.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::process::Command;
use testkit::{World, binary};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

const QUESTION: &str = "How many customers do we have?";

async fn post(world: &World, body: Vec<u8>) -> (u16, Value) {
    let answer = reqwest::Client::new()
        .post(format!("{}/v1/responses", world.demo.url))
        .bearer_auth(&world.demo.token)
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_body_is_answered_with_a_sentence_and_the_next_question_works() {
    let world = World::embedded(&[]).await;
    let large = json!({"input": "x".repeat(1_000_000)}).to_string().into_bytes();
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("empty question", json!({"input": "  "}).to_string().into_bytes(), 400),
        ("no question", b"{}".to_vec(), 400),
        ("no JSON", b"{\"input\":".to_vec(), 400),
        ("no UTF-8", b"{\"input\":\"\xff\xfe\"}".to_vec(), 400),
        ("1 MB", large, 413),
        ("unknown connection", json!({"input": QUESTION, "connection": "con_none"}).to_string().into_bytes(), 404),
        ("deep JSON", ["[".repeat(10_000), "]".repeat(10_000)].concat().into_bytes(), 400),
    ];
    for (name, body, expected) in cases {
        let (status, answer) = post(&world, body).await;
        assert_eq!(status, expected, "{name}: {answer}");
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(message.len() > 15 && answer["error"]["code"].is_string(), "{name}: {answer}");
    }
    assert_eq!(world.client().ask(QUESTION).await.check().status(), "completed");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_user_sound_alike() {
    let world = World::embedded(&[]).await;
    let mut answers = Vec::new();
    for email in [world.demo.email.as_str(), "nobody@example.org"] {
        let answer = reqwest::Client::new()
            .post(format!("{}/v1/auth/login", world.demo.url))
            .json(&json!({"email": email, "password": "not it"}))
            .send()
            .await
            .unwrap();
        answers.push((answer.status().as_u16(), answer.text().await.unwrap()));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, 401);
    world.stop().await;
}

async fn close_code(world: &World, frame: Message) -> u16 {
    let mut request = format!("{}/v1/responses", world.demo.url.replace("http", "ws")).into_client_request().unwrap();
    let bearer = format!("Bearer {}", world.demo.token).parse().unwrap();
    request.headers_mut().insert("Authorization", bearer);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    socket.send(frame).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Close(Some(close)) = message {
            return close.code.into();
        }
    }
    0
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_frame_closes_its_own_socket_with_its_own_code() {
    let world = World::embedded(&[]).await;
    let not_utf8 = Message::Frame(Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true));
    let deep = ["[".repeat(10_000), "]".repeat(10_000)].concat();
    for (name, frame, expected) in [
        ("no JSON", Message::text("{"), 4501),
        ("deep JSON", Message::text(deep), 4501),
        ("no UTF-8", not_utf8, 1007),
        ("1 MB", Message::text("x".repeat(1_000_000)), 1009),
    ] {
        assert_eq!(close_code(&world, frame).await, expected, "{name}");
    }
    assert_eq!(world.client().ask(QUESTION).await.check().status(), "completed");
    world.stop().await;
}

/// The executable with these arguments and variables: exit code and what it said.
fn run(arguments: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(binary())
        .args(arguments)
        .envs(env.iter().copied())
        .env("ASKLINE_EMBEDDED__DATA_DIR", folder.path())
        .env("XDG_DATA_HOME", folder.path())
        .env("ASKLINE_START__WAIT_S", "0")
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Arguments, variables, and what the error must name.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

#[test]
fn wrong_settings_and_missing_servers_are_named() {
    let distributed = ("ASKLINE_MODE", "distributed");
    let nobody = "postgres://askline@127.0.0.1:1/askline";
    let cases: &[Case] = &[
        (&["serve"], &[("ASKLINE_SERVER__LISTENN", "x")], "listenn"),
        (&["serve"], &[("ASKLINE_TURN__DEADLINE_S", "soon")], "deadline_s"),
        (&["serve", "--config", "/nowhere.toml"], &[], "/nowhere.toml"),
        (&["serve"], &[distributed, ("ASKLINE_STORE__URL", nobody)], "store.url"),
        (&["worker", "--kinds", "clasify"], &[distributed], "clasify"),
        (&["worker", "--kinds", "classify"], &[], "distributed"),
        (&["ask", "x"], &[], "askline demo"),
        (&["ask", "x", "--url", "http://127.0.0.1:1", "--token", "t"], &[], "does not answer"),
    ];
    for (arguments, env, named) in cases {
        let (code, said) = run(arguments, env);
        assert_eq!(code, Some(1), "{arguments:?} {env:?}: {said}");
        assert!(said.contains(named), "{arguments:?} {env:?} names {named}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}
