//! The built-in rules alone, through the whole pipeline.

use super::compare::equivalent;
use super::databases::{self, Databases, Maker};
use super::load::{self, Question};
use super::order::orders;
use super::pipeline::{Outcome, Pipeline, provider};
use super::{direct, progress};
use crate::args::EvalRules;
use crate::output;
use anyhow::{Context, Result};
use futures_util::{StreamExt, stream};
use ports::source::Access;
use serde::Serialize;
use settings::ProviderKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Questions in flight.
const AT_ONCE: usize = 16;

/// The figures of a run.
#[derive(Debug, Default, Serialize)]
struct Report {
    suite: String,
    /// Questions that were asked.
    questions: usize,
    /// Questions of the suite whose database has no rows here.
    left_out: usize,
    /// The rows of the gold SQL.
    correct: usize,
    /// Other rows.
    wrong: usize,
    /// The rules were not sure enough to answer.
    abstained: usize,
    /// Refused by the guard, or failed in the database.
    invalid: usize,
    /// Each of those, with why.
    invalid_of: Vec<String>,
}

/// Exit code 0 when every statement was valid, else 1.
pub async fn run(config: Option<PathBuf>, args: EvalRules) -> Result<ExitCode> {
    let questions = load::questions(&args.of)?;
    let report = databases::with_databases(&args.of, async |folder, maker| {
        evaluate(config, &args, questions, folder, maker).await
    })
    .await?;
    if args.of.json {
        output::json(&report)?;
    } else {
        report.print();
    }
    Ok(if report.invalid == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn evaluate(
    config: Option<PathBuf>,
    args: &EvalRules,
    mut questions: Vec<Question>,
    folder: &Path,
    maker: &mut Maker<'_>,
) -> Result<Report> {
    let databases = maker.make(&questions).await?;
    let all = questions.len();
    questions.retain(|question| databases.contains_key(&question.database));
    let mut report = Report { suite: args.of.suite.clone(), left_out: all - questions.len(), ..Report::default() };
    questions.truncate(args.of.limit.unwrap_or(usize::MAX));
    let rules = provider(ProviderKind::Rules, "rules");
    let pipeline = Pipeline::start(config, &folder.join("askline"), rules, &databases).await?;
    let counted = report.count(&pipeline, &questions, &databases).await;
    pipeline.stop().await;
    counted.map(|()| report)
}

enum Verdict {
    Correct,
    Wrong,
    Abstained,
    Invalid(String),
}

async fn judge(pipeline: &Pipeline, access: &Access, question: &Question) -> Result<Verdict> {
    let rows = match pipeline.ask(&question.database, &question.text).await? {
        Outcome::Rows(rows) => rows,
        Outcome::Unanswered => return Ok(Verdict::Abstained),
        Outcome::Refused(why) | Outcome::Failed(why) => return Ok(Verdict::Invalid(why)),
    };
    let gold = direct::query(access, &question.gold).await;
    let is_right = gold.is_ok_and(|gold| equivalent(&gold, &rows, orders(&question.gold)));
    Ok(if is_right { Verdict::Correct } else { Verdict::Wrong })
}

impl Report {
    async fn count(&mut self, pipeline: &Pipeline, questions: &[Question], databases: &Databases) -> Result<()> {
        let bar = progress(questions.len());
        let judging = questions.iter().filter_map(|question| Some((question, databases.get(&question.database)?)));
        let judging = judging.map(async |(question, access)| (question, judge(pipeline, access, question).await));
        let mut judged = stream::iter(judging).buffer_unordered(AT_ONCE);
        while let Some((question, verdict)) = judged.next().await {
            self.add(question, verdict.with_context(|| question.id.clone())?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn add(&mut self, question: &Question, verdict: Verdict) {
        self.questions += 1;
        match verdict {
            Verdict::Correct => self.correct += 1,
            Verdict::Wrong => self.wrong += 1,
            Verdict::Abstained => self.abstained += 1,
            Verdict::Invalid(why) => {
                self.invalid += 1;
                self.invalid_of.push(format!("{}: {why}", question.id));
            }
        }
    }

    fn print(&self) {
        output::line(output::out(&format!("{}, the built-in rules", self.suite), output::BOLD));
        let figures = [
            ("questions", self.questions),
            ("left out (no rows here)", self.left_out),
            ("right", self.correct),
            ("wrong", self.wrong),
            ("not answered: unsure", self.abstained),
            ("statements that do not run", self.invalid),
        ];
        for (name, figure) in figures {
            output::line(format!("  {name:28} {figure:>6}"));
        }
        self.invalid_of.iter().for_each(|line| output::line(format!("  {line}")));
    }
}
