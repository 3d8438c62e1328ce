//! What was seen of a run, as plain data: the recorder decides from this and from nothing else.

use super::question::Tag;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

/// Everything that was seen of a run.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub asked: Vec<Asked>,
    /// Of the app store.
    pub turns: Vec<Turn>,
    /// Of the audit table.
    pub audit: Vec<AuditRow>,
    /// Statements that ran, as the tenants' database logged them.
    pub executed: Vec<Executed>,
    /// What the API told of each response afterwards.
    pub told: BTreeMap<String, Told>,
    /// Calls that the language models counted.
    pub llm_calls: BTreeMap<Tag, u32>,
    /// Messages that are left in queues.
    pub left: BTreeMap<String, u64>,
    /// The turns of the jobs that came to the dead-letter desk; `None` for a body that names none.
    pub dead: Vec<Option<String>>,
    /// Dead bodies that the fault itself put there.
    pub dead_expected: usize,
    /// What the processes logged during the run.
    pub logs: String,
    /// Resident memory of each process at the end, in MB.
    pub memory_mb: BTreeMap<String, u64>,
    /// A canary per tenant.
    pub canaries: Vec<String>,
    /// Texts that must not show in anything sent to a client.
    pub secrets: BTreeSet<String>,
    /// From the end of the fault to the first answer to a question asked after it.
    pub recovery_ms: Option<i64>,
    /// Turns whose logged steps are no run of the model of the protocol, and why.
    pub unexplained: Vec<String>,
    /// The model knows all that this fault can do.
    pub modelled: bool,
    /// The fault takes the event log away, so that a snapshot may stand for events.
    pub log_may_be_lost: bool,
    /// Clocks were made to differ, so that times of different processes say nothing.
    pub skewed: bool,
}

/// One question, from its client's side.
#[derive(Clone, Debug)]
pub struct Asked {
    pub tag: Tag,
    pub tenant: usize,
    pub key: String,
    pub question: String,
    /// The response, once it was taken.
    pub response: Option<String>,
    pub refusals: Vec<Refusal>,
    pub heard: Vec<Heard>,
    pub asked_ms: i64,
    pub ended_ms: Option<i64>,
}

/// A frame of type `error`.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub frame: Value,
}

/// An event, on a connection.
#[derive(Clone, Debug)]
pub struct Heard {
    pub connection: u32,
    pub frame: Value,
}

/// A row of `turns`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    pub id: String,
    pub key: String,
    pub state: String,
    pub answer: String,
    pub conversation: String,
}

/// A row of `audit`.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    pub turn: String,
    pub hop: String,
    pub attempt: i64,
    pub verdict: String,
    pub at_ms: i64,
}

/// A statement as a tenant's database logged it.
#[derive(Clone, Debug, PartialEq)]
pub struct Executed {
    pub tag: Tag,
    pub database: String,
    pub at_ms: i64,
}

/// What the API told afterwards.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// `GET /v1/responses/{id}`.
    pub response: Value,
    /// The entries of this response in `GET /v1/conversations/{id}/turns`.
    pub history: Vec<Value>,
    /// The status that the other tenant got.
    pub to_others: u16,
}

impl Evidence {
    /// Everybody who asked this question.
    pub fn who_asked<'e>(&'e self, tag: &'e Tag) -> impl Iterator<Item = &'e Asked> {
        self.asked.iter().filter(move |asked| asked.tag == *tag)
    }
}

impl Asked {
    /// `number` is the client's, and the question's may be another's: several clients may ask one question.
    pub fn new(tag: &Tag, tenant: usize, number: usize) -> Self {
        Self {
            tag: tag.clone(),
            tenant,
            key: format!("key-{}-{number}", tag.run),
            question: tag.question(),
            response: None,
            refusals: Vec::new(),
            heard: Vec::new(),
            asked_ms: 0,
            ended_ms: None,
        }
    }

    /// The highest number heard.
    pub fn last_number(&self) -> Option<u64> {
        self.heard.iter().filter_map(|heard| heard.frame["sequence_number"].as_u64()).max()
    }

    /// Every event once, by number: what a client shows.
    pub fn events(&self) -> Vec<&Value> {
        let mut by_number = BTreeMap::new();
        for heard in &self.heard {
            by_number.entry(heard.frame["sequence_number"].as_u64().unwrap_or(u64::MAX)).or_insert(&heard.frame);
        }
        by_number.into_values().collect()
    }

    /// The first terminal event.
    pub fn terminal(&self) -> Option<&Value> {
        self.events().into_iter().find(|event| is_terminal(event))
    }

    /// `completed`, `failed`, `incomplete`, `refused` or `lost`.
    pub fn outcome(&self) -> &str {
        match self.terminal() {
            Some(event) => event["type"].as_str().unwrap_or_default().trim_start_matches("response."),
            None if self.response.is_none() && self.ended_ms.is_some() => "refused",
            None => "lost",
        }
    }

    /// The code of its error.
    pub fn error_code(&self) -> String {
        let of_end = self.terminal().map(|event| event["response"]["error"]["code"].clone());
        let of_refusal = || self.refusals.last().map(|refusal| refusal.frame["code"].clone());
        let code = of_end.or_else(of_refusal).unwrap_or_default();
        code.as_str().unwrap_or_default().to_owned()
    }
}

pub fn is_terminal(event: &Value) -> bool {
    matches!(event["type"].as_str(), Some("response.completed" | "response.failed" | "response.incomplete"))
}

/// Unix milliseconds. The recorder compares with what servers wrote down, so it needs the wall clock.
#[allow(clippy::disallowed_methods)]
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_millis()).expect("a clock before the year 292 million")
}
