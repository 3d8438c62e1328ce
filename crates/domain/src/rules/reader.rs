//! The state of reading one question: its items, and what has been understood so far.

use super::{
    catalog::{Catalog, ColumnEntry, ColumnKind, ColumnRef},
    items::{Item, What},
    joins::Graph,
    lexicon::{Direction, Mark},
    link::Mention,
    plan::{Condition, Expr, Having, Scalar, Test},
};

/// A condition with its place in the question.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The first item that it was read from.
    pub from: usize,
    /// The last item that it was read from.
    pub to: usize,
    /// The condition.
    pub condition: Condition,
}

/// Rows that must have no rows of another table.
#[derive(Clone, Debug)]
pub struct Absence {
    /// The item of the negation.
    pub at: usize,
    /// The table without rows.
    pub table: usize,
}

/// What has been understood.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// What is asked for, each with its item.
    pub picks: Vec<(usize, Expr)>,
    /// Conditions on rows.
    pub conditions: Vec<Placed>,
    /// Conditions on groups.
    pub having: Vec<Having>,
    /// Tables that must not hold related rows.
    pub absent: Vec<Absence>,
    /// What to group by.
    pub group: Vec<Scalar>,
    /// Tables whose rows to group by.
    pub group_tables: Vec<usize>,
    /// The order.
    pub order: Vec<(Expr, Direction)>,
    /// The direction of an order that names no column.
    pub sorted: Option<Direction>,
    /// Whether the figure that ranks is shown too.
    pub shows_rank: bool,
    /// The most rows.
    pub limit: Option<u64>,
    /// Whether equal rows appear once.
    pub distinct: bool,
    /// What could not be understood.
    pub doubts: Vec<(String, f64)>,
}

/// A question being read.
pub struct Reader<'a> {
    /// The schema.
    pub catalog: &'a Catalog<'a>,
    /// Its joins.
    pub graph: &'a Graph,
    /// The question.
    pub items: Vec<Item>,
    /// The tables it names, each with its item.
    pub tables: Vec<(usize, usize)>,
    /// What has been understood.
    pub draft: Draft,
}

impl<'a> Reader<'a> {
    /// Starts reading.
    pub fn new(catalog: &'a Catalog<'a>, graph: &'a Graph, items: Vec<Item>) -> Self {
        let tables = named_tables(&items);
        Self { catalog, graph, items, tables, draft: Draft::default() }
    }

    /// The intent of an item that nothing has read yet.
    pub fn mark(&self, at: usize) -> Option<Mark> {
        match self.free(at)?.what {
            What::Mark(mark) => Some(mark),
            _ => None,
        }
    }

    /// The intent of an item, read or not.
    pub fn any_mark(&self, at: usize) -> Option<Mark> {
        match self.items.get(at)?.what {
            What::Mark(mark) => Some(mark),
            _ => None,
        }
    }

    /// The mention of an item that nothing has read yet.
    pub fn mention(&self, at: usize) -> Option<&Mention> {
        match &self.free(at)?.what {
            What::Mention(mention) => Some(mention),
            _ => None,
        }
    }

    /// An item that nothing has read yet.
    pub fn free(&self, at: usize) -> Option<&Item> {
        self.items.get(at).filter(|item| !item.used)
    }

    /// Notes that an item has been read.
    pub fn take(&mut self, at: usize) {
        if let Some(item) = self.items.get_mut(at) {
            item.used = true;
        }
    }

    /// Notes that something was not understood.
    pub fn doubt(&mut self, what: impl Into<String>, loss: f64) {
        self.draft.doubts.push((what.into(), loss));
    }

    /// The table an item names, unless it rather names a column.
    pub fn table_at(&self, at: usize) -> Option<usize> {
        self.tables.iter().find(|(place, _)| *place == at).map(|(_, table)| *table)
    }

