//! What is reachable and what is missing, in one screen.

use crate::compose::Reach;
use crate::{Roles, SystemClock, llm};
use adapter_embedded::LocalLimiter;
use ports::Limiter;
use ports::store::{Connection, ConnectionStatus, Connections};
use serde::Serialize;
use settings::{Mode, Settings};
use std::sync::Arc;

/// One line of the screen.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub name: String,
    /// Whether it is well.
    pub ok: bool,
    /// What was found, and what to do when it is not well.
    pub message: String,
}

/// Looks at everything that these roles need.
pub async fn doctor(settings: &Settings, roles: &Roles) -> Vec<Finding> {
    let mut findings = vec![Finding { name: "settings".into(), ok: true, message: mode(settings) }];
    let reach = Reach { settings, clock: Arc::new(SystemClock::default()) };
    match settings.mode {
        Mode::Embedded => findings.push(finding("data folder", reach.data_folder())),
        Mode::Distributed => {
            findings.push(finding("app store", reach.store().await));
            findings.push(finding("broker", reach.broker().await));
            findings.push(finding("events", reach.events().await));
            findings.push(finding("keys", reach.keys(roles)));
        }
    }
    findings.extend(sources(&reach).await);
    if roles.needs_llm() {
        findings.extend(providers(settings).await);
    }
    findings
}

fn mode(settings: &Settings) -> String {
    match settings.mode {
        Mode::Embedded => format!("embedded, data in {}", settings.embedded.data_dir.display()),
        Mode::Distributed => "distributed: RabbitMQ, Redis, PostgreSQL".into(),
    }
}

/// Databases of any business whose last test failed or whose login may do more than read. A store that cannot be read
/// is a finding of its own, above.
async fn sources(reach: &Reach<'_>) -> Vec<Finding> {
    let Ok(store) = reach.existing_store().await else { return Vec::new() };
    let Ok(connections) = store.every_connection().await else { return Vec::new() };
    let count = connections.len();
    let doubtful: Vec<Finding> = connections.iter().filter(|one| is_doubtful(one)).map(doubt).collect();
    let message = format!("{count} connected, {} to look at", doubtful.len());
    let all = Finding { name: "databases".into(), ok: doubtful.iter().all(|finding| finding.ok), message };
    [all].into_iter().chain(doubtful).collect()
}

fn is_doubtful(connection: &Connection) -> bool {
    connection.status == ConnectionStatus::Failed || connection.status_message.contains("Warning:")
}

fn doubt(connection: &Connection) -> Finding {
    Finding {
        name: format!("database {} of {}", connection.name, connection.business),
        ok: connection.status != ConnectionStatus::Failed,
        message: connection.status_message.clone(),
    }
}

async fn providers(settings: &Settings) -> Vec<Finding> {
    let alone: Arc<dyn Limiter> = Arc::new(LocalLimiter::default());
    let chain = match llm::chain(&settings.llm, &alone, Arc::new(SystemClock::default())) {
        Ok(chain) => chain,
        Err(error) => return vec![finding("llm", Err(error))],
    };
    let answers = chain.check().await;
    let line = |(name, answer): (String, Result<String, String>)| match answer {
        Ok(message) => Finding { name: format!("llm {name}"), ok: true, message },
        Err(message) => Finding { name: format!("llm {name}"), ok: false, message },
    };
    answers.into_iter().map(line).collect()
}

fn finding(name: &str, result: anyhow::Result<String>) -> Finding {
    match result {
        Ok(message) => Finding { name: name.into(), ok: true, message },
        Err(error) => Finding { name: name.into(), ok: false, message: format!("{error:#}") },
    }
}
