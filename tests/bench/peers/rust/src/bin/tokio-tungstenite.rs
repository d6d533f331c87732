//! tokio-tungstenite PORT: a date to each WebSocket once a second, by an interval of its own.

use std::time::Duration;

use futures_util::SinkExt;
use tokio::{net::TcpStream, time::interval};
use tokio_tungstenite::{accept_async, tungstenite::Message};

fn main() {
    bench_peers::serve(connection);
}

async fn connection(stream: TcpStream) {
    let Ok(mut socket) = accept_async(stream).await else { return };
    let mut ticks = interval(Duration::from_secs(1));
    for number in 1.. {
        ticks.tick().await;
        if socket.send(Message::text(bench_peers::date(number))).await.is_err() {
            return;
        }
    }
}
