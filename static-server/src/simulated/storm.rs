//! Any order of clients, faults and clocks from a seed, and each failure of each call at each of its uses: pipelined requests
//! for small and large files and for parts of them, slow readers and slow senders, resets. Every answer that comes is whole and
//! in its order, and every connection ends.

use reactor::simulation::{Call, Failure, Seed, Successor, each_failure};
use reactor::{AddressEviction, Stop};

use super::*;

const SEEDS: u64 = 40;
const STEPS: u64 = 150;

type World = Simulation<StaticHandler>;

fn handler(published: &Arc<Published>) -> StaticHandler {
    StaticHandler::new(Arc::clone(published))
}

fn published(root: &Path) -> Arc<Published> {
    let directory = Directory::new(Root::open(root).unwrap(), 1 << 20, Arc::default());
    let serving = Serving::new(Site::new(Content::Directory(directory), false), Arc::default(), LIMITS);
    Arc::new(Published::new(serving))
}

/// A request: what the client sends, the status of its answer, and its body.
#[derive(Clone, Copy)]
struct Request {
    target: &'static str,
    fields: &'static str,
    status: u16,
    /// The part of the large file that comes.
    part: Option<(usize, usize)>,
    body: &'static [u8],
}

impl Request {
    fn body<'a>(&self, large: &'a [u8]) -> &'a [u8] {
        self.part.map_or(self.body, |(from, to)| &large[from..to])
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { target, fields, .. } = self;
        format!("GET /{target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes()
    }
}

/// The large file has 240,000 bytes.
const REQUESTS: [Request; 5] = [
    Request { target: "small", fields: "", status: 200, part: None, body: b"small" },
    Request { target: "none", fields: "", status: 404, part: None, body: b"404 Not Found\n" },
    Request { target: "large", fields: "", status: 200, part: Some((0, LARGE)), body: b"" },
    Request {
        target: "large",
        fields: "Range: bytes=100000-199999\r\n",
        status: 206,
        part: Some((100_000, 200_000)),
        body: b"",
    },
    Request { target: "small", fields: "Content-Length: 3\r\n", status: 200, part: None, body: b"small" },
];
const LARGE: usize = 240_000;

/// A client that sends requests one behind the other, and what it has got of their answers.
struct Client {
    peer: usize,
    asked: Vec<Request>,
    answered: usize,
    to_send: Vec<u8>,
    got: Vec<u8>,
    behaves: bool,
}

impl Client {
    fn new(sim: &mut World, behaves: bool, host: u8) -> Self {
        let peer = sim.connect_from([127, 0, 0, host]);
        Self { peer, asked: Vec::new(), answered: 0, to_send: Vec::new(), got: Vec::new(), behaves }
    }

    fn ask(&mut self, request: Request) {
        self.asked.push(request);
        self.to_send.extend(request.bytes());
        if request.fields.starts_with("Content-Length") {
            self.to_send.extend(b"abc");
        }
    }

    fn send(&mut self, sim: &mut World, most: usize) {
        let piece: Vec<u8> = self.to_send.drain(..most.min(self.to_send.len())).collect();
        sim.send(self.peer, &piece);
    }

    fn read(&mut self, sim: &mut World, most: usize, large: &[u8]) {
        self.got.extend(sim.read(self.peer, most));
        while let Some((status, body)) = take(&mut self.got) {
            if status == 408 || status >= 500 {
                return; // the last word
            }
            let request = self.asked.get(self.answered).expect("an answer without a request");
            assert_eq!(status, request.status, "{}", request.target);
            assert!(body == request.body(large), "{}: {} bytes", request.target, body.len());
            self.answered += 1;
        }
    }
}

fn settings(seed: &mut Seed, is_harsh: bool) -> Settings {
    let limit = |most| if is_harsh { most } else { 0 };
    Settings {
        max_connections: limit([0, 6][seed.index(2)]),
        max_heads: limit([0, 4][seed.index(2)]),
        max_per_address: limit([0, 2][seed.index(2)]),
        address_eviction: [AddressEviction::Oldest, AddressEviction::OldestUnfinished][seed.index(2)],
        read_size: [50, 65_536][seed.index(2)],
        ..Settings::default()
    }
}

struct Storm<'a> {
    sim: Option<World>,
    clients: Vec<Client>,
    is_harsh: bool,
    published: Arc<Published>,
    large: &'a [u8],
}

