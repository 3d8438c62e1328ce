//! A scripted language model that answers each question by the style that stands in it, and misbehaves on demand. It
//! counts the calls of every question by itself.

use super::question::{Style, Tag, tag_in};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;
use testkit::llm_server::{LlmServer, Script};
use testkit::purpose_of;

/// How a server misbehaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mood {
    Well,
    /// This status at the first call of each question and purpose.
    StatusOnce(u16),
    /// This status always.
    Status(u16),
    /// Says nothing at all.
    Silent,
    /// Begins, then says nothing.
    Stalls,
    /// Ends its answer in the middle.
    Truncates,
    BadJson,
    NoChoices,
    /// Prose instead of what was asked for.
    Prose,
    /// Two statements where one was asked for.
    TwoStatements,
    /// The statement in a fenced block within prose.
    Fenced,
    /// Text without an end.
    Endless,
    /// A megabyte of text.
    Megabyte,
    /// A frame of ten megabytes.
    TenMegabytes,
    /// A write.
    Writes,
    /// A statement about another tenant's tables.
    CrossTenant,
}

/// Before each answer to a question of the style `SlowLlm`.
const SLOW: Duration = Duration::from_secs(6);

// Made once: what makes an answer also passes on what the processes say to all servers.
static MEGABYTE: LazyLock<Script> = LazyLock::new(|| Script::answer(&vec!["0123456789abcdef"; 65_536]));
static TEN_MEGABYTES: LazyLock<Script> = LazyLock::new(|| Script::answer(&["x".repeat(10 << 20).as_str()]));

/// The key that the product sends, and that must not show anywhere.
pub const KEY: &str = "sk-faults-0b9f3e7d5a1c";

#[derive(Default)]
struct Told {
    calls: BTreeMap<Tag, u32>,
    asked: BTreeMap<(Tag, &'static str), u32>,
}

/// A server, its mood, and what it was asked.
pub struct Llm {
    server: LlmServer,
    mood: Arc<Mutex<Mood>>,
    told: Arc<Mutex<Told>>,
}

impl Llm {
    pub async fn start() -> Self {
        let mood = Arc::new(Mutex::new(Mood::Well));
        let told = Arc::new(Mutex::new(Told::default()));
        let (moods, counts) = (mood.clone(), told.clone());
        let server = LlmServer::start_with(move |_, request| {
            let mood = *moods.lock().unwrap_or_else(PoisonError::into_inner);
            answer(request, mood, &counts)
        });
        Self { server: server.await.expect("the scripted language model starts"), mood, told }
    }

    pub fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    pub fn url(&self) -> String {
        self.server.base_url()
    }

    /// Calls per question, and forgets them.
    pub fn take_calls(&self) -> BTreeMap<Tag, u32> {
        std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner)).calls
    }
}

fn answer(request: &Value, mood: Mood, told: &Mutex<Told>) -> Script {
    let purpose = purpose_of(request);
    let prompt = request["messages"].to_string();
    let Some(tag) = tag_in(&prompt) else { return Script::status(400) };
    let first = {
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        *told.calls.entry(tag.clone()).or_default() += 1;
        let asked = told.asked.entry((tag.clone(), purpose)).or_default();
        *asked += 1;
        *asked == 1
    };
    match mood {
        Mood::StatusOnce(status) if first => Script::status(status).with_header("retry-after", "1"),
        Mood::Status(status) => Script::status(status),
        Mood::Silent => Script::hang(),
        Mood::Stalls => Script::stall(&["SELECT ", "so "]),
        Mood::Truncates => Script::truncated(&["SELECT count(*) ", "FROM "]),
        Mood::BadJson => Script::bad_json(&["SEL"]),
        Mood::NoChoices => Script::empty_choices(),
        Mood::Prose => Script::answer(&["I would rather ", "talk about the weather."]),
        Mood::Endless => Script::endless("and so on "),
        Mood::Megabyte => MEGABYTE.clone(),
        Mood::TenMegabytes => TEN_MEGABYTES.clone(),
        Mood::Writes | Mood::CrossTenant | Mood::TwoStatements | Mood::Fenced if purpose == "generate_sql" => {
            Script::answer(&[bad_statement(mood, &tag).as_str()])
        }
        _ if tag.style == Style::SlowLlm => well(purpose, &tag, &prompt).after(SLOW),
        _ => well(purpose, &tag, &prompt),
    }
}

fn bad_statement(mood: Mood, tag: &Tag) -> String {
    let good = tag.statement();
    match mood {
        Mood::Writes => format!("DELETE FROM customers WHERE name = '{tag}'"),
        Mood::CrossTenant => format!("SELECT canary, '{tag}' AS tag FROM tenant_b.public.customers"),
        Mood::TwoStatements => format!("{good}; {good}"),
        _ => format!("Here is what you want:\n```sql\n{good}\n```\nIt counts the customers."),
    }
}

fn well(purpose: &str, tag: &Tag, prompt: &str) -> Script {
    match purpose {
        "classify" => Script::answer(&[r#"{"intent":"sql","tables":[],"filters":[]}"#]),
        "generate_sql" => Script::answer(&[tag.statement().as_str()]),
        _ => reply(tag, prompt),
    }
}

/// Repeats what it was shown, as a model would: were it shown another tenant's rows, they would come out here.
fn reply(tag: &Tag, prompt: &str) -> Script {
    let seen =
        prompt.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(|word| word.starts_with("CANARY-"));
    let seen: std::collections::BTreeSet<&str> = seen.collect();
    let mut words = format!("Answer to {tag}: there are 28 customers. {}", Vec::from_iter(seen).join(" "));
    if matches!(tag.style, Style::Paced | Style::Beside | Style::Long | Style::Cancelled) {
        words.push_str(&" And so it goes.".repeat(10));
    }
    let words: Vec<&str> = words.split_inclusive(' ').collect();
    let pace = match tag.style {
        Style::Paced | Style::Beside | Style::Cancelled => Duration::from_millis(30),
        Style::Long => Duration::from_millis(400),
        _ => Duration::ZERO,
    };
    Script::answer(&words).paced(pace)
}
