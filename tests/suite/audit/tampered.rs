//! Somebody with the rights of the store changes the audit, on real SQLite and PostgreSQL: the check says where.

use super::execute;
use adapter_store::{Options, Store};
use app::{SystemClock, Verified, verify_audit};
use contracts::BusinessId;
use domain::audit_chain::{Fault, hash};
use ports::audit::{AuditLog, AuditPhase, AuditRow};
use std::sync::Arc;
use tempfile::TempDir;
use testkit::FreshDatabase;

const ROWS: i64 = 8;

/// A store with a chain of eight rows of one business, and of two of another.
struct Tampered {
    store: Store,
    url: String,
    is_sqlite: bool,
    _keep: Keep,
}

enum Keep {
    Folder { _folder: TempDir },
    Database { _database: FreshDatabase },
}

fn business() -> BusinessId {
    "biz_1".into()
}

fn row(business: &str, n: i64) -> AuditRow {
    let is_outcome = n % 2 == 1;
    AuditRow {
        id: format!("aud_{business}_{n}"),
        business: business.into(),
        user: "usr_1".into(),
        turn: format!("resp_{}", n / 2).as_str().into(),
        hop: "resp/execute_sql.0".into(),
        attempt: 1,
        connection: "con_1".into(),
        phase: if is_outcome { AuditPhase::Outcome } else { AuditPhase::Intent },
        intent: is_outcome.then(|| format!("aud_{business}_{}", n - 1)),
        question: (!is_outcome).then(|| "How many?".to_owned()),
        sql: "SELECT 1".to_owned(),
        tables: vec!["orders".to_owned()],
        verdict: if is_outcome { "done" } else { "execute" }.to_owned(),
        rows: is_outcome.then_some(1),
        duration_ms: is_outcome.then_some(3),
        at_ms: n,
    }
}

impl Tampered {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("store.sqlite").display());
        Self::open(url, true, Keep::Folder { _folder: folder }).await
    }

    async fn postgres() -> Self {
        let database = FreshDatabase::postgres().await;
        Self::open(database.url.clone(), false, Keep::Database { _database: database }).await
    }

    async fn open(url: String, is_sqlite: bool, keep: Keep) -> Self {
        let store = Store::open(&url, Options::new(Arc::new(SystemClock::default()))).await.unwrap();
        store.migrate().await.unwrap();
        for n in 0..ROWS {
            store.audit(&row("biz_1", n)).await.unwrap();
        }
        for n in 0..2 {
            store.audit(&row("biz_2", n)).await.unwrap();
        }
        Self { store, url, is_sqlite, _keep: keep }
    }

    /// Takes the protection away and runs statements.
    async fn tamper(&self, statements: &[&str]) {
        let triggers = [
            "audit_is_never_updated",
            "audit_is_never_deleted",
            "audit_is_never_replaced",
            "audit_link_is_never_replaced",
            "audit_is_chained",
            "audit_head_follows",
        ];
        let dropped = triggers.map(|trigger| format!("DROP TRIGGER IF EXISTS {trigger}"));
        let unprotected: Vec<&str> = match self.is_sqlite {
            true => dropped.iter().map(String::as_str).collect(),
            false => vec!["ALTER TABLE audit DISABLE TRIGGER USER"],
        };
        execute(&self.url, &[unprotected.as_slice(), statements].concat()).await;
    }

    async fn head(&self) -> String {
        self.store.audit_heads(Some(&business())).await.unwrap()[0].hash.clone()
    }

    async fn verify(&self, hashes: &[String]) -> Verified {
        verify_audit(&self.store, None, hashes, &mut |_, _| {}).await.unwrap()
    }

    /// What the check finds in the chain that was tampered with. The other one is sound.
    async fn found(&self) -> Vec<(i64, Fault)> {
        let verified = self.verify(&[]).await;
        let found: Vec<_> = verified.findings().map(|(of, finding)| (of.clone(), finding)).collect();
        assert!(found.iter().all(|(of, _)| *of == business()), "{found:?}");
        assert!(found.iter().all(|(_, finding)| finding.sentence().len() > 30), "{found:?}");
        assert_eq!(verified.is_sound(), found.is_empty());
        found.into_iter().map(|(_, finding)| (finding.seq, finding.fault.clone())).collect()
    }

    /// Writes the links from a row on anew, as the program would have: numbers, hashes and the head.
    async fn relink(&self, from: i64) {
        let rows = self.store.audit_page(&business(), None, 100).await.unwrap();
        let mut previous = rows.iter().rfind(|row| row.seq < from).map(|row| row.hash.clone()).unwrap();
        let mut statements = Vec::new();
        let later: Vec<_> = rows.iter().filter(|row| row.seq >= from).collect();
        for (row, seq) in later.iter().zip(from..) {
            let fields = row.fields.iter().map(Option::as_deref);
            let anew = hash("biz_1", seq, &previous, fields);
            let id = row.id();
            statements.push(format!(
                "UPDATE audit SET seq = {seq}, previous = '{previous}', hash = '{anew}' WHERE id = '{id}'"
            ));
            previous = anew;
        }
        let last = from + i64::try_from(later.len()).unwrap() - 1;
        statements
            .push(format!("UPDATE audit_heads SET seq = {last}, hash = '{previous}' WHERE business_id = 'biz_1'"));
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        self.tamper(&statements).await;
    }
}

