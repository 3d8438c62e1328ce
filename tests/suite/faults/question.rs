//! What the suite asks. Every question carries a tag that says how its answer comes about.

use std::fmt;

/// How the answer to a question comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Style {
    /// At once.
    Plain,
    /// At once, asked when the fault is over: its time is the recovery.
    Probe,
    /// The answer streams for a second or two.
    Paced,
    /// As `Paced`, asked beside a flood.
    Beside,
    /// The answer streams for longer than any timeout of a test.
    Long,
    /// The language model begins each of its answers after a long while.
    SlowLlm,
    /// The statement takes seconds.
    SlowSql,
    /// The statement takes longer than it may.
    TooSlowSql,
    /// The statement gives millions of rows.
    Bomb,
    /// The client stops it when it has heard the first of the answer.
    Cancelled,
}

const STYLES: &[(Style, &str)] = &[
    (Style::Plain, "plain"),
    (Style::Probe, "probe"),
    (Style::Paced, "paced"),
    (Style::Beside, "beside"),
    (Style::Long, "long"),
    (Style::SlowLlm, "slowllm"),
    (Style::SlowSql, "slowsql"),
    (Style::TooSlowSql, "tooslowsql"),
    (Style::Bomb, "bomb"),
    (Style::Cancelled, "cancelled"),
];

/// The name of a question, which stands in its text, in its statement and in its answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    pub run: String,
    pub number: usize,
    pub style: Style,
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, style) = STYLES.iter().find(|(style, _)| *style == self.style).expect("every style has a name");
        write!(f, "q.{}.{}.{style}.q", self.run, self.number)
    }
}

impl Tag {
    /// The question in words.
    pub fn question(&self) -> String {
        format!("How many customers do we have? ({self})")
    }

    /// The statement that answers it.
    pub fn statement(&self) -> String {
        match self.style {
            Style::SlowSql => format!("SELECT n, '{self}' AS tag FROM slow_customers"),
            Style::TooSlowSql => format!("SELECT n, '{self}' AS tag FROM too_slow_customers"),
            Style::Bomb => format!("SELECT n, '{self}' AS tag FROM many_rows"),
            _ => format!("SELECT count(*) AS customers, max(canary) AS canary, '{self}' AS tag FROM customers"),
        }
    }
}

/// The last tag in a text.
pub fn tag_in(text: &str) -> Option<Tag> {
    tags_in(text).pop()
}

/// Every tag in a text.
pub fn tags_in(text: &str) -> Vec<Tag> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-' && c != '_');
    words.filter_map(read).collect()
}

fn read(word: &str) -> Option<Tag> {
    let parts: Vec<&str> = word.trim_matches('.').split('.').collect();
    let ["q", run, number, style, "q"] = parts[..] else { return None };
    let style = STYLES.iter().find(|(_, name)| *name == style)?.0;
    Some(Tag { run: run.to_owned(), number: number.parse().ok()?, style })
}

#[test]
fn a_tag_is_found_where_it_stands() {
    let tag = Tag { run: "F01-a".into(), number: 7, style: Style::Paced };
    assert_eq!(tag_in(&format!("[{{\"content\":\"{}\"}}]", tag.question())), Some(tag.clone()));
    assert_eq!(tags_in(&format!("{} and {tag}.", tag.statement())), [tag.clone(), tag]);
    assert_eq!(tag_in("q.F01.7.no-style.q, q.F01, How many?"), None);
}
