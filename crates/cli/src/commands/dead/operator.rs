//! The desk of who runs the installation, without a server.

use super::args::{DeadCommand, Decide, List, Show, State};
use super::show::{detail, summary, table};
use super::{Wanted, confirm};
use crate::output;
use anyhow::{Result, bail};
use app::OperatorDesk;
use contracts::DeadId;
use ports::dead::{DeadFilter, DeadJob, DeadState};
use serde_json::{Value, json};
use settings::Settings;
use std::process::ExitCode;

pub async fn run(settings: &Settings, command: DeadCommand) -> Result<ExitCode> {
    let desk = OperatorDesk::open(settings).await?;
    match command {
        DeadCommand::List(args) => list(&desk, args).await,
        DeadCommand::Show(args) => show(&desk, args).await,
        DeadCommand::Drop(args) => drop_jobs(&desk, args).await,
        DeadCommand::Replay(_) => {
            bail!("a replay acts for the business that owns the job: run it as its administrator, without --operator")
        }
    }
}

async fn list(desk: &OperatorDesk, args: List) -> Result<ExitCode> {
    let filter = filter(&Wanted::of(&args.filter)?, args.state);
    let (jobs, total) = desk.list(&filter, args.limit).await?;
    let data: Vec<Value> = jobs.iter().map(body).collect();
    table(&json!({"data": data, "total": total}), args.desk.json)
}

async fn show(desk: &OperatorDesk, args: Show) -> Result<ExitCode> {
    detail(&body(&desk.show(&DeadId(args.id)).await?), args.desk.json)
}

async fn drop_jobs(desk: &OperatorDesk, args: Decide) -> Result<ExitCode> {
    let ids = match args.all {
        false => args.ids.into_iter().map(DeadId).collect(),
        true => {
            let (jobs, _) = desk.list(&filter(&Wanted::of(&args.filter)?, State::Open), u32::MAX).await?;
            jobs.into_iter().map(|job| job.id).collect::<Vec<_>>()
        }
    };
    if args.all && !confirm("Drop", ids.len() as u64, args.yes)? {
        return Ok(ExitCode::FAILURE);
    }
    let mut failed = 0;
    for id in &ids {
        if let Err(error) = desk.drop(id).await {
            output::error(&error);
            failed += 1;
        }
    }
    summary("dropped", ids.len() as u64 - failed, failed, args.desk.json)
}

fn filter(wanted: &Wanted, state: State) -> DeadFilter {
    DeadFilter {
        state: state.name().and_then(DeadState::parse),
        kind: wanted.kind.clone(),
        error: wanted.error.clone(),
        since_ms: wanted.since_ms,
        until_ms: wanted.until_ms,
        after: None,
    }
}

/// As the API says it, and whose it is, and the message itself.
fn body(job: &DeadJob) -> Value {
    json!({
        "id": job.id,
        "business_id": job.business,
        "response_id": job.turn,
        "hop": job.hop,
        "kind": job.kind,
        "code": job.code,
        "error": job.error,
        "attempts": job.attempts,
        "at_ms": job.at_ms,
        "state": job.state.as_str(),
        "replayed_as": job.replayed_as,
        "decided_by": job.decided.as_ref().map(|decision| &decision.by),
        "decided_ms": job.decided.as_ref().map(|decision| decision.at_ms),
        "headers": job.headers,
        "body": String::from_utf8_lossy(&job.body),
    })
}
