use super::*;
use serde_json::json;

fn table(names: &[&str], rows: Vec<Vec<Cell>>) -> ResultSet {
    ResultSet { columns: names.iter().map(|name| Column::new(*name, "")).collect(), rows, truncated: false }
}

fn one_column(name: &str, values: &[&str]) -> ResultSet {
    table(&[name], values.iter().map(|value| vec![json!(value)]).collect())
}

#[test]
fn columns_are_masked_by_name_and_by_shape() {
    let mut rows = table(
        &["id", "phone", "note", "email_count", "total"],
        vec![vec![json!(7), json!("5551234"), json!("ask ann@example.org"), json!(3), json!("1250.00")]],
    );
    assert_eq!(Masking::default().apply(&mut rows), ["phone", "note"]);
    assert_eq!(rows.rows[0], [json!(7), json!("***"), json!("ask a***@***.org"), json!(3), json!("1250.00")]);
}

#[test]
fn settings_add_and_take_away_columns() {
    let masking = Masking::new(&["employees.Salary".into()], &["support_email".into()]);
    let mut rows = table(&["salary", "support_email"], vec![vec![json!(100), json!("help@example.org")]]);
    assert_eq!(masking.apply(&mut rows), ["salary"]);
    assert_eq!(rows.rows[0], [json!("***"), json!("help@example.org")]);
}

#[test]
fn what_a_column_was_computed_from_counts_more_than_its_name() {
    let masking = Masking::new(&["salary".into()], &["support_email".into()]);
    let mut rows = table(&["s", "support_email", "n"], vec![vec![json!(100), json!("5551234"), json!("Oslo")]]);
    masking.note(&mut rows, |index, _| [Some(Personal::Hidden), Some(Personal::Values), None][index]);
    assert_eq!(rows.rows[0], [json!(100), json!("5551234"), json!("Oslo")], "a note masks nothing");
    assert_eq!(masking.apply(&mut rows), ["s", "support_email"]);
    assert_eq!(rows.rows[0], [json!("***"), json!("***"), json!("Oslo")]);
}

#[test]
fn what_was_masked_stays_as_it_is_and_a_note_outlives_the_rows_that_gave_it() {
    let mut rows = table(&["email"], vec![vec![json!("ann@example.org")]]);
    Masking::default().apply(&mut rows);
    let once = rows.clone();
    assert!(Masking::default().apply(&mut rows).is_empty());
    assert_eq!((rows.rows[0][0].as_str(), &rows), (Some("a***@***.org"), &once));

    let mut rows =
        one_column("number", &["113571367", "127142721", "140714078", "154285432", "167856789", "181428143"]);
    Masking::default().note(&mut rows, |_, _| None);
    let mut shown = rows.head(2);
    assert_eq!(Masking::default().apply(&mut shown), ["number"]);
}

#[test]
fn samples_that_would_be_masked_as_cells_are_taken_away() {
    let column = |name: &str, samples: &[&str]| contracts::ColumnSchema {
        name: name.to_owned(),
        data_type: "text".to_owned(),
        nullable: false,
        comment: None,
        samples: samples.iter().map(|value| (*value).to_owned()).collect(),
    };
    let mut table = contracts::TableSchema {
        namespace: None,
        name: "people".to_owned(),
        comment: None,
        columns: vec![
            column("city", &["Oslo"]),
            column("grade", &["A"]),
            column("note", &["ann@example.org"]),
            column("pin", &["12"]),
        ],
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
        row_estimate: None,
        is_view: false,
    };
    let mut schema = Schema { tables: vec![table.clone()] };
    Masking::new(&["people.grade".into()], &[]).apply_to_samples(&mut schema);
    table.columns[1..].iter_mut().for_each(|column| column.samples.clear());
    assert_eq!(schema.tables, [table]);
}

#[test]
fn bare_national_ids_are_known_by_their_whole_column() {
    for ids in [
        ["113571367", "127142721", "140714078", "154285432", "167856789", "181428143"],
        ["65050464899", "80030310894", "51071847416", "98010885256", "84060928287", "56050704203"],
        ["54324451918", "66832374122", "94049483696", "79467234440", "11074887534", "33163742548"],
    ] {
        let masked = |ids: &[&str]| Masking::default().apply(&mut one_column("number", ids));
        assert_eq!(masked(&ids), ["number"]);
        assert!(masked(&ids[..5]).is_empty(), "five may be chance");
        assert_eq!(Masking::default().apply(&mut one_column("person_no", &ids[..1])), ["person_no"]);
        let numbers = ids.iter().map(|id| vec![json!(id.parse::<u64>().unwrap())]).collect();
        assert_eq!(Masking::default().apply(&mut table(&["number"], numbers)), ["number"]);
    }
}

#[test]
fn ordinary_numbers_are_no_ids() {
    for first in [123_456_780_u64, 1_000_000_000, 2_024_010_100, 20_240_101_000, 1_790_000_000_123, 300_000_000_000] {
        for step in [1, 7, 10] {
            let orders = (0..50).map(|number| vec![json!(first + step * number)]).collect();
            assert!(Masking::default().apply(&mut table(&["order_no"], orders)).is_empty(), "{first} {step}");
        }
        assert!(Masking::default().apply(&mut table(&["document_no"], vec![vec![json!(first)]])).is_empty(), "{first}");
    }
    let isbns =
        one_column("isbn", &["0306406152", "0131103628", "0201633612", "0596007124", "0321125215", "0134685997"]);
    assert!(Masking::default().apply(&mut isbns.clone()).is_empty());
}

#[test]
fn numbers_in_a_personal_column_are_masked_when_they_are_long() {
    let mut rows = table(&["mobile", "dob_year"], vec![vec![json!(4_915_112_345_678_u64), json!(1985)]]);
    assert_eq!(Masking::default().apply(&mut rows), ["mobile"]);
    assert_eq!(rows.rows[0], [json!("***"), json!(1985)]);
}

#[test]
fn personal_data_within_a_document_is_masked_too() {
    let mut rows = table(&["profile"], vec![vec![json!({"name": "Ann", "mail": "ann@example.org"})]]);
    assert_eq!(Masking::default().apply(&mut rows), ["profile"]);
    assert_eq!(rows.rows[0], [json!({"name": "Ann", "mail": "a***@***.org"})]);
}
