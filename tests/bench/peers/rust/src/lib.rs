//! What both servers share: the command line, the listener, one thread, and the text of a date.

use std::{env, future::Future, time::SystemTime};

use tokio::net::{TcpListener, TcpStream};

/// What a server does for each connection.
#[derive(Clone, Copy)]
pub enum Job {
    /// A date once a second.
    Dates,
    /// Each message back.
    Echo,
}

/// That of the command line, `PORT dates|echo`.
pub fn job() -> Job {
    match env::args().nth(2).as_deref() {
        Some("dates") => Job::Dates,
        Some("echo") => Job::Echo,
        _ => panic!("PORT dates|echo"),
    }
}

/// Serves each connection at the port of the command line by a task of its own, in one thread.
pub fn serve<F: Future<Output = ()> + 'static>(connection: fn(TcpStream) -> F) {
    let port: u16 = env::args().nth(1).and_then(|port| port.parse().ok()).expect("PORT");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("bind");
        loop {
            let (stream, _) = listener.accept().await.expect("accept");
            stream.set_nodelay(true).expect("TCP_NODELAY");
            tokio::task::spawn_local(connection(stream));
        }
    });
}

/// `NUMBER Wed Nov 25 2026 …`: as long as ours; the day is made of the seconds alone.
pub fn date(number: u64) -> String {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!(
        "{number} Wed Nov 25 2026 {hour:02}:{minute:02}:{second:02} GMT+0000 (Coordinated Universal Time)"
    )
}
