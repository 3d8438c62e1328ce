//! How much is done at a time: with one language model, with one database. Every case runs in both modes.

use crate::mode::Mode;
use app::Overrides;
use async_trait::async_trait;
use contracts::{Column, ColumnSchema, ResultSet, Schema, TableSchema};
use futures_util::future::join_all;
use ports::source::{About, Access, DiscoveryLimits, Error, GoOn, Source, Sources, Statement};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use testkit::ScriptedLlm;
use testkit::llm_server::Script;

in_both_modes!(a_provider_is_asked_so_much_at_a_time, a_source_is_asked_so_much_at_a_time);

/// How long each call takes. Slower machines only make the calls lie further apart.
const TAKES: Duration = Duration::from_millis(150);
const QUESTIONS: usize = 4;

/// When calls began.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<Instant>>>);

impl Calls {
    fn begin(&self) {
        self.0.lock().unwrap().push(Instant::now());
    }

    /// Each call takes its time, so with at most so many at a time the next but so many begins that much later.
    fn were_at_most(&self, most: usize, expected: usize) {
        let begun = self.0.lock().unwrap();
        assert!(begun.len() >= expected, "there were {} calls, not {expected}", begun.len());
        for window in begun.windows(most + 1) {
            let apart = window[most].duration_since(window[0]);
            assert!(apart >= TAKES.mul_f64(0.9), "{} calls began within {apart:?}", most + 1);
        }
    }
}

/// Single flight would make one run of them all.
fn each_is_run() -> (&'static str, String) {
    ("ASKLINE_TURN__SINGLE_FLIGHT", "false".to_owned())
}

async fn model(calls: &Calls) -> ScriptedLlm {
    let calls = calls.clone();
    ScriptedLlm::with(move |purpose, _| {
        calls.begin();
        match purpose {
            "classify" => Script::answer(&[r#"{"intent":"sql"}"#]),
            "generate_sql" => Script::answer(&["SELECT COUNT(*) FROM customers"]),
            _ => Script::answer(&["There are 28."]),
        }
        .after(TAKES)
    })
    .await
}

async fn ask_at_once(world: &testkit::World) {
    let ask = |_| {
        let mut client = world.client();
        async move { client.ask_with(json!({"input": "How many customers do we have?"})).await }
    };
    for transcript in join_all((0..QUESTIONS).map(ask)).await {
        assert_eq!(transcript.check().status(), "completed", "{:#?}", transcript.terminal());
    }
}

async fn a_provider_is_asked_so_much_at_a_time(mode: Mode) {
    let calls = Calls::default();
    let llm = model(&calls).await;
    let bounded = llm.provider("scripted").replace("first_byte_timeout_s=2", "first_byte_timeout_s=60,max_in_flight=2");
    let world = mode.world(&[("ASKLINE_LLM__PROVIDERS", format!("[{bounded}]")), each_is_run()]).await;
    ask_at_once(&world).await;
    calls.were_at_most(2, 3 * QUESTIONS);
    world.stop().await;
}

async fn a_source_is_asked_so_much_at_a_time(mode: Mode) {
    let calls = Calls::default();
    let sources: Arc<dyn Sources> = Arc::new(Slow(calls.clone()));
    let pairs = [("ASKLINE_SOURCES__MAX_IN_FLIGHT", "1".to_owned()), each_is_run()];
    let world = mode.world_with(&pairs, Overrides { sources: Some(sources), ..Overrides::default() }).await;
    ask_at_once(&world).await;
    calls.were_at_most(1, QUESTIONS);
    world.stop().await;
}

/// A database whose every statement takes its time.
#[derive(Clone)]
struct Slow(Calls);

#[async_trait]
impl Sources for Slow {
    async fn open(&self, _: &Access) -> Result<Arc<dyn Source>, Error> {
        Ok(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Source for Slow {
    async fn about(&self) -> Result<About, Error> {
        Ok(About { version: "slow".to_owned(), warnings: Vec::new() })
    }

    async fn discover(&self, _: DiscoveryLimits, _: GoOn) -> Result<Schema, Error> {
        let id = ColumnSchema {
            name: "id".to_owned(),
            data_type: "integer".to_owned(),
            nullable: false,
            comment: None,
            samples: Vec::new(),
        };
        let customers = TableSchema {
            namespace: None,
            name: "customers".to_owned(),
            comment: None,
            columns: vec![id],
            primary_key: vec!["id".to_owned()],
            foreign_keys: Vec::new(),
            row_estimate: None,
            is_view: false,
        };
        Ok(Schema { tables: vec![customers] })
    }

    async fn query(&self, _: Statement) -> Result<ResultSet, Error> {
        self.0.begin();
        tokio::time::sleep(TAKES).await;
        let count = Column::new("count", "integer");
        Ok(ResultSet { columns: vec![count], rows: vec![vec![json!(28)]], truncated: false })
    }

    async fn plan(&self, _: Statement) -> Result<(), Error> {
        Ok(())
    }
}
