//! Where statements end, without a parser: the dialect is not known yet, and what surrounds the SQL is no SQL.

/// The text cut at semicolons that stand outside literals, quoted names and comments.
pub struct Statements {
    ends: Vec<usize>,
    quoted: Vec<(usize, usize)>,
    length: usize,
    closed: bool,
}

impl Statements {
    /// Reads the text with and without backslashes as escapes, and keeps the reading in which every literal ends.
    pub fn of(sql: &str) -> Self {
        let plain = Self::read(sql, false);
        if plain.closed {
            return plain;
        }
        let escaped = Self::read(sql, true);
        if escaped.closed { escaped } else { plain }
    }

    fn read(sql: &str, backslash: bool) -> Self {
        let mut found = Self { ends: Vec::new(), quoted: Vec::new(), length: sql.len(), closed: true };
        let mut at = 0;
        while let Some(ch) = sql[at..].chars().next() {
            let rest = &sql[at..];
            let length = match quoted_length(rest, backslash) {
                Some(Ok(length)) => found.quote(at, length),
                Some(Err(Unclosed)) => {
                    found.closed = false;
                    found.quote(at, rest.len())
                }
                None => ch.len_utf8(),
            };
            if ch == ';' {
                found.ends.push(at);
            }
            at += length;
        }
        found
    }

    fn quote(&mut self, at: usize, length: usize) -> usize {
        self.quoted.push((at, at + length));
        length
    }

    /// Start and end of each statement, semicolons left out.
    pub fn spans(&self) -> impl Iterator<Item = (usize, usize)> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|end| end + 1));
        starts.zip(self.ends.iter().copied().chain([self.length]))
    }

    /// Whether a place lies outside literals, quoted names and comments.
    pub fn is_code(&self, at: usize) -> bool {
        !self.quoted.iter().any(|(start, end)| (*start..*end).contains(&at))
    }
}

struct Unclosed;

/// The length of the literal, quoted name or comment that begins here, if one does.
fn quoted_length(rest: &str, backslash: bool) -> Option<Result<usize, Unclosed>> {
    let first = rest.chars().next()?;
    match first {
        '\'' | '"' | '`' => Some(until_quote(rest, first, backslash && first != '`')),
        '-' if rest.starts_with("--") => Some(Ok(rest.find('\n').unwrap_or(rest.len()))),
        '/' if rest.starts_with("/*") => Some(rest.find("*/").map(|end| end + 2).ok_or(Unclosed)),
        '$' => dollar_quoted(rest),
        _ => None,
    }
}

fn until_quote(rest: &str, quote: char, backslash: bool) -> Result<usize, Unclosed> {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, ch)) = chars.next() {
        match ch {
            '\\' if backslash => drop(chars.next()),
            ch if ch == quote && chars.next_if(|(_, next)| *next == quote).is_none() => return Ok(at + 1),
            _ => {}
        }
    }
    Err(Unclosed)
}

/// PostgreSQL's `$tag$ … $tag$`.
fn dollar_quoted(rest: &str) -> Option<Result<usize, Unclosed>> {
    let tag_end = rest[1..].find(|ch: char| !(ch.is_alphanumeric() || ch == '_'))? + 1;
    let tag = rest.get(..=tag_end).filter(|tag| tag.ends_with('$'))?;
    let close = rest[tag.len()..].find(tag);
    Some(close.map(|at| at + 2 * tag.len()).ok_or(Unclosed))
}
