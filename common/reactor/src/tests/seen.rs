//! What handlers and other threads see of the reactor: a connection, the turn, its connections by a part, and the numbers.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use super::*;
use crate::eviction::EvictionClass;
use crate::simulation::Successor;

/// What a handler keeps for a connection: whose peer it is, and a part that another handler would know.
struct Conn {
    token: Token,
    peer: Option<SocketAddr>,
    part: u32,
}

type Probe = dyn FnMut(&mut Turn<'_, Conn>) -> Wake;

/// Its `on_turn` is the test's own.
struct Probed {
    probe: Box<Probe>,
    tokens: Vec<Token>,
    closed: usize,
    /// How often `on_exported` was called, and `on_turn` after it.
    exported: (usize, usize),
}

impl Handler for Probed {
    type Conn = Conn;
    type Mail = ();

    fn on_open(&mut self, cx: &mut Context<'_>) -> (Conn, Flow) {
        cx.set_deadline(cx.now() + LIFE);
        self.tokens.push(cx.token());
        (Conn { token: cx.token(), peer: cx.peer(), part: 1 }, Flow::Continue)
    }

    /// Each line of input is how many bytes the peer wants; with `!`, in pieces of shared memory, and the last ones.
    fn on_data(&mut self, _: &mut Conn, input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        let Some(end) = input.iter().position(|&byte| byte == b'\n') else {
            return Progress { consumed: 0, flow: Flow::Continue };
        };
        let line = std::str::from_utf8(&input[..end]).unwrap();
        let mut wanted: usize = line.trim_end_matches('!').parse().unwrap();
        let mut flow = Flow::Continue;
        if line.ends_with('!') {
            let piece: Arc<[u8]> = vec![b'x'; 4096].into();
            if wanted > piece.len() {
                cx.send(b"x"); // so that the pieces are queued behind it
                wanted -= 1;
            }
            while wanted > 0 {
                let len = wanted.min(piece.len());
                cx.send_shared(&piece, 0..len);
                wanted -= len;
            }
            flow = Flow::CloseWhenFlushed;
        } else {
            cx.send(&vec![b'x'; wanted]);
        }
        Progress { consumed: end + 1, flow }
    }

    fn on_end(&mut self, _: &mut Conn, _: &mut [u8], _: &mut Context<'_>) -> Flow {
        Flow::Continue
    }

    fn on_deadline(&mut self, _: &mut Conn, _: &mut Context<'_>) -> Flow {
        Flow::Close
    }

    fn export(&mut self, _: &mut Conn, _: usize, _: &mut Context<'_>) -> Option<Exported> {
        Some(Exported::default())
    }

    fn adopt(&mut self, _: &[u8], _: Instant, cx: &mut Context<'_>) -> Option<(Conn, Flow)> {
        self.tokens.push(cx.token());
        Some((Conn { token: cx.token(), peer: cx.peer(), part: 1 }, Flow::Continue))
    }

    fn on_close(&mut self, conn: Conn, token: Token, _: CloseReason, _: CompactInstant) {
        assert_eq!(conn.token, token);
        self.closed += 1;
    }

    fn on_exported(&mut self, _: Instant) {
        self.exported.0 += 1;
    }

    fn on_turn(&mut self, turn: &mut Turn<'_, Conn>) -> Wake {
        self.exported.1 += usize::from(self.exported.0 > 0);
        (self.probe)(turn)
    }
}

fn probed(
    settings: Settings,
    probe: impl FnMut(&mut Turn<'_, Conn>) -> Wake + 'static,
) -> Simulation<Probed> {
    Simulation::new(1, settings, |_| handler(probe))
}

fn handler(probe: impl FnMut(&mut Turn<'_, Conn>) -> Wake + 'static) -> Probed {
    Probed { probe: Box::new(probe), tokens: Vec::new(), closed: 0, exported: (0, 0) }
}

/// Without limits, since hundreds come.
fn many() -> Settings {
    Settings { max_connections: 0, max_heads: 0, ..Settings::default() }
}

#[test]
fn a_connection_knows_its_peer_and_what_waits_for_it() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let notes = seen.clone();
    let mut sim = probed(Settings::default(), move |turn| {
        for token in turn.tokens() {
            turn.visit(token, |conn, cx| {
                assert_eq!(conn.peer, cx.peer());
                assert_eq!(cx.local().map(|local| local.to_string()).as_deref(), Some("127.0.0.1:80"));
                let peer = cx.peer().map(|peer| peer.ip().to_string());
                *notes.borrow_mut() = vec![(peer, cx.unconsumed(), cx.queued(), cx.is_blocked())];
                Flow::Continue
            });
        }
        Wake::Idle
    });
    let peer = sim.connect_from([127, 0, 0, 7]);
    sim.send(peer, b"100000\n123");
    sim.settle();
    let (address, unconsumed, queued, is_blocked) = seen.borrow_mut().remove(0);
    assert_eq!(address.as_deref(), Some("127.0.0.7"));
    assert!(is_blocked);
    assert_eq!(queued, 100_000 - sim.unread(peer) as u64);
    assert!(unconsumed <= 3);
    let mut got = 0;
    while got < 100_000 {
        let read = sim.read(peer, usize::MAX).len();
        assert!(read > 0, "{got} so far");
        got += read;
        sim.settle();
    }
    sim.mail(());
    sim.settle();
    assert_eq!(*seen.borrow(), [(address, 3, 0, false)]);
}

#[test]
fn a_part_of_each_connection_is_reached_like_the_whole() {
    let run = Rc::new(RefCell::new(0));
    let runs = run.clone();
    let mut sim = probed(Settings::default(), move |turn| {
        *runs.borrow_mut() += 1;
        let tokens = turn.tokens();
        let now = turn.now();
        turn.with_part(
            |conn| &mut conn.part,
            |turn: &mut Turn<'_, u32>| {
                assert_eq!((turn.tokens(), turn.now()), (tokens.clone(), now));
                for token in &tokens {
                    assert!(turn.visit(*token, |part, cx| {
                        *part += 1;
                        cx.send(part.to_string().as_bytes());
                        Flow::Continue
                    }));
                }
                let nobody = Token { index: 99, generation: 0 };
                assert!(!turn.visit(nobody, |_, _| Flow::Continue), "it is gone");
                turn.configure(Settings { linger_bytes: 5, ..Settings::default() });
            },
        );
        for token in tokens {
            turn.visit(token, |_, cx| {
                assert_eq!(cx.state.settings.linger_bytes, 5);
                Flow::Continue
            });
        }
        Wake::Idle
    });
    let peer = sim.connect();
    sim.settle();
    assert!(*run.borrow() > 0);
    assert!(sim.read(peer, 99).starts_with(b"2"), "after the first turn");
}

#[test]
fn a_handler_knows_while_connections_wait_to_be_adopted() {
    let mut sim = probed(many(), |turn| {
        assert!(!turn.is_adopting());
        Wake::Idle
    });
    for _ in 0..300 {
        sim.connect();
    }
    sim.settle();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let notes = seen.clone();
    let mut sim = sim.hand_over(|_, _| {
        handler(move |turn| {
            notes.borrow_mut().push((turn.is_adopting(), turn.tokens().len()));
            Wake::Idle
        })
    });
    sim.settle();
    assert_eq!(seen.borrow()[..2], [(true, 256), (false, 300)]);
}

#[test]
fn no_worker_exports_its_connections_before_all_can() {
    for seed in 0..20 {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let notes = seen.clone();
        let sim = Simulation::with_workers(seed, Settings::default(), 2, |number, _| {
            let notes = notes.clone();
            handler(move |_| {
                notes.borrow_mut().push(number);
                let count = notes.borrow().iter().filter(|worker| **worker == 0).count();
                if number == 0 && count < 50 { Wake::Again } else { Wake::Idle }
            })
        });
        let next = Successor { workers: 1, settings: Settings::default(), delay: Duration::ZERO };
        let _sim = sim.hand_over_to(next, |_, _| vec![handler(|_| Wake::Idle)]);
        let seen = seen.borrow();
        let busy_until = seen.iter().rposition(|worker| *worker == 0).unwrap();
        let others = seen[..busy_until].iter().rev().take_while(|worker| **worker == 0).count();
        assert!(others < 20, "seed {seed}: the other one was gone for {others} turns");
    }
}

#[test]
fn no_worker_waits_for_one_whose_time_to_export_was_over() {
    let mut sim = Simulation::with_workers(1, Settings::default(), 2, |number, _| {
        handler(move |_| if number == 0 { Wake::Again } else { Wake::Idle })
    });
    for _ in 0..8 {
        sim.connect();
    }
    for turn in 0..20 {
        sim.turn_of(turn % 2);
    }
    assert_eq!(sim.counters().open, 8);
    sim.control().stop(Stop::HandOver);
    // One is told late.
    sim.turn_of(0);
    sim.advance(Duration::from_millis(200));
    sim.turn_of(1);
    sim.advance(Duration::from_millis(60));
    sim.turn_of(1);
    assert_eq!(sim.counters().open, 8);
    sim.turn_of(0);
    sim.turn_of(1);
    assert_eq!(sim.counters().open, 0);
}

#[test]
fn a_hand_over_waits_for_a_broadcast_that_goes_on_and_no_turn_follows_it() {
    for (turns, expected) in [(0, 2), (20, 20), (1000, 251)] {
        let calls = Rc::new(RefCell::new(0));
        let count = calls.clone();
        let mut sim = probed(Settings::default(), move |_| {
            *count.borrow_mut() += 1;
            if *count.borrow() < turns { Wake::Again } else { Wake::Idle }
        });
        *calls.borrow_mut() = 1000;
        let peer = sim.connect();
        sim.settle();
        *calls.borrow_mut() = 0;
        sim.control().stop(Stop::HandOver);
        for _ in 0..1000 {
            if !sim.turn() {
                break;
            }
            sim.advance(Duration::from_millis(1));
        }
        let calls = *calls.borrow();
        assert_eq!(calls, expected, "of {turns}");
        let Probed { closed, exported, .. } = sim.handler(0);
        assert_eq!((*closed, *exported), (1, (1, 0)));
        assert!(!sim.is_closed(peer), "it is on its way");
    }
}

#[test]
fn a_worker_says_what_is_queued_when_it_is_asked() {
    let mut sim = probed(Settings::default(), |_| Wake::Idle);
    let stats = |sim: &Simulation<Probed>| {
        let stats = &sim.control().stats()[0];
        (stats.has_answered(), stats.queued())
    };
    let peers = [sim.connect(), sim.connect()];
    sim.settle();
    assert_eq!(stats(&sim), (true, 0), "nobody has asked");
    for peer in peers {
        sim.send(peer, b"100000\n");
    }
    sim.settle();
    assert_eq!(stats(&sim), (true, 0), "nobody has asked");
    let mut read = 0;
    for _ in 0..2 {
        sim.control().ask();
        assert!(!stats(&sim).0);
        sim.settle();
        let unread: usize = peers.iter().map(|peer| sim.unread(*peer)).sum();
        assert_eq!(stats(&sim), (true, 200_000 - (read + unread) as u64));
        read += sim.read(peers[0], usize::MAX).len();
        sim.settle();
    }
}

#[test]
fn a_connection_takes_no_more_than_its_share_of_a_turn() {
    let mut sim = probed(Settings::default(), |_| Wake::Idle);
    sim.spurious_events(0);
    let greedy = sim.connect();
    sim.settle();
    sim.send(greedy, &b"1\n".repeat(200_000));
    for turn in 1..=4 {
        sim.turn();
        let taken = 400_000 - sim.untaken(greedy);
        assert!(taken <= turn * 64 * 1024, "{taken} in turn {turn}");
    }
}

#[test]
fn a_tail_may_be_as_long_as_the_longest_and_no_longer() {
    let mut sim = probed(Settings::default(), |_| Wake::Idle);
    let peer = sim.connect();
    sim.send(peer, &b"1".repeat(64 * 1024));
    sim.settle();
    assert!(!sim.is_closed(peer));
    sim.send(peer, b"1");
    sim.settle();
    assert!(sim.is_closed(peer));
    assert_eq!(sim.counters().closed[CloseReason::Handler as usize], 1);
}

#[test]
fn a_stop_waits_for_no_request_of_a_peer_that_has_ended_its_side() {
    let mut sim = probed(Settings::default(), |_| Wake::Idle);
    let peer = sim.connect();
    sim.end(peer);
    sim.settle();
    assert!(!sim.is_closed(peer), "its handler goes on");
    sim.control().stop(Stop::Shutdown);
    sim.settle();
    assert!(sim.is_closed(peer));
}

#[test]
fn an_adopted_connection_has_spoken_if_a_part_of_its_request_came_along() {
    let mut sim = probed(Settings::default(), |_| Wake::Idle);
    let peers = [sim.connect(), sim.connect()];
    sim.send(peers[1], b"12");
    sim.settle();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let notes = seen.clone();
    let mut sim = sim.hand_over(|_, _| {
        handler(move |turn| {
            *notes.borrow_mut() = turn.tokens();
            for token in turn.tokens() {
                turn.visit(token, |_, cx| {
                    let has_spoken = cx.io.eviction_class == EvictionClass::Head;
                    assert_eq!(has_spoken, cx.unconsumed() == 2);
                    Flow::Continue
                });
            }
            Wake::Idle
        })
    });
    sim.settle();
    assert_eq!(seen.borrow().len(), 2);
}

#[test]
fn both_clocks_are_read_at_one_moment_also_where_the_process_is_stopped_between_them() {
    for stop in [Duration::from_millis(1), Duration::from_secs(5)] {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let notes = seen.clone();
        let mut sim = probed(Settings::default(), move |turn| {
            notes.borrow_mut().push((turn.now(), turn.wall()));
            Wake::Idle
        });
        let (now, wall) = (sim.now(), sim.wall());
        sim.stop_between_clocks(stop);
        sim.turn();
        assert_eq!(*seen.borrow(), [(now + stop, wall + stop)]);
    }
}

#[test]
fn the_wall_clock_is_read_once_in_a_moment() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let notes = seen.clone();
    let mut sim = probed(Settings::default(), move |turn| {
        notes.borrow_mut().push(turn.wall());
        Wake::Again
    });
    let (wall, moment) = (sim.wall(), Duration::from_millis(1));
    sim.turn();
    sim.step_wall_clock(5);
    for time in [moment / 2, moment / 2, moment] {
        sim.advance(time);
        sim.turn();
    }
    let stepped = wall + Duration::from_secs(5);
    assert_eq!(*seen.borrow(), [wall, wall, stepped + moment, stepped + 2 * moment]);
}

