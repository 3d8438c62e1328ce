//! Conditions: which of them hold together, and which are about related rows.

use super::{BuildError, related};
use crate::rules::{
    items::What,
    lexicon::{Mark, Op},
    plan::{Condition, Expr, Plan, Scalar, Test},
    reader::{Placed, Reader},
};

/// Adds every condition that is not part of an absence.
pub fn apply(reader: &mut Reader, plan: &mut Plan) -> Result<(), BuildError> {
    let mut placed = reader.draft.conditions.clone();
    placed.sort_by_key(|condition| condition.from);
    let (denied, held): (Vec<Placed>, Vec<Placed>) =
        placed.into_iter().partition(|condition| is_denied(reader, plan, condition));
    for absence in reader.draft.absent.clone() {
        let inside =
            denied.iter().filter(|condition| condition.from > absence.at).map(|placed| placed.condition.clone());
        let inside = inside.collect();
        related::exclude(reader, plan, absence.table, inside)?;
    }
    doubt_alternatives(reader);
    let groups = alternatives(reader, held);
    let (plain, both) = split_both(reader, groups);
    if both.is_empty() {
        doubt_both(reader);
    }
    for (one, other) in both {
        related::both(reader, plan, one, other)?;
    }
    let plain = take_share(reader, plan, plain);
    related::add(reader, plan, plain)
}

/// The conditions of a share say which rows it counts, not which rows there are.
fn take_share(reader: &mut Reader, plan: &mut Plan, groups: Vec<Vec<Condition>>) -> Vec<Vec<Condition>> {
    let shared = plan.select.iter().find_map(|expr| match expr {
        Expr::Share(table) => Some(*table),
        _ => None,
    });
    let Some(table) = shared else { return groups };
    let own = |condition: &Condition| {
        condition.left.tables() == [table] && !matches!(condition.test, Test::In(..) | Test::CompareQuery(..))
    };
    if groups.is_empty() || !groups.iter().flatten().all(own) {
        reader.doubt("which part the percentage is about", 0.5);
        return groups;
    }
    plan.share = groups;
    Vec::new()
}

/// An `or` that does not stand between two conditions joins something else.
fn doubt_alternatives(reader: &mut Reader) {
    let conditions = &reader.draft.conditions;
    let stands = |place: usize| {
        conditions.iter().any(|known| known.to < place) && conditions.iter().any(|known| known.from > place)
            || conditions.iter().any(|known| known.from < place && place < known.to)
    };
    let lost = (0..reader.items.len()).any(|place| reader.any_mark(place) == Some(Mark::Or) && !stands(place));
    if lost {
        reader.doubt("or", 0.4);
    }
}

/// `both` joins two conditions or two columns; anything else is not understood.
fn doubt_both(reader: &mut Reader) {
    let Some(place) = (0..reader.items.len()).find(|place| reader.any_mark(*place) == Some(Mark::Both)) else { return };
    let column = matches!(reader.items.get(place + 1).map(|item| &item.what), Some(What::Mention(_)));
    if !column || reader.table_at(place + 1).is_some() {
        reader.doubt("both", 0.3);
    }
}

/// Whether a condition is about the rows that must be absent: it follows the negation and is not about what is shown.
fn is_denied(reader: &Reader, plan: &Plan, placed: &Placed) -> bool {
    let core: Vec<usize> = plan.select.iter().flat_map(Expr::tables).collect();
    let foreign = placed.condition.left.tables().iter().all(|table| !core.contains(table));
    foreign
        && reader
            .draft
            .absent
            .iter()
            .any(|absence| absence.at < placed.from && same_clause(reader, absence.at, placed.from))
}

fn same_clause(reader: &Reader, from: usize, to: usize) -> bool {
    !(from..to).any(|place| {
        matches!(reader.any_mark(place), Some(Mark::Stop))
            || matches!(reader.any_mark(place), Some(Mark::And))
                && matches!(reader.any_mark(place + 1), Some(Mark::Clause | Mark::Not))
    })
}

