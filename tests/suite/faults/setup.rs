//! The settings of an installation under test.

use super::installation::Mode;
use super::llm::{KEY, Llm};
use super::recorder::AppDatabase;
use super::servers::Servers;
use super::tenants;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The variable that holds the key of the language models.
pub const LLM_KEY: &str = "FAULTS_LLM_KEY";

/// What all processes are told.
pub fn settings(mode: Mode, llms: &[Llm; 2], folder: &Path, prefix: &str) -> BTreeMap<String, String> {
    let provider = |name: &str, llm: &Llm| {
        format!(
            "{{name='{name}',kind='openai',base_url='{}',model='scripted',api_key_env='{LLM_KEY}',\
             first_byte_timeout_s=8,stall_timeout_s=8}}",
            llm.url()
        )
    };
    let mode = if mode == Mode::Embedded { "embedded" } else { "distributed" };
    BTreeMap::from(
        [
            ("ASKLINE_MODE", mode.to_owned()),
            ("ASKLINE_EMBEDDED__DATA_DIR", folder.join("data").display().to_string()),
            ("ASKLINE_STORE__MAX_CONNECTIONS", "4".to_owned()),
            ("ASKLINE_BROKER__PREFIX", prefix.to_owned()),
            ("ASKLINE_EVENTS__PREFIX", prefix.to_owned()),
            ("ASKLINE_SERVER__TOKEN_TTL_S", "86400".to_owned()),
            // All of a run's questions are in flight at once.
            ("ASKLINE_ADMISSION__INTERACTIVE", "{share=200,window=400,max_waiting=1000,deadline_s=0}".to_owned()),
            ("ASKLINE_WORKERS__LEASE_MS", "4000".to_owned()),
            ("ASKLINE_WORKERS__RENEW_MS", "1000".to_owned()),
            ("ASKLINE_SOURCES__STATEMENT_TIMEOUT_MS", "8000".to_owned()),
            ("ASKLINE_SOURCES__MAX_CONNECTIONS", "32".to_owned()),
            ("ASKLINE_TELEMETRY__FORMAT", "json".to_owned()),
            ("ASKLINE_TELEMETRY__LOG", "info,askline::protocol=debug".to_owned()),
            ("ASKLINE_LLM__PROVIDERS", format!("[{},{}]", provider("first", &llms[0]), provider("second", &llms[1]))),
            ("ASKLINE_TURN__DEADLINE_S", "180".to_owned()),
            (LLM_KEY, KEY.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

/// Where a cluster goes on when one node is away; no proxy stands before those.
pub fn other_nodes(servers: &Servers) -> Option<(String, String)> {
    let nodes: Vec<_> = servers.siblings.iter().map(|sibling| format!("'127.0.0.1:{}'", sibling.node.port)).collect();
    (!nodes.is_empty()).then(|| ("ASKLINE_BROKER__NODES".to_owned(), format!("[{}]", nodes.join(","))))
}

/// Makes the keys with the program itself, and lists what must never show.
pub fn keys(program: &Path, env: &mut BTreeMap<String, String>) -> BTreeSet<String> {
    let output = std::process::Command::new(program).arg("keys").output().expect("the program makes keys");
    let keys: BTreeMap<String, String> = serde_json::from_slice(&output.stdout).expect("keys as JSON");
    let mut secrets = BTreeSet::from([KEY.to_owned(), tenants::READER_PASSWORD.to_owned()]);
    for (name, value) in keys {
        env.insert(format!("ASKLINE_SECRETS__{}", name.to_uppercase()), value.clone());
        if name != "vault_public_key" {
            secrets.insert(value);
        }
    }
    secrets
}

/// The app store, and how the recorder reads it.
pub async fn database(
    mode: Mode,
    servers: &mut Servers,
    folder: &Path,
    prefix: &str,
    env: &mut BTreeMap<String, String>,
) -> AppDatabase {
    if mode == Mode::Embedded {
        return AppDatabase::new(format!("sqlite:{}", folder.join("data/store.sqlite").display()));
    }
    let store = servers.store();
    store.execute("postgres", &format!("CREATE DATABASE {prefix}")).await;
    env.insert("ASKLINE_STORE__URL".into(), store.url(prefix));
    AppDatabase::new(store.url(prefix))
}
