//! The loop in a simulated world, with the smallest handler that uses all of it: it echoes lines, answers `big` with much,
//! lives on for `more`, is idle after `idle`, closes for `bye`, panics for `panic`, pauses its input for `wait` and ignores comments.

use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::simulation::{Call, Simulation};
use super::*;

mod bounds;
mod eviction;
mod faults;
mod input_before_time;
mod paused;
mod per_address;
mod seen;
mod spurious;
mod storm;

/// The handler does not export a connection that is in the middle of this.
const STAYS: &[u8] = b"a line that is longer than any other here";
/// Peers from 127.0.0.99 are those of a proxy, which names the client: `@` and the last byte of its address.
const PROXY: u8 = 99;
const LIFE: Duration = Duration::from_secs(10);

struct Echo {
    big: Arc<[u8]>,
    closed: Vec<CloseReason>,
    drains: u32,
    ticks: Vec<Token>,
    /// What it sends on every connection that it exports.
    goodbye: &'static [u8],
    /// The state that it can read.
    reads: &'static [u8],
    /// The next `on_open` panics.
    panics: bool,
    /// What `closed` was in the latest `on_turn`.
    told: Vec<CloseReason>,
    /// With it, the first connection gets mail that is sent just before a hand-over.
    last_mail: Option<Mailboxes<&'static [u8]>>,
}

fn echo() -> Echo {
    let big = (0..50_000u32).map(|i| b'a' + u8::try_from(i % 26).unwrap()).collect();
    Echo {
        big,
        closed: Vec::new(),
        drains: 0,
        ticks: Vec::new(),
        goodbye: b"",
        reads: b"echo",
        panics: false,
        told: Vec::new(),
        last_mail: None,
    }
}

impl Handler for Echo {
    type Conn = ();
    type Mail = &'static [u8];

    fn on_open(&mut self, cx: &mut Context<'_>) -> ((), Flow) {
        assert!(!std::mem::take(&mut self.panics), "as asked");
        cx.set_deadline(cx.now() + LIFE);
        self.ticks.push(cx.token());
        ((), Flow::Continue)
    }

    fn on_data(&mut self, (): &mut (), input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        let Some(end) = input.iter().position(|&byte| byte == b'\n') else {
            return Progress { consumed: 0, flow: Flow::Continue };
        };
        if input[0] != b'@' {
            cx.set_established();
        }
        let line = &input[..=end];
        let mut flow = Flow::Continue;
        match line {
            b"big\n" => cx.send_shared(&self.big, 0..self.big.len()),
            [b'#', ..] => {}
            b"idle\n" => cx.set_idle(),
            [b'@', host, b'\n'] => {
                if !cx.set_real_peer(Some(IpAddr::from([127, 1, 1, *host]))) {
                    cx.send(b"full\n");
                    flow = Flow::CloseWhenFlushed;
                }
            }
            b"pieces\n" => {
                for piece in 0..3 {
                    cx.send_shared(&self.big, piece * 26..piece * 26 + 26);
                }
            }
            b"more\n" => cx.set_deadline(cx.now() + LIFE),
            b"soon\n" => cx.set_deadline(cx.now() + LIFE / 10),
            b"drain\n" => {
                cx.send(line);
                cx.want_drain();
            }
            b"file\n" => {
                let mut file = tempfile::tempfile().unwrap();
                file.write_all(&self.big).unwrap();
                cx.send_file(Arc::new(file), 0, self.big.len() as u64);
            }
            b"bye\n" => flow = Flow::CloseWhenFlushed,
            b"panic\n" => panic!("as asked"),
            b"deaf\n" => cx.ignore_input(),
            b"wait\n" => cx.pause_input(),
            line => cx.send(line),
        }
        Progress { consumed: end + 1, flow }
    }

    fn on_end(&mut self, (): &mut (), input: &mut [u8], cx: &mut Context<'_>) -> Flow {
        cx.send(input);
        Flow::CloseWhenFlushed
    }

