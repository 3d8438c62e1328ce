//! A websocket client over a real listener.

use super::World;
use contracts::Role;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::Request;

/// A client's end of a socket.
pub struct Ws {
    pub socket: WebSocketStream<TcpStream>,
    /// What the server chose.
    pub protocol: Option<String>,
}

impl World {
    /// Serves the API until the test ends.
    pub async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = self.router().into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        address
    }

    /// A socket of a member, greeted.
    pub async fn socket(&self) -> Ws {
        self.socket_with(&self.token(Role::Member)).await
    }

    pub async fn socket_with(&self, token: &str) -> Ws {
        let mut ws = Ws::open(self.serve().await, &[("authorization", &format!("Bearer {token}"))]).await;
        assert_eq!(ws.next().await["type"], "session.created");
        ws
    }
}

impl Ws {
    pub async fn open(address: SocketAddr, headers: &[(&str, &str)]) -> Self {
        Self::open_on(TcpSocket::new_v4().unwrap(), address, headers).await
    }

    pub async fn open_on(socket: TcpSocket, address: SocketAddr, headers: &[(&str, &str)]) -> Self {
        let stream = socket.connect(address).await.unwrap();
        let mut request: Request<()> = format!("ws://{address}/v1/responses").into_client_request().unwrap();
        for (name, value) in headers {
            let name: tokio_tungstenite::tungstenite::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let (socket, response) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        let protocol = response.headers().get("sec-websocket-protocol").map(|value| value.to_str().unwrap().to_owned());
        Self { socket, protocol }
    }

    pub async fn send(&mut self, frame: Value) {
        self.send_raw(Message::text(frame.to_string())).await;
    }

    pub async fn send_raw(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// The next text frame.
    pub async fn next(&mut self) -> Value {
        loop {
            match self.socket.next().await.expect("the socket ended").unwrap() {
                Message::Text(text) => return serde_json::from_str(text.as_str()).unwrap(),
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// The next frame that is an error; gives its code.
    pub async fn error(&mut self) -> String {
        let frame = self.next().await;
        assert_eq!(frame["type"], "error", "{frame}");
        assert!(!frame["message"].as_str().unwrap().is_empty() && frame["retryable"].is_boolean(), "{frame}");
        frame["code"].as_str().unwrap().to_owned()
    }

    /// The next events of one response: their numbers and types.
    pub async fn take(&mut self, count: usize) -> Vec<(u64, String)> {
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(super::brief(&self.next().await));
        }
        all
    }

    /// Reads on up to the close; gives its code, and how many text frames came before.
    pub async fn close_code(&mut self) -> (u16, usize) {
        let mut texts = 0;
        loop {
            match self.socket.next().await.expect("the socket ended without a close frame").unwrap() {
                Message::Close(frame) => return (frame.unwrap().code.into(), texts),
                Message::Text(_) => texts += 1,
                _ => {}
            }
        }
    }
}
