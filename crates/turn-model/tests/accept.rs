//! Traces that the protocol allows, and traces that it does not.

// Helpers beside the test functions may fail a test as these do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use turn_model::{Act, Log, Rejected, Step, accepts, accepts_within, traces};

const FIRST: &str = "resp_1/classify.0";
const SECOND: &str = "resp_1/classify.0/reply.0";

fn by(actor: &str, acts: impl IntoIterator<Item = Act>) -> Vec<Step> {
    acts.into_iter().map(|act| Step::new(actor, act)).collect()
}

fn claimed(hop: &str, fence: u64) -> Act {
    Act::Claimed { hop: hop.into(), fence }
}

fn committed(hop: &str, fence: u64, ends: bool) -> Act {
    Act::Committed { hop: hop.into(), fence, ends }
}

fn published(hop: &str) -> [Act; 3] {
    [Act::Published { hop: hop.into() }, Act::Marked { hop: hop.into() }, Act::Acked { hop: hop.into() }]
}

fn done(actor: &str, hop: &str, fence: u64, ends: bool) -> Vec<Step> {
    by(actor, [claimed(hop, fence), committed(hop, fence, ends)].into_iter().chain(published(hop)))
}

fn refused(trace: &[Step], at: usize, reason: &str) {
    match accepts(trace).expect_err("the trace is impossible") {
        Rejected::Impossible { at: found, reason: why, .. } if found == at && why.contains(reason) => {}
        other => panic!("not at {at} because of {reason:?}: {other}"),
    }
}

#[test]
fn a_turn_that_meets_no_fault_is_accepted() {
    let trace = [done("a", FIRST, 1, false), done("b", SECOND, 2, true)].concat();
    accepts(&trace).unwrap();
}

#[test]
fn the_next_job_may_be_claimed_before_its_publisher_says_so() {
    let mut trace = [done("a", FIRST, 1, false), done("b", SECOND, 2, true)].concat();
    let claim = trace.remove(5);
    trace.insert(2, claim);
    accepts(&trace).unwrap();
}

#[test]
fn a_killed_worker_is_followed_by_another() {
    let mut trace = by("a", [claimed(FIRST, 1)]);
    trace.extend(by("b", [Act::Busy { hop: FIRST.into() }, Act::Parked { hop: FIRST.into() }]));
    trace.extend(done("c", FIRST, 2, true));
    accepts(&trace).unwrap();
}

#[test]
fn a_worker_killed_after_a_commit_that_it_did_not_tell_is_accepted() {
    let mut trace = by("a", [claimed(FIRST, 1)]);
    trace.extend(by("b", [vec![Act::Repeated { hop: FIRST.into() }], published(FIRST).into()].concat()));
    trace.extend(done("c", SECOND, 2, true));
    accepts(&trace).unwrap();
}

#[test]
fn a_claim_that_nobody_told_is_accepted() {
    accepts(&done("a", FIRST, 2, true)).unwrap();
}

#[test]
fn a_late_worker_is_fenced_and_parks_its_job() {
    let mut trace = by("a", [claimed(FIRST, 1)]);
    trace.extend(by("b", [claimed(FIRST, 2)]));
    trace.extend(by("a", [Act::Fenced { hop: FIRST.into(), fence: 1 }, Act::Parked { hop: FIRST.into() }]));
    trace.extend(by("b", [vec![committed(FIRST, 2, true)], published(FIRST).into()].concat()));
    trace.extend(by("c", [Act::Repeated { hop: FIRST.into() }, Act::Acked { hop: FIRST.into() }]));
    accepts(&trace).unwrap();
}

/// It was stopped after its mark was made and before it heard of that.
#[test]
fn a_mark_that_was_not_answered_may_have_been_made() {
    let begun = by("a", [claimed(FIRST, 1), committed(FIRST, 1, false), Act::Published { hop: FIRST.into() }]);
    let rest = by("a", [Act::Acked { hop: FIRST.into() }]);
    let found_marked = by("c", [Act::Repeated { hop: FIRST.into() }, Act::Acked { hop: FIRST.into() }]);
    let found_unmarked = by("c", [vec![Act::Repeated { hop: FIRST.into() }], published(FIRST).into()].concat());
    for found in [found_marked, found_unmarked] {
        let trace = [begun.clone(), done("b", SECOND, 2, true), found, rest.clone()].concat();
        accepts(&trace).unwrap();
    }
}

