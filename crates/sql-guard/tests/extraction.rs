//! The SQL in what models answer.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

use sql_guard::extract_sql;

fn finds(text: &str, expected: &str) {
    assert_eq!(extract_sql(text).as_deref(), Some(expected), "{text}");
}

#[test]
fn sql_alone_is_returned_without_its_semicolon() {
    finds("SELECT 1", "SELECT 1");
    finds("  select a\nfrom t ; \n", "select a\nfrom t");
    finds("SELECT ';' AS a, \"b;c\" FROM t; ;", "SELECT ';' AS a, \"b;c\" FROM t");
    finds("(SELECT 1) UNION (SELECT 2);", "(SELECT 1) UNION (SELECT 2)");
    finds("-- how many\nSELECT 1", "-- how many\nSELECT 1");
    finds("WITH a AS (SELECT 1)\n\nSELECT * FROM a", "WITH a AS (SELECT 1)\n\nSELECT * FROM a");
    finds("SELECT 'it\\'s; here' FROM t;", "SELECT 'it\\'s; here' FROM t");
    finds("SELECT $$a;b$$", "SELECT $$a;b$$");
    finds("SELECT a -- one; two\nFROM t;", "SELECT a -- one; two\nFROM t");
}

#[test]
fn fences_are_stripped() {
    finds("```sql\nSELECT 1;\n```", "SELECT 1");
    finds("```\nSELECT 1\n```\nThis counts.", "SELECT 1");
    finds("```SQLite\nSELECT 1\n", "SELECT 1");
    finds("Here is the query:\n\n```postgresql\nSELECT a FROM t;\n```\n\nIt lists a.", "SELECT a FROM t");
    finds("SELECT 1;\n```", "SELECT 1");
    finds("```sql SELECT 1```", "SELECT 1");
    finds("```\nSELECT 1\n```\nagain:\n```\nSELECT 1\n```", "SELECT 1");
}

#[test]
fn prose_is_left_out() {
    finds("Sure! The query is: SELECT a FROM t WHERE b = 1;", "SELECT a FROM t WHERE b = 1");
    finds("To answer this, select the rows first.\nSELECT a FROM t", "SELECT a FROM t");
    finds("SQL: select a from t", "select a from t");
    finds("SELECT a FROM t;\n\nThis query selects a from t.", "SELECT a FROM t");
    finds("SELECT a FROM t\n\nExplanation: all of them.", "SELECT a FROM t");
    finds("SELECT a FROM t; Note that b is not needed", "SELECT a FROM t");
    finds(
        "With the table t we can answer.\n\nWITH x AS (SELECT 1) SELECT * FROM x",
        "WITH x AS (SELECT 1) SELECT * FROM x",
    );
    finds("I would use SELECT count(*) FROM t", "SELECT count(*) FROM t");
}

#[test]
fn two_statements_are_returned_for_the_guard_to_refuse() {
    finds("SELECT 1; SELECT 2;", "SELECT 1; SELECT 2");
    finds("SELECT 1; DROP TABLE t", "SELECT 1; DROP TABLE t");
    finds("```sql\nSELECT 1;\n```\nor\n```sql\nSELECT 2;\n```", "SELECT 1;\nSELECT 2");
    finds("COMMIT; DROP SCHEMA s CASCADE", "COMMIT; DROP SCHEMA s CASCADE");
}

#[test]
fn a_write_is_returned_for_the_guard_to_refuse() {
    finds("DELETE FROM orders", "DELETE FROM orders");
    finds("```sql\nDROP TABLE t;\n```", "DROP TABLE t");
    finds("/* harmless */ DELETE FROM orders", "/* harmless */ DELETE FROM orders");
}

#[test]
fn text_without_sql_is_none() {
    for text in ["", "   ", "```\n```", "I cannot answer that.", "Please select a connection first.", ";"] {
        assert_eq!(extract_sql(text), None, "{text}");
    }
}
