use crate::database::{sources, statement};
use contracts::{BusinessId, Cell};
use ports::Sources;
use ports::source::{Error, GoOn, ImportLimits, Imported, Upload};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const LIMITS: ImportLimits = ImportLimits { max_rows: 1_000, max_columns: 20, max_database_bytes: 8 << 20 };

async fn import(name: &str, bytes: &[u8]) -> Result<Imported, Error> {
    sources(None).import(Upload { name: name.to_owned(), bytes: bytes.to_vec() }, LIMITS, GoOn::always()).await
}

#[tokio::test]
async fn an_import_that_nobody_wants_any_more_ends_while_it_reads_and_while_it_writes() {
    const ROWS: usize = 20_000;
    let limits = ImportLimits { max_rows: 2 * ROWS, ..LIMITS };
    let bytes = format!("n\n{}", "1\n".repeat(ROWS)).into_bytes();
    let import = async |wanted: usize| {
        let asked = Arc::new(AtomicUsize::new(0));
        let asking = asked.clone();
        let go_on = GoOn::new(move || asking.fetch_add(1, Ordering::SeqCst) < wanted);
        let upload = Upload { name: "numbers.csv".to_owned(), bytes: bytes.clone() };
        let ended = sources(None).import(upload, limits, go_on).await;
        (ended, asked.load(Ordering::SeqCst))
    };
    let (whole, asked) = import(usize::MAX).await;
    assert_eq!(whole.unwrap().rows, ROWS as u64);
    assert!(asked > 20, "asked {asked} times");
    for wanted in [0, asked / 4, asked - 2] {
        let (ended, asked) = import(wanted).await;
        assert!(matches!(ended, Err(Error::Cancelled)), "{ended:?}");
        assert_eq!(asked, wanted + 1, "it ends when it hears so");
    }
}

/// Lays an import down and asks it.
async fn cells(imported: &Imported, sql: &str) -> Vec<Vec<Cell>> {
    let business = BusinessId("biz_files".to_owned());
    let sources = sources(None);
    let access = sources.place(&business, &imported.sha256, imported.database.clone()).await.unwrap();
    assert_eq!(sources.placed(&business, &imported.sha256).await.map(|access| access.url), Some(access.url.clone()));
    assert!(sources.placed(&BusinessId("biz_other".to_owned()), &imported.sha256).await.is_none());
    sources.open(&access).await.unwrap().query(statement(sql)).await.unwrap().rows
}

#[tokio::test]
async fn a_csv_file_becomes_a_table_with_types() {
    let text = "Order No.;Ordered on;Total;Paid;Code;Note\n\
                1;31.12.2024;1.234,50;yes;007;\"two\nlines; and a sign\"\n\
                2;01.02.2025;7;no;12;\n";
    let imported = import("My orders.csv", text.as_bytes()).await.unwrap();
    assert_eq!((imported.tables.as_slice(), imported.rows), (["My_orders".to_owned()].as_slice(), 2));
    let rows = cells(&imported, "SELECT Order_No, Ordered_on, Total, Paid, Code, Note FROM My_orders").await;
    assert_eq!(
        rows[0],
        [json!(1), json!("2024-12-31"), json!(1234.5), json!(1), json!("007"), json!("two\nlines; and a sign")]
    );
    assert_eq!(rows[1], [json!(2), json!("2025-02-01"), json!(7.0), json!(0), json!("12"), json!(null)]);
}

#[tokio::test]
async fn other_encodings_are_read_and_a_guess_is_said() {
    let marked = import("a.csv", b"\xef\xbb\xbfname,city\nJ\xc3\xbcrgen,K\xc3\xb6ln\n").await.unwrap();
    assert_eq!(cells(&marked, "SELECT name, city FROM a").await, [[json!("Jürgen"), json!("Köln")]]);
    assert!(marked.notices.is_empty(), "{:?}", marked.notices);
    let guessed = import("b.csv", b"name,city\nJ\xfcrgen,K\xf6ln\n").await.unwrap();
    assert_eq!(cells(&guessed, "SELECT name, city FROM b").await, [[json!("Jürgen"), json!("Köln")]]);
    assert!(guessed.notices[0].contains("Windows-1252"), "{:?}", guessed.notices);
}

#[tokio::test]
async fn a_file_without_a_header_gets_one() {
    let imported = import("plain.tsv", b"1\tAnn\n2\tBob\n").await.unwrap();
    assert_eq!(cells(&imported, "SELECT column_2 FROM plain WHERE column_1 = 2").await, [[json!("Bob")]]);
    assert!(imported.notices[0].contains("column_1"), "{:?}", imported.notices);
}

#[tokio::test]
async fn what_cannot_be_read_names_the_row_and_what_to_do() {
    for (name, bytes, expected) in [
        ("a.csv", &b"a,b\n1,2\n3,4,5\n"[..], "row 3 has 3 values"),
        ("a.csv", b"", "no rows"),
        ("a.pdf", b"%PDF-1.4\0\0", "no text"),
        ("a.xls", &[0xd0, 0xcf, 0x11, 0xe0, 1, 2], ".xlsx"),
        ("a.xlsx", b"PK\x03\x04broken", "save it anew"),
        ("A.XLSX", b"this is no workbook", "no Excel workbook"),
    ] {
        let error = import(name, bytes).await.unwrap_err();
        assert_eq!(error.class(), "file_unusable");
        assert!(error.to_string().contains(expected), "{name}: {error}");
    }
    let many = "1,2\n".repeat(2_000);
    assert!(import("a.csv", many.as_bytes()).await.unwrap_err().to_string().contains("more than 1000 rows"));
    let wide = "1,".repeat(50);
    assert!(import("a.csv", wide.as_bytes()).await.unwrap_err().to_string().contains("at most 20"));
}

#[tokio::test]
async fn names_that_lead_out_of_the_folder_are_refused() {
    let sources = sources(None);
    for (business, hash) in [("../biz", "aa"), ("biz", "../aa"), ("", "aa")] {
        assert!(sources.place(&BusinessId(business.to_owned()), hash, vec![1]).await.is_err());
        assert!(sources.placed(&BusinessId(business.to_owned()), hash).await.is_none());
    }
}
