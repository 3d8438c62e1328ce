//! The chain over providers that do as they are told, in paused time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use adapter_llm::{Backoff, Chunk, End, Failure, Provider, ProviderStream, RetryAfter, Unconfigured};
use contracts::event::Usage;
use futures_util::stream::{self, StreamExt};
use ports::llm::{Call, Error, Llm, Piece, Purpose, Request};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Calls, START_MS, call, chain, full_window, request, run};
use tokio::time::{Instant, sleep};

/// What a provider does with one request.
enum Act {
    Answer(&'static [&'static str]),
    Fail(Failure),
    FailAfter(&'static str, Failure),
    AnswerAfter(Duration),
    HangAfter(&'static str),
    EndWithoutEnd(&'static str),
    Endless,
}

struct Puppet {
    name: &'static str,
    attempts: u32,
    acts: Mutex<VecDeque<Act>>,
    asked: Mutex<Vec<Instant>>,
}

impl Puppet {
    fn new(name: &'static str, attempts: u32, acts: Vec<Act>) -> Arc<Self> {
        Arc::new(Self { name, attempts, acts: Mutex::new(acts.into()), asked: Mutex::default() })
    }
    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
    fn waits(&self) -> Vec<u128> {
        self.asked.lock().unwrap().windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect()
    }
}

fn end() -> Result<Chunk, Failure> {
    let usage = Usage { input_tokens: 7, output_tokens: 2, total_tokens: 9 };
    Ok(Chunk::End(End { usage, cut: false, confidence: Some(0.5) }))
}

fn delta(text: &str) -> Result<Chunk, Failure> {
    Ok(Chunk::Delta(text.into()))
}

#[async_trait::async_trait]
impl Provider for Puppet {
    fn name(&self) -> &str {
        self.name
    }
    fn model(&self) -> &str {
        "puppet"
    }
    fn attempts(&self) -> u32 {
        self.attempts
    }
    async fn stream(&self, _request: &Request) -> Result<ProviderStream, Failure> {
        self.asked.lock().unwrap().push(Instant::now());
        let act = self.acts.lock().unwrap().pop_front().expect("asked once too often");
        Ok(match act {
            Act::Answer(deltas) => {
                stream::iter(deltas.iter().map(|text| delta(text)).chain([end()]).collect::<Vec<_>>()).boxed()
            }
            Act::Fail(failure) => return Err(failure),
            Act::FailAfter(text, failure) => stream::iter([delta(text), Err(failure)]).boxed(),
            Act::AnswerAfter(wait) => {
                sleep(wait).await;
                stream::iter([delta("late"), end()]).boxed()
            }
            Act::HangAfter(text) => stream::iter([delta(text)]).chain(stream::pending()).boxed(),
            Act::EndWithoutEnd(text) => stream::iter([delta(text)]).boxed(),
            Act::Endless => stream::repeat_with(|| delta("é and on ")).boxed(),
        })
    }
    async fn check(&self) -> Result<String, String> {
        Ok(format!("{} is here", self.name))
    }
}

fn busy() -> Failure {
    Failure::Busy { status: 500, retry_after: None }
}

fn busy_for(seconds: u64) -> Failure {
    Failure::Busy { status: 429, retry_after: Some(RetryAfter::In(Duration::from_secs(seconds))) }
}

fn abstained(sentence: &str) -> Failure {
    Failure::Abstained(sentence.into())
}

const MINUTE: Duration = Duration::from_secs(60);

fn ask(budget: &Arc<Calls>) -> Call {
    call(request(Purpose::GenerateSql), budget.clone(), MINUTE)
}

#[tokio::test(start_paused = true)]
async fn the_first_provider_that_answers_wins() {
    let first = Puppet::new("first", 2, vec![Act::Answer(&["SELECT ", "1"])]);
    let second = Puppet::new("second", 2, vec![]);
    let budget = Calls::of(8);
    let outcome = run(&chain(vec![first, second.clone()], full_window()), ask(&budget)).await;
    let completion = outcome.completion();
    assert_eq!((completion.text.as_str(), completion.provider.as_str()), ("SELECT 1", "first"));
    assert_eq!((completion.usage.total_tokens, completion.confidence), (9, Some(0.5)));
    assert_eq!((outcome.deltas, second.asked(), budget.spent()), (2, 0, 1));
    assert!(outcome.notices.is_empty() && outcome.restarts.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_transient_outage_is_retried_with_growing_waits() {
    let acts = vec![Act::Fail(busy()), Act::Fail(busy()), Act::Fail(busy()), Act::Answer(&["1"])];
    let only = Puppet::new("only", 4, acts);
    let budget = Calls::of(8);
    let outcome = run(&chain(vec![only.clone()], full_window()), ask(&budget)).await;
    assert_eq!(outcome.completion().text, "1");
    assert_eq!(only.waits(), [250, 500, 1_000]);
    assert_eq!(budget.spent(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_requested_wait_is_honoured_and_told() {
    let at = RetryAfter::At(START_MS + 4_000);
    for (failure, wait) in [(busy_for(3), 3_000), (Failure::Busy { status: 503, retry_after: Some(at) }, 4_000)] {
        let only = Puppet::new("only", 2, vec![Act::Fail(failure), Act::Answer(&["1"])]);
        let outcome = run(&chain(vec![only.clone()], Backoff::default()), ask(&Calls::of(8))).await;
        assert_eq!(only.waits(), [wait]);
        assert_eq!(outcome.notices, [format!("only is busy; it is asked again in {} s", wait / 1_000)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_wants_too_long_a_wait_is_passed_over() {
    let first = Puppet::new("first", 3, vec![Act::Fail(busy_for(11))]);
    let second = Puppet::new("second", 1, vec![Act::Answer(&["1"])]);
    let started = Instant::now();
    let outcome = run(&chain(vec![first, second], full_window()), ask(&Calls::of(8))).await;
    assert_eq!(outcome.completion().provider, "second");
    assert_eq!(outcome.notices, ["first did not answer; second answers instead"]);
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn when_all_are_out_the_error_names_each_and_when_to_come_back() {
    let first = Puppet::new("first", 1, vec![Act::Fail(Failure::Unreachable { detail: "10.0.0.1 refused".into() })]);
    let second = Puppet::new("second", 3, vec![Act::Fail(busy_for(40))]);
    let outcome = run(&chain(vec![first, second], full_window()), ask(&Calls::of(8))).await;
    let error = outcome.error();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    assert_eq!(
        error.to_string(),
        "no language model answered: first cannot be reached; second is busy or out of order (status 429); \
         try again in 40 s"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_text_voids_it_before_the_next_attempt() {
    let acts = vec![
        Act::FailAfter("half", Failure::Truncated),
        Act::EndWithoutEnd("half again"),
        Act::FailAfter("third", Failure::Stalled(Duration::from_secs(1))),
    ];
    let first = Puppet::new("first", 3, acts);
    let second = Puppet::new("second", 1, vec![Act::Answer(&["whole"])]);
    let outcome = run(&chain(vec![first, second], full_window()), ask(&Calls::of(8))).await;
    assert_eq!(outcome.completion().text, "whole");
    let broke_off = "first broke off its answer";
    assert_eq!(outcome.restarts, [broke_off, broke_off, "first fell silent within its answer for 1 s"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_without_text_voids_nothing() {
    let only = Puppet::new("only", 2, vec![Act::Fail(busy()), Act::Answer(&["1"])]);
    let outcome = run(&chain(vec![only], full_window()), ask(&Calls::of(8))).await;
    assert!(outcome.restarts.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_budget_is_spent_once_per_attempt_and_then_it_ends() {
    for limit in 0..4_u32 {
        let failing = |count| (0..count).map(|_| Act::Fail(busy())).collect();
        let first = Puppet::new("first", 2, failing(2));
        let second = Puppet::new("second", 2, failing(2));
        let budget = Calls::of(limit);
        let outcome = run(&chain(vec![first.clone(), second.clone()], full_window()), ask(&budget)).await;
        assert!(matches!(outcome.error(), Error::BudgetSpent), "{limit}: {outcome:?}");
        assert_eq!((first.asked() + second.asked()) as u32, limit);
        assert_eq!(budget.spent(), limit);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_not_retried_but_the_next_is_asked() {
    let refused = Failure::Refused { reason: "status 400".into(), detail: String::new() };
    for failure in [refused, Failure::KeyRefused("set KEY".into())] {
        let alone = Puppet::new("first", 3, vec![Act::Fail(failure.clone())]);
        let outcome = run(&chain(vec![alone], full_window()), ask(&Calls::of(8))).await;
        assert!(matches!(outcome.error(), Error::Refused(_)), "{outcome:?}");
        assert!(outcome.error().to_string().contains(&format!("first {failure}")), "{outcome:?}");

        let first = Puppet::new("first", 3, vec![Act::Fail(failure)]);
        let second = Puppet::new("second", 1, vec![Act::Answer(&["1"])]);
        let outcome = run(&chain(vec![first, second], full_window()), ask(&Calls::of(8))).await;
        assert_eq!(outcome.completion().provider, "second");
    }
}

#[tokio::test(start_paused = true)]
async fn an_abstention_ends_the_call_unless_another_provider_follows() {
    let alone = Puppet::new("rules", 3, vec![Act::Fail(abstained("I am not sure."))]);
    let outcome = run(&chain(vec![alone], full_window()), ask(&Calls::of(8))).await;
    assert!(matches!(outcome.error(), Error::Abstained(sentence) if sentence == "I am not sure."), "{outcome:?}");

    let first = Puppet::new("rules", 3, vec![Act::Fail(abstained("I am not sure."))]);
    let second = Puppet::new("hosted", 1, vec![Act::Answer(&["1"])]);
    let outcome = run(&chain(vec![first, second], full_window()), ask(&Calls::of(8))).await;
    assert_eq!(outcome.notices, ["rules has no answer; hosted answers instead"]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_not_hidden_by_an_abstention() {
    let first = Puppet::new("hosted", 1, vec![Act::Fail(busy())]);
    let second = Puppet::new("rules", 1, vec![Act::Fail(abstained("I am not sure."))]);
    let outcome = run(&chain(vec![first, second], full_window()), ask(&Calls::of(8))).await;
    assert!(matches!(outcome.error(), Error::Unavailable(_)), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_on_beyond_the_deadline() {
    let hour = Duration::from_secs(3_600);
    for acts in [
        vec![Act::AnswerAfter(hour)],
        vec![Act::HangAfter("half")],
        vec![Act::Fail(busy()), Act::Fail(busy()), Act::AnswerAfter(hour)],
    ] {
        let only = Puppet::new("only", 9, acts);
        let started = Instant::now();
        let outcome = run(&chain(vec![only], full_window()), ask(&Calls::of(99))).await;
        assert!(matches!(outcome.error(), Error::TimedOut), "{outcome:?}");
        assert!(started.elapsed() < MINUTE + Duration::from_millis(5), "{:?}", started.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn without_time_nothing_is_asked_or_spent() {
    let only = Puppet::new("only", 1, vec![]);
    let budget = Calls::of(8);
    let without_time = call(request(Purpose::Reply), budget.clone(), Duration::ZERO);
    let outcome = run(&chain(vec![only], full_window()), without_time).await;
    assert!(matches!(outcome.error(), Error::TimedOut), "{outcome:?}");
    assert_eq!(budget.spent(), 0);
}

#[tokio::test(start_paused = true)]
async fn any_time_left_is_a_valid_one() {
    let only = Puppet::new("only", 1, vec![Act::Answer(&["1"])]);
    let endless = call(request(Purpose::Reply), Calls::of(1), Duration::MAX);
    assert_eq!(run(&chain(vec![only], full_window()), endless).await.completion().text, "1");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_ends_a_wait_at_once() {
    let only = Puppet::new("only", 2, vec![Act::Fail(busy_for(9))]);
    let the_call = ask(&Calls::of(8));
    let cancel = the_call.cancel.clone();
    let started = Instant::now();
    let canceller = tokio::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        cancel.cancel();
    });
    let outcome = run(&chain(vec![only], full_window()), the_call).await;
    canceller.await.unwrap();
    assert!(matches!(outcome.error(), Error::Cancelled), "{outcome:?}");
    assert_eq!(started.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_ends_a_silent_answer_at_once() {
    let only = Puppet::new("only", 2, vec![Act::HangAfter("half")]);
    let the_call = ask(&Calls::of(8));
    let cancel = the_call.cancel.clone();
    let mut pieces = chain(vec![only], full_window()).stream(the_call).await.unwrap();
    assert_eq!(pieces.next().await.unwrap().unwrap(), Piece::Delta("half".into()));
    cancel.cancel();
    assert!(matches!(pieces.next().await, Some(Err(Error::Cancelled))));
    assert!(pieces.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_endless_answer_is_cut_at_its_bound() {
    for (max_tokens, bound) in [(1, 16 * 1024), (10_000, 320_000), (u32::MAX, 1024 * 1024)] {
        let only = Puppet::new("only", 1, vec![Act::Endless]);
        let mut endless = ask(&Calls::of(1));
        endless.request.max_tokens = max_tokens;
        let outcome = run(&chain(vec![only], full_window()), endless).await;
        let completion = outcome.completion();
        assert!(completion.cut);
        assert!(completion.text.len() <= bound && completion.text.len() + 4 > bound, "{}", completion.text.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_chain_without_providers_says_so() {
    let outcome = run(&chain(vec![], full_window()), ask(&Calls::of(1))).await;
    assert_eq!(outcome.error().to_string(), "no language model answered: no provider is configured");
}

#[tokio::test]
async fn an_unconfigured_model_says_what_to_set() {
    let unconfigured = Unconfigured::default();
    let Err(error) = unconfigured.stream(ask(&Calls::of(1))).await else { panic!("an answer from nothing") };
    assert!(matches!(&error, Error::Unavailable(what) if what.contains("[llm]")), "{error}");
    assert!(unconfigured.providers().is_empty());
    assert!(unconfigured.check().await[0].1.is_err());
}

#[tokio::test]
async fn providers_are_listed_and_checked_in_order() {
    let chain = chain(vec![Puppet::new("b", 1, vec![]), Puppet::new("a", 1, vec![])], full_window());
    assert_eq!(chain.providers(), ["b", "a"]);
    let expected = ["b", "a"].map(|name| (name.to_owned(), Ok(format!("{name} is here"))));
    assert_eq!(chain.check().await, expected);
}
