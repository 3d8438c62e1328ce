use crate::database::{Database, open, sources, statement, url_of};
use contracts::{Cell, Dialect};
use ports::Sources;
use ports::source::{Access, Error};
use serde_json::json;

pub async fn the_version_is_told(database: Database) {
    let about = database.source().await.about().await.unwrap();
    let product = match database.dialect() {
        Dialect::Sqlite => "SQLite 3.",
        Dialect::Postgres => "PostgreSQL 1",
        Dialect::Mysql => "M",
    };
    assert!(about.version.starts_with(product), "{}", about.version);
}

pub async fn a_database_without_tables_is_warned_of(database: Database) {
    let warned = |warnings: &[String]| warnings.iter().any(|warning| warning.contains("no tables"));
    assert!(warned(&database.source().await.about().await.unwrap().warnings));
    database.run("CREATE TABLE a (b INTEGER)").await;
    assert!(!warned(&database.source().await.about().await.unwrap().warnings));
}

pub async fn an_empty_result_has_its_columns(database: Database) {
    database.run("CREATE TABLE a (b INTEGER, c VARCHAR(9))").await;
    let result = database.query("SELECT b AS first, c FROM a").await.unwrap();
    let names: Vec<&str> = result.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!((names, result.rows.len(), result.truncated), (vec!["first", "c"], 0, false));
}

pub async fn a_wrong_statement_says_what_is_wrong(database: Database) {
    let error = database.query("SELECT missing_column FROM missing_table").await.unwrap_err();
    assert!(matches!(&error, Error::Statement(message) if message.contains("missing_table")), "{error}");
    let error = database.query("SELECT FROM WHERE").await.unwrap_err();
    assert_eq!(error.class(), "database_error", "{error}");
}

pub async fn statements_run_side_by_side_within_the_bound(database: Database) {
    let source = database.source().await;
    let all = (0..12).map(|number| {
        let source = source.clone();
        tokio::spawn(async move { source.query(statement(&format!("SELECT {number} AS n"))).await.unwrap().rows })
    });
    for (number, rows) in all.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(rows.await.unwrap(), [[Cell::from(number)]]);
    }
}

pub async fn an_unknown_database_or_file_is_a_setting(database: Database) {
    let dialect = database.dialect();
    let missing = database.name.clone() + "_missing";
    let url = match dialect {
        Dialect::Sqlite => format!("sqlite:{}", database.folder().join(&missing).display()),
        _ => url_of(dialect, &missing),
    };
    let source = open(&Access { dialect, url }).await;
    for error in [source.about().await.unwrap_err(), source.query(statement("SELECT 1")).await.unwrap_err()] {
        assert_eq!(error.class(), "connection_settings", "{error}");
        assert!(error.to_string().contains(&missing), "{error}");
    }
    if dialect == Dialect::Sqlite {
        assert!(!database.folder().join(&missing).exists());
    }
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_unreachable() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (dialect, scheme) in [(Dialect::Postgres, "postgres"), (Dialect::Mysql, "mysql")] {
        let source = open(&Access { dialect, url: format!("{scheme}://someone:hush@{free}/shop") }).await;
        let error = source.about().await.unwrap_err();
        assert_eq!(error.class(), "database_unavailable");
        assert!(error.to_string().contains(&free.to_string()) && !error.to_string().contains("hush"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_unreachable() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://someone@{}/shop", silent.local_addr().unwrap());
    let error = open(&Access { dialect: Dialect::Postgres, url }).await.about().await.unwrap_err();
    assert!(error.class() == "database_unavailable" && error.to_string().contains("within 5 s"), "{error}");
}

#[tokio::test]
async fn a_wrong_url_is_refused_before_anything_is_connected() {
    for (dialect, url) in [
        (Dialect::Postgres, "postgres://a:hush@b:port/c"),
        (Dialect::Postgres, "mysql://a@b/c"),
        (Dialect::Mysql, "mysql://a:hush@b"),
        (Dialect::Sqlite, "/tmp/a.db"),
    ] {
        let error = sources(None).open(&Access { dialect, url: url.to_owned() }).await.err().unwrap();
        assert!(error.class() == "connection_settings" && !error.to_string().contains("hush"), "{error}");
    }
}

#[tokio::test]
async fn a_file_outside_the_root_is_refused_by_whatever_name() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir(&root).unwrap();
    adapter_sources::sample::create_sqlite(&folder.path().join("outside.db")).await.unwrap();
    adapter_sources::sample::create_sqlite(&root.join("inside.db")).await.unwrap();
    std::os::unix::fs::symlink(folder.path().join("outside.db"), root.join("link.db")).unwrap();
    for (file, allowed) in [
        ("inside.db", true),
        ("../outside.db", false),
        ("link.db", false),
        ("../root/inside.db", true),
        ("../none.db", false),
    ] {
        let access = Access { dialect: Dialect::Sqlite, url: format!("sqlite:{}", root.join(file).display()) };
        let source = sources(Some(root.clone())).open(&access).await.unwrap();
        let outcome = source.query(statement("SELECT COUNT(*) FROM customers")).await;
        assert_eq!(outcome.map(|result| result.rows).ok(), allowed.then(|| vec![vec![json!(28)]]), "{file}");
    }
}

#[tokio::test]
async fn a_file_of_another_kind_is_a_setting() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "no database ".repeat(200)).unwrap();
    for path in [file.as_path(), folder.path()] {
        let access = Access { dialect: Dialect::Sqlite, url: format!("sqlite:{}", path.display()) };
        let error = open(&access).await.about().await.unwrap_err();
        assert_eq!(error.class(), "connection_settings", "{error}");
    }
}
