//! Leaves out of a state what decides nothing any more, so that states that can do the same are the same.

use super::Config;
use super::state::{EventLog, Lease, Phase, Run, Seen, State, Sweeper, Worker};

impl State {
    /// For a search among answers without text, any number of faults, and a broker that delivers again whatever was
    /// published once: copies that wait, attempts, the log and what was seen decide nothing there.
    pub(crate) fn simplify(&mut self) {
        self.ready.fill(0);
        self.log = EventLog::default();
        self.seen = Seen::default();
        self.turn.run = 0;
        self.overdue = true;
        for worker in &mut self.workers {
            worker.awake = true;
            worker.late = false;
            worker.holds = None;
            if let Phase::Running(run) = &mut worker.phase {
                *run = Run { attempt: 0, ..run.clone() };
            }
        }
    }

    /// A worker that tells no more: it is killed as soon as nothing depends on it. What is stored counts as published, and
    /// what it worked on as parked, which helps everybody.
    pub(crate) fn retire_worker(&mut self, config: &Config, w: usize) {
        if matches!(self.workers[w].phase, Phase::Publishing(_)) {
            self.workers[w].awake = true;
            self.send(config, w);
        }
        if let Some(hop) = self.workers[w].phase.hop() {
            self.parked(hop);
        }
        let is_of_use = match &self.workers[w].phase {
            Phase::Running(run) => run.fence == self.turn.fence && self.may_commit(),
            Phase::Marking(decided) => self.outcome(decided.hop).is_some_and(|outcome| !outcome.is_settled()),
            _ => false,
        };
        if !is_of_use {
            self.workers[w] = Worker::idle();
        }
    }

    /// As `retire_worker`.
    pub(crate) fn retire_sweeper(&mut self, config: &Config, s: usize) {
        if matches!(self.sweepers[s], Sweeper::Publishing(_)) {
            self.sweeper_send(config, s);
        }
        let is_of_use = match &self.sweepers[s] {
            Sweeper::Ending(fence) => *fence == self.turn.fence && self.may_commit(),
            Sweeper::Marking(decided) => self.outcome(decided.hop).is_some_and(|outcome| !outcome.is_settled()),
            _ => false,
        };
        if !is_of_use {
            self.sweepers[s] = Sweeper::Idle;
        }
    }

    fn may_commit(&self) -> bool {
        self.turn.ended.is_none() && self.turn.lease != Lease::Free
    }
}