/// Groups the conditions of which one is enough.
fn alternatives(reader: &Reader, placed: Vec<Placed>) -> Vec<Vec<Placed>> {
    let mut groups: Vec<Vec<Placed>> = Vec::new();
    for condition in placed {
        match groups.last_mut() {
            Some(group) if group.last().is_some_and(|last| is_alternative(reader, last, &condition)) => {
                group.push(condition)
            }
            _ => groups.push(vec![condition]),
        }
    }
    groups.into_iter().flat_map(deny_each).collect()
}

fn is_alternative(reader: &Reader, last: &Placed, next: &Placed) -> bool {
    let between = last.to..=next.from;
    let said = |mark: Mark| between.clone().any(|place| reader.any_mark(place) == Some(mark));
    if said(Mark::Or) {
        return true;
    }
    let same =
        last.condition.left == next.condition.left && is_equality(&last.condition) && is_equality(&next.condition);
    same && (said(Mark::And) || said(Mark::Comma)) && !says_both(reader)
}

fn is_equality(condition: &Condition) -> bool {
    matches!(condition.test, Test::Compare(Op::Eq | Op::Ne, _) | Test::Range(..))
}

/// Neither A nor B: each must be denied.
fn deny_each(group: Vec<Placed>) -> Vec<Vec<Placed>> {
    let denies = |placed: &Placed| matches!(placed.condition.test, Test::Compare(Op::Ne, _));
    if group.first().is_some_and(denies) && group.len() > 1 {
        return group.into_iter().map(|placed| vec![deny(placed)]).collect();
    }
    vec![group]
}

fn deny(mut placed: Placed) -> Placed {
    if let Test::Compare(op @ Op::Eq, _) = &mut placed.condition.test {
        *op = Op::Ne;
    }
    placed
}

/// Whether two things are said to hold at once.
fn says_both(reader: &Reader) -> bool {
    reader.items.iter().any(|item| item.what == What::Mark(Mark::Both))
}

type Pair = (Condition, Condition);

/// Two conditions on the same value that hold at once cannot hold for one row.
fn split_both(reader: &Reader, groups: Vec<Vec<Placed>>) -> (Vec<Vec<Condition>>, Vec<Pair>) {
    let mut plain: Vec<Vec<Condition>> = Vec::new();
    let mut both = Vec::new();
    for group in groups {
        let group: Vec<Condition> = group.into_iter().map(|placed| placed.condition).collect();
        let partner = plain.iter().position(|other| excludes(reader, other, &group));
        match (partner, group.as_slice()) {
            (Some(at), [condition]) => {
                let other = plain.remove(at);
                both.extend(other.into_iter().next().map(|one| (one, condition.clone())));
            }
            _ => plain.push(group),
        }
    }
    (plain, both)
}

fn excludes(reader: &Reader, one: &[Condition], other: &[Condition]) -> bool {
    let ([one], [other]) = (one, other) else { return false };
    let column = matches!(one.left, Scalar::Column(_)) && one.left == other.left;
    column && (equal(one) && equal(other) && says_both(reader) || apart(one, other))
}

fn equal(condition: &Condition) -> bool {
    matches!(condition.test, Test::Compare(Op::Eq, _) | Test::Range(..))
}

/// Above 40 and below 30.
fn apart(one: &Condition, other: &Condition) -> bool {
    let number = |condition: &Condition| match &condition.test {
        Test::Compare(op, crate::rules::plan::Literal::Number(text)) => Some((*op, text.parse::<f64>().ok()?)),
        _ => None,
    };
    match (number(one), number(other)) {
        (Some((Op::Gt | Op::Ge, low)), Some((Op::Lt | Op::Le, high))) => low >= high,
        (Some((Op::Lt | Op::Le, high)), Some((Op::Gt | Op::Ge, low))) => low >= high,
        _ => false,
    }
}
