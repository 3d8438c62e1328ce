//! The suite of [`AuditLog`](crate::audit::AuditLog): rows, and the chain that they stand in.

use super::bench::{BUSINESS, Bench, business, hop, user};
use crate::PortError;
use crate::audit::{AuditFilter, AuditHead, AuditPhase, AuditRow, StoredAudit, verdict};
use contracts::{BusinessId, TurnId};
use futures_util::future::join_all;
use std::collections::BTreeSet;

/// Runs the suite: `ports::audit_conformance!(make);`. `make` gives a [`Bench`] on a fresh database.
#[macro_export]
macro_rules! audit_conformance {
    ($make:path) => {
        $crate::conformance_cases!(
            $make,
            audit,
            [
                audit_rows_of_a_turn_come_as_they_were_written,
                a_row_is_read_with_everything_that_was_written,
                one_refused_write_does_not_spoil_the_others,
                each_business_has_a_dense_chain_of_its_own,
                writes_at_once_give_dense_chains,
                the_audit_is_listed_newest_first_and_narrowed,
                a_chain_is_read_in_pages,
                a_store_without_audit_has_no_chain,
            ]
        );
    };
}

/// An intent of the first turn.
pub fn intent(id: &str, at_ms: i64) -> AuditRow {
    AuditRow {
        id: id.to_owned(),
        business: business(),
        user: user(),
        turn: "resp_1".into(),
        hop: hop("resp_1"),
        attempt: 1,
        connection: "con_1".into(),
        phase: AuditPhase::Intent,
        intent: None,
        question: Some("How many?".to_owned()),
        sql: "SELECT 'x'".to_owned(),
        tables: vec!["public.orders".to_owned(), "customers".to_owned()],
        verdict: verdict::EXECUTE.to_owned(),
        rows: None,
        duration_ms: None,
        at_ms,
    }
}

/// The outcome of an intent.
pub fn outcome_of(intent: &AuditRow) -> AuditRow {
    AuditRow {
        id: format!("{}_end", intent.id),
        phase: AuditPhase::Outcome,
        intent: Some(intent.id.clone()),
        question: None,
        sql: String::new(),
        tables: Vec::new(),
        verdict: verdict::DONE.to_owned(),
        rows: Some(7),
        duration_ms: Some(12),
        at_ms: intent.at_ms + 12,
        ..intent.clone()
    }
}

/// Panics unless the numbers of a whole chain are dense from 1 and each row names the hash of the one before.
pub fn assert_dense(rows: &[StoredAudit]) {
    let mut previous = "0".repeat(64);
    for (row, seq) in rows.iter().zip(1..) {
        assert_eq!((row.seq, &row.previous), (seq, &previous), "{}", row.id());
        assert!(row.hash.len() == 64 && row.hash.chars().all(|letter| letter.is_ascii_hexdigit()), "{}", row.hash);
        previous.clone_from(&row.hash);
    }
    let hashes: BTreeSet<_> = rows.iter().map(|row| &row.hash).collect();
    assert_eq!(hashes.len(), rows.len(), "each row has a hash of its own");
}

async fn dense(bench: &Bench, business: &BusinessId) -> Vec<StoredAudit> {
    let rows = bench.store.audit_page(business, None, 10_000).await.unwrap();
    assert_dense(&rows);
    rows
}

pub async fn audit_rows_of_a_turn_come_as_they_were_written(bench: Bench) {
    let other_turn = AuditRow { turn: "resp_2".into(), ..intent("aud_0", 5) };
    let first = intent("aud_3", 20);
    let rows = [first.clone(), intent("aud_2", 20), outcome_of(&first), intent("aud_1", 10)];
    for row in rows.iter().chain([&other_turn]) {
        bench.store.audit(row).await.unwrap();
    }
    assert_eq!(bench.store.audit_of(&business(), &"resp_1".into()).await.unwrap(), rows);
}

