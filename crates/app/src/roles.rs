use contracts::Job;
use contracts::job::{Classify, Follow, KINDS};

/// Every kind of job that a worker of this release does.
pub const ALL_KINDS: &[&str] = KINDS;

/// Something that a process does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Takes questions and relays answers.
    Api,
    /// Does jobs of one kind.
    Worker(String),
    /// Ends what is overdue, and lets in those who wait.
    Sweep,
}

/// What one process does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Roles {
    /// Everything.
    pub fn all() -> Self {
        let workers = ALL_KINDS.iter().map(|kind| Role::Worker((*kind).to_owned()));
        Self([Role::Api, Role::Sweep].into_iter().chain(workers).collect())
    }

    /// The API alone.
    pub fn api() -> Self {
        Self(vec![Role::Api])
    }

    /// The sweeper alone.
    pub fn sweep() -> Self {
        Self(vec![Role::Sweep])
    }

    /// Everything but the API: for commands that ask within their own process.
    pub fn without_api() -> Self {
        Self(Self::all().0.into_iter().filter(|role| *role != Role::Api).collect())
    }

    /// Workers of these kinds. Names the first that does not exist.
    pub fn workers(kinds: &[String]) -> Result<Self, String> {
        if let Some(unknown) = kinds.iter().find(|kind| !ALL_KINDS.contains(&kind.as_str())) {
            return Err(format!("there is no worker of kind {unknown:?}: choose from {}", ALL_KINDS.join(", ")));
        }
        let mut kinds = kinds.to_vec();
        // What one hands out the other takes: an installation needs no role of its own for it.
        if kinds.iter().any(|kind| kind == Classify::KIND) && !kinds.iter().any(|kind| kind == Follow::KIND) {
            kinds.push(Follow::KIND.to_owned());
        }
        Ok(Self(kinds.into_iter().map(Role::Worker).collect()))
    }

    /// The kinds of its workers.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|role| match role {
            Role::Worker(kind) => Some(kind.as_str()),
            Role::Api | Role::Sweep => None,
        })
    }

    /// Whether a role is among them.
    pub fn has(&self, role: &Role) -> bool {
        self.0.contains(role)
    }

    /// Whether some role calls language models.
    pub fn needs_llm(&self) -> bool {
        self.kinds().any(|kind| matches!(kind, "classify" | "generate_sql" | "reply"))
    }

    /// Whether some role opens customers' databases.
    pub fn needs_sources(&self) -> bool {
        self.kinds().any(opens_sources)
    }

    /// For logs and traces.
    pub fn name(&self) -> String {
        match self.0.as_slice() {
            [Role::Api] => "api".into(),
            [Role::Sweep] => "sweep".into(),
            [Role::Worker(kind)] => kind.clone(),
            [Role::Worker(kind), Role::Worker(follow)] if follow == Follow::KIND => kind.clone(),
            roles if roles.len() == ALL_KINDS.len() + 2 => "all".into(),
            _ => "workers".into(),
        }
    }
}

/// Whether the jobs of a kind open customers' databases.
pub(crate) fn opens_sources(kind: &str) -> bool {
    matches!(kind, "execute_sql" | "execute_change" | "import_file" | "test_connection" | "introspect")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_kind_is_named_with_the_choices() {
        let error = Roles::workers(&["clasify".into()]).unwrap_err();
        assert!(error.contains("clasify") && error.contains("classify"), "{error}");
    }

    #[test]
    fn the_executor_needs_sources_and_no_language_model() {
        let roles = Roles::workers(&["execute_sql".into()]).unwrap();
        assert_eq!((roles.needs_sources(), roles.needs_llm()), (true, false));
    }
}
