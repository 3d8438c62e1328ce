//! The rules on schemas that are not the shop: names, keys and types as they come.

use contracts::{ColumnSchema, Dialect, ForeignKey, Schema, TableSchema};
use domain::rules;

fn column(name: &str, data_type: &str, samples: &[&str]) -> ColumnSchema {
    ColumnSchema {
        name: name.to_owned(),
        data_type: data_type.to_owned(),
        nullable: true,
        comment: None,
        samples: samples.iter().map(|sample| (*sample).to_owned()).collect(),
    }
}

fn table(name: &str, key: &str, columns: Vec<ColumnSchema>, references: &[(&str, &str, &str)]) -> TableSchema {
    let reference = |(column, to, referenced): &(&str, &str, &str)| ForeignKey {
        columns: vec![(*column).to_owned()],
        table: (*to).to_owned(),
        referenced: vec![(*referenced).to_owned()],
    };
    TableSchema {
        namespace: None,
        name: name.to_owned(),
        comment: None,
        columns,
        primary_key: vec![key.to_owned()],
        foreign_keys: references.iter().map(reference).collect(),
        row_estimate: None,
        is_view: false,
    }
}

/// Authors write books; members borrow them. Camel case, a reserved word, numbers and flags as text.
fn library() -> Schema {
    let authors = vec![
        column("AuthorId", "INTEGER", &[]),
        column("FirstName", "TEXT", &["Ines", "Karl"]),
        column("LastName", "TEXT", &["Moreau", "Feld"]),
        column("BirthYear", "INTEGER", &[]),
        column("Nationality", "TEXT", &["French", "German"]),
    ];
    let books = vec![
        column("BookId", "INTEGER", &[]),
        column("AuthorId", "INTEGER", &[]),
        column("Title", "TEXT", &["Salt Roads", "The Quiet Engine"]),
        column("PageCount", "TEXT", &["90", "312"]),
        column("Order", "INTEGER", &[]),
        column("IsFiction", "TEXT", &["Y", "N"]),
    ];
    let loans = vec![
        column("LoanId", "INTEGER", &[]),
        column("BookId", "INTEGER", &[]),
        column("LentFromBranch", "INTEGER", &[]),
        column("ReturnedToBranch", "INTEGER", &[]),
        column("LoanDate", "DATE", &[]),
    ];
    let branches = vec![column("BranchId", "INTEGER", &[]), column("Name", "TEXT", &["Harbour", "Old Mill"])];
    Schema {
        tables: vec![
            table("Authors", "AuthorId", authors, &[]),
            table("Books", "BookId", books, &[("AuthorId", "Authors", "AuthorId")]),
            table("Branches", "BranchId", branches, &[]),
            table(
                "Loans",
                "LoanId",
                loans,
                &[
                    ("BookId", "Books", "BookId"),
                    ("LentFromBranch", "Branches", "BranchId"),
                    ("ReturnedToBranch", "Branches", "BranchId"),
                ],
            ),
        ],
    }
}

fn said(question: &str, schema: &Schema, dialect: Dialect) -> String {
    rules::answer(question, schema, dialect).map_or_else(|abstention| abstention.message, |answer| answer.sql)
}

#[track_caller]
fn expect(question: &str, wanted: &str) {
    assert_eq!(said(question, &library(), Dialect::Sqlite), wanted, "{question}");
}

#[test]
fn camel_case_and_two_part_names_are_read() {
    expect("List all authors", "SELECT FirstName, LastName FROM Authors");
    expect("Which author is the youngest?", "SELECT FirstName, LastName FROM Authors ORDER BY BirthYear DESC LIMIT 1");
    expect(
        "What are the first and last names of French authors?",
        "SELECT FirstName, LastName FROM Authors WHERE Nationality = 'French'",
    );
    expect(
        "How many nationalities do authors have?",
        "SELECT COUNT(DISTINCT Nationality) AS different_nationality FROM Authors",
    );
}

#[test]
fn numbers_stored_as_text_are_compared_as_numbers() {
    expect("Which books have a page count above 200?", "SELECT Title FROM Books WHERE CAST(PageCount AS REAL) > 200");
    let postgres = said("Which books have a page count above 200?", &library(), Dialect::Postgres);
    assert_eq!(postgres, "SELECT \"Title\" FROM \"Books\" WHERE CAST(NULLIF(\"PageCount\", '') AS numeric) > 200");
}

#[test]
fn reserved_words_are_quoted_for_each_dialect() {
    let question = "What is the highest order of books?";
    assert_eq!(said(question, &library(), Dialect::Sqlite), "SELECT MAX(\"Order\") AS highest_order FROM Books");
    assert_eq!(said(question, &library(), Dialect::Mysql), "SELECT MAX(`Order`) AS highest_order FROM Books");
    assert_eq!(said(question, &library(), Dialect::Postgres), "SELECT MAX(\"Order\") AS highest_order FROM \"Books\"");
}

