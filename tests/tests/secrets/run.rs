//! One run of programs in a folder, and all that it wrote.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::Child,
    thread,
    time::Duration,
};

use harness::{PATIENCE, Signal, binary, command, eventually, signal};

use crate::searcher::Searcher;

/// Names of tokens and the tokens: of a reader and of one that is revoked, likewise of publishers, and one that nobody knows.
///
/// Every character that RFC 6750 §2.1 allows is in one of them.
pub(crate) const TOKENS: [(&str, &str); 5] = [
    ("reader", "Rd3rT0ken-._~+/ZqXw91b74=="),
    ("revoked-reader", "gOn3Rd3r+/q7Yk20TmWvPz81-."),
    ("publisher", "PubL1sh3r~_Kj48/+HnGfDs62="),
    ("revoked-publisher", "gOn3PubL1/_xC5v9BnMq3LpO7+"),
    ("stranger", "WrOnGt0k3n.-~Zz19Yy28Xx37"),
];

/// Files of tokens with a mistake; `{}` is a token.
pub(crate) const WRONG_FILES: [&str; 9] = [
    "{}\n",
    "reader {} more\n",
    "reader {}\nreader {}\n",
    "{} reader!\n",
    "reader {}!\n",
    "na/me {}\n",
    "reader={}\n",
    "reader \"{}\"\n",
    "reader {}\u{e9}\n",
];

/// How long an answer that does not end may take to begin.
const A_MOMENT: Duration = Duration::from_millis(15);
/// Of a program that does not listen, or not yet.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);
/// How many requests are out at a time.
const AT_ONCE: usize = 12;

pub(crate) struct Run {
    folder: tempfile::TempDir,
    /// What is not in a file: where it is from, and its bytes.
    kept: Vec<(String, Vec<u8>)>,
    programs: usize,
}

/// A program that writes its standard output and error into a file of the run's folder.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: SocketAddr,
}

impl Run {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), kept: Vec::new(), programs: 0 }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new();
        let file = file.write(true).create(true).truncate(true).mode(0o640).open(self.path(name));
        file.and_then(|mut file| file.write_all(text.as_bytes())).expect("written");
    }

    /// Files with the tokens of readers and of publishers.
    pub(crate) fn write_tokens(&self, tokens: &[(&str, &str)]) {
        for (file, part) in [("readers", "reader"), ("publishers", "publisher")] {
            let lines = tokens.iter().filter(|(name, _)| name.ends_with(part));
            self.write(
                file,
                &lines.map(|(name, token)| format!("{name} {token}\n")).collect::<Vec<_>>().concat(),
            );
        }
    }

    /// Takes the revoked ones out of the files.
    pub(crate) fn revoke(&self) {
        let left: Vec<_> = TOKENS.into_iter().filter(|(name, _)| !name.starts_with("revoked")).collect();
        self.write_tokens(&left);
    }

    pub(crate) fn write_wrong(&self, text: &str) {
        self.write("readers", &text.replace("{}", TOKENS[0].1));
        self.write("publishers", &text.replace("{}", TOKENS[2].1));
    }

    /// A site with a folder, whose name without a slash is redirected.
    pub(crate) fn make_site(&self) {
        fs::create_dir_all(self.path("site/folder")).expect("a folder");
        self.write("site/index.html", "<p>a page\n");
        self.write("site/folder/index.html", "<p>another page\n");
    }

    fn spawn(&mut self, program: &str, arguments: &[&str]) -> (Child, PathBuf) {
        self.programs += 1;
        let path = self.folder.path().join(format!("{program}-{}.log", self.programs));
        let log = File::create(&path).expect("a log");
        let mut command = command(binary(program), arguments);
        command.current_dir(self.folder.path()).stdout(log.try_clone().expect("a duplicate")).stderr(log);
        (command.spawn().expect("started"), path)
    }

    /// Starts a program that listens for clients and for metrics.
    pub(crate) fn start(&mut self, program: &str, arguments: &[&str]) -> Server {
        let always = ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--log-level", "trace"];
        let (child, log) = self.spawn(program, &[&always[..], arguments].concat());
        let mut server = Server { child, log, address: NOWHERE, metrics: NOWHERE };
        server.metrics = server.wait_until(|log| address(log, "metrics on "));
        server.address = server.wait_until(|log| address(log, "listening on "));
        server
    }

    /// Runs a program that ends, within the patience.
    pub(crate) fn end(&mut self, program: &str, arguments: &[&str]) {
        let (child, log) = self.spawn(program, arguments);
        Server { child, log, address: NOWHERE, metrics: NOWHERE }.wait();
    }

    /// Sends each request as it stands, on a connection of its own, and keeps what comes back within a moment.
    pub(crate) fn ask(&mut self, address: SocketAddr, requests: &[Vec<u8>]) {
        let parts = requests.chunks(requests.len().div_ceil(AT_ONCE).max(1));
        thread::scope(|scope| {
            let parts: Vec<_> = parts.map(|part| scope.spawn(move || exchange_all(address, part))).collect();
            for part in parts {
                self.kept.extend(part.join().expect("connected"));
            }
        });
    }

    pub(crate) fn keep(&mut self, what: &str, bytes: impl Into<Vec<u8>>) {
        self.kept.push((what.to_owned(), bytes.into()));
    }

    /// Every place where a secret is.
    pub(crate) fn secrets(&self, searcher: &Searcher) -> Vec<String> {
        let mut found = Vec::new();
        for (what, bytes) in &self.kept {
            // A request is no answer: what of it stands in `what` is for the failed test only.
            found.extend(searcher.find(bytes).into_iter().map(|leak| format!("{what}: {leak}")));
        }
        search_files(self.folder.path(), searcher, &mut found);
        found
    }

    pub(crate) fn expect_no_secret(&self, searcher: &Searcher) {
        let found = self.secrets(searcher);
        // Not only those of the first place.
        let some: Vec<&String> = found.iter().step_by(found.len() / 12 + 1).collect();
        assert!(found.is_empty(), "{} leaks, some of them:\n{some:#?}", found.len());
    }
}

