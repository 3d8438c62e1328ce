//! Every state that the protocol can reach, and every mutant.

// Helpers beside the test functions may fail a test as these do.
#![allow(clippy::panic, clippy::print_stdout)]

use stateright::{Checker, Expectation, HasDiscoveries, Model, Path};
use std::collections::BTreeSet;
use std::time::Instant;
use turn_model::{Action, Config, Mutant, State, TurnModel, names};

fn steps(model: &TurnModel, path: Path<State, Action>) -> String {
    let actions = path.into_actions();
    let lines =
        actions.iter().enumerate().map(|(at, action)| format!("  {}. {}\n", at + 1, model.format_action(action)));
    lines.collect()
}

/// Looks at every state: nothing that must always hold is broken, and everything that should happen does.
fn check(config: Config) -> usize {
    let started = Instant::now();
    let model = TurnModel::new(config);
    let checker = model.clone().checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let states = checker.unique_state_count();
    println!("{config:?}: {states} states, depth {}, {:?}", checker.max_depth(), started.elapsed());
    let mut discoveries = checker.discoveries();
    for property in model.properties() {
        let found = discoveries.remove(property.name);
        match (property.expectation, found) {
            (Expectation::Sometimes, found) => assert!(found.is_some(), "never reached: {}", property.name),
            (_, Some(path)) => panic!("broken: {}\n{}", property.name, steps(&model, path)),
            (_, None) => {}
        }
    }
    states
}

#[test]
fn the_protocol_keeps_every_promise_whatever_two_faults_happen() {
    assert!(check(Config::SMALL) > 100_000, "the faults are looked at");
}

#[test]
fn a_longer_chain_with_longer_answers_keeps_them_too() {
    check(Config { hops: 3, tokens: 2, faults: 1, ..Config::SMALL });
    check(Config { hops: 3, tokens: 2, faults: 1, ..Config::FORGETFUL });
}

/// Claims, outcomes that hand on, and marks do not wait for the disk.
#[test]
fn a_store_that_forgets_what_did_not_wait_for_the_disk_breaks_none() {
    assert!(check(Config::FORGETFUL) > check(Config { faults: 1, ..Config::FORGETFUL }));
}

#[test]
fn a_broker_that_loses_everything_keeps_no_turn_from_its_end() {
    // Two workers and two faults have too many states for a test: docs/model.md.
    check(Config { faults: 1, ..Config::LOSSY });
    let alone = Config { workers: 1, ..Config::LOSSY };
    assert!(check(alone) > check(Config { faults: 1, ..alone }));
}

/// The property that finds each mutant.
fn finder(mutant: Mutant) -> &'static str {
    match mutant {
        Mutant::NoClaim | Mutant::NoFence => names::ONE_OUTCOME,
        Mutant::AckBeforePublish | Mutant::AckWhenGoingOn => names::ACKED_LAST,
        Mutant::BlindTerminalWrite => names::ONE_END,
        Mutant::LeaseNotRenewed => names::NOT_ROBBED,
        Mutant::PublishBeforeCommit => names::STORED_FIRST,
        Mutant::MarkBeforePublish | Mutant::AckWhenFenced | Mutant::GoneOnIsPublished => names::NOT_LOST,
        Mutant::LogWithoutFence => names::ATTEMPTS_APART,
        Mutant::RestartNotTold => names::TEXT_IS_THE_ANSWER,
        Mutant::AckOnDelivery | Mutant::NoRelay | Mutant::MarkOfAnyOutcome | Mutant::LostForGood => names::ENDS,
        Mutant::StreamClaimForgotten => names::TEXT_IS_THE_ANSWER,
        Mutant::NoEra => names::FENCES_GROW,
        Mutant::EndForgotten => names::EVENT_IS_THE_END,
    }
}

/// Some mutants go on for ever. All are found in fewer steps than this.
const DEEP: usize = 20;

/// A shortest path to a state that breaks the property. The checker keeps any path that it met; so it looks again below
/// that depth, until there is none.
fn shortest(model: &TurnModel, name: &'static str) -> Option<Path<State, Action>> {
    let mut best = None;
    let mut below = DEEP;
    loop {
        let enough = HasDiscoveries::AllOf(BTreeSet::from([name]));
        let checker = model.clone().checker().finish_when(enough).target_max_depth(below).spawn_bfs().join();
        let Some(path) = checker.discovery(name) else { return best };
        below = path.clone().into_states().len();
        best = Some(path);
    }
}

fn with_fewest_faults(mutant: Mutant, name: &'static str) -> (TurnModel, Path<State, Action>) {
    let models = (0..=3).map(|faults| TurnModel::new(Config { faults, ..Config::broken(mutant) }));
    let mut found = models.filter_map(|model| Some((model.clone(), shortest(&model, name)?)));
    found.next().unwrap_or_else(|| panic!("{mutant:?} is not found by \"{name}\""))
}

#[test]
fn every_mutant_is_found_by_its_property() {
    for mutant in Mutant::ALL {
        let name = finder(mutant);
        let (model, path) = with_fewest_faults(mutant, name);
        let steps = steps(&model, path);
        println!("{mutant:?}: {name}\n{steps}");
        // What nobody publishes again is lost with the one fault.
        let fewest = if mutant == Mutant::LostForGood { 1 } else { 2 };
        assert!(steps.lines().count() >= fewest, "{mutant:?} needs no more than a step: {steps}");
    }
}
