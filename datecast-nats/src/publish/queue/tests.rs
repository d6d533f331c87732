//! A queue against a stream that loses requests and answers.

use super::*;

const WINDOW: Duration = Duration::from_secs(100);

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn queue(lines: u64, most: usize) -> Queue {
    let mut queue = Queue::new(2, most, WINDOW);
    for number in 1..=lines {
        queue.push(Waiting { number, text: Bytes::from(number.to_string()) });
    }
    queue
}

fn pairs(acknowledged: &[Acknowledged]) -> Vec<(u64, u64)> {
    acknowledged.iter().map(|it| (it.line, it.sequence)).collect()
}

#[test]
fn a_batch_is_acknowledged_in_the_order_of_the_input() {
    let mut queue = queue(5, 3);
    assert_eq!(queue.step(at(0)), Step::Batch(3));
    let stored = Outcome::Stored { last: 12, duplicate: false };
    assert_eq!(pairs(&queue.settle(Step::Batch(3), at(0), stored)), [(1, 10), (2, 11), (3, 12)]);
    assert_eq!(queue.step(at(0)), Step::Batch(2));
    assert_eq!(queue.len(), 2);
}

#[test]
fn where_batches_are_slow_few_lines_go_alone_and_many_as_a_batch() {
    let mut queue = Queue::new(4, 100, WINDOW);
    let line = |number, bytes| Waiting { number, text: Bytes::from(vec![b'x'; bytes]) };
    for number in 1..=3 {
        queue.push(line(number, 1));
        assert_eq!(queue.step(at(0)), Step::One, "{number}");
    }
    queue.push(line(4, 1));
    assert_eq!(queue.step(at(0)), Step::Batch(4));
    // Of large lines few fill a batch.
    let mut large = Queue::new(4, 100, WINDOW);
    (1..=3).for_each(|number| large.push(line(number, BATCH_BYTES / 2)));
    assert_eq!(large.step(at(0)), Step::Batch(2));
    // --in-flight allows fewer.
    let mut narrow = Queue::new(4, 2, WINDOW);
    (1..=2).for_each(|number| narrow.push(line(number, 1)));
    assert_eq!(narrow.step(at(0)), Step::Batch(2));
}

#[test]
fn a_batch_without_an_answer_is_repeated_line_by_line() {
    let mut queue = queue(5, 3);
    queue.settle(Step::Batch(3), at(0), Outcome::Unknown);
    for (line, sequence) in [(1, 10), (2, 11), (3, 12)] {
        assert_eq!(queue.step(at(1)), Step::One);
        let stored = Outcome::Stored { last: sequence, duplicate: true };
        assert_eq!(pairs(&queue.settle(Step::One, at(1), stored)), [(line, sequence)]);
    }
    assert_eq!(queue.step(at(1)), Step::Batch(2), "what no attempt holds goes as a batch again");
}

#[test]
fn a_first_line_that_was_not_there_shows_that_the_batch_was_not_stored() {
    let mut queue = queue(5, 3);
    queue.settle(Step::Batch(3), at(0), Outcome::Unknown);
    queue.settle(Step::One, at(1), Outcome::Stored { last: 10, duplicate: false });
    assert_eq!(queue.step(at(1)), Step::Batch(3));
    assert_eq!(queue.doubted(), 0);
}

#[test]
fn a_line_in_doubt_is_not_repeated_when_the_stream_may_have_forgotten_it() {
    let mut queue = queue(5, 3);
    queue.settle(Step::Batch(3), at(10), Outcome::Unknown);
    queue.settle(Step::One, at(50), Outcome::Unknown);
    assert_eq!(queue.step(at(109)), Step::One);
    assert_eq!(queue.step(at(110)), Step::TooLate(3), "counted from the first attempt, not from the last");
}

#[test]
fn a_refused_line_is_not_in_doubt_however_long_it_waits() {
    let mut queue = queue(2, 3);
    queue.settle(Step::Batch(2), at(0), Outcome::Refused);
    assert_eq!(queue.step(at(1000)), Step::One);
    queue.settle(Step::One, at(1000), Outcome::Unknown);
    queue.settle(Step::One, at(1001), Outcome::Refused);
    assert_eq!(queue.doubted(), 1, "a refusal says nothing about an earlier attempt");
}

#[test]
fn the_first_lines_of_a_refused_batch_go_alone_so_that_the_culprit_is_found() {
    let mut queue = queue(40, 30);
    queue.settle(Step::Batch(30), at(0), Outcome::Refused);
    for sequence in 1..=16 {
        assert_eq!(queue.step(at(1)), Step::One);
        let culprit = sequence == 3;
        let stored = Outcome::Stored { last: sequence, duplicate: false };
        queue.settle(Step::One, at(1), if culprit { Outcome::Unacceptable } else { stored });
    }
    assert_eq!(queue.step(at(1)), Step::Batch(24));
}

