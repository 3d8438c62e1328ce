//! Tells each step of the protocol of a turn to the log (debug, target `askline::protocol`), after it was done. The
//! crate `turn-model` reads these lines and says whether the protocol allows them.

use contracts::HopId;
use ports::ledger::Claimed;

/// A step of a hop: under its claim's `fence` where there is one.
pub(crate) fn step(name: &'static str, hop: &str, fence: Option<u64>) {
    told(name, hop, fence, None);
}

/// The answer to a claim.
pub(crate) fn claimed(hop: &HopId, claimed: &Claimed) {
    let (name, fence) = match claimed {
        Claimed::Granted(grant) => ("claimed", Some(grant.fence)),
        Claimed::Busy(_) => ("busy", None),
        Claimed::Done(_) => ("repeated", None),
        Claimed::Over => ("over", None),
    };
    step(name, hop.as_str(), fence);
}

/// An outcome that was stored.
pub(crate) fn committed(hop: &HopId, fence: u64, ends: bool) {
    told("committed", hop.as_str(), Some(fence), Some(ends));
}

fn told(step: &'static str, hop: &str, fence: Option<u64>, ends: Option<bool>) {
    tracing::debug!(
        target: "askline::protocol",
        step,
        turn = hop.split('/').next(),
        hop,
        fence,
        ends,
        // Each delivery is worked on by a task of its own.
        task = tokio::task::try_id().map(tracing::field::display),
    );
}
