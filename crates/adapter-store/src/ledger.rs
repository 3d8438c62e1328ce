use crate::Store;
use crate::db::{Row, fault, values};
use crate::turns::turn;
use crate::writes::{self, ClaimHop, FirstJob, MarkPublished, NEXT_ERA, Pass, Renew, SpendLlmCall, stored};
use async_trait::async_trait;
use contracts::{Envelope, HopId, TurnId};
use ports::ledger::{Back, Claim, Claimed, Commit, Committed, Grant, Ledger, Outcome, Renewed, Used};
use ports::{Clock, PortError};
use sqlx::Error;
use std::time::Duration;

const RELEASE: &str = "UPDATE turns SET lease_owner = NULL, lease_until_ms = 0, seized = FALSE, run = run - $3, \
     spared = spared + $4, llm_calls = llm_calls - $5 \
     WHERE id = $1 AND fence = $2 AND COALESCE(ended_ms, 0) = 0 AND lease_owner IS NOT NULL";
const SEIZE: &str = "UPDATE turns SET fence = CASE WHEN fence < (SELECT n FROM eras) * 65536 \
     THEN (SELECT n FROM eras) * 65536 ELSE fence END + 1, lease_owner = $2, lease_until_ms = $3, seized = TRUE \
     WHERE id = $1 AND COALESCE(ended_ms, 0) = 0 RETURNING fence, run, spared, cancel_requested";
const UNPUBLISHED: &str = "SELECT outcome, published FROM hops WHERE NOT published AND stored_ms < $1 \
     ORDER BY stored_ms, hop LIMIT $2";
const EXPIRED: &str = "SELECT id, fence FROM turns WHERE ended_ms IS NULL AND place IS NULL AND lease_owner IS NOT NULL \
     AND seized = FALSE AND lease_until_ms < $1 ORDER BY id LIMIT $2";
const IDLE: &str = "SELECT id, fence FROM turns WHERE ended_ms IS NULL AND place IS NULL AND lease_owner IS NULL \
     AND state <> 'offered' ORDER BY id LIMIT $1";
const AT: &str = "SELECT hop FROM turns WHERE id = $1";
const OPEN: &str = "SELECT * FROM turns WHERE id = $1 AND COALESCE(ended_ms, 0) = 0";
const OUTCOME: &str =
    "SELECT outcome, published AND NOT went_on AS published FROM hops WHERE hop = $1 AND turn_id = $2";
const VOID: &str = "UPDATE turns SET lease_owner = NULL, lease_until_ms = 0, seized = FALSE \
     WHERE ended_ms IS NULL AND lease_owner IS NOT NULL";

/// When a lease that is taken now runs out.
fn lease_end(clock: &dyn Clock, lease: Duration) -> i64 {
    clock.now_ms().saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX))
}

impl Store {
    async fn begin_era(&self, step: &'static str) -> Result<(), PortError> {
        self.db.execute(step, NEXT_ERA, values![self.clock.now_ms() / 1_000]).await?;
        Ok(())
    }

    async fn job_after(&self, hop: &str, turn: &TurnId) -> Result<Option<Envelope>, PortError> {
        let found = self.db.find("job_after", OUTCOME, values![hop, turn.as_str()], writes::outcome).await?;
        Ok(found.and_then(|outcome| outcome.next.into_iter().next()))
    }
}

fn turn_and_fence(row: &Row) -> Result<(TurnId, u64), Error> {
    Ok((TurnId(row.text("id")?), row.count("fence")?))
}

/// Where an open turn is.
struct Open {
    hop: String,
    hop_done: bool,
    /// `None` for a turn that was asked of a release which did not keep it.
    first_job: Option<Envelope>,
}

impl Open {
    fn read(row: &Row) -> Result<Self, Error> {
        let (first_job, meta) = (row.maybe_json::<FirstJob>("first_job")?, turn(row)?.meta());
        let first_job = first_job.map(|first| first.envelope(meta));
        Ok(Self { hop: row.text("hop")?, hop_done: row.flag("hop_done")?, first_job })
    }

    /// The hop whose outcome holds the job that it waits for, or is at. `None` for the first.
    fn after(&self) -> Option<&str> {
        if self.hop_done {
            return Some(&self.hop);
        }
        let (before, _) = self.hop.rsplit_once('/')?;
        before.contains('/').then_some(before)
    }
}

