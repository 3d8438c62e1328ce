//! Whatever is asked, the rules answer with one statement or abstain.

mod shop;

use contracts::Dialect;
use domain::rules;

const WORDS: &[&str] = &[
    "how many",
    "number of",
    "average",
    "total",
    "maximum",
    "the",
    "of",
    "for each",
    "per",
    "by",
    "and",
    "or",
    "not",
    "without",
    "never",
    "both",
    "between",
    "more than",
    "at least",
    "before",
    "after",
    "in",
    "from",
    "where",
    "whose",
    "with",
    "top",
    "most",
    "least",
    "oldest",
    "latest",
    "cheapest",
    "most expensive",
    "most popular",
    "ordered by",
    "sorted",
    "descending",
    "different",
    "percentage of",
    "contains",
    "starting with",
    "named",
    "5",
    "2025",
    "2026-01-31",
    "one",
    "March",
    "Germany",
    "'Tea'",
    "\"x y\"",
    "Zorblax",
    "customers",
    "customer",
    "products",
    "orders",
    "order items",
    "name",
    "names",
    "price",
    "quantity",
    "category",
    "country",
    "status",
    "order date",
    "email",
    "revenue",
    "units",
    "sold",
    "bought",
    "average order value",
    "month",
    "year",
    "monthly",
    "list",
    "which",
    "what is",
    "when was",
    "?",
    ".",
    ",",
    "times",
    "euros",
    "missing",
    "than any",
    "Hand Grinder",
    "id",
    "ids",
    "'s",
    "%",
    "“",
    "é",
];

/// A linear congruential generator: the same questions on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % sides
    }
}

fn question(dice: &mut Dice) -> String {
    let length = 1 + dice.below(14);
    (0..length).map(|_| WORDS[dice.below(WORDS.len())]).collect::<Vec<_>>().join(" ")
}

#[test]
fn any_row_of_words_is_answered_with_one_statement_or_not_at_all() {
    let mut dice = Dice(7);
    let dialects = [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql];
    let schemas = dialects.map(shop::schema);
    let mut answered = 0;
    for round in 0..1_500 {
        let asked = question(&mut dice);
        let at = round % dialects.len();
        rules::classify(&asked, Some(&schemas[at]));
        if let Ok(answer) = rules::answer(&asked, &schemas[at], dialects[at]) {
            assert!(answer.sql.starts_with("SELECT ") && !answer.sql.contains(';'), "{asked}: {}", answer.sql);
            assert!((0.0..=1.0).contains(&answer.confidence), "{asked}");
            assert!(!answer.sql.contains("SELECT  ") && !answer.sql.contains("()"), "{asked}: {}", answer.sql);
            answered += 1;
        }
    }
    assert!(answered > 25, "{answered}");
}

#[test]
fn the_same_question_has_the_same_answer() {
    let schema = shop::schema(Dialect::Sqlite);
    let first = rules::answer("Top 5 products by revenue", &schema, Dialect::Sqlite);
    for _ in 0..20 {
        assert_eq!(rules::answer("Top 5 products by revenue", &schema, Dialect::Sqlite), first);
    }
}

#[test]
fn a_very_long_question_is_read_to_its_end() {
    let schema = shop::schema(Dialect::Sqlite);
    let long = format!("{} How many customers are there?", "Please. ".repeat(2_000));
    let answer = rules::answer(&long, &schema, Dialect::Sqlite).map(|answer| answer.sql);
    assert_eq!(answer.as_deref(), Ok("SELECT COUNT(*) AS number_of_customers FROM customers"));
}
