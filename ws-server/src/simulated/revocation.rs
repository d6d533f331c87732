//! A token that a reload takes away, while the stream gives the worker no rest.

use super::*;

/// An option of a list of tokens that holds this one alone.
fn list_of(folder: &tempfile::TempDir, token: &str) -> String {
    let path = folder.path().join(token);
    std::fs::write(&path, format!("reader {token}\n")).unwrap();
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
