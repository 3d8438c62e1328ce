use super::recovery::Recovery;
use super::{Action, Config, State, properties};
use stateright::{Model, Property};

/// Writes in a row that do not wait for the disk: more are not looked at one by one.
const MOST_FORGETTABLE: u8 = 8;

/// The model of one turn, for a checker.
#[derive(Clone, Debug)]
pub struct TurnModel {
    /// What it holds and may suffer.
    pub config: Config,
    pub(crate) recovery: Recovery,
}

impl TurnModel {
    /// A model.
    pub fn new(config: Config) -> Self {
        Self { config, recovery: Recovery::default() }
    }
}

impl Model for TurnModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::start(&self.config)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let mut may = |action: Action| {
            if action.is_likely(state) {
                actions.push(action);
            }
        };
        let hops = 0..self.config.hops;
        [Action::Refuse, Action::AskAgain, Action::Deadline, Action::LeaseExpires].into_iter().for_each(&mut may);
        [Action::BrokerLoses, Action::SendAgain].into_iter().for_each(&mut may);
        hops.clone().map(Action::Duplicate).for_each(&mut may);
        (0..MOST_FORGETTABLE).map(Action::StoreCrash).for_each(&mut may);
        for w in 0..state.workers.len() {
            hops.clone().map(|hop| Action::Deliver(w, hop)).for_each(&mut may);
            Action::of_worker(w).into_iter().chain(Action::faults_of(w)).for_each(&mut may);
        }
        for s in 0..state.sweepers.len() {
            (0..=self.config.end_hop()).map(|hop| Action::Relay(s, hop)).for_each(&mut may);
            Action::of_sweeper(s).into_iter().chain([Action::SweeperCrash(s)]).for_each(&mut may);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        action.apply(&self.config, &mut state).then_some(state)
    }

    fn format_action(&self, action: &Action) -> String {
        action.to_string()
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
