//! What a worker does with a delivery, step by step, as crates/worker-kit does it.

use super::event_log::Appended;
use super::ledger::Claimed;
use super::state::{Decided, Ending, Hop, Phase, Run, State, Why, Worker};
use super::{Config, Mutant};

impl State {
    pub(crate) fn deliver(&mut self, config: &Config, w: usize, hop: Hop) -> bool {
        let worker = &mut self.workers[w];
        if !worker.awake || worker.phase != Phase::Idle || self.ready[usize::from(hop)] == 0 {
            return false;
        }
        self.ready[usize::from(hop)] -= 1;
        worker.phase = Phase::Got(hop);
        worker.holds = (!config.is(Mutant::AckOnDelivery)).then_some(hop);
        true
    }

    pub(crate) fn ask(&mut self, config: &Config, w: usize) -> bool {
        let Some(Phase::Got(hop)) = self.awake(w).cloned() else { return false };
        self.workers[w].phase = match self.claim(config, hop) {
            Claimed::Granted { fence, attempt } => {
                Phase::Running(Run { hop, fence, attempt, batches: 0, published: false })
            }
            Claimed::Busy => Phase::Parking(hop),
            Claimed::Done { decided, published: false } => Phase::Publishing(decided),
            Claimed::Done { published: true, .. } => Phase::Settling(hop, Why::Published),
            Claimed::Over => Phase::Settling(hop, Why::Over),
        };
        true
    }

    /// Writes the run's next event. Only the last hop streams text.
    pub(crate) fn emit(&mut self, config: &Config, w: usize) -> bool {
        let Some(Phase::Running(run)) = self.awake(w).cloned() else { return false };
        if run.batches > Self::tokens_of(config, run.hop) {
            return false;
        }
        match self.append(config, &run) {
            Appended::Yes => self.workers[w].phase = Phase::Running(Run { batches: run.batches + 1, ..run }),
            Appended::Stale | Appended::Closed => self.fenced(config, w, &run),
        }
        true
    }

    /// The handler is done and its outcome is stored, or refused.
    pub(crate) fn finish(&mut self, config: &Config, w: usize, ending: Option<Ending>) -> bool {
        let Some(Phase::Running(run)) = self.awake(w).cloned() else { return false };
        if !Self::may_finish(config, &run, ending) {
            return false;
        }
        if config.is(Mutant::PublishBeforeCommit) && ending.is_none() && !run.published {
            self.ready[usize::from(run.hop) + 1] += 1;
            self.seen.published_unstored |= self.outcome(run.hop).is_none();
            self.workers[w].phase = Phase::Running(Run { published: true, ..run });
            return true;
        }
        let decided = Decided { hop: run.hop, fence: run.fence, ending, batches: run.batches };
        if !self.commit(config, &decided) {
            self.fenced(config, w, &run);
            return true;
        }
        self.workers[w].phase = Phase::Publishing(decided);
        if config.is(Mutant::MarkBeforePublish) {
            self.workers[w].phase = Phase::Marking(decided);
        }
        if config.is(Mutant::AckBeforePublish) {
            self.ack(w, run.hop, Why::Published);
        }
        true
    }

    /// The handler is done, its outcome is stored and the next hop claimed. The delivery stays what it was.
    pub(crate) fn go_on(&mut self, config: &Config, w: usize) -> bool {
        let Some(Phase::Running(run)) = self.awake(w).cloned() else { return false };
        if !Self::may_finish(config, &run, None) {
            return false;
        }
        let decided = Decided { hop: run.hop, fence: run.fence, ending: None, batches: run.batches };
        let Some(fence) = self.commit_and_claim(config, &decided) else {
            self.fenced(config, w, &run);
            return true;
        };
        let next = Run { hop: run.hop + 1, fence, attempt: 1, batches: 0, published: false };
        self.workers[w].phase = Phase::Running(next);
        if config.is(Mutant::AckWhenGoingOn) {
            self.ack(w, run.hop, Why::Published);
        }
        true
    }

    /// It parks the job that it had, as after any commit that is not answered.
    pub(crate) fn go_on_unanswered(&mut self, config: &Config, w: usize) -> bool {
        let Some(Phase::Running(run)) = self.awake(w).cloned() else { return false };
        let went_on = self.go_on(config, w) && self.workers[w].phase.is_running();
        self.workers[w].phase = Phase::Parking(run.hop);
        went_on && self.fault()
    }

    /// Any run may fail, at any time; a hop hands on or completes when it has said what it has to say.
    fn may_finish(config: &Config, run: &Run, ending: Option<Ending>) -> bool {
        let has_said_all = run.batches > Self::tokens_of(config, run.hop);
        match ending {
            Some(Ending::Failed) => true,
            Some(Ending::Completed) => run.hop == config.last_hop() && has_said_all,
            None => run.hop < config.last_hop() && has_said_all,
        }
    }

    fn tokens_of(config: &Config, hop: Hop) -> u8 {
        if hop == config.last_hop() { config.tokens } else { 0 }
    }

    /// A newer claim holds the turn, perhaps one whose delivery the broker gave to this worker meanwhile: only the
    /// next claim tells whether the job may be dropped.
    fn fenced(&mut self, config: &Config, w: usize, run: &Run) {
        self.workers[w].phase = Phase::Parking(run.hop);
        if config.is(Mutant::AckWhenFenced) {
            self.workers[w].phase = Phase::Settling(run.hop, Why::Fenced(run.fence));
        }
    }

