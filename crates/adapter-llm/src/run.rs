//! One call on its way through the chain.

use crate::backoff::{self, Backoff};
use crate::provider::{Chunk, Failure, Provider};
use crate::telemetry::Attempt;
use futures_util::StreamExt;
use ports::llm::{Call, Completion, Error, Piece};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::Instrument;

/// Longer than any call may last; keeps the deadline's arithmetic in range.
const LONGEST_CALL: Duration = Duration::from_secs(24 * 60 * 60);
/// No token of any vocabulary in use is longer on average.
const BYTES_PER_TOKEN: usize = 32;
/// An answer may be this long whatever `max_tokens` says, and never longer than `LONGEST_ANSWER`.
const SHORTEST_CAP: usize = 16 * 1024;
const LONGEST_ANSWER: usize = 1024 * 1024;
/// A requested wait from this on is told to the user.
const NOTICEABLE: Duration = Duration::from_secs(1);

pub(crate) struct Run {
    providers: Arc<[Arc<dyn Provider>]>,
    clock: Arc<dyn ports::Clock>,
    backoff: Backoff,
    call: Call,
    deadline: Instant,
    pieces: Sender<Result<Piece, Error>>,
    /// Why what the reader has so far is void, once it is.
    void: Option<String>,
    /// True when the reader has text of the present attempt.
    shown: bool,
    failures: Vec<(String, Failure)>,
}

impl Run {
    pub(crate) fn new(
        providers: Arc<[Arc<dyn Provider>]>,
        clock: Arc<dyn ports::Clock>,
        backoff: Backoff,
        call: Call,
        pieces: Sender<Result<Piece, Error>>,
    ) -> Self {
        let deadline = Instant::now() + call.time_left.min(LONGEST_CALL);
        Self { providers, clock, backoff, call, deadline, pieces, void: None, shown: false, failures: Vec::new() }
    }

    /// Runs the call to its end and says it to the reader.
    pub(crate) async fn drive(mut self) {
        let end = self.bounded().await;
        drop(self.pieces.send(end.map(Piece::Done)).await);
    }

