//! Schema linking: which words of a question name a table, a column or a value that occurs.

use std::collections::HashMap;

use super::{
    catalog::{Catalog, ColumnRef},
    lexicon, names,
    tokens::{Stems, Token, TokenKind},
};

/// What a name may refer to, each with how much of the name was said (0 to 1).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mention {
    /// Tables.
    pub tables: Vec<(usize, f64)>,
    /// Columns.
    pub columns: Vec<(ColumnRef, f64)>,
    /// Whether it is the bare word "name" or "title", which means whatever names a row.
    pub is_label: bool,
}

impl Mention {
    /// The table that it names best.
    pub fn table(&self) -> Option<usize> {
        best(&self.tables).map(|(table, _)| table)
    }

    /// How well it names a table.
    pub fn table_weight(&self) -> f64 {
        best(&self.tables).map_or(0.0, |(_, weight)| weight)
    }

    /// How well it names a column.
    pub fn column_weight(&self) -> f64 {
        self.columns.iter().map(|(_, weight)| *weight).fold(0.0, f64::max)
    }

    /// The larger of both.
    pub fn weight(&self) -> f64 {
        self.table_weight().max(self.column_weight())
    }
}

fn best(tables: &[(usize, f64)]) -> Option<(usize, f64)> {
    tables.iter().copied().reduce(|best, next| if next.1 > best.1 { next } else { best })
}

#[derive(Clone, Copy)]
enum Target {
    Table(usize),
    Column(ColumnRef),
}

struct Name {
    words: Vec<String>,
    target: Target,
    weight: f64,
}

/// A value that occurs in a column.
#[derive(Clone, Debug, PartialEq)]
pub struct Occurrence {
    /// The column.
    pub column: ColumnRef,
    /// The value as stored.
    pub text: String,
}

struct Value {
    words: Vec<String>,
    occurrence: Occurrence,
}

/// Every name and every sampled value, by first word.
pub struct Linker<'a> {
    catalog: &'a Catalog<'a>,
    names: HashMap<String, Vec<Name>>,
    values: HashMap<String, Vec<Value>>,
}

const TABLE_NOISE: &[&str] =
    &["ref", "tbl", "dim", "fact", "data", "list", "info", "detail", "master", "other", "tabl"];
const GENERIC: &[&str] = &[
    "id", "code", "number", "name", "of", "the", "is", "in", "for", "has", "if", "first", "last", "by", "to", "from",
    "on", "at", "m", "yn", "key", "no",
];

impl<'a> Linker<'a> {
    /// Indexes a catalog.
    pub fn new(catalog: &'a Catalog<'a>, stems: &Stems) -> Self {
        let mut linker = Self { catalog, names: HashMap::new(), values: HashMap::new() };
        for table in 0..catalog.tables.len() {
            linker.index_table(table);
            for column in catalog.columns_of(table) {
                linker.index_column(column);
                linker.index_values(column, stems);
            }
        }
        linker
    }

    fn add(&mut self, words: &[String], target: Target, weight: f64) {
        let Some(first) = words.first() else { return };
        let name = Name { words: words.to_vec(), target, weight };
        self.names.entry(first.clone()).or_default().push(name);
    }

    fn index_table(&mut self, table: usize) {
        let words = self.catalog.tables[table].words.clone();
        self.add(&words, Target::Table(table), 1.0);
        let core: Vec<String> = words.iter().filter(|word| !TABLE_NOISE.contains(&word.as_str())).cloned().collect();
        if core.len() < words.len() {
            self.add(&core, Target::Table(table), 0.9);
        }
        for (part, coverage) in parts(&core) {
            self.add(part, Target::Table(table), 0.45 + 0.4 * coverage);
        }
    }

    fn index_column(&mut self, column: ColumnRef) {
        let entry = self.catalog.column(column);
        let (words, own) = (entry.words.clone(), entry.own_words.clone());
        self.add(&words, Target::Column(column), 1.0);
        if own.len() < words.len() {
            self.add(&own, Target::Column(column), 0.95);
        }
        for (part, coverage) in parts(&own).into_iter().chain(parts(&words)) {
            self.add(part, Target::Column(column), 0.4 + 0.4 * coverage);
        }
    }

    fn index_values(&mut self, column: ColumnRef, stems: &Stems) {
        for sample in &self.catalog.raw(column).samples {
            let words = plain_words(sample);
            let Some(first) = words.first().cloned() else { continue };
            if words.iter().all(|word| word.chars().all(char::is_numeric)) {
                continue;
            }
            let stem = stems.of(&first);
            let occurrence = Occurrence { column, text: sample.clone() };
            if words.len() == 1 && stem != first {
                let value = Value { words: vec![stem.clone()], occurrence: occurrence.clone() };
                self.values.entry(stem).or_default().push(value);
            }
            self.values.entry(first).or_default().push(Value { words, occurrence });
        }
    }