macro_rules! on_both_stores {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() { super::$case(super::Tampered::sqlite().await).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() { super::$case(super::Tampered::postgres().await).await; })*
        }
    };
}

on_both_stores!(
    an_audit_as_it_was_written_is_sound,
    a_changed_row_is_found,
    every_column_of_a_row_is_protected,
    rows_that_are_missing_in_the_middle_are_found,
    rows_that_are_missing_at_the_beginning_are_found,
    a_tail_that_was_cut_off_is_found,
    a_tail_that_was_cut_off_with_its_head_is_found_by_a_hash_that_was_kept,
    two_rows_that_were_swapped_are_found,
    a_row_that_was_put_in_at_the_end_is_found,
    a_chain_that_was_written_anew_is_found_by_a_hash_that_was_kept,
    a_row_that_was_taken_out_of_a_chain_written_anew_is_found_by_a_hash_that_was_kept,
    a_head_that_was_removed_is_found,
    a_chain_that_was_removed_altogether_is_found_by_a_hash_that_was_kept,
    a_row_that_was_moved_to_another_business_is_found,
);

async fn an_audit_as_it_was_written_is_sound(audit: Tampered) {
    let head = audit.head().await;
    let rows = audit.store.audit_page(&business(), None, 100).await.unwrap();
    let mut heard = Vec::new();
    let hashes = [head.to_uppercase(), rows[2].hash.clone()];
    let verified = verify_audit(&audit.store, None, &hashes, &mut |read, all| heard.push((read, all))).await.unwrap();
    assert!(verified.is_sound(), "{verified:?}");
    let chains: Vec<_> = verified.chains.iter().map(|chain| (chain.business.as_str(), chain.checked.rows)).collect();
    assert_eq!(chains, [("biz_1", 8), ("biz_2", 2)]);
    assert_eq!(verified.chains[0].checked.last.as_ref().unwrap().hash, head);
    assert_eq!(heard.last(), Some(&(10, 10)));
    let one = verify_audit(&audit.store, Some(&business()), &[], &mut |_, _| {}).await.unwrap();
    assert_eq!(one.chains.len(), 1);
}

async fn a_changed_row_is_found(audit: Tampered) {
    audit.tamper(&["UPDATE audit SET statement = 'SELECT 2' WHERE business_id = 'biz_1' AND seq = 3"]).await;
    assert_eq!(audit.found().await, [(3, Fault::Changed)]);
}

async fn every_column_of_a_row_is_protected(audit: Tampered) {
    let texts = ["user_id", "turn_id", "hop", "connection_id", "statement", "tables", "verdict", "question"];
    let numbers = ["attempt", "at_ms", "row_count", "duration_ms"];
    let texts = texts.map(|column| (column, format!("{column} || 'x'"), "''"));
    let numbers = numbers.map(|column| (column, format!("{column} + 1"), "0"));
    for (column, changed, if_null) in texts.into_iter().chain(numbers) {
        let seq = if ["row_count", "duration_ms"].contains(&column) { 4 } else { 3 };
        let at = format!("WHERE business_id = 'biz_1' AND seq = {seq}");
        let keep = format!("CREATE TABLE kept AS SELECT {column} AS was FROM audit {at}");
        let change = format!("UPDATE audit SET {column} = COALESCE({changed}, {if_null}) {at}");
        audit.tamper(&[&keep, &change]).await;
        assert_eq!(audit.found().await, [(seq, Fault::Changed)], "{column}");
        let back = format!("UPDATE audit SET {column} = (SELECT was FROM kept) {at}");
        audit.tamper(&[&back, "DROP TABLE kept"]).await;
        assert_eq!(audit.found().await, [], "{column}");
    }
    audit.tamper(&["UPDATE audit SET question = NULL WHERE business_id = 'biz_1' AND seq = 5"]).await;
    assert_eq!(audit.found().await, [(5, Fault::Changed)]);
}

async fn rows_that_are_missing_in_the_middle_are_found(audit: Tampered) {
    audit.tamper(&["DELETE FROM audit WHERE business_id = 'biz_1' AND seq IN (3, 4)"]).await;
    assert_eq!(audit.found().await, [(5, Fault::Missing { from: 3, to: 4 })]);
}

async fn rows_that_are_missing_at_the_beginning_are_found(audit: Tampered) {
    audit.tamper(&["DELETE FROM audit WHERE business_id = 'biz_1' AND seq <= 2"]).await;
    assert_eq!(audit.found().await, [(3, Fault::Missing { from: 1, to: 2 })]);
}

