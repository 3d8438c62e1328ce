//! Clients on websockets. They run on a thread of their own, so that their share of the processor can be told apart.

use super::cpu;
use super::tally::Tally;
use anyhow::{Context, Result, anyhow, bail};
use futures_util::{SinkExt, StreamExt, future::try_join_all};
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// Questions in flight on one socket; the server takes up to 32.
const PER_SOCKET: usize = 16;
/// Without any frame for this long, what is missing is lost.
const PATIENCE: Duration = Duration::from_secs(30);
/// After the last answer, for frames that should not come.
const LINGER: Duration = Duration::from_millis(200);
const BUFFER_BYTES: usize = 16 * 1024;
const QUESTION: &str = "Which ten paid orders are the largest, and who placed them?";

/// Makes each question's key its own.
static ASKED: AtomicU64 = AtomicU64::new(0);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Where to ask, and how much.
#[derive(Clone)]
pub struct Load {
    /// `host:port` of the API.
    pub address: String,
    /// Who asks.
    pub token: String,
    /// Questions.
    pub turns: usize,
    /// Questions in flight.
    pub concurrency: usize,
}

/// What came of it.
pub struct Outcome {
    /// What was heard, a tally for each socket.
    pub tallies: Vec<Tally>,
    /// From the first question to the last answer.
    pub elapsed: Duration,
    /// Processor time of the clients, seconds.
    pub client_cpu: f64,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Faults {
    /// Questions without an end.
    pub lost: u64,
    /// Second ends, and repeated numbers.
    pub duplicates: u64,
    /// Numbers that were left out.
    pub holes: u64,
    /// Questions that ended without an answer.
    pub failed: u64,
    /// Questions that were not taken.
    pub refused: u64,
}

impl Faults {
    /// Adds those of an outcome.
    pub fn add(&mut self, outcome: &Outcome) {
        for tally in &outcome.tallies {
            self.lost += tally.lost() + tally.unheard();
            self.duplicates += tally.duplicates;
            self.holes += tally.holes;
            self.failed += tally.failed;
            self.refused += tally.refused;
        }
    }

    /// True when there were none.
    pub fn is_none(&self) -> bool {
        [self.lost, self.duplicates, self.holes, self.failed, self.refused].iter().all(|count| *count == 0)
    }

    /// For people.
    pub fn rows(&self) -> [(&'static str, String); 2] {
        [
            ("lost, duplicates, holes", format!("{}, {}, {}", self.lost, self.duplicates, self.holes)),
            ("failed, refused", format!("{}, {}", self.failed, self.refused)),
        ]
    }
}

impl Outcome {
    /// Questions that were answered, or failed.
    pub fn ended(&self) -> usize {
        self.tallies.iter().map(|tally| tally.latencies.len()).sum()
    }
}

impl Load {
    /// Asks every question and waits for every answer.
    pub async fn run(self, progress: &ProgressBar) -> Result<Outcome> {
        let (done, outcome) = oneshot::channel();
        let progress = progress.clone();
        std::thread::Builder::new()
            .name("bench-client".to_owned())
            .spawn(move || done.send(self.run_here(&progress)).is_ok())
            .context("the clients cannot be started")?;
        outcome.await.context("the clients ended without a result")?
    }

    fn run_here(self, progress: &ProgressBar) -> Result<Outcome> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let before = cpu::of_this_thread()?;
        let (tallies, elapsed) = runtime.block_on(self.drive(progress))?;
        Ok(Outcome { tallies, elapsed, client_cpu: cpu::of_this_thread()? - before })
    }

    async fn drive(self, progress: &ProgressBar) -> Result<(Vec<Tally>, Duration)> {
        let left = Arc::new(AtomicUsize::new(self.turns));
        let sockets = self.concurrency.div_ceil(PER_SOCKET);
        let share = |index: usize| self.concurrency / sockets + usize::from(index < self.concurrency % sockets);
        let clients = try_join_all((0..sockets).map(|index| self.client(share(index), left.clone(), progress))).await?;
        let started = Instant::now();
        let ended = try_join_all(clients.into_iter().map(Client::run)).await?;
        let last = ended.iter().map(|(_, last)| *last).max().unwrap_or(started);
        let tallies = ended.into_iter().map(|(tally, _)| tally).collect();
        Ok((tallies, last.duration_since(started)))
    }

    async fn client(&self, in_flight: usize, left: Arc<AtomicUsize>, progress: &ProgressBar) -> Result<Client> {
        let socket = connect(&self.address, &self.token).await.context("a client cannot connect to the API")?;
        Ok(Client { socket, in_flight, left, progress: progress.clone(), tally: Tally::default(), open: 0 })
    }
}

async fn connect(address: &str, token: &str) -> Result<Socket> {
    let mut request = format!("ws://{address}/v1/responses").into_client_request()?;
    request.headers_mut().insert("Authorization", format!("Bearer {token}").parse()?);
    // The default buffers are zeroed at every read.
    let config = WebSocketConfig::default().read_buffer_size(BUFFER_BYTES).write_buffer_size(0);
    let (socket, _) = connect_async_with_config(request, Some(config), true).await?;
    Ok(socket)
}

/// One socket.
struct Client {
    socket: Socket,
    in_flight: usize,
    /// Questions that nobody has asked yet, over all sockets.
    left: Arc<AtomicUsize>,
    progress: ProgressBar,
    tally: Tally,
    open: usize,
}

impl Client {
    /// Keeps its questions in flight until none is left. Gives the time of the last answer.
    async fn run(mut self) -> Result<(Tally, Instant)> {
        while self.open < self.in_flight && self.ask().await? {}
        let mut last = Instant::now();
        while self.open > 0 {
            let Ok(text) = tokio::time::timeout(PATIENCE, self.next()).await else { break };
            if self.tally.hear(&text?)? {
                last = Instant::now();
                self.open -= 1;
                self.progress.inc(1);
                self.ask().await?;
            }
        }
        while let Ok(text) = tokio::time::timeout(LINGER, self.next()).await {
            self.tally.hear(&text?)?;
        }
        self.socket.close(None).await.ok();
        Ok((self.tally, last))
    }

    /// False when no question is left.
    async fn ask(&mut self) -> Result<bool> {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if taken.is_err() {
            return Ok(false);
        }
        let key = format!("bench-{}", ASKED.fetch_add(1, Ordering::Relaxed));
        let frame = json!({"type": "response.create", "input": QUESTION, "idempotency_key": key});
        self.tally.ask(key);
        self.socket.send(Message::text(frame.to_string())).await.context("a question cannot be sent")?;
        self.open += 1;
        Ok(true)
    }

    async fn next(&mut self) -> Result<Utf8Bytes> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(reason))) => bail!("the server closed the socket: {reason:?}"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(anyhow!(error).context("the socket broke")),
                None => bail!("the server ended the socket"),
            }
        }
    }
}
