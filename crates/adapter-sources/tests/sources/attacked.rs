//! The fixture of the shared list of attacks, under names of its own on servers that others use too.

use crate::database::{open, run_at, server_url, statement, url_of};
use contracts::Dialect;
use ports::source::{Access, Source};
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;

static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// Rows, tables, rights, functions and large objects of the database.
const POSTGRES_DIGEST: &str = "SELECT md5(string_agg(fact, '|' ORDER BY fact)) FROM ( \
    SELECT tablename || query_to_xml(format('SELECT * FROM %I.%I t ORDER BY t::text', schemaname, tablename), true, \
        false, '')::text AS fact FROM pg_tables WHERE schemaname IN ('shop_a', 'shop_b', 'app_internal') \
    UNION ALL SELECT n.nspname || c.relname || c.relkind::text || coalesce(c.relacl::text, '') FROM pg_class c \
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_' \
    UNION ALL SELECT proname || prosrc FROM pg_proc WHERE oid >= 16384 \
    UNION ALL SELECT oid::text FROM pg_largeobject_metadata \
    UNION ALL SELECT rolname || coalesce(rolconfig::text, '') || rolsuper::text FROM pg_roles WHERE rolname LIKE 'ROLE%' \
    UNION ALL SELECT last_value::text FROM shop_a.orders_seq) facts";

/// Settings (those of a library that was loaded meanwhile left out), role, channels and what a session may keep.
const POSTGRES_SETTINGS: &str = "SELECT string_agg(name || '=' || setting, ',' ORDER BY name) || current_user \
    || (SELECT count(*) FROM pg_listening_channels()) || (SELECT count(*) FROM pg_prepared_statements) \
    || (SELECT count(*) FROM pg_cursors) || (SELECT count(*) FROM pg_class WHERE relpersistence = 't') FROM pg_settings \
    WHERE name NOT LIKE 'plpgsql.%'";

/// Without what differs from session to session.
const MYSQL_SETTINGS: &str = "SELECT CONCAT(MD5(GROUP_CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE ORDER BY VARIABLE_NAME)), \
        COALESCE(@x, 'none'), COALESCE(@a, 'none'), CURRENT_USER(), DATABASE()) \
    FROM information_schema.SESSION_VARIABLES WHERE VARIABLE_NAME NOT IN \
        ('PSEUDO_THREAD_ID', 'TIMESTAMP', 'RAND_SEED1', 'RAND_SEED2', 'GTID_BINLOG_POS', 'GTID_CURRENT_POS')";

#[derive(Clone)]
pub struct Attacked {
    dialect: Dialect,
    /// Stands in names instead of those of the list.
    name: String,
    admin: String,
    folder: Arc<TempDir>,
}

impl Attacked {
    pub async fn create(dialect: Dialect, list: &Path) -> Self {
        let name = format!("at{}n{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let admin = match dialect {
            Dialect::Sqlite => format!("sqlite:{}?mode=rwc", folder.path().join("shop.db").display()),
            Dialect::Postgres => url_of(dialect, &name),
            Dialect::Mysql => server_url(dialect),
        };
        if dialect == Dialect::Postgres {
            run_at(dialect, &server_url(dialect), &format!("CREATE DATABASE {name}")).await;
        }
        let made = Self { dialect, name, admin, folder };
        let fixture = std::fs::read_to_string(list.join(format!("fixture.{}.sql", dialect.as_str()))).unwrap();
        made.as_admin(&made.renamed(&fixture)).await;
        made.as_admin(&made.renamed(made.canaries())).await;
        made
    }