    async fn bounded(&mut self) -> Result<Completion, Error> {
        let cancel = self.call.cancel.clone();
        if self.time_left().is_zero() {
            return Err(Error::TimedOut);
        }
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Error::Cancelled),
            () = sleep_until(self.deadline) => Err(Error::TimedOut),
            end = self.ask_all() => end,
        }
    }

    async fn ask_all(&mut self) -> Result<Completion, Error> {
        let providers = self.providers.clone();
        for provider in providers.iter() {
            let notice = self.fallback_notice(provider.name());
            let failure = match self.ask(provider.as_ref(), notice).await? {
                Ok(completion) => return Ok(completion),
                Err(failure) => failure,
            };
            log(provider.name(), &failure);
            self.failures.push((provider.name().to_owned(), failure));
        }
        Err(verdict(&self.failures, self.clock.now_ms()))
    }

    /// Asks one provider as often as it may be asked. The outer error ends the whole call.
    async fn ask(
        &mut self,
        provider: &dyn Provider,
        mut notice: Option<String>,
    ) -> Result<Result<Completion, Failure>, Error> {
        let mut failed = 0;
        loop {
            self.begin(notice.take()).await?;
            let failure = match self.attempt(provider).await {
                Ok(completion) => return Ok(Ok(completion)),
                Err(failure) => failure,
            };
            failed += 1;
            self.make_void(provider.name(), &failure);
            let Some(pause) = self.pause(provider, &failure, failed) else { return Ok(Err(failure)) };
            self.wait(provider.name(), &failure, pause).await;
        }
    }

    /// Spends one of the budget, then tells the reader what changed since the last attempt.
    async fn begin(&mut self, notice: Option<String>) -> Result<(), Error> {
        if !self.call.budget.spend().await? {
            return Err(Error::BudgetSpent);
        }
        if let Some(reason) = self.void.take() {
            self.say(Piece::Restart(reason)).await;
        }
        if let Some(notice) = notice {
            self.say(Piece::Notice(notice)).await;
        }
        Ok(())
    }

    async fn attempt(&mut self, provider: &dyn Provider) -> Result<Completion, Failure> {
        let mut attempt = Attempt::start(provider, self.call.request.purpose, self.clock.clone());
        let span = attempt.span();
        let end = self.read(provider, &mut attempt).instrument(span).await;
        attempt.finish(&end);
        end
    }

    async fn read(&mut self, provider: &dyn Provider, attempt: &mut Attempt) -> Result<Completion, Failure> {
        let mut answer = self.empty_completion(provider);
        let mut chunks = provider.stream(&self.call.request).await?;
        while let Some(chunk) = chunks.next().await {
            match chunk? {
                Chunk::Notice(notice) => self.say(Piece::Notice(notice)).await,
                Chunk::Delta(delta) => {
                    attempt.text_came();
                    self.extend(&mut answer, delta).await;
                    if answer.cut {
                        return Ok(answer);
                    }
                }
                Chunk::End(end) => {
                    return Ok(Completion { usage: end.usage, cut: end.cut, confidence: end.confidence, ..answer });
                }
            }
        }
        Err(Failure::Truncated)
    }

    fn empty_completion(&self, provider: &dyn Provider) -> Completion {
        Completion {
            text: String::new(),
            usage: Default::default(),
            provider: provider.name().to_owned(),
            model: provider.model().to_owned(),
            cut: false,
            confidence: None,
        }
    }

    /// Adds a delta, as far as the answer may grow: a server that ignores `max_tokens` does not go on for ever. Without
    /// NUL, which no statement holds and PostgreSQL stores in no text.
    async fn extend(&mut self, answer: &mut Completion, mut delta: String) {
        delta.retain(|letter| letter != '\0');
        let room = longest_answer(self.call.request.max_tokens) - answer.text.len();
        if delta.len() > room {
            delta.truncate(delta.floor_char_boundary(room));
            answer.cut = true;
        }
        if delta.is_empty() {
            return;
        }
        answer.text.push_str(&delta);
        self.shown = true;
        self.say(Piece::Delta(delta)).await;
    }

    fn make_void(&mut self, provider: &str, failure: &Failure) {
        if std::mem::take(&mut self.shown) {
            self.void = Some(format!("{provider} {failure}"));
        }
    }

    fn pause(&self, provider: &dyn Provider, failure: &Failure, failed: u32) -> Option<Duration> {
        if failed >= provider.attempts() {
            return None;
        }
        self.backoff.pause(failure, failed, self.clock.now_ms(), self.time_left())
    }

    async fn wait(&mut self, provider: &str, failure: &Failure, pause: Duration) {
        tracing::info!(
            provider,
            detail = failure.detail(),
            pause_ms = pause.as_millis(),
            "{provider} {failure}; retrying"
        );
        let requested = backoff::requested(failure, self.clock.now_ms()).is_some();
        if requested && pause >= NOTICEABLE {
            self.say(Piece::Notice(format!("{provider} is busy; it is asked again in {} s", seconds(pause)))).await;
        }
        sleep(pause).await;
    }

    fn fallback_notice(&self, next: &str) -> Option<String> {
        let (name, failure) = self.failures.last()?;
        let what = if matches!(failure, Failure::Abstained(_)) { "has no answer" } else { "did not answer" };
        Some(format!("{name} {what}; {next} answers instead"))
    }

    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The reader and this run are one stream: a reader that is gone has dropped the run too.
    async fn say(&self, piece: Piece) {
        drop(self.pieces.send(Ok(piece)).await);
    }
}

/// Says why a provider is given up. An abstention is an answer, which the caller handles.
fn log(provider: &str, failure: &Failure) {
    if !matches!(failure, Failure::Abstained(_)) {
        tracing::warn!(provider, detail = failure.detail(), "{provider} {failure}");
    }
}

fn longest_answer(max_tokens: u32) -> usize {
    let tokens = usize::try_from(max_tokens).unwrap_or(usize::MAX);
    tokens.saturating_mul(BYTES_PER_TOKEN).clamp(SHORTEST_CAP, LONGEST_ANSWER)
}

fn seconds(pause: Duration) -> u64 {
    pause.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX)
}

/// What all failures together mean to the caller.
fn verdict(failures: &[(String, Failure)], now_ms: i64) -> Error {
    let Some((_, last)) = failures.last() else {
        return Error::Unavailable("no provider is configured".into());
    };
    if failures.iter().all(|(_, failure)| matches!(failure, Failure::Abstained(_))) {
        return Error::Abstained(last.to_string());
    }
    let reasons: Vec<_> = failures.iter().map(|(name, failure)| format!("{name} {}", reason(failure))).collect();
    let reasons = reasons.join("; ");
    if !failures.iter().any(|(_, failure)| failure.is_transient()) {
        return Error::Refused(reasons);
    }
    let waits = failures.iter().filter_map(|(_, failure)| backoff::requested(failure, now_ms));
    match waits.min() {
        Some(wait) => Error::Unavailable(format!("{reasons}; try again in {} s", seconds(wait))),
        None => Error::Unavailable(reasons),
    }
}

fn reason(failure: &Failure) -> String {
    match failure {
        Failure::Abstained(sentence) => format!("has no answer ({sentence})"),
        other => other.to_string(),
    }
}