#[test]
fn a_turn_that_was_refused_and_is_asked_again_is_accepted() {
    let late = |actor| by(actor, [Act::Over { hop: FIRST.into() }, Act::Acked { hop: FIRST.into() }]);
    let trace = [late("a"), late("b"), done("c", FIRST, 1, true)].concat();
    accepts(&trace).unwrap();
    // What a worker has claimed is not refused.
    let mut claimed_first = [done("c", FIRST, 1, false), late("a"), done("b", SECOND, 2, true)].concat();
    claimed_first.retain(|step| !matches!(&step.act, Act::Published { hop } | Act::Marked { hop } if hop == FIRST));
    assert!(accepts(&claimed_first).is_err());
}

#[test]
fn a_sweeper_ends_an_overdue_turn() {
    let end = "resp_1/end.2";
    let mut trace = by("a", [claimed(FIRST, 1)]);
    let sweeps = [Act::Seized { hop: end.into(), fence: 2 }, committed(end, 2, true)];
    trace.extend(by("sweep", sweeps.into_iter().chain(published(end).into_iter().take(2))));
    trace.extend(by("a", [Act::Fenced { hop: FIRST.into(), fence: 1 }, Act::Parked { hop: FIRST.into() }]));
    trace.extend(by("b", [Act::Over { hop: FIRST.into() }, Act::Acked { hop: FIRST.into() }]));
    accepts(&trace).unwrap();
}

#[test]
fn a_sweeper_relays_what_a_killed_worker_left() {
    let mut trace = by("a", [claimed(FIRST, 1), committed(FIRST, 1, false)]);
    trace.extend(by("sweep", published(FIRST).into_iter().take(2)));
    trace.extend(done("b", SECOND, 2, true));
    accepts(&trace).unwrap();
}

#[test]
fn fences_of_a_later_era_of_the_store_are_higher() {
    let era = 3 * 65_536;
    let mut trace = by("a", [claimed(FIRST, era + 1)]);
    trace.extend(done("b", FIRST, 7 * 65_536 + 1, false));
    trace.extend(done("c", SECOND, 7 * 65_536 + 2, true));
    accepts(&trace).unwrap();
    trace.extend(by("a", [committed(FIRST, era + 1, false)]));
    assert!(accepts(&trace).is_err());
}

#[test]
fn a_second_commit_of_a_hop_is_impossible() {
    let mut trace = done("a", FIRST, 1, false);
    trace.extend(by("b", [claimed(FIRST, 2), committed(FIRST, 2, false)]));
    refused(&trace, 5, "has an outcome already");
    trace = by("a", [claimed(FIRST, 1), committed(FIRST, 1, false), committed(FIRST, 1, false)]);
    refused(&trace, 2, "has an outcome already");
}

#[test]
fn an_ack_before_its_publish_is_impossible() {
    let mut trace = done("a", FIRST, 1, false);
    let ack = trace.remove(4);
    trace.insert(2, ack);
    refused(&trace, 2, "not published");
}

#[test]
fn a_mark_before_its_publish_is_impossible() {
    let mut trace = done("a", FIRST, 1, false);
    trace.swap(2, 3);
    refused(&trace, 2, "not published");
}

#[test]
fn a_commit_under_an_old_fence_is_impossible() {
    let mut trace = by("a", [claimed(FIRST, 1)]);
    trace.extend(by("b", [claimed(FIRST, 2)]));
    trace.extend(by("c", [Act::Busy { hop: FIRST.into() }]));
    trace.extend(by("a", [committed(FIRST, 1, false)]));
    // Its commit may have come before the claim of b, but then that claim would not have been granted.
    refused(&trace, 3, "newer");
}

#[test]
fn a_job_that_nobody_published_is_not_claimed() {
    refused(&by("b", [claimed(FIRST, 1), claimed(SECOND, 2)]), 1, "nobody has published");
    let mut trace = by("a", [claimed(FIRST, 1)]);
    trace.extend(by("b", [claimed("resp_1/classify.0/reply.0/more.0", 2)]));
    assert!(accepts(&trace).is_err());
}

