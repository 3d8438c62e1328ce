//! Servers with OpenAI's API, by `async-openai`: one request per call, its own retries off.

mod answer;
mod check;
mod config;
mod send;
mod wire;

pub use config::{ApiKey, ConfigError, OpenaiConfig};

use crate::provider::{Failure, Provider, ProviderStream};
use answer::Answer;
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_trait::async_trait;
use ports::llm::Request;
use send::SingleSend;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// No server that is up takes longer to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A server with OpenAI's API.
pub struct Openai {
    config: OpenaiConfig,
    client: Client<OpenAIConfig>,
    sender: SingleSend,
}

impl Openai {
    /// Checks the configuration; connects at the first call.
    pub fn new(config: OpenaiConfig) -> Result<Self, ConfigError> {
        let base_url = config.checked_base_url()?;
        let plain = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| ConfigError::Client { provider: config.name.clone(), source: error })?;
        let sender = SingleSend::new(plain.clone(), &config);
        // The key and the account are set by `SingleSend`: left alone, the client takes them from the environment.
        let account = OpenAIConfig::new().with_api_base(base_url).with_api_key("").with_org_id("").with_project_id("");
        let client = Client::build(plain, account).with_http_service(sender.clone());
        Ok(Self { config, client, sender })
    }
}

#[async_trait]
impl Provider for Openai {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn model(&self) -> &str {
        &self.config.model
    }

    fn attempts(&self) -> u32 {
        self.config.attempts
    }

    async fn stream(&self, request: &Request) -> Result<ProviderStream, Failure> {
        let first_byte = self.config.first_byte_timeout;
        let deadline = Instant::now() + first_byte;
        let body = wire::request(&self.config, request);
        let chat = self.client.chat();
        let chunks = timeout_at(deadline, chat.create_stream_byot::<_, wire::Chunk>(body))
            .await
            .map_err(|_| Failure::FirstByteTimeout(first_byte))?
            .map_err(send::failure)?;
        Ok(Answer::new(chunks, deadline, &self.config).into_stream())
    }

    async fn check(&self) -> Result<String, String> {
        check::check(&self.config, &self.sender).await
    }
}
