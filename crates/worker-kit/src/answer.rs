use crate::Ctx;
use contracts::Event;
use contracts::event::{ContentPart, OutputItem};

/// The one message of an answer, as the client sees it grow.
pub struct Answer<'a> {
    ctx: &'a Ctx,
    id: String,
    text: String,
    open: bool,
    heard: Heard,
}

/// What clients have heard of an earlier run, and this one has not come to yet.
#[derive(Default)]
struct Heard {
    restarts: u32,
    text: String,
}

impl Heard {
    fn is_behind(&self) -> bool {
        self.restarts == 0 && self.text.is_empty()
    }

    /// What of `text` was not heard yet. `None` when something else was heard.
    fn new_in<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        if self.restarts > 0 {
            return Some("");
        }
        if let Some(rest) = self.text.strip_prefix(text) {
            self.text = rest.to_owned();
            return Some("");
        }
        let new = text.strip_prefix(self.text.as_str())?;
        self.text.clear();
        Some(new)
    }
}

impl<'a> Answer<'a> {
    /// An answer of which this run has said nothing yet. The client hears of it with the first text. What a run that this
    /// one goes on from has said is not said again.
    pub fn begin(ctx: &'a Ctx) -> Self {
        let (restarts, text) = ctx.heard();
        Self { ctx, id: ctx.message_id(), text: String::new(), open: false, heard: Heard { restarts, text } }
    }

    /// Adds to it. A NUL, which no database keeps in a text, is left out.
    pub fn push(&mut self, text: &str) {
        let text = text.replace('\0', "");
        if text.is_empty() {
            return;
        }
        match self.heard.new_in(&text) {
            Some(new) if new.len() == text.len() => self.say(text),
            Some(new) => {
                let new = new.to_owned();
                self.open = true;
                self.text.push_str(text.strip_suffix(new.as_str()).unwrap_or(&text));
                self.say(new);
            }
            None => {
                let whole = std::mem::take(&mut self.text) + &text;
                self.begin_anew();
                self.say(whole);
            }
        }
    }

    /// Makes void what was streamed so far.
    pub fn restart(&mut self) {
        if !self.open {
            return;
        }
        self.text.clear();
        if self.heard.restarts > 0 {
            self.open = false;
            self.heard.restarts -= 1;
            return;
        }
        self.begin_anew();
    }

    /// What was streamed so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nothing that can be read was streamed.
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Ends the message and returns its whole text.
    pub fn finish(&mut self) -> String {
        if !self.heard.is_behind() {
            let whole = std::mem::take(&mut self.text);
            self.begin_anew();
            self.say(whole);
        }
        let (ctx, id, text) = (self.ctx, self.id.clone(), std::mem::take(&mut self.text));
        self.open = false;
        ctx.emit(Event::TextDone { item_id: id.clone(), output_index: 0, content_index: 0, text: text.clone() });
        ctx.emit(Event::PartDone {
            item_id: id.clone(),
            output_index: 0,
            content_index: 0,
            part: ContentPart::text(text.clone()),
        });
        ctx.emit(Event::ItemDone { output_index: 0, item: OutputItem::completed(&id, text.clone()) });
        text
    }

    fn say(&mut self, text: String) {
        if text.is_empty() {
            return;
        }
        if !self.open {
            self.open();
        }
        self.text.push_str(&text);
        self.ctx.emit(Event::TextDelta { item_id: self.id.clone(), output_index: 0, content_index: 0, delta: text });
    }

    fn begin_anew(&mut self) {
        self.open = false;
        self.heard = Heard::default();
        self.ctx.begin_anew();
        self.ctx.emit(Event::StepStarted { step: self.ctx.kind.to_owned(), attempt: self.ctx.shown_attempt() });
    }

    fn open(&mut self) {
        self.open = true;
        self.ctx.emit(Event::ItemAdded { output_index: 0, item: OutputItem::started(&self.id) });
        self.ctx.emit(Event::PartAdded {
            item_id: self.id.clone(),
            output_index: 0,
            content_index: 0,
            part: ContentPart::text(""),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(restarts: u32, text: &str) -> Heard {
        Heard { restarts, text: text.to_owned() }
    }

    #[test]
    fn what_was_heard_is_passed_over_however_it_is_cut() {
        let mut heard = heard(0, "There are 28.");
        assert_eq!(heard.new_in("There "), Some(""));
        assert_eq!(heard.new_in("are 28. And"), Some(" And"));
        assert!(heard.is_behind());
        assert_eq!(heard.new_in(" more"), Some(" more"));
    }

    #[test]
    fn another_text_than_was_heard_is_told_apart() {
        assert_eq!(heard(0, "There are 28.").new_in("It "), None);
        assert_eq!(heard(0, "There are 28.").new_in("There are 29."), None);
    }

    #[test]
    fn text_that_a_restart_has_made_void_is_not_compared() {
        let mut heard = heard(1, "There");
        assert_eq!(heard.new_in("Here"), Some(""));
        assert!(!heard.is_behind());
    }
}
