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
    asked_by: usize,
    progress: Arc<watch::Sender<Progress>>,
    asking: Vec<JoinHandle<Asked>>,
}

impl Load {
    pub fn new(run: String, access: Vec<Access>) -> Self {
        let progress = Arc::new(watch::Sender::new(Progress::default()));
        Self { run, access, asked_by: 1, progress, asking: Vec::new() }
    }

    /// So many clients of a tenant ask each question.
    pub fn asked_by(self, clients: usize) -> Self {
        Self { asked_by: clients.max(1), ..self }
    }

    /// So many more clients ask at once, those of both tenants in turn.
    pub fn ask(&mut self, count: usize, styles: &[Style]) {
        for _ in 0..count {
            let number = self.asking.len();
            let question = first_to_ask(number, self.access.len(), self.asked_by);
            self.begin(number % self.access.len(), question, styles[question % styles.len()]);
        }
    }

    /// As `ask`, for one tenant alone, and each a question of its own.
    pub fn ask_as(&mut self, tenant: usize, count: usize, style: Style) {
        (0..count).for_each(|_| self.begin(tenant, self.asking.len(), style));
    }

    fn begin(&mut self, tenant: usize, question: usize, style: Style) {
        let tag = Tag { run: self.run.clone(), number: question, style };
        let access = self.access[tenant].clone();
        let client = Client::new(access, &tag, self.asking.len(), self.progress.clone());
        self.asking.push(tokio::spawn(client.ask(PATIENCE)));
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

/// The number of the client that is the first to ask what this one asks, where so many clients of one tenant ask the same.
fn first_to_ask(number: usize, tenants: usize, asked_by: usize) -> usize {
    let of_tenant = number / tenants;
    (of_tenant - of_tenant % asked_by) * tenants + number % tenants
}

#[test]
fn so_many_clients_of_one_tenant_ask_the_same() {
    let questions = |asked_by| (0..8).map(|number| first_to_ask(number, 2, asked_by)).collect::<Vec<_>>();
    assert_eq!(questions(1), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(questions(3), [0, 1, 0, 1, 0, 1, 6, 7]);
}
