//! When and how sockets are closed.

use crate::support::{World, Ws, delta};
use contracts::Role;
use serde_json::json;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

#[tokio::test]
async fn what_is_no_json_closes_with_4501() {
    let world = World::new().await;
    for text in ["hello", "{\"type\":", &"[".repeat(10_000)] {
        let mut ws = world.socket().await;
        ws.send_raw(Message::text(text)).await;
        assert_eq!(ws.error().await, "invalid_json");
        assert_eq!(ws.close_code().await, (4501, 0));
    }
}

#[tokio::test]
async fn invalid_utf8_closes_with_1007() {
    let world = World::new().await;
    let mut ws = world.socket().await;
    let frame = Frame::message(vec![b'"', 0xff, b'"'], OpCode::Data(Data::Text), true);
    ws.send_raw(Message::Frame(frame)).await;
    assert_eq!(ws.close_code().await, (1007, 0));
}

#[tokio::test]
async fn a_frame_that_is_too_big_closes_with_1009() {
    let world = World::new().await;
    for length in [70_000, 1_000_000] {
        let mut ws = world.socket().await;
        let frame = json!({"type": "response.create", "input": "x".repeat(length)});
        ws.send(frame).await;
        assert_eq!(ws.close_code().await, (1009, 0));
    }
    assert!(world.effects.all().is_empty());
}

#[tokio::test]
async fn who_does_not_log_in_is_closed_with_4505() {
    let world = World::with(|settings| settings.server.auth_timeout_s = 1).await;
    let mut ws = Ws::open(world.serve().await, &[]).await;
    assert_eq!(ws.error().await, "no_token");
    assert_eq!(ws.close_code().await, (4505, 0));
}

#[tokio::test]
async fn a_token_that_is_not_ours_closes_with_4505_and_an_expired_one_with_4419() {
    let world = World::new().await;
    let address = world.serve().await;
    let mut ws = Ws::open(address, &[("authorization", "Bearer nonsense")]).await;
    assert_eq!((ws.error().await.as_str(), ws.close_code().await), ("invalid_token", (4505, 0)));

    let token = format!("Bearer {}", world.token(Role::Member));
    world.clock.advance(Duration::from_secs(7200 + 60));
    let mut ws = Ws::open(address, &[("authorization", &token)]).await;
    assert_eq!((ws.error().await.as_str(), ws.close_code().await), ("token_expired", (4419, 0)));
}

#[tokio::test]
async fn a_session_ends_with_its_token_after_a_warning() {
    let world = World::with(|settings| settings.server.token_ttl_s = 1).await;
    let mut ws = world.socket().await;
    assert_eq!(ws.next().await, json!({"type": "session.expiring", "ttl": 1}));
    assert_eq!(ws.close_code().await, (4419, 0));
}

#[tokio::test]
async fn a_new_token_of_the_same_user_goes_on_and_of_another_does_not() {
    let world = World::new().await;
    let mut ws = world.socket().await;
    ws.send(json!({"type": "session.update", "token": world.token(Role::Manager)})).await;
    assert_eq!(ws.next().await, json!({"type": "session.updated", "ttl": 7200}));
    ws.send(json!({"type": "session.update", "token": "nonsense"})).await;
    assert_eq!(ws.error().await, "invalid_token");
    let theirs = world.state.jwt.issue(&"usr_2".into(), "b@example.org", &[], 1_760_000_000_000).unwrap().token;
    ws.send(json!({"type": "session.update", "token": theirs})).await;
    assert_eq!(ws.close_code().await, (4503, 0));
}

#[tokio::test]
async fn another_business_closes_with_4503() {
    let world = World::new().await;
    let mut ws = world.socket().await;
    ws.send(json!({"type": "response.create", "input": "x", "metadata": {"business_id": "biz_b"}})).await;
    assert_eq!(ws.error().await, "forbidden_business");
    assert_eq!(ws.close_code().await, (4503, 0));
    assert!(world.effects.all().is_empty());
}

