//! What is asked for as it stands in the rows: the columns named before any condition.

use crate::rules::{
    catalog::ColumnRef,
    items::What,
    lexicon::Mark,
    plan::{Expr, Scalar},
    reader::Reader,
};

/// Reads every column that is asked for.
pub fn read(reader: &mut Reader) {
    let sentences = sentences(reader);
    let listing = listing_sentence(reader, &sentences);
    for (number, (from, to)) in sentences.iter().enumerate() {
        let lists = listing == Some(number);
        if listing.is_none() || lists {
            columns(reader, *from, *to, lists);
        }
    }
    asked_date(reader);
    asked_values(reader);
    leftovers(reader);
}

/// `when was the last order` asks for the date of what the question is about.
fn asked_date(reader: &mut Reader) {
    let Some(place) = (0..reader.items.len()).find(|place| reader.mark(*place) == Some(Mark::When)) else { return };
    if !reader.draft.picks.is_empty() {
        return;
    }
    if let Some(column) = super::targets::date_column(reader) {
        reader.take(place);
        reader.draft.picks.push((place, Expr::Scalar(Scalar::Column(column))));
    }
}

/// `which cities do our customers live in` asks for each city once.
fn asked_values(reader: &mut Reader) {
    let [(place, Expr::Scalar(Scalar::Column(_)))] = reader.draft.picks.as_slice() else { return };
    let item = &reader.items[*place];
    let compound = *place > 0
        && reader.table_at(*place - 1).is_some()
        && !reader.items[*place - 1].plural
        && place + 2 >= reader.items.len();
    let asked = compound || *place > 0 && reader.items[*place - 1].text.eq_ignore_ascii_case("which");
    let is_label = matches!(&item.what, What::Mention(mention) if mention.is_label);
    if asked && item.plural && !is_label && reader.table_at(*place).is_none() && reader.draft.limit.is_none() {
        reader.draft.distinct = true;
    }
}

fn sentences(reader: &Reader) -> Vec<(usize, usize)> {
    let mut bounds = Vec::new();
    let mut from = 0;
    for place in 0..=reader.items.len() {
        let ends = place == reader.items.len() || reader.any_mark(place) == Some(Mark::Stop);
        if ends {
            if from < place {
                bounds.push((from, place));
            }
            from = place + 1;
        }
    }
    bounds
}

/// A second sentence such as `List the id and name.` says what to show.
fn listing_sentence(reader: &Reader, sentences: &[(usize, usize)]) -> Option<usize> {
    let lists = |(from, to): &(usize, usize)| {
        let asks = reader.any_mark(*from) == Some(Mark::Ask);
        asks && (*from..*to).any(|place| reader.mention(place).is_some() && reader.column_at(place).is_some())
    };
    (1..sentences.len()).rev().find(|number| lists(&sentences[*number]))
}

fn columns(reader: &mut Reader, from: usize, to: usize, lists: bool) {
    let mut open = true;
    for place in from..to {
        match reader.any_mark(place) {
            Some(Mark::Clause | Mark::In) if !lists && place > from && after_name(reader, from, place) => open = false,
            Some(Mark::Ask) => open = place == from || !is_relative(reader, place),
            Some(Mark::Distinct) => distinct(reader, place),
            _ => {}
        }
        if open || continues_list(reader, place) {
            column(reader, place);
        }
    }
}

/// `which` in the middle of a sentence opens a condition, unless a list goes on.
fn is_relative(reader: &Reader, place: usize) -> bool {
    let which = reader.items[place].text.eq_ignore_ascii_case("which");
    which && !matches!(reader.any_mark(place - 1), Some(Mark::And | Mark::Comma | Mark::Stop))
}

/// A condition opens only after something has been named.
fn after_name(reader: &Reader, from: usize, place: usize) -> bool {
    let comma_phrase = (from..place).all(|before| matches!(reader.any_mark(before), Some(Mark::In | Mark::Clause)));
    !comma_phrase && (from..place).any(|before| matches!(reader.items[before].what, What::Mention(_) | What::Value(_)))
}

/// `…, and its name` after a condition is asked for too.
fn continues_list(reader: &Reader, place: usize) -> bool {
    let joined = place > 1 && reader.any_mark(place - 1) == Some(Mark::And);
    let of_table = reader.table_at(place).is_none()
        && reader.table_at(place + 1).is_some()
        && reader.mention(place).is_some_and(|mention| mention.is_label);
    joined && (of_table || reader.draft.picks.iter().any(|(pick, _)| *pick + 2 == place))
}

fn distinct(reader: &mut Reader, place: usize) {
    if reader.free(place).is_some() {
        reader.take(place);
        reader.draft.distinct = true;
    }
}

