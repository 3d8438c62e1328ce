//! Workbooks, honest ones and such as are made to be large.

use crate::database::{sources, statement};
use contracts::{BusinessId, Cell};
use ports::Sources;
use ports::source::{Error, GoOn, ImportLimits, Imported, Upload};
use serde_json::json;
use std::io::{Cursor, Write};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const LIMITS: ImportLimits = ImportLimits { max_rows: 1_000, max_columns: 20, max_database_bytes: 8 << 20 };

const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
/// Style 1 is a date, style 2 a date with a time.
const STYLES: &str = "<cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"22\"/></cellXfs>";

/// The parts of a workbook.
struct Workbook {
    sheets: Vec<(&'static str, String)>,
    shared: Vec<String>,
}

impl Workbook {
    fn of(rows: impl Into<String>) -> Self {
        Self { sheets: vec![("Orders", rows.into())], shared: Vec::new() }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let mut part = |name: &str, text: String| {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        };
        let numbered = || self.sheets.iter().enumerate().map(|(index, (name, _))| (index + 1, name));
        let sheets: String = numbered()
            .map(|(number, name)| format!("<sheet name=\"{name}\" sheetId=\"{number}\" r:id=\"rId{number}\"/>"))
            .collect();
        let targets: String = numbered()
            .map(|(number, _)| format!("<Relationship Id=\"rId{number}\" Target=\"worksheets/sheet{number}.xml\"/>"))
            .collect();
        let shared: String = self.shared.iter().map(|text| format!("<si><t>{text}</t></si>")).collect();
        part(
            "xl/workbook.xml",
            format!("<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\"><sheets>{sheets}</sheets></workbook>"),
        );
        part("xl/_rels/workbook.xml.rels", format!("<Relationships>{targets}</Relationships>"));
        part("xl/styles.xml", format!("<styleSheet xmlns=\"{MAIN}\">{STYLES}</styleSheet>"));
        part("xl/sharedStrings.xml", format!("<sst xmlns=\"{MAIN}\">{shared}</sst>"));
        for (index, (_, rows)) in self.sheets.iter().enumerate() {
            let text = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>");
            part(&format!("xl/worksheets/sheet{}.xml", index + 1), text);
        }
        zip.finish().unwrap().into_inner()
    }
}

async fn import_within(limits: ImportLimits, bytes: Vec<u8>) -> Result<Imported, Error> {
    sources(None).import(Upload { name: "book.xlsx".to_owned(), bytes }, limits, GoOn::always()).await
}

async fn refusal(bytes: Vec<u8>) -> String {
    let error = import_within(LIMITS, bytes).await.unwrap_err();
    assert_eq!(error.class(), "file_unusable", "{error}");
    error.to_string()
}

async fn cells(imported: &Imported, sql: &str) -> Vec<Vec<Cell>> {
    let sources = sources(None);
    let business = BusinessId("biz_sheets".to_owned());
    let access = sources.place(&business, &imported.sha256, imported.database.clone()).await.unwrap();
    sources.open(&access).await.unwrap().query(statement(sql)).await.unwrap().rows
}

#[tokio::test]
async fn a_workbook_becomes_a_table_for_each_sheet_with_types() {
    let orders = "<row r=\"3\"><c r=\"B3\" t=\"s\"><v>0</v></c><c r=\"C3\" t=\"s\"><v>1</v></c>\
                  <c r=\"D3\" t=\"inlineStr\"><is><t>ordered on</t></is></c><c r=\"E3\" t=\"s\"><v>2</v></c>\
                  <c r=\"F3\" t=\"s\"><v>3</v></c></row>\
                  <row r=\"4\"><c r=\"B4\"><v>7</v></c><c r=\"C4\"><v>12.5</v></c><c r=\"D4\" s=\"1\"><v>45351</v></c>\
                  <c r=\"E4\" t=\"b\"><v>1</v></c><c r=\"F4\" s=\"2\"><v>45351.75</v></c></row>\
                  <row r=\"6\"><c r=\"B6\"><f>B4+1</f><v>8</v></c><c r=\"C6\"/><c r=\"D6\" s=\"1\"><v>45352</v></c>\
                  <c r=\"E6\" t=\"b\"><v>0</v></c><c r=\"F6\" t=\"e\"><v>#N/A</v></c></row>";
    let people = "<row><c t=\"inlineStr\"><is><t>name</t></is></c><c t=\"inlineStr\"><is><t>code</t></is></c></row>\
                  <row><c t=\"inlineStr\"><is><t>J&#252;rgen &amp; Ann</t></is></c>\
                  <c t=\"inlineStr\"><is><t>007</t></is></c></row>";
    let workbook = Workbook {
        sheets: vec![("My orders", orders.to_owned()), ("People", people.to_owned()), ("Empty", String::new())],
        shared: ["Number", "Total", "paid", "seen at"].map(str::to_owned).to_vec(),
    };
    let imported = import_within(LIMITS, workbook.bytes()).await.unwrap();
    assert_eq!((imported.tables.as_slice(), imported.rows), (["My_orders", "People"].map(str::to_owned).as_slice(), 3));
    let rows = cells(&imported, "SELECT Number, Total, ordered_on, paid, seen_at FROM My_orders").await;
    assert_eq!(rows[0], [json!(7), json!(12.5), json!("2024-02-29"), json!(1), json!("2024-02-29 18:00:00")]);
    assert_eq!(rows[1], [json!(8), json!(null), json!("2024-03-01"), json!(0), json!(null)]);
    let people = cells(&imported, "SELECT name, code FROM People").await;
    assert_eq!(people, [[json!("Jürgen & Ann"), json!("007")]]);
}

/// The range between them has 17,179,869,184 cells.
#[tokio::test]
async fn two_cells_far_from_each_other_take_no_memory() {
    let rows = "<row r=\"1\"><c r=\"A1\"><v>1</v></c></row><row r=\"1048576\"><c r=\"XFD1048576\"><v>2</v></c></row>";
    assert!(refusal(Workbook::of(rows).bytes()).await.contains("more than 1000 rows"));
    let wide = "<row r=\"1\"><c r=\"A1\"><v>1</v></c><c r=\"XFD1\"><v>2</v></c></row>";
    assert!(refusal(Workbook::of(wide).bytes()).await.contains("16384 columns"));
    let limits = ImportLimits { max_rows: 2_000_000, max_columns: 20_000, ..LIMITS };
    let error = import_within(limits, Workbook::of(rows).bytes()).await.unwrap_err();
    assert!(error.to_string().contains("spans more than"), "{error}");
}

#[tokio::test]
async fn a_workbook_that_inflates_beyond_bounds_is_refused() {
    let bytes = Workbook::of(" ".repeat(64 << 20)).bytes();
    assert!(bytes.len() < 1 << 20);
    assert!(refusal(bytes).await.contains("larger than 32 MiB"));
}

/// The archive says that the part is small.
#[tokio::test]
async fn the_size_that_an_archive_states_is_not_believed() {
    let size = 64_u32 << 20;
    let prefix = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>").len() + "</sheetData></worksheet>".len();
    let honest = Workbook::of(" ".repeat(size as usize - prefix)).bytes();
    let stated = size.to_le_bytes();
    let mut lying = honest.clone();
    let mut changed = 0;
    for at in 0..honest.len() - 4 {
        if honest[at..at + 4] == stated {
            lying[at..at + 4].copy_from_slice(&1_000_u32.to_le_bytes());
            changed += 1;
        }
    }
    assert!(changed >= 1, "the size stands in the directory");
    assert!(refusal(lying).await.contains("larger than 32 MiB"));
}

#[tokio::test]
async fn one_text_that_many_cells_repeat_is_counted_each_time() {
    let rows: String =
        (1..=100).map(|row| format!("<row r=\"{row}\"><c r=\"A{row}\" t=\"s\"><v>0</v></c></row>")).collect();
    let workbook = Workbook { sheets: vec![("Orders", rows)], shared: vec!["x".repeat(1 << 20)] };
    assert!(refusal(workbook.bytes()).await.contains("more text"));
}

#[tokio::test]
async fn many_sheets_over_one_part_are_refused() {
    let workbook = Workbook { sheets: vec![("Orders", String::new()); 101], shared: Vec::new() };
    assert!(refusal(workbook.bytes()).await.contains("more than 100 sheets"));
}

#[tokio::test]
async fn short_rows_under_a_wide_header_do_not_grow_beyond_bounds() {
    let limits = ImportLimits { max_rows: 100_000, max_columns: 500, ..LIMITS };
    let header: Vec<String> = (0..500).map(|number| format!("column{number}")).collect();
    let text = format!("{}\n{}", header.join(","), "1\n".repeat(30_000));
    let upload = Upload { name: "wide.csv".to_owned(), bytes: text.into_bytes() };
    let error = sources(None).import(upload, limits, GoOn::always()).await.unwrap_err();
    assert!(error.to_string().contains("spans more than"), "{error}");
}

#[tokio::test]
async fn an_archive_that_is_no_workbook_is_refused() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("notes.txt", SimpleFileOptions::default()).unwrap();
    zip.write_all(b"no workbook").unwrap();
    assert!(refusal(zip.finish().unwrap().into_inner()).await.contains("save it anew"));
    assert!(refusal(b"PK\x03\x04 and nothing else".to_vec()).await.contains("save it anew"));
}
