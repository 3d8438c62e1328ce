//! The SQL in what a model answered: without code fences, and without the prose before and after it.

mod scan;

use scan::Statements;

/// Words that a statement begins with. Those of writes are here too: the guard is to refuse them, not to miss them.
const VERBS: [&str; 36] = [
    "select", "with", "values", "table", "insert", "update", "delete", "replace", "merge", "create", "drop", "alter",
    "truncate", "grant", "revoke", "begin", "start", "commit", "rollback", "set", "reset", "show", "explain",
    "describe", "call", "do", "copy", "attach", "detach", "pragma", "vacuum", "analyze", "lock", "exec", "execute",
    "use",
];

/// Words that open a sentence and no clause.
const PROSE: [&str; 25] = [
    "This",
    "The",
    "That",
    "These",
    "Those",
    "Note",
    "Notes",
    "Explanation",
    "Here",
    "It",
    "I",
    "You",
    "We",
    "Please",
    "Let",
    "If",
    "To",
    "Alternatively",
    "However",
    "Answer",
    "In",
    "Also",
    "Since",
    "Because",
    "Question",
];

/// Finds the SQL in a model's text, or `None` when there is none. Two statements are returned as they were written, so
/// that the guard refuses them; trailing semicolons are not.
pub fn extract_sql(model_text: &str) -> Option<String> {
    let text = model_text.trim();
    let found = match fenced(text) {
        blocks if blocks.is_empty() => bare(text),
        blocks => joined(blocks.into_iter().filter_map(bare).collect()).or_else(|| bare(text)),
    }?;
    let sql = found.trim().trim_end_matches(|ch: char| ch == ';' || ch.is_whitespace());
    (!sql.is_empty()).then(|| sql.to_owned())
}

/// The contents of the code fences. A fence that is never closed ends with the text.
fn fenced(text: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("```") {
        let inside = without_language(&rest[start + 3..]);
        match inside.find("```") {
            Some(end) => {
                blocks.push(&inside[..end]);
                rest = &inside[end + 3..];
            }
            None => {
                blocks.push(inside);
                rest = "";
            }
        }
    }
    blocks.retain(|block| !block.trim().is_empty());
    blocks
}

/// What follows the word after an opening fence.
fn without_language(inside: &str) -> &str {
    let word = inside.find(|ch: char| !ch.is_ascii_alphanumeric()).unwrap_or(inside.len());
    let language = inside[..word].to_ascii_lowercase();
    let known = ["sql", "sqlite", "postgresql", "postgres", "mysql", "mariadb", "text", "plaintext", "txt"];
    match language.is_empty() || known.contains(&language.as_str()) {
        true => &inside[word..],
        false => inside,
    }
}

fn joined(mut found: Vec<String>) -> Option<String> {
    found.dedup_by(|next, before| next.trim() == before.trim());
    let trimmed = |sql: &String| sql.trim().trim_end_matches(';').to_owned();
    (!found.is_empty()).then(|| found.iter().map(trimmed).collect::<Vec<_>>().join(";\n"))
}

fn bare(text: &str) -> Option<String> {
    let from = &text[start_of_sql(text)?..];
    Some(until_prose(from).to_owned())
}

fn start_of_sql(text: &str) -> Option<usize> {
    let trimmed = text.len() - text.trim_start().len();
    if starts_statement(&text[trimmed..]) {
        return Some(trimmed);
    }
    start_of_line(text).or_else(|| inside_a_line(text))
}

/// A line that begins with a query, perhaps after a label such as `SQL:`.
fn start_of_line(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let offset = line.len() - line.trim_start().len();
        if starts_query(&line[offset..]) {
            return Some(at + offset);
        }
        at += line.len();
    }
    None
}

