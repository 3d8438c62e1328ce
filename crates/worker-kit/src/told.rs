use contracts::{Event, TurnId};
use ports::{EventLog, PortError};

/// Events of one read.
const PAGE: usize = 256;

/// What clients have heard of earlier runs of a hop.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// In order.
    pub(crate) events: Vec<Event>,
    /// Whether this run goes on where they end, or what they streamed is void.
    pub(crate) counts: bool,
}

impl Told {
    /// The events from number `from` on. One that is not understood was none of ours.
    pub(crate) async fn read(log: &dyn EventLog, turn: &TurnId, mut from: u64) -> Result<Vec<Event>, PortError> {
        let mut told = Vec::new();
        loop {
            let page = log.read(turn, from, PAGE).await?;
            let Some(last) = page.last() else { return Ok(told) };
            from = last.seq + 1;
            told.extend(page.iter().filter_map(|event| serde_json::from_str::<Event>(&event.json).ok()));
        }
    }

    /// The attempt that they showed last; 0 when they showed none.
    pub(crate) fn attempt(&self) -> u32 {
        self.events.iter().rev().find_map(begun).unwrap_or(0)
    }

    /// The text that they streamed and did not void.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for event in &self.events {
            match event {
                Event::TextDelta { delta, .. } => text.push_str(delta),
                event if begun(event).is_some() => text.clear(),
                _ => {}
            }
        }
        text
    }
}

fn begun(event: &Event) -> Option<u32> {
    match event {
        Event::StepStarted { attempt, .. } => Some(*attempt),
        _ => None,
    }
}
