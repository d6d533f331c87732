//! fastwebsockets PORT dates|echo: a date to each WebSocket once a second, by an interval of its own, or each message back. The opening is answered by hand, for the one key
//! that the load generator sends: it is not measured here.

use std::time::Duration;

use bench_peers::Job;
use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, Role, WebSocket, WebSocketError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::interval,
};

const OPENING: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn main() {
    bench_peers::serve(connection);
}

async fn connection(mut stream: TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut head).await {
            Ok(1..) => {}
            _ => return,
        }
    }
    if stream.write_all(OPENING).await.is_err() {
        return;
    }
    let socket = WebSocket::after_handshake(stream, Role::Server);
    // Either ends with the connection.
    drop(match bench_peers::job() {
        Job::Dates => dates(socket).await,
        Job::Echo => echo(FragmentCollector::new(socket)).await,
    });
}

async fn dates(mut socket: WebSocket<TcpStream>) -> Result<(), WebSocketError> {
    let mut ticks = interval(Duration::from_secs(1));
    for number in 1.. {
        ticks.tick().await;
        let text = bench_peers::date(number);
        socket.write_frame(Frame::text(Payload::Borrowed(text.as_bytes()))).await?;
    }
    Ok(())
}

async fn echo(mut socket: FragmentCollector<TcpStream>) -> Result<(), WebSocketError> {
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            OpCode::Close => return Ok(()),
            _ => {}
        }
    }
}
