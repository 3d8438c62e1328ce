use contracts::Event;
use contracts::event::{ContentPart, OutputItem};
use worker_kit::Ctx;

const STEP: &str = "reply";

/// The one message of an answer, as the client sees it grow.
pub(crate) struct Answer<'a> {
    ctx: &'a Ctx,
    id: String,
    text: String,
    restarts: u32,
}

impl<'a> Answer<'a> {
    pub(crate) fn begin(ctx: &'a Ctx) -> Self {
        let answer = Self { ctx, id: ctx.message_id(), text: String::new(), restarts: 0 };
        answer.open();
        answer
    }

    /// What an earlier stream of this run left unfinished is void.
    pub(crate) fn begin_again(ctx: &'a Ctx) -> Self {
        let mut answer = Self { ctx, id: ctx.message_id(), text: String::new(), restarts: 0 };
        answer.restart();
        answer
    }

    pub(crate) fn push(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.text.push_str(text);
        self.ctx.emit(Event::TextDelta {
            item_id: self.id.clone(),
            output_index: 0,
            content_index: 0,
            delta: text.to_owned(),
        });
    }

    pub(crate) fn restart(&mut self) {
        self.restarts += 1;
        self.text.clear();
        self.ctx.emit(Event::StepStarted { step: STEP.to_owned(), attempt: self.ctx.attempt + self.restarts });
        self.open();
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Ends the message and returns its whole text.
    pub(crate) fn finish(self) -> String {
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