    /// The claim is given back: after a failed run, which counts, or for a drain or a snooze, which do not.
    pub(crate) fn give_back(&mut self, config: &Config, w: usize, spent: bool) -> bool {
        let Some(Phase::Running(run)) = self.awake(w).cloned() else { return false };
        if !self.fault() {
            return false;
        }
        // What clients have heard must be made void by another attempt.
        let is_heard = run.batches > 1 && !config.is(Mutant::RestartNotTold);
        self.release(config, run.fence, spent || is_heard);
        self.workers[w].phase = Phase::Parking(run.hop);
        true
    }

    pub(crate) fn send(&mut self, config: &Config, w: usize) -> bool {
        let Some(Phase::Publishing(decided)) = self.awake(w).cloned() else { return false };
        let is_sent = self.publish(config, &decided);
        self.workers[w].phase = match is_sent {
            false => Phase::Parking(decided.hop),
            true if config.is(Mutant::MarkBeforePublish) => Phase::Settling(decided.hop, Why::Published),
            true => Phase::Marking(decided),
        };
        true
    }

    pub(crate) fn mark(&mut self, config: &Config, w: usize) -> bool {
        let Some(Phase::Marking(decided)) = self.awake(w).cloned() else { return false };
        self.mark_published(config, &decided);
        self.workers[w].phase = Phase::Settling(decided.hop, Why::Published);
        if config.is(Mutant::MarkBeforePublish) {
            self.workers[w].phase = Phase::Publishing(decided);
        }
        true
    }

    /// A copy for later is confirmed before the original is acked.
    pub(crate) fn park(&mut self, w: usize) -> bool {
        let Some(Phase::Parking(hop)) = self.awake(w).cloned() else { return false };
        self.ready[usize::from(hop)] += 1;
        self.parked(hop);
        self.workers[w].phase = Phase::Settling(hop, Why::Parked);
        true
    }

    /// Of a run that went on, the copy is the first that the broker gets of its job.
    pub(crate) fn parked(&mut self, hop: Hop) {
        let parent = hop.checked_sub(1).and_then(|parent| self.outcome_mut(parent));
        parent.into_iter().for_each(|parent| parent.sent = true);
    }

    pub(crate) fn settle(&mut self, w: usize) -> bool {
        let Some(Phase::Settling(hop, why)) = self.awake(w).cloned() else { return false };
        self.ack(w, hop, why);
        self.workers[w] = Worker::idle();
        true
    }

    fn ack(&mut self, w: usize, hop: Hop, why: Why) {
        let was_sent = self.seen.sent_and_forgotten & (1 << hop) != 0;
        let is_sent = was_sent || self.outcome(hop).is_some_and(|outcome| outcome.sent);
        // One that was refused, and over then, may have been asked again since: with another copy of its first job.
        let was_over = was_sent || self.seen.asked_again;
        let is_over = self.turn.ended.is_some() || self.is_past(hop) || was_over;
        let is_due = match why {
            Why::Parked => true,
            Why::Published => is_sent,
            Why::Over => is_over,
            Why::Fenced(fence) => is_over || self.turn.fence > fence,
        };
        self.seen.acked_too_soon |= !is_due && self.workers[w].holds.is_some();
        self.workers[w].holds = None;
    }

    /// Store or broker does not answer in time. Whether the step was `done` all the same, the worker does not know.
    pub(crate) fn unanswered(&mut self, config: &Config, w: usize, done: bool) -> bool {
        let before = self.workers[w].phase.clone();
        let (hop, stepped) = match before {
            Phase::Got(hop) => (hop, !done || self.ask(config, w)),
            Phase::Publishing(decided) => (decided.hop, !done || self.send(config, w)),
            Phase::Running(ref run) if done => {
                let ending = (run.hop == config.last_hop()).then_some(Ending::Completed);
                (run.hop, self.finish(config, w, ending))
            }
            Phase::Running(ref run) => (run.hop, true),
            Phase::Marking(decided) if !done => {
                self.workers[w].phase = Phase::Settling(decided.hop, Why::Published);
                return self.workers[w].awake && self.fault();
            }
            _ => return false,
        };
        self.workers[w].phase = Phase::Parking(hop);
        self.workers[w].awake && stepped && self.fault()
    }

    /// `kill -9`, and a new start. The broker has what was not acked.
    pub(crate) fn crash(&mut self, w: usize) -> bool {
        if self.workers[w].phase == Phase::Idle || !self.fault() {
            return false;
        }
        if let Some(hop) = self.workers[w].holds {
            self.ready[usize::from(hop)] += 1;
        }
        self.workers[w] = Worker::idle();
        true
    }

    /// SIGSTOP.
    pub(crate) fn stop(&mut self, w: usize) -> bool {
        let worker = &mut self.workers[w];
        if !worker.awake || worker.phase == Phase::Idle || self.faults == 0 {
            return false;
        }
        worker.awake = false;
        worker.late = true;
        self.fault()
    }

    /// SIGCONT.
    pub(crate) fn wake(&mut self, w: usize) -> bool {
        let was_stopped = !self.workers[w].awake;
        self.workers[w].awake = true;
        was_stopped
    }

    /// The broker takes a stopped worker for dead and delivers again.
    pub(crate) fn redeliver(&mut self, w: usize) -> bool {
        if self.workers[w].awake {
            return false;
        }
        let Some(hop) = self.workers[w].holds.take() else { return false };
        self.ready[usize::from(hop)] += 1;
        true
    }

    /// The broker delivers once more what it delivered before.
    pub(crate) fn duplicate(&mut self, hop: Hop) -> bool {
        let was_published = hop == 0 || self.outcome(hop - 1).is_some_and(|outcome| outcome.sent);
        if !was_published || !self.fault() {
            return false;
        }
        self.ready[usize::from(hop)] += 1;
        true
    }

    fn awake(&self, w: usize) -> Option<&Phase> {
        let worker = &self.workers[w];
        worker.awake.then_some(&worker.phase)
    }
}