    fn on_drain(&mut self, (): &mut (), _: &mut Context<'_>) -> Flow {
        self.drains += 1;
        Flow::Continue
    }

    fn on_deadline(&mut self, (): &mut (), _: &mut Context<'_>) -> Flow {
        Flow::Close
    }

    fn export(&mut self, (): &mut (), partial: usize, cx: &mut Context<'_>) -> Option<Exported> {
        if partial == STAYS.len() {
            return None;
        }
        cx.send(self.goodbye);
        Some(Exported { state: b"echo".to_vec(), closing_bytes: b"moved\n".to_vec() })
    }

    fn adopt(&mut self, state: &[u8], cx: &mut Context<'_>) -> Option<((), Flow)> {
        self.ticks.push(cx.token());
        cx.set_established();
        (state == self.reads).then_some(((), Flow::Continue))
    }

    fn on_close(&mut self, (): (), token: Token, why: CloseReason, _: Instant) {
        self.ticks.retain(|&tick| tick != token);
        self.closed.push(why);
    }

    fn on_refuse(&mut self) -> &'static [u8] {
        b"full\n"
    }

    fn is_proxy(&self, peer: Option<IpAddr>) -> bool {
        peer == Some(IpAddr::from([127, 0, 0, PROXY]))
    }

    fn on_mail(&mut self, mail: &'static [u8], turn: &mut Turn<'_, ()>) {
        for &token in &self.ticks {
            turn.visit(token, |(), cx| {
                match mail {
                    b"resume" => cx.resume_input(),
                    mail => cx.send(mail),
                }
                Flow::Continue
            });
        }
    }

    fn on_turn(&mut self, turn: &mut Turn<'_, ()>) -> Wake {
        if let Some(mailboxes) = self.last_mail.take_if(|_| !self.ticks.is_empty()) {
            mailboxes.send(0, b"last\n");
            turn.stop_all(Stop::HandOver);
        }
        self.told.clone_from(&self.closed);
        Wake::Idle
    }

    fn on_stop(&mut self, (): &mut (), _: Stop, cx: &mut Context<'_>) -> Flow {
        cx.send(b"stop\n");
        Flow::CloseWhenFlushed
    }
}

fn simulation(seed: u64, settings: Settings) -> Simulation<Echo> {
    Simulation::new(seed, settings, |_| echo())
}

fn all(sim: &mut Simulation<Echo>, peer: usize) -> Vec<u8> {
    let mut got = Vec::new();
    loop {
        sim.settle();
        let read = sim.read(peer, usize::MAX);
        if read.is_empty() {
            return got;
        }
        got.extend(read);
    }
}

#[test]
fn lines_come_back_in_order_however_they_are_cut() {
    for seed in 0..200 {
        let mut sim = simulation(seed, Settings::default());
        let peer = sim.connect();
        let mut seeds = sim.seed();
        let text: Vec<u8> = (0..100).flat_map(|i| format!("line {i}\n").into_bytes()).collect();
        let mut rest = &text[..];
        while !rest.is_empty() {
            let cut = usize::try_from(seeds.below(rest.len() as u64) + 1).unwrap();
            sim.send(peer, &rest[..cut]);
            rest = &rest[cut..];
            if seeds.once_in(2) {
                sim.settle();
            }
        }
        assert_eq!(all(&mut sim, peer), text, "seed {seed}");
    }
}

#[test]
fn a_peer_that_does_not_read_is_not_read_from_and_gets_everything_once_it_does() {
    for seed in 0..50 {
        let mut sim = simulation(seed, Settings::default());
        let peer = sim.connect();
        sim.send(peer, b"big\none\nbig\ntwo\n");
        sim.settle();
        let got = all(&mut sim, peer);
        assert_eq!(got.len(), 100_008, "seed {seed}");
        assert_eq!(&got[50_000..50_004], b"one\n");
        assert_eq!(&got[100_004..], b"two\n");
    }
}

