//! Those who publish and read in these tests, and another worker beside theirs.

use std::sync::atomic::{AtomicU64, Ordering};

use reactor::Mailboxes;

use super::super::*;
use crate::{
    publish::{Inlet, Publications},
    source::{Intake, Publisher, SourceProgress},
};

pub(super) const SOURCE: [&str; 2] = ["--source", "http"];

/// Another worker of the same process, which is as far with the stream as the test says.
pub(super) struct Other {
    intake: Intake,
    passed_on: u64,
    posted: Arc<AtomicU64>,
    mailboxes: Mailboxes<Mail>,
}

impl Other {
    pub(super) fn new(
        progress: &Arc<SourceProgress>,
        posted: Arc<AtomicU64>,
        mailboxes: Mailboxes<Mail>,
    ) -> Self {
        Self { intake: Intake::new(1, Arc::clone(progress)), passed_on: 0, posted, mailboxes }
    }

    pub(super) fn behind(&self) -> u64 {
        self.posted.load(Ordering::Relaxed) - self.passed_on
    }

    /// Passes on so many batches more, at most all.
    pub(super) fn pass_on(&mut self, batches: u64) {
        for _ in 0..batches.min(self.behind()) {
            self.intake.count_batch();
            self.passed_on += 1;
        }
        self.intake.report();
        self.mailboxes.wake(0); // what waits there may have room now
    }
}

/// A worker that takes lines, and another one beside it.
pub(super) fn world_of_two(seed: u64, args: &[&str]) -> (World, Other) {
    let config = configured(&[&SOURCE, args].concat());
    let settings = config.reactor_settings();
    let mut other = None;
    let world = Simulation::new(seed, settings, |birth: Birth<Mail>| {
        let Birth { mailboxes, now, wall, .. } = birth;
        let start = SharedStart::new(&config, 2, None, SourceStates::default(), now, wall);
        let posted = Arc::<AtomicU64>::default();
        let mut handler = WsHandler::new(Arc::clone(&config), &start, 0, mailboxes.clone());
        handler.inlet = Some(inlet(&config, &start, mailboxes.clone(), Arc::clone(&posted)));
        other = Some(Other::new(&start.progress, posted, mailboxes));
        handler
    });
    (world, other.unwrap())
}

pub(super) fn inlet(
    config: &Config,
    start: &SharedStart,
    mailboxes: Mailboxes<Mail>,
    posted: Arc<AtomicU64>,
) -> Inlet {
    let wakers = mailboxes.clone();
    let post = move |batch| {
        posted.fetch_add(1, Ordering::Relaxed);
        mailboxes.send_all(|| Mail::Batch(Arc::clone(&batch)));
    };
    let progress = Arc::clone(&start.progress);
    let publisher = Publisher::new(Arc::clone(&progress), config.line_format(), post);
    let wake = move |worker| wakers.wake(worker);
    Inlet::new(Publications::new(Arc::new(publisher), progress, 2, wake), 0)
}

/// A peer that publishes, and the answers that it has read.
pub(super) struct Producer {
    pub(super) peer: usize,
    pub(super) to_send: Vec<u8>,
    pub(super) answers: Vec<u8>,
    pub(super) lines: Vec<String>,
}

impl Producer {
    pub(super) fn new(world: &mut World, to_send: Vec<u8>, lines: Vec<String>) -> Self {
        Self { peer: world.connect(), to_send, answers: Vec::new(), lines }
    }

    /// Sends a piece, and reads what there is.
    pub(super) fn step(&mut self, world: &mut World, most: u64) {
        let most = usize::try_from(world.seed().below(most) + 1).unwrap().min(self.to_send.len());
        let piece: Vec<u8> = self.to_send.drain(..most).collect();
        world.send(self.peer, &piece);
        self.read(world);
    }

    pub(super) fn read(&mut self, world: &mut World) {
        self.answers.extend(world.read(self.peer, usize::MAX));
    }

    /// The bodies of its answers, all of which are a 200.
    pub(super) fn receipts(&self) -> Vec<String> {
        let text = String::from_utf8(self.answers.clone()).unwrap();
        let parts: Vec<&str> = text.split("HTTP/1.1 ").skip(1).collect();
        assert!(parts.iter().all(|part| part.starts_with("200 OK")), "{text}");
        parts.iter().map(|part| part.split("\r\n\r\n").nth(1).unwrap().trim().to_owned()).collect()
    }
}

/// A request with these lines, by its length or in chunks of all sizes.
pub(super) fn request(world: &World, body: &str) -> Vec<u8> {
    let mut seed = world.seed();
    if seed.once_in(2) {
        return format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            .into_bytes();
    }
    let mut bytes = b"PUT / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let mut rest = body;
    while !rest.is_empty() {
        let (chunk, after) =
            rest.split_at(usize::try_from(seed.below(40)).unwrap_or(0).min(rest.len() - 1) + 1);
        bytes.extend(format!("{:x}\r\n{chunk}\r\n", chunk.len()).into_bytes());
        rest = after;
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

/// Reads the stream as lines.
pub(super) struct Lines(pub(super) Reader);

impl Lines {
    pub(super) fn new(world: &mut World) -> Self {
        Self(Reader::new(world))
    }

    pub(super) fn read(&mut self, world: &mut World) -> Vec<String> {
        let mut before = usize::MAX;
        while before != self.0.bytes.len() {
            before = self.0.bytes.len();
            world.settle();
            self.0.read(world, usize::MAX);
        }
        world.settle();
        let text = std::str::from_utf8(&self.0.bytes).unwrap();
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        body.lines().map(str::to_owned).collect()
    }
}

pub(super) fn number_in(receipt: &str, name: &str) -> usize {
    let rest = receipt.split(&format!("\"{name}\":")).nth(1).unwrap();
    let digits = rest.trim_start_matches('"');
    let digits = digits.split_once('_').map_or(digits, |(_, number)| number);
    digits.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
}
