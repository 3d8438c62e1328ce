//! Processor time of the processes that a turn goes through, from `/proc`.

use anyhow::{Context, Result};
use serde::Serialize;
use std::fs;
use std::path::Path;
use url::Url;

/// The unit of the times in `/proc/<pid>/stat` is the same on every Linux: a hundredth of a second.
const TICKS_PER_SECOND: f64 = 100.0;
const LISTENING: &str = "0A";

/// Processor seconds by process. `None` where the process is not on this machine or may not be looked at.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Cpu {
    /// API and workers.
    pub askline: Option<f64>,
    /// The clients of the measurement.
    pub client: Option<f64>,
    /// RabbitMQ.
    pub broker: Option<f64>,
    /// Redis.
    pub redis: Option<f64>,
    /// PostgreSQL with all of its backends.
    pub store: Option<f64>,
}

impl Cpu {
    /// What was spent since `before`.
    pub fn since(self, before: Self) -> Self {
        self.zip(before, |after, before| after - before)
    }

    /// The sum of two measurements.
    pub fn plus(self, other: Self) -> Self {
        self.zip(other, |one, other| one + other)
    }

    /// All of it, but for the clients; `None` when a part is missing.
    pub fn servers(self) -> Option<f64> {
        Some(self.askline? + self.broker? + self.redis? + self.store?)
    }

    /// Each part multiplied.
    pub fn times(self, factor: f64) -> Self {
        self.map(|seconds| seconds * factor)
    }

    /// Each known part changed.
    pub fn map(self, change: impl Fn(f64) -> f64) -> Self {
        self.zip(self, |seconds, _| change(seconds))
    }

    fn zip(self, other: Self, join: impl Fn(f64, f64) -> f64) -> Self {
        let join = |one: Option<f64>, other: Option<f64>| Some(join(one?, other?));
        Self {
            askline: join(self.askline, other.askline),
            client: join(self.client, other.client),
            broker: join(self.broker, other.broker),
            redis: join(self.redis, other.redis),
            store: join(self.store, other.store),
        }
    }
}

/// The processes to look at.
pub struct Meter {
    askline: Vec<u32>,
    broker: Option<u32>,
    redis: Option<u32>,
    store: Option<u32>,
    /// What could not be found, in sentences.
    pub notes: Vec<String>,
}

impl Meter {
    /// Finds the servers that listen at these addresses. `askline` are our processes.
    pub fn new(urls: &app::ServerUrls, askline: Vec<u32>) -> Self {
        let mut notes = Vec::new();
        let mut find = |name: &str, url: &str, port: u16| {
            let found = listener(url, port);
            if found.is_none() {
                notes.push(format!("{name} runs elsewhere, or under another user: its processor time is unknown"));
            }
            found
        };
        let broker = find("RabbitMQ", &urls.broker, 5672);
        let redis = find("Redis", &urls.events, 6379);
        let store = find("PostgreSQL", &urls.store, 5432);
        Self { askline, broker, redis, store, notes }
    }

    /// Processor time so far. The clients' is theirs to say: where they are in one of our processes it is counted as ours
    /// here.
    pub fn read(&self) -> Cpu {
        Cpu {
            askline: self.askline.iter().map(|pid| stat(*pid).map(|stat| stat.own)).sum(),
            client: Some(0.0),
            broker: self.broker.and_then(stat).map(|stat| stat.own),
            redis: self.redis.and_then(stat).map(|stat| stat.own),
            store: self.store.and_then(family),
        }
    }
}

/// The most memory that a process has used so far, in MiB.
pub fn peak_mib(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some((kib / 1_024.0).round())
}

/// Processor seconds of this process.
pub fn of_this_process() -> Result<f64> {
    stat(std::process::id()).map(|stat| stat.own).context("/proc cannot be read")
}

/// Processor seconds of the thread that asks.
pub fn of_this_thread() -> Result<f64> {
    let stat = Stat::of(Path::new("/proc/thread-self/stat"));
    stat.map(|stat| stat.own).context("/proc/thread-self/stat cannot be read")
}

/// What `/proc/<pid>/stat` says.
struct Stat {
    parent: u32,
    /// User and system time.
    own: f64,
    /// Of children that have ended.
    children: f64,
}

impl Stat {
    fn of(file: &Path) -> Option<Self> {
        let text = fs::read_to_string(file).ok()?;
        Self::parse(&text)
    }

    /// The name in parentheses may hold anything; the fields after it are numbers.
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
        let seconds = |first: usize| Some((ticks(first)? + ticks(first + 1)?) / TICKS_PER_SECOND);
        Some(Self { parent: fields.get(1)?.parse().ok()?, own: seconds(11)?, children: seconds(13)? })
    }
}

fn stat(pid: u32) -> Option<Stat> {
    Stat::of(Path::new(&format!("/proc/{pid}/stat")))
}

/// A server that forks: itself, its children, and those that have ended.
fn family(pid: u32) -> Option<f64> {
    let parent = stat(pid)?;
    let children = pids().filter_map(stat).filter(|child| child.parent == pid);
    Some(parent.own + parent.children + children.map(|child| child.own).sum::<f64>())
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The process of this machine that listens at the URL's port.
fn listener(url: &str, default_port: u16) -> Option<u32> {
    let url = Url::parse(url).ok()?;
    if !matches!(url.host_str()?, "127.0.0.1" | "localhost" | "::1" | "[::1]") {
        return None;
    }
    let port = url.port().unwrap_or(default_port);
    let sockets: Vec<String> =
        ["/proc/net/tcp", "/proc/net/tcp6"].iter().flat_map(|table| inodes(table, port)).collect();
    pids().find(|pid| holds(*pid, &sockets))
}

/// The sockets that listen at a port, as `/proc/<pid>/fd` names them.
fn inodes(table: &str, port: u16) -> Vec<String> {
    let text = fs::read_to_string(table).unwrap_or_default();
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, local) = fields.get(1)?.rsplit_once(':')?;
        let listens = u16::from_str_radix(local, 16).ok()? == port && *fields.get(3)? == LISTENING;
        listens.then(|| fields.get(9).map(|inode| format!("socket:[{inode}]")))?
    };
    text.lines().skip(1).filter_map(inode).collect()
}

fn holds(pid: u32, sockets: &[String]) -> bool {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    targets.any(|target| sockets.iter().any(|socket| Path::new(socket) == target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let text = "42 (post) gres: x) S 7 0 0 0 0 0 0 0 0 0 150 50 300 100 20 0";
        let stat = Stat::parse(text).unwrap();
        assert_eq!((stat.parent, stat.own, stat.children), (7, 2.0, 4.0));
    }

    #[test]
    fn the_process_that_listens_is_found_by_its_port() {
        let listener_here = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener_here.local_addr().unwrap().port();
        assert_eq!(listener(&format!("redis://127.0.0.1:{port}/0"), 6379), Some(std::process::id()));
        assert_eq!(listener("redis://example.org:6379/0", 6379), None);
    }

    #[test]
    fn a_missing_part_stays_missing() {
        let known = Cpu { askline: Some(1.0), ..Cpu::default() };
        assert_eq!(known.plus(known).askline, Some(2.0));
        assert_eq!((known.plus(known).redis, known.servers()), (None, None));
    }
}