#[test]
fn two_children_of_one_hop_are_impossible() {
    let mut trace = done("a", FIRST, 1, false);
    trace.extend(done("b", SECOND, 2, false));
    trace.extend(by("c", [claimed("resp_1/classify.0/generate_sql.0", 3)]));
    refused(&trace, 10, "another hop");
}

/// A process that did many deliveries of the turn was killed in the middle of a hop, and its log ends there. The next
/// start of it gets everything again, in any order.
fn cut_in_the_middle() -> Vec<Step> {
    let era = 5 * 65_536;
    let mut trace = done("first#1", FIRST, 1, false);
    trace.extend(by("first#2", [claimed(SECOND, 2)]));
    for delivery in 3..9 {
        let actor = format!("first#{delivery}");
        trace.extend(by(&actor, [Act::Busy { hop: SECOND.into() }, Act::Parked { hop: SECOND.into() }]));
    }
    for delivery in 0..12 {
        let actor = format!("second#{delivery}");
        trace.extend(by(&actor, [Act::Over { hop: FIRST.into() }, Act::Acked { hop: FIRST.into() }]));
    }
    trace.extend(by("second#20", [claimed(SECOND, era + 1)]));
    for delivery in 21..33 {
        let actor = format!("second#{delivery}");
        trace.extend(by(&actor, [Act::Busy { hop: SECOND.into() }, Act::Parked { hop: SECOND.into() }]));
    }
    trace
}

#[test]
fn the_log_of_a_process_that_was_killed_in_the_middle_of_a_turn_is_accepted() {
    let era = 5 * 65_536;
    let mut trace = cut_in_the_middle();
    accepts_within(&trace, 500).unwrap();
    trace.extend(by("second#20", [vec![committed(SECOND, era + 1, true)], published(SECOND).into()].concat()));
    accepts_within(&trace, 500).unwrap();
}

#[test]
fn an_impossible_step_after_a_log_that_was_cut_is_found_soon() {
    let mut trace = cut_in_the_middle();
    trace.extend(by("second#20", published(SECOND)));
    let at = trace.len() - 3;
    refused(&trace, at, "no stored outcome");
    assert!(matches!(accepts_within(&trace, 500), Err(Rejected::Impossible { .. })), "it is decided soon");
}

#[test]
fn a_hole_in_the_fences_of_a_hop_that_is_done_is_looked_into_once() {
    // The claim that nobody told cannot have been one of this hop: it has its outcome.
    let mut trace = done("a", FIRST, 1, false);
    trace.extend(by("b", [claimed(FIRST, 3)]));
    refused(&trace, 5, "has an outcome already");
    // Here it was one of the next hop, whose worker was killed before it could tell.
    trace.truncate(5);
    trace.extend(done("b", SECOND, 3, true));
    accepts(&trace).unwrap();
}

#[test]
fn a_search_that_is_given_up_names_the_turn_and_is_no_success() {
    let undecided = accepts_within(&cut_in_the_middle(), 1).expect_err("one state is not enough");
    assert!(matches!(undecided, Rejected::Undecided { states: 2, .. }), "{undecided}");
    assert!(undecided.to_string().contains("resp_1"), "{undecided}");
}

#[test]
fn a_turn_of_which_no_step_was_told_is_rejected() {
    assert_eq!(accepts(&[]), Err(Rejected::Untold));
}

fn went_on(fence: u64) -> Act {
    Act::WentOn { hop: SECOND.into(), fence }
}

/// One delivery, settled when the second hop has its outcome.
fn goes_on(actor: &str) -> Vec<Step> {
    by(actor, [claimed(FIRST, 1), went_on(2), committed(SECOND, 2, true)].into_iter().chain(published(SECOND)))
}

#[test]
fn a_run_that_goes_on_under_its_delivery_is_accepted() {
    accepts(&goes_on("a")).unwrap();
}

