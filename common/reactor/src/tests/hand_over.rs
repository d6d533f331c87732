//! Connections that go on in the next process.

use super::*;

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
    for answer in [&b"big\n"[..], b"pages\n"] {
        let mut sim = simulation(1, Settings::default());
        let peer = sim.connect();
        sim.send(peer, answer);
        sim.settle();
        let mut got = sim.read(peer, 1000);
        let mut sim = sim.hand_over(|_, _| echo());
        got.extend(all(&mut sim, peer));
        assert_eq!(got, &*echo().big);
    }
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

// EV-30
#[test]
fn who_connects_while_a_process_hands_over_waits_for_the_next_one() {
    let mut sim = simulation(1, Settings::default());
    let peer = sim.connect();
    sim.send(peer, b"hello\n");
    sim.settle();
    sim.control().stop(Stop::HandOver);
    sim.turn();
    let newcomer = sim.connect();
    sim.send(newcomer, b"hello\n");
    let turns = (0..1000).take_while(|_| sim.turn()).count();
    assert!(turns < 1000 && !sim.is_accepted(newcomer));
    let mut sim = sim.hand_over(|_, _| echo());
    assert_eq!(all(&mut sim, newcomer), b"hello\n");
    assert_eq!((sim.counters().adopted, sim.counters().accepted), (1, 1));
}

#[test]
fn socket_options_wait_until_all_connections_are_back_and_each_gets_them_once() {
    let mut sim = simulation(1, Settings::default());
    let peers = [(); 600].map(|()| sim.connect());
    for peer in peers {
        sim.send(peer, b"x\n");
    }
    sim.settle();
    let mut sim = sim.hand_over(|_, _| echo());
    assert!(sim.turn());
    assert!(sim.counters().adopted < 600 && sim.configured() == 0, "not all are back");
    sim.settle();
    assert_eq!((sim.counters().adopted, sim.configured()), (600, 600));
}

#[test]
fn socket_options_wait_for_a_broadcast_that_is_late_but_not_for_one_without_an_end() {
    let mut sim = simulation(1, Settings::default());
    let peers = [(); 600].map(|()| sim.connect());
    for peer in peers {
        sim.send(peer, b"x\n");
    }
    sim.settle();
    let mut sim = sim.hand_over(|_, _| Echo { is_behind: true, ..echo() });
    let turn_often = |sim: &mut Simulation<Echo>| assert!((0..30).all(|_| sim.turn()));
    turn_often(&mut sim);
    assert_eq!((sim.counters().adopted, sim.configured()), (600, 0));
    sim.advance(Duration::from_secs(1));
    turn_often(&mut sim);
    assert_eq!((sim.counters().adopted, sim.configured()), (600, 600));
}
