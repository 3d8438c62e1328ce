//! What people would use instead, measured by programs of their own on the same servers.

use anyhow::{Context, Result, bail};
use app::ServerUrls;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

/// What a program said of its peer. A chain is what a turn is with us: a piece of work that passes several queues.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// Its release.
    pub version: String,
    /// Chains a second, under load.
    pub chains_per_s: f64,
    /// Chains that were begun and did not end.
    pub lost: u64,
    /// One at a time.
    pub p50_ms: f64,
    /// One at a time.
    pub p99_ms: f64,
    /// Our turns for each of its chains.
    #[serde(default)]
    pub turns_to_chains: f64,
}

/// The load of a measurement.
pub struct Like<'a> {
    /// The servers.
    pub urls: &'a ServerUrls,
    /// Before every name that it uses there.
    pub prefix: &'a str,
    /// Octets that it passes on.
    pub bytes: f64,
    /// Queues that a chain passes: as many as a turn.
    pub steps: usize,
    /// Chains under way at a time.
    pub concurrency: usize,
}

/// A program at work. Dropped, it is asked to end, and removes what it made.
struct AtWork(Option<u32>);

impl Drop for AtWork {
    fn drop(&mut self) {
        let Some(pid) = self.0 else { return };
        let sent = std::process::Command::new("kill").args(["-TERM", &pid.to_string()]).status();
        if !sent.is_ok_and(|status| status.success()) {
            tracing::warn!(pid, "a peer's measurement could not be told to end");
        }
    }
}

/// The programs of a folder: its files that may be run and have no extension.
pub fn programs(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = || format!("the folder of peers {} cannot be read", folder.display());
    let entries = std::fs::read_dir(folder).with_context(unreadable)?;
    let mut programs: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .filter(|path: &std::io::Result<PathBuf>| path.as_ref().map_or(true, |path| is_program(path)))
        .collect::<std::io::Result<_>>()
        .with_context(unreadable)?;
    programs.sort();
    if programs.is_empty() {
        bail!("no program lies in {}: name the folder ops/peers of a checkout", folder.display());
    }
    Ok(programs)
}

fn is_program(path: &Path) -> bool {
    path.is_file() && path.extension().is_none()
}

/// Installs what a program needs, so that it is not part of the measurement.
pub async fn install(program: &Path) -> Result<()> {
    let mut command = Command::new(program);
    command.arg("install").stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.status().await.with_context(|| format!("{} cannot be run", program.display()))?;
    if !status.success() {
        bail!("{} could not install what it needs: its messages stand above", program.display());
    }
    Ok(())
}

/// Has one measured.
pub async fn measure(program: &Path, like: &Like<'_>) -> Result<Peer> {
    let mut command = Command::new(program);
    command
        .arg("run")
        .env("PEER_BROKER_URL", &like.urls.broker)
        .env("PEER_REDIS_URL", &like.urls.events)
        .env("PEER_PREFIX", format!("{}_peer", like.prefix))
        .env("PEER_BYTES", format!("{:.0}", like.bytes))
        .env("PEER_CONCURRENCY", like.concurrency.to_string())
        .env("PEER_STEPS", like.steps.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    let cannot_run = || format!("{} cannot be run", program.display());
    let child = command.spawn().with_context(cannot_run)?;
    let mut at_work = AtWork(child.id());
    let output = child.wait_with_output().await.with_context(cannot_run)?;
    at_work.0 = None;
    if !output.status.success() {
        bail!("{} ended without figures: its messages stand above", program.display());
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("{} did not print its figures", program.display()))
}