#[test]
fn columns_of_yes_and_no_are_conditions() {
    expect("How many fiction books are there?", "SELECT COUNT(*) AS number_of_books FROM Books WHERE IsFiction = 'Y'");
}

#[test]
fn related_rows_are_counted_and_required() {
    expect(
        "Which authors have at least 2 books?",
        "SELECT Authors.FirstName, Authors.LastName FROM Authors JOIN Books ON Books.AuthorId = Authors.AuthorId \
         GROUP BY Authors.FirstName, Authors.LastName, Authors.AuthorId HAVING COUNT(*) >= 2",
    );
    expect(
        "Which authors have no books?",
        "SELECT FirstName, LastName FROM Authors WHERE AuthorId NOT IN (SELECT AuthorId FROM Books WHERE AuthorId IS NOT NULL)",
    );
    expect(
        "How many authors have more than 3 books?",
        "SELECT COUNT(*) AS number_of_Authors FROM Authors WHERE AuthorId IN (SELECT Authors.AuthorId FROM Authors \
         JOIN Books ON Books.AuthorId = Authors.AuthorId GROUP BY Authors.AuthorId HAVING COUNT(*) > 3)"
            .replace("number_of_Authors", "number_of_authors")
            .as_str(),
    );
}

#[test]
fn the_named_reference_is_followed() {
    let sql = said("How many loans are there per returned to branch?", &library(), Dialect::Sqlite);
    assert!(sql.contains("ReturnedToBranch"), "{sql}");
    assert!(!sql.contains("LentFromBranch"), "{sql}");
}

#[test]
fn a_row_is_not_repeated_by_what_it_is_related_to() {
    expect(
        "List the authors of books with a page count above 200",
        "SELECT FirstName, LastName FROM Authors WHERE AuthorId IN \
         (SELECT AuthorId FROM Books WHERE CAST(PageCount AS REAL) > 200)",
    );
}

#[test]
fn tables_without_declared_keys_are_joined_by_their_names() {
    let teams = vec![column("id", "integer", &[]), column("name", "text", &["Harriers"])];
    let players = vec![column("id", "integer", &[]), column("team_id", "integer", &[]), column("name", "text", &[])];
    let schema = Schema { tables: vec![table("teams", "id", teams, &[]), table("players", "id", players, &[])] };
    assert_eq!(
        said("How many players does each team have?", &schema, Dialect::Sqlite),
        "SELECT teams.name, COUNT(*) AS number_of_players FROM players JOIN teams ON teams.id = players.team_id \
         GROUP BY teams.id, teams.name ORDER BY COUNT(*) DESC"
    );
}

#[test]
fn namespaces_are_said_where_they_matter() {
    let mut schema = library();
    for table in &mut schema.tables {
        table.namespace = Some("public".to_owned());
    }
    assert_eq!(
        said("How many books are there?", &schema, Dialect::Postgres),
        "SELECT COUNT(*) AS number_of_books FROM \"Books\""
    );
    for table in &mut schema.tables {
        table.namespace = Some("lending".to_owned());
    }
    assert_eq!(
        said("How many books are there?", &schema, Dialect::Postgres),
        "SELECT COUNT(*) AS number_of_books FROM lending.\"Books\""
    );
    assert_eq!(
        said("How many books are there?", &schema, Dialect::Mysql),
        "SELECT COUNT(*) AS number_of_books FROM Books"
    );
}

#[test]
fn tables_that_are_not_connected_are_not_joined() {
    let one = vec![column("id", "integer", &[]), column("name", "text", &[])];
    let other = vec![column("code", "integer", &[]), column("title", "text", &[])];
    let schema = Schema { tables: vec![table("pilots", "id", one, &[]), table("recipes", "code", other, &[])] };
    let message = said("How many pilots does each recipe have?", &schema, Dialect::Sqlite);
    assert!(message.contains("not connected"), "{message}");
}

#[test]
fn an_empty_schema_is_said_to_hold_nothing() {
    let message = said("How many books are there?", &Schema::default(), Dialect::Sqlite);
    assert!(message.contains("no table"), "{message}");
    assert!(domain::suggest::questions(&Schema::default(), 5).is_empty());
}

#[test]
fn suggestions_fit_any_schema() {
    let questions = domain::suggest::questions(&library(), 6);
    assert_eq!(questions.len(), 6, "{questions:?}");
    assert!(questions.contains(&"How many books are there?".to_owned()), "{questions:?}");
}
