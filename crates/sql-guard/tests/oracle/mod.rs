//! What must hold of all that the guard allows: it is allowed again and printed the same, and SQLite itself sees it touch
//! nothing but the policy's tables. The tests with random statements and the fuzzer share it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::sync::{Arc, Mutex};

use contracts::Dialect;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use sql_guard::{Affected, CheckedChange, Policy};

/// Functions that no statement may call.
const FORBIDDEN: [&str; 4] = ["load_extension()", "sqlite_version()", "randomblob()", "zeroblob()"];
/// The tables of somebody else.
const FOREIGN: [&str; 3] = ["api_keys", "shop_b_customers", "v_cross"];

/// A database with the tables of the policy and those of somebody else. It notes what a statement touches.
struct Watched {
    database: rusqlite::Connection,
    noted: Arc<Mutex<Vec<String>>>,
}

impl Watched {
    fn new(policy: &Policy) -> Self {
        let database = rusqlite::Connection::open_in_memory().unwrap();
        for table in policy.tables() {
            let columns: Vec<String> = table.columns.iter().map(|column| format!("\"{column}\"")).collect();
            database.execute_batch(&format!("CREATE TABLE \"{}\" ({})", table.name, columns.join(", "))).unwrap();
        }
        let foreign = "CREATE TABLE shop_b_customers (id, name, email); CREATE TABLE api_keys (secret); \
                       CREATE VIEW v_cross AS SELECT * FROM shop_b_customers";
        database.execute_batch(foreign).unwrap();
        let noted = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&noted);
        let watch = move |context: AuthContext<'_>| {
            note(&mut notes.lock().unwrap(), context.action);
            Authorization::Allow
        };
        database.authorizer(Some(watch)).unwrap();
        Self { database, noted }
    }

    /// What it touches, where it can be prepared at all.
    fn touched(&self, sql: &str) -> Vec<String> {
        self.noted.lock().unwrap().clear();
        drop(self.database.prepare(sql));
        let noted = self.noted.lock().unwrap().clone();
        let opened = self.opened(sql);
        let is_real =
            |name: &&String| name.strip_suffix(NO_COLUMN).is_none_or(|table| opened.iter().any(|one| one == table));
        noted.iter().filter(is_real).map(|name| name.trim_end_matches(NO_COLUMN).to_owned()).collect()
    }

    /// The tables that the statement's program opens, by themselves or by an index.
    fn opened(&self, sql: &str) -> Vec<String> {
        let Ok(mut program) = self.database.prepare(&format!("EXPLAIN {sql}")) else { return Vec::new() };
        let step = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>("opcode")?, row.get::<_, i64>("p2")?));
        let steps: Vec<(String, i64)> = program.query_map([], step).unwrap().map(Result::unwrap).collect();
        let roots =
            steps.iter().filter(|(opcode, _)| matches!(opcode.as_str(), "OpenRead" | "OpenWrite" | "ReopenIdx"));
        let named = |root: &i64| {
            let table = "SELECT tbl_name FROM sqlite_schema WHERE rootpage = ?1";
            self.database.query_row(table, [root], |row| row.get::<_, String>(0)).ok()
        };
        roots.filter_map(|(_, root)| named(root)).map(|name| name.to_lowercase()).collect()
    }
}

/// Ends the name of a table of which no column is read. A common table expression without columns in use is noted so too,
/// by the name that the statement gives it.
const NO_COLUMN: char = '?';

/// Tables that are read by their name, functions with brackets, changed tables with an arrow, all else as it is.
fn note(notes: &mut Vec<String>, action: AuthAction<'_>) {
    match action {
        AuthAction::Read { table_name, column_name: "" } => {
            notes.push(format!("{}{NO_COLUMN}", table_name.to_lowercase()));
        }
        AuthAction::Read { table_name, .. } => notes.push(table_name.to_owned()),
        AuthAction::Select | AuthAction::Recursive => {}
        AuthAction::Function { function_name } => notes.push(format!("{function_name}()")),
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name } => {
            notes.push(format!("->{table_name}"));
        }
        other => notes.push(format!("{other:?}")),
    }
}