    fn canaries(&self) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => {
                "UPDATE shop_b_customers SET name = 'CANARY', email = 'CANARY', city = 'CANARY'; \
                 INSERT INTO api_keys VALUES ('CANARY')"
            }
            Dialect::Postgres | Dialect::Mysql => {
                "UPDATE shop_b.customers SET name = 'CANARY', email = 'CANARY', city = 'CANARY'; \
                 UPDATE shop_b.orders SET status = 'CANARY'; UPDATE shop_b.employees SET name = 'CANARY'; \
                 INSERT INTO app_internal.api_keys VALUES (1, 'CANARY')"
            }
        }
    }

    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// A statement of the list with the names that stand here.
    pub fn renamed(&self, sql: &str) -> String {
        let role = format!("ro_{}", self.name);
        match self.dialect {
            Dialect::Sqlite => sql.to_owned(),
            // The database is its own, the role is not.
            Dialect::Postgres => sql.replace("ro_user", &role),
            Dialect::Mysql => sql
                .replace("shop_a", &format!("{}_a", self.name))
                .replace("shop_b", &format!("{}_b", self.name))
                .replace("app_internal", &format!("{}_i", self.name))
                .replace("ro_user@localhost", &format!("{role}@'%'")),
        }
    }

    pub fn own_namespace(&self) -> Option<String> {
        match self.dialect {
            Dialect::Sqlite => None,
            Dialect::Postgres => Some("shop_a".to_owned()),
            Dialect::Mysql => Some(format!("{}_a", self.name)),
        }
    }

    /// As the read-only role.
    pub async fn source(&self) -> Arc<dyn Source> {
        let place = |url: String| url.rsplit_once('@').unwrap().1.to_owned();
        let url = match self.dialect {
            Dialect::Sqlite => format!("sqlite:{}", self.folder.path().join("shop.db").display()),
            Dialect::Postgres => format!("postgres://ro_{}@{}", self.name, place(self.admin.clone())),
            Dialect::Mysql => {
                format!("mysql://ro_{}@{}", self.name, place(url_of(self.dialect, &format!("{}_a", self.name))))
            }
        };
        open(&Access { dialect: self.dialect, url }).await
    }

    async fn as_admin(&self, sql: &str) {
        run_at(self.dialect, &self.admin, sql).await;
    }

    /// Changes whenever something durable does.
    pub async fn digest(&self) -> String {
        match self.dialect {
            Dialect::Sqlite => {
                let mut files: Vec<_> =
                    std::fs::read_dir(self.folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
                files.sort();
                let leaks = std::fs::read_dir("/srv").map_or(0, Iterator::count);
                let file = std::fs::read(self.folder.path().join("shop.db")).unwrap();
                let sum = file.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
                format!("{files:?} {leaks} {} {sum}", file.len())
            }
            Dialect::Postgres => {
                let sql = POSTGRES_DIGEST.replace("ROLE", &format!("ro_{}", self.name));
                run_at(self.dialect, &self.admin, &sql).await.unwrap()
            }
            Dialect::Mysql => self.mysql_digest().await,
        }
    }

    async fn mysql_digest(&self) -> String {
        let mut connection = MySqlConnection::connect(&self.admin).await.unwrap();
        let databases = ["a", "b", "i"].map(|end| format!("'{}_{end}'", self.name)).join(", ");
        let list = format!(
            "SELECT CONCAT('`', TABLE_SCHEMA, '`.`', TABLE_NAME, '`'), TABLE_TYPE FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA IN ({databases}) ORDER BY 1"
        );
        let rows = connection.fetch_all(AssertSqlSafe(list)).await.unwrap();
        let tables: Vec<(String, String)> =
            rows.iter().map(|row| (row.get_unchecked(0), row.get_unchecked(1))).collect();
        let base: Vec<&str> =
            tables.iter().filter(|(_, kind)| kind == "BASE TABLE").map(|(name, _)| name.as_str()).collect();
        let sums = connection.fetch_all(AssertSqlSafe(format!("CHECKSUM TABLE {}", base.join(", ")))).await.unwrap();
        let sums: Vec<Option<i64>> = sums.iter().map(|row| row.get_unchecked(1)).collect();
        let leaks = std::fs::read_dir("/srv").map_or(0, Iterator::count);
        format!("{tables:?} {sums:?} {leaks}")
    }

    /// What the next statement of the source finds set.
    pub async fn settings(&self, source: &dyn Source) -> String {
        let sql = match self.dialect {
            Dialect::Sqlite => return String::new(),
            Dialect::Postgres => POSTGRES_SETTINGS,
            Dialect::Mysql => MYSQL_SETTINGS,
        };
        source.query(statement(sql)).await.unwrap().rows[0][0].to_string()
    }

    /// Whether the role's sessions still hold something once its statement has ended.
    pub async fn holds_locks(&self) -> bool {
        let sql = match self.dialect {
            Dialect::Sqlite => {
                let mut connection = sqlx::sqlite::SqliteConnection::connect(&self.admin).await.unwrap();
                connection.execute("PRAGMA busy_timeout = 1000").await.unwrap();
                return connection.execute("BEGIN EXCLUSIVE").await.is_err();
            }
            Dialect::Postgres => format!(
                "SELECT count(*)::text FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE a.usename = 'ro_{}'",
                self.name
            ),
            Dialect::Mysql => format!(
                "SELECT CAST(COUNT(*) AS CHAR) FROM information_schema.processlist WHERE user = 'ro_{}'",
                self.name
            ),
        };
        for _ in 0..300 {
            if run_at(self.dialect, &server_url(self.dialect), &sql).await.as_deref() == Some("0") {
                return false;
            }
            // The server ends a session that was closed in its own time.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        true
    }

    pub async fn remove(&self) {
        let role = format!("ro_{}", self.name);
        match self.dialect {
            Dialect::Sqlite => {}
            Dialect::Postgres => {
                run_at(self.dialect, &server_url(self.dialect), &format!("DROP DATABASE {} WITH (FORCE)", self.name))
                    .await;
                let mut connection = PgConnection::connect(&server_url(self.dialect)).await.unwrap();
                connection.execute(AssertSqlSafe(format!("DROP ROLE {role}"))).await.unwrap();
            }
            Dialect::Mysql => {
                for end in ["a", "b", "i"] {
                    self.as_admin(&format!("DROP DATABASE {}_{end}", self.name)).await;
                }
                self.as_admin(&format!("DROP USER {role}@'%'")).await;
            }
        }
    }
}
