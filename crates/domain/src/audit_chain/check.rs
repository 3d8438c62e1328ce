//! Reads a chain row by row and says where it is not as it was written.

use super::{GENESIS, hash};
use std::collections::HashSet;

/// So many findings are kept of one chain; the others are counted.
const KEPT: usize = 100;

/// Places of fields that the check looks at.
const ID: usize = 0;
const PHASE: usize = 1;
const INTENT: usize = 2;

/// A row as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct Row<'r> {
    /// Its number.
    pub seq: i64,
    /// What it names as the hash of the row before.
    pub previous: &'r str,
    /// The hash that it carries.
    pub hash: &'r str,
    /// The other fields, as [`FIELDS`](super::FIELDS) has them.
    pub fields: &'r [Option<String>],
}

impl Row<'_> {
    fn field(&self, place: usize) -> Option<&str> {
        self.fields.get(place).and_then(Option::as_deref)
    }
}

/// The end of a chain as somebody kept it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of the last row.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// What the row holds is not what its hash was made of.
    Changed,
    /// Rows with these numbers are not there.
    Missing {
        /// The first of them.
        from: i64,
        /// The last of them.
        to: i64,
    },
    /// A number that was there already, or below 1: the row was put in.
    Inserted,
    /// The row names another hash than the row before it has: one of the two was put in, moved or written anew.
    Unlinked,
    /// The outcome of an intent that is not there, or that has one already.
    Unpaired,
    /// The chain ends before the head that is kept beside it.
    CutOff {
        /// Number of the last row that should be there.
        head: i64,
    },
    /// The last row is not the one that the head names.
    OtherHead,
    /// Rows are there, and no head: somebody has removed it.
    NoHead,
    /// So many rows have a number beyond the head.
    BeyondHead {
        /// How many.
        rows: u64,
    },
}

impl Fault {
    /// A stable word for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing { .. } => "missing",
            Self::Inserted => "inserted",
            Self::Unlinked => "unlinked",
            Self::Unpaired => "unpaired",
            Self::CutOff { .. } => "cut_off",
            Self::OtherHead => "other_head",
            Self::NoHead => "no_head",
            Self::BeyondHead { .. } => "beyond_head",
        }
    }
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Number of the row, or of the last one that is there.
    pub seq: i64,
    /// Its id, where it has one.
    pub id: Option<String>,
    /// What is wrong.
    pub fault: Fault,
}

impl Finding {
    /// What happened, and what to do, for a person.
    pub fn sentence(&self) -> String {
        let seq = self.seq;
        let row = match &self.id {
            Some(id) => format!("Row {seq} ({id})"),
            None => format!("Row {seq}"),
        };
        match &self.fault {
            Fault::Changed => format!("{row} was changed after it was written. Compare it with a backup."),
            Fault::Missing { from, to } if from == to => {
                format!("Row {from} is missing. Look for it in a backup.")
            }
            Fault::Missing { from, to } => format!("Rows {from} to {to} are missing. Look for them in a backup."),
            Fault::Inserted => format!("{row} was put in: its number was taken. Compare both rows with a backup."),
            Fault::Unlinked => format!(
                "{row} does not follow from the row before it: one of the two was put in, moved or written anew. \
                 Compare the chain up to here with a backup."
            ),
            Fault::Unpaired => {
                format!("{row} is the outcome of an intent that is not there or has an outcome. Look at its turn.")
            }
            Fault::CutOff { head } => {
                format!(
                    "The chain ends with row {seq}, and {head} rows were written: its end was cut off. Look for the rest \
                     in a backup."
                )
            }
            Fault::OtherHead => format!(
                "{row} is the last one, and the head that is kept beside the chain is another. Compare both with a backup."
            ),
            Fault::NoHead => {
                "The head that is kept beside the chain is missing. Compare the chain with a backup.".into()
            }
            Fault::BeyondHead { rows } => {
                format!("{rows} rows stand beyond the head of the chain: they were put in. Compare them with a backup.")
            }
        }
    }
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Rows that were read.
    pub rows: u64,
    /// The last of them.
    pub last: Option<Head>,
    /// Intents without an outcome: what came of their statements is not known.
    pub open_intents: u64,
    /// The first findings, in the order of the chain.
    pub findings: Vec<Finding>,
    /// Findings beyond those.
    pub more_findings: u64,
    /// Hashes that were looked for and are there.
    pub found: HashSet<String>,
}

/// Checks one chain, row after row. It keeps the intents that have no outcome yet, and nothing else of the rows.
#[derive(Debug)]
pub struct Checker<'w> {
    business: String,
    wanted: &'w HashSet<String>,
    last: Option<Head>,
    open: HashSet<String>,
    rows: u64,
    findings: Vec<Finding>,
    more_findings: u64,
    found: HashSet<String>,
}

