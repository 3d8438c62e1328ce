use contracts::{Envelope, Meta, NextJob};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The first job of a turn as its row keeps it: without what the row says anyway, part of which may change.
#[derive(Serialize)]
struct Kept<'e> {
    kind: &'e str,
    job: &'e Value,
    next_seq: u64,
}

/// The same, read.
#[derive(Deserialize)]
pub(crate) struct FirstJob {
    #[serde(flatten)]
    job: NextJob,
    next_seq: u64,
}

/// The text for the row.
pub(crate) fn first_job(envelope: &Envelope) -> Result<String, sqlx::Error> {
    super::encoded(&Kept { kind: &envelope.kind, job: &envelope.job, next_seq: envelope.next_seq })
}

impl FirstJob {
    pub(crate) fn into_kind(self) -> String {
        self.job.kind
    }

    /// As it is published.
    pub(crate) fn envelope(self, meta: Meta) -> Envelope {
        Envelope::opening(meta, self.next_seq, self.job)
    }
}
