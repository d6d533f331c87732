//! A token that a reload takes away, while the stream gives the worker no rest.

use super::*;

/// The path of a list of tokens that holds this one alone.
fn list_of(folder: &tempfile::TempDir, token: &str) -> String {
    list_of_lines(folder, token, &format!("reader {token}\n"))
}

/// The path of a list of tokens that has these lines.
fn list_of_lines(folder: &tempfile::TempDir, name: &str, lines: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, lines).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn readers_whose_token_is_gone_end_although_the_lines_never_pause() {
    let folder = tempfile::tempdir().unwrap();
    let with_token = |token: &str| {
        let path = folder.path().join(token);
        std::fs::write(&path, format!("reader {token}\n")).unwrap();
        configured(&["--source", "-", "--token-file", path.to_str().unwrap()])
    };
    let (old, new) = (with_token("0123456789abcdef"), with_token("fedcba9876543210"));
    let settings = old.reactor_settings();
    let mut world = Simulation::new(1, settings, |birth| handler(old, None, birth));
    // More than the worker visits in one turn, so that each line is still on its way when the next one comes.
    let readers: Vec<usize> = (0..300).map(|_| world.connect()).collect();
    for &reader in &readers {
        world.send(reader, b"GET /?token=0123456789abcdef HTTP/1.0\r\n\r\n");
    }
    world.settle();
    world.mail(Mail::Reload(new));
    for number in 1..6 {
        world.mail(batch(number..number + 1));
        world.turn();
    }
    let ended = readers.iter().filter(|reader| world.is_ended(**reader)).count();
    assert_eq!(ended, readers.len());
}

#[test]
fn all_readers_whose_token_is_gone_end_although_nothing_else_happens() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (list_of(&folder, "0123456789abcdef"), list_of(&folder, "fedcba9876543210"));
    let mut world = world(1, &["--source", "-", "--token-file", &old]);
    let readers: Vec<usize> = (0..900).map(|_| world.connect()).collect();
    for &reader in &readers {
        world.send(reader, b"GET /?token=0123456789abcdef HTTP/1.0\r\n\r\n");
    }
    world.settle();
    world.mail(Mail::Reload(configured(&["--source", "-", "--token-file", &new])));
    world.settle();
    assert!(readers.iter().all(|reader| world.is_ended(*reader)));
}

#[test]
fn only_the_readers_whose_token_is_gone_end_wherever_they_are_among_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let both = list_of_lines(&folder, "both", "gone 0123456789abcdef\nvalid fedcba9876543210\n");
    let one = list_of_lines(&folder, "one", "valid fedcba9876543210\n");
    for first_gone in [0, 400, 800] {
        let mut world = world(1, &["--source", "-", "--token-file", &both]);
        let is_gone = |place: usize| (first_gone..first_gone + 100).contains(&place);
        let readers: Vec<usize> = (0..900).map(|place| reader_of(&mut world, is_gone(place))).collect();
        let ended = |world: &World| -> Vec<usize> {
            (0..readers.len()).filter(|place| world.is_ended(readers[*place])).collect()
        };
        assert!(ended(&world).is_empty());
        // Those that are looked at first may be in order, and then nothing else wakes the worker.
        world.mail(Mail::Reload(configured(&["--source", "-", "--token-file", &one])));
        world.settle();
        assert_eq!(ended(&world), (first_gone..first_gone + 100).collect::<Vec<usize>>());
    }
}

/// A client that reads, before the next one connects: many silent ones would be evicted.
fn reader_of(world: &mut World, is_gone: bool) -> usize {
    let token = if is_gone { "0123456789abcdef" } else { "fedcba9876543210" };
    let reader = world.connect();
    world.send(reader, format!("GET /?token={token} HTTP/1.0\r\n\r\n").as_bytes());
    world.settle();
    reader
}

#[test]
fn a_token_that_the_next_process_does_not_know_lets_nobody_in_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (list_of(&folder, "0123456789abcdef"), list_of(&folder, "fedcba9876543210"));
    let mut world = world(1, &["--source", "-", "--token-file", &old]);
    let reader = world.connect();
    world.send(reader, b"GET /?token=0123456789abcdef HTTP/1.0\r\n\r\n");
    world.settle();
    assert!(!world.is_ended(reader));
    let args = ["--source", "-", "--token-file", &new];
    let mut world = world.hand_over(|old, birth| successor(old, birth, &args));
    world.settle();
    assert!(world.is_ended(reader));
}
