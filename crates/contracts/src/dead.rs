//! The id of a job that was given up. It follows from the job, so that it can be told before the job is kept.

use crate::{DeadId, HopId};

/// Errors of a response whose job is kept for a person to look at.
const CODES: &[&str] = &["attempts_used_up", "internal_error"];

const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

impl DeadId {
    /// The dead job of a hop.
    pub fn of(hop: &HopId) -> Self {
        Self::of_bytes(&[hop.as_str().as_bytes()])
    }

    /// The dead job that is known by nothing but its bytes.
    pub fn of_bytes(parts: &[&[u8]]) -> Self {
        Self(format!("dead_{:032x}", fnv1a(parts)))
    }

    /// The dead job behind an error that ended a turn in this hop; `None` when the error left none.
    pub fn behind(code: &str, hop: &HopId) -> Option<Self> {
        CODES.contains(&code).then(|| Self::of(hop))
    }
}

/// FNV-1a over 128 bits. Each part ends with a byte that UTF-8 never holds, so that parts do not run together.
fn fnv1a(parts: &[&[u8]]) -> u128 {
    let bytes = parts.iter().flat_map(|part| part.iter().chain(&[0xff]));
    bytes.fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_dead_job_never_changes() {
        let hop = HopId::from("resp_1/classify.0");
        assert_eq!(DeadId::of(&hop), DeadId::of(&hop));
        assert_ne!(DeadId::of(&hop), DeadId::of(&HopId::from("resp_1/classify.1")));
        assert_ne!(DeadId::of_bytes(&[b"a", b"bc"]), DeadId::of_bytes(&[b"ab", b"c"]));
        assert_eq!(DeadId::of(&hop).as_str().len(), "dead_".len() + 32);
    }

    #[test]
    fn only_errors_of_ours_leave_a_dead_job() {
        let hop = HopId::from("resp_1/classify.0");
        assert_eq!(DeadId::behind("attempts_used_up", &hop), Some(DeadId::of(&hop)));
        assert_eq!(DeadId::behind("statement_refused", &hop), None);
    }
}
