//! What a person sees: plain text, colours only on a terminal.

use serde::Serialize;
use std::io::{IsTerminal, Write};

/// A line on standard output. A closed pipe is no error of ours.
pub fn line(text: impl std::fmt::Display) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// Text on standard output, at once.
pub fn text(text: &str) {
    let mut out = std::io::stdout();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// A line on standard error.
pub fn note(text: impl std::fmt::Display) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// One JSON value on a line of its own.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string(value)?);
    Ok(())
}

/// An error and its causes, on standard error.
pub fn error(error: &anyhow::Error) {
    note(format!("{} {error:#}", paint("error:", RED, std::io::stderr().is_terminal())));
}

pub const RED: &str = "31";
pub const GREEN: &str = "32";
pub const DIM: &str = "2";
pub const BOLD: &str = "1";

/// The text in a style, where there is a terminal.
pub fn paint(text: &str, style: &str, terminal: bool) -> String {
    if terminal { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
}

/// As `paint`, for standard output.
pub fn out(text: &str, style: &str) -> String {
    paint(text, style, std::io::stdout().is_terminal())
}
