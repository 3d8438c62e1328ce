//! The shared fixture in databases of its own.

use contracts::Dialect;
use sqlx::Connection;
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;

use super::common::shared;
use super::database::Database;

pub struct Fixture {
    dialect: Dialect,
    /// Begins the names of databases, so that tests may run at the same time.
    prefix: String,
    statements: Vec<String>,
}

const TABLES: [&str; 10] = [
    "customers",
    "products",
    "orders",
    "order_items",
    "subscriptions",
    "events",
    "audit_log",
    "tickets",
    "employees",
    "call",
];

fn base(dialect: Dialect) -> String {
    let (variable, default) = match dialect {
        Dialect::Mysql => ("ASKLINE_TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306/test"),
        Dialect::Postgres | Dialect::Sqlite => ("ASKLINE_TEST_POSTGRES_URL", "postgres://root@127.0.0.1:5432/test"),
    };
    std::env::var(variable).unwrap_or_else(|_| default.to_owned())
}

impl Fixture {
    pub async fn load(dialect: Dialect) -> Option<Self> {
        let file = shared(&format!("guard/fixture.{}.sql", dialect.as_str()))?;
        let prefix = format!("g{}_{:x}", std::process::id(), rand_part());
        let text = std::fs::read_to_string(file).unwrap();
        // Roles belong to the whole cluster, which other tests share.
        let of_roles = |line: &&str| line.contains("ro_user");
        let mut statements: Vec<String> = text.lines().filter(|line| !of_roles(line)).map(str::to_owned).collect();
        if dialect == Dialect::Sqlite {
            statements.push("CREATE VIEW v_sales AS SELECT status, sum(total) AS s FROM orders GROUP BY 1".to_owned());
        }
        let fixture = Self { dialect, prefix, statements };
        fixture.create().await;
        Some(fixture)
    }

    async fn create(&self) {
        match self.dialect {
            Dialect::Sqlite => {}
            Dialect::Postgres => {
                let mut admin = PgConnection::connect(&base(Dialect::Postgres)).await.unwrap();
                let create = format!("CREATE DATABASE {}", self.prefix);
                sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut admin).await.unwrap();
                let mut database = Database::Postgres(self.postgres().await);
                for statement in &self.statements {
                    database.run(statement).await;
                }
            }
            Dialect::Mysql => {
                let mut database = Database::Mysql(MySqlConnection::connect(&base(Dialect::Mysql)).await.unwrap());
                for statement in &self.statements {
                    database.run(&self.renamed(statement)).await;
                }
            }
        }
    }

    async fn postgres(&self) -> PgConnection {
        let (server, _) = base(Dialect::Postgres).rsplit_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        PgConnection::connect(&format!("{server}/{}", self.prefix)).await.unwrap()
    }

    /// The statement with the names of this fixture's databases.
    pub fn renamed(&self, sql: &str) -> String {
        match self.dialect {
            Dialect::Mysql => ["shop_a", "shop_b", "app_internal", "permitted"]
                .iter()
                .fold(sql.to_owned(), |sql, name| sql.replace(name, &format!("{}_{name}", self.prefix))),
            Dialect::Sqlite | Dialect::Postgres => sql.to_owned(),
        }
    }

    /// A connection that looks for tables in this schema.
    pub async fn open(&self, schema: &str) -> Database {
        match self.dialect {
            Dialect::Sqlite => {
                let connection = rusqlite::Connection::open_in_memory().unwrap();
                for statement in &self.statements {
                    connection.execute_batch(statement).unwrap();
                }
                Database::Sqlite(connection)
            }
            Dialect::Postgres => {
                let mut database = Database::Postgres(self.postgres().await);
                // One transaction: now() stays the same.
                database.run(&format!("SET search_path = {schema}")).await;
                database
            }
            Dialect::Mysql => {
                let mut database = Database::Mysql(MySqlConnection::connect(&base(Dialect::Mysql)).await.unwrap());
                database.run(&format!("USE {}_{schema}", self.prefix)).await;
                database.run("SET timestamp = 1780000000").await;
                database
            }
        }
    }

    /// A database that holds only what the rules leave.
    pub async fn permitted(&self, left: &[&str]) -> Database {
        let mut database = match self.dialect {
            Dialect::Sqlite => self.open("main").await,
            Dialect::Postgres => {
                let mut database = self.open("shop_a").await;
                database.run("CREATE SCHEMA permitted").await;
                self.copy(&mut database, '"').await;
                database
            }
            Dialect::Mysql => {
                let mut database = self.open("shop_a").await;
                database.run(&self.renamed("CREATE DATABASE permitted")).await;
                self.copy(&mut database, '`').await;
                database
            }
        };
        match self.dialect {
            Dialect::Sqlite => {}
            Dialect::Postgres => database.run("SET search_path = permitted").await,
            Dialect::Mysql => database.run(&self.renamed("USE permitted")).await,
        }
        database.run("CREATE TABLE orders_copy AS SELECT * FROM orders").await;
        for statement in left {
            database.run(statement).await;
        }
        database
    }

    async fn copy(&self, database: &mut Database, quote: char) {
        for table in TABLES {
            let quoted = format!("{quote}{table}{quote}");
            // With its keys.
            let create = match self.dialect {
                Dialect::Mysql => format!("CREATE TABLE permitted.{quoted} LIKE shop_a.{quoted}"),
                Dialect::Postgres | Dialect::Sqlite => {
                    format!("CREATE TABLE permitted.{quoted} (LIKE shop_a.{quoted} INCLUDING ALL)")
                }
            };
            database.run(&self.renamed(&create)).await;
            database.run(&self.renamed(&format!("INSERT INTO permitted.{quoted} SELECT * FROM shop_a.{quoted}"))).await;
        }
    }

    pub async fn drop(&self) {
        match self.dialect {
            Dialect::Sqlite => {}
            Dialect::Postgres => {
                let mut admin = PgConnection::connect(&base(Dialect::Postgres)).await.unwrap();
                let drop = format!("DROP DATABASE {} WITH (FORCE)", self.prefix);
                sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut admin).await.unwrap();
            }
            Dialect::Mysql => {
                let mut database = Database::Mysql(MySqlConnection::connect(&base(Dialect::Mysql)).await.unwrap());
                for name in ["shop_a", "shop_b", "app_internal", "permitted"] {
                    database.run(&self.renamed(&format!("DROP DATABASE IF EXISTS {name}"))).await;
                }
            }
        }
    }
}

fn rand_part() -> u128 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    elapsed.as_nanos() & 0xffff_ffff
}