#[test]
fn one_connection_that_panics_is_closed_and_the_others_go_on() {
    let mut sim = simulation(1, Settings::default());
    let (bad, good) = (sim.connect(), sim.connect());
    sim.send(bad, b"panic\n");
    sim.send(good, b"hello\n");
    turn_with_panic(&mut sim);
    assert!(sim.is_closed(bad));
    assert_eq!(sim.counters().open, 1);
    assert_eq!(sim.read(good, 99), b"hello\n");
}

#[test]
fn a_connection_whose_opening_panics_ends_and_is_not_counted_as_open() {
    let mut sim = Simulation::new(1, Settings::default(), |_| Echo { panics: true, ..echo() });
    let (bad, good) = (sim.connect(), sim.connect());
    sim.send(good, b"hello\n");
    turn_with_panic(&mut sim);
    assert!(sim.is_ended(bad));
    assert_eq!(sim.counters().open, 1);
    assert_eq!(sim.read(good, 99), b"hello\n");
}

/// A turn in which a handler panics, without its report on standard error.
fn turn_with_panic(sim: &mut Simulation<Echo>) {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let turned = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sim.turn()));
    std::panic::set_hook(hook);
    assert!(turned.is_err(), "the simulation reports a panic");
}

#[test]
fn a_connection_ends_at_its_deadline_and_a_slow_one_at_the_write_timeout() {
    let settings = Settings { write_timeout: Duration::from_secs(3), ..Settings::default() };
    let mut sim = simulation(2, settings);
    let (silent, slow) = (sim.connect(), sim.connect());
    sim.send(slow, b"big\n");
    sim.settle();
    for _ in 0..9 {
        sim.advance(Duration::from_secs(1));
        sim.read(slow, 1); // a byte a second is no progress
        sim.settle();
    }
    assert!(sim.is_closed(slow) && !sim.is_closed(silent));
    assert_eq!(sim.counters().closed[CloseReason::Slow as usize], 1);
    sim.advance(Duration::from_millis(1_016));
    sim.settle();
    assert!(sim.is_closed(silent));
}

#[test]
fn the_answer_arrives_before_the_end_and_late_bytes_are_read_away() {
    let mut sim = simulation(3, Settings::default());
    let peer = sim.connect();
    sim.send(peer, b"hello\nbye\nlate");
    assert_eq!(all(&mut sim, peer), b"hello\n");
    assert!(sim.is_ended(peer) && !sim.is_closed(peer), "it lingers");
    sim.send(peer, &[b'x'; 1000]);
    sim.settle();
    assert!(!sim.is_closed(peer));
    sim.end(peer);
    sim.settle();
    assert!(sim.is_closed(peer));
}

#[test]
fn accepting_goes_on_by_itself_after_descriptors_ran_out() {
    let mut sim = simulation(4, Settings::default());
    sim.fail(Call::Accept, 2, Errno::MFILE);
    let peer = sim.connect();
    sim.send(peer, b"hello\n");
    sim.settle();
    assert_eq!(sim.counters().accept_errors, 1);
    for _ in 0..2 {
        sim.advance(Duration::from_millis(100));
        sim.settle();
    }
    assert_eq!(all(&mut sim, peer), b"hello\n");
}

#[test]
fn a_newcomer_takes_the_place_of_a_silent_one_and_is_refused_when_all_have_spoken() {
    let mut sim = simulation(5, Settings { max_connections: 2, ..Settings::default() });
    let (silent, spoke) = (sim.connect(), sim.connect());
    sim.send(spoke, b"hello\n");
    sim.settle();
    let newcomer = sim.connect();
    sim.send(newcomer, b"hello\n");
    sim.settle();
    assert!(sim.is_closed(silent) && !sim.is_closed(spoke));
    let refused = sim.connect();
    assert_eq!(all(&mut sim, refused), b"full\n");
    assert!(sim.is_ended(refused));
}

