//! What a client hears: the events of OpenAI's Responses API, and extensions under `response.askline.*`.
//!
//! An event is stored and published without `sequence_number` and `response_id`; both are added on the way out
//! (`LoggedEvent::to_client_json`).

use crate::{ApprovalId, ChangeKind, Column, DeadId, Dialect, ResultSet};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One numbered event of a response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Event {
    /// The response exists.
    #[serde(rename = "response.created")]
    Created { response: Response },
    /// The question is durable: it will get an answer or an error.
    #[serde(rename = "response.queued")]
    Queued { response: Response },
    /// A worker took the question.
    #[serde(rename = "response.in_progress")]
    InProgress { response: Response },
    /// A part of the answer begins.
    #[serde(rename = "response.output_item.added")]
    ItemAdded { output_index: u32, item: OutputItem },
    /// Its text begins.
    #[serde(rename = "response.content_part.added")]
    PartAdded { item_id: String, output_index: u32, content_index: u32, part: ContentPart },
    /// More of the text.
    #[serde(rename = "response.output_text.delta")]
    TextDelta { item_id: String, output_index: u32, content_index: u32, delta: String },
    /// The whole text.
    #[serde(rename = "response.output_text.done")]
    TextDone { item_id: String, output_index: u32, content_index: u32, text: String },
    /// The whole part.
    #[serde(rename = "response.content_part.done")]
    PartDone { item_id: String, output_index: u32, content_index: u32, part: ContentPart },
    /// The whole item.
    #[serde(rename = "response.output_item.done")]
    ItemDone { output_index: u32, item: OutputItem },

    /// A step of the pipeline begins. With `attempt` above 1 an earlier run of the same step was lost, and what it
    /// had streamed of an unfinished item is void.
    #[serde(rename = "response.askline.step.started")]
    StepStarted { step: String, attempt: u32 },
    /// A step is done.
    #[serde(rename = "response.askline.step.completed")]
    StepCompleted {
        step: String,
        attempt: u32,
        duration_ms: u64,
        /// What it found, a word or a short sentence (`sql`, `42 rows`).
        detail: String,
        /// Tokens spent in it, over all calls to a language model.
        tokens: u64,
    },
    /// Something a person should know and that stops nothing: a fallback, a cut schema.
    #[serde(rename = "response.askline.notice")]
    Notice { code: String, message: String },
    /// A statement was written.
    #[serde(rename = "response.askline.sql.generated")]
    SqlGenerated {
        sql: String,
        dialect: Dialect,
        tables: Vec<String>,
        /// 0 to 1; absent when the provider gives none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        confidence: Option<f64>,
    },
    /// A statement was refused by the guard or failed in the database.
    #[serde(rename = "response.askline.sql.rejected")]
    SqlRejected { rule: String, message: String },
    /// The first rows of the result.
    #[serde(rename = "response.askline.rows")]
    Rows { columns: Vec<Column>, rows: Vec<Vec<crate::Cell>>, row_count: u64, truncated: bool },

    /// A statement would change data. It runs only when a person with the right approves it.
    #[serde(rename = "response.askline.approval.required")]
    ApprovalRequired {
        approval_id: ApprovalId,
        /// The statement as it would be executed.
        sql: String,
        kind: ChangeKind,
        /// The table whose rows change.
        table: String,
        /// How many rows it would change. When they are others by then, it changes none.
        affected_rows: u64,
        /// The first of these rows: as they are, or as they would be added.
        preview: ResultSet,
        /// After this nobody can approve it, Unix seconds.
        expires_at: i64,
    },

    /// Where a question that waits for its turn stands. Neither numbered nor logged: only the last one counts.
    #[serde(rename = "response.askline.queue.position")]
    QueuePosition {
        /// 1 is next.
        position: u64,
        estimated_wait_ms: u64,
    },

    /// Ended with an answer.
    #[serde(rename = "response.completed")]
    Completed { response: Response },
    /// Ended with an error.
    #[serde(rename = "response.failed")]
    Failed { response: Response },
    /// Ended early: cancelled, or out of time.
    #[serde(rename = "response.incomplete")]
    Incomplete { response: Response },
}

