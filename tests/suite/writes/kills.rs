//! `kill -9` of whoever makes a change, at each point: it is never made twice, and its response ends once and clearly.

use super::shop::{CHANGE, Person, Shop, model};
use std::path::Path;
use std::time::{Duration, Instant};
use testkit::{Embedded, Processes, Transcript, faults_binary, free_port};

const KIND: &str = "execute_change";
const PATIENCE: Duration = Duration::from_secs(60);

/// Where it is killed, whether its end is known, and whether it was made.
const CASES: &[(&str, bool, bool)] = &[
    ("before_work", true, true),
    ("before_statement", false, false),
    ("after_statement", false, true),
    ("before_commit", true, true),
    ("after_commit", true, true),
    ("before_ack", true, true),
];

fn pause(point: &str, reached: &Path) -> (&'static str, String) {
    ("ASKLINE_PAUSE", format!("{KIND}:{point}:{}", reached.display()))
}

async fn until_exists(file: &Path) {
    let started = Instant::now();
    while !file.exists() {
        assert!(started.elapsed() < PATIENCE, "{} was not reached", file.display());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn check(ended: &Transcript, shop: &Shop, case: (&str, bool, bool)) {
    let (point, known, made) = case;
    let totals = if made { [10, 21, 31] } else { [10, 20, 30] };
    assert_eq!(shop.totals(), totals, "{point}");
    match known {
        true => {
            assert_eq!(ended.check().status(), "completed", "{point}: {:#?}", ended.terminal());
            assert_eq!(ended.text(), "Done: 2 rows of orders were changed.", "{point}");
        }
        false => {
            let (code, message) = ended.check().error();
            assert_eq!(code, "change_unknown", "{point}: {:#?}", ended.terminal());
            assert!(message.contains("not made again") && message.contains("Look at the rows"), "{message}");
        }
    }
}

fn state(known: bool) -> &'static str {
    if known { "done" } else { "unknown" }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_at_any_point_makes_no_change_twice() {
    let (_llm, provider) = model(CHANGE).await;
    let lease =
        [("ASKLINE_WORKERS__LEASE_MS", "1500".to_owned()), ("ASKLINE_WORKERS__RENEW_MS", "400".to_owned()), provider];
    let mut processes = Processes::start(&faults_binary(), &lease).await;
    let folder = tempfile::tempdir().unwrap();
    for case in CASES {
        let shop = Shop::new();
        let manager = Person::new(&processes.demo.url, &processes.demo.token);
        let connection = manager.connect_as(&shop, case.0).await;
        let asked = manager.request(&connection).await;
        let reached = folder.path().join(case.0);
        processes.running.remove(KIND).unwrap().terminate();
        processes.start_role(KIND, &[pause(case.0, &reached)]);
        processes.until_ready().await;
        let (status, making) = manager.say("approve", asked.id()).await;
        assert_eq!(status, 202, "{making}");
        until_exists(&reached).await;
        processes.running.get_mut(KIND).unwrap().kill();
        processes.start_role(KIND, &[]);
        let ended = manager.client().follow(&making).await;
        check(&ended, &shop, *case);
        assert_eq!(manager.approval(asked.id()).await["state"], state(case.1), "{}", case.0);
        assert_eq!(manager.say("approve", asked.id()).await, (202, making), "{}", case.0);
        let rows = processes.ports.store.audit_of(&"biz_demo".into(), &ended.id().into()).await.unwrap();
        let intents = rows.iter().filter(|row| row.verdict == "change").count();
        assert_eq!(intents, 1, "{}: it begins once", case.0);
        let outcome = if case.1 { "done" } else { "unknown" };
        assert_eq!(rows.iter().filter(|row| row.verdict == outcome).count(), 1, "{}", case.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_process_killed_at_any_point_makes_no_change_twice() {
    let (binary, folder, port) = (faults_binary(), tempfile::tempdir().unwrap(), free_port());
    let (_llm, provider) = model(CHANGE).await;
    for case in CASES {
        let shop = Shop::new();
        let reached = folder.path().join(case.0);
        let mut first = Embedded::start(&binary, &folder, port, &[provider.clone(), pause(case.0, &reached)]).await;
        let manager = Person::new(&first.demo.url, &first.demo.token);
        let connection = manager.connect_as(&shop, case.0).await;
        let asked = manager.request(&connection).await;
        let (status, making) = manager.say("approve", asked.id()).await;
        assert_eq!(status, 202, "{making}");
        until_exists(&reached).await;
        first.process.kill();
        let second = Embedded::start(&binary, &folder, port, std::slice::from_ref(&provider)).await;
        let ended = manager.client().follow(&making).await;
        check(&ended, &shop, *case);
        assert_eq!(manager.approval(asked.id()).await["state"], state(case.1), "{}", case.0);
        drop(second);
    }
}