pub async fn a_row_is_read_with_everything_that_was_written(bench: Bench) {
    let first = AuditRow {
        question: Some("Wie viele Größen?\n\u{1f600}".to_owned()),
        sql: "SELECT 'a:1', '' -- \u{fc}\r\n".to_owned(),
        tables: vec!["\"q\"".to_owned(), String::new()],
        ..intent("aud_1", 1)
    };
    let whole = AuditRow {
        phase: AuditPhase::Whole,
        question: Some(String::new()),
        tables: Vec::new(),
        verdict: verdict::REFUSE.to_owned(),
        ..intent("aud_2", i64::MAX)
    };
    let end = AuditRow { rows: Some(0), duration_ms: Some(1 << 40), attempt: u32::MAX, ..outcome_of(&first) };
    let rows = [first, whole, end];
    for row in &rows {
        bench.store.audit(row).await.unwrap();
    }
    assert_eq!(bench.store.audit_of(&business(), &"resp_1".into()).await.unwrap(), rows);
    let entries = bench.store.audit_list(&business(), &AuditFilter::default(), 10).await.unwrap();
    let stored = dense(&bench, &business()).await;
    for ((entry, row), stored) in entries.iter().rev().zip(&rows).zip(&stored) {
        assert_eq!((&entry.row, entry.row.id.as_str()), (row, stored.id()));
        let link = &entry.link;
        assert_eq!((link.seq as i64, &link.previous, &link.hash), (stored.seq, &stored.previous, &stored.hash));
    }
    let texts = |stored: &StoredAudit| stored.fields.clone();
    assert_eq!(texts(&stored[0])[8].as_deref(), rows[0].question.as_deref());
    assert_eq!((texts(&stored[1])[8].as_deref(), texts(&stored[2])[8].as_deref()), (Some(""), None));
}

pub async fn one_refused_write_does_not_spoil_the_others(bench: Bench) {
    bench.store.audit(&intent("aud_00", 0)).await.unwrap();
    let rows: Vec<_> = (0..40).map(|n| intent(&format!("aud_{n:02}"), n)).collect();
    let written = join_all(rows.iter().map(|row| bench.store.audit(row))).await;
    assert!(matches!(written[0], Err(PortError::Refused { .. })), "{:?}", written[0]);
    assert!(written[1..].iter().all(Result::is_ok));
    let mut stored = bench.store.audit_of(&business(), &"resp_1".into()).await.unwrap();
    stored.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(stored, rows);
    assert_eq!(dense(&bench, &business()).await.len(), 40, "what was refused took no number");
}

pub async fn each_business_has_a_dense_chain_of_its_own(bench: Bench) {
    let theirs = BusinessId::from("biz_2");
    for n in 0..3 {
        let row = intent(&format!("aud_{n}"), n);
        bench.store.audit(&row).await.unwrap();
        bench.store.audit(&outcome_of(&row)).await.unwrap();
        let row = AuditRow { id: format!("their_{n}"), business: theirs.clone(), ..row };
        bench.store.audit(&row).await.unwrap();
    }
    let mut heads = Vec::new();
    for (business, length) in [(business(), 6), (theirs.clone(), 3)] {
        let rows = dense(&bench, &business).await;
        assert_eq!(rows.len(), length);
        let last = rows.last().unwrap();
        heads.push(AuditHead { business, seq: last.seq.unsigned_abs(), hash: last.hash.clone() });
    }
    assert_eq!(bench.store.audit_heads(None).await.unwrap(), heads);
    assert_eq!(bench.store.audit_heads(Some(&theirs)).await.unwrap(), heads[1..]);
    assert_eq!(bench.store.audit_heads(Some(&"biz_3".into())).await.unwrap(), []);
    let chains = bench.store.audit_chains().await.unwrap();
    for (chain, head) in chains.iter().zip(&heads) {
        assert_eq!((&chain.business, chain.unchained, chain.beyond), (&head.business, 0, 0));
        assert_eq!(chain.head.as_ref().unwrap(), &(head.seq as i64, head.hash.clone()));
    }
    assert_eq!(chains.len(), 2);
}