impl<'w> Checker<'w> {
    /// Begins with the chain of a business. `wanted` are hashes that must be in one of its rows, or of another chain's.
    pub fn new(business: &str, wanted: &'w HashSet<String>) -> Self {
        Self {
            business: business.to_owned(),
            wanted,
            last: None,
            open: HashSet::new(),
            rows: 0,
            findings: Vec::new(),
            more_findings: 0,
            found: HashSet::new(),
        }
    }

    /// The next row, in the order of numbers.
    pub fn row(&mut self, row: &Row<'_>) {
        self.rows += 1;
        let (last_seq, last_hash) = match &self.last {
            Some(last) => (last.seq, last.hash.clone()),
            None => (0, GENESIS.to_owned()),
        };
        let expected = last_seq.saturating_add(1);
        if row.seq < expected {
            self.find_in(row, Fault::Inserted);
            return;
        }
        if row.seq > expected {
            // The link over the gap says nothing more.
            self.find(row.seq, None, Fault::Missing { from: expected, to: row.seq - 1 });
        } else if row.previous != last_hash {
            self.find_in(row, Fault::Unlinked);
        }
        self.content(row);
        self.pair(row);
        self.last = Some(Head { seq: row.seq, hash: row.hash.to_owned() });
    }

    fn content(&mut self, row: &Row<'_>) {
        let fields = row.fields.iter().map(Option::as_deref);
        if hash(&self.business, row.seq, row.previous, fields) != row.hash {
            self.find_in(row, Fault::Changed);
        } else if self.wanted.contains(row.hash) {
            self.found.insert(row.hash.to_owned());
        }
    }

    fn pair(&mut self, row: &Row<'_>) {
        let id = row.field(ID).unwrap_or_default();
        match row.field(PHASE) {
            Some("intent") => {
                self.open.insert(id.to_owned());
            }
            Some("outcome") if !row.field(INTENT).is_some_and(|intent| self.open.remove(intent)) => {
                self.find_in(row, Fault::Unpaired);
            }
            _ => {}
        }
    }

    /// The end of the chain, beside what the store keeps of it: its head, and rows beyond that.
    pub fn end(mut self, head: Option<&Head>, beyond: u64) -> Checked {
        let last_seq = self.last.as_ref().map_or(0, |last| last.seq);
        match head {
            None if self.rows > 0 => self.find(last_seq, None, Fault::NoHead),
            None => {}
            Some(head) if last_seq < head.seq => self.find(last_seq, None, Fault::CutOff { head: head.seq }),
            Some(head) if self.last.as_ref().is_some_and(|last| last != head) => {
                self.find(last_seq, None, Fault::OtherHead);
            }
            Some(_) => {}
        }
        if head.is_some() && beyond > 0 {
            self.find(last_seq, None, Fault::BeyondHead { rows: beyond });
        }
        Checked {
            rows: self.rows,
            last: self.last,
            open_intents: self.open.len() as u64,
            findings: self.findings,
            more_findings: self.more_findings,
            found: self.found,
        }
    }

    fn find_in(&mut self, row: &Row<'_>, fault: Fault) {
        self.find(row.seq, row.field(ID).map(str::to_owned), fault);
    }

    fn find(&mut self, seq: i64, id: Option<String>, fault: Fault) {
        if self.findings.len() < KEPT {
            self.findings.push(Finding { seq, id, fault });
        } else {
            self.more_findings += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone)]
    struct Stored {
        seq: i64,
        previous: String,
        hash: String,
        fields: Vec<Option<String>>,
    }

    fn sealed(seq: i64, previous: &str, fields: Vec<Option<String>>) -> Stored {
        let hash = hash("biz", seq, previous, fields.iter().map(Option::as_deref));
        Stored { seq, previous: previous.to_owned(), hash, fields }
    }

    fn fields(id: &str, phase: &str, intent: Option<&str>) -> Vec<Option<String>> {
        [Some(id), Some(phase), intent].map(|field| field.map(str::to_owned)).into()
    }

    /// Three intents, each followed by its outcome.
    fn chain() -> Vec<Stored> {
        let mut chain: Vec<Stored> = Vec::new();
        for n in 0..6_i64 {
            let (id, intent) = (format!("aud_{n}"), format!("aud_{}", n - 1));
            let fields = match n % 2 {
                0 => fields(&id, "intent", None),
                _ => fields(&id, "outcome", Some(&intent)),
            };
            let previous = chain.last().map_or(GENESIS.to_owned(), |last| last.hash.clone());
            chain.push(sealed(n + 1, &previous, fields));
        }
        chain
    }

    fn head_of(chain: &[Stored]) -> Head {
        let last = chain.last().unwrap();
        Head { seq: last.seq, hash: last.hash.clone() }
    }

    fn check(chain: &[Stored], head: Option<&Head>) -> Checked {
        let wanted = HashSet::new();
        let mut checker = Checker::new("biz", &wanted);
        for row in chain {
            checker.row(&Row { seq: row.seq, previous: &row.previous, hash: &row.hash, fields: &row.fields });
        }
        checker.end(head, 0)
    }