    /// The longest name that starts at a token, with the number of tokens.
    pub fn mention_at(&self, tokens: &[Token]) -> Option<(Mention, usize)> {
        let stem = tokens.first()?.stem.as_str();
        self.straight(stem, tokens, 0.0)
            .into_iter()
            .chain(self.turned(tokens))
            .chain(self.swapped(tokens))
            .reduce(longer)
            .or_else(|| self.by_synonym(stem, tokens))
            .or_else(|| self.by_prefix(tokens))
            .or_else(|| is_label_word(stem).then(|| (Mention::default(), 1)))
            .map(mark_label(stem))
    }

    /// `first` and `middle` in `first, middle and last name`.
    pub fn elliptic(&self, tokens: &[Token]) -> Option<(Mention, usize)> {
        let [first, next, ..] = tokens else { return None };
        let listed = |token: &Token| token.kind == TokenKind::Comma || token.lower == "and" || token.lower == "or";
        if !listed(next) {
            return None;
        }
        let last =
            (2..tokens.len().min(8) - 1).filter(|at| !listed(&tokens[*at])).find(|at| !listed(&tokens[at + 1]))?;
        let pair = |word: &Token| [word.stem.clone(), tokens[last + 1].stem.clone()];
        let column = self.whole_column(&pair(first))?;
        self.whole_column(&pair(&tokens[last])).filter(|other| other.table == column.table)?;
        Some((Mention { columns: vec![(column, 1.0)], ..Mention::default() }, 1))
    }

    fn whole_column(&self, words: &[String]) -> Option<ColumnRef> {
        let whole = |name: &&Name| name.words == words && name.weight >= 0.95;
        let columns = self.names.get(words.first()?)?.iter().filter(whole).filter_map(|name| match name.target {
            Target::Column(column) => Some(column),
            Target::Table(_) => None,
        });
        columns.into_iter().next()
    }

    fn straight(&self, stem: &str, tokens: &[Token], loss: f64) -> Option<(Mention, usize)> {
        let names = self.names.get(stem)?;
        let fits = |name: &&Name| continues(&name.words, tokens) && !self.is_verb(name, &tokens[0]);
        let fitting: Vec<&Name> = names.iter().filter(fits).collect();
        collect(&fitting, loss)
    }

    /// `shared` does not name a column `share`.
    fn is_verb(&self, name: &Name, token: &Token) -> bool {
        let Target::Column(column) = name.target else { return false };
        let past = name.words.len() == 1 && token.lower.ends_with("ed");
        past && !names::split(&self.catalog.raw(column).name).contains(&token.lower)
    }

    /// `arriving date` for `date_arrived`, `treatment date` for `date_of_treatment`.
    fn swapped(&self, tokens: &[Token]) -> Option<(Mention, usize)> {
        let [first, second, ..] = tokens else { return None };
        let fits = |name: &&Name| match name.words.as_slice() {
            [_, last] => *last == first.stem && matches!(name.target, Target::Column(_)) && name.weight >= 0.95,
            [_, of, last] => of == "of" && *last == first.stem && matches!(name.target, Target::Column(_)),
            _ => false,
        };
        let fitting: Vec<&Name> = self.names.get(&second.stem)?.iter().filter(fits).collect();
        collect(&fitting, 0.05).map(|(mention, _)| (mention, 2))
    }

    fn by_synonym(&self, stem: &str, tokens: &[Token]) -> Option<(Mention, usize)> {
        lexicon::synonyms(stem).iter().find_map(|other| self.straight(other, tokens, 0.1))
    }

    /// `form of government` for the name `government_form`.
    fn turned(&self, tokens: &[Token]) -> Option<(Mention, usize)> {
        let [last, of, rest @ ..] = tokens else { return None };
        if of.lower != "of" {
            return None;
        }
        let skipped = usize::from(rest.first()?.lower == "the");
        let first = rest.get(skipped)?;
        let fits = |name: &&Name| {
            let own = match name.target {
                Target::Column(column) => {
                    let entry = self.catalog.column(column);
                    entry.own_words.len() == 2 && !entry.is_key && !self.is_table(&entry.own_words[0])
                }
                Target::Table(_) => false,
            };
            own && name.words.len() == 2 && name.words[1] == last.stem
        };
        let fitting: Vec<&Name> = self.names.get(&first.stem)?.iter().filter(fits).collect();
        collect(&fitting, 0.05).map(|(mention, _)| (mention, 3 + skipped))
    }

    fn is_table(&self, word: &str) -> bool {
        self.catalog.tables.iter().any(|table| table.words == [word])
    }

    /// `independence` for the name `indep_year`.
    fn by_prefix(&self, tokens: &[Token]) -> Option<(Mention, usize)> {
        let lower = &tokens.first()?.lower;
        if lower.len() < 6 || lexicon::is_noise(lower) {
            return None;
        }
        let mut keys: Vec<&String> =
            self.names.keys().filter(|key| key.len() >= 5 && lower.starts_with(*key)).collect();
        keys.sort();
        keys.into_iter().find_map(|key| self.straight(key, tokens, 0.15))
    }

