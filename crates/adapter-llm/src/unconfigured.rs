//! What stands where no provider is configured.

use async_trait::async_trait;
use ports::llm::{Call, Error, Llm, Pieces};

/// Answers every call with what to set.
#[derive(Clone, Debug)]
pub struct Unconfigured {
    what_to_set: String,
}

impl Unconfigured {
    /// `what_to_set` is a sentence for the user.
    pub fn new(what_to_set: impl Into<String>) -> Self {
        Self { what_to_set: what_to_set.into() }
    }
}

impl Default for Unconfigured {
    fn default() -> Self {
        Self::new("no provider is configured; add one to `providers` in the section [llm] of the settings")
    }
}

#[async_trait]
impl Llm for Unconfigured {
    async fn stream(&self, _call: Call) -> Result<Pieces, Error> {
        Err(Error::Unavailable(self.what_to_set.clone()))
    }

    fn providers(&self) -> Vec<String> {
        Vec::new()
    }

    async fn check(&self) -> Vec<(String, Result<String, String>)> {
        vec![("llm".into(), Err(self.what_to_set.clone()))]
    }
}
