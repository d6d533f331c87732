//! The load generator of `tests/systemd`, `tests/restarts` and `tests/bench`: thousands of clients in one thread.
//!
//! ```text
//! load-generator hold  --to 127.0.0.1:40132 --connections 9000 [--rate 3000] [--as rfc6455|events-1.1|...] [--spin on] [--line-bytes 100]
//!                      all dialects in turn, or one; it holds each connection for ever; with --line-bytes,
//!                      each message must be a line of `feed` of so many bytes with its end, byte by byte
//! load-generator crowd --to 127.0.0.1:40132 [--clients 300] [--turnover 20] [--says 10] [--seed 1] [--without json-1.1,poll]
//!                      so many clients of all dialects, of which some go and come each second, and say something to all
//! load-generator knock --to 127.0.0.1:40132 --rate 1200 --seconds 20 --as stream|websocket|page|policy
//!                      [--patience 20] [--count N]
//!                      new connections, each with one short request
//! load-generator post  --to 127.0.0.1:40132|unix:PATH --requests 100000 --clients 50 [--seed 1] [--rate N]
//!                      [--patience 60] [--path /] [--token T] [--reader-token T] [--faults off]
//!                      publishes lines, each request under a key of its own, until all are answered
//! load-generator exchange --to 127.0.0.1:40132 --as policy|get|get-close|handshake|echo [--connections 64] [--millis 1000]
//!                      [--path /file] [--expect FILE] [--bytes 16] [--limit N] [--header 'Range: bytes=0-9' --status 206]
//!                      as many exchanges as the server can take, each compared with what is right; with --path /{number}.txt
//!                      --files N, of each file in turn: its body is that of FILE, but begins with its number
//! load-generator feed  [--rate 200] [--bytes 100] [--first 0]
//!                      prints numbered lines for a server, which say when they were written; from the first line of its input on,
//!                      so many at once and then so many a second
//!   stdin:  one command a line      stdout: one JSON object a line
//! ```
//!
//! `hold` connects each client once and never again. Its commands: `mark` (begin to count), `report`, `ping` (each client of
//! RFC 6455 and its drafts sends a Ping; the report counts the Pongs), `probe` (from now on newcomers, one after the other, each with an
//! opening handshake and a Ping: the report says how long they waited), `half N` (N clients begin a frame and do not end it),
//! `leave N` (N clients go) and `quit`. `knock` ends with its time or with `quit`.
//!
//! The report of `hold` says how late the messages were: a line of `feed` since it was written, a date by the pause before it;
//! of all together, and of each connection by itself, of which it has the one in the middle and the worst. With --line-bytes it
//! says how long clients took from their connect to the first line that was written later (`caught_up_ms`), and how many wait for one (`behind`).
//!
//! `exchange` says `{"ready":true}` when its connections are open, where they are kept. Its commands: `go` (exchanges for that
//! long; its answer is what came of them) and `quit`.
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
mod delays;
mod dialect;
mod exchange;
mod feed;
mod frames;
mod hold;
mod json;
mod knock;
// The hostile zoo uses all of it.
#[allow(dead_code)]
mod lateness;
mod post;
mod probe;
mod random;
mod record;
mod sockets;

use std::{env, io, net::SocketAddr, process, sync::Arc, sync::mpsc, thread, time::Duration};

use dialect::Dialect;
use mio::{Poll, Token, Waker};

/// The waker's token: a command has come.
const COMMAND: Token = Token(usize::MAX);

fn main() -> io::Result<()> {
    let arguments = Arguments(env::args().skip(1).collect());
    match arguments.0.first().map(String::as_str) {
        Some("hold") => hold(&arguments),
        Some("crowd") => crowd(&arguments),
        Some("knock") => knock(&arguments),
        Some("exchange") => exchange(&arguments),
        Some("post") => {
            post(&arguments);
            Ok(())
        }
        Some("feed") => {
            feed::run(
                arguments.number("--rate", 200),
                arguments.number("--bytes", 100) as usize,
                arguments.number("--first", 0),
            );
            Ok(())
        }
        _ => panic!("load-generator hold|crowd|knock|exchange|post|feed: see tests/load_generator/main.rs"),
    }
}

/// The command line.
struct Arguments(Vec<String>);

