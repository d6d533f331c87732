//! Requests that publish under a key, cut off and tried again anywhere, while one process takes the place of another: each line is out
//! once and in its place, and every answer is for the whole.

use reactor::simulation::Call;
use rustix::io::Errno;

use super::*;
use crate::{
    publish::{Inlet, Publications},
    service::publisher,
};

const SOURCE: [&str; 2] = ["--source", "http"];

pub(super) fn with_inlet(
    config: Arc<Config>,
    previous: Option<ProcessState>,
    birth: Birth<Mail>,
) -> WsHandler {
    let Birth { mailboxes, now, wall, .. } = birth;
    let start = SharedStart::new(&config, 1, previous, SourceStates::default(), now, wall);
    let wakers = mailboxes.clone();
    let publications = Publications::new(
        publisher(&config, &start, &mailboxes),
        Arc::clone(&start.progress),
        mailboxes.workers(),
        move |worker| wakers.wake(worker),
    );
    let mut handler = WsHandler::new(config, &start, 0, mailboxes);
    handler.inlet = Some(Inlet::new(publications, 0));
    handler
}

pub(super) fn next_process(world: World) -> World {
    next_process_of(world, configured(&SOURCE))
}

/// The next process has this configuration.
pub(super) fn next_process_of(world: World, config: Arc<Config>) -> World {
    world.hand_over(|mut old, birth| {
        let state = export_states(std::slice::from_mut(&mut old));
        let moment = Moment { instant: birth.now, since_boot: Duration::ZERO };
        let state = ProcessState::from_bytes(&state.to_bytes(moment), FORMAT, epoch_at(birth.wall), moment);
        assert!(state.is_some());
        with_inlet(config, state, birth)
    })
}

fn new_world(seed: u64) -> World {
    let config = configured(&SOURCE);
    Simulation::new(seed, config.reactor_settings(), |birth| with_inlet(config, None, birth))
}

/// A peer with one request, which it tries until it has heard the answer three times.
struct Persistent {
    key: String,
    lines: Vec<String>,
    peer: Option<usize>,
    to_send: Vec<u8>,
    heard: Vec<u8>,
    receipts: Vec<String>,
    tries: u32,
}

impl Persistent {
    fn new(number: usize) -> Self {
        let lines = (0..3 + number * 7).map(|line| format!("{number} {line}")).collect();
        let (peer, to_send, heard, receipts) = (None, Vec::new(), Vec::new(), Vec::new());
        Self { key: format!("key {number}"), lines, peer, to_send, heard, receipts, tries: 0 }
    }

    fn is_done(&self) -> bool {
        self.receipts.len() == 3
    }

    fn request(&self, world: &World) -> Vec<u8> {
        let body = self.lines.join("\n");
        let head = format!("PUT / HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: \"{}\"\r\n", self.key);
        if self.tries.is_multiple_of(2) {
            return format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
        }
        let mut bytes = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
        let mut rest = body.as_str();
        while !rest.is_empty() {
            let len = usize::try_from(world.seed().below(9) + 1).unwrap().min(rest.len());
            let (chunk, after) = rest.split_at(len);
            bytes.extend(format!("{:x}\r\n{chunk}\r\n", chunk.len()).into_bytes());
            rest = after;
        }
        bytes.extend(b"0\r\n\r\n");
        bytes
    }

