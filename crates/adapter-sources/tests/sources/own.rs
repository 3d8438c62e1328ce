//! What belongs to the application is no source, by whatever name and for whatever purpose.

use crate::database::{open, server_url, sources_beside, statement};
use adapter_sources::{OwnDatabase, Reserved, SqlSources};
use contracts::{BusinessId, Dialect};
use ports::Sources;
use ports::source::{Access, Error};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A data folder as embedded mode has one, and a folder beside it.
struct Folders {
    own: TempDir,
    elsewhere: TempDir,
}

impl Folders {
    async fn new() -> Self {
        let folders = Self { own: tempfile::tempdir().unwrap(), elsewhere: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(folders.own("files/biz_b")).unwrap();
        for file in [folders.own("store.sqlite"), folders.own("files/biz_b/f00.db"), folders.own("sample.sqlite")] {
            adapter_sources::sample::create_sqlite(&file).await.unwrap();
        }
        adapter_sources::sample::create_sqlite(&folders.elsewhere("mine.db")).await.unwrap();
        folders
    }

    fn own(&self, path: &str) -> PathBuf {
        self.own.path().join(path)
    }

    fn elsewhere(&self, path: &str) -> PathBuf {
        self.elsewhere.path().join(path)
    }

    fn sources(&self) -> SqlSources {
        let reserved =
            Reserved { folders: vec![self.own.path().into()], except: vec![self.own("sample.sqlite")], store: None };
        sources_beside(None, reserved)
    }
}

fn access(path: impl AsRef<Path>) -> Access {
    Access { dialect: Dialect::Sqlite, url: format!("sqlite:{}", path.as_ref().display()) }
}

async fn refusals(sources: &SqlSources, access: &Access) -> Vec<Error> {
    let source = sources.open(access).await.unwrap();
    let writer = sources.writer(access, access).await.unwrap();
    vec![
        source.about().await.unwrap_err(),
        source.query(statement("SELECT COUNT(*) FROM customers")).await.unwrap_err(),
        writer.check().await.unwrap_err(),
    ]
}

#[tokio::test]
async fn a_file_of_the_data_folder_is_no_source_by_whatever_name() {
    let folders = Folders::new().await;
    let link = |from: &str, to: &str| std::os::unix::fs::symlink(folders.own(from), folders.elsewhere(to)).unwrap();
    link("store.sqlite", "link.db");
    link("files", "linked");
    std::fs::hard_link(folders.own("store.sqlite"), folders.elsewhere("second.db")).unwrap();
    std::fs::hard_link(folders.own("files/biz_b/f00.db"), folders.elsewhere("second-upload.db")).unwrap();
    let own = folders.own.path().display().to_string();
    let name = folders.own.path().file_name().unwrap().to_str().unwrap().to_owned();
    let sources = folders.sources();
    for path in [
        folders.own("store.sqlite"),
        folders.own("./files/../store.sqlite"),
        folders.own("files/biz_b/f00.db"),
        folders.own("store.sqlite-wal"),
        folders.own("store.sqlite-journal"),
        folders.own("not-there.db"),
        folders.own("files/biz_b"),
        folders.elsewhere(&format!("../{name}/store.sqlite")),
        folders.elsewhere(&format!("../{name}/not-there.db")),
        folders.elsewhere("link.db"),
        folders.elsewhere("linked/biz_b/f00.db"),
        folders.elsewhere("second.db"),
        folders.elsewhere("second-upload.db"),
        format!("/proc/self/root{own}/store.sqlite").into(),
        format!("//{own}//store.sqlite").into(),
    ] {
        for error in refusals(&sources, &access(&path)).await {
            assert_eq!(error.class(), "connection_settings", "{}: {error}", path.display());
            assert!(error.to_string().contains("Askline's own data"), "{}: {error}", path.display());
        }
    }
    for url in [format!("sqlite:file:{own}/store.sqlite"), format!("sqlite:{own}/store.sqlite?mode=ro")] {
        for error in refusals(&sources, &Access { dialect: Dialect::Sqlite, url }).await {
            assert_eq!(error.class(), "connection_settings", "{error}");
        }
    }
}

#[tokio::test]
async fn a_relative_path_into_the_data_folder_is_no_source() {
    let here = tempfile::tempdir_in(".").unwrap();
    let file = here.path().join("store.sqlite");
    adapter_sources::sample::create_sqlite(&file).await.unwrap();
    let name = here.path().file_name().unwrap();
    let reserved = Reserved { folders: vec![name.into()], ..Reserved::default() };
    let sources = sources_beside(None, reserved);
    for path in [Path::new(name).join("store.sqlite"), file.canonicalize().unwrap()] {
        assert_eq!(refusals(&sources, &access(path)).await.len(), 3);
    }
}

#[tokio::test]
async fn files_elsewhere_the_sample_and_uploads_by_their_own_road_are_read() {
    let folders = Folders::new().await;
    let sources = folders.sources();
    let bytes = std::fs::read(folders.elsewhere("mine.db")).unwrap();
    let uploaded = sources.place(&BusinessId("biz_a".to_owned()), "abc", bytes).await.unwrap();
    for access in [access(folders.elsewhere("mine.db")), access(folders.own("sample.sqlite")), uploaded.clone()] {
        let source = sources.open(&access).await.unwrap();
        let rows = source.query(statement("SELECT COUNT(*) FROM customers")).await.unwrap().rows;
        assert_eq!(rows, [[serde_json::json!(28)]]);
    }
    sources.writer(&uploaded, &access(folders.elsewhere("mine.db"))).await.unwrap().check().await.unwrap();
    let direct = access(uploaded.url.strip_prefix("placed:").unwrap());
    assert_eq!(refusals(&sources, &direct).await.len(), 3, "another business must not name it");
}

#[tokio::test]
async fn the_database_of_the_app_store_is_no_source() {
    let url = server_url(Dialect::Postgres);
    let by_name = url.replace("127.0.0.1", "localhost");
    let other = OwnDatabase::of_url(&format!("{url}_other"));
    let here = Access { dialect: Dialect::Postgres, url: url.clone() };
    for store in [&url, &by_name] {
        let reserved = Reserved { store: OwnDatabase::of_url(store), ..Reserved::default() };
        let sources = sources_beside(None, reserved);
        let source = sources.open(&here).await.unwrap();
        let writer = sources.writer(&here, &here).await.unwrap();
        for error in [
            source.about().await.unwrap_err(),
            source.query(statement("SELECT 1")).await.unwrap_err(),
            writer.check().await.unwrap_err(),
        ] {
            assert!(error.class() == "connection_settings" && error.to_string().contains("its own data"), "{error}");
        }
    }
    let sources = sources_beside(None, Reserved { store: other, ..Reserved::default() });
    sources.open(&here).await.unwrap().query(statement("SELECT 1")).await.unwrap();
}

#[tokio::test]
async fn a_socket_is_refused() {
    for (dialect, url) in [
        (Dialect::Postgres, "postgres://u@%2Fvar%2Frun%2Fpostgresql/db"),
        (Dialect::Postgres, "postgres://u@h/db?host=/var/run/postgresql"),
        (Dialect::Mysql, "mysql://u@h/db?socket=/run/mysqld/mysqld.sock"),
    ] {
        let access = Access { dialect, url: url.to_owned() };
        let sources = sources_beside(None, Reserved::default());
        assert_eq!(sources.open(&access).await.err().unwrap().class(), "connection_settings", "{url}");
    }
}

/// In GBK the byte 5C may end a character: what the guard reads as a string would end elsewhere.
#[tokio::test]
async fn mysql_reads_what_the_guard_has_read() {
    let url = server_url(Dialect::Mysql);
    let sep = if url.contains('?') { '&' } else { '?' };
    for parameter in ["charset=gbk", "charset=big5", "charset=sjis", "collation=gbk_chinese_ci"] {
        let access = Access { dialect: Dialect::Mysql, url: format!("{url}{sep}{parameter}") };
        let refused = sources_beside(None, Reserved::default()).open(&access).await.err().unwrap();
        assert!(refused.to_string().contains("leave it out"), "{refused}");
    }
    let source = open(&Access { dialect: Dialect::Mysql, url: url.clone() }).await;
    let sql = "SELECT @@character_set_client, @@character_set_connection, @@character_set_results, HEX('縗')";
    let rows = source.query(statement(sql)).await.unwrap().rows;
    assert_eq!(rows, [["utf8mb4", "utf8mb4", "utf8mb4", "E7B897"].map(serde_json::Value::from)]);
}
