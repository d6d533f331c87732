//! A nats-server with JetStream, and a client that speaks its protocol by hand.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use tempfile::TempDir;

use crate::wait::{WAIT, eventually};

/// Ports of servers: below those that the kernel gives to clients.
static NEXT_PORT: AtomicU16 = AtomicU16::new(0);

fn free_port() -> u16 {
    let base = 22_000 + u16::try_from(std::process::id() % 900).unwrap() * 10;
    loop {
        let port = base + NEXT_PORT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Sends a signal by its name to a process of ours.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// A server that ends with the test.
pub(crate) struct Nats {
    folder: TempDir,
    pub(crate) port: u16,
    child: Child,
}

impl Nats {
    /// Starts a server; `NATS_SERVER` is its program.
    pub(crate) fn start() -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let child = spawn(&folder, port);
        let nats = Self { folder, port, child };
        nats.wait();
        nats
    }

    /// Its address, for `--server`.
    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    fn wait(&self) {
        eventually("JetStream answers", || {
            let Ok(mut client) = Client::connect(self.port) else { return false };
            client.try_request("$JS.API.INFO", "").is_some_and(|answer| answer.contains("\"streams\""))
        });
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, with what it has stored.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.folder, self.port);
        self.wait();
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.port).unwrap()
    }

    /// Makes the stream LINES of the subjects `lines` and `lines.>`, with these further settings.
    pub(crate) fn create(&self, epoch: Option<u64>, settings: &str) {
        let metadata = epoch
            .map_or(String::new(), |epoch| format!(",\"metadata\":{{\"datecast-epoch\":\"{epoch:012x}\"}}"));
        let config = format!(
            "{{\"name\":\"LINES\",\"subjects\":[\"lines\",\"lines.>\"],\"retention\":\"limits\",\"storage\":\"file\",\
             \"num_replicas\":1,\"discard\":\"old\"{metadata}{settings}}}"
        );
        self.client().request("$JS.API.STREAM.CREATE.LINES", &config);
    }

    /// Publishes messages `FROM` to `TO` with their own numbers as texts, and waits until they are stored.
    pub(crate) fn publish(&self, numbers: std::ops::RangeInclusive<u64>) {
        let mut client = self.client();
        let (first, last) = numbers.into_inner();
        for number in first..last {
            client.publish("lines", "", number.to_string().as_bytes());
        }
        // A stream takes messages in their order, and its answer to one says that this is stored.
        if first <= last {
            client.request("lines", &last.to_string());
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn spawn(folder: &TempDir, port: u16) -> Child {
    let program = std::env::var_os("NATS_SERVER").expect("NATS_SERVER is the path of a nats-server");
    Command::new(program)
        .args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A connection that asks and publishes.
pub(crate) struct Client {
    read: BufReader<TcpStream>,
    write: TcpStream,
}

impl Client {
    fn connect(port: u16) -> std::io::Result<Self> {
        let write = TcpStream::connect(("127.0.0.1", port))?;
        write.set_read_timeout(Some(WAIT))?;
        let mut client = Self { read: BufReader::new(write.try_clone()?), write };
        client
            .write
            .write_all(b"CONNECT {\"verbose\":false,\"headers\":true}\r\nSUB _INBOX.t 1\r\nPING\r\n")?;
        while client.line()? != "PONG" {}
        Ok(client)
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.read.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    /// Sends a request, and returns the answer, which must not be an error.
    pub(crate) fn request(&mut self, subject: &str, payload: &str) -> String {
        let answer = self.try_request(subject, payload).unwrap();
        assert!(!answer.contains("\"error\""), "{subject}: {answer}");
        answer
    }

    fn try_request(&mut self, subject: &str, payload: &str) -> Option<String> {
        let mut request = String::new();
        write!(request, "PUB {subject} _INBOX.t {}\r\n{payload}\r\n", payload.len()).ok()?;
        self.write.write_all(request.as_bytes()).ok()?;
        loop {
            let line = self.line().ok()?;
            if line == "PING" {
                self.write.write_all(b"PONG\r\n").ok()?;
            }
            let is_headed = line.starts_with("HMSG ");
            if is_headed || line.starts_with("MSG ") {
                let size: usize = line.rsplit(' ').next()?.parse().ok()?;
                let mut answer = vec![0; size + 2];
                self.read.read_exact(&mut answer).ok()?;
                // An answer with headers says that nobody is there to answer.
                return (!is_headed).then(|| String::from_utf8_lossy(&answer[..size]).into_owned());
            }
        }
    }

    /// Publishes a message; `headers` are whole lines.
    pub(crate) fn publish(&mut self, subject: &str, headers: &str, payload: &[u8]) {
        let mut message = if headers.is_empty() {
            format!("PUB {subject} {}\r\n", payload.len()).into_bytes()
        } else {
            let headers = format!("NATS/1.0\r\n{headers}\r\n");
            format!("HPUB {subject} {} {}\r\n{headers}", headers.len(), headers.len() + payload.len())
                .into_bytes()
        };
        message.extend_from_slice(payload);
        message.extend_from_slice(b"\r\n");
        self.write.write_all(&message).unwrap();
    }

    /// The names of all consumers of the stream.
    pub(crate) fn consumers(&mut self) -> Vec<String> {
        let answer = self.request("$JS.API.CONSUMER.NAMES.LINES", "");
        let list =
            answer.split_once("\"consumers\":[").map_or("", |(_, rest)| rest.split_once(']').unwrap().0);
        list.split(',')
            .map(|name| name.trim().trim_matches('"').to_owned())
            .filter(|it| !it.is_empty())
            .collect()
    }
}

/// Long enough to be noticed as a silence.
pub(crate) const SILENCE: Duration = Duration::from_secs(4);
