use async_trait::async_trait;
use ports::PortError;
use ports::limiter::{Limiter, Permit};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

type Counts = Arc<Mutex<HashMap<String, u32>>>;

/// Counts within one process, which is all that there is: what dies with it holds nothing.
#[derive(Default)]
pub struct LocalLimiter {
    out: Counts,
}

struct Held {
    out: Counts,
    key: String,
}

#[async_trait]
impl Limiter for LocalLimiter {
    async fn acquire(&self, key: &str, most: u32) -> Result<Option<Permit>, PortError> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let count = out.entry(key.to_owned()).or_default();
        if *count >= most {
            return Ok(None);
        }
        *count += 1;
        Ok(Some(Permit::new(Held { out: self.out.clone(), key: key.to_owned() })))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = out.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                out.remove(&self.key);
            }
        }
    }
}
