//! The hot writes, one kind a file. Each statement is written once: only where its rows come from differs, arrays in
//! PostgreSQL and parameters in SQLite.
//!
//! They find a turn by its id and ask `COALESCE(ended_ms, 0) = 0` whether it is open. Put as `ended_ms IS NULL` it would
//! fit the index of open turns, and PostgreSQL, which takes that for tiny, would read all of it in each statement, with
//! every entry of a turn that has ended since the last vacuum. The same goes for `hops` and what is unpublished.

mod accept;
mod asked;
mod audit;
mod begun;
mod claim;
mod commit;
mod first_job;
mod llm_call;
mod offer;
mod published;
mod renew;
mod spend;
mod wait;

pub(crate) use accept::Accept;
pub(crate) use asked::Asked;
pub(crate) use audit::Audit;
pub(crate) use begun::Begun;
pub(crate) use claim::{ClaimHop, NEXT_ERA, grant, outcome};
pub(crate) use commit::CommitOutcome;
pub(crate) use first_job::{FirstJob, first_job};
pub(crate) use llm_call::RecordLlmCall;
pub(crate) use offer::Offer;
pub(crate) use published::MarkPublished;
pub(crate) use renew::Renew;
pub(crate) use spend::SpendLlmCall;
pub(crate) use wait::Wait;

/// The beginning of a PostgreSQL statement that need not wait for the disk; `quick.commits` is `off` in it.
macro_rules! quickly {
    () => {
        "WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', TRUE) AS commits) "
    };
}

use crate::db::Row;
use quickly;
use sqlx::postgres::PgRow;
use std::collections::{HashMap, HashSet};

/// A claim that survives a crash of the store once its caller goes on.
pub(crate) type LastingClaim = ClaimHop<true>;
/// A claim that may be forgotten in a crash of the store.
pub(crate) type QuickClaim = ClaimHop<false>;
/// An outcome that survives a crash of the store once its caller goes on.
pub(crate) type Commit = CommitOutcome<true>;
/// An outcome that may be forgotten in a crash of the store.
pub(crate) type Pass = CommitOutcome<false>;

/// One column of several writes, as an array parameter.
fn column<'w, W, T>(writes: &[&'w W], value: impl Fn(&'w W) -> T) -> Vec<T> {
    writes.iter().map(|write| value(write)).collect()
}

/// `Some(answer)` for each write whose key came back.
fn applied<W: crate::batch::Write, A: Clone>(writes: &[&W], keys: Vec<String>, answer: A) -> Vec<Option<A>> {
    let keys: HashSet<String> = keys.into_iter().collect();
    writes.iter().map(|write| keys.contains(write.key()).then(|| answer.clone())).collect()
}

/// What came back, by the id of its turn.
fn by_id(rows: Vec<PgRow>) -> Result<HashMap<String, Row>, sqlx::Error> {
    let rows = rows.into_iter().map(Row::Postgres);
    rows.map(|row| Ok((row.text("id")?, row))).collect()
}

pub(crate) fn encoded<T: serde::Serialize>(value: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// A count for a column, which holds no more than 63 bits.
pub(crate) fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