async fn a_tail_that_was_cut_off_is_found(audit: Tampered) {
    audit.tamper(&["DELETE FROM audit WHERE business_id = 'biz_1' AND seq > 5"]).await;
    assert_eq!(audit.found().await, [(5, Fault::CutOff { head: ROWS })]);
}

async fn a_tail_that_was_cut_off_with_its_head_is_found_by_a_hash_that_was_kept(audit: Tampered) {
    let kept = audit.head().await;
    audit
        .tamper(&[
            "DELETE FROM audit WHERE business_id = 'biz_1' AND seq > 6",
            "UPDATE audit_heads SET seq = 6, hash = (SELECT hash FROM audit WHERE business_id = 'biz_1' AND seq = 6) \
             WHERE business_id = 'biz_1'",
        ])
        .await;
    assert_eq!(audit.found().await, [], "nothing in the store tells");
    let verified = audit.verify(std::slice::from_ref(&kept)).await;
    assert_eq!((verified.is_sound(), verified.not_found), (false, vec![kept]));
}

async fn two_rows_that_were_swapped_are_found(audit: Tampered) {
    audit
        .tamper(&[
            "UPDATE audit SET seq = -1 WHERE business_id = 'biz_1' AND seq = 3",
            "UPDATE audit SET seq = 3 WHERE business_id = 'biz_1' AND seq = 5",
            "UPDATE audit SET seq = 5 WHERE business_id = 'biz_1' AND seq = -1",
        ])
        .await;
    let found = audit.found().await;
    for expected in [(3, Fault::Changed), (3, Fault::Unlinked), (5, Fault::Changed), (5, Fault::Unlinked)] {
        assert!(found.contains(&expected), "{expected:?} in {found:?}");
    }
}

async fn a_row_that_was_put_in_at_the_end_is_found(audit: Tampered) {
    let copied = "INSERT INTO audit (id, business_id, user_id, turn_id, hop, attempt, connection_id, statement, tables, \
         verdict, at_ms, seq, previous, hash, question, phase) SELECT 'aud_put_in', business_id, user_id, turn_id, hop, \
         attempt, connection_id, statement, tables, verdict, at_ms, 9, hash, hash, question, phase FROM audit \
         WHERE business_id = 'biz_1' AND seq = 7";
    audit.tamper(&[copied]).await;
    assert_eq!(audit.found().await, [(ROWS, Fault::BeyondHead { rows: 1 })]);
    audit.tamper(&["UPDATE audit_heads SET seq = 9, hash = 'x' WHERE business_id = 'biz_1'"]).await;
    let found = audit.found().await;
    assert!(found.contains(&(9, Fault::Changed)) && found.contains(&(9, Fault::OtherHead)), "{found:?}");
}

async fn a_chain_that_was_written_anew_is_found_by_a_hash_that_was_kept(audit: Tampered) {
    let kept = audit.head().await;
    audit.tamper(&["UPDATE audit SET statement = 'SELECT 2' WHERE business_id = 'biz_1' AND seq = 3"]).await;
    audit.relink(3).await;
    assert_eq!(audit.found().await, [], "nothing in the store tells");
    let verified = audit.verify(std::slice::from_ref(&kept)).await;
    assert_eq!((verified.is_sound(), verified.not_found), (false, vec![kept]));
}

async fn a_row_that_was_taken_out_of_a_chain_written_anew_is_found_by_a_hash_that_was_kept(audit: Tampered) {
    let kept = audit.head().await;
    audit.tamper(&["DELETE FROM audit WHERE business_id = 'biz_1' AND seq IN (3, 4)"]).await;
    audit.relink(3).await;
    assert_eq!(audit.found().await, [], "nothing in the store tells");
    assert!(!audit.verify(&[kept]).await.is_sound());
}

async fn a_head_that_was_removed_is_found(audit: Tampered) {
    audit.tamper(&["DELETE FROM audit_heads WHERE business_id = 'biz_1'"]).await;
    assert_eq!(audit.found().await, [(ROWS, Fault::NoHead)]);
}

async fn a_chain_that_was_removed_altogether_is_found_by_a_hash_that_was_kept(audit: Tampered) {
    let kept = audit.head().await;
    audit
        .tamper(&[
            "DELETE FROM audit WHERE business_id = 'biz_1'",
            "DELETE FROM audit_heads WHERE business_id = 'biz_1'",
        ])
        .await;
    let verified = audit.verify(std::slice::from_ref(&kept)).await;
    assert_eq!((verified.chains.len(), verified.not_found), (1, vec![kept]));
}

async fn a_row_that_was_moved_to_another_business_is_found(audit: Tampered) {
    audit.tamper(&["UPDATE audit SET business_id = 'biz_3' WHERE business_id = 'biz_1' AND seq = 8"]).await;
    let verified = audit.verify(&[]).await;
    let found: Vec<_> = verified.findings().map(|(of, finding)| (of.as_str(), finding.fault.name())).collect();
    assert!(found.contains(&("biz_1", "cut_off")), "{found:?}");
    assert!(found.contains(&("biz_3", "missing")) && found.contains(&("biz_3", "no_head")), "{found:?}");
}
