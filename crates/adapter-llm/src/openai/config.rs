//! What must be known of a server before it is asked.

use reqwest::Url;
use reqwest::header::HeaderValue;
use std::fmt;
use std::time::Duration;

/// A server with OpenAI's API.
#[derive(Clone, Debug)]
pub struct OpenaiConfig {
    /// Its name in settings.
    pub name: String,
    /// Where its API begins, such as `http://localhost:11434/v1`.
    pub base_url: String,
    /// The model to ask for.
    pub model: String,
    /// The key; `None` when the server wants none.
    pub api_key: Option<ApiKey>,
    /// The environment variable that holds the key, to name it when the key is refused; empty when there is none.
    pub api_key_env: String,
    /// From the request to the first event of the answer.
    pub first_byte_timeout: Duration,
    /// The longest silence between two events.
    pub stall_timeout: Duration,
    /// Tries before the next provider is asked.
    pub attempts: u32,
    /// Constrain JSON answers by `response_format`.
    pub json_schema: bool,
}

/// Why a provider cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The address is none.
    #[error("provider {provider}: base_url must be an http or https URL without user name, password or query")]
    BaseUrl {
        /// The provider's name.
        provider: String,
    },
    /// The key cannot be sent.
    #[error("the key for the language model is empty or has characters that no HTTP header may have")]
    Key,
    /// The HTTP client did not start.
    #[error("provider {provider}: the HTTP client could not be made")]
    Client {
        /// The provider's name.
        provider: String,
        /// What it said.
        source: reqwest::Error,
    },
}

impl OpenaiConfig {
    /// The base URL without a slash at its end.
    pub(super) fn checked_base_url(&self) -> Result<String, ConfigError> {
        let url = Url::parse(&self.base_url).ok().filter(is_plain);
        let url = url.ok_or_else(|| ConfigError::BaseUrl { provider: self.name.clone() })?;
        Ok(url.as_str().trim_end_matches('/').to_owned())
    }

    /// OpenAI's own newer models refuse `max_tokens`, and many compatible servers know nothing else.
    pub(super) fn output_limit_field(&self) -> &'static str {
        let url = Url::parse(&self.base_url).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        if host == "api.openai.com" || host.ends_with(".openai.azure.com") {
            return "max_completion_tokens";
        }
        "max_tokens"
    }

    /// What to do about a refused key.
    pub(super) fn key_advice(&self) -> String {
        match (&self.api_key, self.api_key_env.as_str()) {
            (_, "") => "name the environment variable that holds it in api_key_env".into(),
            (None, variable) => format!("set {variable}"),
            (Some(_), variable) => format!("set {variable} to a key that this provider accepts"),
        }
    }
}

fn is_plain(url: &Url) -> bool {
    let without_account = url.username().is_empty() && url.password().is_none();
    matches!(url.scheme(), "http" | "https") && url.has_host() && without_account && url.query().is_none()
}

/// A key, never shown.
#[derive(Clone)]
pub struct ApiKey {
    key: String,
    header: HeaderValue,
}

impl ApiKey {
    /// A key as a person pasted it: blanks around it are dropped.
    pub fn new(key: &str) -> Result<Self, ConfigError> {
        let key = key.trim();
        if key.is_empty() {
            return Err(ConfigError::Key);
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| ConfigError::Key)?;
        header.set_sensitive(true);
        Ok(Self { key: key.to_owned(), header })
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// `text` without the key, in case a server repeats it.
    pub(super) fn hidden_in(&self, text: &str) -> String {
        text.replace(&self.key, "***")
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(base_url: &str) -> OpenaiConfig {
        OpenaiConfig {
            name: "local".into(),
            base_url: base_url.into(),
            model: "small".into(),
            api_key: Some(ApiKey::new(" sk-hidden\n").unwrap()),
            api_key_env: "LOCAL_KEY".into(),
            first_byte_timeout: Duration::from_secs(1),
            stall_timeout: Duration::from_secs(1),
            attempts: 1,
            json_schema: true,
        }
    }

    #[test]
    fn a_key_is_never_shown() {
        let config = config("http://localhost/v1");
        let key = config.api_key.as_ref().unwrap();
        for shown in [format!("{config:?}"), format!("{:?}", key.header()), key.hidden_in("not sk-hidden at all")] {
            assert!(!shown.contains("sk-hidden"), "{shown}");
        }
    }

    #[test]
    fn a_key_that_cannot_be_sent_is_refused() {
        for key in ["", "  ", "two\nlines", "bell\u{7}"] {
            assert!(ApiKey::new(key).is_err(), "{key:?}");
        }
    }

    #[test]
    fn only_plain_http_addresses_are_taken() {
        for (url, expected) in [
            ("http://localhost:11434/v1/", Some("http://localhost:11434/v1")),
            ("https://api.openai.com/v1", Some("https://api.openai.com/v1")),
            ("", None),
            ("localhost/v1", None),
            ("file:///etc/passwd", None),
            ("https://me:secret@host/v1", None),
            ("https://host/v1?key=secret", None),
        ] {
            assert_eq!(config(url).checked_base_url().ok().as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn the_newer_field_is_used_where_the_older_is_refused() {
        assert_eq!(config("https://api.openai.com/v1").output_limit_field(), "max_completion_tokens");
        assert_eq!(config("http://localhost:11434/v1").output_limit_field(), "max_tokens");
        assert_eq!(config("https://api.openai.com.example.org/v1").output_limit_field(), "max_tokens");
    }
}