#[test]
fn a_short_sleep_and_one_until_an_instant_are_no_longer_for_the_turn_before() {
    type Work = Rc<RefCell<Box<dyn Fn(Duration)>>>;
    let millis = Duration::from_millis;
    let wakes: [fn(Instant) -> Wake; 2] = [Wake::At, Wake::About];
    for (wake, time, asked) in [(wakes[0], 10, 6), (wakes[0], 1000, 996), (wakes[1], 10, 6)] {
        let work: Work = Rc::new(RefCell::new(Box::new(|_| ())));
        let works = work.clone();
        let mut sim = probed(Settings::default(), move |turn| {
            works.borrow()(millis(4));
            wake(turn.now() + millis(time))
        });
        *work.borrow_mut() = Box::new(sim.work());
        sim.turn();
        sim.turn();
        assert_eq!(sim.asked(0), Some(millis(asked)), "{time} ms");
    }
}

#[test]
fn mail_that_comes_in_the_turn_that_ends_its_deferral_is_taken_before_the_worker_sleeps() {
    const SECOND: Duration = Duration::from_secs(1);
    let mut sim = Simulation::new(1, Settings::default(), |birth| {
        let (mailboxes, mut turns) = (birth.mailboxes, 0);
        handler(move |turn| {
            turns += 1;
            match turns {
                1 => return Wake::AtDeferringMail(turn.now() + SECOND),
                2 => mailboxes.send_lazily(0, (), 8), // as another thread would, behind this turn's look at the mail
                3 => assert_eq!(mailboxes.waiting(0), 0),
                _ => unreachable!("nothing makes a turn"),
            }
            Wake::Idle
        })
    });
    sim.pass(2 * SECOND);
    assert!(!sim.mailboxes().has_deferred(0));
}

#[test]
fn a_long_answer_that_the_kernel_takes_is_neither_cut_nor_hurried_however_late_the_worker_is() {
    let mut sim = probed(Settings::default(), |_| Wake::Idle);
    sim.send_buffer(4 << 20);
    let peer = sim.connect();
    sim.send(peer, b"2000000!\n");
    while sim.unread(peer) == 0 {
        sim.turn();
    }
    sim.advance(Duration::from_secs(100));
    while sim.unread(peer) < 2_000_000 {
        let before = sim.unread(peer);
        sim.turn();
        let sent = sim.unread(peer) - before;
        assert!((1..=1 << 20).contains(&sent), "{sent} in one turn");
    }
}

#[test]
fn an_answer_that_has_failed_ends_by_a_reset_and_not_as_if_it_were_whole() {
    let mut sim = probed(Settings::default(), |_| Wake::Idle);
    let peer = sim.connect();
    sim.settle();
    sim.fail(Call::Write, 1, Errno::IO);
    sim.send(peer, b"1000!\n");
    sim.settle();
    assert!(sim.is_closed(peer));
    assert_eq!(sim.counters().closed[CloseReason::Error as usize], 1);
    assert_eq!(sim.uses(Call::Shutdown), 0);
}