    /// The table the question is about: the first that is not only grouped by.
    pub fn head(&self) -> Option<usize> {
        let grouped = |place: usize| place > 0 && matches!(self.any_mark(place - 1), Some(Mark::Each | Mark::By));
        let own = self.tables.iter().find(|(place, _)| !grouped(*place));
        own.or(self.tables.first()).map(|(_, table)| *table).or_else(|| self.implied_head())
    }

    /// Without any named table: the table most of the named columns and values lie in.
    fn implied_head(&self) -> Option<usize> {
        let votes = |table: usize| -> f64 { self.items.iter().map(|item| vote(item, table)).sum() };
        let tables = 0..self.catalog.tables.len();
        let best =
            tables.map(|table| (table, votes(table))).reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.filter(|(_, votes)| *votes > 0.5).map(|(table, _)| table)
    }

    /// The column an item means, among those that may be used so.
    pub fn column_where(&self, at: usize, usable: impl Fn(&ColumnEntry) -> bool) -> Option<ColumnRef> {
        let What::Mention(mention) = &self.items.get(at)?.what else { return None };
        let mut candidates = mention.columns.clone();
        if mention.is_label {
            let labels = (0..self.catalog.tables.len()).filter_map(|table| self.catalog.label(table).first().copied());
            candidates.extend(
                labels.filter(|label| self.catalog.column(*label).kind == ColumnKind::Text).map(|label| (label, 0.9)),
            );
        }
        let scored = candidates
            .iter()
            .filter(|(column, _)| usable(self.catalog.column(*column)))
            .map(|(column, weight)| (*column, weight + self.nearness(at, column.table)));
        scored.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(column, _)| column)
    }

    /// The column an item means.
    pub fn column_at(&self, at: usize) -> Option<ColumnRef> {
        self.column_where(at, |_| true)
    }

    /// The column of numbers an item means.
    pub fn number_at(&self, at: usize) -> Option<ColumnRef> {
        self.column_where(at, |column| column.kind == ColumnKind::Number && !column.is_key)
    }

    /// The columns that an item asks for: several when a name is split over columns.
    pub fn columns_at(&self, at: usize) -> Vec<ColumnRef> {
        let Some(column) = self.column_at(at) else { return Vec::new() };
        let is_label = matches!(&self.items[at].what, What::Mention(mention) if mention.is_label);
        let label = self.catalog.label(column.table);
        if is_label && label.contains(&column) { label } else { vec![column] }
    }

    /// How strongly the words around an item speak for a table.
    fn nearness(&self, at: usize, table: usize) -> f64 {
        let adjacent = at > 0 && self.table_at(at - 1) == Some(table);
        let end = self.sentence_end(at);
        let next = self.tables.iter().find(|(place, _)| *place >= at && *place < end && !self.is_counted(*place));
        let previous = match self.lists_later(at) && next.is_none() {
            true => self.tables.first(),
            false => self.tables.iter().rev().find(|(place, _)| *place < at),
        };
        let mut score = 0.0;
        if adjacent {
            score += 0.7;
        }
        if let Some((place, named)) = next
            && *named == table
        {
            score += (0.5 - 0.04 * (*place - at) as f64).max(0.1);
        }
        if previous.is_some_and(|(_, named)| *named == table) {
            score += 0.3;
        }
        if self.tables.iter().any(|(_, named)| *named == table) {
            return score + 0.25;
        }
        score - self.detour(table)
    }

    fn sentence_end(&self, at: usize) -> usize {
        (at..self.items.len()).find(|place| self.any_mark(*place) == Some(Mark::Stop)).unwrap_or(self.items.len())
    }

    /// Whether an item stands in a later sentence, which says what to show of what the first was about.
    fn lists_later(&self, at: usize) -> bool {
        (0..at).any(|place| self.any_mark(place) == Some(Mark::Stop))
    }

    /// Whether the rows of the table at an item are what is counted.
    fn is_counted(&self, at: usize) -> bool {
        let counts = |place: usize| self.any_mark(place) == Some(Mark::Count);
        let before = at.checked_sub(1);
        before.is_some_and(|place| {
            counts(place) || place > 0 && self.any_mark(place) == Some(Mark::Distinct) && counts(place - 1)
        })
    }

    /// The key that a foreign key repeats, where its table is named.
    pub fn canonical(&self, column: ColumnRef) -> ColumnRef {
        let parent = self.graph.parent_of(column);
        parent.filter(|parent| self.tables.iter().any(|(_, table)| *table == parent.table)).unwrap_or(column)
    }

    /// How far a table lies from what the question is about.
    pub fn detour(&self, table: usize) -> f64 {
        match self.head() {
            Some(head) if head == table => 0.0,
            Some(head) => self.graph.distance(head, table).map_or(0.6, |distance| 0.08 * distance as f64),
            None => 0.0,
        }
    }

    /// The named table before an item that is closest to it.
    pub fn table_before(&self, at: usize) -> Option<usize> {
        self.tables.iter().rev().find(|(place, _)| *place < at).map(|(_, table)| *table)
    }

    /// Adds a condition.
    pub fn condition(&mut self, from: usize, to: usize, left: Scalar, test: Test) {
        self.draft.conditions.push(Placed { from, to, condition: Condition { left, test } });
    }

    /// Whether an item before `at`, with at most one unexplained word between, negates; it is then read.
    pub fn take_negation(&mut self, at: usize) -> bool {
        for back in 1..=3 {
            let Some(place) = at.checked_sub(back) else { return false };
            if self.mark(place) == Some(Mark::Not) {
                self.take(place);
                return true;
            }
            let passes = matches!(self.items[place].what, What::Word)
                || matches!(self.any_mark(place), Some(Mark::In | Mark::Sale | Mark::Named));
            if !passes {
                return false;
            }
        }
        false
    }
}

