use crate::Ctx;
use contracts::Event;
use contracts::event::{ContentPart, OutputItem};

/// The one message of an answer, as the client sees it grow.
pub struct Answer<'a> {
    ctx: &'a Ctx,
    id: String,
    text: String,
    restarts: u32,
}

impl<'a> Answer<'a> {
    /// Begins the message.
    pub fn begin(ctx: &'a Ctx) -> Self {
        let answer = Self { ctx, id: ctx.message_id(), text: String::new(), restarts: 0 };
        answer.open();
        answer
    }

    /// Begins the message anew: what an earlier stream of this run left unfinished is void.
    pub fn begin_again(ctx: &'a Ctx) -> Self {
        let mut answer = Self { ctx, id: ctx.message_id(), text: String::new(), restarts: 0 };
        answer.restart();
        answer
    }

    /// Adds to it. A NUL, which no database keeps in a text, is left out.
    pub fn push(&mut self, text: &str) {
        let text = text.replace('\0', "");
        if text.is_empty() {
            return;
        }
        self.text.push_str(&text);
        self.ctx.emit(Event::TextDelta { item_id: self.id.clone(), output_index: 0, content_index: 0, delta: text });
    }

    /// Makes void what was streamed so far.
    pub fn restart(&mut self) {
        self.restarts += 1;
        self.text.clear();
        let step = self.ctx.kind.to_owned();
        self.ctx.emit(Event::StepStarted { step, attempt: self.ctx.attempt + self.restarts });
        self.open();
    }

    /// Whether nothing that can be read was streamed.
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Ends the message and returns its whole text.
    pub fn finish(self) -> String {
        let Self { ctx, id, text, .. } = self;
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

    fn open(&self) {
        self.ctx.emit(Event::ItemAdded { output_index: 0, item: OutputItem::started(&self.id) });
        self.ctx.emit(Event::PartAdded {
            item_id: self.id.clone(),
            output_index: 0,
            content_index: 0,
            part: ContentPart::text(""),
        });
    }
}