impl Storm<'_> {
    fn sim(&mut self) -> &mut World {
        self.sim.as_mut().unwrap()
    }

    fn client_acts(&mut self, seed: &mut Seed) {
        let Self { sim: Some(sim), clients, .. } = self else { return };
        if clients.is_empty() || seed.once_in(6) {
            sim.send_buffer([4096, 200_000][seed.index(2)]);
            let host = u8::try_from(seed.below(5)).unwrap();
            let client = Client::new(sim, seed.once_in(2), host);
            return clients.push(client);
        }
        let place = seed.index(clients.len());
        let client = &mut clients[place];
        match seed.below(12) {
            0 if !client.behaves => sim.reset(client.peer),
            1 if !client.behaves => sim.end(client.peer),
            2 if !client.behaves => sim.send(client.peer, b"\0\r\n\r\n"),
            0..=5 => client.ask(REQUESTS[seed.index(REQUESTS.len())]),
            6..=8 => client.send(sim, [1, 20, 200, 5000][seed.index(4)]),
            _ if client.behaves => client.read(sim, [100, 5000, 1_000_000][seed.index(3)], self.large),
            _ => drop(sim.read(client.peer, 1000)),
        }
    }

    fn act(&mut self, seed: &mut Seed) {
        match seed.below(20) {
            0..=8 => self.client_acts(seed),
            9..=13 => drop(self.sim().turn()),
            14 => self.sim().settle(),
            15 => self.sim().pass(Duration::from_millis([1, 100, 700][seed.index(3)])),
            16 if self.is_harsh => {
                let call = Call::ALL[seed.index(Call::ALL.len())];
                self.sim().disturb(call, 2 + seed.below(40), &call.errors());
            }
            17 if self.is_harsh => self.sim().calm(),
            18 if self.is_harsh => {
                let settings = settings(seed, true);
                self.sim().mailboxes().send_all(|| settings.clone());
            }
            19 if self.is_harsh && seed.once_in(4) => {
                let (workers, settings) = (seed.index(3) + 1, settings(seed, true));
                let next = Successor { workers, settings, delay: Duration::ZERO };
                let (workers, published) = (next.workers, Arc::clone(&self.published));
                let make = |_, _| (0..workers).map(|_| handler(&published)).collect();
                self.sim = self.sim.take().map(|sim| sim.hand_over_to(next, make));
            }
            _ => self.sim().interrupt(),
        }
    }

    fn finish(mut self, seed: u64) {
        let Self { sim: Some(sim), clients, is_harsh, large, .. } = &mut self else { return };
        sim.calm();
        for _ in 0..3000 {
            sim.settle();
            for client in clients.iter_mut().filter(|client| client.behaves) {
                client.send(sim, usize::MAX);
                client.read(sim, usize::MAX, large);
            }
            if clients.iter().all(|client| !client.behaves || client.answered == client.asked.len()) {
                break;
            }
        }
        for client in clients.iter().filter(|client| client.behaves) {
            let is_served = client.answered == client.asked.len();
            assert!(is_served || sim.is_ended(client.peer), "seed {seed}: {}", client.peer);
            assert!(is_served || *is_harsh, "seed {seed}: {} of {}", client.answered, client.asked.len());
        }
        sim.pass(Duration::from_mins(3));
        sim.check_all();
        assert_eq!((sim.counters().open, sim.descriptors()), (0, 0), "seed {seed}");
    }
}

#[test]
fn any_storm_gives_whole_answers_in_their_order_and_leaves_no_connection_behind() {
    let (dir, large) = site();
    assert_eq!(large.len(), LARGE);
    for seed in 0..SEEDS {
        let mut choices = Seed(seed);
        let is_harsh = seed % 2 == 1;
        let (workers, published) = (choices.index(3) + 1, published(dir.path()));
        let settings = settings(&mut choices, is_harsh);
        let sim = Simulation::with_workers(seed, settings, workers, |_, _| handler(&published));
        let mut storm = Storm { sim: Some(sim), clients: Vec::new(), is_harsh, published, large: &large };
        for _ in 0..STEPS {
            storm.act(&mut choices);
        }
        storm.finish(seed);
    }
}

fn scenario(failure: Option<Failure>, published: &Arc<Published>, large: &[u8]) -> Vec<u64> {
    let settings = Settings { max_per_address: 9, ..Settings::default() };
    let mut sim = Simulation::with_workers(3, settings, 2, |_, _| handler(published));
    sim.spurious_events(0);
    sim.fail_once(failure);
    sim.send_buffer(64 * 1024);
    let mut clients: Vec<Client> = (0..3).map(|_| Client::new(&mut sim, true, 1)).collect();
    for (client, requests) in clients.iter_mut().zip([&[0, 1, 3][..], &[4, 0], &[1, 0]]) {
        for request in requests {
            client.ask(REQUESTS[*request]);
        }
        client.send(&mut sim, 60);
    }
    for _ in 0..25 {
        sim.pass(Duration::from_millis(30));
        for client in &mut clients {
            client.send(&mut sim, usize::MAX);
            client.read(&mut sim, 50_000, large);
        }
    }
    let mut newcomer = Client::new(&mut sim, true, 2);
    newcomer.ask(REQUESTS[0]);
    newcomer.send(&mut sim, usize::MAX);
    sim.pass(Duration::from_millis(500));
    newcomer.read(&mut sim, usize::MAX, large);
    clients.push(newcomer);
    let lost = clients.iter().filter(|client| client.answered < client.asked.len()).inspect(|client| {
        assert!(sim.is_ended(client.peer), "{failure:?}: {} answers", client.answered);
    });
    let most = usize::from(failure.is_some_and(Failure::may_cost_a_connection));
    assert!(lost.count() <= most, "{failure:?}");
    sim.control().stop(Stop::Restart);
    sim.pass(Duration::from_mins(1));
    assert_eq!((sim.counters().open, sim.descriptors(), sim.turn()), (0, 0, false), "{failure:?}");
    sim.all_uses()
}

#[test]
fn each_call_may_fail_at_each_use_with_each_error() {
    let (dir, large) = site();
    let published = published(dir.path());
    let failures = each_failure(|failure| scenario(failure, &published, &large));
    println!("{failures} failures");
    assert!(failures > 300, "{failures}");
}
