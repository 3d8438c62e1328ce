//! Who is next: deficit round robin over the lines of businesses, how much each may have in flight, and how long a
//! place in line takes.

use std::collections::BTreeMap;

/// A line that somebody waits in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contender {
    /// Whose it is.
    pub business: String,
    /// How many wait.
    pub waiting: u64,
    /// How many more it may have in flight.
    pub room: u64,
    /// How many it gets in its round; at least 1.
    pub weight: u64,
}

/// Deficit round robin: a business that could not take its whole turn goes on with the rest of it.
#[derive(Clone, Debug, Default)]
pub struct RoundRobin {
    /// Whose turn it is, and what is left of it.
    current: Option<(String, u64)>,
}

impl RoundRobin {
    /// How many of each line are let in, when `slots` are free. The lines are ordered by business.
    pub fn pick(&mut self, lines: &[Contender], mut slots: u64) -> Vec<(String, u64)> {
        let mut lines: Vec<Contender> =
            lines.iter().filter(|line| line.waiting > 0 && line.room > 0).cloned().collect();
        let mut picked: BTreeMap<String, u64> = BTreeMap::new();
        let mut at = self.start(&lines);
        while slots > 0 && !lines.is_empty() {
            at %= lines.len();
            let line = &mut lines[at];
            let quantum = self.left_for(&line.business).unwrap_or(line.weight.max(1));
            let taken = quantum.min(line.waiting).min(line.room).min(slots);
            *picked.entry(line.business.clone()).or_default() += taken;
            slots -= taken;
            line.waiting -= taken;
            line.room -= taken;
            let left = quantum - taken;
            if line.waiting == 0 || line.room == 0 {
                self.current = Some((after(&line.business), 0));
                lines.remove(at);
            } else if left > 0 {
                self.current = Some((line.business.clone(), left));
            } else {
                self.current = Some((after(&line.business), 0));
                at += 1;
            }
        }
        picked.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    fn start(&self, lines: &[Contender]) -> usize {
        let Some((business, _)) = &self.current else { return 0 };
        lines.iter().position(|line| line.business >= *business).unwrap_or(0)
    }

    fn left_for(&self, business: &str) -> Option<u64> {
        self.current.as_ref().filter(|(current, left)| current == business && *left > 0).map(|(_, left)| *left)
    }
}

/// The least name that comes after this one.
fn after(business: &str) -> String {
    format!("{business}\0")
}

/// A line, as the rank of one who waits in it depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rank<'a> {
    /// Whose it is.
    pub business: &'a str,
    /// How many wait.
    pub waiting: u64,
    /// How many it gets in its round.
    pub weight: u64,
}

/// Which one it will be, from 1, when `before` wait before it in the line of its business.
pub fn rank(lines: &[Rank<'_>], business: &str, before: u64) -> u64 {
    let weight = lines.iter().find(|line| line.business == business).map_or(1, |line| line.weight.max(1));
    let rounds = before / weight;
    let ahead = |line: &Rank<'_>| {
        let rounds = rounds + u64::from(line.business < business);
        line.waiting.min(rounds.saturating_mul(line.weight.max(1)))
    };
    let others: u64 = lines.iter().filter(|line| line.business != business).map(ahead).sum();
    before + others + 1
}

/// Turns this long mostly wait for a model or a database, and then many at once do not hinder each other.
const MOSTLY_WAITING_MS: f64 = 1_000.0;
const SMOOTHING: f64 = 0.1;
/// A business counts as active for so long after it was last seen with a turn in flight.
const ACTIVE_MS: u64 = 2_000;

/// How much one business may have in flight in a lane.
///
/// One that is alone gets the whole window, step by step. As soon as another is active, short turns get the bare share,
/// because each one more is felt by all; the longer turns take, the more of an even part of the window is given.
#[derive(Clone, Debug)]
pub struct Pace {
    share: u64,
    window: u64,
    /// What a business that is alone may have now.
    alone: u64,
    service_ms: f64,
    seen_ms: BTreeMap<String, u64>,
}

impl Pace {
    /// Between these bounds.
    pub fn new(share: u64, window: u64) -> Self {
        let share = share.max(1);
        Self { share, window: window.max(share), alone: share, service_ms: 0.0, seen_ms: BTreeMap::new() }
    }

    /// The turns in flight, of all businesses, up to which waiting ones are let in.
    pub fn window(&self) -> u64 {
        self.window
    }

    /// A turn took this long once it was let in.
    pub fn took(&mut self, ms: u64) {
        let ms = ms as f64;
        self.service_ms = if self.service_ms > 0.0 { self.service_ms + SMOOTHING * (ms - self.service_ms) } else { ms };
    }