#[test]
fn one_goes_for_one_that_comes_also_where_two_limits_are_reached() {
    let mut sim = simulation(5, Settings { max_connections: 4, max_heads: 4, ..Settings::default() });
    let silent = [sim.connect(), sim.connect(), sim.connect(), sim.connect()];
    sim.settle();
    let newcomer = sim.connect();
    sim.settle();
    assert_eq!(silent.map(|peer| sim.is_closed(peer)), [true, false, false, false]);
    assert!(!sim.is_closed(newcomer));
    assert_eq!(sim.counters().closed[CloseReason::Evicted as usize], 1);
}

#[test]
fn only_so_many_long_requests_may_be_unfinished_and_short_ones_do_not_mind() {
    let settings = Settings { max_connections: 0, max_heads: 0, ..Settings::default() };
    let mut sim = simulation(5, settings);
    let long = |sim: &mut Simulation<Echo>| {
        let peer = sim.connect();
        sim.send(peer, &[b'x'; super::settings::LONG_TAIL + 1]);
        sim.settle();
        peer
    };
    let many: Vec<usize> = (0..super::settings::MAX_LONG_TAILS).map(|_| long(&mut sim)).collect();
    assert!(many.iter().all(|&peer| !sim.is_closed(peer)));
    let (short, one_more) = (sim.connect(), long(&mut sim));
    assert!(sim.is_closed(one_more) && sim.counters().closed[CloseReason::Evicted as usize] == 1);
    sim.send(short, b"hel");
    sim.settle();
    sim.send(short, b"lo\n");
    assert_eq!(all(&mut sim, short), b"hello\n");
    // One that is complete, and one that is gone, make room.
    sim.send(many[0], b"\n");
    assert_eq!(all(&mut sim, many[0]).len(), super::settings::LONG_TAIL + 2);
    sim.reset(many[1]);
    sim.settle();
    let (first, second) = (long(&mut sim), long(&mut sim));
    assert!(!sim.is_closed(first) && !sim.is_closed(second));
    let third = long(&mut sim);
    assert!(sim.is_closed(third));
}

#[test]
fn an_address_over_its_limit_gives_up_its_own_oldest_silent_connection() {
    let mut sim = simulation(6, Settings { max_per_address: 2, ..Settings::default() });
    let (first, second) = (sim.connect(), sim.connect());
    sim.settle();
    let peers = [first, second, sim.connect()];
    sim.settle();
    assert_eq!(peers.map(|peer| sim.is_closed(peer)), [true, false, false]);
}

#[test]
fn a_stop_reaches_every_connection_and_ends_within_the_drain_timeout() {
    let mut sim = simulation(7, Settings::default());
    let (polite, stuck) = (sim.connect(), sim.connect());
    sim.send(stuck, b"big\n");
    sim.settle();
    sim.advance(Duration::from_secs(1));
    sim.control().stop(Stop::Shutdown);
    assert_eq!(all(&mut sim, polite), b"stop\n");
    sim.end(polite);
    assert!(sim.turn(), "one is still there");
    sim.advance(Duration::from_secs(5));
    for turns in 0.. {
        if !sim.turn() {
            break;
        }
        assert!(turns < 1000, "the stop has no end");
    }
    assert!(sim.is_closed(polite) && sim.is_closed(stuck));
}

#[test]
fn a_request_that_is_under_way_at_a_stop_is_served_before_the_connection_ends() {
    for stop in [Stop::Shutdown, Stop::Restart, Stop::Finished] {
        let mut sim = simulation(7, Settings::default());
        let (older, young, silent) = (sim.connect(), sim.connect(), sim.connect());
        sim.send(older, b"hello\n");
        sim.settle();
        sim.advance(Duration::from_millis(300));
        sim.control().stop(stop);
        assert_eq!(all(&mut sim, older), b"hello\nstop\n", "it has spoken, and waits for nothing");
        sim.advance(Duration::from_millis(300));
        sim.settle();
        assert!(!sim.is_ended(young) && !sim.is_ended(silent));
        sim.send(young, b"hello\n");
        assert_eq!(all(&mut sim, young), b"hello\n");
        sim.advance(Duration::from_millis(700));
        assert_eq!(all(&mut sim, young), b"stop\n");
        assert_eq!(all(&mut sim, silent), b"stop\n", "it has had a second for its first byte");
    }
}

