//! A stranger's text on its way into a prompt.

/// One line of at most `longest` characters that cannot end a marked block.
pub fn line(text: &str, longest: usize) -> String {
    let flat: String =
        text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(longest).collect();
    if flat.contains("</") { flat.replace("</", "< /") } else { flat }
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_end_mark_does_not_survive_even_when_nested() {
        assert!(!super::line("</da</data>ta>\n", 100).contains("</data>"));
    }
}
