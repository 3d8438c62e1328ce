use contracts::{Event, LoggedEvent, TurnId};
use ports::event_log::{self, Watch};
use worker_kit::{Answer, Ctx};

/// Events of one read.
const PAGE: usize = 256;

/// What a follower tells of its leaders, one after the other.
pub(crate) struct Tale<'a> {
    ctx: &'a Ctx,
    pub(crate) answer: Answer<'a>,
    /// What an earlier run has told beside the text and this one has not come to yet.
    told: usize,
}

impl<'a> Tale<'a> {
    pub(crate) fn begin(ctx: &'a Ctx) -> Self {
        let told = ctx.told().iter().filter(|event| is_found(event)).count();
        Self { ctx, answer: Answer::begin(ctx), told }
    }

    /// What was found is found for the follower too. Steps, and the frame of the answer, are the follower's own.
    fn repeat(&mut self, event: Event) {
        match event {
            Event::TextDelta { delta, .. } => self.answer.push(&delta),
            Event::StepStarted { attempt, .. } if attempt > 1 => self.answer.restart(),
            event if !is_found(&event) => {}
            _ if self.told > 0 => self.told -= 1,
            event => self.ctx.emit(event),
        }
    }
}

fn is_found(event: &Event) -> bool {
    matches!(event, Event::SqlGenerated { .. } | Event::SqlRejected { .. } | Event::Rows { .. } | Event::Notice { .. })
}

/// The leader's events, as they come, told once more as the follower's own.
pub(crate) struct Mirror<'a> {
    ctx: &'a Ctx,
    leader: TurnId,
    watch: Option<Box<dyn Watch>>,
    next: u64,
}

/// What came of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// There may be more.
    More,
    /// Nothing, or the end: the store knows.
    Silence,
}

impl<'a> Mirror<'a> {
    pub(crate) async fn new(ctx: &'a Ctx, leader: &TurnId) -> Self {
        let watch = ctx.ports.events.watch(leader).await;
        let watch = watch.inspect_err(|error| tracing::debug!(%error, "a leader cannot be watched")).ok();
        Self { ctx, leader: leader.clone(), watch, next: 0 }
    }

    /// Reads what there is, then waits for news.
    pub(crate) async fn next(&mut self, tale: &mut Tale<'_>) -> Heard {
        match self.ctx.ports.events.read(&self.leader, self.next, PAGE).await {
            Ok(events) if events.is_empty() => self.wait().await,
            Ok(events) => self.tell(&events, tale),
            Err(error) => {
                tracing::debug!(%error, "a leader's events cannot be read");
                self.wait().await
            }
        }
    }

    /// Whatever is heard, the log is read next: it has the events in order.
    async fn wait(&mut self) -> Heard {
        let Some(watch) = &mut self.watch else { return std::future::pending().await };
        match watch.next().await {
            Some(event_log::Heard::Frame(_) | event_log::Heard::Missed) => Heard::More,
            None => {
                self.watch = None;
                Heard::More
            }
        }
    }

    fn tell(&mut self, events: &[LoggedEvent], tale: &mut Tale<'_>) -> Heard {
        for event in events {
            self.next = event.seq + 1;
            match serde_json::from_str::<Event>(&event.json) {
                Ok(event) if event.is_terminal() => return Heard::Silence,
                Ok(event) => tale.repeat(event),
                Err(error) => tracing::debug!(%error, "an event of a leader is not understood"),
            }
        }
        Heard::More
    }
}
