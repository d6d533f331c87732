//! Threads that give a stream its lines, one each interval, until it is gone.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::ChildStdin,
    thread,
    time::{Duration, Instant},
};

/// Writes this line into a pipe.
pub(crate) fn write(mut input: ChildStdin, line: String, interval: Duration) {
    thread::spawn(move || {
        each(interval, |_| input.write_all(format!("{line}\n").as_bytes()));
    });
}

/// Publishes this line by requests over one connection.
pub(crate) fn post(to: SocketAddr, path: &'static str, line: String, interval: Duration) {
    thread::spawn(move || {
        let Ok(stream) = TcpStream::connect(to) else { return };
        let mut stream = BufReader::new(stream);
        each(interval, |_| publish(&mut stream, path, &line));
    });
}

/// As `post`, for a server that does not number its messages.
pub(crate) fn post_numbered(to: SocketAddr, path: &'static str, line: String, interval: Duration) {
    thread::spawn(move || {
        let Ok(stream) = TcpStream::connect(to) else { return };
        let mut stream = BufReader::new(stream);
        each(interval, |number| publish(&mut stream, path, &format!("{number} {line}")));
    });
}

/// Prints numbered lines: a program whose output is a stream.
pub(crate) fn print(line: &str, interval: Duration) {
    each(interval, |number| {
        let mut out = io::stdout().lock();
        writeln!(out, "{number} {line}")?;
        out.flush()
    });
}

/// Acts at each instant of a schedule, until the action fails.
fn each(interval: Duration, mut act: impl FnMut(u64) -> io::Result<()>) {
    let mut due = Instant::now();
    for number in 1.. {
        if act(number).is_err() {
            return;
        }
        due += interval;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

fn publish(stream: &mut BufReader<TcpStream>, path: &str, line: &str) -> io::Result<()> {
    let len = line.len();
    let request = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len}\r\n\r\n{line}");
    stream.get_mut().write_all(request.as_bytes())?;
    let mut body = 0;
    loop {
        let mut field = String::new();
        if stream.read_line(&mut field)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let field = field.trim_end().to_ascii_lowercase();
        if let Some(value) = field.strip_prefix("content-length: ") {
            body = value.parse().map_err(io::Error::other)?;
        }
        if field.is_empty() {
            break;
        }
    }
    io::copy(&mut stream.by_ref().take(body), &mut io::sink())?;
    Ok(())
}
