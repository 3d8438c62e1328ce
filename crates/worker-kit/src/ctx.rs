use crate::Emitter;
use crate::ShownSchemas;
use crate::progress::Progress;
use crate::told::Told;
use contracts::event::Usage;
use contracts::{Event, HopId, Kind, Meta, ResultId, TurnId};
use domain::personal::Masking;
use ports::Ports;
use ports::source::GoOn;
use ports::store::LlmCallRecord;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a handler gets beside its job.
pub struct Ctx {
    /// The turn, the business, the user, the deadline.
    pub meta: Meta,
    /// The kind of the job, which is the step's name too.
    pub kind: Kind,
    /// This piece of work.
    pub hop: HopId,
    /// Which run of it, from 1.
    pub attempt: u32,
    /// Everything outside.
    pub ports: Ports,
    /// Fires when the work must stop: cancelled, out of time, or claimed by somebody else.
    pub cancel: CancellationToken,
    /// Calls to language models that the whole turn may make.
    pub llm_calls: u32,
    /// Calls that are spent by the claim and not yet made.
    pub(crate) prepaid: Arc<AtomicU32>,
    /// What language models do not see.
    pub(crate) masking: Arc<Masking>,
    pub(crate) schemas: Arc<ShownSchemas>,
    /// Whether language models see personal data.
    pub(crate) clear_to_llm: bool,
    pub(crate) emitter: Arc<Emitter>,
    /// Whether the run must count, whatever comes of it.
    pub(crate) left_traces: AtomicBool,
    /// Calls that were made and wait to be stored.
    pub(crate) calls: Mutex<Vec<LlmCallRecord>>,
    pub(crate) spent: Mutex<Usage>,
    /// How often an answer of this run began anew.
    pub(crate) restarts: AtomicU32,
    pub(crate) progress: Arc<Progress>,
    /// Nothing, but where a run goes on from earlier ones.
    pub(crate) told: OnceLock<Told>,
}

impl Ctx {
    /// Tells the client. Returns at once; written before the hop's outcome.
    pub fn emit(&self, event: Event) {
        self.progress.note();
        self.emitter.emit(event);
    }

    /// Says that the work comes on where neither an event nor a piece of a model's answer shows it. A job of which
    /// nothing comes for a while is counted as stuck.
    pub fn progress(&self) {
        self.progress.note();
    }

    /// For work that nothing else can reach: it goes on until the run is to stop, and each time that it asks is progress.
    pub fn go_on(&self) -> GoOn {
        let (progress, cancel) = (self.progress.clone(), self.cancel.clone());
        GoOn::new(move || {
            progress.note();
            !cancel.is_cancelled()
        })
    }

    /// What clients have heard of earlier runs of the job, where the worker goes on from those.
    pub fn told(&self) -> &[Event] {
        self.told.get().map_or(&[], |told| &told.events)
    }

    /// How often the answer that clients have began anew in this attempt, and what there is of it.
    pub(crate) fn heard(&self) -> (u32, String) {
        match self.told.get() {
            Some(told) if told.counts => (told.attempt().saturating_sub(self.attempt), told.text()),
            _ => (0, String::new()),
        }
    }

    /// Tells the client something that stops nothing.
    pub fn notice(&self, code: &str, message: impl Into<String>) {
        self.emit(Event::Notice { code: code.to_owned(), message: message.into() });
    }

    /// Until the turn's deadline; zero when it is over.
    pub fn time_left(&self) -> Duration {
        let left = self.meta.deadline_ms - self.ports.clock.now_ms();
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }

    /// The id under which the hop's rows are stored: the same on every run.
    pub fn result_id(&self) -> ResultId {
        ResultId(format!("res_{}", self.hop.as_str().replace(['/', '.'], "-")))
    }

    /// The id of the message that answers the turn: the same on every run.
    pub fn message_id(&self) -> String {
        message_id(&self.meta.turn)
    }

    /// Tokens that this run spent.
    pub fn spent(&self) -> Usage {
        *self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The attempt that events show: a run whose answer began anew counts on.
    pub(crate) fn shown_attempt(&self) -> u32 {
        self.attempt + self.restarts.load(Ordering::Relaxed)
    }

    pub(crate) fn begin_anew(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes the run count as an attempt even when it is given back: it did something that must not be done twice under
    /// one attempt, such as writing an audit row.
    pub fn leave_traces(&self) {
        self.left_traces.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_left_traces(&self) -> bool {
        self.left_traces.load(Ordering::Relaxed)
    }

    /// Keeps a call until it is stored with the outcome.
    pub(crate) fn keep(&self, call: LlmCallRecord) {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner).add(call.usage);
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    pub(crate) fn calls(&self) -> Vec<LlmCallRecord> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The id of the message that answers a turn.
pub(crate) fn message_id(turn: &TurnId) -> String {
    format!("msg_{}", turn.bare())
}
