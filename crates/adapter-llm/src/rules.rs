//! The built-in rules as a provider: no model, and it says so.

use crate::provider::{Failure, Provider, ProviderStream, classification, known_answer};
use async_trait::async_trait;
use contracts::{Dialect, ResultSet, Schema};
use domain::rules;
use ports::llm::{Purpose, Request};

/// SQL by the rules.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleBookAnswer {
    /// The statement.
    pub sql: String,
    /// 0 to 1.
    pub confidence: f64,
}

/// The rules themselves.
pub trait RuleBook: Send + Sync {
    /// `sql`, `chat` or `workflow`.
    fn classify(&self, question: &str, schema: Option<&Schema>) -> &'static str;
    /// SQL, or a sentence that says why there is none.
    fn answer(&self, question: &str, schema: &Schema, dialect: Dialect) -> Result<RuleBookAnswer, String>;
    /// An answer in prose.
    fn reply(&self, question: &str, result: Option<&ResultSet>) -> String;
}

/// The product's own rules (`domain::rules`).
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn;

impl RuleBook for BuiltIn {
    fn classify(&self, question: &str, schema: Option<&Schema>) -> &'static str {
        rules::classify(question, schema)
    }

    fn answer(&self, question: &str, schema: &Schema, dialect: Dialect) -> Result<RuleBookAnswer, String> {
        let answer = rules::answer(question, schema, dialect).map_err(|abstention| abstention.message)?;
        Ok(RuleBookAnswer { sql: answer.sql, confidence: answer.confidence })
    }

    fn reply(&self, question: &str, result: Option<&ResultSet>) -> String {
        rules::reply(question, result)
    }
}

const NOTICE: &str = "No language model is configured: the built-in rules answer.";

/// A provider by rules.
pub struct Rules<B> {
    name: String,
    book: B,
}

impl<B: RuleBook> Rules<B> {
    /// `name` is the provider's in settings.
    pub fn new(name: impl Into<String>, book: B) -> Self {
        Self { name: name.into(), book }
    }

    fn generate(&self, request: &Request) -> Result<ProviderStream, Failure> {
        let (Some(schema), Some(dialect)) = (request.schema.as_deref(), request.dialect) else {
            return Err(Failure::Abstained("The built-in rules need a database to answer from.".into()));
        };
        let answer = self.book.answer(&request.question, schema, dialect).map_err(Failure::Abstained)?;
        Ok(known_answer(Some(NOTICE.into()), &answer.sql, Some(answer.confidence)))
    }
}

#[async_trait]
impl<B: RuleBook> Provider for Rules<B> {
    fn name(&self) -> &str {
        &self.name
    }

    fn model(&self) -> &str {
        "rules"
    }

    fn attempts(&self) -> u32 {
        1
    }

    async fn stream(&self, request: &Request) -> Result<ProviderStream, Failure> {
        match request.purpose {
            Purpose::Classify => {
                let intent = self.book.classify(&request.question, request.schema.as_deref());
                Ok(known_answer(None, &classification(intent), None))
            }
            Purpose::GenerateSql => self.generate(request),
            Purpose::Reply => {
                Ok(known_answer(None, &self.book.reply(&request.question, request.result.as_deref()), None))
            }
        }
    }

    async fn check(&self) -> Result<String, String> {
        Ok("answers by built-in rules, without a language model".into())
    }
}
