//! A server with a planted fault: what it does wrong must be noticed, and what a right one does must pass.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use super::{Outcome, Target, Task, outcome};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Publishes a repeated request again.
    ForgetsKeys,
    /// Publishes a part of a line at the place where a body is cut off.
    PublishesParts,
    /// Answers for lines that no reader gets: one in a hundred.
    Loses,
    /// Takes another body under a known key for the same.
    IgnoresBodies,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    /// Of each key: its lines, how many of them are published, the first number, and the answer.
    known: BTreeMap<String, (Vec<String>, String)>,
    readers: Vec<TcpStream>,
    lost: usize,
}

impl State {
    fn publish(&mut self, line: &str, fault: Fault) -> usize {
        self.lost += 1;
        self.lines.push(line.to_owned());
        let number = self.lines.len();
        if fault != Fault::Loses || !self.lost.is_multiple_of(100) {
            for reader in &mut self.readers {
                drop(reader.write_all(format!("id: 0_{number}\ndata: {number} {line}\n\n").as_bytes()));
            }
        }
        number
    }
}

fn serve(fault: Fault) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let state: Arc<Mutex<State>> = Arc::default();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let state = Arc::clone(&state);
            thread::spawn(move || converse(&stream.unwrap(), &state, fault));
        }
    });
    Target::Tcp(address)
}

/// Answers requests until the connection ends.
fn converse(stream: &TcpStream, state: &Mutex<State>, fault: Fault) -> Option<()> {
    let mut input = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if input.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        if head.starts_with("GET") {
            // Under the lock: a reader that has seen the head gets every line from then on.
            let mut state = state.lock().unwrap();
            drop((&*stream).write_all(b"HTTP/1.1 200 OK\r\n\r\n"));
            state.readers.push(stream.try_clone().unwrap());
            return None;
        }
        if head.contains("Expect") {
            (&*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        let key = head.split_once("Key: ")?.1.split("\r\n").next()?.to_owned();
        let mut body = Vec::new();
        if read_body(&mut input, &head, &mut body).is_none() {
            // The last line alone: the stream has no room for a line end within a message.
            let part = body.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
            if fault == Fault::PublishesParts && part.len() > 10 {
                state.lock().unwrap().publish(&String::from_utf8_lossy(part), fault);
            }
            return None;
        }
        let body = String::from_utf8(body).ok()?;
        let answer = answer(&mut state.lock().unwrap(), key, &body, fault);
        (&*stream).write_all(answer.as_bytes()).ok()?;
    }
}

fn answer(state: &mut State, key: String, body: &str, fault: Fault) -> String {
    let lines: Vec<String> = body.lines().map(str::to_owned).collect();
    if let Some((known, answer)) = state.known.get(&key).filter(|_| fault != Fault::ForgetsKeys) {
        let same = *known == lines || fault == Fault::IgnoresBodies;
        return if same { answer.clone() } else { response("422 Unprocessable", "other lines\n") };
    }
    let numbers: Vec<usize> = lines.iter().map(|line| state.publish(line, fault)).collect();
    let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
    let text = format!("{{\"first\":\"0_{first}\",\"last\":\"0_{last}\",\"lines\":{}}}\n", lines.len());
    let answer = response("200 OK", &text);
    state.known.insert(key, (lines, answer.clone()));
    answer
}

fn response(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Reads the whole body; `None` if it is cut off, and then there is what came.
fn read_body(input: &mut impl BufRead, head: &str, body: &mut Vec<u8>) -> Option<()> {
    let mut line = String::new();
    if let Some((_, rest)) = head.split_once("Content-Length: ") {
        let len = rest.split("\r\n").next()?.parse().ok()?;
        return (input.take(len).read_to_end(body).ok()? as u64 == len).then_some(());
    }
    loop {
        line.clear();
        input.read_line(&mut line).ok()?;
        let len = u64::from_str_radix(line.trim_end().split(';').next()?, 16).ok()?;
        if len == 0 {
            while line.trim_end() != "" {
                line.clear();
                input.read_line(&mut line).ok().filter(|&len| len > 0)?;
            }
            return Some(());
        }
        if input.take(len).read_to_end(body).ok()? as u64 != len {
            return None;
        }
        line.clear();
        input.read_line(&mut line).ok()?;
    }
}

fn post(fault: Fault) -> Outcome {
    outcome(&Task {
        to: serve(fault),
        path: "/".to_owned(),
        requests: 600,
        clients: 8,
        seed: 11,
        patience: harness::PATIENCE,
        rate: 1_000_000,
        faults: true,
        token: None,
        reader_token: None,
    })
}

#[test]
fn a_server_without_a_fault_passes_and_every_kind_of_trouble_was_made() {
    let outcome = post(Fault::None);
    assert!(outcome.is_right(), "{outcome:?}");
    let figures = outcome.figures;
    for made in [figures.cut, figures.pipelined, figures.repeated, figures.altered] {
        assert!(made > 5, "{figures:?}");
    }
}

#[test]
fn each_planted_fault_is_noticed() {
    for fault in [Fault::ForgetsKeys, Fault::PublishesParts, Fault::Loses, Fault::IgnoresBodies] {
        let outcome = post(fault);
        assert!(!outcome.is_right(), "{fault:?}");
        let noticed = match fault {
            Fault::ForgetsKeys => outcome.verdict.doubled.min(outcome.figures.changed),
            Fault::PublishesParts => outcome.verdict.altered,
            Fault::Loses => outcome.verdict.lost,
            Fault::IgnoresBodies => outcome.figures.accepted,
            Fault::None => 0,
        };
        assert!(noticed > 0, "{fault:?}: {outcome:?}");
    }
}
