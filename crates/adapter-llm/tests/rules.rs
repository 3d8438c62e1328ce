//! The provider by rules, over a book that knows one answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use adapter_llm::{RuleBook, RuleBookAnswer, Rules};
use contracts::{Dialect, ResultSet, Schema};
use ports::llm::{Error, Purpose, Request};
use std::sync::Arc;
use std::time::Duration;
use support::{Calls, Outcome, call, chain, full_window, request, run};

struct OneAnswer;

impl RuleBook for OneAnswer {
    fn classify(&self, question: &str, _schema: Option<&Schema>) -> &'static str {
        if question == "Hello" { "chat" } else { "sql" }
    }
    fn answer(&self, question: &str, _schema: &Schema, _dialect: Dialect) -> Result<RuleBookAnswer, String> {
        if question == "How many?" {
            return Ok(RuleBookAnswer { sql: "SELECT count(*) FROM t".into(), confidence: 0.75 });
        }
        Err("I am not sure which table is meant.".into())
    }
    fn reply(&self, _question: &str, result: Option<&ResultSet>) -> String {
        let rows = result.map_or(0, |result| result.rows.len());
        format!("{rows} rows. ").repeat(30)
    }
}

async fn answer(request: Request) -> Outcome {
    let chain = chain(vec![Arc::new(Rules::new("rules", OneAnswer))], full_window());
    run(&chain, call(request, Calls::of(1), Duration::from_secs(5))).await
}

fn generate(question: &str) -> Request {
    let mut request = request(Purpose::GenerateSql);
    request.question = question.into();
    request.schema = Some(Arc::new(Schema::default()));
    request.dialect = Some(Dialect::Sqlite);
    request
}

#[tokio::test]
async fn sql_by_rules_says_that_it_is() {
    let outcome = answer(generate("How many?")).await;
    assert_eq!(outcome.notices, ["No language model is configured: the built-in rules answer."]);
    assert_eq!(outcome.completion().text, "SELECT count(*) FROM t");
    assert_eq!((outcome.completion().confidence, outcome.completion().model.as_str()), (Some(0.75), "rules"));
}

#[tokio::test]
async fn unsure_rules_abstain() {
    let outcome = answer(generate("Why?")).await;
    assert_eq!(outcome.error().to_string(), "I am not sure which table is meant.");
    let outcome = answer(request(Purpose::GenerateSql)).await;
    assert!(matches!(outcome.error(), Error::Abstained(_)), "{outcome:?}");
}

#[tokio::test]
async fn rules_classify_and_reply_in_a_few_deltas() {
    let mut hello = request(Purpose::Classify);
    hello.question = "Hello".into();
    assert!(answer(hello).await.completion().text.contains("\"chat\""));
    let reply = answer(request(Purpose::Reply)).await;
    assert!(reply.deltas > 2 && reply.deltas < 10, "{}", reply.deltas);
}