#[test]
fn a_stop_waits_for_no_connection_that_has_been_silent_for_a_second_or_has_ended() {
    let mut sim = simulation(7, Settings::default());
    let silent = sim.connect();
    sim.settle();
    sim.advance(Duration::from_secs(1));
    let ended = sim.connect();
    sim.settle();
    sim.end(ended);
    sim.control().stop(Stop::Shutdown);
    assert_eq!(all(&mut sim, silent), b"stop\n");
    sim.end(silent);
    sim.settle();
    assert!(sim.is_closed(ended) && sim.is_closed(silent));
}

#[test]
fn a_stop_for_good_is_spread_over_the_time_that_the_settings_say() {
    const PEERS: usize = 5000;
    let stop_spread = Duration::from_millis(2500);
    let settings = Settings { max_connections: PEERS, max_heads: 0, stop_spread, ..Settings::default() };
    let mut sim = simulation(8, settings);
    let peers: Vec<usize> = (0..PEERS).map(|_| sim.connect()).collect();
    sim.settle();
    sim.advance(Duration::from_secs(1));
    sim.control().stop(Stop::Shutdown);
    sim.settle();
    let ended = |sim: &Simulation<Echo>| peers.iter().filter(|peer| sim.is_ended(**peer)).count();
    for tenths in 1..=10 {
        sim.advance(Duration::from_millis(250));
        sim.settle();
        let ended = ended(&sim);
        assert!(ended.abs_diff(PEERS * tenths / 10) < PEERS / 50, "{ended} after {tenths} tenths");
    }
}

#[test]
fn any_order_of_events_keeps_the_invariants() {
    let steps: [(u64, &[u8]); 5] = [(0, b"hello\n"), (1, b"hel"), (2, b"big\n"), (3, b"bye\n"), (4, b"\n")];
    for seed in 0..300 {
        let settings = Settings { max_connections: 8, max_heads: 5, ..Settings::default() };
        let mut sim = simulation(seed, settings);
        let mut seeds = sim.seed();
        let mut peers = vec![sim.connect()];
        for _ in 0..200 {
            let peer = peers[usize::try_from(seeds.below(peers.len() as u64)).unwrap()];
            match seeds.below(12) {
                step @ 0..=4 => sim.send(peer, steps[usize::try_from(step).unwrap()].1),
                5 => sim.end(peer),
                6 => sim.reset(peer),
                7 => sim.advance(Duration::from_millis(seeds.below(4000))),
                8 => sim.fail(Call::Accept, 1, Errno::MFILE),
                9 => sim.mail(b"tick\n"),
                10 => drop(sim.read(peer, usize::try_from(seeds.below(5000)).unwrap())),
                _ => peers.push(sim.connect()),
            }
            sim.turn();
        }
        sim.settle();
        sim.control().stop(Stop::Shutdown);
        sim.settle();
        for _ in 0..2 {
            sim.advance(Duration::from_secs(6));
            sim.settle();
        }
        assert_eq!(sim.counters().open, 0, "seed {seed}");
    }
}

