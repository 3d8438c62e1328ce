//! An installation of several processes: one for each role, or several for each kind of job.

use super::cpu;
use anyhow::{Context, Result, anyhow, bail};
use app::{ALL_KINDS, Roles};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// How long a process may take to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a process without an address says when it is ready.
const READY: &str = "ready";

/// Kinds of job that a turn goes through; the others have nothing to do here.
const OF_A_TURN: [&str; 4] = ["classify", "generate_sql", "execute_sql", "reply"];

/// Processes at work. They end with this one.
pub struct Fleet {
    members: Vec<Member>,
    /// `host:port` of the API.
    pub address: String,
}

struct Member {
    name: String,
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Fleet {
    /// Starts the API, the sweeper, and so many processes for each kind of job, all with these settings.
    pub async fn start(config: Option<&Path>, settings: &BTreeMap<String, String>, per_kind: usize) -> Result<Self> {
        let kinds = ALL_KINDS.iter().copied().filter(|kind| *kind != "follow");
        let processes = |kind| if OF_A_TURN.contains(&kind) { per_kind } else { 1 };
        let workers = kinds.flat_map(|kind| std::iter::repeat_n(kind, processes(kind)));
        let names = ["api", "sweep"].into_iter().chain(workers);
        let mut members = names.map(|name| Member::start(name, config, settings)).collect::<Result<Vec<_>>>()?;
        let mut address = None;
        for member in &mut members {
            let said = member.ready().await?;
            address = address.or((member.name == "api").then_some(said));
        }
        Ok(Self { members, address: address.context("the API does not listen")? })
    }

    /// The processes.
    pub fn pids(&self) -> Vec<u32> {
        self.members.iter().filter_map(|member| member.child.id()).collect()
    }

    /// The most memory that a process of each role has used so far, in MiB.
    pub fn peak_mib(&self) -> BTreeMap<String, f64> {
        let mut peaks: BTreeMap<String, f64> = BTreeMap::new();
        for member in &self.members {
            let Some(peak) = member.child.id().and_then(cpu::peak_mib) else { continue };
            let entry = peaks.entry(member.name.clone()).or_default();
            *entry = entry.max(peak);
        }
        peaks
    }

    /// Drains every process.
    pub async fn stop(self) {
        for member in self.members.iter().filter_map(|member| member.child.id()) {
            terminate(member).await;
        }
        for mut member in self.members {
            if tokio::time::timeout(PATIENCE, member.child.wait()).await.is_err() {
                tracing::warn!(role = member.name, "a process of the measurement does not stop and is killed");
            }
        }
    }
}

impl Member {
    fn start(name: &str, config: Option<&Path>, settings: &BTreeMap<String, String>) -> Result<Self> {
        let withheld = withheld(name)?;
        let program = std::env::current_exe().context("the path of this executable is not known")?;
        let system = ["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut child = Command::new(program)
            .args(config.into_iter().flat_map(|file| [OsStr::new("--config"), file.as_os_str()]))
            .args(["bench", "role", name])
            // Nor do they get what else stands in the environment, such as a provider's key.
            .env_clear()
            .envs(system)
            .envs(settings.iter().filter(|(name, _)| !withheld.contains(&name.as_str())))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("the process {name} cannot be started"))?;
        let said = child.stdout.take().context("a process has no standard output")?;
        Ok(Self { name: name.to_owned(), child, said: BufReader::new(said).lines() })
    }

    /// What it says first: its address, or that it is ready.
    async fn ready(&mut self) -> Result<String> {
        let line = tokio::time::timeout(PATIENCE, self.said.next_line()).await;
        let line = line.with_context(|| format!("the process {} did not start in time", self.name))??;
        let Some(line) = line else { bail!("the process {} ended at its start: its messages stand above", self.name) };
        Ok(line)
    }
}

/// Secrets that are none of a role's business, which it refuses.
fn withheld(role: &str) -> Result<Vec<&'static str>> {
    const PRIVATE: &str = "ASKLINE_SECRETS__VAULT_PRIVATE_KEY";
    const TOKENS: &str = "ASKLINE_SECRETS__JWT_SECRET";
    Ok(match role {
        "api" => vec![PRIVATE],
        "sweep" => vec![PRIVATE, TOKENS],
        kind => {
            let roles = Roles::workers(&[kind.to_owned()]).map_err(|message| anyhow!(message))?;
            if roles.needs_sources() { vec![TOKENS] } else { vec![PRIVATE, TOKENS] }
        }
    })
}

/// Asks a process to stop.
async fn terminate(pid: u32) {
    let sent = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await;
    if !sent.is_ok_and(|status| status.success()) {
        tracing::debug!(pid, "a process of the measurement has ended before");
    }
}

/// What a process of the fleet tells the one that started it.
pub fn ready(address: Option<std::net::SocketAddr>) -> String {
    address.map_or_else(|| READY.to_owned(), |address| address.to_string())
}
