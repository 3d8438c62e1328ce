use crate::bounded::Slots;
use ports::source::{Access, Error, Source};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};

/// Stands for an access, so that no credentials are kept as a key.
type Fingerprint = [u8; 32];

/// A source that is open, and its bound.
#[derive(Clone)]
pub(crate) struct Open {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) slots: Slots,
}

impl Open {
    /// Opened anew beside it, it would have a bound of its own.
    fn is_in_use(&self) -> bool {
        // Here and in the source.
        const OWN_HOLDERS: usize = 2;
        Arc::strong_count(&self.source) > 1 || self.slots.holders() > OWN_HOLDERS
    }
}

/// The sources that were asked for last, the latest at the end.
pub(crate) struct Opened {
    max_open: usize,
    sources: Mutex<Vec<(Fingerprint, Open)>>,
}

impl Opened {
    pub(crate) fn new(max_open: usize) -> Self {
        Self { max_open: max_open.max(1), sources: Mutex::default() }
    }

    /// The source of an access, opened when it is not. Opening connects to nothing, so the lock is short.
    pub(crate) fn get_or_open(
        &self,
        access: &Access,
        open: impl FnOnce() -> Result<Open, Error>,
    ) -> Result<Open, Error> {
        let fingerprint = fingerprint(access);
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let source = match sources.iter().position(|(known, _)| *known == fingerprint) {
            Some(index) => sources.remove(index).1,
            None => open()?,
        };
        sources.push((fingerprint, source.clone()));
        while sources.len() > self.max_open
            && let Some(oldest) = sources.iter().position(|(_, open)| !open.is_in_use())
        {
            sources.remove(oldest);
        }
        Ok(source)
    }
}

fn fingerprint(access: &Access) -> Fingerprint {
    Sha256::new().chain_update(access.dialect.as_str()).chain_update([0]).chain_update(&access.url).finalize().into()
}

#[cfg(test)]
mod tests {
    use crate::{Limits, Reserved, SqlSources};
    use contracts::Dialect;
    use ports::Sources;
    use ports::source::Access;
    use std::sync::Arc;

    fn access(name: &str) -> Access {
        Access { dialect: Dialect::Sqlite, url: format!("sqlite:/{name}") }
    }

    fn sources() -> SqlSources {
        let files = std::env::temp_dir().join("askline-opened-test");
        let reserved = Reserved::default();
        SqlSources::new(Limits {
            max_connections: 1,
            max_open: 2,
            sqlite_root: None,
            files,
            reserved,
            authorities: None,
        })
    }

    #[tokio::test]
    async fn an_access_is_opened_once_and_the_oldest_is_forgotten() {
        let sources = sources();
        let first = sources.open(&access("a")).await.unwrap();
        assert!(Arc::ptr_eq(&first, &sources.open(&access("a")).await.unwrap()));
        let forgotten = Arc::downgrade(&first);
        drop(first);
        sources.open(&access("b")).await.unwrap();
        assert!(forgotten.upgrade().is_some());
        sources.open(&access("c")).await.unwrap();
        assert!(forgotten.upgrade().is_none());
    }

    #[tokio::test]
    async fn what_is_in_use_is_not_forgotten() {
        let sources = sources();
        let first = sources.open(&access("a")).await.unwrap();
        let writer = sources.writer(&access("b"), &access("b")).await.unwrap();
        for other in ["c", "d", "e"] {
            sources.open(&access(other)).await.unwrap();
        }
        assert!(Arc::ptr_eq(&first, &sources.open(&access("a")).await.unwrap()));
        assert_eq!(sources.opened.sources.lock().unwrap().len(), 2);
        drop(writer);
    }
}
