//! Where the steps of a run happen.

use super::case::{Net, Server, Step, Whose};
use super::installation::{Installation, Mode};
use super::llm::Mood;
use super::load::Load;
use super::question::Style;
use super::servers::{Copied, Servers, Tap};
use std::path::PathBuf;
use std::time::Duration;
use testkit::proxy::{Proxy, Way};

/// What is waited for comes within this, or the fault was not injected.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Stage<'a> {
    pub servers: &'a mut Servers,
    pub installation: &'a mut Installation,
    pub load: Load,
    pub styles: Vec<Style>,
    /// Questions of the run, before any are added.
    pub questions: usize,
    pub tap: Option<Tap>,
    pub copies: Vec<Copied>,
    /// What went otherwise than the step says.
    pub failures: Vec<String>,
    /// Where a paused process says so.
    reached: PathBuf,
}

impl<'a> Stage<'a> {
    pub fn new(
        servers: &'a mut Servers,
        installation: &'a mut Installation,
        load: Load,
        styles: &[Style],
        n: usize,
    ) -> Self {
        let reached = installation.folder.join(format!("reached-{}", load.run));
        Self {
            servers,
            installation,
            load,
            styles: styles.to_vec(),
            questions: n,
            tap: None,
            copies: Vec::new(),
            failures: Vec::new(),
            reached,
        }
    }

    pub async fn all(&mut self, steps: &[Step]) {
        for step in steps {
            self.perform(step).await;
        }
    }

    async fn perform(&mut self, step: &Step) {
        match step {
            Step::AskMore(percent) => self.load.ask(self.share(*percent), &self.styles.clone()),
            Step::AskAs(tenant, percent, style) => self.load.ask_as(*tenant, self.share(*percent), *style),
            Step::UntilAccepted(percent) => self.until(step, *percent, |p| p.accepted).await,
            Step::UntilEnded(percent) => self.until(step, *percent, |p| p.ended).await,
            Step::UntilRefused(percent) => self.until(step, *percent, |p| p.refused).await,
            Step::UntilDeltas(count) => {
                let count = *count;
                let heard = self.load.until(PATIENCE, |progress| progress.most_deltas >= count).await;
                self.must(heard, step);
            }
            Step::UntilPaused => self.until_paused(step).await,
            Step::Lasts(time) => tokio::time::sleep(*time).await,
            Step::Net(..) | Step::Source(..) | Step::Llm(..) => self.disturb(step),
            Step::StopServer(_) | Step::KillServer(_) | Step::StartServer(_) | Step::WipeBroker => {
                self.server(step).await
            }
            Step::Pause(..)
            | Step::Together(_)
            | Step::Poison(_)
            | Step::Kill(_)
            | Step::Terminate(_)
            | Step::Start(_)
            | Step::StartWith(..)
            | Step::Second(_)
            | Step::Signal(..) => self.process(step).await,
            _ => self.act(step).await,
        }
    }

    /// Notes it when a step did not come to what it says.
    pub fn must(&mut self, done: bool, step: &Step) {
        if !done {
            self.failures.push(format!("the step {step:?} did not come to its end ({:?})", self.load.progress()));
        }
    }

    fn share(&self, percent: usize) -> usize {
        (self.questions * percent / 100).max(1)
    }

    async fn until(&mut self, step: &Step, percent: usize, of: fn(&super::client::Progress) -> usize) {
        let wanted = self.share(percent);
        let reached = self.load.until(PATIENCE, |progress| of(progress) >= wanted).await;
        self.must(reached, step);
    }

    async fn until_paused(&mut self, step: &Step) {
        let mut left = PATIENCE;
        let pause = Duration::from_millis(20);
        while !self.reached.exists() && !left.is_zero() {
            tokio::time::sleep(pause).await;
            left = left.saturating_sub(pause);
        }
        self.must(self.reached.exists(), step);
    }

