//! Writes the answer, streams it, and ends the turn.

use async_trait::async_trait;
use contracts::job::{Basis, Reply};
use contracts::{ApprovalId, Message, ResultId, ResultSet};
use domain::{change, prompt, rules};
use futures_util::join;
use ports::llm::{Error, Purpose, Request};
use std::sync::Arc;
use worker_kit::{Answer, Ctx, Done, Ending, JobError, OrFail, OrRetry, Worker, llm_failure};

const MAX_TOKENS: u32 = 1_000;

/// The worker of kind `reply`.
pub struct Replier {
    /// Messages of the conversation that the prompt shows.
    pub history_messages: u32,
    /// Rows that the prompt shows.
    pub shown_rows: usize,
}

#[async_trait]
impl Worker for Replier {
    type Job = Reply;
    const ASKS_MODEL: bool = true;
    const STREAMS: bool = true;

    async fn run(&self, ctx: &Ctx, job: Reply) -> Result<Done, JobError> {
        match job.basis {
            Basis::Rows { sql, result } => self.tell_rows(ctx, &job.question, sql, result).await,
            Basis::Chat => self.chat(ctx, &job.question).await,
            Basis::NoWorkflow => no_workflow(ctx),
            Basis::Approval { approval } => ask_approval(ctx, &approval).await,
        }
    }
}

impl Replier {
    async fn tell_rows(&self, ctx: &Ctx, question: &str, sql: String, result: ResultId) -> Result<Done, JobError> {
        let rows = ctx.ports.store.result(&ctx.meta.business, &result);
        let (rows, history) = join!(rows, ctx.history(self.history_messages));
        let rows = rows.or_retry("read the rows")?;
        let rows = rows.or_fail("rows_gone", "The rows of the answer are not stored any more. Ask again.")?;
        // Whoever writes the answer, a plain rendering too: it may be read by others than the table, and is in later prompts.
        let rows = Arc::new(ctx.for_model(rows));
        let messages = prompt::tell_rows(question, &sql, &rows, self.shown_rows, &history?);
        let request = request(ctx, question, messages, Some(rows.clone()));
        let mut answer = Answer::begin(ctx);
        let text = match stream(ctx, &mut answer, request).await {
            Ok(text) => text,
            Err(Error::Cancelled) => return Err(JobError::Cancelled),
            Err(Error::Port(error)) => return Err(JobError::port("write the answer", error)),
            Err(error) => plainly(ctx, &mut answer, question, &rows, &error),
        };
        Ok(Done::end(Ending::answered(text, sql, result), "answered"))
    }

    async fn chat(&self, ctx: &Ctx, question: &str) -> Result<Done, JobError> {
        let history = ctx.history(self.history_messages).await?;
        let request = request(ctx, question, prompt::chat(question, &history), None);
        let text = stream(ctx, &mut Answer::begin(ctx), request).await.map_err(llm_failure)?;
        Ok(Done::end(Ending::completed(text), "answered"))
    }
}

/// The rows are there, only the words are missing: a plain rendering that says that it is one.
fn plainly(ctx: &Ctx, answer: &mut Answer<'_>, question: &str, rows: &ResultSet, error: &Error) -> String {
    ctx.notice("plain_answer", format!("The answer is a plain rendering of the rows: {error}."));
    answer.restart();
    answer.push(&rules::reply(question, Some(rows)));
    answer.finish()
}

fn no_workflow(ctx: &Ctx) -> Result<Done, JobError> {
    let mut answer = Answer::begin(ctx);
    answer.push("No workflow is defined here yet. Ask a question about your data instead.");
    Ok(Done::end(Ending::completed(answer.finish()), "no workflow"))
}

/// The text that asks is ours: no model words what a person is to approve.
async fn ask_approval(ctx: &Ctx, id: &ApprovalId) -> Result<Done, JobError> {
    let asked = ctx.ports.store.approval(&ctx.meta.business, id).await.or_retry("read the approval")?;
    let asked =
        asked.or_fail("approval_unknown", "The change that was asked for is not stored any more. Ask again.")?;
    let left_ms = asked.expires_ms - ctx.ports.clock.now_ms();
    let mut answer = Answer::begin(ctx);
    answer.push(&change::request(asked.kind, asked.affected, &asked.table, asked.turn.as_str(), left_ms));
    Ok(Done::end(Ending::completed(answer.finish()), "waits for approval"))
}

/// Streams an answer to the client and returns its whole text.
async fn stream(ctx: &Ctx, answer: &mut Answer<'_>, request: Request) -> Result<String, Error> {
    let started = ctx.ports.clock.monotonic_ms();
    let purpose = request.purpose.as_str();
    let mut pieces = ctx.stream(request).await?;
    let on_text = |text: Option<&str>| match text {
        Some(text) => answer.push(text),
        None => answer.restart(),
    };
    let completion = ctx.follow(&mut pieces, on_text).await?;
    ctx.record(&completion, purpose, started);
    if answer.is_blank() {
        return Err(Error::Unavailable("the answer was empty".into()));
    }
    if completion.cut {
        ctx.notice("answer_cut", "The answer was cut at its greatest length.");
    }
    Ok(answer.finish())
}

fn request(ctx: &Ctx, question: &str, messages: Vec<Message>, result: Option<Arc<ResultSet>>) -> Request {
    Request {
        purpose: Purpose::Reply,
        business: ctx.meta.business.clone(),
        connection: ctx.meta.connection.clone(),
        connection_name: None,
        question: question.to_owned(),
        messages,
        json_schema: None,
        max_tokens: MAX_TOKENS,
        schema: None,
        dialect: None,
        result,
    }
}
