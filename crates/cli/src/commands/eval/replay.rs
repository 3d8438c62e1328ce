//! Recorded SQL through the whole pipeline, and directly.

use super::compare::{Table, equivalent, identical};
use super::databases::{self, Databases, Maker};
use super::load::{self, Question, Recording};
use super::order::orders;
use super::pipeline::{Outcome, Pipeline, provider};
use super::report::{Judgement, Report};
use super::{direct, progress};
use crate::args::EvalReplay;
use crate::output;
use anyhow::{Context, Result};
use futures_util::{StreamExt, stream};
use ports::source::Access;
use settings::{Provider, ProviderKind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Questions in flight.
const AT_ONCE: usize = 16;

/// Exit code 0 when the pipeline gives exactly what the recorded SQL gives, else 1.
pub async fn run(config: Option<PathBuf>, args: EvalReplay) -> Result<ExitCode> {
    let recording = load::load(&args)?;
    let report = databases::with_databases(&args.of, async |folder, maker| {
        evaluate(config, &args, recording, folder, maker).await
    })
    .await?;
    if args.of.json {
        output::json(&report)?;
    } else {
        report.print();
    }
    Ok(if report.differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn evaluate(
    config: Option<PathBuf>,
    args: &EvalReplay,
    mut recording: Recording,
    folder: &Path,
    maker: &mut Maker<'_>,
) -> Result<Report> {
    let began = Instant::now();
    let databases = maker.make(&recording.questions).await?;
    let all = recording.questions.len();
    recording.questions.retain(|question| databases.contains_key(&question.database));
    let mut report = Report::new(&recording, all - recording.questions.len());
    recording.questions.truncate(args.of.limit.unwrap_or(usize::MAX));
    let pipeline = Pipeline::start(config, &folder.join("askline"), replay(&recording), &databases).await?;
    let counted = count(&mut report, &pipeline, &recording.questions, &databases).await;
    pipeline.stop().await;
    counted?;
    Ok(report.finish(began.elapsed().as_secs_f64()))
}

fn replay(recording: &Recording) -> Provider {
    let (path, suite, model) = (recording.path.clone(), recording.suite.clone(), recording.model.clone());
    Provider { path, suite, model, ..provider(ProviderKind::Replay, "replay") }
}

async fn count(report: &mut Report, pipeline: &Pipeline, questions: &[Question], databases: &Databases) -> Result<()> {
    let bar = progress(questions.len());
    let judging = questions.iter().filter_map(|question| Some((question, databases.get(&question.database)?)));
    let judging = judging.map(async |(question, access)| (question, judge(pipeline, access, question).await));
    let mut judged = stream::iter(judging).buffer_unordered(AT_ONCE);
    while let Some((question, judgement)) = judged.next().await {
        report.add(question, judgement.with_context(|| question.id.clone())?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

async fn judge(pipeline: &Pipeline, access: &Access, question: &Question) -> Result<Judgement> {
    let gold = direct::query(access, &question.gold).await;
    let recorded = direct::query(access, &question.recorded).await;
    let asked = pipeline.ask(&question.database, &question.text).await?;
    let is_right = |rows: &Table| gold.as_ref().is_ok_and(|gold| equivalent(gold, rows, orders(&question.gold)));
    Ok(Judgement {
        direct_correct: recorded.as_ref().is_ok_and(is_right),
        pipeline_correct: matches!(&asked, Outcome::Rows(rows) if is_right(rows)),
        refused: matches!(asked, Outcome::Refused(_)),
        direct_failed: recorded.is_err(),
        gold_failed: gold.is_err(),
        difference: difference(&recorded, &asked, orders(&question.recorded)),
    })
}

/// Why the pipeline did not give what the statement gives; `None` when it did, or when both failed.
fn difference(direct: &Result<Table, String>, pipeline: &Outcome, ordered: bool) -> Option<String> {
    match (direct, pipeline) {
        (Ok(direct), Outcome::Rows(rows)) if identical(direct, rows, ordered) => None,
        (Ok(direct), Outcome::Rows(rows)) => Some(format!("other rows: {}", first_difference(direct, rows))),
        (Ok(_), Outcome::Refused(why)) => Some(format!("refused: {why}")),
        (Ok(_), Outcome::Failed(why)) => Some(format!("failed: {why}")),
        (Ok(_), Outcome::Unanswered) => Some("no SQL was played".to_owned()),
        (Err(why), Outcome::Rows(_)) => Some(format!("answered what fails directly: {why}")),
        (Err(_), Outcome::Refused(_) | Outcome::Unanswered | Outcome::Failed(_)) => None,
    }
}

fn first_difference(direct: &Table, pipeline: &Table) -> String {
    let (left, right) = (&direct.rows, &pipeline.rows);
    if left.len() != right.len() {
        return format!("{} directly, {} through the pipeline", left.len(), right.len());
    }
    let differing = left.iter().zip(right).find(|(left, right)| left != right);
    let shown = |row: &[contracts::Cell]| contracts::Cell::from(row.to_vec()).to_string();
    differing.map_or_else(String::new, |(left, right)| {
        format!("{} directly, {} through the pipeline", shown(left), shown(right))
    })
}
