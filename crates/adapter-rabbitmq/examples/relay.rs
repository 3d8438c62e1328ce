use adapter_rabbitmq::{Rabbit, RabbitConfig};
use bytes::Bytes;
use futures_util::StreamExt;
use lapin::{options::*, types::*, BasicProperties, Connection, ConnectionProperties};
use ports::broker::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const STAGES: usize = 5;

async fn ours(total: usize, concurrency: usize) -> f64 {
    let rabbit = Arc::new(Rabbit::connect_for_a_while(RabbitConfig { url: "amqp://guest:guest@127.0.0.1:5672/%2f".into(), prefix: format!("bench-{:x}", rand::random::<u32>()), max_queue_length: 1_000_000 }, Duration::from_secs(60)).await.unwrap());
    let queues: Vec<Queue> = (0..STAGES).map(|n| Queue::interactive(format!("s{n}"))).collect();
    rabbit.declare(&queues).await.unwrap();
    let (done, mut finished) = mpsc::unbounded_channel();
    for n in 0..STAGES {
        let mut consumer = rabbit.consume(&queues[n], 192).await.unwrap();
        let (rabbit, next, done) = (rabbit.clone(), queues.get(n + 1).cloned(), done.clone());
        tokio::spawn(async move {
            while let Some(d) = consumer.next().await {
                let (rabbit, next, done) = (rabbit.clone(), next.clone(), done.clone());
                tokio::spawn(async move {
                    match next { Some(q) => rabbit.publish(&Destination::Work(q), d.message).await.unwrap(), None => done.send(()).unwrap() }
                    d.receipt.ack().await.unwrap();
                });
            }
        });
    }
    let message = Message { id: "resp_0/classify.0".into(), headers: BTreeMap::from([("traceparent".to_owned(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned())]), body: Bytes::from(vec![b'x'; 1024]) };
    let started = Instant::now();
    let mut sent = 0; let mut got = 0;
    while got < total {
        while sent < total && sent - got < concurrency { let (r, q, m) = (rabbit.clone(), queues[0].clone(), message.clone()); tokio::spawn(async move { r.publish(&Destination::Work(q), m).await.unwrap() }); sent += 1; }
        finished.recv().await; got += 1;
    }
    total as f64 / started.elapsed().as_secs_f64()
}

async fn raw(total: usize, concurrency: usize) -> f64 {
    let url = "amqp://guest:guest@127.0.0.1:5672/%2f";
    let publisher = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let consumer = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = publisher.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let prefix = format!("bench-raw-{:x}", rand::random::<u32>());
    let mut args = FieldTable::default();
    args.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    args.insert("x-expires".into(), AMQPValue::LongLongInt(60000));
    let (done, mut finished) = mpsc::unbounded_channel();
    let publish = |channel: lapin::Channel, queue: String, body: Vec<u8>| async move {
        let mut h = FieldTable::default();
        h.insert("traceparent".into(), AMQPValue::LongString("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()));
        let props = BasicProperties::default().with_delivery_mode(2).with_message_id("resp_0/classify.0".into()).with_headers(h);
        let c = channel.basic_publish("".into(), queue.into(), BasicPublishOptions { mandatory: true, immediate: false }, &body, props).await.unwrap().await.unwrap();
        assert!(c.is_ack());
    };
    for n in 0..STAGES { channel.queue_declare(format!("{prefix}{n}").into(), QueueDeclareOptions::durable(), args.clone()).await.unwrap(); }
    for n in 0..STAGES {
        let ch = consumer.create_channel().await.unwrap();
        ch.basic_qos(192, BasicQosOptions::default()).await.unwrap();
        let mut stream = ch.basic_consume(format!("{prefix}{n}").into(), "".into(), BasicConsumeOptions::default(), FieldTable::default()).await.unwrap();
        let (channel, done, prefix) = (channel.clone(), done.clone(), prefix.clone());
        tokio::spawn(async move {
            while let Some(Ok(d)) = stream.next().await {
                let (channel, done, prefix) = (channel.clone(), done.clone(), prefix.clone());
                tokio::spawn(async move {
                    if n + 1 < STAGES { publish(channel, format!("{prefix}{}", n + 1), d.data).await } else { done.send(()).unwrap() }
                    d.acker.ack(BasicAckOptions::default()).await.unwrap();
                });
            }
        });
    }
    let started = Instant::now();
    let mut sent = 0; let mut got = 0;
    while got < total {
        while sent < total && sent - got < concurrency { let (c, q) = (channel.clone(), format!("{prefix}0")); tokio::spawn(publish(c, q, vec![b'x'; 1024])); sent += 1; }
        finished.recv().await; got += 1;
    }
    total as f64 / started.elapsed().as_secs_f64()
}

fn cpu(pid: &str) -> f64 {
    let s = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let f: Vec<&str> = s.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}
fn beam() -> String {
    for e in std::fs::read_dir("/proc").unwrap().flatten() {
        let n = e.file_name().into_string().unwrap();
        if let Ok(c) = std::fs::read_to_string(format!("/proc/{n}/comm")) { if c.trim() == "beam.smp" { return n; } }
    }
    "self".into()
}
#[tokio::main]
async fn main() {
    let beam = beam();
    let total: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(2000);
    for _ in 0..4 {
        for concurrency in [1, 64, 128] {
            let n = if concurrency == 1 { total / 20 } else { total };
            let k = n as f64 / 1000.0;
            let (a, b) = (cpu("self"), cpu(&beam));
            let r = raw(n, concurrency).await;
            let (c, d) = (cpu("self"), cpu(&beam));
            let o = ours(n, concurrency).await;
            let (e, f) = (cpu("self"), cpu(&beam));
            println!("cpu per 1000: raw self {:.2} broker {:.2}; ours self {:.2} broker {:.2}", (c-a)/k, (d-b)/k, (e-c)/k, (f-d)/k);
            println!("c={concurrency}: raw {r:.0}/s ours {o:.0}/s ratio {:.2}", o / r);
        }
    }
}
