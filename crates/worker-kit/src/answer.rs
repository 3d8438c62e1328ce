use crate::Ctx;
use contracts::Event;
use contracts::event::{ContentPart, OutputItem};

/// The one message of an answer, as the client sees it grow.
pub struct Answer<'a> {
    ctx: &'a Ctx,
    id: String,
    text: String,
    open: bool,
}

impl<'a> Answer<'a> {
    /// An answer of which nothing was said yet. The client hears of it with the first text.
    pub fn begin(ctx: &'a Ctx) -> Self {
        Self { ctx, id: ctx.message_id(), text: String::new(), open: false }
    }

    /// Adds to it. A NUL, which no database keeps in a text, is left out.
    pub fn push(&mut self, text: &str) {
        let text = text.replace('\0', "");
        if text.is_empty() {
            return;
        }
        if !self.open {
            self.open();
        }
        self.text.push_str(&text);
        self.ctx.emit(Event::TextDelta { item_id: self.id.clone(), output_index: 0, content_index: 0, delta: text });
    }

    /// Makes void what was streamed so far.
    pub fn restart(&mut self) {
        if !self.open {
            return;
        }
        self.open = false;
        self.text.clear();
        self.ctx.begin_anew();
        self.ctx.emit(Event::StepStarted { step: self.ctx.kind.to_owned(), attempt: self.ctx.shown_attempt() });
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