impl Arguments {
    fn value(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|argument| argument == name)?;
        self.0.get(at + 1).map(String::as_str)
    }

    fn number(&self, name: &str, default: u32) -> u32 {
        self.value(name)
            .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} {text}: no number")))
    }

    fn seconds(&self, name: &str, default: u32) -> Duration {
        Duration::from_secs(self.number(name, default).into())
    }

    fn target(&self) -> &str {
        self.value("--to").unwrap_or("127.0.0.1:40132")
    }

    fn address(&self) -> SocketAddr {
        self.target().parse().expect("--to ADDRESS:PORT")
    }
}

fn hold(arguments: &Arguments) -> io::Result<()> {
    let poll = Poll::new()?;
    let commands = commands(&poll)?;
    let only = arguments.value("--as").map(|name| {
        Dialect::ALL.into_iter().find(|dialect| dialect.name() == name).expect("--as: the name of a dialect")
    });
    let task = hold::Task {
        to: arguments.address(),
        connections: arguments.number("--connections", 9000),
        rate: arguments.number("--rate", 3000),
        dialects: only.as_ref().map_or(&Dialect::ALL, std::slice::from_ref),
        spins: arguments.value("--spin") == Some("on"),
        line_bytes: arguments.value("--line-bytes").map(|_| arguments.number("--line-bytes", 0) as usize),
    };
    hold::run(poll, &commands, &task)
}

fn crowd(arguments: &Arguments) -> io::Result<()> {
    let poll = Poll::new()?;
    let commands = commands(&poll)?;
    let without = arguments.value("--without").unwrap_or_default();
    let task = crowd::Task {
        to: arguments.address(),
        clients: arguments.number("--clients", 300) as usize,
        turnover: arguments.number("--turnover", 20) as usize,
        says: arguments.number("--says", 10) as usize,
        seed: arguments.number("--seed", 1).into(),
        dialects: Dialect::WITH_IDS
            .into_iter()
            .filter(|dialect| !without.split(',').any(|name| name == dialect.name()))
            .collect(),
    };
    crowd::run(poll, &commands, &task)
}

fn knock(arguments: &Arguments) -> io::Result<()> {
    let task = knock::Task {
        to: arguments.address(),
        rate: arguments.number("--rate", 1000),
        time: arguments.seconds("--seconds", 10),
        count: arguments.number("--count", u32::MAX) as usize,
        patience: arguments.seconds("--patience", 20),
        kind: arguments.value("--as").unwrap_or("stream"),
        at_once: knock::AT_ONCE,
    };
    let poll = Poll::new()?;
    let commands = commands(&poll)?;
    knock::run(poll, &commands, &task)
}

fn exchange(arguments: &Arguments) -> io::Result<()> {
    let poll = Poll::new()?;
    let commands = commands(&poll)?;
    let task = exchange::Task {
        to: arguments.address(),
        connections: arguments.number("--connections", 64) as usize,
        time: Duration::from_millis(arguments.number("--millis", 1000).into()),
        kind: arguments.value("--as").unwrap_or("get"),
        limit: arguments.value("--limit").map_or(usize::MAX, |_| arguments.number("--limit", 0) as usize),
        path: arguments.value("--path").unwrap_or("/"),
        files: arguments.number("--files", 1) as usize,
        header: arguments.value("--header"),
        status: arguments.number("--status", 200) as u16,
        expect: arguments.value("--expect"),
        bytes: arguments.number("--bytes", 16) as usize,
    };
    exchange::run(poll, &commands, &task)
}

/// Ends the process with 1 where a publication was not what it should be.
fn post(arguments: &Arguments) {
    let task = post::Task {
        to: post::Target::parse(arguments.target()),
        path: arguments.value("--path").unwrap_or("/").to_owned(),
        requests: arguments.number("--requests", 1000),
        clients: arguments.number("--clients", 20) as usize,
        seed: arguments.number("--seed", 1).into(),
        patience: arguments.seconds("--patience", 60),
        rate: arguments.number("--rate", 1_000_000),
        faults: arguments.value("--faults") != Some("off"),
        token: arguments.value("--token").map(str::to_owned),
        reader_token: arguments.value("--reader-token").map(str::to_owned),
    };
    if !post::run(&task) {
        process::exit(1);
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