    /// Sends a piece, or gives up; reads what there is, and begins again if that is no receipt.
    fn step(&mut self, world: &mut World, cuts: bool) {
        if self.is_done() {
            return;
        }
        let Some(peer) = self.peer else {
            self.to_send = self.request(world);
            self.peer = Some(world.connect());
            self.heard.clear();
            self.tries += 1;
            return;
        };
        if cuts && world.seed().once_in(12) {
            if world.seed().once_in(2) {
                world.reset(peer);
            } else {
                world.end(peer);
            }
            self.peer = None;
            return;
        }
        let most = usize::try_from(world.seed().below(40)).unwrap().min(self.to_send.len());
        let piece: Vec<u8> = self.to_send.drain(..most).collect();
        world.send(peer, &piece);
        self.heard.extend(world.read(peer, usize::MAX));
        let text = String::from_utf8(self.heard.clone()).unwrap();
        match text.split_once("\r\n\r\n") {
            Some((head, body)) if head.starts_with("HTTP/1.1 200 ") && body.ends_with('\n') => {
                self.receipts.push(body.to_owned());
                self.peer = None;
            }
            Some((head, _)) if !head.starts_with("HTTP/1.1 200 ") => {
                let status = &head[9..12];
                assert!(["400", "409", "503"].contains(&status), "{text}");
                self.peer = None;
            }
            _ if world.is_ended(peer) => self.peer = None,
            _ => {}
        }
    }
}

fn number_in(receipt: &str, name: &str) -> usize {
    let (_, rest) = receipt.split_once(&format!("\"{name}\":")).unwrap();
    let value = rest.split([',', '}']).next().unwrap().trim_matches('"');
    value.split('_').next_back().unwrap().parse().unwrap()
}

/// What happens to connections beside the hand-overs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    Cuts,
    /// Some are lost on the way to the next process, too.
    Losses,
}

fn each_line_is_out_once(seed: u64, trouble: Trouble) {
    let mut world = new_world(seed);
    let mut strangers = Vec::new();
    let mut peers: Vec<Persistent> = (0..10).map(Persistent::new).collect();
    let mut steps = 0;
    while peers.iter().any(|peer| !peer.is_done()) {
        steps += 1;
        assert!(steps < 10 * STEPS, "seed {seed}: nothing goes on");
        if steps < STEPS {
            misbehave(&mut world, &mut strangers);
        }
        for peer in &mut peers {
            peer.step(&mut world, steps < STEPS && trouble != Trouble::None);
        }
        if steps < STEPS && world.seed().once_in(10) {
            world = next_process(world);
            if trouble == Trouble::Losses && world.seed().once_in(2) {
                // Some of the connections do not arrive.
                world.fail(Call::Add, 3, Errno::NOMEM);
            }
        }
        world.settle();
        world.advance(Duration::from_millis(1));
    }
    let mut reader = Reader::new(&mut world);
    for _ in 0..10 {
        world.settle();
        reader.read(&mut world, usize::MAX);
    }
    let text = std::str::from_utf8(&reader.bytes).unwrap();
    let out: Vec<&str> = text.split_once("\r\n\r\n").unwrap().1.lines().collect();
    for (number, peer) in peers.iter().enumerate() {
        assert!(trouble != Trouble::None || peer.tries == 3, "seed {seed}: each try has had its answer");
        let of_peer: Vec<_> =
            out.iter().filter(|line| line.split(' ').next() == Some(&number.to_string())).collect();
        assert!(of_peer.iter().eq(&peer.lines.iter().collect::<Vec<_>>()), "seed {seed}: {of_peer:?}");
        let receipt = &peer.receipts[0];
        assert!(peer.receipts.iter().all(|other| other == receipt), "seed {seed}: {:?}", peer.receipts);
        assert_eq!(number_in(receipt, "lines"), peer.lines.len());
        let at = |name| out[number_in(receipt, name) - 1];
        assert_eq!(
            (at("first"), at("last")),
            (&*peer.lines[0], &**peer.lines.last().unwrap()),
            "seed {seed}"
        );
    }
}

#[test]
fn whatever_is_cut_and_tried_again_each_line_is_out_once() {
    for seed in 0..SEEDS {
        each_line_is_out_once(seed, Trouble::Cuts);
    }
}

#[test]
fn so_it_is_where_connections_are_lost_on_the_way() {
    for seed in 0..SEEDS {
        each_line_is_out_once(seed, Trouble::Losses);
    }
}

#[test]
fn a_request_that_is_left_alone_goes_on_through_all_processes() {
    for seed in 0..SEEDS {
        each_line_is_out_once(seed, Trouble::None);
    }
}
