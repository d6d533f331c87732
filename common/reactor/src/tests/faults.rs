//! Every call of the system fails with every error: nothing ends for good but the one connection that the error is about.

use super::*;

const SHORTAGES: [Errno; 4] = [Errno::NOMEM, Errno::NOBUFS, Errno::MFILE, Errno::NFILE];
const OTHERS: [Errno; 10] = [
    Errno::INTR,
    Errno::IO,
    Errno::BADF,
    Errno::INVAL,
    Errno::PERM,
    Errno::ACCESS,
    Errno::CONNABORTED,
    Errno::CONNRESET,
    Errno::TIMEDOUT,
    Errno::NOSPC,
];
const CALLS: [Call; 8] = [
    Call::Poll,
    Call::Accept,
    Call::Add,
    Call::WatchWritable,
    Call::Read,
    Call::Write,
    Call::SendFile,
    Call::Shutdown,
];

fn pass(sim: &mut Simulation<Echo>, time: Duration) {
    sim.advance(time);
    sim.settle();
}

#[test]
fn after_any_error_of_any_call_a_newcomer_is_served_and_another_connection_goes_on() {
    for call in CALLS {
        for errno in SHORTAGES.into_iter().chain(OTHERS) {
            let mut sim = simulation(1, Settings::default());
            let (busy, other) = (sim.connect(), sim.connect());
            for peer in [busy, other] {
                sim.send(peer, b"hello\n");
            }
            sim.settle();
            sim.fail(call, 3, errno);
            let hit = sim.connect();
            sim.send(hit, b"big\nbye\n");
            sim.send(busy, b"big\n");
            for _ in 0..5 {
                pass(&mut sim, Duration::from_millis(110));
            }
            sim.fail(call, 0, errno);
            let newcomer = sim.connect();
            sim.send(newcomer, b"hello\n");
            sim.send(other, b"more\nagain\n");
            pass(&mut sim, Duration::from_millis(110));
            assert_eq!(all(&mut sim, newcomer), b"hello\n", "{call:?} {errno:?}");
            if call != Call::Read && call != Call::Write {
                assert_eq!(all(&mut sim, other), b"hello\nagain\n", "{call:?} {errno:?}");
            }
        }
    }
}

#[test]
fn nothing_follows_a_write_that_has_failed() {
    for errno in [Errno::PERM, Errno::IO, Errno::INVAL, Errno::ACCESS] {
        // The reset at the end overtakes what was written, or a part of it, or nothing.
        for seed in 0..20 {
            let mut sim = simulation(seed, Settings::default());
            let peer = sim.connect();
            sim.send(peer, b"hello\n");
            sim.settle();
            assert_eq!(sim.read(peer, 99), b"hello\n");
            sim.fail(Call::Write, 1, errno);
            sim.send(peer, b"pieces\n");
            sim.turn();
            assert_eq!(sim.read(peer, 99), b"", "seed {seed}, {errno:?}");
            sim.settle();
            assert!(sim.is_closed(peer), "seed {seed}, {errno:?}");
            assert_eq!(sim.handler(0).closed, [CloseReason::Error], "seed {seed}, {errno:?}");
        }
    }
}

#[test]
fn a_shortage_of_memory_costs_no_connection_a_byte() {
    for call in [Call::Poll, Call::WatchWritable, Call::Read, Call::Write] {
        for errno in [Errno::NOMEM, Errno::NOBUFS] {
            let mut sim = simulation(1, Settings::default());
            let peer = sim.connect();
            sim.settle();
            sim.fail(call, 3, errno);
            sim.send(peer, b"hello\nbig\n");
            let mut got = Vec::new();
            for _ in 0..60 {
                got.extend(sim.read(peer, usize::MAX));
                pass(&mut sim, Duration::from_millis(110));
            }
            assert_eq!(got, [b"hello\n", &*echo().big].concat(), "{call:?} {errno:?}");
        }
    }
}

#[test]
fn accepting_pauses_after_an_error_that_would_come_again_at_once() {
    for errno in SHORTAGES.into_iter().chain([Errno::BADF, Errno::INVAL, Errno::IO]) {
        let mut sim = simulation(1, Settings::default());
        sim.fail(Call::Accept, 10, errno);
        let peer = sim.connect();
        sim.send(peer, b"hello\n");
        sim.settle();
        assert_eq!(sim.counters().accept_errors, 1, "{errno:?}");
        assert!(sim.control().stats()[0].is_paused());
        for _ in 0..10 {
            pass(&mut sim, Duration::from_millis(110));
        }
        assert_eq!(all(&mut sim, peer), b"hello\n", "{errno:?}");
        assert!(!sim.control().stats()[0].is_paused());
    }
}

#[test]
fn a_poll_that_fails_for_long_is_seen_and_ends_the_worker_and_one_that_recovers_does_not() {
    let mut sim = simulation(1, Settings::default());
    let peer = sim.connect();
    sim.settle();
    let turns = |sim: &Simulation<Echo>| sim.control().stats()[0].turns();
    let before = turns(&sim);
    sim.fail(Call::Poll, 50, Errno::NOMEM);
    sim.send(peer, b"more\nhello\n");
    for _ in 0..50 {
        assert!(sim.turn());
    }
    assert_eq!(turns(&sim), before, "a worker that cannot poll does not count as alive");
    sim.settle();
    assert_eq!(sim.read(peer, 99), b"hello\n");
    assert!(turns(&sim) > before);
    sim.fail(Call::Poll, u32::MAX, Errno::NOMEM);
    let failed = (0..200).find_map(|turn| sim.try_turn().err().map(|error| (turn, error.raw_os_error())));
    assert_eq!(failed, Some((100, Some(Errno::NOMEM.raw_os_error()))), "ten turns a second, for ten seconds");
}

#[test]
fn a_worker_that_stood_still_between_two_refused_polls_goes_on() {
    let mut sim = simulation(1, Settings::default());
    let peer = sim.connect();
    sim.settle();
    sim.fail(Call::Poll, 3, Errno::NOMEM);
    sim.send(peer, b"hello\n");
    for _ in 0..3 {
        assert!(sim.turn());
        sim.advance(Duration::from_secs(31));
    }
    sim.settle();
    assert_eq!(sim.read(peer, 99), b"hello\n");
}

#[test]
fn a_stop_while_accepting_pauses_does_not_spin() {
    let mut sim = simulation(1, Settings::default());
    let stuck = sim.connect();
    sim.send(stuck, b"big\n");
    sim.settle();
    sim.fail(Call::Accept, 1, Errno::MFILE);
    sim.connect();
    sim.settle();
    assert!(sim.control().stats()[0].is_paused());
    sim.control().stop(Stop::Shutdown);
    let turns = |sim: &Simulation<Echo>| sim.control().stats()[0].turns();
    let before = turns(&sim);
    sim.pass(Duration::from_secs(4));
    assert!(!sim.is_closed(stuck) && turns(&sim) - before < 20, "{} turns", turns(&sim) - before);
}