/// A query in the middle of a line: after a colon in any case, elsewhere in capitals only, for prose selects too.
fn inside_a_line(text: &str) -> Option<usize> {
    let after_colon = text.match_indices(':').map(|(at, _)| {
        let rest = &text[at + 1..];
        at + 1 + rest.len() - rest.trim_start_matches([' ', '`', '\t', '\n', '*']).len()
    });
    let in_capitals =
        ["SELECT ", "SELECT\n", "WITH "].into_iter().flat_map(|verb| text.match_indices(verb)).map(|(at, _)| at);
    let mut starts: Vec<usize> = after_colon.chain(in_capitals).filter(|at| starts_query(&text[*at..])).collect();
    starts.sort_unstable();
    starts.first().copied()
}

fn first_word(text: &str) -> &str {
    let end = text.find(|ch: char| !(ch.is_alphanumeric() || ch == '_')).unwrap_or(text.len());
    &text[..end]
}

fn starts_statement(text: &str) -> bool {
    let text = text.trim_start_matches(|ch: char| ch == '(' || ch.is_whitespace());
    if text.starts_with("--") || text.starts_with("/*") {
        return true;
    }
    let word = first_word(text).to_ascii_lowercase();
    match word.as_str() {
        // In a sentence these are ordinary words.
        "with" => starts_with_clause(text),
        "select" | "values" => true,
        verb => VERBS.contains(&verb) && !reads_like_prose(text),
    }
}

fn starts_query(text: &str) -> bool {
    let text = text.trim_start_matches(|ch: char| ch == '(' || ch.is_whitespace());
    let word = first_word(text).to_ascii_lowercase();
    match word.as_str() {
        "select" => !reads_like_prose(text),
        "with" => starts_with_clause(text),
        "values" => text[word.len()..].trim_start().starts_with('('),
        _ => false,
    }
}

/// `WITH name AS (` and `WITH RECURSIVE name (a, b) AS (`, not "with the table".
fn starts_with_clause(text: &str) -> bool {
    let mut words = text.split(|ch: char| ch.is_whitespace() || ch == '(').filter(|word| !word.is_empty()).skip(1);
    let mut name = words.next().unwrap_or_default();
    if name.eq_ignore_ascii_case("recursive") {
        name = words.next().unwrap_or_default();
    }
    let after = text.find(name).map_or("", |at| &text[at + name.len()..]).trim_start();
    let defined = match after.strip_prefix('(') {
        Some(columns) => columns.find(')').map_or("", |end| columns[end + 1..].trim_start()),
        None => after,
    };
    !name.is_empty() && first_word(defined).eq_ignore_ascii_case("as")
}

/// "Select the rows that …" and "Update: …".
fn reads_like_prose(text: &str) -> bool {
    let mut words = text.split_whitespace().skip(1);
    let second = words.next().unwrap_or_default();
    ["the", "a", "an", "this", "that", "these", "all", "your", "only", "statement", "query"].contains(&second)
        && !text.to_ascii_lowercase().contains(" from ")
}

/// The statement without what is said about it afterwards.
fn until_prose(sql: &str) -> &str {
    let statements = Statements::of(sql);
    let mut end = 0;
    for (start, stop) in statements.spans() {
        let part = &sql[start..stop];
        if start > 0 && !part.trim().is_empty() && !starts_statement(part.trim_start()) {
            break;
        }
        end = stop;
    }
    let kept = &sql[..end];
    match prose_paragraph(kept, &statements) {
        Some(at) => &kept[..at],
        None => kept,
    }
}

/// Where a paragraph of prose begins, outside literals and comments.
fn prose_paragraph(sql: &str, statements: &Statements) -> Option<usize> {
    let breaks = sql.match_indices("\n\n").chain(sql.match_indices("\n\r\n")).map(|(at, _)| at);
    let is_prose = |at: &usize| {
        let paragraph = sql[*at..].trim_start();
        let opener = first_word(paragraph);
        statements.is_code(*at)
            && (PROSE.contains(&opener) || paragraph.starts_with("**") || paragraph.starts_with("###"))
    };
    breaks.filter(is_prose).min()
}
