//! A TCP proxy that can cut, refuse, freeze and put in a word of its own.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};

#[derive(Clone, Copy, Default)]
struct Mood {
    cuts: u64,
    refusing: bool,
    frozen: bool,
}

/// A proxy in front of one server.
pub struct Proxy {
    /// Where clients connect.
    pub port: u16,
    mood: watch::Sender<Mood>,
    words: broadcast::Sender<Vec<u8>>,
}

impl Proxy {
    /// A proxy in front of `host:port`.
    pub async fn before(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mood = watch::Sender::new(Mood::default());
        let words = broadcast::Sender::new(16);
        tokio::spawn(accept(listener, target, mood.clone(), words.clone()));
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
        self.mood.send_modify(|mood| mood.frozen = frozen);
    }

    /// Says something to every client in the server's name.
    pub fn say(&self, words: Vec<u8>) {
        self.words.send(words).unwrap();
    }
}

async fn accept(listener: TcpListener, target: String, mood: watch::Sender<Mood>, words: broadcast::Sender<Vec<u8>>) {
    while let Ok((client, _)) = listener.accept().await {
        if !mood.borrow().refusing {
            tokio::spawn(relay(client, target.clone(), mood.subscribe(), words.subscribe()));
        }
    }
}

async fn relay(
    client: TcpStream,
    target: String,
    mut mood: watch::Receiver<Mood>,
    words: broadcast::Receiver<Vec<u8>>,
) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    let cuts = mood.borrow().cuts;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let silence = broadcast::Sender::new(1);
    tokio::select! {
        _ = carry(from_client, to_server, mood.clone(), silence.subscribe()) => {}
        _ = carry(from_server, to_client, mood.clone(), words) => {}
        _ = mood.wait_for(|mood| mood.cuts > cuts) => {}
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut mood: watch::Receiver<Mood>,
    mut words: broadcast::Receiver<Vec<u8>>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = tokio::select! {
            read = from.read(&mut buffer) => read?,
            Ok(words) = words.recv() => {
                to.write_all(&words).await?;
                continue;
            }
        };
        if length == 0 || mood.wait_for(|mood| !mood.frozen).await.is_err() {
            return Ok(());
        }
        to.write_all(&buffer[..length]).await?;
    }
}