    /// The longest sampled value that starts at a token, with the number of tokens.
    pub fn value_at(&self, tokens: &[Token]) -> Option<(Vec<Occurrence>, usize)> {
        let first = tokens.first()?;
        let by_word = self.values_from(&first.lower, tokens, |token| &token.lower);
        let by_stem = || self.values_from(&first.stem, tokens, |token| &token.stem).filter(|(_, length)| *length == 1);
        by_word.or_else(by_stem).or_else(|| self.inhabitants(first))
    }

    /// `Asian` for the value `Asia`, `European` for `Europe`.
    fn inhabitants(&self, token: &Token) -> Option<(Vec<Occurrence>, usize)> {
        let stripped = token.lower.strip_suffix('n').filter(|_| token.is_capitalised())?;
        let places = [stripped, stripped.strip_suffix('a')?];
        let found = |place: &&str| {
            let values = self.values.get(*place)?;
            let whole = values.iter().filter(|value| value.words.len() == 1).map(|value| value.occurrence.clone());
            Some(whole.collect::<Vec<_>>()).filter(|found| !found.is_empty())
        };
        places.iter().find_map(found).map(|found| (found, 1))
    }

    fn values_from(
        &self,
        key: &str,
        tokens: &[Token],
        word: fn(&Token) -> &String,
    ) -> Option<(Vec<Occurrence>, usize)> {
        let fits = |value: &&Value| {
            value.words.len() <= tokens.len() && value.words.iter().zip(tokens).all(|(said, token)| said == word(token))
        };
        let fitting: Vec<&Value> = self.values.get(key)?.iter().filter(fits).collect();
        let length = fitting.iter().map(|value| value.words.len()).max()?;
        let longest = fitting.into_iter().filter(|value| value.words.len() == length);
        Some((longest.map(|value| value.occurrence.clone()).collect(), length))
    }

    /// Where a quoted text occurs as a whole.
    pub fn occurrences(&self, text: &str) -> Vec<Occurrence> {
        let words = plain_words(text);
        let Some(values) = words.first().and_then(|first| self.values.get(first)) else { return Vec::new() };
        values.iter().filter(|value| value.words == words).map(|value| value.occurrence.clone()).collect()
    }
}

/// The lower case words of a text.
fn plain_words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// The shorter names that may stand for a name: its ends and beginnings, with the part of it that they say.
fn parts(words: &[String]) -> Vec<(&[String], f64)> {
    let total = words.len();
    let content = |part: &[String]| part.iter().filter(|word| !is_joint(word)).count() as f64;
    let coverage = |part: &[String]| content(part) / content(words).max(1.0);
    let ends = (1..total).map(|length| &words[total - length..]).map(|part| (part, coverage(part)));
    let starts = (1..total).map(|length| &words[..length]).map(|part| (part, coverage(part) - 0.05));
    let says = |part: &[String]| part.iter().any(|word| !GENERIC.contains(&word.as_str()));
    ends.chain(starts).filter(|(part, _)| says(part) && !is_loose(part)).collect()
}

/// Whether a part of a name starts or ends with a joining word.
fn is_loose(part: &[String]) -> bool {
    part.first().is_some_and(|word| is_joint(word)) || part.last().is_some_and(|word| is_joint(word))
}

fn is_joint(word: &str) -> bool {
    matches!(word, "of" | "in" | "for" | "by" | "to" | "from" | "on" | "at" | "the")
}

fn continues(words: &[String], tokens: &[Token]) -> bool {
    words.len() <= tokens.len() && words.iter().zip(tokens).skip(1).all(|(word, token)| *word == token.stem)
}

fn collect(fitting: &[&Name], loss: f64) -> Option<(Mention, usize)> {
    let length = fitting.iter().map(|name| name.words.len()).max()?;
    let mut mention = Mention::default();
    for name in fitting.iter().filter(|name| name.words.len() == length) {
        match name.target {
            Target::Table(table) => keep_best(&mut mention.tables, table, name.weight - loss),
            Target::Column(column) => keep_best(&mut mention.columns, column, name.weight - loss),
        }
    }
    Some((mention, length))
}

fn keep_best<T: PartialEq>(kept: &mut Vec<(T, f64)>, target: T, weight: f64) {
    match kept.iter_mut().find(|(known, _)| *known == target) {
        Some(known) => known.1 = known.1.max(weight),
        None => kept.push((target, weight)),
    }
}

fn longer(one: (Mention, usize), other: (Mention, usize)) -> (Mention, usize) {
    if other.1 > one.1 { other } else { one }
}

fn is_label_word(stem: &str) -> bool {
    matches!(stem, "name" | "titl")
}

fn mark_label(stem: &str) -> impl Fn((Mention, usize)) -> (Mention, usize) {
    let bare = is_label_word(stem);
    move |(mut mention, length)| {
        mention.is_label = bare && length == 1;
        (mention, length)
    }
}
