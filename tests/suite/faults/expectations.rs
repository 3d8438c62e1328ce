//! What a case expects of its questions beside the invariants.

use super::case::Expect;
use super::evidence::{Asked, Evidence};
use super::question::Style;
use super::recorder::Findings;

/// What was expected and is not so.
pub fn disappointments(expect: &[Expect], evidence: &Evidence, findings: &Findings) -> Vec<String> {
    expect.iter().filter_map(|expected| unmet(expected, evidence, findings)).collect()
}

fn unmet(expected: &Expect, evidence: &Evidence, findings: &Findings) -> Option<String> {
    let asked: Vec<&Asked> = evidence.asked.iter().filter(|asked| asked.tag.style != Style::Probe).collect();
    let asked = asked.as_slice();
    let met = match expected {
        Expect::AllAnswered => answered(asked).count() == asked.len(),
        Expect::Answered(percent) => answered(asked).count() * 100 >= asked.len() * percent,
        Expect::NoneAnswered => answered(asked).next().is_none(),
        Expect::Codes(codes) => errors(asked).all(|asked| codes.contains(&asked.error_code().as_str())),
        Expect::TenantAnswered(tenant) => of_tenant(asked, *tenant).all(|asked| asked.outcome() == "completed"),
        Expect::SomeRefused => findings.retries > 0,
        Expect::SomeShared => evidence.audit.iter().any(|row| row.verdict == "shared"),
        Expect::NoSecondAttempt => findings.second_attempts == 0,
        Expect::SomeSecondAttempt => findings.second_attempts > 0,
        Expect::CallsAtMost(most) => {
            asked.iter().all(|asked| evidence.llm_calls.get(&asked.tag).copied().unwrap_or(0) <= *most)
        }
        Expect::Faster(one, other) => median_ms(asked, *one) < median_ms(asked, *other),
        Expect::NotHeldUp(tenant, before, beside) => {
            let times = |style| p95_ms(of_tenant(asked, *tenant).filter(|asked| asked.tag.style == style));
            times(*beside) <= times(*before).saturating_mul(2)
        }
        Expect::Dead(count) => evidence.dead.len() == *count,
        Expect::AllIncomplete => asked.iter().all(|asked| asked.outcome() == "incomplete"),
        Expect::NothingExecuted => evidence.executed.iter().all(|run| run.tag.style == Style::Probe),
    };
    (!met).then(|| format!("expected {expected:?}: {}", summary(asked)))
}

fn answered<'a>(asked: &'a [&Asked]) -> impl Iterator<Item = &'a Asked> {
    asked.iter().copied().filter(|asked| asked.outcome() == "completed")
}

fn errors<'a>(asked: &'a [&Asked]) -> impl Iterator<Item = &'a Asked> {
    asked.iter().copied().filter(|asked| asked.outcome() != "completed")
}

fn of_tenant<'a>(asked: &'a [&Asked], tenant: usize) -> impl Iterator<Item = &'a Asked> {
    asked.iter().copied().filter(move |asked| asked.tenant == tenant)
}

fn median_ms(asked: &[&Asked], style: Style) -> i64 {
    let times = times_ms(asked.iter().copied().filter(|asked| asked.tag.style == style));
    times.get(times.len() / 2).copied().unwrap_or(i64::MAX)
}

fn p95_ms<'a>(asked: impl Iterator<Item = &'a Asked>) -> i64 {
    let times = times_ms(asked);
    times.get(times.len() * 95 / 100).copied().unwrap_or(i64::MAX)
}

/// How long questions took that ended, in order.
fn times_ms<'a>(asked: impl Iterator<Item = &'a Asked>) -> Vec<i64> {
    let mut times: Vec<i64> = asked.filter_map(|asked| Some(asked.ended_ms? - asked.asked_ms)).collect();
    times.sort_unstable();
    times
}

/// How the questions ended, and how often each way.
fn summary(asked: &[&Asked]) -> String {
    let mut ways = std::collections::BTreeMap::<String, usize>::new();
    for asked in asked {
        *ways.entry(format!("{} {}", asked.outcome(), asked.error_code()).trim().to_owned()).or_default() += 1;
    }
    format!("{ways:?}")
}
