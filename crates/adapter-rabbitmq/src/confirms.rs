//! Which message a confirm is about.
//!
//! The broker returns an unroutable message and then acks it like any other. lapin hands a returned message to the
//! next publish that is settled, which on a shared channel may be another one. Here it is brought back to its own:
//! every publish has a number that travels with the message.
//!
//! Two facts make that exact, given that confirms are looked at in the order in which lapin settled them: a return
//! comes before the ack of its message, and a settled publish takes one waiting return if there is any. So a publish
//! that took nothing saw no return waiting: its own was taken before, or it was not returned. One that took another's
//! return is in doubt until a later publish takes nothing, or until none is in flight.

use std::collections::HashSet;

/// What the broker did with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It lies in its queue, safely.
    Confirmed,
    /// The queue did not take it.
    Rejected,
    /// There is no such queue.
    Returned,
}

/// One publish that lapin has settled.
pub(crate) struct Settled {
    /// Its number.
    pub number: u64,
    /// Confirmed or rejected.
    pub verdict: Verdict,
    /// The number of the returned message that came along.
    pub carried: Option<u64>,
    /// True when no other publish is in flight.
    pub last: bool,
}

/// Brings returns back to their publishes.
#[derive(Default)]
pub(crate) struct Confirms {
    /// Returned, and its own publish was not settled yet.
    returned: HashSet<u64>,
    /// Settled with another's return.
    in_doubt: Vec<(u64, Verdict)>,
}

impl Confirms {
    /// Takes note of a settled publish and answers all that are certain now.
    pub(crate) fn settle(&mut self, settled: Settled, mut answer: impl FnMut(u64, Verdict)) {
        let Settled { number, verdict, carried, last } = settled;
        if let Some(carried) = carried {
            self.note_return(carried, number, &mut answer);
        }
        if carried == Some(number) || self.returned.remove(&number) {
            answer(number, Verdict::Returned);
        } else if carried.is_some() {
            self.in_doubt.push((number, verdict));
        } else {
            answer(number, verdict);
        }
        if carried.is_none() || last {
            self.in_doubt.drain(..).for_each(|(number, verdict)| answer(number, verdict));
        }
    }

    fn note_return(&mut self, carried: u64, carrier: u64, answer: &mut impl FnMut(u64, Verdict)) {
        if carried == carrier {
            return;
        }
        match self.in_doubt.iter().position(|(number, _)| *number == carried) {
            Some(index) => answer(self.in_doubt.swap_remove(index).0, Verdict::Returned),
            None => {
                self.returned.insert(carried);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, VecDeque};

    /// lapin's part: publishes are settled in any order, each takes the return that has waited longest.
    fn run(returned: &[u64], settled_in: &[u64], returns_first: usize) -> BTreeMap<u64, Verdict> {
        let mut confirms = Confirms::default();
        let mut waiting = VecDeque::new();
        let mut to_come: VecDeque<u64> = returned.iter().copied().collect();
        let mut answers = BTreeMap::new();
        for (index, number) in settled_in.iter().copied().enumerate() {
            while to_come.contains(&number) || (index < returns_first && !to_come.is_empty()) {
                waiting.extend(to_come.pop_front());
            }
            let last = index + 1 == settled_in.len();
            let settled = Settled { number, verdict: Verdict::Confirmed, carried: waiting.pop_front(), last };
            confirms.settle(settled, |number, verdict| assert!(answers.insert(number, verdict).is_none()));
        }
        assert!(confirms.returned.is_empty() && confirms.in_doubt.is_empty());
        answers
    }

    fn orders(numbers: &[u64]) -> Vec<Vec<u64>> {
        if numbers.is_empty() {
            return vec![Vec::new()];
        }
        let tail_of = |index: usize| {
            let mut rest = numbers.to_vec();
            let head = rest.remove(index);
            orders(&rest).into_iter().map(move |tail| [vec![head], tail].concat())
        };
        (0..numbers.len()).flat_map(tail_of).collect()
    }

    #[test]
    fn every_return_finds_its_publish_in_every_order_of_settling() {
        let numbers: Vec<u64> = (0..6).collect();
        for order in orders(&numbers) {
            for mask in 0..64_u64 {
                let returned: Vec<u64> = numbers.iter().copied().filter(|n| mask >> n & 1 == 1).collect();
                for returns_first in [0, 1, 6] {
                    let answers = run(&returned, &order, returns_first);
                    for number in &numbers {
                        let expected = if returned.contains(number) { Verdict::Returned } else { Verdict::Confirmed };
                        assert_eq!(answers[number], expected, "{number} of {returned:?} settled as {order:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_rejected_message_is_no_returned_one() {
        let mut confirms = Confirms::default();
        let settled = Settled { number: 1, verdict: Verdict::Rejected, carried: None, last: true };
        confirms.settle(settled, |number, verdict| assert_eq!((number, verdict), (1, Verdict::Rejected)));
    }
}