/// Intents and outcomes, of several businesses, in orders that cross.
pub async fn writes_at_once_give_dense_chains(bench: Bench) {
    let businesses: Vec<BusinessId> = ["biz_1", "biz_2", "biz_3"].map(BusinessId::from).into();
    let acts = businesses.iter().flat_map(|business| (0..20).map(move |n| (business, n)));
    let act = |(business, n): (&BusinessId, i64)| {
        let row = AuditRow { business: business.clone(), ..intent(&format!("{business}_{n}"), 100 - n) };
        let store = &bench.store;
        async move {
            store.audit(&row).await.unwrap();
            store.audit(&outcome_of(&row)).await.unwrap();
        }
    };
    join_all(acts.map(act)).await;
    for business in &businesses {
        let rows = dense(&bench, business).await;
        let place = |id: &str| rows.iter().position(|row| row.id() == id).unwrap();
        assert_eq!(rows.len(), 40);
        for n in 0..20 {
            let id = format!("{business}_{n}");
            assert!(place(&id) < place(&format!("{id}_end")), "{id}");
        }
    }
}

pub async fn the_audit_is_listed_newest_first_and_narrowed(bench: Bench) {
    let rows = [
        intent("aud_1", 10),
        AuditRow { turn: "resp_2".into(), ..intent("aud_2", 20) },
        AuditRow { turn: "resp_2".into(), user: "usr_2".into(), ..intent("aud_3", 30) },
        AuditRow { connection: "con_2".into(), ..intent("aud_4", 40) },
        AuditRow { business: "biz_2".into(), ..intent("aud_5", 50) },
    ];
    for row in &rows {
        bench.store.audit(row).await.unwrap();
    }
    let turn = Some(TurnId::from("resp_2"));
    let all = AuditFilter::default;
    let cases = [
        (all(), 10, vec!["aud_4", "aud_3", "aud_2", "aud_1"]),
        (all(), 2, vec!["aud_4", "aud_3"]),
        (AuditFilter { before: Some(3), ..all() }, 10, vec!["aud_2", "aud_1"]),
        (AuditFilter { turn: turn.clone(), ..all() }, 10, vec!["aud_3", "aud_2"]),
        (AuditFilter { turn: turn.clone(), user: Some("usr_1".into()), ..all() }, 10, vec!["aud_2"]),
        (AuditFilter { turn, before: Some(3), ..all() }, 10, vec!["aud_2"]),
        (AuditFilter { user: Some("usr_2".into()), ..all() }, 10, vec!["aud_3"]),
        (AuditFilter { connection: Some("con_2".into()), ..all() }, 10, vec!["aud_4"]),
        (AuditFilter { since_ms: Some(20), until_ms: Some(40), ..all() }, 10, vec!["aud_3", "aud_2"]),
    ];
    for (filter, limit, expected) in cases {
        let listed = bench.store.audit_list(&BUSINESS.into(), &filter, limit).await.unwrap();
        let ids: Vec<_> = listed.iter().map(|entry| entry.row.id.as_str()).collect();
        assert_eq!(ids, expected, "{filter:?}");
    }
}

pub async fn a_chain_is_read_in_pages(bench: Bench) {
    for n in 0..7 {
        bench.store.audit(&intent(&format!("aud_{n}"), n)).await.unwrap();
    }
    let mut read = Vec::new();
    loop {
        let after = read.last().map(|last: &StoredAudit| (last.seq, last.id().to_owned()));
        let after = after.as_ref().map(|(seq, id)| (*seq, id.as_str()));
        let page = bench.store.audit_page(&business(), after, 3).await.unwrap();
        assert!(page.len() <= 3);
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(read, dense(&bench, &business()).await);
    assert_eq!(read.len(), 7);
}

pub async fn a_store_without_audit_has_no_chain(bench: Bench) {
    assert_eq!(bench.store.audit_chains().await.unwrap(), []);
    assert_eq!(bench.store.audit_heads(None).await.unwrap(), []);
    assert_eq!(bench.store.audit_page(&business(), None, 10).await.unwrap(), []);
}
