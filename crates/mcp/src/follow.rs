//! Waits for the end of what was asked, and tells of the steps.

use crate::caller::{Answer, Problem};
use async_trait::async_trait;
use contracts::Event;
use contracts::event::Response;
use tokio_util::sync::CancellationToken;

/// Tells a client how far its call is.
#[async_trait]
pub trait Progress: Send + Sync {
    /// The number grows with each step.
    async fn tell(&self, step: u32, message: String);
}

/// The client on the other end.
pub struct Client<'a> {
    /// Told of the steps.
    pub progress: &'a dyn Progress,
    /// Fires when it does not wait any more.
    pub gone: CancellationToken,
    /// Whether going away stops what it asked. Where a call has its own request for a cancel, it does not.
    pub going_cancels: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// The response as it ended.
    pub response: Response,
    /// What a reader should know.
    pub notices: Vec<String>,
}

/// Follows an answer to its end.
pub async fn to_the_end(answer: &mut dyn Answer, client: &Client<'_>) -> Result<Ended, Problem> {
    let mut steps = 0;
    let mut heard = Heard::default();
    loop {
        let event = tokio::select! {
            event = answer.next() => event,
            () = client.gone.cancelled() => return Err(abandoned(answer, client).await),
        };
        match event.ok_or_else(|| stopping(answer))? {
            Event::Completed { response } => return Ok(Ended { response, notices: heard.notices }),
            Event::Failed { response } | Event::Incomplete { response } => return Err(heard.problem(&response)),
            event => {
                if let Some(message) = heard.step(event) {
                    steps += 1;
                    client.progress.tell(steps, message).await;
                }
            }
        }
    }
}

/// What was heard on the way.
#[derive(Default)]
struct Heard {
    notices: Vec<String>,
    rule: Option<String>,
}

impl Heard {
    /// Keeps what the end does not say again. Gives a sentence when a step begins.
    fn step(&mut self, event: Event) -> Option<String> {
        match event {
            Event::Notice { message, .. } => self.notices.push(message),
            Event::SqlRejected { rule, .. } => self.rule = Some(rule),
            Event::StepStarted { step, attempt } => return Some(sentence(&step, attempt)),
            Event::QueuePosition { position, .. } => return Some(format!("Waiting in line, at place {position}")),
            _ => {}
        }
        None
    }

    fn problem(self, response: &Response) -> Problem {
        let reason = response.incomplete_details.as_ref().map(|details| details.reason.as_str());
        match (&response.error, reason) {
            (Some(error), _) => {
                let rule = self.rule.map(|rule| format!(" ({rule})")).unwrap_or_default();
                Problem::new(error.code.clone(), format!("{}{rule}: {}", error.code, error.message))
            }
            (None, Some("cancelled")) => Problem::new("cancelled", "It was cancelled."),
            (None, _) => Problem::new("incomplete", "It ended early. Ask again."),
        }
    }
}

fn sentence(step: &str, attempt: u32) -> String {
    let doing = match step {
        "classify" => "Reading the question",
        "follow" => "Waiting for the same question, which is being answered",
        "generate_sql" => "Writing a statement",
        "execute_sql" => "Checking and running the statement",
        "reply" => "Writing the answer",
        other => other,
    };
    if attempt > 1 { format!("{doing}, attempt {attempt}") } else { doing.to_owned() }
}

/// Nobody hears this; what was asked is stopped where that is what going away means.
async fn abandoned(answer: &mut dyn Answer, client: &Client<'_>) -> Problem {
    if client.going_cancels
        && let Err(problem) = answer.cancel().await
    {
        tracing::warn!(turn = %answer.id(), %problem, "a call was cancelled and goes on");
    }
    Problem::new("cancelled", "It was cancelled.")
}

