//! The chain of the audit where both dialects must do the same, and where processes meet.

use crate::fresh::{PostgresSchema, SqliteFile, open};
use domain::audit_chain::{FIELDS, GENESIS, hash};
use futures_util::future::join_all;
use ports::audit::{AuditPhase, AuditRow, StoredAudit};
use ports::conformance::audit::{assert_dense, intent, outcome_of};
use ports::conformance::bench::{Bench, business};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

/// Unicode, empty texts, lines, and optional fields that are there and are not.
fn rows() -> [AuditRow; 4] {
    let first = AuditRow {
        id: "aud_\u{e4}".to_owned(),
        question: Some("Wie viele \u{201e}Gr\u{f6}\u{df}en\u{201c}?\n\u{1f600}\t".to_owned()),
        sql: "SELECT '1:a', '\\', '', '\u{4e2d}\u{6587}'\r\n-- x".to_owned(),
        tables: vec!["\"q\"\u{fc}".to_owned(), String::new()],
        ..intent("", 1_760_000_000_000)
    };
    let end = AuditRow { rows: Some(0), duration_ms: Some(1 << 40), ..outcome_of(&first) };
    let refused = AuditRow {
        phase: AuditPhase::Whole,
        question: None,
        sql: String::new(),
        tables: Vec::new(),
        verdict: "refuse".to_owned(),
        at_ms: -1,
        ..intent("aud_3", 0)
    };
    let asked_nothing = AuditRow { question: Some(String::new()), attempt: u32::MAX, ..intent("aud_4", i64::MAX) };
    [first, end, refused, asked_nothing]
}

/// The hashes of those rows. A change of the format makes chains that were written before unreadable.
const GOLDEN: [&str; 4] = [
    "3ffa074c7e321e92556a750c2f18906b68c8943af721b01eb7b357d44e754827",
    "f5c59c1a5e98e38483e286ce6b74b241e2d0cda862ed5ef81c01da135f844ac9",
    "13a67f418b5cd744b6bb79baf91b371b9ab94d5335dae80be8b6b465704f9971",
    "1f51e2ed26f8118d8744827cb9331b1977e89000e69f3fa31370578cda34ea7d",
];

async fn written(bench: &Bench) -> Vec<StoredAudit> {
    for row in &rows() {
        bench.store.audit(row).await.unwrap();
    }
    bench.store.audit_page(&business(), None, 10).await.unwrap()
}

