//! What came out.

use super::load::{Question, Recording};
use crate::output;
use serde::Serialize;

const SHOWN: usize = 20;

/// The figures of a run.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub suite: String,
    pub model: String,
    /// Questions that were asked.
    pub questions: usize,
    /// Questions of the suite whose database has no rows here.
    pub left_out: usize,
    /// The recorded SQL, run directly, gave the rows of the gold SQL.
    pub direct_correct: usize,
    /// The pipeline gave the rows of the gold SQL.
    pub pipeline_correct: usize,
    /// The pipeline did not give what the recorded SQL gives.
    pub differences: usize,
    /// The guard refused the recorded SQL.
    pub refused: usize,
    /// The recorded SQL fails in the database.
    pub direct_failed: usize,
    /// The gold SQL fails in the database: the question counts as wrong.
    pub gold_failed: usize,
    pub seconds: f64,
    /// The first differences.
    pub differing: Vec<Difference>,
}

/// A question where the pipeline did not give what the recorded SQL gives.
#[derive(Debug, Serialize)]
pub struct Difference {
    pub id: String,
    pub database: String,
    pub reason: String,
    pub sql: String,
}

/// What is known of one question.
#[derive(Debug, Default)]
pub struct Judgement {
    pub direct_correct: bool,
    pub pipeline_correct: bool,
    pub refused: bool,
    pub direct_failed: bool,
    pub gold_failed: bool,
    /// Why the pipeline differs, when it does.
    pub difference: Option<String>,
}

impl Report {
    /// Nothing is counted yet.
    pub fn new(recording: &Recording, left_out: usize) -> Self {
        let (suite, model) = (recording.suite.clone(), recording.model_name.clone());
        Self { suite, model, left_out, ..Self::default() }
    }

    /// Counts one question.
    pub fn add(&mut self, question: &Question, judged: Judgement) {
        self.questions += 1;
        self.direct_correct += usize::from(judged.direct_correct);
        self.pipeline_correct += usize::from(judged.pipeline_correct);
        self.refused += usize::from(judged.refused);
        self.direct_failed += usize::from(judged.direct_failed);
        self.gold_failed += usize::from(judged.gold_failed);
        let Some(reason) = judged.difference else { return };
        self.differences += 1;
        self.differing.push(Difference {
            id: question.id.clone(),
            database: question.database.clone(),
            reason,
            sql: question.recorded.trim().to_owned(),
        });
    }

    /// Keeps the first differences, by id.
    pub fn finish(mut self, seconds: f64) -> Self {
        self.seconds = seconds;
        self.differing.sort_by(|left, right| left.id.cmp(&right.id));
        self.differing.truncate(SHOWN);
        self
    }

    /// For people.
    pub fn print(&self) {
        output::line(output::out(&format!("{}, {}", self.suite, self.model), output::BOLD));
        let figures = [
            ("questions", self.questions),
            ("left out (no rows here)", self.left_out),
            ("right, run directly", self.direct_correct),
            ("right, through the pipeline", self.pipeline_correct),
            ("differences", self.differences),
            ("refused by the guard", self.refused),
            ("recorded SQL that fails", self.direct_failed),
            ("gold SQL that fails", self.gold_failed),
        ];
        for (name, figure) in figures {
            output::line(format!("  {name:28} {figure:>6}"));
        }
        output::line(format!("  {:28} {:>6.1}", "seconds", self.seconds));
        for difference in &self.differing {
            output::line("");
            output::line(format!("{}  {}", output::out(&difference.id, output::BOLD), difference.database));
            output::line(format!("  {}", output::out(&difference.reason, output::RED)));
            output::line(format!("  {}", output::out(&difference.sql, output::DIM)));
        }
    }
}