impl Event {
    /// True for the one event that ends a response.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Completed { .. } | Self::Failed { .. } | Self::Incomplete { .. })
    }

    /// The event that shows the first `shown` rows of a result.
    pub fn rows(result: &ResultSet, shown: usize) -> Self {
        let head = result.head(shown);
        Self::Rows {
            columns: head.columns,
            rows: head.rows,
            row_count: result.rows.len() as u64,
            truncated: head.truncated,
        }
    }
}

/// The response object of the Responses API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// The turn.
    pub id: String,
    /// Always `response`.
    pub object: String,
    /// Unix seconds.
    pub created_at: i64,
    /// `queued`, `in_progress`, `completed`, `failed` or `incomplete`.
    pub status: Status,
    /// The model that clients asked for: `askline`.
    pub model: String,
    /// What was said.
    pub output: Vec<OutputItem>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<ResponseError>,
    /// Why it ended early.
    #[serde(default)]
    pub incomplete_details: Option<IncompleteDetails>,
    /// Tokens over all calls.
    #[serde(default)]
    pub usage: Option<Usage>,
    /// The conversation, when it has one.
    #[serde(default)]
    pub conversation: Option<ConversationRef>,
    /// `sql`, `dialect`, `connection_id`, … where known. String values.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Always false: the field is required by stock clients.
    #[serde(default)]
    pub parallel_tool_calls: bool,
    /// Always `none`.
    #[serde(default = "no_tools")]
    pub tool_choice: String,
    /// Always empty.
    #[serde(default)]
    pub tools: Vec<serde_json::Value>,
}

fn no_tools() -> String {
    "none".to_owned()
}

impl Response {
    /// A response without output.
    pub fn new(id: &str, created_at: i64, status: Status) -> Self {
        Self {
            id: id.to_owned(),
            object: "response".to_owned(),
            created_at,
            status,
            model: "askline".to_owned(),
            output: Vec::new(),
            error: None,
            incomplete_details: None,
            usage: None,
            conversation: None,
            metadata: BTreeMap::new(),
            parallel_tool_calls: false,
            tool_choice: no_tools(),
            tools: Vec::new(),
        }
    }

    /// The text of all its output, joined.
    pub fn text(&self) -> String {
        self.output.iter().flat_map(|item| item.content.iter()).map(|part| part.text.as_str()).collect()
    }
}

/// How far a response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Durable, not yet taken.
    Queued,
    /// Being worked on.
    InProgress,
    /// Ended with an answer.
    Completed,
    /// Ended with an error.
    Failed,
    /// Ended early.
    Incomplete,
}

impl Status {
    /// The transmitted name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Incomplete => "incomplete",
        }
    }
}

/// Why a response failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseError {
    /// Stable, for programs.
    pub code: String,
    /// What happened and what to do, for people.
    pub message: String,
    /// The job that is kept for a person to look at, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_job: Option<DeadId>,
}

impl ResponseError {
    /// An error that leaves no job behind.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), dead_job: None }
    }
}

/// Why a response ended early.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncompleteDetails {
    /// `cancelled` or `deadline`.
    pub reason: String,
}

/// A conversation by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationRef {
    /// `conv_…`.
    pub id: String,
}

/// Tokens of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Read by the model.
    pub input_tokens: u64,
    /// Written by the model.
    pub output_tokens: u64,
    /// Both.
    pub total_tokens: u64,
}

impl Usage {
    /// Adds what another call spent.
    pub fn add(&mut self, other: Usage) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.total_tokens += other.total_tokens;
    }
}

/// A message of the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputItem {
    /// `msg_…`.
    pub id: String,
    /// Always `message`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Always `assistant`.
    pub role: String,
    /// `in_progress` or `completed`.
    pub status: String,
    /// Its text.
    pub content: Vec<ContentPart>,
}

/// A text of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContentPart {
    /// Always `output_text`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The text.
    pub text: String,
    /// Always empty: the field is required by stock clients.
    #[serde(default)]
    pub annotations: Vec<serde_json::Value>,
}

impl ContentPart {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { kind: "output_text".to_owned(), text: text.into(), annotations: Vec::new() }
    }
}

impl OutputItem {
    /// A message that is being written.
    pub fn started(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            kind: "message".to_owned(),
            role: "assistant".to_owned(),
            status: "in_progress".to_owned(),
            content: Vec::new(),
        }
    }

    /// A message with its text.
    pub fn completed(id: &str, text: impl Into<String>) -> Self {
        Self { status: "completed".to_owned(), content: vec![ContentPart::text(text)], ..Self::started(id) }
    }
}
