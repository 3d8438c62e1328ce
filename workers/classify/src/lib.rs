//! Decides what a question asks for: data, talk, or a workflow.

use async_trait::async_trait;
use contracts::Message;
use contracts::job::{Basis, Classify, GenerateSql, Reply};
use domain::intent::{self, Intent};
use domain::prompt;
use ports::llm::{Purpose, Request};
use worker_kit::{Ctx, Done, JobError, Worker, llm_failure};

const MAX_TOKENS: u32 = 300;

/// The worker of kind `classify`.
pub struct Classifier {
    /// Messages of the conversation that it sees.
    pub recent_messages: u32,
    /// Messages of the conversation that the whole turn sees: with the same ones a question in flight is the same.
    pub history_messages: u32,
}

#[async_trait]
impl Worker for Classifier {
    type Job = Classify;
    const ASKS_MODEL: bool = true;

    async fn run(&self, ctx: &Ctx, job: Classify) -> Result<Done, JobError> {
        ctx.emit_in_progress();
        let history = ctx.history(self.looks_back(&job)).await?;
        if let Some(schema_ms) = job.shared_schema_ms
            && let Some(follow) = ctx.join_flight(&job.question, schema_ms, &history).await?
        {
            return Done::next(&follow, "the same question is in flight");
        }
        let recent = history[history.len().saturating_sub(self.recent_messages as usize)..].to_vec();
        let intent = self.ask(ctx, &job.question, &recent).await?;
        let question = job.question;
        match intent {
            Intent::Sql => Done::next(&GenerateSql { question, round: 0, rejected: None }, intent.as_str()),
            Intent::Chat => Done::next(&Reply { question, basis: Basis::Chat }, intent.as_str()),
            Intent::Workflow => Done::next(&Reply { question, basis: Basis::NoWorkflow }, intent.as_str()),
        }
    }
}

impl Classifier {
    fn looks_back(&self, job: &Classify) -> u32 {
        match job.shared_schema_ms {
            Some(_) => self.history_messages.max(self.recent_messages),
            None => self.recent_messages,
        }
    }

    async fn ask(&self, ctx: &Ctx, question: &str, recent: &[Message]) -> Result<Intent, JobError> {
        let completion = ctx.complete(request(ctx, question, recent)).await.map_err(llm_failure)?;
        if let Some(found) = intent::parse(&completion.text) {
            return Ok(found.intent);
        }
        // A question about data is by far the likeliest, and the worst that follows is a clear refusal.
        ctx.notice(
            "classifier",
            "The language model's sorting was unreadable; the question is taken for one about data.",
        );
        Ok(Intent::Sql)
    }
}

fn request(ctx: &Ctx, question: &str, recent: &[Message]) -> Request {
    Request {
        purpose: Purpose::Classify,
        business: ctx.meta.business.clone(),
        connection: ctx.meta.connection.clone(),
        connection_name: None,
        question: question.to_owned(),
        messages: prompt::classify(question, recent),
        json_schema: Some(intent::schema()),
        max_tokens: MAX_TOKENS,
        schema: None,
        dialect: None,
        result: None,
    }
}
