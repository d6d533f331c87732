//! Storms: every kind of peer, fault, clock and hand-over in an order from a seed, over workers that are stepped in any order.
//! Every peer gets a prefix of its own frames, in order and whole; whoever behaves gets all of them; nothing is left behind.

mod handler;
mod nth_failure;

use std::fs::File;
use std::io::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use self::handler::{Mail, PROXY, REFUSED, Storm, UNREADABLE, file_byte, frame};
use crate::simulation::{Call, Seed, Simulation, Successor};
use crate::{AddressEviction, Settings, Stop};

/// Seeds of one run, unless the environment says `SEEDS`.
const SEEDS: u64 = 100;
const STEPS: u64 = 250;
/// Frames that a peer asks for at once.
const COMMANDS: &[u8] = b"ssssmbbBPfdneipxwgyuLcFCR?";

struct Peer {
    number: usize,
    /// It sends only requests for small frames, and reads all.
    behaves: bool,
    asked: u32,
    got: Vec<u8>,
    /// Frames that it has got.
    frames: u32,
    small: u32,
    is_over: bool,
}

impl Peer {
    fn new(number: usize, behaves: bool) -> Self {
        Self { number, behaves, asked: 0, got: Vec::new(), frames: 0, small: 0, is_over: false }
    }

    fn read(&mut self, sim: &mut Simulation<Storm>, most: usize) {
        let bytes = sim.read(self.number, most);
        assert!(bytes.is_empty() || !self.is_over, "bytes behind the last ones");
        self.got.extend(bytes);
        while let Some(len) = self.take() {
            self.got.drain(..len);
        }
    }

    /// Checks the first frame, and returns its length if it is whole.
    fn take(&mut self) -> Option<usize> {
        let kind = *self.got.first()?;
        if kind == REFUSED || kind == UNREADABLE {
            assert!(self.got.len() == 1 && !self.is_over && (kind == UNREADABLE || self.frames == 0));
            self.is_over = true;
            return Some(1);
        }
        let head = self.got.get(..9)?;
        let number = u32::from_be_bytes(head[1..5].try_into().unwrap());
        let len = u32::from_be_bytes(head[5..9].try_into().unwrap()) as usize;
        assert!(matches!(kind, b's' | b'f') && len <= 30_000, "no frame: {head:?}");
        assert_eq!(number, self.frames, "frames come once, and in order");
        let body = self.got.get(9..9 + len)?;
        match kind {
            b's' => assert!(frame(number, len)[9..] == *body),
            _ => assert!(body.iter().enumerate().all(|(at, byte)| *byte == file_byte(at))),
        }
        self.frames += 1;
        self.small += u32::from(len == 10);
        Some(9 + len)
    }
}

fn file() -> Arc<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&(0..30_000).map(file_byte).collect::<Vec<u8>>()).unwrap();
    Arc::new(file)
}

fn settings(seed: &mut Seed) -> Settings {
    let kinds = [AddressEviction::OldestUnfinished, AddressEviction::Oldest];
    Settings {
        max_connections: [0, 0, 12, 30][seed.index(4)],
        max_heads: [0, 0, 6][seed.index(3)],
        max_per_address: [0, 3, 8, 33][seed.index(4)],
        address_eviction: kinds[seed.index(2)],
        read_size: [1, 7, 512, 64 * 1024][seed.index(4)],
        write_timeout: Duration::from_millis([900, 3000][seed.index(2)]),
        linger: Duration::from_millis([100, 2000][seed.index(2)]),
        linger_bytes: [0, 100, 65_536][seed.index(3)],
        drain_timeout: Duration::from_secs(1),
        stop_spread: Duration::from_millis([0, 300][seed.index(2)]),
        ..Settings::default()
    }
}