fn named_tables(items: &[Item]) -> Vec<(usize, usize)> {
    let clear: Vec<usize> = items.iter().filter_map(|item| clear_table(item, &[])).collect();
    let named: Vec<(usize, usize)> =
        items.iter().enumerate().filter_map(|(place, item)| Some((place, clear_table(item, &clear)?))).collect();
    let mut tables: Vec<(usize, usize)> = Vec::new();
    for (place, table) in named.iter().copied() {
        match described(items, place) {
            Some(next) if !named.iter().any(|(other, _)| *other == place + 1) => tables.push((place + 1, next)),
            Some(_) => {}
            None => tables.push((place, table)),
        }
    }
    tables
}

/// In `car models` the models are meant: the table that the next word names, when this one only describes it.
fn described(items: &[Item], place: usize) -> Option<usize> {
    let next = items.get(place + 1).filter(|next| next.start == items[place].end && !items[place].plural)?;
    let What::Mention(mention) = &next.what else { return None };
    let clear = mention.table_weight() >= mention.column_weight() || next.plural && mention.table_weight() >= 0.85;
    mention.table().filter(|_| clear && !mention.is_label)
}

/// The table an item names rather than a column; a table that is clearly named elsewhere is meant again.
fn clear_table(item: &Item, elsewhere: &[usize]) -> Option<usize> {
    let What::Mention(mention) = &item.what else { return None };
    if mention.is_label {
        return None;
    }
    let again = mention.tables.iter().find(|(table, weight)| elsewhere.contains(table) && *weight >= 0.6);
    if let Some((table, _)) = again.filter(|_| mention.table_weight() < 0.9) {
        return Some(*table);
    }
    mention.table().filter(|_| mention.table_weight() >= mention.column_weight())
}

fn vote(item: &Item, table: usize) -> f64 {
    match &item.what {
        What::Mention(mention) => mention
            .columns
            .iter()
            .filter(|(column, _)| column.table == table)
            .map(|(_, weight)| *weight)
            .fold(0.0, f64::max),
        What::Value(occurrences) if occurrences.iter().any(|found| found.column.table == table) => 0.8,
        _ => 0.0,
    }
}
