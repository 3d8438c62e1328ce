//! The two modes, for cases that hold in both.

use app::Overrides;
use sqlx::any::{AnyConnectOptions, install_default_drivers};
use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions, Connection};
use testkit::World;

#[derive(Clone, Copy)]
pub enum Mode {
    Embedded,
    Distributed,
}

impl Mode {
    /// For figures.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Distributed => "distributed",
        }
    }

    /// Where the application of this mode keeps its tables.
    pub fn store_url(self, world: &World) -> String {
        match self {
            Self::Embedded => format!("sqlite:{}", world.folder.path().join("store.sqlite").display()),
            Self::Distributed => world.settings.store.url.clone(),
        }
    }

    /// The whole application with the sample shop, with these settings.
    pub async fn world(self, pairs: &[(&str, String)]) -> World {
        match self {
            Self::Embedded => World::embedded(pairs).await,
            Self::Distributed => World::distributed(pairs).await,
        }
    }

    /// As `world`, with ports of the test's own.
    pub async fn world_with(self, pairs: &[(&str, String)], overrides: Overrides) -> World {
        match self {
            Self::Embedded => World::embedded_with(pairs, overrides).await,
            Self::Distributed => World::distributed_with(pairs, overrides).await,
        }
    }
}

/// A test of each case in each mode.
macro_rules! in_both_modes {
    ($($case:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() { super::$case($crate::mode::Mode::Embedded).await; })*
        }
        mod distributed {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() { super::$case($crate::mode::Mode::Distributed).await; })*
        }
    };
}

/// What queries of one number each say of a store, past the program.
pub async fn numbers(url: &str, queries: &[&str]) -> Vec<i64> {
    let mut conn = connect(url).await;
    let mut numbers = Vec::new();
    for query in queries {
        numbers.push(sqlx::query_scalar(AssertSqlSafe((*query).to_owned())).fetch_one(&mut conn).await.unwrap());
    }
    conn.close().await.unwrap();
    numbers
}

async fn connect(url: &str) -> AnyConnection {
    install_default_drivers();
    let options: AnyConnectOptions = url.parse().unwrap();
    options.disable_statement_logging().connect().await.unwrap()
}

/// Runs statements on a store, past the program.
pub async fn execute(url: &str, statements: &[&str]) {
    let mut conn = connect(url).await;
    for statement in statements {
        sqlx::query(AssertSqlSafe((*statement).to_owned())).execute(&mut conn).await.unwrap();
    }
    conn.close().await.unwrap();
}
