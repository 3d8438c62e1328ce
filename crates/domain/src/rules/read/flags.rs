//! Official languages, customers without an e-mail address.

use crate::rules::{
    catalog::{self, ColumnEntry, ColumnKind, ColumnRef},
    items::What,
    lexicon::{Mark, Op},
    plan::{Literal, Scalar, Test},
    reader::{Absence, Reader},
};

/// Reads columns of yes and no, and values that are missing.
pub fn read(reader: &mut Reader) {
    flags(reader);
    missing(reader);
}

/// An adjective that names a column of yes and no.
fn flags(reader: &mut Reader) {
    for at in 0..reader.items.len() {
        let is_flag = |column: &ColumnEntry| column.kind == ColumnKind::Flag;
        let Some(mention) = reader.mention(at) else { continue };
        if reader.table_at(at).is_some() || mention.columns.len() > 3 {
            continue;
        }
        let Some(column) = reader.column_where(at, is_flag).filter(|column| reader.column_at(at) == Some(*column))
        else {
            continue;
        };
        if !modifies(reader, at) {
            continue;
        }
        let mut negated = reader.take_negation(at);
        reader.take(at);
        if negated && reader.head() != Some(column.table) {
            negated = false;
            let start = (0..at)
                .rev()
                .find(|place| matches!(reader.any_mark(*place), Some(Mark::Clause | Mark::In | Mark::Ask)));
            reader.draft.absent.push(Absence { at: start.unwrap_or(0), table: column.table });
        }
        let literal = truth(reader, column, !negated);
        reader.condition(at, at, Scalar::Column(column), Test::Compare(Op::Eq, literal));
    }
}

/// Whether a flag describes the rows, rather than being asked for.
fn modifies(reader: &Reader, at: usize) -> bool {
    let follows_table = reader.tables.iter().any(|(place, _)| *place < at);
    let before_name = matches!(reader.items.get(at + 1).map(|item| &item.what), Some(What::Mention(_)));
    let listed = at > 0 && matches!(reader.any_mark(at - 1), Some(Mark::And | Mark::Comma | Mark::Each | Mark::By));
    (follows_table || before_name) && !listed
}

fn truth(reader: &Reader, column: ColumnRef, wanted: bool) -> Literal {
    let raw = reader.catalog.raw(column);
    let spelled =
        |sample: &&String| catalog::truth(sample) == Some(wanted) || sample.as_str() == if wanted { "1" } else { "0" };
    if reader.catalog.column(column).stored_as_text {
        let fallback = if wanted { "1" } else { "0" };
        return Literal::Text(raw.samples.iter().find(spelled).cloned().unwrap_or_else(|| fallback.to_owned()));
    }
    if raw.data_type.to_uppercase().contains("BOOL") {
        return Literal::Truth(wanted);
    }
    Literal::Number(if wanted { "1" } else { "0" }.to_owned())
}

/// `without an email`, `with a missing city`: a column that must be null.
fn missing(reader: &mut Reader) {
    for at in 0..reader.items.len() {
        let direct = match reader.mark(at) {
            Some(Mark::Missing) => Some(at + 1),
            Some(Mark::Not) if reader.table_at(at + 1).is_none() => Some(at + 1),
            _ => None,
        };
        let Some(place) = direct.filter(|place| reader.mention(*place).is_some()) else { continue };
        let last = reader.mark(place + 1).is_none_or(|mark| mark == Mark::Stop)
            && reader.free(place + 1).is_none_or(|item| !matches!(item.what, What::Number | What::Mention(_)));
        if let Some(column) = reader.column_at(place).filter(|_| last) {
            reader.take(at);
            reader.take(place);
            reader.condition(at, place, Scalar::Column(column), Test::Null);
        }
    }
}