#[tokio::test]
async fn beyond_the_limit_a_socket_closes_with_4504_until_another_has_gone() {
    let world = World::with(|settings| settings.server.max_connections = 1).await;
    let address = world.serve().await;
    let token = format!("Bearer {}", world.token(Role::Member));
    let mut first = Ws::open(address, &[("authorization", &token)]).await;
    assert_eq!(first.next().await["type"], "session.created");
    let mut second = Ws::open(address, &[("authorization", &token)]).await;
    assert_eq!(second.close_code().await, (4504, 0));
    first.socket.close(None).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), world.state.drained()).await.unwrap();
    let mut third = Ws::open(address, &[("authorization", &token)]).await;
    assert_eq!(third.next().await["type"], "session.created");
}

#[tokio::test]
async fn a_process_that_stops_closes_with_1012() {
    let world = World::new().await;
    let mut ws = world.socket().await;
    world.state.shutdown.cancel();
    assert_eq!(ws.close_code().await, (1012, 0));
    tokio::time::timeout(Duration::from_secs(5), world.state.drained()).await.unwrap();
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_closed() {
    let world = World::with(|settings| {
        settings.server.ping_interval_s = 1;
        settings.server.pong_timeout_s = 1;
    })
    .await;
    let mut ws = world.socket().await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(ws.close_code().await, (4408, 0));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_with_4408_and_others_go_on() {
    let world = World::with(|settings| settings.server.pong_timeout_s = 1).await;
    let (_, id) = world.ask_streaming().await;
    let large: Vec<_> = (0..2_000).map(|_| delta(&"x".repeat(16 * 1024))).collect();
    world.log.emit(&id, 0, &large);
    world.end(&id);
    let address = world.serve().await;
    let token = format!("Bearer {}", world.token(Role::Member));

    let small = TcpSocket::new_v4().unwrap();
    small.set_recv_buffer_size(4096).unwrap();
    let mut slow = Ws::open_on(small, address, &[("authorization", &token)]).await;
    let mut quick = Ws::open(address, &[("authorization", &token)]).await;
    for ws in [&mut slow, &mut quick] {
        ws.send(json!({"type": "response.subscribe", "response_id": id})).await;
        assert_eq!(ws.next().await["type"], "session.created");
    }
    let all = quick.take(2_003).await;
    assert_eq!(all.last().unwrap(), &(2_002, "response.completed".to_owned()));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let (code, texts) = slow.close_code().await;
    assert_eq!(code, 4408);
    assert!(texts < 2_003, "all of it fitted into buffers");
}

#[tokio::test]
async fn a_slow_client_that_reads_gets_everything_from_the_log() {
    let world = World::new().await;
    let (_, id) = world.ask_streaming().await;
    let mut ws = world.socket().await;
    ws.send(json!({"type": "response.subscribe", "response_id": id})).await;
    assert_eq!(ws.take(2).await.len(), 2);
    for _ in 0..1_000 {
        world.log.emit(&id, 0, &[delta(&"x".repeat(8 * 1024))]);
    }
    world.end(&id);
    let numbers: Vec<_> = ws.take(1_001).await.into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(numbers, (2..=1_002).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_socket_follows_a_bounded_number_of_responses() {
    let world = World::new().await;
    let mut ws = world.socket().await;
    for n in 0..32 {
        ws.send(json!({"type": "response.create", "input": "x", "idempotency_key": format!("k{n}")})).await;
        assert_eq!(ws.take(2).await.len(), 2);
    }
    ws.send(json!({"type": "response.create", "input": "x", "idempotency_key": "k32"})).await;
    let error = ws.next().await;
    assert_eq!((&error["code"], &error["retryable"]), (&json!("too_many_responses"), &json!(true)));
    world.end("resp_2");
    assert_eq!(ws.next().await["type"], "response.completed");
}
