use super::Config;
use super::state::{Ended, Ending, Hop, Lease, Phase, State, Sweeper};
use std::fmt;

/// One atomic step. Workers and sweepers are told by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The API refuses the turn.
    Refuse,
    /// Whoever was refused asks again.
    AskAgain,
    /// The turn is past its deadline.
    Deadline,
    /// The time of a lease is up.
    LeaseExpires,
    /// The broker delivers a hop's job once more.
    Duplicate(u8),
    /// A worker takes a hop's job.
    Deliver(usize, u8),
    /// A worker asks for its hop.
    Claim(usize),
    /// A run writes an event.
    Emit(usize),
    /// A run commits: the next job follows.
    Next(usize),
    /// A run commits, and claims the next hop in the same step: it goes on under the delivery that it has.
    GoOn(usize),
    /// A run commits the answer.
    Complete(usize),
    /// A run commits an error.
    Fail(usize),
    /// A failed run gives its claim back.
    Retry(usize),
    /// A drain or a snooze gives the claim back.
    GiveBack(usize),
    /// A worker publishes an outcome.
    Publish(usize),
    /// A worker marks it as published.
    Mark(usize),
    /// A worker publishes a copy of its job for later.
    Park(usize),
    /// A worker acks.
    Settle(usize),
    /// A worker's step is not answered, done or not.
    Unanswered(usize, bool),
    /// A run went on, and does not hear of it.
    GoOnUnanswered(usize),
    /// A worker is killed.
    Crash(usize),
    /// A worker is stopped.
    Stop(usize),
    /// It goes on.
    Wake(usize),
    /// The broker delivers a stopped worker's job to others.
    Redeliver(usize),
    /// The broker loses every job that it has, also those that workers hold.
    BrokerLoses,
    /// A sweeper publishes a job that nobody holds and no queue has.
    SendAgain,
    /// A sweeper finds an unpublished outcome.
    Relay(usize, u8),
    /// A sweeper seizes an overdue turn.
    Seize(usize),
    /// It ends it.
    End(usize),
    /// A sweeper publishes.
    SweeperPublish(usize),
    /// A sweeper marks.
    SweeperMark(usize),
    /// A sweeper is killed.
    SweeperCrash(usize),
    /// The store's server crashes and keeps so many of the writes that did not wait for the disk.
    StoreCrash(u8),
}

impl Action {
    /// Whether it is worth a try: a cheap look before the state is copied.
    pub(crate) fn is_likely(self, state: &State) -> bool {
        let has_fault = state.faults > 0;
        match self {
            Self::Duplicate(_) => has_fault,
            Self::Deliver(w, hop) => state.ready[usize::from(hop)] > 0 && state.workers[w].phase == Phase::Idle,
            Self::Claim(w) => matches!(state.workers[w].phase, Phase::Got(_)),
            Self::Emit(w) | Self::Next(w) | Self::GoOn(w) | Self::Complete(w) | Self::Fail(w) => {
                state.workers[w].runs().is_some()
            }
            Self::Retry(w) | Self::GiveBack(w) | Self::GoOnUnanswered(w) => {
                has_fault && state.workers[w].runs().is_some()
            }
            Self::Publish(w) => matches!(state.workers[w].phase, Phase::Publishing(_)),
            Self::Mark(w) => matches!(state.workers[w].phase, Phase::Marking(_)),
            Self::Park(w) => matches!(state.workers[w].phase, Phase::Parking(_)),
            Self::Settle(w) => matches!(state.workers[w].phase, Phase::Settling(..)),
            Self::Unanswered(w, _) | Self::Crash(w) | Self::Stop(w) => {
                has_fault && state.workers[w].phase != Phase::Idle
            }
            Self::Wake(w) | Self::Redeliver(w) => !state.workers[w].awake,
            Self::BrokerLoses => has_fault,
            Self::SendAgain => state.turn.ended.is_none(),
            Self::Relay(_, hop) => state.outcome(hop).is_some_and(|outcome| !outcome.published),
            Self::Seize(_) => state.overdue,
            Self::End(s) => matches!(state.sweepers[s], Sweeper::Ending(_)),
            Self::SweeperPublish(s) => matches!(state.sweepers[s], Sweeper::Publishing(_)),
            Self::SweeperMark(s) => matches!(state.sweepers[s], Sweeper::Marking(_)),
            Self::SweeperCrash(_) => has_fault,
            Self::StoreCrash(kept) => has_fault && usize::from(kept) < state.forgettable.len(),
            Self::Deadline => !state.overdue,
            Self::Refuse => state.turn.fence == 0,
            Self::AskAgain => has_fault && state.turn.ended == Some(Ended::Refused),
            Self::LeaseExpires => state.turn.lease == Lease::Held,
        }
    }

