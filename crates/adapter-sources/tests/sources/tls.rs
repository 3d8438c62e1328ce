//! Customers' databases over TLS. Their URLs come from people who must not reach the files of this machine.

use crate::database::statement;
use adapter_sources::{Limits, Reserved, SqlSources};
use contracts::{Cell, Dialect};
use ports::Sources;
use ports::source::{Access, Error};
use std::path::Path;
use std::sync::Arc;
use testkit::proxy::Proxy;
use testkit::secure::{Authority, SecureMariaDb, SecurePostgres, Validity};

const HERE: [&str; 1] = ["localhost"];
const CANARY: &str = "CANARY-5e0c13";

fn sources(authority: Option<&Authority>) -> SqlSources {
    let authorities = authority.map(|authority| Arc::from(std::fs::read(authority.file()).unwrap()));
    let files = std::env::temp_dir().join("askline-sources-files");
    let reserved = Reserved::default();
    SqlSources::new(Limits { max_connections: 2, max_open: 4, sqlite_root: None, files, reserved, authorities })
}

async fn answer(sources: &SqlSources, access: &Access) -> Result<Cell, Error> {
    let source = sources.open(access).await?;
    let rows = source.query(statement("SELECT note FROM notes")).await?;
    Ok(rows.rows[0][0].clone())
}

async fn reads(sources: &SqlSources, access: &Access) {
    assert_eq!(answer(sources, access).await.unwrap(), Cell::from(CANARY), "{}", access.url);
}

async fn refusal(sources: &SqlSources, access: &Access) -> String {
    let said = answer(sources, access).await.unwrap_err().to_string();
    assert!(!said.contains("hidden"), "{said}");
    said
}

/// As a person writes it into a URL.
fn encoded(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    text.replace('%', "%25").replace('+', "%2B").replace('\n', "%0A").replace(' ', "%20")
}

/// What the two servers have in common.
struct Case {
    dialect: Dialect,
    authority: Authority,
    /// By the name that the certificate is for.
    url: String,
    /// The parameters that ask for the whole verification.
    verified: &'static str,
    /// The parameter for authorities.
    authorities: &'static str,
}

impl Case {
    fn access(&self, url: &str, parameters: &str) -> Access {
        Access { dialect: self.dialect, url: format!("{url}?{parameters}") }
    }

    fn verified(&self) -> Access {
        self.access(&self.url, self.verified)
    }

    fn with_authority(&self, authority: &Authority) -> Access {
        let (mode, name, pem) = (self.verified, self.authorities, encoded(&authority.file()));
        self.access(&self.url, &format!("{mode}&{name}={pem}"))
    }

    async fn holds(&self) {
        let (somebody, nobody) = (Authority::new("Somebody else"), sources(None));
        reads(&sources(Some(&self.authority)), &self.verified()).await;
        reads(&nobody, &self.with_authority(&self.authority)).await;
        reads(&sources(Some(&somebody)), &self.with_authority(&self.authority)).await;
        for (sources, access) in [
            (&nobody, self.verified()),
            (&sources(Some(&somebody)), self.verified()),
            (&sources(Some(&self.authority)), self.with_authority(&somebody)),
        ] {
            let said = refusal(sources, &access).await;
            assert!(said.contains("nobody that is trusted here") && said.contains("sources.ca_file"), "{said}");
        }
        self.another_name_is_refused().await;
        self.no_file_is_read().await;
        self.a_listener_learns_nothing().await;
    }

    async fn another_name_is_refused(&self) {
        let address = self.access(&self.url.replace("localhost", "127.0.0.1"), self.verified);
        let said = refusal(&sources(Some(&self.authority)), &address).await;
        assert!(said.contains("its certificate is for localhost, not for 127.0.0.1"), "{said}");
    }

    async fn no_file_is_read(&self) {
        let file = self.authority.file();
        for name in [self.authorities, "sslcert", "sslkey"] {
            let access = self.access(&self.url, &format!("{}&{name}={}", self.verified, file.display()));
            let said = refusal(&sources(None), &access).await;
            assert!(said.contains(name) && said.contains("files of this machine are not read"), "{said}");
        }
    }

    async fn a_listener_learns_nothing(&self) {
        let address = self.url.rsplit_once('@').unwrap().1.split('/').next().unwrap();
        let proxy = Proxy::before(address.replace("localhost", "127.0.0.1")).await;
        proxy.record();
        let url = self.url.replace(address, &format!("localhost:{}", proxy.port));
        reads(&sources(Some(&self.authority)), &self.access(&url, self.verified)).await;
        let tracks = proxy.recorded();
        assert!(tracks.iter().map(Vec::len).sum::<usize>() > 2_048, "the listener was in the middle");
        for word in [CANARY, "SELECT note"] {
            let heard = tracks.iter().any(|track| track.windows(word.len()).any(|window| window == word.as_bytes()));
            assert!(!heard, "{word} went by in plain text");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_is_verified_and_reads_over_tls() {
    let authority = Authority::new("Askline tests");
    let postgres = SecurePostgres::start(&authority.certify(&HERE, Validity::Now)).await;
    let rows = format!("CREATE TABLE notes (note TEXT); INSERT INTO notes VALUES ('{CANARY}')");
    for statement in rows.split(';') {
        postgres.execute("test", statement).await;
    }
    let (verified, authorities) = ("sslmode=verify-full", "sslrootcert");
    let url = postgres.url("localhost");
    Case { dialect: Dialect::Postgres, authority, url, verified, authorities }.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_is_verified_and_reads_over_tls() {
    let authority = Authority::new("Askline tests");
    let mariadb = SecureMariaDb::start(&authority.certify(&HERE, Validity::Now)).await;
    mariadb.execute("test", "CREATE TABLE notes (note TEXT)").await;
    mariadb.execute("test", &format!("INSERT INTO notes VALUES ('{CANARY}')")).await;
    let (verified, authorities) = ("ssl-mode=VERIFY_IDENTITY", "sslca");
    let url = mariadb.url("localhost");
    Case { dialect: Dialect::Mysql, authority, url, verified, authorities }.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_and_a_server_of_another_name_are_refused() {
    let authority = Authority::new("Askline tests");
    for (names, validity, expected) in [
        (&HERE[..], Validity::Expired, "its certificate expired"),
        (&["db.example.com"][..], Validity::Now, "its certificate is for db.example.com, not for localhost"),
    ] {
        let postgres = SecurePostgres::start(&authority.certify(names, validity)).await;
        let url = format!("{}?sslmode=verify-full", postgres.url("localhost"));
        let said = refusal(&sources(Some(&authority)), &Access { dialect: Dialect::Postgres, url }).await;
        assert!(said.contains(expected), "{said}");
    }
}