#[test]
fn whoever_gets_the_delivery_of_a_run_that_went_on_and_was_killed_publishes_its_next_job() {
    let found = by("b", [vec![Act::Repeated { hop: FIRST.into() }], published(FIRST).into()].concat());
    let killed = |steps: usize| goes_on("a")[..steps].to_vec();
    // In the middle of the second hop, and when that was done.
    let again = done("c", SECOND, 3, true);
    accepts(&[killed(2), found.clone(), again].concat()).unwrap();
    let again = by("c", [vec![Act::Repeated { hop: SECOND.into() }], published(SECOND).into()].concat());
    accepts(&[killed(3), found, again].concat()).unwrap();
}

#[test]
fn a_run_that_went_on_parks_the_job_that_it_is_at() {
    let given_back = [Act::Released { hop: SECOND.into(), fence: 2 }, Act::Parked { hop: SECOND.into() }];
    let begun = by("a", [claimed(FIRST, 1), went_on(2)].into_iter().chain(given_back));
    accepts(&[begun, done("b", SECOND, 3, true)].concat()).unwrap();
}

#[test]
fn nobody_goes_on_from_a_hop_that_is_not_claimed_or_past_a_newer_claim() {
    refused(&by("a", [went_on(2)]), 0, "does not hold a claim of the hop before");
    let late = [by("a", [claimed(FIRST, 1)]), by("b", [claimed(FIRST, 2)]), by("a", [went_on(3)])].concat();
    assert!(accepts(&late).is_err(), "it was fenced out");
    let trace = [goes_on("a"), by("b", [claimed(SECOND, 3)])].concat();
    refused(&trace, 6, "has an outcome already");
}

/// Its job is in no queue while the delivery of the hop before is held, and is not published by anybody else.
#[test]
fn the_job_of_a_hop_that_a_run_went_on_with_is_not_there_for_others() {
    let trace = [goes_on("a")[..2].to_vec(), by("b", [Act::Busy { hop: SECOND.into() }]), goes_on("a")[2..].to_vec()];
    assert!(accepts(&trace.concat()).is_err());
}

/// A process was stopped within a commit for longer than the lease of the claim that came with it: when it goes on, its
/// sweeper takes the hop for left behind, and another worker takes it over.
#[test]
fn a_sweeper_may_publish_the_job_of_a_hop_that_a_run_went_on_with() {
    let sent_again = by("sweeper", [Act::SentAgain { hop: SECOND.into() }]);
    let late = by("a", [Act::Fenced { hop: SECOND.into(), fence: 2 }, Act::Parked { hop: SECOND.into() }]);
    let other = [claimed(SECOND, 3), committed(SECOND, 3, true)].into_iter().chain(published(SECOND));
    let other = by("b", other);
    let begun = &goes_on("a")[..2];
    accepts(&[begun, &sent_again, &other[..1], &late, &other[1..]].concat()).unwrap();
    refused(&sent_again, 0, "there is no such job");
}

#[test]
fn the_lines_of_a_log_are_read_by_turn_and_in_order() {
    let line = |at: &str, rest: &str| {
        format!(r#"{{"timestamp":"2026-01-01T00:00:0{at}Z","level":"DEBUG",{rest},"target":"askline::protocol"}}"#)
    };
    let commit = r#""step":"committed","turn":"resp_1","hop":"resp_1/classify.0","fence":1,"ends":true,"task":"7""#;
    let claim = r#""step":"claimed","turn":"resp_1","hop":"resp_1/classify.0","fence":1,"task":"7""#;
    let other = r#""step":"over","turn":"resp_2","hop":"resp_2/classify.0","task":"8","span":{"hop":"x"}"#;
    let text = [line("2.5", commit), "plain text".into(), line("1.5", claim), line("1.0", other)].join("\n");
    let read = traces(&[Log { process: "worker", text: &text }]).unwrap();
    assert_eq!(read["resp_1"], by("worker#7", [claimed(FIRST, 1), committed(FIRST, 1, true)]));
    assert_eq!(read["resp_2"].len(), 1);
    let broken = line("1.0", r#""step":"flown","hop":"resp_1/classify.0""#);
    let error = traces(&[Log { process: "worker", text: &broken }]).expect_err("no such step");
    assert!(error.to_string().contains("flown"), "{error}");
}