    /// These businesses have turns in flight or in line now.
    pub fn seen<'a>(&mut self, businesses: impl Iterator<Item = &'a str>, now_ms: u64) {
        businesses.for_each(|business| {
            self.seen_ms.insert(business.to_owned(), now_ms);
        });
        self.seen_ms.retain(|_, seen_ms| now_ms.saturating_sub(*seen_ms) < ACTIVE_MS);
        self.alone = if self.seen_ms.len() > 1 { self.share } else { self.window.min(self.alone * 3 / 2 + 1) };
    }

    /// Nobody waits: whoever is alone next begins with the share again.
    pub fn rest(&mut self) {
        self.alone = self.share;
    }

    /// What one business may have in flight.
    pub fn allowance(&self) -> u64 {
        let active = self.seen_ms.len() as u64;
        if active <= 1 {
            return self.alone;
        }
        let part = (self.window / active) as f64 * (self.service_ms / MOSTLY_WAITING_MS).min(1.0);
        self.share.max(part as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(business: &str, waiting: u64, weight: u64) -> Contender {
        Contender { business: business.to_owned(), waiting, room: u64::MAX, weight }
    }

    fn picked(robin: &mut RoundRobin, lines: &[Contender], slots: u64) -> Vec<(String, u64)> {
        robin.pick(lines, slots)
    }

    fn counts(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
        pairs.iter().map(|(business, count)| ((*business).to_owned(), *count)).collect()
    }

    #[test]
    fn each_line_gets_the_same_however_long_it_is() {
        let lines = [line("a", 1_000, 1), line("b", 3, 1), line("c", 50, 1)];
        assert_eq!(picked(&mut RoundRobin::default(), &lines, 9), counts(&[("a", 3), ("b", 3), ("c", 3)]));
        assert_eq!(picked(&mut RoundRobin::default(), &lines, 12), counts(&[("a", 5), ("b", 3), ("c", 4)]));
    }

    #[test]
    fn the_next_round_goes_on_where_the_last_one_ended() {
        let mut robin = RoundRobin::default();
        let lines = [line("a", 9, 1), line("b", 9, 1), line("c", 9, 1)];
        assert_eq!(picked(&mut robin, &lines, 1), counts(&[("a", 1)]));
        assert_eq!(picked(&mut robin, &lines, 1), counts(&[("b", 1)]));
        assert_eq!(picked(&mut robin, &lines, 2), counts(&[("a", 1), ("c", 1)]));
    }

    #[test]
    fn a_weight_counts_and_what_is_left_of_it_is_kept() {
        let mut robin = RoundRobin::default();
        let lines = [line("a", 9, 3), line("b", 9, 1)];
        assert_eq!(picked(&mut robin, &lines, 2), counts(&[("a", 2)]));
        assert_eq!(picked(&mut robin, &lines, 2), counts(&[("a", 1), ("b", 1)]));
        assert_eq!(picked(&mut robin, &lines, 8), counts(&[("a", 6), ("b", 2)]));
    }

    #[test]
    fn a_line_without_room_is_passed_over() {
        let full = Contender { room: 0, ..line("a", 9, 1) };
        let nearly = Contender { room: 1, ..line("b", 9, 1) };
        assert_eq!(picked(&mut RoundRobin::default(), &[full, nearly], 9), counts(&[("b", 1)]));
    }

    /// What `rank` says is what `pick` does, one slot at a time.
    #[test]
    fn the_rank_is_the_order_of_the_rounds() {
        let mut lines = vec![line("a", 2, 1), line("b", 5, 2), line("c", 3, 1)];
        let ranks: Vec<Rank<'_>> = [("a", 2, 1), ("b", 5, 2), ("c", 3, 1)]
            .into_iter()
            .map(|(business, waiting, weight)| Rank { business, waiting, weight })
            .collect();
        let mut robin = RoundRobin::default();
        let mut gone: BTreeMap<String, u64> = BTreeMap::new();
        for expected in 1..=10 {
            let (business, _) = robin.pick(&lines, 1).remove(0);
            let before = gone.entry(business.clone()).or_default();
            assert_eq!(rank(&ranks, &business, *before), expected, "{business} after {before}");
            *before += 1;
            lines.iter_mut().filter(|line| line.business == business).for_each(|line| line.waiting -= 1);
        }
    }

    #[test]
    fn who_is_alone_gets_the_window_step_by_step() {
        let mut pace = Pace::new(4, 64);
        let allowed: Vec<_> = (0..8)
            .map(|round| {
                pace.seen(["a"].into_iter(), round * 50);
                pace.allowance()
            })
            .collect();
        assert_eq!(allowed, [7, 11, 17, 26, 40, 61, 64, 64]);
    }

    #[test]
    fn short_turns_of_several_get_the_share_and_long_ones_more() {
        let mut pace = Pace::new(4, 64);
        pace.seen(["a", "b"].into_iter(), 0);
        assert_eq!(pace.allowance(), 4);
        pace.took(500);
        assert_eq!(pace.allowance(), 16);
        (0..100).for_each(|_| pace.took(9_000));
        assert_eq!(pace.allowance(), 32);
        pace.seen(["a"].into_iter(), 1_999);
        assert_eq!(pace.allowance(), 32, "the other one was active a moment ago");
        pace.seen(["a"].into_iter(), 2_000);
        assert_eq!(pace.allowance(), 7);
    }
}
