use crate::{Ctx, Ending, JobError};
use async_trait::async_trait;
use contracts::{Envelope, Job, Kind, NextJob, ResultSet};
use std::sync::Arc;

/// A specialist: does one kind of job.
#[async_trait]
pub trait Worker: Send + Sync + 'static {
    /// The job that it does. Its kind is also the step's name in the events.
    type Job: Job;
    /// True when it asks a language model: then the claim of a job spends the first call of it.
    const ASKS_MODEL: bool = false;

    /// True when it streams text to the client: then a claim of a job survives a crash of the store.
    const STREAMS: bool = false;

    /// True when a run goes on where a snoozed one ended: what clients have heard of the job is read before it begins,
    /// `Ctx::told` gives it, and an `Answer` does not say it again.
    const GOES_ON: bool = false;

    /// Does it. Runs again after a crash, so everything but its return value must bear being done twice.
    async fn run(&self, ctx: &Ctx, job: Self::Job) -> Result<Done, JobError>;
}

/// What came of a job.
#[derive(Debug, Default)]
pub struct Done {
    /// What to do next. At most one job: a turn is a chain, and its fence is one.
    pub next: Option<NextJob>,
    /// Rows to store, under the id that `Ctx::result_id` gives.
    pub result: Option<ResultSet>,
    /// The end of the turn.
    pub ending: Option<Ending>,
    /// What it found, for the step's event: a word or a short sentence.
    pub detail: String,
}

impl Done {
    /// The turn goes on with one job.
    pub fn next<J: Job>(job: &J, detail: impl Into<String>) -> Result<Self, JobError> {
        let next = NextJob::new(job).map_err(|error| JobError::internal("encode the next job", error))?;
        Ok(Self { next: Some(next), detail: detail.into(), ..Self::default() })
    }

    /// The turn ends.
    pub fn end(ending: Ending, detail: impl Into<String>) -> Self {
        Self { ending: Some(ending), detail: detail.into(), ..Self::default() }
    }

    /// Rows to store beside it.
    pub fn with_result(self, rows: ResultSet) -> Self {
        Self { result: Some(rows), ..self }
    }
}

/// A worker whose job type is hidden, so that one runtime serves all.
#[async_trait]
pub trait Handler: Send + Sync {
    /// The kind that it handles.
    fn kind(&self) -> Kind;
    /// Whether it asks a language model.
    fn asks_model(&self) -> bool;
    /// Whether it streams text to the client.
    fn streams(&self) -> bool;
    /// Whether a run goes on where a snoozed one ended.
    fn goes_on(&self) -> bool;
    /// Whether the job can be read. Says what is wrong with it.
    fn check(&self, envelope: &Envelope) -> Result<(), String>;
    /// Reads the job and does it.
    async fn run(&self, ctx: &Ctx, envelope: &Envelope) -> Result<Done, JobError>;
}

struct Typed<W>(W);

/// Hides a worker's job type.
pub fn handler<W: Worker>(worker: W) -> Arc<dyn Handler> {
    Arc::new(Typed(worker))
}

fn decode<J: Job>(envelope: &Envelope) -> Result<J, String> {
    serde_json::from_value(envelope.job.clone()).map_err(|error| format!("not a {} job: {error}", J::KIND))
}

#[async_trait]
impl<W: Worker> Handler for Typed<W> {
    fn kind(&self) -> Kind {
        W::Job::KIND
    }

    fn asks_model(&self) -> bool {
        W::ASKS_MODEL
    }

    fn streams(&self) -> bool {
        W::STREAMS
    }

    fn goes_on(&self) -> bool {
        W::GOES_ON
    }

    fn check(&self, envelope: &Envelope) -> Result<(), String> {
        decode::<W::Job>(envelope).map(drop)
    }

    async fn run(&self, ctx: &Ctx, envelope: &Envelope) -> Result<Done, JobError> {
        let job = decode(envelope).map_err(|message| JobError::fail("unreadable_job", message))?;
        self.0.run(ctx, job).await
    }
}