#[test]
fn a_batch_is_bounded_in_bytes_and_a_large_line_goes_alone() {
    let mut queue = Queue::new(2, 100, WINDOW);
    for (number, len) in [(1, BATCH_BYTES + 1), (2, BATCH_BYTES / 2), (3, BATCH_BYTES / 2), (4, 1)] {
        queue.push(Waiting { number, text: vec![b'x'; len].into() });
    }
    assert_eq!(queue.step(at(0)), Step::One);
    queue.settle(Step::One, at(0), Outcome::Stored { last: 1, duplicate: false });
    assert_eq!(queue.step(at(0)), Step::Batch(2));
}

#[test]
fn large_lines_wait_in_bounded_memory() {
    let mut queue = Queue::new(2, 500, WINDOW);
    for number in 1..=7 {
        queue.push(Waiting { number, text: vec![b'x'; BATCH_BYTES].into() });
        assert!(queue.has_room(500), "{number}");
    }
    assert!(!queue.has_room(7));
    queue.push(Waiting { number: 8, text: vec![b'x'; BATCH_BYTES].into() });
    assert!(!queue.has_room(500));
}

#[test]
fn a_line_that_can_never_be_stored_lets_the_others_go_on() {
    let mut queue = queue(3, 1);
    assert_eq!(queue.step(at(0)), Step::One);
    queue.settle(Step::One, at(0), Outcome::Unacceptable);
    let stored = Outcome::Stored { last: 1, duplicate: false };
    assert_eq!(pairs(&queue.settle(Step::One, at(0), stored)), [(2, 1)]);
}

#[test]
fn lines_in_doubt_go_on_from_what_somebody_has_found_in_the_stream() {
    let mut queue = queue(5, 3);
    queue.settle(Step::Batch(3), at(0), Outcome::Unknown);
    assert_eq!(queue.step(at(500)), Step::TooLate(3));
    assert_eq!(pairs(&queue.resolve(&[7])), [(1, 7)]);
    assert_eq!(queue.step(at(500)), Step::Batch(3));
}

/// A stream with a duplicate window without end, several copies of a request under way, and a leader that comes and goes.
#[derive(Default)]
struct FaultyStream {
    /// (line, publisher) in the order of their numbers.
    stored: Vec<(u64, usize)>,
    /// Requests that were sent and may still arrive.
    delayed: Vec<(usize, Vec<u64>)>,
}

impl FaultyStream {
    fn find(&self, publisher: usize, line: u64) -> Option<u64> {
        self.stored.iter().position(|it| *it == (line, publisher)).map(|at| at as u64 + 1)
    }

    fn receive(&mut self, publisher: usize, lines: &[u64]) -> Outcome {
        if let [line] = lines {
            if let Some(sequence) = self.find(publisher, *line) {
                return Outcome::Stored { last: sequence, duplicate: true };
            }
        } else if lines.iter().any(|line| self.find(publisher, *line).is_some()) {
            return Outcome::Unknown;
        }
        self.stored.extend(lines.iter().map(|line| (*line, publisher)));
        Outcome::Stored { last: self.stored.len() as u64, duplicate: false }
    }
}

/// A small generator of numbers, the same for the same seed (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[test]
fn each_line_comes_once_and_in_order_whatever_is_lost_or_late() {
    const LINES: u64 = 60;
    for seed in 1..=2000_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut stream = FaultyStream::default();
        let mut publishers = [queue(LINES, 8), queue(LINES, 8)];
        let mut told: [Vec<(u64, u64)>; 2] = [Vec::new(), Vec::new()];
        let mut turns = 0;
        while publishers.iter().any(|queue| queue.len() > 0) {
            turns += 1;
            assert!(turns < 20_000, "seed {seed}: no end");
            let who = usize::from(dice.roll(2) == 1);
            let queue = &mut publishers[who];
            let step = queue.step(at(0));
            let count = match step {
                Step::One => 1,
                Step::Batch(count) => count,
                _ => continue,
            };
            let lines: Vec<u64> = queue.first(count).map(|line| line.number).collect();
            let outcome = match dice.roll(6) {
                // Lost on the way, or held up there.
                0 => Outcome::Unknown,
                1 => {
                    stream.delayed.push((who, lines));
                    Outcome::Unknown
                }
                // The answer is lost.
                2 => {
                    stream.receive(who, &lines);
                    Outcome::Unknown
                }
                3 => Outcome::Refused,
                _ => stream.receive(who, &lines),
            };
            told[who].extend(pairs(&queue.settle(step, at(0), outcome)));
            if dice.roll(4) == 0 && !stream.delayed.is_empty() {
                let behind = usize::from(dice.roll(2) == 1) * (stream.delayed.len() - 1);
                let (late, lines) = stream.delayed.swap_remove(behind);
                stream.receive(late, &lines);
            }
        }
        for (who, told) in told.iter().enumerate() {
            let of_mine = stream.stored.iter().enumerate().filter(|(_, it)| it.1 == who);
            let mine: Vec<(u64, u64)> = of_mine.map(|(at, it)| (it.0, at as u64 + 1)).collect();
            assert!(mine.iter().map(|it| it.0).eq(1..=LINES), "seed {seed}: {mine:?}");
            assert_eq!(*told, mine, "seed {seed}: what publisher {who} was told");
        }
    }
}
