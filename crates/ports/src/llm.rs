//! Language models.

use crate::PortError;
use async_trait::async_trait;
use contracts::event::Usage;
use contracts::{BusinessId, ConnectionId, Dialect, Message, ResultSet, Schema};
use futures_util::stream::BoxStream;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a call is for. Every provider, `replay` and `rules` too, knows by it what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Answer with JSON: what a question asks for.
    Classify,
    /// Answer with one SQL statement.
    GenerateSql,
    /// Answer in prose.
    Reply,
}

impl Purpose {
    /// For labels and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Classify => "classify",
            Self::GenerateSql => "generate_sql",
            Self::Reply => "reply",
        }
    }
}

/// A call. `messages` is all that a language model gets; the fields beside it serve providers that are none.
#[derive(Clone, Debug)]
pub struct Request {
    /// What it is for.
    pub purpose: Purpose,
    /// For whom.
    pub business: BusinessId,
    /// Which database the question is about.
    pub connection: Option<ConnectionId>,
    /// That database's name, as its owner gave it.
    pub connection_name: Option<String>,
    /// The question as the user wrote it.
    pub question: String,
    /// The prompt.
    pub messages: Vec<Message>,
    /// A JSON schema that the answer must obey, where the provider can constrain it.
    pub json_schema: Option<serde_json::Value>,
    /// At most so many tokens in the answer.
    pub max_tokens: u32,
    /// Purpose `GenerateSql`: the tables.
    pub schema: Option<Arc<Schema>>,
    /// Purpose `GenerateSql`: the dialect to write.
    pub dialect: Option<Dialect>,
    /// Purpose `Reply`: the rows to tell of.
    pub result: Option<Arc<ResultSet>>,
}

/// What a call may spend. Asked before each attempt, the first included.
#[async_trait]
pub trait Budget: Send + Sync {
    /// True when one more attempt may be made; it is spent by asking.
    async fn spend(&self) -> Result<bool, PortError>;
}

/// A request with its limits.
#[derive(Clone)]
pub struct Call {
    /// What is asked.
    pub request: Request,
    /// What it may spend.
    pub budget: Arc<dyn Budget>,
    /// No attempt goes on beyond this.
    pub time_left: Duration,
    /// Stops the call and the connection to the provider.
    pub cancel: CancellationToken,
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// More text.
    Delta(String),
    /// What came so far is void: another attempt begins. Says why.
    Restart(String),
    /// A fallback or retry that a person should know of.
    Notice(String),
    /// The end.
    Done(Completion),
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// All of it.
    pub text: String,
    /// Tokens, as the provider counted them; zero when it did not.
    pub usage: Usage,
    /// The provider's name in settings.
    pub provider: String,
    /// The model's name.
    pub model: String,
    /// True when the answer was cut at `max_tokens`.
    pub cut: bool,
    /// How sure the provider is, 0 to 1, where it says.
    pub confidence: Option<f64>,
}

/// Why there is no answer. The sentence is for the user and names no secret or host.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No provider of the chain answered.
    #[error("no language model answered: {0}")]
    Unavailable(String),
    /// A provider refused the request itself, so another attempt gives the same.
    #[error("the language model refused the request: {0}")]
    Refused(String),
    /// The provider understood, and has no answer (`rules` when unsure, `replay` without a record).
    #[error("{0}")]
    Abstained(String),
    /// The turn's budget of calls is used up.
    #[error("the question used up its calls to the language model")]
    BudgetSpent,
    /// Out of time.
    #[error("the language model did not answer in time")]
    TimedOut,
    /// The user stopped it.
    #[error("cancelled")]
    Cancelled,
    /// The budget could not be asked.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// The pieces of an answer. After an `Err` nothing follows; without one the last is `Done`.
pub type Pieces = BoxStream<'static, Result<Piece, Error>>;

/// A language model, or a chain of them.
#[async_trait]
pub trait Llm: Send + Sync {
    /// Starts a call. Dropping the pieces stops it.
    async fn stream(&self, call: Call) -> Result<Pieces, Error>;
    /// The names of the providers, in the order in which they are asked.
    fn providers(&self) -> Vec<String>;
    /// For each provider whether it answers, in a sentence.
    async fn check(&self) -> Vec<(String, Result<String, String>)>;
}

/// Waits for the end of a call. Notices are collected beside the completion.
pub async fn complete(mut pieces: Pieces) -> Result<(Completion, Vec<String>), Error> {
    use futures_util::StreamExt;
    let mut notices = Vec::new();
    while let Some(piece) = pieces.next().await {
        match piece? {
            Piece::Done(completion) => return Ok((completion, notices)),
            Piece::Notice(notice) => notices.push(notice),
            Piece::Delta(_) | Piece::Restart(_) => {}
        }
    }
    Err(Error::Unavailable("the answer ended without an end mark".into()))
}
