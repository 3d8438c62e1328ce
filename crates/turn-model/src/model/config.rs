/// What a model holds and may suffer. Everything is bounded, so that the states are finite.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Hops of the turn, one after another; the last one streams the answer.
    pub hops: u8,
    /// Pieces of text that an answer has.
    pub tokens: u8,
    /// Worker processes.
    pub workers: u8,
    /// Sweepers.
    pub sweepers: u8,
    /// How many faults happen, of any kind.
    pub faults: u8,
    /// Whether the store's server may crash, and forget what did not wait for the disk.
    pub forgetful: bool,
    /// Whether the broker may lose all that it has.
    pub lossy: bool,
    /// What is broken on purpose.
    pub mutant: Option<Mutant>,
}

/// As many faults as there are.
pub(crate) const ANY_NUMBER: u8 = u8::MAX;

impl Config {
    /// Small enough to look at every state within seconds, large enough that every mutant is found.
    pub const SMALL: Self =
        Self { hops: 2, tokens: 1, workers: 2, sweepers: 1, faults: 2, forgetful: false, lossy: false, mutant: None };

    /// The same on a store that forgets.
    pub const FORGETFUL: Self = Self { forgetful: true, ..Self::SMALL };

    /// The same on a broker that loses everything.
    pub const LOSSY: Self = Self { lossy: true, ..Self::SMALL };

    /// Small, and broken.
    pub fn broken(mutant: Mutant) -> Self {
        let forgetful = mutant.needs_a_crash_of_the_store();
        Self { mutant: Some(mutant), forgetful, lossy: mutant == Mutant::LostForGood, ..Self::SMALL }
    }

    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(crate) fn last_hop(&self) -> u8 {
        self.hops - 1
    }

    /// The place of the outcome that a sweeper writes.
    pub(crate) fn end_hop(&self) -> u8 {
        self.hops
    }
}

/// One rule of the protocol left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// A worker runs what is delivered without asking who holds it or whether it is done.
    NoClaim,
    /// The delivery is acked before its outcome is published.
    AckBeforePublish,
    /// A commit does not compare its fence.
    NoFence,
    /// The end of a turn is written without comparing anything.
    BlindTerminalWrite,
    /// A worker never renews its lease.
    LeaseNotRenewed,
    /// The next job is published before the outcome is stored.
    PublishBeforeCommit,
    /// An outcome is marked as published before it is.
    MarkBeforePublish,
    /// The event log takes events of any fence.
    LogWithoutFence,
    /// A delivery is acked when it arrives.
    AckOnDelivery,
    /// A run that a newer claim fenced out acks its delivery.
    AckWhenFenced,
    /// A run that was given back does not count, although clients have heard it.
    RestartNotTold,
    /// The sweeper publishes nothing that others left unpublished.
    NoRelay,
    /// The claim of a run that streams text does not wait for the disk.
    StreamClaimForgotten,
    /// The end of a turn does not wait for the disk.
    EndForgotten,
    /// Fences that the store forgot are given again.
    NoEra,
    /// A mark does not say which outcome of the hop was published.
    MarkOfAnyOutcome,
    /// A run that goes on acks the delivery that it has.
    AckWhenGoingOn,
    /// Of a hop from which a run went on the next job counts as published.
    GoneOnIsPublished,
    /// Nobody publishes again what the broker has lost.
    LostForGood,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::NoClaim,
        Self::AckBeforePublish,
        Self::NoFence,
        Self::BlindTerminalWrite,
        Self::LeaseNotRenewed,
        Self::PublishBeforeCommit,
        Self::MarkBeforePublish,
        Self::LogWithoutFence,
        Self::AckOnDelivery,
        Self::AckWhenFenced,
        Self::RestartNotTold,
        Self::NoRelay,
        Self::StreamClaimForgotten,
        Self::EndForgotten,
        Self::NoEra,
        Self::MarkOfAnyOutcome,
        Self::AckWhenGoingOn,
        Self::GoneOnIsPublished,
        Self::LostForGood,
    ];

    /// Whether it does no harm while the store forgets nothing.
    fn needs_a_crash_of_the_store(self) -> bool {
        matches!(self, Self::StreamClaimForgotten | Self::EndForgotten | Self::NoEra | Self::MarkOfAnyOutcome)
    }
}