fn is_permitted(touched: &str, policy: &Policy) -> bool {
    match touched.strip_suffix("()") {
        Some(_) => !FORBIDDEN.contains(&touched),
        // Subqueries and common table expressions are named too, by names of their own.
        None => {
            let listed = policy.tables().iter().any(|table| table.name.eq_ignore_ascii_case(touched));
            let lower = touched.to_lowercase();
            let own = lower.starts_with("sqlite_") || lower.starts_with("pragma_");
            listed || !(own || FOREIGN.contains(&lower.as_str()) || touched.contains('{') || touched.contains("->"))
        }
    }
}

/// Looks at verdicts.
pub struct Oracle {
    policies: Vec<Policy>,
    watched: Watched,
}

impl Oracle {
    /// One of the policies is SQLite's.
    pub fn new(policies: Vec<Policy>) -> Self {
        let watched = Watched::new(policies.iter().find(|policy| policy.dialect() == Dialect::Sqlite).unwrap());
        Self { policies, watched }
    }

    /// Checks a text as a query and as a change by every policy, and panics where what is allowed is not as it must be.
    /// Gives how often it was allowed.
    pub fn examine(&self, text: &str) -> usize {
        self.policies.iter().map(|policy| self.examine_query(text, policy) + self.examine_change(text, policy)).sum()
    }

    /// What a statement of SQLite touches that no query may.
    #[allow(dead_code, reason = "the fuzzer only examines")]
    pub fn foreign_in(&self, sql: &str) -> Vec<String> {
        let policy = self.policies.iter().find(|policy| policy.dialect() == Dialect::Sqlite);
        let mut foreign = policy.map(|policy| self.beside(sql, policy, |_| false)).unwrap_or_default();
        foreign.sort();
        foreign.dedup();
        foreign
    }

    fn examine_query(&self, text: &str, policy: &Policy) -> usize {
        let Ok(checked) = sql_guard::check(text, policy) else { return 0 };
        match sql_guard::check(&checked.sql, policy) {
            Ok(again) => assert_eq!(again.sql, checked.sql, "{text:?} is not stable"),
            Err(refusal) => panic!("{text:?} prints {:?}, which is refused: {refusal}", checked.sql),
        }
        self.must_only_read(text, &checked.sql, policy);
        1
    }

    fn examine_change(&self, text: &str, policy: &Policy) -> usize {
        let Ok(checked) = sql_guard::check_change(text, policy) else { return 0 };
        match sql_guard::check_change(&checked.sql, policy) {
            Ok(again) => {
                assert_eq!((again.sql, again.kind), (checked.sql.clone(), checked.kind), "{text:?} is not stable")
            }
            Err(refusal) => panic!("{text:?} prints {:?}, which is refused: {refusal}", checked.sql),
        }
        self.must_only_read(text, &checked.preview.sql, policy);
        if let Affected::Counted(sql) = &checked.affected {
            self.must_only_read(text, sql, policy);
        }
        self.must_only_change(text, &checked, policy);
        1
    }

    fn must_only_read(&self, text: &str, sql: &str, policy: &Policy) {
        let foreign = self.beside(sql, policy, |_| false);
        assert!(foreign.is_empty(), "{text:?}\nprints {sql:?}\nand touches {foreign:?}");
    }

    fn must_only_change(&self, text: &str, checked: &CheckedChange, policy: &Policy) {
        let is_target =
            |touched: &str| touched.strip_prefix("->").is_some_and(|table| table.eq_ignore_ascii_case(&checked.table));
        let foreign = self.beside(&checked.sql, policy, is_target);
        assert!(foreign.is_empty(), "{text:?}\nprints {:?}\nand touches {foreign:?}", checked.sql);
    }

    /// What is touched and may not be.
    fn beside(&self, sql: &str, policy: &Policy, may: impl Fn(&str) -> bool) -> Vec<String> {
        if policy.dialect() != Dialect::Sqlite {
            return Vec::new();
        }
        let touched = self.watched.touched(sql).into_iter();
        touched.filter(|name| !is_permitted(name, policy) && !may(name)).collect()
    }
}