#[test]
fn lines_come_back_in_order_however_often_the_process_changes() {
    for seed in 0..100 {
        let mut sim = simulation(seed, Settings::default());
        let peer = sim.connect();
        let mut seeds = sim.seed();
        let text: Vec<u8> = (0..300).flat_map(|i| format!("line {i}\n").into_bytes()).collect();
        let (mut rest, mut got) = (&text[..], Vec::new());
        while !rest.is_empty() {
            let cut = usize::try_from(seeds.below(rest.len().min(400) as u64) + 1).unwrap();
            sim.send(peer, &rest[..cut]);
            rest = &rest[cut..];
            if seeds.once_in(2) {
                sim.turn();
            }
            if seeds.once_in(3) {
                sim = sim.hand_over(|_, _| echo());
            }
            got.extend(sim.read(peer, usize::try_from(seeds.below(500)).unwrap()));
        }
        got.extend(all(&mut sim, peer));
        assert_eq!(got, text, "seed {seed}");
        assert!(sim.counters().adopted <= 1);
    }
}

#[test]
fn what_a_slow_peer_was_not_sent_yet_goes_along() {
    let mut sim = simulation(1, Settings::default());
    let peer = sim.connect();
    sim.send(peer, b"big\n");
    sim.settle();
    let mut got = sim.read(peer, 1000);
    let mut sim = sim.hand_over(|_, _| echo());
    got.extend(all(&mut sim, peer));
    assert_eq!(got, &*echo().big);
}

#[test]
fn input_that_waits_behind_a_long_answer_is_not_forgotten() {
    let mut sim = simulation(1, Settings::default());
    let peer = sim.connect();
    sim.send(peer, b"big\nhello\n");
    sim.settle();
    let mut sim = sim.hand_over(|_, _| echo());
    assert_eq!(all(&mut sim, peer).strip_prefix(&*echo().big), Some(&b"hello\n"[..]));
}

#[test]
fn a_connection_that_is_handed_over_gets_what_its_handler_sends_and_stays_open() {
    let mut sim = Simulation::new(1, Settings::default(), |_| Echo { goodbye: b"soon\n", ..echo() });
    let (idle, staying) = (sim.connect(), sim.connect());
    sim.send(idle, b"x\n");
    sim.send(staying, b"x\n");
    sim.send(staying, STAYS);
    sim.settle();
    let mut sim = sim.hand_over(|old, _| {
        assert_eq!(old.closed, [CloseReason::HandedOver, CloseReason::Drained], "each once");
        echo()
    });
    sim.send(idle, b"y\n");
    assert_eq!(all(&mut sim, idle), b"x\nsoon\ny\n");
    assert!(!sim.is_ended(idle) && sim.is_closed(staying));
    assert_eq!(sim.counters().open, 1);
}

#[test]
fn a_second_stop_in_the_middle_of_a_hand_over_ends_it_at_once() {
    let mut sim = simulation(1, Settings::default());
    sim.connect();
    sim.settle();
    sim.control().stop(Stop::HandOver);
    assert!(sim.turn(), "the handler may still finish what it has begun");
    sim.control().stop(Stop::Shutdown);
    let turns = (0..10).take_while(|_| sim.turn()).count();
    assert!(turns < 10, "the worker ends");
    assert_eq!(sim.counters().open, 0);
}

#[test]
fn a_handler_that_cannot_read_the_state_ends_with_the_closing_bytes_that_came_with_it() {
    let mut sim = simulation(1, Settings::default());
    let peer = sim.connect();
    sim.send(peer, b"big\n");
    sim.settle();
    let mut sim = sim.hand_over(|_, _| Echo { reads: b"something else", ..echo() });
    let got = all(&mut sim, peer);
    assert_eq!(got.strip_prefix(&*echo().big), Some(&b"moved\n"[..]), "after what was begun");
    assert!(sim.is_ended(peer));
    sim.end(peer);
    sim.settle();
    assert_eq!(sim.counters().open, 0);
    assert!(sim.is_closed(peer));
}

#[test]
fn a_deadline_goes_on_in_the_next_process() {
    let mut sim = simulation(1, Settings::default());
    let peer = sim.connect();
    sim.settle();
    sim.advance(LIFE / 2);
    let mut sim = sim.hand_over(|_, _| echo());
    sim.settle();
    sim.advance(LIFE / 10 * 4);
    sim.settle();
    assert!(!sim.is_closed(peer));
    // What the hand-over itself took is not counted.
    sim.advance(Duration::from_millis(1200));
    sim.settle();
    assert!(sim.is_closed(peer));
}