fn stopping(answer: &dyn Answer) -> Problem {
    let message = format!("This server is stopping. {} goes on without it: make the same call again.", answer.id());
    Problem::new("stopping", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::TurnId;
    use contracts::event::{IncompleteDetails, ResponseError, Status};
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    struct Scripted {
        id: TurnId,
        events: VecDeque<Event>,
        hangs: bool,
        cancelled: AtomicBool,
    }

    #[async_trait]
    impl Answer for Scripted {
        fn id(&self) -> &TurnId {
            &self.id
        }
        async fn next(&mut self) -> Option<Event> {
            match self.events.pop_front() {
                None if self.hangs => std::future::pending().await,
                event => event,
            }
        }
        async fn cancel(&mut self) -> Result<(), Problem> {
            self.cancelled.store(true, Ordering::SeqCst);
            Ok(())
        }
    }

    #[derive(Default)]
    struct Told(Mutex<Vec<(u32, String)>>);

    #[async_trait]
    impl Progress for Told {
        async fn tell(&self, step: u32, message: String) {
            self.0.lock().unwrap().push((step, message));
        }
    }

    fn answer(events: Vec<Event>) -> Scripted {
        Scripted { id: "resp_1".into(), events: events.into(), hangs: false, cancelled: AtomicBool::new(false) }
    }

    fn client(progress: &Told) -> Client<'_> {
        Client { progress, gone: CancellationToken::new(), going_cancels: true }
    }

    fn started(step: &str, attempt: u32) -> Event {
        Event::StepStarted { step: step.into(), attempt }
    }

    fn response(status: Status) -> Response {
        Response::new("resp_1", 0, status)
    }

    #[tokio::test]
    async fn steps_are_told_and_notices_are_kept() {
        let told = Told::default();
        let notice = Event::Notice { code: "masked".into(), message: "Masked: email.".into() };
        let end = Event::Completed { response: response(Status::Completed) };
        let mut answer = answer(vec![started("classify", 1), notice, started("reply", 2), end]);
        let ended = to_the_end(&mut answer, &client(&told)).await.unwrap();
        assert_eq!(ended.notices, ["Masked: email."]);
        let told = told.0.into_inner().unwrap();
        assert_eq!(told, [(1, "Reading the question".to_owned()), (2, "Writing the answer, attempt 2".to_owned())]);
    }

    #[tokio::test]
    async fn a_refusal_names_its_rule() {
        let mut response = response(Status::Failed);
        response.error = Some(ResponseError::new("statement_refused", "Only one statement may run."));
        let rejected = Event::SqlRejected { rule: "several_statements".into(), message: "…".into() };
        let mut answer = answer(vec![rejected, Event::Failed { response }]);
        let problem = to_the_end(&mut answer, &client(&Told::default())).await.unwrap_err();
        assert_eq!(problem.message, "statement_refused (several_statements): Only one statement may run.");
    }

    #[tokio::test]
    async fn a_cancel_and_a_server_that_stops_are_told() {
        let mut response = response(Status::Incomplete);
        response.incomplete_details = Some(IncompleteDetails { reason: "cancelled".into() });
        let mut cancelled = answer(vec![Event::Incomplete { response }]);
        assert_eq!(to_the_end(&mut cancelled, &client(&Told::default())).await.unwrap_err().code, "cancelled");
        let problem = to_the_end(&mut answer(vec![]), &client(&Told::default())).await.unwrap_err();
        assert!(problem.code == "stopping" && problem.message.contains("resp_1"), "{problem}");
    }

    #[tokio::test]
    async fn going_away_stops_what_was_asked_only_where_that_is_what_it_means() {
        for going_cancels in [true, false] {
            let told = Told::default();
            let client = Client { going_cancels, ..client(&told) };
            client.gone.cancel();
            let mut answer = Scripted { hangs: true, ..answer(vec![]) };
            assert_eq!(to_the_end(&mut answer, &client).await.unwrap_err().code, "cancelled");
            assert_eq!(answer.cancelled.load(Ordering::SeqCst), going_cancels);
        }
    }
}