/// Leases are told by the clock of the process that takes or questions them: processes whose clocks differ by more
/// than a lease take each other's work early or late, and the fence keeps that harmless.
#[async_trait]
impl Ledger for Store {
    async fn claim(&self, claim: Claim) -> Result<Claimed, PortError> {
        match claim.must_last {
            true => self.writer.submit(ClaimHop::<true>(claim)).await,
            false => self.writer.submit(ClaimHop::<false>(claim)).await,
        }
    }

    async fn renew(&self, turn: &TurnId, fence: u64, lease: Duration) -> Result<Renewed, PortError> {
        let until_ms = lease_end(self.clock.as_ref(), lease);
        self.writer.submit(Renew { turn: turn.clone(), fence, until_ms }).await
    }

    async fn release(&self, turn: &TurnId, fence: u64, back: Back) -> Result<(), PortError> {
        let (unused, spared) = (back.used == Used::Nothing, back.used == Used::Number);
        let unused_calls = i64::from(back.unused_calls);
        let values = values![turn.as_str(), stored(fence), i64::from(unused), i64::from(spared), unused_calls];
        self.db.execute("release", RELEASE, values).await?;
        Ok(())
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, PortError> {
        let unreadable = |error| fault("commit", &error);
        if commit.must_last() {
            return self.writer.submit(writes::Commit::new(commit).map_err(unreadable)?).await;
        }
        self.writer.submit(Pass::new(commit).map_err(unreadable)?).await
    }

    async fn mark_published(&self, hop: &HopId, fence: u64) -> Result<(), PortError> {
        self.writer.submit(MarkPublished { hop: hop.clone(), fence: stored(fence) }).await
    }

    async fn spend_llm_call(&self, turn: &TurnId, max: u32) -> Result<bool, PortError> {
        self.writer.submit(SpendLlmCall { turn: turn.clone(), max }).await
    }

    async fn seize(&self, turn: &TurnId, owner: &str, lease: Duration) -> Result<Option<Grant>, PortError> {
        self.begin_era("seize").await?;
        let values = values![turn.as_str(), owner, lease_end(self.clock.as_ref(), lease)];
        self.db.write("seize", SEIZE, values, writes::grant).await
    }

    async fn unpublished(&self, older_than: Duration, limit: u32) -> Result<Vec<Outcome>, PortError> {
        let age_ms = i64::try_from(older_than.as_millis()).unwrap_or(i64::MAX);
        let before_ms = self.clock.now_ms().saturating_sub(age_ms);
        self.db.list("unpublished", UNPUBLISHED, values![before_ms, i64::from(limit)], writes::outcome).await
    }

    async fn expired(&self, older_than: Duration, limit: u32) -> Result<Vec<(TurnId, u64)>, PortError> {
        let age_ms = i64::try_from(older_than.as_millis()).unwrap_or(i64::MAX);
        let before_ms = self.clock.now_ms().saturating_sub(age_ms);
        self.db.list("expired", EXPIRED, values![before_ms, i64::from(limit)], turn_and_fence).await
    }

    async fn idle(&self, limit: u32) -> Result<Vec<(TurnId, u64)>, PortError> {
        self.db.list("idle", IDLE, values![i64::from(limit)], turn_and_fence).await
    }

    async fn awaited(&self, turn: &TurnId) -> Result<Option<Envelope>, PortError> {
        let Some(open) = self.db.find("awaited", OPEN, values![turn.as_str()], Open::read).await? else {
            return Ok(None);
        };
        match open.after() {
            None => Ok(open.first_job),
            Some(before) => self.job_after(before, turn).await,
        }
    }

    async fn unfinished(&self, turn: &TurnId) -> Result<Option<Envelope>, PortError> {
        let at = self.db.find("unfinished", AT, values![turn.as_str()], |row| row.text("hop")).await?;
        let Some(before) = at.as_deref().and_then(|hop| hop.rsplit_once('/')).map(|(before, _)| before) else {
            return Ok(None);
        };
        self.job_after(before, turn).await
    }

    async fn void_claims(&self) -> Result<(), PortError> {
        self.begin_era("void_claims").await?;
        self.db.execute("void_claims", VOID, values![]).await?;
        Ok(())
    }
}
