//! A connection to a server has two logins. Questions are asked by the one that may only read, approved changes are made
//! by the other, and who asks never opens that.

use super::shop::{CHANGE, Person, model};
use futures_util::FutureExt;
use serde_json::json;
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use std::panic::AssertUnwindSafe;
use testkit::{FreshDatabase, World};

const PASSWORD: &str = "two-logins";

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Postgres,
    Mysql,
}

/// A database with a login that reads and one that writes.
struct Two {
    kind: Kind,
    database: FreshDatabase,
    reader: String,
    writer: String,
}

impl Two {
    async fn new(kind: Kind) -> Self {
        let database = match kind {
            Kind::Postgres => FreshDatabase::postgres().await,
            Kind::Mysql => FreshDatabase::mysql().await,
        };
        let name = database.url.rsplit_once('/').unwrap().1.to_owned();
        let two = Self { kind, database, reader: format!("{name}_r"), writer: format!("{name}_w") };
        two.run("CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER NOT NULL, changed_by VARCHAR(80))").await;
        two.run("INSERT INTO orders VALUES (1, 10, NULL), (2, 20, NULL), (3, 30, NULL)").await;
        for statement in two.notes_who().into_iter().chain(two.logins(&name)) {
            two.run(&statement).await;
        }
        two
    }

    /// Each change notes by which login it was made.
    fn notes_who(&self) -> Vec<String> {
        let statements: &[&str] = match self.kind {
            Kind::Postgres => &[
                "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN NEW.changed_by := current_user; RETURN NEW; END $$",
                "CREATE TRIGGER noted BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION note()",
            ],
            Kind::Mysql => &["CREATE TRIGGER noted BEFORE UPDATE ON orders FOR EACH ROW SET NEW.changed_by = USER()"],
        };
        statements.iter().map(|statement| (*statement).to_owned()).collect()
    }

    fn logins(&self, name: &str) -> Vec<String> {
        let Self { reader, writer, .. } = self;
        match self.kind {
            Kind::Postgres => vec![
                format!("CREATE ROLE {reader} LOGIN PASSWORD '{PASSWORD}'"),
                format!("CREATE ROLE {writer} LOGIN PASSWORD '{PASSWORD}'"),
                format!("GRANT SELECT ON orders TO {reader}"),
                format!("GRANT SELECT, UPDATE ON orders TO {writer}"),
            ],
            Kind::Mysql => vec![
                format!("CREATE USER {reader}@'%' IDENTIFIED BY '{PASSWORD}'"),
                format!("CREATE USER {writer}@'%' IDENTIFIED BY '{PASSWORD}'"),
                format!("GRANT SELECT ON {name}.orders TO {reader}@'%'"),
                format!("GRANT SELECT, UPDATE ON {name}.orders TO {writer}@'%'"),
            ],
        }
    }

    async fn lock(&self, locked: bool) {
        let writer = &self.writer;
        self.run(&match (self.kind, locked) {
            (Kind::Postgres, true) => format!("ALTER ROLE {writer} NOLOGIN"),
            (Kind::Postgres, false) => format!("ALTER ROLE {writer} LOGIN"),
            (Kind::Mysql, true) => format!("ALTER USER {writer}@'%' ACCOUNT LOCK"),
            (Kind::Mysql, false) => format!("ALTER USER {writer}@'%' ACCOUNT UNLOCK"),
        })
        .await;
    }

    async fn remove_logins(&self) {
        for login in [&self.reader, &self.writer] {
            match self.kind {
                Kind::Postgres => {
                    self.run(&format!("DROP OWNED BY {login}")).await;
                    self.run(&format!("DROP ROLE {login}")).await;
                }
                Kind::Mysql => self.run(&format!("DROP USER {login}@'%'")).await,
            }
        }
    }

    fn url_of(&self, login: &str) -> String {
        let (scheme, rest) = self.database.url.split_once("://").unwrap();
        format!("{scheme}://{login}:{PASSWORD}@{}", rest.rsplit_once('@').unwrap().1)
    }

    async fn run(&self, sql: &str) {
        run_at(self.kind, &self.database.url, sql).await.unwrap();
    }

    /// Totals and who changed them.
    async fn rows(&self) -> Vec<(i32, Option<String>)> {
        let sql = "SELECT total, changed_by FROM orders ORDER BY id";
        match self.kind {
            Kind::Postgres => {
                let mut connection = PgConnection::connect(&self.database.url).await.unwrap();
                let rows = connection.fetch_all(sql).await.unwrap();
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            }
            Kind::Mysql => {
                let mut connection = MySqlConnection::connect(&self.database.url).await.unwrap();
                let rows = connection.fetch_all(sql).await.unwrap();
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            }
        }
    }
}

async fn run_at(kind: Kind, url: &str, sql: &str) -> Result<(), sqlx::Error> {
    let sql = AssertSqlSafe(sql.to_owned());
    match kind {
        Kind::Postgres => PgConnection::connect(url).await?.execute(sql).await.map(drop),
        Kind::Mysql => MySqlConnection::connect(url).await?.execute(sql).await.map(drop),
    }
}

async fn connect(manager: &Person, two: &Two) -> String {
    let body = json!({"name": "Orders", "url": two.url_of(&two.reader), "write_url": two.url_of(&two.writer)});
    let (status, made) = manager.post("/v1/connections", body).await;
    assert_eq!(status, 201, "{made}");
    let tested = manager.client().follow(made["response_id"].as_str().unwrap()).await;
    assert_eq!(tested.status(), "completed", "{:#?}", tested.terminal());
    assert!(!tested.text().contains("Warning"), "neither login does too much or too little: {}", tested.text());
    made["connection"]["id"].as_str().unwrap().to_owned()
}

async fn each_login_does_its_own(two: &Two) {
    let (_llm, provider) = model(CHANGE).await;
    let world = World::embedded(&[provider]).await;
    let manager = Person::new(&world.demo.url, &world.demo.token);
    let connection = connect(&manager, two).await;
    let refused = run_at(two.kind, &two.url_of(&two.reader), CHANGE).await;
    assert!(refused.is_err(), "the login that reads may not write");

    two.lock(true).await;
    let asked = manager.request(&connection).await;
    let failed = manager.decide("approve", asked.id()).await;
    assert_eq!((failed.check().status(), failed.error().0.as_str()), ("failed", "connection_login"));
    assert!(two.rows().await.iter().all(|(_, by)| by.is_none()), "no other login makes the change");

    two.lock(false).await;
    let asked = manager.request(&connection).await;
    let made = manager.decide("approve", asked.id()).await;
    assert_eq!(made.check().status(), "completed", "{:#?}", made.terminal());
    let rows = two.rows().await;
    assert_eq!(rows.iter().map(|(total, _)| *total).collect::<Vec<_>>(), [10, 21, 31]);
    assert!(rows[0].1.is_none() && rows[1].1.as_ref().unwrap().starts_with(&two.writer), "{rows:?}");
    world.stop().await;
}

async fn on(kind: Kind) {
    let two = Two::new(kind).await;
    let outcome = AssertUnwindSafe(each_login_does_its_own(&two)).catch_unwind().await;
    two.remove_logins().await;
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_asked_by_one_login_and_changed_by_the_other() {
    on(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_is_asked_by_one_login_and_changed_by_the_other() {
    on(Kind::Mysql).await;
}