    async fn process(&mut self, step: &Step) {
        let installation = &mut *self.installation;
        match step {
            Step::Pause(kind, point) => {
                let mut pause = vec![("ASKLINE_PAUSE", format!("{kind}:{point}:{}", self.reached.display()))];
                // A process that goes on acks only after the last of its steps, and may store a step with the next.
                match *point {
                    "before_ack" => pause.push(("ASKLINE_WORKERS__GO_ON_MS", "0".to_owned())),
                    "after_commit" => pause.push(("ASKLINE_WORKERS__DEFER_MS", "0".to_owned())),
                    _ => {}
                }
                let role = installation.role_of(kind);
                stop(installation, &role).await;
                installation.start_role(&role, &pause);
                installation.until_ready().await;
            }
            Step::Together(role) => {
                stop(installation, role).await;
                installation.start_together(role);
                installation.until_ready().await;
            }
            Step::Poison(kind) => {
                let role = installation.role_of(kind);
                stop(installation, &role).await;
                installation.start_role(&role, &[("ASKLINE_POISON", format!("{kind}:plain.q"))]);
                installation.until_ready().await;
            }
            Step::Kill(kind) => {
                let role = installation.role_of(kind);
                installation.kill(&role);
            }
            Step::Terminate(kind) => {
                let role = installation.role_of(kind);
                let drained = stop(installation, &role).await;
                self.must(drained, step);
            }
            Step::Start(kind) => {
                let role = installation.role_of(kind);
                installation.start_role(&role, &[]);
            }
            Step::StartWith(kind, pairs) => {
                let role = installation.role_of(kind);
                stop(installation, &role).await;
                installation.start_role(&role, pairs);
            }
            Step::Second(kind) => installation.start_as(&format!("{kind}-2"), kind, &[]),
            Step::Signal(kind, signal) => {
                let role = installation.role_of(kind);
                installation.running[&role].signal(signal);
            }
            _ => {}
        }
    }

    async fn server(&mut self, step: &Step) {
        let servers = &mut *self.servers;
        match step {
            Step::StopServer(Server::Broker) => tokio::task::block_in_place(|| servers.rabbit().stop()),
            Step::StopServer(Server::Events) => servers.redis().stop(),
            Step::StopServer(Server::Store) => servers.store().stop(),
            Step::KillServer(Server::Broker) => servers.rabbit().kill(),
            Step::KillServer(Server::Events) => servers.redis().kill(),
            Step::KillServer(Server::Store) => servers.store().kill(),
            Step::StartServer(Server::Broker) => servers.rabbit().again().await,
            Step::WipeBroker if self.installation.mode == Mode::Embedded => self.installation.forget_journal(),
            Step::WipeBroker => servers.rabbit().forget(),
            Step::StartServer(Server::Events) => servers.redis().again().await,
            Step::StartServer(Server::Store) => servers.store().again().await,
            _ => {}
        }
    }

    fn disturb(&mut self, step: &Step) {
        match step {
            Step::Net(whose, link, net) => {
                let links =
                    self.installation.links.iter().filter(|((role, of), _)| of == link && concerns(*whose, role));
                links.for_each(|(_, proxy)| apply(proxy, *net));
            }
            Step::Source(tenant, net) => apply(&self.installation.sources[*tenant], *net),
            Step::Llm(which, mood) => self.installation.llms[*which].set(*mood),
            _ => {}
        }
    }
}

/// SIGTERM; true when it ended well.
pub async fn stop(installation: &mut Installation, role: &str) -> bool {
    let Some(process) = installation.running.get_mut(role) else { return false };
    tokio::task::block_in_place(|| process.terminate()).success()
}

fn concerns(whose: Whose, role: &str) -> bool {
    match whose {
        Whose::Everybody => true,
        Whose::Api => role.starts_with("api"),
        Whose::Workers => !role.starts_with("api"),
    }
}

fn apply(proxy: &Proxy, net: Net) {
    match net {
        Net::Refuse => proxy.refuse(true),
        Net::Freeze => proxy.freeze(true),
        Net::FreezeOneWay => proxy.freeze_way(Way::ToServer, true),
        Net::HalfOpen => proxy.half_open(),
        Net::Delay(delay) => proxy.delay(delay),
        Net::Throttle(bytes) => proxy.throttle(Some(bytes)),
        Net::Heal => {
            proxy.refuse(false);
            proxy.freeze(false);
            proxy.delay(Duration::ZERO);
            proxy.throttle(None);
        }
    }
}

/// Puts everything outside the processes back to normal.
pub fn heal(installation: &Installation) {
    installation.links.values().chain(&installation.sources).for_each(|proxy| apply(proxy, Net::Heal));
    installation.llms.iter().for_each(|llm| llm.set(Mood::Well));
}