    fn faults(chain: &[Stored], head: &Head) -> Vec<(i64, Fault)> {
        check(chain, Some(head)).findings.into_iter().map(|finding| (finding.seq, finding.fault)).collect()
    }

    #[test]
    fn a_chain_as_it_was_written_has_no_findings() {
        let chain = chain();
        let checked = check(&chain, Some(&head_of(&chain)));
        assert_eq!((checked.rows, checked.open_intents, checked.findings), (6, 0, Vec::new()));
        assert_eq!(check(&[], None).findings, []);
    }

    #[test]
    fn an_intent_without_an_outcome_is_counted_and_is_no_finding() {
        let chain = &chain()[..5];
        let checked = check(chain, Some(&head_of(chain)));
        assert_eq!((checked.open_intents, checked.findings), (1, Vec::new()));
    }

    #[test]
    fn a_changed_field_a_changed_hash_and_a_changed_link_are_found() {
        let (sound, head) = (chain(), head_of(&chain()));
        let mut field = sound.clone();
        field[2].fields[1] = Some("whole".into());
        assert_eq!(faults(&field, &head)[0], (3, Fault::Changed));
        let mut hash = sound.clone();
        hash[2].hash = "f".repeat(64);
        assert_eq!(faults(&hash, &head), [(3, Fault::Changed), (4, Fault::Unlinked)]);
        let mut anew = sound;
        anew[2] = sealed(3, &anew[1].hash.clone(), fields("aud_2", "intent", Some("other")));
        assert_eq!(faults(&anew, &head), [(4, Fault::Unlinked)]);
    }

    #[test]
    fn missing_rows_are_found_at_the_beginning_in_the_middle_and_at_the_end() {
        let (sound, head) = (chain(), head_of(&chain()));
        assert_eq!(faults(&sound[2..], &head), [(3, Fault::Missing { from: 1, to: 2 })]);
        let middle = [&sound[..2], &sound[4..]].concat();
        assert_eq!(faults(&middle, &head), [(5, Fault::Missing { from: 3, to: 4 })]);
        assert_eq!(faults(&sound[..4], &head), [(4, Fault::CutOff { head: 6 })]);
        assert_eq!(faults(&[], &head), [(0, Fault::CutOff { head: 6 })]);
    }

    #[test]
    fn swapped_and_inserted_rows_are_found() {
        let (sound, head) = (chain(), head_of(&chain()));
        let mut swapped = sound.clone();
        let fields_of_first = swapped[0].fields.clone();
        swapped[0].fields = swapped[2].fields.clone();
        swapped[2].fields = fields_of_first;
        let found = faults(&swapped, &head);
        assert!(found.contains(&(1, Fault::Changed)) && found.contains(&(3, Fault::Changed)), "{found:?}");
        let mut inserted = sound.clone();
        inserted.insert(3, sound[2].clone());
        assert_eq!(faults(&inserted, &head), [(3, Fault::Inserted)]);
        let below = Stored { seq: 0, ..sound[0].clone() };
        assert_eq!(faults(&[vec![below], sound].concat(), &head), [(0, Fault::Inserted)]);
    }

    #[test]
    fn a_head_that_is_another_or_is_missing_is_found() {
        let sound = chain();
        let other = Head { seq: 6, hash: "f".repeat(64) };
        assert_eq!(faults(&sound, &other), [(6, Fault::OtherHead)]);
        assert_eq!(check(&sound, None).findings[0].fault, Fault::NoHead);
    }

    #[test]
    fn an_outcome_needs_an_intent_of_its_own() {
        let first = sealed(1, GENESIS, fields("aud_0", "outcome", Some("aud_9")));
        assert_eq!(
            faults(std::slice::from_ref(&first), &head_of(std::slice::from_ref(&first))),
            [(1, Fault::Unpaired)]
        );
    }

    #[test]
    fn a_wanted_hash_is_found_only_in_a_row_that_is_sound() {
        let chain = chain();
        let wanted = HashSet::from([chain[1].hash.clone(), chain[3].hash.clone(), "f".repeat(64)]);
        let mut checker = Checker::new("biz", &wanted);
        for (n, row) in chain.iter().enumerate() {
            let mut fields = row.fields.clone();
            if n == 3 {
                fields[ID] = Some("another".into());
            }
            checker.row(&Row { seq: row.seq, previous: &row.previous, hash: &row.hash, fields: &fields });
        }
        assert_eq!(checker.end(Some(&head_of(&chain)), 0).found, HashSet::from([chain[1].hash.clone()]));
    }

    #[test]
    fn findings_beyond_the_first_are_counted() {
        let wanted = HashSet::new();
        let mut checker = Checker::new("biz", &wanted);
        for _ in 0..KEPT + 7 {
            checker.row(&Row { seq: 0, previous: GENESIS, hash: "", fields: &[] });
        }
        let checked = checker.end(None, 0);
        assert_eq!((checked.findings.len(), checked.more_findings), (KEPT, 8));
    }
}
