//! Questions on their way, all at once.

use super::client::{Access, Client, Progress};
use super::evidence::Asked;
use super::question::{Style, Tag};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The deadline of a turn, and the longest outage.
const PATIENCE: Duration = Duration::from_secs(300);

/// The questions of one run.
pub struct Load {
    /// The run, as it stands in every tag.
    pub run: String,
    access: Vec<Access>,
    progress: Arc<watch::Sender<Progress>>,
    asking: Vec<JoinHandle<Asked>>,
}

impl Load {
    pub fn new(run: String, access: Vec<Access>) -> Self {
        Self { run, access, progress: Arc::new(watch::Sender::new(Progress::default())), asking: Vec::new() }
    }

    /// Asks so many more questions at once, for both tenants in turn.
    pub fn ask(&mut self, count: usize, styles: &[Style]) {
        for _ in 0..count {
            let number = self.asking.len();
            self.ask_as(number % self.access.len(), 1, styles[number % styles.len()]);
        }
    }

    /// As `ask`, for one tenant alone.
    pub fn ask_as(&mut self, tenant: usize, count: usize, style: Style) {
        for _ in 0..count {
            let tag = Tag { run: self.run.clone(), number: self.asking.len(), style };
            let client = Client::new(self.access[tenant].clone(), &tag, self.progress.clone());
            self.asking.push(tokio::spawn(client.ask(PATIENCE)));
        }
    }

    pub fn count(&self) -> usize {
        self.asking.len()
    }

    /// Questions that have not ended.
    pub fn open(&self) -> usize {
        self.asking.iter().filter(|asking| !asking.is_finished()).count()
    }

    pub fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    /// Waits until the questions are so far; false when they are not in time.
    pub async fn until(&self, patience: Duration, far: impl FnMut(&Progress) -> bool) -> bool {
        let mut progress = self.progress.subscribe();
        tokio::time::timeout(patience, progress.wait_for(far)).await.is_ok_and(|heard| heard.is_ok())
    }

    /// Waits for every question.
    pub async fn all(self) -> Vec<Asked> {
        let mut all = Vec::new();
        for asking in self.asking {
            all.push(asking.await.expect("a client does not panic"));
        }
        all
    }
}
