//! Many clients that read a long history, beside those that wait for the next line.

use super::*;

/// Lines of the history, bytes of each with its end, and of all.
const HISTORY: u64 = 1000;
const LINE: usize = 100;
const WHOLE: usize = 100_000;
/// Bytes that a turn may write to clients that are behind: its bound, and the last one's share.
const TURN: usize = 1024 * 1024 + 256 * 1024;

/// Publishes these lines, each of [`LINE`] bytes.
fn publish(world: &mut World, numbers: std::ops::Range<u64>) {
    let mut batch = Batch::new(id(numbers.start));
    numbers.for_each(|number| batch.push(|out| write!(out, "{number:0width$}", width = LINE - 1).unwrap()));
    world.mail(Mail::Batch(Arc::new(batch)));
}

/// Everybody reads what is there; how many bytes that was.
fn read(world: &mut World, readers: &mut [Reader]) -> usize {
    let before: usize = readers.iter().map(|reader| reader.bytes.len()).sum();
    for reader in &mut *readers {
        reader.read(world, usize::MAX);
    }
    readers.iter().map(|reader| reader.bytes.len()).sum::<usize>() - before
}

#[test]
fn a_line_is_not_late_while_a_thousand_newcomers_read_a_full_history_and_they_get_all_of_it() {
    let mut world = world(1, &["--source", "-", "--leave-notices", "off", "--max-heads", "100"]);
    world.short_writes(0);
    world.send_buffer(64 * 1024);
    for number in 1..=HISTORY {
        publish(&mut world, number..number + 1);
    }
    let mut live = [Reader::new(&mut world)];
    world.settle();
    read(&mut world, &mut live);
    let mut newcomers: Vec<Reader> = (0..1000).map(|_| Reader::new(&mut world)).collect();
    let mut next = HISTORY + 1;
    while newcomers.iter().any(|reader| reader.bytes.len() < WHOLE) {
        publish(&mut world, next..next + 1);
        next += 1;
        let (mut advanced, mut turns) = (0, 0);
        while read(&mut world, &mut live) < LINE {
            world.turn();
            advanced += read(&mut world, &mut newcomers);
            turns += 1;
            // A broadcast visits 256 of them in a turn, and the mail is taken in the turn in which it comes.
            assert!(turns <= 6, "line {next} waits for {turns} turns");
        }
        assert!(advanced <= turns * (TURN + 256 * LINE), "{advanced} bytes in {turns} turns");
        assert!(advanced > 0, "the newcomers stand still");
    }
    world.settle();
    read(&mut world, &mut newcomers);
    world.settle();
    for reader in newcomers.iter_mut().chain(&mut live) {
        reader.read(&mut world, usize::MAX);
        assert!(reader.numbers().into_iter().eq(1..next));
    }
}
