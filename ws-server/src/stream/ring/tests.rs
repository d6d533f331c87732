use common::id::MessageId;

use super::*;

const BOUNDS: Bounds = Bounds { bytes: 1 << 20, messages: 1000 };

fn id(number: u64) -> MessageId {
    MessageId { number, ..MessageId::default() }
}

fn ring(bounds: Bounds) -> Ring {
    Ring::new(bounds, id(1), true, Arc::default())
}

fn batch(first: u64, count: u64) -> Arc<Batch> {
    let mut batch = Batch::new(id(first));
    for _ in 0..count {
        batch.push(|out| out.push_str("0123456789"));
    }
    batch.shared()
}

/// The numbers that a connection at this position gets.
fn numbers(ring: &Ring, from: Position) -> Vec<u64> {
    let mut position = from;
    let mut numbers = Vec::new();
    while let Found::Batch(batch) = ring.at(position) {
        numbers.extend((batch.first()..batch.next()).skip(position.message));
        position = Position { batch: position.batch + 1, message: 0 };
    }
    numbers
}

#[test]
fn a_position_at_the_end_gets_what_comes_later() {
    let mut ring = ring(BOUNDS);
    let end = ring.end();
    assert!(matches!(ring.at(end), Found::CaughtUp));
    ring.push(batch(1, 3));
    ring.push(batch(4, 0));
    ring.push(batch(4, 2));
    assert_eq!(numbers(&ring, end), [1, 2, 3, 4, 5]);
}

#[test]
fn the_last_messages_are_found_across_batches() {
    let mut ring = ring(BOUNDS);
    assert_eq!(ring.last(5), ring.end());
    ring.push(batch(1, 3));
    ring.push(batch(4, 2));
    for count in 0..8 {
        let expected: Vec<u64> = (1..=5).skip(5_usize.saturating_sub(count)).collect();
        assert_eq!(numbers(&ring, ring.last(count)), expected);
    }
}

#[test]
fn every_number_is_found_or_else_the_next_one() {
    let mut ring = ring(BOUNDS);
    assert_eq!(ring.from(id(0)), ring.end());
    ring.push(batch(1, 3));
    ring.push(batch(4, 2));
    ring.push(batch(8, 1)); // 6 and 7 were never there
    for next in 0..=9 {
        let expected: Vec<u64> = [1, 2, 3, 4, 5, 8].into_iter().filter(|n| *n >= next).collect();
        assert_eq!(numbers(&ring, ring.from(id(next))), expected, "from {next} on");
    }
    assert_eq!(ring.from(id(9)), ring.end());
    assert_eq!(ring.from(id(u64::MAX)), ring.end());
}

#[test]
fn the_oldest_make_room_and_a_position_there_is_lost() {
    let bytes = held(&batch(1, 3)) + held(&batch(4, 2));
    let mut ring = ring(Bounds { bytes, ..BOUNDS });
    let start = ring.end();
    ring.push(batch(1, 3));
    ring.push(batch(4, 2));
    assert!(matches!(ring.at(start), Found::Batch(_)));
    ring.push(batch(6, 1));
    assert!(matches!(ring.at(start), Found::Lost));
    assert_eq!(numbers(&ring, ring.from(id(0))), [4, 5, 6]);
    ring.push(batch(7, 100));
    assert_eq!(numbers(&ring, ring.last(2)), [105, 106], "one batch always stays");
}

#[test]
fn encodings_count_and_old_ones_are_freed_before_any_message_is() {
    let total = Arc::<EncodedBytes>::default();
    let bounds = Bounds { bytes: 100_000, messages: 100_000 };
    let mut rings = [(); 2].map(|()| Ring::new(bounds, id(1), true, total.clone()));
    for number in 0..50 {
        let batch = batch(1 + number * 20, 20);
        for ring in &mut rings {
            ring.push(Arc::clone(&batch));
            // A slow reader of each framing is anywhere.
            for (framing, back) in Framing::ALL.into_iter().zip([0, 1, 5, 10, 20, 30, 40, 49]) {
                let position = Position { batch: number.saturating_sub(back), message: 0 };
                assert!(ring.encoded(position, framing).unwrap().bytes.len() > 200);
            }
            ring.trim();
        }
        // The newest batch in its one framing may come on top, and what the other ring has not freed yet.
        let held = rings[0].bytes + total.get();
        assert!(held <= bounds.bytes + 8000, "{held}");
    }
    assert_eq!(rings[0].batches().count(), 50, "all messages are there");
    drop(rings);
    assert_eq!(total.get(), 0);
}

#[test]
fn runs_count_as_encodings_do_and_go_with_the_next_batch_or_where_memory_is_short() {
    let total = Arc::<EncodedBytes>::default();
    let mut ring = Ring::new(BOUNDS, id(1), true, total.clone());
    (1..4).for_each(|number| ring.push(batch(number, 1)));
    let run = |ring: &Ring, batch| {
        let taker = Taker { room: usize::MAX, end: None };
        let run = ring.run(batch, Framing::Lines, taker);
        run.and_then(|run| run.piece(id(batch + 1), taker)).map(|(_, messages)| messages)
    };
    assert_eq!([0, 1, 0, 2].map(|batch| run(&ring, batch)), [Some(3), Some(2), Some(3), None]);
    let held = total.get();
    assert!(held > 5 * "0123456789\n".len(), "{held}");
    ring.trim();
    assert_eq!(total.get(), held, "there is room");
    ring.push(batch(4, 1));
    assert_eq!((total.get(), run(&ring, 0)), (0, Some(4)));
    ring.limit(Bounds { bytes: ring.bytes, ..BOUNDS });
    ring.trim();
    assert_eq!(total.get(), 0);
    ring.limit(BOUNDS);
    // As many as there are places.
    for number in 5..50 {
        ring.push(batch(number, 1));
    }
    let found = (0..48).filter(|batch| run(&ring, *batch).is_some()).count();
    assert_eq!((found, run(&ring, 0)), (16, Some(49)));
}

#[test]
fn a_jump_that_was_no_gap_is_none_in_the_ring_of_the_next_process() {
    let given = |bounds| Ring::new(bounds, id(1), false, Arc::default());
    let mut ring = given(Bounds { messages: 3, ..BOUNDS });
    for first in [1, 20, 40] {
        ring.push(batch(first, 2));
    }
    let mut next = given(BOUNDS);
    next.begin_at(ring.begin());
    ring.batches().for_each(|batch| next.push(Arc::clone(batch)));
    for ring in [&ring, &next] {
        assert!(!ring.follows_gap(ring.from(id(40))));
        assert_eq!([21, 22, 40].map(|number| ring.has(id(number))), [false, true, true]);
    }
}

#[test]
fn what_has_left_makes_as_much_room_as_it_took() {
    let mut ring = ring(Bounds { bytes: 10 * held(&batch(1, 10)), ..BOUNDS });
    for number in 0..100 {
        ring.push(batch(1 + number * 10, 10));
        let expected = usize::try_from(number + 1).unwrap().min(10);
        assert_eq!(ring.batches().count(), expected);
    }
}
