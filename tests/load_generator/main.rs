//! The load generator of `tests/systemd`: thousands of clients in one thread.
//!
//! ```text
//! load-generator hold  --to 127.0.0.1:40132 --connections 9000 [--rate 3000]
//!                      all dialects in turn; it holds each connection for ever
//! load-generator knock --to 127.0.0.1:40132 --rate 1200 --seconds 20 --as stream|websocket|page|policy
//!                      [--patience 20] [--count N]
//!                      new connections, each with one short request
//!   stdin:  one command a line      stdout: one JSON object a line
//! ```
//!
//! `hold` connects each client once and never again. Its commands: `mark` (begin to count), `report`, `ping` (each client of
//! RFC 6455 and its drafts sends a Ping; the report counts the Pongs), `half N` (N clients begin a frame and do not end it),
//! `leave N` (N clients go) and `quit`. `knock` ends with its time or with `quit`.

// A test's tool: a broken expectation ends it with its sentence, and it reads the real clock.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]
#![allow(clippy::disallowed_methods, clippy::cast_possible_truncation)]

mod decoder;
mod dialect;
mod hold;
mod json;
mod knock;
mod record;
mod sockets;

use std::{env, io, net::SocketAddr, sync::Arc, sync::mpsc, thread, time::Duration};

use mio::{Poll, Token, Waker};

/// The waker's token: a command has come.
const COMMAND: Token = Token(usize::MAX);

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let number = |name: &str, default: u32| {
        value(name)
            .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} {text}: no number")))
    };
    let to: SocketAddr = value("--to").unwrap_or("127.0.0.1:40132").parse().expect("--to ADDRESS:PORT");
    let poll = Poll::new()?;
    let commands = commands(&poll)?;
    match arguments.first().map(String::as_str) {
        Some("hold") => hold::run(poll, &commands, to, number("--connections", 9000), number("--rate", 3000)),
        Some("knock") => {
            let seconds = |name, default| Duration::from_secs(number(name, default).into());
            let task = knock::Task {
                to,
                rate: number("--rate", 1000),
                time: seconds("--seconds", 10),
                count: number("--count", u32::MAX) as usize,
                patience: seconds("--patience", 20),
                kind: value("--as").unwrap_or("stream"),
            };
            knock::run(poll, &commands, &task)
        }
        _ => panic!("load-generator hold|knock: see tests/load_generator/main.rs"),
    }
}

/// The lines of standard input; its end is `quit`.
fn commands(poll: &Poll) -> io::Result<mpsc::Receiver<String>> {
    let waker = Arc::new(Waker::new(poll.registry(), COMMAND)?);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok).chain(["quit".to_owned()]) {
            if sender.send(line).is_err() || waker.wake().is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}