/// IPv4, IPv6 of one network and of others, an IPv4 address in IPv6, and a proxy.
fn address(seed: &mut Seed) -> IpAddr {
    let addresses =
        ["127.0.0.1", "127.0.0.2", "::ffff:127.0.0.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"];
    if seed.once_in(5) { PROXY } else { addresses[seed.index(addresses.len())].parse().unwrap() }
}

struct Run {
    sim: Option<Simulation<Storm>>,
    file: Arc<File>,
    peers: Vec<Peer>,
    /// The limits may cost a peer its place, and faults its connection.
    is_harsh: bool,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut choices = Seed(seed ^ 0x5eed);
        let is_harsh = choices.once_in(2);
        let limits = settings(&mut choices);
        let limits = if is_harsh { limits } else { gentle(&limits) };
        let file = file();
        let workers = choices.index(4) + 1;
        let sim = Simulation::with_workers(seed, limits, workers, |_, _| Storm::new(file.clone()));
        Self { sim: Some(sim), file, peers: Vec::new(), is_harsh }
    }

    fn sim(&mut self) -> &mut Simulation<Storm> {
        self.sim.as_mut().unwrap()
    }

    fn connect(&mut self, seed: &mut Seed, behaves: bool) {
        // Whoever behaves has an address of its own.
        let count = u8::try_from(self.peers.len() % 200).unwrap();
        let from = if behaves { IpAddr::from([10, 9, 9, count]) } else { address(seed) };
        let bytes = [4096, 4096, 256 * 1024][seed.index(3)];
        let listener = seed.index(2);
        let sim = self.sim();
        sim.send_buffer(bytes);
        let number = sim.connect_to(listener, from);
        self.peers.push(Peer::new(number, behaves));
    }

    fn peer_acts(&mut self, seed: &mut Seed) {
        if self.peers.is_empty() {
            return self.connect(seed, true);
        }
        let Self { sim, peers, .. } = self;
        let sim = sim.as_mut().unwrap();
        let place = seed.index(peers.len());
        let peer = &mut peers[place];
        if peer.behaves {
            let count = seed.index(5);
            sim.send(peer.number, &vec![b's'; count]);
            peer.asked += u32::try_from(count).unwrap();
            return peer.read(sim, usize::MAX);
        }
        match seed.below(13) {
            // It takes a long answer slowly, but all the time.
            12 => {
                sim.send(peer.number, b"eB");
                for _ in 0..10 {
                    sim.pass(Duration::from_millis(180));
                    peer.read(sim, 3000);
                }
            }
            0 => sim.end(peer.number),
            1 => sim.reset(peer.number),
            2..=5 => peer.read(sim, [1, 100, 5000, usize::MAX][seed.index(4)]),
            _ => {
                let commands: Vec<u8> =
                    (0..seed.index(12)).map(|_| COMMANDS[seed.index(COMMANDS.len())]).collect();
                sim.send(peer.number, &commands);
            }
        }
    }

    fn fault(&mut self, seed: &mut Seed) {
        let is_harsh = self.is_harsh;
        let call = Call::ALL[seed.index(Call::ALL.len())];
        let errors = call.errors();
        let errno = errors[seed.index(errors.len())];
        let sim = self.sim();
        match seed.below(6) {
            0 if is_harsh => sim.fail_nth(call, sim.uses(call) + 1 + seed.below(5), errno),
            1 if is_harsh => sim.disturb(call, 2 + seed.below(30), &errors),
            2 if is_harsh => sim.limit_descriptors(seed.index(20)),
            3 => sim.limit_events(1 + seed.index(20)),
            4 => sim.interrupt(),
            _ => sim.calm(),
        }
    }

    fn hand_over(&mut self, seed: &mut Seed) {
        let limits = settings(seed);
        let settings = if self.is_harsh { limits } else { gentle(&limits) };
        let next = Successor { workers: seed.index(4) + 1, settings, delay: Duration::ZERO };
        let (workers, file) = (next.workers, self.file.clone());
        let make = |old: Vec<Storm>, _| {
            assert!(old.iter().all(|storm| storm.live.is_empty()), "all have left");
            (0..workers).map(|_| Storm::new(file.clone())).collect()
        };
        self.sim = self.sim.take().map(|sim| sim.hand_over_to(next, make));
    }

    fn act(&mut self, seed: &mut Seed) {
        match seed.below(40) {
            0..=4 => {
                let behaves = seed.once_in(4);
                self.connect(seed, behaves);
            }
            5..=20 => self.peer_acts(seed),
            21..=27 => drop(self.sim().turn()),
            28 => self.sim().settle(),
            29..=31 => {
                let time = Duration::from_millis([1, 20, 150, 1100][seed.index(4)]);
                self.sim().pass(time);
            }
            32 => self.sim().advance(Duration::from_millis(seed.below(400))),
            33 => {
                let mail = [Mail::Broadcast, Mail::Broadcast, Mail::Resume];
                let (mail, sim) = (mail[seed.index(3)].clone(), self.sim());
                sim.mailboxes().send_all(|| mail.clone());
            }
            34 if self.is_harsh => {
                let settings = Box::new(settings(seed));
                self.sim().mailboxes().send_all(|| Mail::Configure(settings.clone()));
            }
            35 => self.hand_over(seed),
            36 => self.sim().stand_still(Duration::from_millis(seed.below(3000)), |_| ()),
            37 => self.sim().step_wall_clock(-5000),
            38 => self.sim().suspend(Duration::from_hours(8)),
            _ => self.fault(seed),
        }
    }

    /// The faults stop: whoever behaves is served, and then everybody goes.
    fn finish(mut self, seed: u64) {
        self.sim().calm();
        for _ in 0..30 {
            self.sim().pass(Duration::from_millis(50));
            let Self { sim, peers, .. } = &mut self;
            let sim = sim.as_mut().unwrap();
            peers.iter_mut().filter(|peer| peer.behaves).for_each(|peer| peer.read(sim, usize::MAX));
        }
        let is_harsh = self.is_harsh;
        let Self { sim: Some(sim), peers, .. } = &mut self else { return };
        for peer in peers.iter().filter(|peer| peer.behaves && !sim.is_ended(peer.number)) {
            assert_eq!(peer.small, peer.asked, "seed {seed}: peer {}", peer.number);
        }
        let stops = seed.is_multiple_of(2);
        if stops {
            sim.control().stop(if seed.is_multiple_of(4) { Stop::Shutdown } else { Stop::Restart });
        }
        for peer in peers.iter() {
            if stops || peer.number % 2 == 0 { sim.end(peer.number) } else { sim.reset(peer.number) }
        }
        sim.pass(Duration::from_mins(1));
        sim.check_all();
        assert_eq!((sim.counters().open, sim.descriptors()), (0, 0), "seed {seed} {is_harsh}");
        assert_eq!(stops, !sim.turn(), "seed {seed}");
    }
}

/// Nothing in these settings costs a peer that behaves its place.
fn gentle(settings: &Settings) -> Settings {
    Settings { max_connections: 0, max_heads: 0, max_per_address: 0, ..settings.clone() }
}

#[test]
#[allow(clippy::disallowed_methods)] // a longer run is asked for by the environment
fn any_storm_keeps_every_promise_of_the_reactor() {
    let seeds = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    (0..seeds).for_each(storm);
}

fn storm(seed: u64) {
    let mut run = Run::new(seed);
    let mut choices = Seed(seed);
    let told = OnPanic(seed);
    for step in 0..STEPS {
        run.sim().reseed(seed << 32 | step);
        run.act(&mut choices);
    }
    run.finish(seed);
    std::mem::forget(told);
}

/// Says which seed has failed.
struct OnPanic(u64);

impl Drop for OnPanic {
    fn drop(&mut self) {
        println!("the storm of seed {}", self.0);
    }
}