fn column(reader: &mut Reader, place: usize) {
    if reader.mention(place).is_none() {
        return;
    }
    if let Some(table) = reader.table_at(place) {
        return listed_table(reader, place, table);
    }
    let columns = reader.columns_at(place);
    reader.take(place);
    for column in columns {
        let column = reader.canonical(column);
        if let Some(named) = named_reference(reader, place, column) {
            for column in named {
                reader.draft.picks.push((place, Expr::Scalar(Scalar::Column(column))));
            }
            continue;
        }
        let expr = Expr::Scalar(Scalar::Column(column));
        if !reader.draft.picks.iter().any(|(_, pick)| *pick == expr) {
            reader.draft.picks.push((place, expr));
        }
    }
}

/// A reference that was not asked for as an id is shown by the name of what it refers to.
fn named_reference(reader: &Reader, place: usize, column: ColumnRef) -> Option<Vec<ColumnRef>> {
    let parent = reader.graph.parent_of(column)?;
    let by_id = reader.catalog.column(column).words.last().is_some_and(|word| word == "id");
    let said = reader.items[place].text.to_lowercase();
    let asks_id = said.split(' ').any(|word| matches!(word, "id" | "ids" | "code" | "codes" | "number" | "numbers"));
    let named = !reader.catalog.tables[parent.table].display.is_empty();
    (by_id && named && !asks_id && parent.table != column.table).then(|| reader.catalog.label(parent.table))
}

/// A table in a list of what is asked for stands for the names of its rows: `names of conductors and the orchestras`.
fn listed_table(reader: &mut Reader, place: usize, table: usize) {
    let joined = place > 0 && matches!(reader.any_mark(place - 1), Some(Mark::And | Mark::Comma));
    let follows_entity = reader.tables.iter().any(|(before, _)| *before < place)
        && reader.draft.picks.iter().any(|(pick, _)| *pick < place);
    let valued = matches!(reader.items.get(place + 1).map(|item| &item.what), Some(What::Value(_) | What::Literal));
    if valued {
        return;
    }
    if joined && reader.draft.picks.is_empty() && place > 1 && reader.table_at(place - 2).is_some() {
        return both_tables(reader, place, table);
    }
    let described = reader.mention(place + 1).is_some() && reader.table_at(place + 1).is_none();
    if joined && follows_entity && !described && reader.head() != Some(table) {
        reader.take(place);
        for column in reader.catalog.label(table) {
            reader.draft.picks.push((place, Expr::Scalar(Scalar::Column(column))));
        }
    }
}

/// `customers and their orders`: what names a customer, beside the orders.
fn both_tables(reader: &mut Reader, place: usize, table: usize) {
    let Some(first) = reader.table_at(place - 2) else { return };
    reader.take(place);
    let second = match reader.catalog.tables[table].display.is_empty() {
        true => reader.catalog.columns_of(table).collect(),
        false => reader.catalog.label(table),
    };
    for column in reader.catalog.label(first).into_iter().chain(second) {
        reader.draft.picks.push((place, Expr::Scalar(Scalar::Column(column))));
    }
}

/// Names that no rule has read make the answer doubtful; tables only widen it.
fn leftovers(reader: &mut Reader) {
    for place in 0..reader.items.len() {
        let Some(item) = reader.free(place) else { continue };
        let (text, what) = (item.text.clone(), item.what.clone());
        match what {
            What::Mention(mention) if reader.table_at(place).is_none() => {
                reader.doubt(text, if mention.column_weight() > 0.8 { 0.2 } else { 0.1 });
            }
            What::Word => {
                let lost = is_asked_for(reader, place) || describes(reader, place);
                let loss = if lost { 0.3 } else { 0.06 };
                reader.doubt(text, loss);
            }
            What::Mark(Mark::Unread) => reader.doubt(text, 0.6),
            What::Mark(Mark::Compare(..) | Mark::Between | Mark::Like(_) | Mark::Share | Mark::Missing) => {
                reader.doubt(text, 0.4)
            }
            What::Mark(Mark::Period(_) | Mark::Inclusive(_)) => reader.doubt(text, 0.15),
            _ => {}
        }
    }
}

/// Whether an unknown word stands where something is asked for, so that a part of the answer would be missing.
fn is_asked_for(reader: &Reader, place: usize) -> bool {
    let listed = |mark: Mark| matches!(mark, Mark::And | Mark::Comma | Mark::Count | Mark::Aggregate(_) | Mark::Ask);
    let opens = place > 0 && reader.any_mark(place - 1).is_some_and(listed);
    let ends = matches!(
        reader.any_mark(place + 1),
        Some(Mark::And | Mark::Comma | Mark::Clause | Mark::In | Mark::Stop | Mark::By) | None
    );
    let named_next = matches!(reader.items.get(place + 1).map(|item| &item.what), Some(What::Mention(_)));
    opens && ends && !named_next
}

/// Whether an unknown word stands directly before a table, so that a condition would be missing.
fn describes(reader: &Reader, place: usize) -> bool {
    let adjacent = reader.items.get(place + 1).is_some_and(|next| next.start == reader.items[place].end);
    let verb = place > 0 && matches!(reader.any_mark(place - 1), Some(Mark::Clause | Mark::Not | Mark::By));
    adjacent && !verb && reader.table_at(place + 1).is_some()
}
