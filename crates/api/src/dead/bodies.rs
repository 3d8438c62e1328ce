//! What the desk says and hears.

use crate::error::ApiError;
use contracts::DeadId;
use ports::dead::{DeadFilter, DeadJob, DeadState};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// At most so many are listed, or decided about, at a time.
pub(super) const MOST: u32 = 100;

/// Which dead jobs are meant.
#[derive(Default, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// `open`, `replayed` or `dropped`.
    pub(super) state: Option<String>,
    /// Kind of job.
    kind: Option<String>,
    /// An error code, or a part of the error.
    error: Option<String>,
    /// Given up then or later, Unix milliseconds.
    since_ms: Option<i64>,
    /// Given up before then, Unix milliseconds.
    until_ms: Option<i64>,
    /// Those that come after this one in the list.
    after: Option<String>,
    /// At most so many; 100 at most.
    limit: Option<u32>,
}

impl Filter {
    pub(super) fn limit(&self) -> u32 {
        self.limit.unwrap_or(MOST).clamp(1, MOST)
    }

    pub(super) fn checked(self) -> Result<DeadFilter, ApiError> {
        let state = match self.state.as_deref() {
            None => None,
            Some(name) => Some(DeadState::parse(name).ok_or_else(unknown_state)?),
        };
        let texts = [&self.kind, &self.error, &self.after];
        if texts.into_iter().flatten().any(|text| text.contains('\0')) {
            return Err(ApiError::bad_request("invalid_query", "A filter holds a NUL character. Leave it out."));
        }
        let Self { kind, error, since_ms, until_ms, after, .. } = self;
        Ok(DeadFilter { state, kind, error, since_ms, until_ms, after: after.map(DeadId) })
    }
}

fn unknown_state() -> ApiError {
    ApiError::bad_request("unknown_state", "The state of a dead job is open, replayed or dropped.").about("state")
}

/// A dead job in a list.
#[derive(Serialize, ToSchema)]
pub struct DeadBody {
    id: String,
    /// The response that it ended.
    response_id: Option<String>,
    kind: String,
    /// The error code of that response.
    code: String,
    /// What went wrong in the last run.
    error: String,
    /// Runs that failed.
    attempts: u32,
    /// When it was given up, Unix milliseconds.
    at_ms: i64,
    /// `open`, `replayed` or `dropped`.
    state: &'static str,
    /// The response that goes on with it.
    replayed_as: Option<String>,
    /// Who decided.
    decided_by: Option<String>,
    /// When, Unix milliseconds.
    decided_ms: Option<i64>,
}

/// A dead job with its input.
#[derive(Serialize, ToSchema)]
pub struct DeadDetail {
    #[serde(flatten)]
    job: DeadBody,
    /// The piece of work.
    hop: String,
    /// The job that the worker got.
    input: Option<Value>,
}

/// Dead jobs, oldest first.
#[derive(Serialize, ToSchema)]
pub struct DeadList {
    pub(super) data: Vec<DeadBody>,
    /// How many fit, listed or not.
    pub(super) total: u64,
}

impl From<&DeadJob> for DeadBody {
    fn from(job: &DeadJob) -> Self {
        let is_replayed = job.state == DeadState::Replayed;
        Self {
            id: job.id.0.clone(),
            response_id: job.turn.as_ref().map(|id| id.0.clone()),
            kind: job.kind.clone(),
            code: job.code.clone(),
            error: job.error.clone(),
            attempts: job.attempts,
            at_ms: job.at_ms,
            state: job.state.as_str(),
            replayed_as: job.replayed_as.as_ref().filter(|_| is_replayed).map(|id| id.0.clone()),
            decided_by: job.decided.as_ref().map(|decision| decision.by.clone()),
            decided_ms: job.decided.as_ref().map(|decision| decision.at_ms),
        }
    }
}

impl From<&DeadJob> for DeadDetail {
    /// The job alone: what else stands in an envelope is how the installation works inside.
    fn from(job: &DeadJob) -> Self {
        let envelope = serde_json::from_slice::<Value>(&job.body).ok();
        let input = envelope.and_then(|mut envelope| envelope.get_mut("job").map(Value::take));
        Self { job: job.into(), hop: job.hop.0.clone(), input }
    }
}
