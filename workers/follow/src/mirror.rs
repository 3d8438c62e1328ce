use contracts::{Event, LoggedEvent, TurnId};
use ports::event_log::{self, Watch};
use worker_kit::{Answer, Ctx};

/// Events of one read.
const PAGE: usize = 256;

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
    pub(crate) async fn next(&mut self, answer: &mut Answer<'_>) -> Heard {
        match self.ctx.ports.events.read(&self.leader, self.next, PAGE).await {
            Ok(events) if events.is_empty() => self.wait().await,
            Ok(events) => self.tell(&events, answer),
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

    fn tell(&mut self, events: &[LoggedEvent], answer: &mut Answer<'_>) -> Heard {
        for event in events {
            self.next = event.seq + 1;
            match serde_json::from_str::<Event>(&event.json) {
                Ok(event) if event.is_terminal() => return Heard::Silence,
                Ok(event) => self.repeat(event, answer),
                Err(error) => tracing::debug!(%error, "an event of a leader is not understood"),
            }
        }
        Heard::More
    }

    /// What was found is found for the follower too. Steps, and the frame of the answer, are the follower's own.
    fn repeat(&self, event: Event, answer: &mut Answer<'_>) {
        match event {
            Event::TextDelta { delta, .. } => answer.push(&delta),
            Event::StepStarted { attempt, .. } if attempt > 1 => answer.restart(),
            Event::SqlGenerated { .. } | Event::SqlRejected { .. } | Event::Rows { .. } | Event::Notice { .. } => {
                self.ctx.emit(event);
            }
            _ => {}
        }
    }
}