#[test]
fn the_last_bytes_of_a_connection_that_is_ending_go_along() {
    let mut sim = simulation(1, Settings::default());
    let (slow, lingers) = (sim.connect(), sim.connect());
    sim.send(slow, b"big\n");
    sim.settle();
    sim.send(slow, b"bye\n");
    sim.send(lingers, b"x\nbye\n");
    sim.settle();
    // Both are ending; the rest of one waits for room.
    let mut got = Vec::new();
    let mut sim = sim.hand_over(|old, _| {
        assert_eq!(old.closed, [CloseReason::Handler; 2], "they have left for this handler");
        echo()
    });
    got.extend(all(&mut sim, slow));
    assert_eq!(got, &*echo().big);
    assert_eq!(all(&mut sim, lingers), b"x\n");
    assert!(sim.is_ended(slow) && sim.is_ended(lingers));
    assert!(!sim.is_closed(lingers), "no reset overtakes its last bytes");
    sim.advance(Duration::from_mins(1));
    sim.settle();
    assert_eq!(sim.counters().open, 0);
}

#[test]
fn a_peer_that_takes_nothing_does_not_live_longer_by_restarts() {
    let mut sim = simulation(1, Settings { write_timeout: LIFE / 5, ..Settings::default() });
    let peer = sim.connect();
    sim.send(peer, b"big\n");
    sim.settle();
    for _ in 0..3 {
        sim.advance(LIFE / 5 / 4);
        sim = sim.hand_over(|_, _| echo());
        sim.settle();
        assert!(!sim.is_closed(peer));
    }
    sim.advance(LIFE / 5 / 4 + Duration::from_millis(16));
    sim.settle();
    assert!(sim.is_closed(peer));
}

#[test]
fn what_a_handler_learns_from_a_close_waits_for_no_other_event() {
    let mut sim = simulation(1, Settings::default());
    let peer = sim.connect();
    sim.settle();
    sim.reset(peer);
    sim.settle();
    assert_eq!(sim.handler(0).told, [CloseReason::Error]);
    let peer = sim.connect();
    sim.settle();
    sim.control().stop(Stop::Shutdown);
    for turns in 0.. {
        if !sim.turn() {
            break;
        }
        assert!(turns < 10_000, "the stop has no end");
        sim.end(peer);
        sim.advance(Duration::from_millis(1));
    }
    assert_eq!(sim.handler(0).told.len(), 2, "with the last connection, too");
}

#[test]
fn a_stop_while_connections_wait_to_be_adopted_has_an_end_for_each() {
    let mut sim = simulation(1, Settings { max_connections: 0, max_heads: 0, ..Settings::default() });
    let peers: Vec<usize> = (0..600).map(|_| sim.connect()).collect();
    sim.settle();
    let mut sim = sim.hand_over(|_, _| echo());
    sim.control().stop(Stop::Shutdown);
    for _ in 0..10 {
        sim.turn();
    }
    for peer in peers {
        assert_eq!(all(&mut sim, peer), b"stop\n");
    }
}

#[test]
fn a_connection_that_ignores_its_input_reads_none_and_still_sees_its_peer_go() {
    let mut sim = simulation(1, Settings::default());
    let (ends, resets) = (sim.connect(), sim.connect());
    for peer in [ends, resets] {
        sim.send(peer, b"deaf\n");
        sim.settle();
        for _ in 0..10 {
            sim.send(peer, b"hello\n");
            sim.settle();
        }
        assert_eq!(all(&mut sim, peer), b"");
    }
    sim.end(ends);
    sim.reset(resets);
    sim.settle();
    assert!(!sim.is_closed(ends), "it may read on");
    assert!(sim.is_closed(resets));
    sim.mail(b"news\n");
    assert_eq!(all(&mut sim, ends), b"news\n");
}
