use crate::job_error::LLM_TIMEOUT;
use crate::{Ctx, JobError};
use async_trait::async_trait;
use contracts::{ResultSet, Schema, TurnId};
use domain::personal::Shield;
use futures_util::StreamExt;
use ports::llm::{Budget, Call, Completion, Error, Piece, Pieces, Request};
use ports::store::LlmCallRecord;
use ports::{Ledger, PortError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The turn's persisted budget.
struct TurnBudget {
    ledger: Arc<dyn Ledger>,
    turn: TurnId,
    most: u32,
    /// Calls that the claim has spent already.
    prepaid: Arc<AtomicU32>,
}

#[async_trait]
impl Budget for TurnBudget {
    async fn spend(&self) -> Result<bool, PortError> {
        let one_less = |left: u32| left.checked_sub(1);
        if self.prepaid.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
            return Ok(true);
        }
        self.ledger.spend_llm_call(&self.turn, self.most).await
    }
}

impl Ctx {
    /// Asks a language model and waits for the whole answer. Notices become events, tokens are recorded. Personal data
    /// that the question names is turned back in the answer.
    pub async fn complete(&self, request: Request) -> Result<Completion, Error> {
        let purpose = request.purpose.as_str();
        let started = self.ports.clock.monotonic_ms();
        let shield = Shield::new(&request.question);
        let request = self.shielded(request, &shield);
        let (mut completion, notices) = ports::llm::complete(self.pieces(request).await?).await?;
        completion.text = shield.uncover(&completion.text);
        notices.into_iter().for_each(|notice| self.notice("llm", notice));
        self.record(&completion, purpose, started);
        Ok(completion)
    }

    /// Asks a language model and hands over the pieces as they come. The caller records the end by `record`.
    pub async fn stream(&self, request: Request) -> Result<Pieces, Error> {
        self.pieces(self.shielded(request, &Shield::default())).await
    }

    /// Each piece that is heard is progress.
    async fn pieces(&self, request: Request) -> Result<Pieces, Error> {
        let progress = self.progress.clone();
        let pieces = self.ports.llm.stream(self.call(request)).await?;
        Ok(pieces.inspect(move |_| progress.note()).boxed())
    }

    /// Records what a call spent; stored with the run's outcome. `started` is `Clock::monotonic_ms` before it.
    pub fn record(&self, completion: &Completion, purpose: &str, started: u64) {
        self.keep(LlmCallRecord {
            id: self.ports.ids.next("llm"),
            business: self.meta.business.clone(),
            turn: self.meta.turn.clone(),
            purpose: purpose.to_owned(),
            provider: completion.provider.clone(),
            model: completion.model.clone(),
            usage: completion.usage,
            duration_ms: self.ports.clock.monotonic_ms().saturating_sub(started),
            at_ms: self.ports.clock.now_ms(),
        });
    }

    /// Turns the pieces of a streamed answer over to `on_text`; `None` stands for a restart, which voids the text.
    pub async fn follow(
        &self,
        pieces: &mut Pieces,
        mut on_text: impl FnMut(Option<&str>) + Send,
    ) -> Result<Completion, Error> {
        while let Some(piece) = pieces.next().await {
            match piece? {
                Piece::Delta(text) => on_text(Some(&text)),
                Piece::Restart(reason) => {
                    self.notice("llm", reason);
                    on_text(None);
                }
                Piece::Notice(notice) => self.notice("llm", notice),
                Piece::Done(completion) => return Ok(completion),
            }
        }
        Err(Error::Unavailable("the answer ended without an end mark".into()))
    }

    /// Rows as a language model may see them, whoever asks: as a role does that sees no personal data.
    pub fn for_model(&self, mut rows: ResultSet) -> ResultSet {
        if !self.clear_to_llm {
            self.masking.apply(&mut rows);
        }
        rows
    }

    /// A schema as a language model may see it: without sample values of columns that are personal or are masked.
    pub fn schema_for_model(&self, schema: Schema) -> Schema {
        self.schemas.made(schema)
    }

    /// As `schema_for_model`, of the schema that turns on the same database share: made once for all of them.
    pub fn shared_schema_for_model(&self, schema: &Arc<Schema>) -> Arc<Schema> {
        self.schemas.of(schema.clone())
    }

    /// Personal data stays in the house, unless the settings say otherwise.
    fn shielded(&self, mut request: Request, shield: &Shield) -> Request {
        if self.clear_to_llm {
            return request;
        }
        for message in &mut request.messages {
            message.content = shield.cover(&message.content);
        }
        request
    }

    fn call(&self, request: Request) -> Call {
        let budget = TurnBudget {
            ledger: self.ports.ledger.clone(),
            turn: self.meta.turn.clone(),
            most: self.llm_calls,
            prepaid: self.prepaid.clone(),
        };
        Call { request, budget: Arc::new(budget), time_left: self.time_left(), cancel: self.cancel.clone() }
    }
}

/// What a failed call means for the job. Only the adapter retries calls, so nothing here is a retry but a store that
/// could not be asked for the budget.
pub fn llm_failure(error: Error) -> JobError {
    match error {
        Error::Cancelled => JobError::Cancelled,
        Error::Port(error) => JobError::port("ask the language model", error),
        Error::Unavailable(_) => fail("llm_unavailable", &error, "Try again later, or ask your administrator."),
        Error::Refused(_) => fail("llm_refused", &error, "Ask your administrator to check the provider's settings."),
        Error::BudgetSpent => fail("llm_budget_spent", &error, "Ask again, perhaps in simpler words."),
        Error::TimedOut => fail(LLM_TIMEOUT, &error, "Ask again, or ask for less at a time."),
        Error::Abstained(message) => JobError::fail("not_understood", message),
    }
}

fn fail(code: &str, error: &Error, advice: &str) -> JobError {
    let mut sentence = error.to_string();
    if let Some(first) = sentence.get(..1).map(str::to_uppercase) {
        sentence.replace_range(..1, &first);
    }
    JobError::fail(code, format!("{}. {advice}", sentence.trim_end_matches('.')))
}
