//! The load generator of `tests/systemd`: thousands of clients in one thread.
//!
//! ```text
//! load-generator hold  --to 127.0.0.1:40132 --connections 9000 [--rate 3000] [--as rfc6455|events-1.1|...]
//!                      all dialects in turn, or one; it holds each connection for ever
//! load-generator crowd --to 127.0.0.1:40132 [--clients 300] [--turnover 20] [--says 10] [--seed 1] [--without json-1.1,poll]
//!                      so many clients of all dialects, of which some go and come each second, and say something to all
//! load-generator knock --to 127.0.0.1:40132 --rate 1200 --seconds 20 --as stream|websocket|page|policy
//!                      [--patience 20] [--count N]
//!                      new connections, each with one short request
//! load-generator post  --to 127.0.0.1:40132|unix:PATH --requests 100000 --clients 50 [--seed 1] [--rate N]
//!                      [--patience 60] [--path /] [--token T] [--reader-token T] [--faults off]
//!                      publishes lines, each request under a key of its own, until all are answered
//!   stdin:  one command a line      stdout: one JSON object a line
//! ```
//!
//! `hold` connects each client once and never again. Its commands: `mark` (begin to count), `report`, `ping` (each client of
//! RFC 6455 and its drafts sends a Ping; the report counts the Pongs), `half N` (N clients begin a frame and do not end it),
//! `leave N` (N clients go) and `quit`. `knock` ends with its time or with `quit`.
//!
//! `crowd` keeps its number of clients: a client that is cut off comes again, behind its last message where the dialect has ids. The server has
//! `--template '{seq} {date}'`, or `{seq} {line}` with lines such as `a 17`, which rise by one for each
//! producer, and may say when they were written, in microseconds; and, for what clients say,
//! `--on-message broadcast`. Its commands: `mark`, `report`, `take` (both), `calm` (nobody comes, goes or speaks), `go on`, `say`, `forget` (what was said
//! by or about clients before), `deaf` (count nothing of that any more) and `quit`.
//!
//! `post` takes no commands. The server has `--source http --template '{seq} {line}'` and a `--history` of more messages than the clients
//! publish while one of them tries a request again. It exits with 0 only if its reader saw each line once and in order, under the ids of the
//! answers, and if every repeated request got the same answer again, or 422 with another body.

// A test's tool: a broken expectation ends it with its sentence, and it reads the real clock.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stdout, clippy::print_stderr)]
#![allow(
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]

mod answers;
mod crowd;
mod decoder;
mod dialect;
mod frames;
mod hold;
mod json;
mod knock;
mod post;
mod random;
mod record;
mod sockets;

use std::{env, io, net::SocketAddr, process, sync::Arc, sync::mpsc, thread, time::Duration};

use dialect::Dialect;
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
    let to = value("--to").unwrap_or("127.0.0.1:40132");
    let address = || to.parse::<SocketAddr>().expect("--to ADDRESS:PORT");
    let seconds = |name, default| Duration::from_secs(number(name, default).into());
    match arguments.first().map(String::as_str) {
        Some("hold") => {
            let poll = Poll::new()?;
            let commands = commands(&poll)?;
            let only = value("--as").map(|name| {
                Dialect::ALL
                    .into_iter()
                    .find(|dialect| dialect.name() == name)
                    .expect("--as: the name of a dialect")
            });
            let task = hold::Task {
                to: address(),
                connections: number("--connections", 9000),
                rate: number("--rate", 3000),
                dialects: only.as_ref().map_or(&Dialect::ALL, std::slice::from_ref),
            };
            hold::run(poll, &commands, &task)
        }
        Some("crowd") => {
            let poll = Poll::new()?;
            let commands = commands(&poll)?;
            let task = crowd::Task {
                to: address(),
                clients: number("--clients", 300) as usize,
                turnover: number("--turnover", 20) as usize,
                says: number("--says", 10) as usize,
                seed: number("--seed", 1).into(),
                dialects: Dialect::WITH_IDS
                    .into_iter()
                    .filter(|dialect| {
                        !value("--without").unwrap_or_default().split(',').any(|name| name == dialect.name())
                    })
                    .collect(),
            };
            crowd::run(poll, &commands, &task)
        }
        Some("knock") => {
            let task = knock::Task {
                to: address(),
                rate: number("--rate", 1000),
                time: seconds("--seconds", 10),
                count: number("--count", u32::MAX) as usize,
                patience: seconds("--patience", 20),
                kind: value("--as").unwrap_or("stream"),
                at_once: knock::AT_ONCE,
            };
            let poll = Poll::new()?;
            let commands = commands(&poll)?;
            knock::run(poll, &commands, &task)
        }
        Some("post") => {
            let task = post::Task {
                to: post::Target::parse(to),
                path: value("--path").unwrap_or("/").to_owned(),
                requests: number("--requests", 1000),
                clients: number("--clients", 20) as usize,
                seed: number("--seed", 1).into(),
                patience: seconds("--patience", 60),
                rate: number("--rate", 1_000_000),
                faults: value("--faults") != Some("off"),
                token: value("--token").map(str::to_owned),
                reader_token: value("--reader-token").map(str::to_owned),
            };
            if !post::run(&task) {
                process::exit(1);
            }
            Ok(())
        }
        _ => panic!("load-generator hold|crowd|knock|post: see tests/load_generator/main.rs"),
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
