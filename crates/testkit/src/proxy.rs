//! A TCP proxy that can cut, refuse, freeze, slow down, lose one end, and put in a word of its own.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::Instant;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

#[derive(Clone)]
struct Mood {
    target: Arc<str>,
    cuts: u64,
    halves: u64,
    refusing: bool,
    frozen: [bool; 2],
    delay: Duration,
    bytes_per_second: Option<u32>,
    tape: Option<Tape>,
}

/// What went by, for each connection and direction.
type Tape = Arc<Mutex<Vec<Vec<u8>>>>;

/// A proxy in front of one server.
pub struct Proxy {
    /// Where clients connect.
    pub port: u16,
    mood: watch::Sender<Mood>,
    words: broadcast::Sender<Vec<u8>>,
}

/// Chunks that wait for their time.
const WAITING: usize = 64;

impl Proxy {
    /// A proxy in front of `host:port`.
    pub async fn before(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mood = watch::Sender::new(Mood {
            target: target.into(),
            cuts: 0,
            halves: 0,
            refusing: false,
            frozen: [false; 2],
            delay: Duration::ZERO,
            bytes_per_second: None,
            tape: None,
        });
        let words = broadcast::Sender::new(16);
        tokio::spawn(accept(listener, mood.clone(), words.clone()));
        Self { port, mood, words }
    }

    /// Ends every connection.
    pub fn cut(&self) {
        self.mood.send_modify(|mood| mood.cuts += 1);
    }

    /// Ends every connection and takes no new one, or takes them again.
    pub fn refuse(&self, refusing: bool) {
        self.mood.send_modify(|mood| {
            mood.refusing = refusing;
            mood.cuts += u64::from(refusing);
        });
    }

    /// Keeps connections open and lets nothing through, or goes on.
    pub fn freeze(&self, frozen: bool) {
        self.mood.send_modify(|mood| mood.frozen = [frozen; 2]);
    }

    /// As `freeze`, in one direction.
    pub fn freeze_way(&self, way: Way, frozen: bool) {
        self.mood.send_modify(|mood| mood.frozen[way as usize] = frozen);
    }

    /// The server's end of every connection is gone, and the clients are not told. New connections work.
    pub fn half_open(&self) {
        self.mood.send_modify(|mood| mood.halves += 1);
    }

    /// Every chunk takes so long on its way.
    pub fn delay(&self, delay: Duration) {
        self.mood.send_modify(|mood| mood.delay = delay);
    }

    /// No more bytes a second than this, per connection and direction.
    pub fn throttle(&self, bytes_per_second: Option<u32>) {
        self.mood.send_modify(|mood| mood.bytes_per_second = bytes_per_second);
    }

    /// From now on keeps what goes by on new connections.
    pub fn record(&self) {
        self.mood.send_modify(|mood| mood.tape = Some(Tape::default()));
    }

    /// What went by since `record`, for each connection and direction.
    pub fn recorded(&self) -> Vec<Vec<u8>> {
        let tape = self.mood.borrow().tape.clone();
        tape.map(|tape| tape.lock().unwrap().clone()).unwrap_or_default()
    }

    /// New connections go to another server.
    pub fn aim(&self, target: String) {
        self.mood.send_modify(|mood| mood.target = target.into());
    }

    /// Says something to every client in the server's name.
    pub fn say(&self, words: Vec<u8>) {
        self.words.send(words).unwrap();
    }
}

async fn accept(listener: TcpListener, mood: watch::Sender<Mood>, words: broadcast::Sender<Vec<u8>>) {
    while let Ok((client, _)) = listener.accept().await {
        if !mood.borrow().refusing {
            tokio::spawn(relay(client, mood.subscribe(), words.subscribe()));
        }
    }
}

async fn relay(client: TcpStream, mut mood: watch::Receiver<Mood>, words: broadcast::Receiver<Vec<u8>>) {
    let (target, cuts, halves) = {
        let mood = mood.borrow();
        (mood.target.clone(), mood.cuts, mood.halves)
    };
    let Ok(server) = TcpStream::connect(&*target).await else { return };
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let silence = broadcast::Sender::new(1);
    let mut watched = mood.clone();
    tokio::select! {
        _ = carry(&mut from_client, &mut to_server, Way::ToServer, mood.clone(), silence.subscribe()) => return,
        _ = carry(&mut from_server, &mut to_client, Way::ToClient, mood.clone(), words) => return,
        _ = watched.wait_for(|mood| mood.cuts > cuts) => return,
        _ = mood.wait_for(|mood| mood.halves > halves) => {}
    }
    drop((from_server, to_server));
    tokio::select! {
        () = swallow(&mut from_client) => {}
        _ = watched.wait_for(|mood| mood.cuts > cuts) => {}
    }
}

async fn swallow(from: &mut OwnedReadHalf) {
    let mut buffer = vec![0; 4 * 1024];
    while from.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
}

/// One connection and direction on the tape.
struct Track {
    tape: Tape,
    number: usize,
}

impl Track {
    fn new(tape: Tape) -> Self {
        let number = {
            let mut tracks = tape.lock().unwrap();
            tracks.push(Vec::new());
            tracks.len() - 1
        };
        Self { tape, number }
    }

    fn keep(&self, chunk: &[u8]) {
        self.tape.lock().unwrap()[self.number].extend_from_slice(chunk);
    }
}

type Chunk = (Instant, Vec<u8>);

async fn carry(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    way: Way,
    mood: watch::Receiver<Mood>,
    words: broadcast::Receiver<Vec<u8>>,
) -> std::io::Result<()> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::try_join!(read(from, sender, mood.clone(), words), write(to, receiver, way, mood)).map(drop)
}

async fn read(
    from: &mut OwnedReadHalf,
    chunks: mpsc::Sender<Chunk>,
    mood: watch::Receiver<Mood>,
    mut words: broadcast::Receiver<Vec<u8>>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let track = mood.borrow().tape.clone().map(Track::new);
    loop {
        let chunk = tokio::select! {
            read = from.read(&mut buffer) => buffer[..read?].to_vec(),
            Ok(words) = words.recv() => words,
        };
        track.iter().for_each(|track| track.keep(&chunk));
        let due = Instant::now() + mood.borrow().delay;
        if chunk.is_empty() || chunks.send((due, chunk)).await.is_err() {
            return Ok(());
        }
    }
}

async fn write(
    to: &mut OwnedWriteHalf,
    mut chunks: mpsc::Receiver<Chunk>,
    way: Way,
    mut mood: watch::Receiver<Mood>,
) -> std::io::Result<()> {
    while let Some((due, chunk)) = chunks.recv().await {
        tokio::time::sleep_until(due).await;
        if mood.wait_for(|mood| !mood.frozen[way as usize]).await.is_err() {
            return Ok(());
        }
        let limit = mood.borrow().bytes_per_second;
        match limit {
            None => to.write_all(&chunk).await?,
            Some(bytes_per_second) => trickle(to, &chunk, bytes_per_second).await?,
        }
    }
    Ok(())
}

/// Ten pieces a second.
async fn trickle(to: &mut OwnedWriteHalf, chunk: &[u8], bytes_per_second: u32) -> std::io::Result<()> {
    for piece in chunk.chunks((bytes_per_second as usize / 10).max(1)) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        to.write_all(piece).await?;
    }
    Ok(())
}
