//! Whether a statement orders its rows, read from the text alone: what is measured must not read it for us.

/// True when an ORDER BY stands outside all brackets, or when all of the statement is in brackets and one stands there.
pub fn orders(sql: &str) -> bool {
    let words = words(sql);
    let outermost = words.iter().map(|word| word.depth).min().unwrap_or(0);
    words.windows(2).any(|pair| {
        let [first, second] = pair else { return false };
        first.depth == outermost && first.is("order") && second.is("by")
    })
}

struct Word<'a> {
    text: &'a str,
    depth: usize,
}

impl Word<'_> {
    fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }
}

fn words(sql: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let (mut rest, mut depth) = (sql, 0_usize);
    while let Some(first) = rest.chars().next() {
        let length = token(rest, first);
        match first {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if is_word(first) => words.push(Word { text: &rest[..length], depth }),
            _ => {}
        }
        rest = &rest[length..];
    }
    words
}

/// The length of what begins here: a quoted text, a comment, a word, or one character.
fn token(rest: &str, first: char) -> usize {
    match first {
        '\'' | '"' | '`' => quoted(rest, first),
        '[' => quoted(rest, ']'),
        '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
        '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
        _ if is_word(first) => rest.find(|letter| !is_word(letter)).unwrap_or(rest.len()),
        _ => first.len_utf8(),
    }
}

/// A doubled quote ends one text and begins the next, which comes to the same here.
fn quoted(rest: &str, end: char) -> usize {
    let inner = rest.char_indices().skip(1);
    inner.filter(|(_, letter)| *letter == end).map(|(at, _)| at + end.len_utf8()).next().unwrap_or(rest.len())
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outer_order_counts() {
        assert!(orders("SELECT a FROM t ORDER BY a"));
        assert!(orders("select a from t where b in (select c from d) order\n by a desc limit 3;"));
        assert!(orders("SELECT a FROM t UNION SELECT b FROM u ORDER BY 1"));
        assert!(orders("(SELECT a FROM t ORDER BY a)"));
    }

    #[test]
    fn an_inner_order_does_not() {
        assert!(!orders("SELECT a FROM (SELECT a FROM t ORDER BY a LIMIT 3) AS x"));
        assert!(!orders("WITH x AS (SELECT a FROM t ORDER BY a) SELECT a FROM x"));
        assert!(!orders("SELECT rank() OVER (ORDER BY a) FROM t"));
        assert!(!orders("SELECT a FROM t"));
    }

    #[test]
    fn quoted_words_and_comments_do_not() {
        assert!(!orders("SELECT 'it''s ORDER BY' FROM t -- ORDER BY a\n"));
        assert!(!orders("SELECT \"ORDER BY\", `order by` FROM [order by] /* ORDER BY */"));
        assert!(orders("SELECT ')' FROM t ORDER BY \"(\""));
    }
}
