//! tokio-tungstenite PORT dates|echo: a date to each WebSocket once a second, by an interval of its own, or each message back.

use std::time::Duration;

use bench_peers::Job;
use futures_util::{SinkExt, StreamExt};
use tokio::{net::TcpStream, time::interval};
use tokio_tungstenite::{
    WebSocketStream, accept_async,
    tungstenite::{Error, Message},
};

fn main() {
    bench_peers::serve(connection);
}

async fn connection(stream: TcpStream) {
    let Ok(socket) = accept_async(stream).await else { return };
    // Either ends with the connection.
    drop(match bench_peers::job() {
        Job::Dates => dates(socket).await,
        Job::Echo => echo(socket).await,
    });
}

async fn dates(mut socket: WebSocketStream<TcpStream>) -> Result<(), Error> {
    let mut ticks = interval(Duration::from_secs(1));
    for number in 1.. {
        ticks.tick().await;
        socket.send(Message::text(bench_peers::date(number))).await?;
    }
    Ok(())
}

async fn echo(mut socket: WebSocketStream<TcpStream>) -> Result<(), Error> {
    while let Some(message) = socket.next().await.transpose()? {
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}