fn exchange_all(address: SocketAddr, requests: &[Vec<u8>]) -> Vec<(String, Vec<u8>)> {
    let answers = requests.iter().map(|request| {
        let first = request.split(|&byte| byte == b'\r').next().unwrap_or_default();
        (format!("the answer to {}", first.escape_ascii()), exchange(address, request))
    });
    answers.collect()
}

fn exchange(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).expect("connected");
    stream.set_read_timeout(Some(A_MOMENT)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    drop(stream.write_all(request));
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(len @ 1..) = stream.read(&mut buffer) {
        answer.extend_from_slice(&buffer[..len]);
    }
    answer
}

/// Looks into every file but those that hold tokens.
fn search_files(folder: &Path, searcher: &Searcher, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("a name").path();
        if path.is_dir() {
            search_files(&path, searcher, found);
        } else if path.is_file() && !["readers", "publishers"].iter().any(|name| path.ends_with(name)) {
            let bytes = fs::read(&path).expect("readable");
            found.extend(searcher.find(&bytes).into_iter().map(|leak| format!("{}: {leak}", path.display())));
        }
        let name = path.file_name().expect("a name").as_encoded_bytes();
        found.extend(searcher.find(name).into_iter().map(|leak| format!("the name of a file: {leak}")));
    }
}

fn address(log: &str, before: &str) -> Option<SocketAddr> {
    log.split(before).skip(1).find_map(|rest| rest.split(['\n', '"']).next()?.parse().ok())
}

/// What a wait for the log gives.
pub(crate) trait Found {
    type Value;
    fn found(self) -> Option<Self::Value>;
}

impl<T> Found for Option<T> {
    type Value = T;
    fn found(self) -> Self {
        self
    }
}

impl Found for bool {
    type Value = ();
    fn found(self) -> Option<()> {
        self.then_some(())
    }
}

impl Server {
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).expect("its log")).into_owned()
    }

    /// Waits until there is what this looks for in the log.
    pub(crate) fn wait_until<F: Found>(&mut self, look: impl Fn(&str) -> F) -> F::Value {
        eventually(|| {
            let ended = self.child.try_wait().expect("its status").is_some();
            let log = self.log();
            let found = look(&log).found();
            assert!(found.is_some() || !ended, "it ended: {log}");
            found.ok_or_else(|| "not in the log".to_owned())
        })
    }

    pub(crate) fn wait_for_log(&mut self, part: &str) {
        self.wait_until(|log| log.contains(part));
    }

    pub(crate) fn signal(&self, which: Signal) {
        signal(&self.child, which);
    }

    /// Waits for its end; its whole log.
    pub(crate) fn wait(mut self) -> String {
        eventually(|| self.child.try_wait().expect("its status").ok_or_else(|| "it runs".to_owned()));
        self.log()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
