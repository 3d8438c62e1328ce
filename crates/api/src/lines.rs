//! The lines as this process last saw them: however many wait here, the store is asked once a second.

use contracts::Lane;
use ports::line::Queued;
use ports::{Clock, Line, PortError};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// A look at the lines is good for so long.
const FRESH_MS: u64 = 900;
/// What a place in line is taken to cost before it was measured.
const FIRST_GUESS_MS: f64 = 1_000.0;
const SMOOTHING: f64 = 0.5;

/// The lines of one lane.
#[derive(Debug)]
pub struct Look {
    pub lines: Vec<Queued>,
    at_ms: u64,
    /// Between two turns that were let in, whoever's they were.
    gap_ms: f64,
}

/// The last look at each lane.
#[derive(Default)]
pub struct Lines(Mutex<HashMap<Lane, Arc<Look>>>);

impl Lines {
    /// The lines of a lane, at most a second old.
    pub async fn of(&self, lane: Lane, store: &dyn Line, clock: &dyn Clock) -> Result<Arc<Look>, PortError> {
        let mut looks = self.0.lock().await;
        let now_ms = clock.monotonic_ms();
        let earlier = looks.get(&lane).cloned();
        if let Some(look) = earlier.as_ref().filter(|look| now_ms.saturating_sub(look.at_ms) < FRESH_MS) {
            return Ok(look.clone());
        }
        let lines = store.lines(lane).await?;
        let gap_ms = earlier.map_or(FIRST_GUESS_MS, |earlier| earlier.gap_after(&lines, now_ms));
        let look = Arc::new(Look { lines, at_ms: now_ms, gap_ms });
        looks.insert(lane, look.clone());
        Ok(look)
    }
}

impl Look {
    /// How long it takes until so many have been let in.
    pub fn wait_ms(&self, position: u64) -> u64 {
        (position as f64 * self.gap_ms) as u64
    }

    /// The gap as it looks now that the lines have moved on to these.
    fn gap_after(&self, lines: &[Queued], now_ms: u64) -> f64 {
        let elapsed_ms = now_ms.saturating_sub(self.at_ms) as f64;
        let let_in: u64 = self.lines.iter().map(|line| moved(line, lines)).sum();
        match let_in {
            // Nobody moved: a place takes at least this long.
            0 => self.gap_ms.max(elapsed_ms),
            count => self.gap_ms + SMOOTHING * (elapsed_ms / count as f64 - self.gap_ms),
        }
    }
}

fn moved(line: &Queued, lines: &[Queued]) -> u64 {
    match lines.iter().find(|now| now.business == line.business) {
        Some(now) => now.head.saturating_sub(line.head),
        None => line.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(business: &str, head: u64, tail: u64) -> Queued {
        Queued { business: business.into(), head, tail }
    }

    #[test]
    fn the_wait_is_told_by_how_fast_the_lines_move() {
        let look = Look { lines: vec![line("a", 1, 40), line("b", 7, 8)], at_ms: 0, gap_ms: 100.0 };
        let ten_let_in = look.gap_after(&[line("a", 9, 60)], 1_000);
        assert!((ten_let_in - 100.0).abs() < 0.1, "{ten_let_in}");
        let faster = look.gap_after(&[line("a", 21, 60), line("b", 7, 8)], 1_000);
        assert!((faster - 75.0).abs() < 0.1, "{faster}");
        assert!((look.gap_after(&look.lines, 5_000) - 5_000.0).abs() < 0.1);
        assert_eq!(look.wait_ms(3), 300);
    }
}