    /// Does the step. False when it is not possible, and then the state is of no use any more.
    pub(crate) fn apply(self, config: &Config, state: &mut State) -> bool {
        match self {
            Self::Refuse => state.refuse(config),
            Self::AskAgain => state.ask_again(config),
            Self::Deadline => state.deadline(),
            Self::LeaseExpires => state.lease_expires(config),
            Self::Duplicate(hop) => state.duplicate(hop),
            Self::Deliver(w, hop) => state.deliver(config, w, hop),
            Self::Claim(w) => state.ask(config, w),
            Self::Emit(w) => state.emit(config, w),
            Self::Next(w) => state.finish(config, w, None),
            Self::GoOn(w) => state.go_on(config, w),
            Self::Complete(w) => state.finish(config, w, Some(Ending::Completed)),
            Self::Fail(w) => state.finish(config, w, Some(Ending::Failed)),
            Self::Retry(w) => state.give_back(config, w, true),
            Self::GiveBack(w) => state.give_back(config, w, false),
            Self::Publish(w) => state.send(config, w),
            Self::Mark(w) => state.mark(config, w),
            Self::Park(w) => state.park(w),
            Self::Settle(w) => state.settle(w),
            Self::Unanswered(w, done) => state.unanswered(config, w, done),
            Self::GoOnUnanswered(w) => state.go_on_unanswered(config, w),
            Self::Crash(w) => state.crash(w),
            Self::Stop(w) => state.stop(w),
            Self::Wake(w) => state.wake(w),
            Self::Redeliver(w) => state.redeliver(w),
            Self::BrokerLoses => state.broker_loses(config),
            Self::SendAgain => state.send_again(config),
            Self::Relay(s, hop) => state.relay(config, s, hop),
            Self::Seize(s) => state.seize_overdue(config, s),
            Self::End(s) => state.end_overdue(config, s),
            Self::SweeperPublish(s) => state.sweeper_send(config, s),
            Self::SweeperMark(s) => state.sweeper_mark(config, s),
            Self::SweeperCrash(s) => state.sweeper_crash(s),
            Self::StoreCrash(kept) => state.store_crashes(kept),
        }
    }

    /// All that a worker may do by itself.
    pub(crate) fn of_worker(w: usize) -> [Self; 10] {
        [
            Self::Claim(w),
            Self::Emit(w),
            Self::Complete(w),
            Self::Next(w),
            Self::GoOn(w),
            Self::Fail(w),
            Self::Publish(w),
            Self::Mark(w),
            Self::Park(w),
            Self::Settle(w),
        ]
    }

    /// All that may befall a worker.
    pub(crate) fn faults_of(w: usize) -> [Self; 9] {
        [
            Self::Retry(w),
            Self::GiveBack(w),
            Self::Unanswered(w, true),
            Self::Unanswered(w, false),
            Self::GoOnUnanswered(w),
            Self::Crash(w),
            Self::Stop(w),
            Self::Wake(w),
            Self::Redeliver(w),
        ]
    }

    /// All that a sweeper may do, the choice of an outcome apart.
    pub(crate) fn of_sweeper(s: usize) -> [Self; 4] {
        [Self::End(s), Self::SweeperPublish(s), Self::SweeperMark(s), Self::Seize(s)]
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hop = |hop: &Hop| format!("hop {hop}");
        match self {
            Self::Refuse => write!(f, "the API refuses the turn"),
            Self::AskAgain => write!(f, "the client asks again"),
            Self::Deadline => write!(f, "the deadline passes"),
            Self::LeaseExpires => write!(f, "the lease expires"),
            Self::Duplicate(of) => write!(f, "the broker delivers {} once more", hop(of)),
            Self::Deliver(w, of) => write!(f, "worker {w} takes {}", hop(of)),
            Self::Claim(w) => write!(f, "worker {w} claims"),
            Self::Emit(w) => write!(f, "worker {w} writes an event"),
            Self::Next(w) => write!(f, "worker {w} commits; the next job follows"),
            Self::GoOn(w) => write!(f, "worker {w} commits and goes on with the next job"),
            Self::Complete(w) => write!(f, "worker {w} commits the answer"),
            Self::Fail(w) => write!(f, "worker {w} commits an error"),
            Self::Retry(w) => write!(f, "worker {w} failed and gives its claim back"),
            Self::GiveBack(w) => write!(f, "worker {w} drains and gives its claim back"),
            Self::Publish(w) => write!(f, "worker {w} publishes"),
            Self::Mark(w) => write!(f, "worker {w} marks as published"),
            Self::Park(w) => write!(f, "worker {w} parks a copy"),
            Self::Settle(w) => write!(f, "worker {w} acks"),
            Self::Unanswered(w, done) => write!(f, "worker {w} gets no answer (done: {done})"),
            Self::GoOnUnanswered(w) => write!(f, "worker {w} goes on and gets no answer"),
            Self::Crash(w) => write!(f, "worker {w} is killed"),
            Self::Stop(w) => write!(f, "worker {w} is stopped"),
            Self::Wake(w) => write!(f, "worker {w} goes on"),
            Self::Redeliver(w) => write!(f, "the broker gives the job of worker {w} to others"),
            Self::BrokerLoses => write!(f, "the broker loses everything"),
            Self::SendAgain => write!(f, "a sweeper publishes the lost job"),
            Self::Relay(s, of) => write!(f, "sweeper {s} finds {} unpublished", hop(of)),
            Self::Seize(s) => write!(f, "sweeper {s} seizes the turn"),
            Self::End(s) => write!(f, "sweeper {s} ends the turn"),
            Self::SweeperPublish(s) => write!(f, "sweeper {s} publishes"),
            Self::SweeperMark(s) => write!(f, "sweeper {s} marks as published"),
            Self::SweeperCrash(s) => write!(f, "sweeper {s} is killed"),
            Self::StoreCrash(kept) => write!(f, "the store crashes and keeps {kept} of what did not wait for the disk"),
        }
    }
}
