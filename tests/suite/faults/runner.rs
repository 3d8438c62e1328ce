//! Runs the cases of the table, one after the other, on servers and an installation that are used again as long as
//! they are sound.

use super::arguments::Arguments;
use super::case::{Case, Row};
use super::evidence::{Asked, now_ms};
use super::expectations::disappointments;
use super::installation::{Installation, Mode, Programs};
use super::load::Load;
use super::question::Style;
use super::recorder::{Collector, Findings, judge};
use super::report::Result as CaseResult;
use super::servers::Servers;
use super::stage::{Stage, heal};
use std::path::PathBuf;
use tempfile::TempDir;

/// What a case needs of its installation.
type Needs = (Mode, bool, Vec<(&'static str, String)>);

pub struct Runner {
    pub arguments: Arguments,
    pub programs: Programs,
    started: usize,
    // Dropped in this order: the folder holds what the others have open.
    installation: Option<(Needs, Installation)>,
    servers: Option<(Mode, Servers)>,
    folder: TempDir,
}

impl Runner {
    pub fn new(arguments: Arguments, programs: Programs) -> Self {
        let folder = tempfile::Builder::new().prefix("askline-faults-").tempdir().expect("a folder");
        // The user of PostgreSQL must be able to look into it.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).expect("an open folder");
        Self { arguments, programs, started: 0, installation: None, servers: None, folder }
    }

    /// Runs the cases of a row in the modes where they apply.
    pub async fn row(&mut self, row: &Row, mode: Mode, results: &mut Vec<CaseResult>) {
        for case in row.cases.iter().filter(|case| case.modes.contains(&mode)) {
            eprintln!("--- {} {} ({mode:?})", row.id, case.name);
            let started = now_ms();
            let findings = self.case(row.id, case, mode).await;
            let result = CaseResult::new(row, case, mode, findings, now_ms() - started);
            eprintln!("{}", result.line());
            if !result.passed() {
                self.keep_logs(&result);
                // What went wrong must not spoil the next.
                self.installation = None;
            }
            results.push(result);
        }
    }

    async fn case(&mut self, id: &str, case: &Case, mode: Mode) -> Findings {
        self.prepare(case, mode).await;
        self.started += 1;
        let run = format!("{id}-{}", self.started);
        let questions = self.arguments.questions;
        let (Some((_, servers)), Some((_, installation))) = (self.servers.as_mut(), self.installation.as_mut()) else {
            unreachable!("prepare has made them");
        };
        installation.llms.iter().for_each(|llm| drop(llm.take_calls()));
        let collector = Collector::begin(&run, servers, installation).await;
        let load = Load::new(run, vec![installation.access(0), installation.access(1)]).asked_by(case.asked_by);
        let mut stage = Stage::new(servers, installation, load, &case.styles, questions);
        stage.all(&case.before).await;
        stage.load.ask(questions, &case.styles);
        stage.all(&case.during).await;
        let (asked, recovery_ms, mut failures) = finish(stage).await;
        let mut evidence = collector.collect(asked, servers, installation).await;
        evidence.recovery_ms = recovery_ms;
        evidence.log_may_be_lost = case.log_may_be_lost;
        evidence.skewed = case.skewed;
        evidence.modelled = case.is_modelled();
        evidence.dead_expected = case.dead_expected;
        let mut findings = judge(&evidence);
        failures.extend(disappointments(&case.expect, &evidence, &findings));
        findings.violations.extend(failures);
        findings
    }

    /// Servers and an installation as the case needs them, sound and healed.
    async fn prepare(&mut self, case: &Case, mode: Mode) {
        let needs: Needs = (mode, case.cluster, case.settings.clone());
        let fit = |(of, servers): &(Mode, Servers)| *of == mode && (case.cluster || servers.siblings.is_empty());
        if !self.servers.as_ref().is_some_and(fit) {
            self.installation = None;
            self.servers = None;
            let servers = Servers::start(self.folder.path(), mode == Mode::Distributed).await;
            self.servers = Some((mode, servers));
        }
        let Some((_, servers)) = self.servers.as_mut() else { unreachable!("they were started") };
        if let Some((of, installation)) = self.installation.as_mut()
            && *of == needs
        {
            heal(installation);
            installation.restore();
            installation.until_ready().await;
            return;
        }
        self.installation = None;
        self.started += 1;
        if case.cluster && servers.siblings.is_empty() {
            servers.grow(self.folder.path()).await;
        }
        let folder = self.folder.path().join(format!("f{}", self.started));
        let installation = Installation::start(mode, &self.programs, servers, &folder, &needs.2).await;
        self.installation = Some((needs, installation));
    }

    /// The installation as it is needed outside the table.
    pub async fn plain(
        &mut self,
        mode: Mode,
        settings: Vec<(&'static str, String)>,
    ) -> (&mut Servers, &mut Installation) {
        let case = Case { settings, ..Case::new("plain", super::case::BOTH, Vec::new()) };
        self.prepare(&case, mode).await;
        match (self.servers.as_mut(), self.installation.as_mut()) {
            (Some((_, servers)), Some((_, installation))) => (servers, installation),
            _ => unreachable!("prepare has made them"),
        }
    }

    fn keep_logs(&self, result: &CaseResult) {
        let Some((_, installation)) = &self.installation else { return };
        let name = format!("faults-{}.log", result.name().replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        let file = artifacts().join(name);
        if std::fs::write(&file, installation.logs()).is_ok() {
            eprintln!("    the logs of its processes: {}", file.display());
        }
    }
}

/// Where reports and logs go.
pub fn artifacts() -> PathBuf {
    let folder = std::env::var_os("ASKLINE_TEST_ARTIFACTS").map_or_else(std::env::temp_dir, PathBuf::from);
    drop(std::fs::create_dir_all(&folder));
    folder
}

/// The fault is over: what ended is started again, a question per tenant tells when answers come again, and every
/// question is waited for.
async fn finish(stage: Stage<'_>) -> (Vec<Asked>, Option<i64>, Vec<String>) {
    let over = now_ms();
    heal(stage.installation);
    stage.installation.restore();
    let mut load = stage.load;
    let first_probe = load.count();
    load.ask(2, &[Style::Probe]);
    let asked = load.all().await;
    let ends = asked[first_probe..].iter().map(|probe| probe.ended_ms.map(|ended| ended - over));
    let recovery = ends.collect::<Option<Vec<i64>>>().and_then(|ends| ends.into_iter().max());
    (asked, recovery, stage.failures)
}