async fn the_hashes_are_those_of_the_domain(bench: Bench) {
    let stored = written(&bench).await;
    assert_eq!(stored.len(), 4);
    let mut previous = GENESIS.to_owned();
    for (row, golden) in stored.iter().zip(GOLDEN) {
        assert_eq!(row.fields.len(), FIELDS.len());
        let fields = row.fields.iter().map(Option::as_deref);
        assert_eq!(row.hash, hash(business().as_str(), row.seq, &previous, fields), "{}", row.id());
        assert_eq!(row.hash, golden, "{}", row.id());
        previous.clone_from(&row.hash);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_hashes_as_the_domain_does() {
    let file = SqliteFile::new();
    the_hashes_are_those_of_the_domain(open(&file.url()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_hashes_as_the_domain_does() {
    let schema = PostgresSchema::new().await;
    the_hashes_are_those_of_the_domain(open(&schema.url()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_dialects_give_the_same_chain() {
    let (file, schema) = (SqliteFile::new(), PostgresSchema::new().await);
    let (here, there) = (open(&file.url()).await, open(&schema.url()).await);
    assert_eq!(written(&here).await, written(&there).await);
}

/// 100 acts of three businesses, each an intent and its outcome, from each of two handles.
async fn two_handles_give_dense_chains(url: &str) {
    let (here, there) = (open(url).await, open(url).await);
    let act = |(bench, name): (&Bench, &'static str), n: i64| {
        let business = format!("biz_{}", n % 3);
        let row = intent(&format!("aud_{name}_{n:03}"), if name == "here" { n } else { 100 - n });
        let row = AuditRow { business: business.as_str().into(), ..row };
        let store = bench.store.clone();
        async move {
            store.audit(&row).await.unwrap();
            store.audit(&outcome_of(&row)).await.unwrap();
        }
    };
    let forth = (0..100).map(|n| act((&here, "here"), n));
    let back = (0..100).rev().map(|n| act((&there, "there"), n));
    tokio::join!(join_all(forth), join_all(back));
    let mut all = 0;
    for n in 0..3 {
        let rows = here.store.audit_page(&format!("biz_{n}").as_str().into(), None, 1_000).await.unwrap();
        assert_dense(&rows);
        all += rows.len();
    }
    assert_eq!(all, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_sqlite_file_give_dense_chains() {
    two_handles_give_dense_chains(&SqliteFile::new().url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_postgres_give_dense_chains() {
    let schema = PostgresSchema::new().await;
    two_handles_give_dense_chains(&schema.url()).await;
}

/// As a release wrote it that knew no chain.
const OLD_ROW: &str = "INSERT INTO audit (id, business_id, user_id, turn_id, hop, attempt, connection_id, statement, \
     tables, verdict, at_ms) VALUES ('aud_old', 'biz_1', 'usr_1', 'resp_1', 'hop', 1, 'con_1', 'SELECT 1', '[]', \
     'execute', 1)";

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_takes_no_row_without_its_link() {
    let file = SqliteFile::new();
    let bench = open(&file.url()).await;
    bench.store.audit(&intent("aud_1", 1)).await.unwrap();
    let mut conn = SqliteConnection::connect(&file.url()).await.unwrap();
    let copied = |seq: &str, previous: &str| {
        format!(
            "INSERT INTO audit (id, business_id, user_id, turn_id, hop, attempt, connection_id, statement, tables, \
             verdict, at_ms, seq, previous, hash) SELECT 'aud_2', business_id, user_id, turn_id, hop, attempt, \
             connection_id, statement, tables, verdict, at_ms, {seq}, {previous}, hash FROM audit"
        )
    };
    for attempt in [OLD_ROW.to_owned(), copied("seq + 2", "hash"), copied("seq + 1", "previous")] {
        let error = sqlx::query(AssertSqlSafe(attempt)).execute(&mut conn).await.unwrap_err().to_string();
        assert!(error.contains("end of their chain"), "{error}");
    }
    let error = sqlx::query(AssertSqlSafe(copied("seq", "previous").replace("INSERT", "INSERT OR REPLACE")));
    let error = error.execute(&mut conn).await.unwrap_err().to_string();
    assert!(error.contains("never changed"), "{error}");
    assert_eq!(bench.store.audit_heads(None).await.unwrap()[0].seq, 1);
}

/// While a release rolls out, processes of the one before write rows without phases. PostgreSQL links them all the same.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_links_rows_of_the_release_before() {
    let schema = PostgresSchema::new().await;
    let bench = open(&schema.url()).await;
    bench.store.audit(&intent("aud_1", 1)).await.unwrap();
    let mut conn = schema.connect().await;
    sqlx::query(OLD_ROW).execute(&mut conn).await.unwrap();
    let rows = bench.store.audit_page(&business(), None, 10).await.unwrap();
    assert_dense(&rows);
    let last = rows.last().unwrap();
    let fields = last.fields.iter().map(Option::as_deref);
    assert_eq!((last.id(), &last.hash), ("aud_old", &hash("biz_1", 2, &last.previous, fields)));
    let read = bench.store.audit_of(&business(), &"resp_1".into()).await.unwrap();
    assert_eq!(read[1].phase, AuditPhase::Whole);
}

/// A statement locks heads in the order of its rows; whatever that is, each chain is whole, and so is what is added later.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_links_rows_of_several_businesses_in_any_order() {
    let schema = PostgresSchema::new().await;
    let bench = open(&schema.url()).await;
    let mut conn = schema.connect().await;
    let row = |(n, business): (usize, &str)| {
        let fields = "'usr_1', 'resp_1', 'hop', 1, 'con_1', 'SELECT 1', '[]', 'execute'";
        format!("('aud_{n}', '{business}', {fields}, {n})")
    };
    for order in [["biz_1", "biz_2", "biz_1", "biz_2", "biz_1"], ["biz_2", "biz_2", "biz_3", "biz_1", "biz_2"]] {
        let first: i64 = sqlx::query_scalar("SELECT count(*) FROM audit").fetch_one(&mut conn).await.unwrap();
        let rows: Vec<String> = (usize::try_from(first).unwrap()..).zip(order).map(row).collect();
        let columns = OLD_ROW.split_once(" VALUES").unwrap().0;
        let insert = format!("{columns} VALUES {}", rows.join(", "));
        sqlx::query(AssertSqlSafe(insert)).execute(&mut conn).await.unwrap();
    }
    for (business, count) in [("biz_1", 4), ("biz_2", 5), ("biz_3", 1)] {
        let rows = bench.store.audit_page(&business.into(), None, 10).await.unwrap();
        assert_eq!(rows.len(), count, "{business}");
        assert_dense(&rows);
        for row in rows {
            let fields = row.fields.iter().map(Option::as_deref);
            assert_eq!(row.hash, hash(business, row.seq, &row.previous, fields), "{}", row.id());
        }
    }
}

/// Rows from before the chain stay as they are, and are told apart.
#[tokio::test(flavor = "multi_thread")]
async fn rows_from_before_the_chain_are_counted_and_read() {
    let file = SqliteFile::new();
    let bench = open(&file.url()).await;
    let mut conn = SqliteConnection::connect(&file.url()).await.unwrap();
    sqlx::query("DROP TRIGGER audit_is_chained").execute(&mut conn).await.unwrap();
    sqlx::query("DROP TRIGGER audit_head_follows").execute(&mut conn).await.unwrap();
    sqlx::query(OLD_ROW).execute(&mut conn).await.unwrap();
    let chains = bench.store.audit_chains().await.unwrap();
    assert_eq!((chains.len(), &chains[0].head, chains[0].unchained), (1, &None, 1));
    assert_eq!(bench.store.audit_page(&business(), None, 10).await.unwrap(), []);
    let read = bench.store.audit_of(&business(), &"resp_1".into()).await.unwrap();
    assert_eq!(
        (read[0].phase, read[0].question.as_deref(), read[0].sql.as_str()),
        (AuditPhase::Whole, None, "SELECT 1")
    );
}

/// An outcome waits for no disk, an intent does: the server's own setting is off only in its transaction.
#[tokio::test(flavor = "multi_thread")]
async fn a_quick_write_leaves_the_connection_as_it_was() {
    let schema = PostgresSchema::new().await;
    let bench = open(&schema.url()).await;
    let mut conn = schema.connect().await;
    let watch = "CREATE TABLE commits (id TEXT, setting TEXT)";
    sqlx::query(watch).execute(&mut conn).await.unwrap();
    let function = "CREATE FUNCTION note_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         INSERT INTO commits VALUES (NEW.id, current_setting('synchronous_commit')); RETURN NULL; END $$";
    sqlx::query(function).execute(&mut conn).await.unwrap();
    let trigger = "CREATE TRIGGER note_commit AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION note_commit()";
    sqlx::query(trigger).execute(&mut conn).await.unwrap();
    for n in 0..4 {
        let row = intent(&format!("aud_{n}"), n);
        bench.store.audit(&row).await.unwrap();
        bench.store.audit(&outcome_of(&row)).await.unwrap();
    }
    let wrong: i64 =
        sqlx::query_scalar("SELECT count(*) FROM commits WHERE (setting = 'off') <> (right(id, 4) = '_end')")
            .fetch_one(&mut conn)
            .await
            .unwrap();
    let noted: i64 = sqlx::query_scalar("SELECT count(*) FROM commits").fetch_one(&mut conn).await.unwrap();
    assert_eq!((wrong, noted), (0, 8));
}
