use crate::fresh::{PostgresSchema, SqliteFile, open, open_with, options, postgres_server};
use adapter_store::{Options, Store};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ports::conformance::bench::{BUSINESS, Bench, first_job, question};
use ports::{AppStore, PortError};
use std::time::{Duration, Instant};
use testkit::proxy::Proxy;
use url::Url;

async fn failure(url: &str, options: Options) -> PortError {
    match Store::open(url, options).await {
        Ok(_) => panic!("{url} was opened"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_server_is_named_and_worth_another_try() {
    let error = failure("postgres://ada:hunter2@127.0.0.1:1/askline", options().0).await;
    assert!(error.is_transient(), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1") && !error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://ada@{}/askline", silent.local_addr().unwrap());
    let patience = Options { acquire_timeout: Duration::from_millis(300), ..options().0 };
    let started = Instant::now();
    let error = failure(&url, patience).await;
    assert!(error.is_transient() && error.to_string().contains("did not answer"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_cannot_be_right_is_refused_without_being_repeated() {
    for url in ["mysql://ada:hunter2@h/x", "postgres://ada:hunter2@[bad", "", "sqlite::memory:"] {
        let error = failure(url, options().0).await;
        assert!(!error.is_transient() && !error.to_string().contains("hunter2"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_database_is_refused() {
    let server = postgres_server();
    let (front, _) = server.rsplit_once('/').unwrap();
    let error = failure(&format!("{front}/no_such_database"), options().0).await;
    assert!(!error.is_transient() && error.to_string().contains("no_such_database"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_folder_that_is_missing_is_named() {
    let folder = SqliteFile::new();
    let error = failure(&format!("sqlite:{}/missing/store.db", folder.path().display()), options().0).await;
    assert!(error.to_string().contains("missing/store.db"), "{error}");
}

/// The server ends every connection of the store, as a restart would; the next calls get new ones.
#[tokio::test(flavor = "multi_thread")]
async fn lost_connections_are_replaced() {
    let schema = PostgresSchema::new().await;
    let bench = open(&format!("{}&application_name={}", schema.url(), schema.name())).await;
    bench.accepted("resp_1").await;
    let ended: i64 =
        sqlx::query_scalar("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1")
            .bind(schema.name())
            .fetch_one(&mut schema.connect().await)
            .await
            .unwrap();
    assert!(ended > 0);
    let started = Instant::now();
    while let Err(error) = bench.store.offer(&question("resp_2"), &first_job(&question("resp_2"))).await {
        assert!(error.is_transient(), "{error}");
        assert!(started.elapsed() < Duration::from_secs(10));
    }
    bench.store.ping().await.unwrap();
}

/// Where a network splits, a connection may be gone without a word: it takes what is written to it and never answers.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_never_answer_are_replaced() {
    let schema = PostgresSchema::new().await;
    let mut url = Url::parse(&schema.url()).unwrap();
    let proxy = Proxy::before(format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432))).await;
    url.set_port(Some(proxy.port)).unwrap();
    let (options, clock) = options();
    let bench = open_with(url.as_str(), Options { patience: Duration::from_millis(500), ..options }, clock).await;
    bench.accepted("resp_1").await;
    bench.store.connections(&BUSINESS.into()).await.unwrap();
    bench.store.ping().await.unwrap();
    proxy.half_open();
    let started = Instant::now();
    let calls: [(&str, Call); 3] = [
        ("a hot write", |bench| {
            async move { bench.store.offer(&question("resp_2"), &first_job(&question("resp_2"))).await.map(drop) }
                .boxed()
        }),
        ("a hot read", |bench| async move { bench.store.connections(&BUSINESS.into()).await.map(drop) }.boxed()),
        ("any other", |bench| async move { bench.store.ping().await }.boxed()),
    ];
    for (name, call) in calls {
        while let Err(error) = call(bench.clone()).await {
            assert!(error.is_transient(), "{name}: {error}");
            assert!(started.elapsed() < Duration::from_secs(20), "{name}: {error}");
        }
    }
    assert!(started.elapsed() >= Duration::from_millis(500), "nothing was in the way");
}

type Call = fn(Bench) -> BoxFuture<'static, Result<(), PortError>>;

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_answers_with_an_error() {
    let file = SqliteFile::new();
    let store = Store::open(&file.url(), options().0).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    assert!(store.ping().await.unwrap_err().is_transient());
    let asked = question("resp_1");
    assert!(ports::store::Turns::offer(&store, &asked, &first_job(&asked)).await.unwrap_err().is_transient());
}
