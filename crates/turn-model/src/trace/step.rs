use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing that a process of Askline said that it had done for a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Who: one name for each delivery that a process works on, or for its sweeper. Steps of one actor stand in the
    /// order in which they happened. Each happened after its actor's step before it, and before it was told.
    pub actor: String,
    /// What.
    pub act: Act,
}

impl Step {
    /// A step.
    pub fn new(actor: impl Into<String>, act: Act) -> Self {
        Self { actor: actor.into(), act }
    }
}

/// The kinds of steps. A hop is told by its id (`resp_1/classify.0/reply.0`); the end that a sweeper writes is
/// `resp_1/end.7`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Act {
    /// A claim was granted.
    Claimed { hop: String, fence: u64 },
    /// Somebody else holds the turn.
    Busy { hop: String },
    /// The hop has an outcome.
    Repeated { hop: String },
    /// The turn has ended, or is past the hop.
    Over { hop: String },
    /// The outcome of the hop before was stored, and this one claimed with it: the run goes on under its delivery.
    WentOn { hop: String, fence: u64 },
    /// An outcome was stored.
    Committed { hop: String, fence: u64, ends: bool },
    /// An outcome or an event was refused: a newer claim holds the turn, or it has ended.
    Fenced { hop: String, fence: u64 },
    /// A claim was given back.
    Released { hop: String, fence: u64 },
    /// An outcome was published.
    Published { hop: String },
    /// It was marked as published.
    Marked { hop: String },
    /// The delivery was acked.
    Acked { hop: String },
    /// A copy was parked for later, and the delivery acked.
    Parked { hop: String },
    /// The delivery went back to its queue.
    Requeued { hop: String },
    /// A copy lies in the dead queue, and the delivery was acked.
    Buried { hop: String },
    /// A sweeper seized the turn, to write the end named by the hop.
    Seized { hop: String, fence: u64 },
    /// A sweeper published the job of the hop once more, which nobody took up, or which the broker may have lost.
    SentAgain { hop: String },
}

impl Act {
    /// The claim that it is done under.
    pub fn fence(&self) -> Option<u64> {
        match self {
            Self::Claimed { fence, .. }
            | Self::WentOn { fence, .. }
            | Self::Committed { fence, .. }
            | Self::Fenced { fence, .. }
            | Self::Released { fence, .. }
            | Self::Seized { fence, .. } => Some(*fence),
            _ => None,
        }
    }

    /// The hop that it is about.
    pub fn hop(&self) -> &str {
        match self {
            Self::Claimed { hop, .. }
            | Self::Busy { hop }
            | Self::Repeated { hop }
            | Self::Over { hop }
            | Self::WentOn { hop, .. }
            | Self::Committed { hop, .. }
            | Self::Fenced { hop, .. }
            | Self::Released { hop, .. }
            | Self::Published { hop }
            | Self::Marked { hop }
            | Self::Acked { hop }
            | Self::Parked { hop }
            | Self::Requeued { hop }
            | Self::Buried { hop }
            | Self::Seized { hop, .. }
            | Self::SentAgain { hop } => hop,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.actor, self.act)
    }
}
