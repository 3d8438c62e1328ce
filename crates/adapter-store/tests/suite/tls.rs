//! The store on a PostgreSQL over TLS, and servers that must not be trusted.

use crate::fresh::{PostgresSchema, open_with, options};
use adapter_store::{Options, Store};
use ports::conformance::bench::Bench;
use ports::conformance::{ledger, store};
use std::path::PathBuf;
use testkit::proxy::Proxy;
use testkit::secure::{Authority, SecurePostgres, Validity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

const HERE: [&str; 2] = ["localhost", "127.0.0.1"];
const TURN: &str = "resp_canary_71";

async fn server(names: &[&str], validity: Validity) -> (Authority, SecurePostgres) {
    let authority = Authority::new("Askline tests");
    let postgres = SecurePostgres::start(&authority.certify(names, validity)).await;
    (authority, postgres)
}

/// The URL with a password that must never show.
fn with_password(url: &str) -> String {
    url.replacen("owner@", "owner:hidden-canary@", 1)
}

async fn bench(url: &str, ca_file: Option<PathBuf>) -> Bench {
    let (options, clock) = options();
    open_with(url, Options { ca_file, ..options }, clock).await
}

/// Why a server cannot be used.
async fn refusal(url: &str, ca_file: Option<PathBuf>) -> String {
    let options = Options { ca_file, ..options().0 };
    let error = Store::open(&with_password(url), options).await.err().unwrap();
    assert!(error.is_transient(), "it is tried again as an outage: {error}");
    let said = error.to_string();
    assert!(!said.contains("hidden-canary"), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_over_tls_does_what_a_store_does() {
    let (authority, postgres) = server(&HERE, Validity::Now).await;
    // Each case on tables of its own.
    let make = async |name: &str| {
        postgres.execute("test", &format!("CREATE SCHEMA {name}")).await;
        let url = format!("{}?options[search_path]={name}", postgres.url("localhost"));
        bench(&url, Some(authority.file())).await
    };
    store::a_store_that_is_there_answers(make("case_0").await).await;
    store::a_business_is_created_once(make("case_1").await).await;
    ledger::the_first_claim_of_a_turn_has_fence_and_attempt_one(make("case_2").await).await;
    let by_address = bench(&postgres.url("127.0.0.1"), Some(authority.file())).await;
    by_address.store.ping().await.unwrap();
    let by_url =
        format!("{}?sslmode=verify-full&sslrootcert={}", postgres.url("localhost"), authority.file().display());
    bench(&by_url, None).await.store.ping().await.unwrap();
}

/// What a listener in the middle hears of a question.
async fn overheard(url: &str, ca_file: Option<PathBuf>) -> Vec<Vec<u8>> {
    let mut url = Url::parse(url).unwrap();
    let proxy = Proxy::before(format!("127.0.0.1:{}", url.port().unwrap_or(5432))).await;
    proxy.record();
    url.set_port(Some(proxy.port)).unwrap();
    bench(url.as_str(), ca_file).await.accepted(TURN).await;
    proxy.recorded()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_learns_nothing() {
    let (authority, postgres) = server(&HERE, Validity::Now).await;
    let schema = PostgresSchema::new().await;
    let plain = overheard(&format!("{}&sslmode=disable", schema.url()), None).await;
    let secure = overheard(&postgres.url("localhost"), Some(authority.file())).await;
    for word in [TURN, "SELECT", "CREATE TABLE", "application_name"] {
        let heard = |tracks: &[Vec<u8>]| tracks.iter().any(|track| contains(track, word));
        assert!(heard(&plain), "without TLS a listener hears {word}");
        assert!(!heard(&secure), "{word} went by in plain text");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let (_authority, postgres) = server(&HERE, Validity::Now).await;
    let url = postgres.url("localhost");
    let others = ["Somebody else", "Askline tests"].map(Authority::new);
    let verified = format!("{url}?sslmode=verify-full");
    let tries = [(&url, Some(others[0].file())), (&url, Some(others[1].file())), (&verified, None)];
    for (url, ca_file) in tries {
        let said = refusal(url, ca_file).await;
        assert!(said.contains(&format!("PostgreSQL at localhost:{}", postgres.port)), "{said}");
        assert!(said.contains("nobody that is trusted here") && said.contains("store.ca_file"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_host_is_refused() {
    let (authority, postgres) = server(&["db.example.com"], Validity::Now).await;
    let said = refusal(&postgres.url("localhost"), Some(authority.file())).await;
    assert!(said.contains("its certificate is for db.example.com, not for localhost"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_refused() {
    let (authority, postgres) = server(&HERE, Validity::Expired).await;
    let said = refusal(&postgres.url("localhost"), Some(authority.file())).await;
    assert!(said.contains("its certificate expired") && said.contains("renew it"), "{said}");
}

/// A PostgreSQL without TLS answers a client that asks for it with an N.
async fn plain_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            client.read_exact(&mut [0; 8]).await.unwrap();
            client.write_all(b"N").await.unwrap();
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_refused() {
    let (authority, port) = (Authority::new("Askline tests"), plain_server().await);
    let said = refusal(&format!("postgres://owner@127.0.0.1:{port}/test"), Some(authority.file())).await;
    assert!(said.contains("the server does not speak TLS") && said.contains("ssl = on"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_the_url_names_and_that_is_not_there_is_told() {
    let (_authority, postgres) = server(&HERE, Validity::Now).await;
    let url = format!("{}?sslmode=verify-full&sslrootcert=/no/such/ca.pem", postgres.url("localhost"));
    let said = refusal(&url, None).await;
    assert!(said.contains("sslrootcert") && said.contains("is not there"), "{said}");
}

fn contains(track: &[u8], word: &str) -> bool {
    track.windows(word.len()).any(|window| window == word.as_bytes())
}
