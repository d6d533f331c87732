//! The ids of connections: none is given twice.

use super::*;

/// The ids of new clients, in their order.
fn ids(world: &mut World, count: usize) -> Vec<u64> {
    let clients: Vec<usize> = (0..count).map(|_| world.connect()).collect();
    for &client in &clients {
        world.send(client, b"GET / HTTP/1.0\r\n\r\n");
    }
    world.settle();
    let id = |client| {
        let head = String::from_utf8(world.read(client, usize::MAX)).unwrap();
        head.split_once("X-Connection-Id: ").unwrap().1.split_once("\r\n").unwrap().0.parse().unwrap()
    };
    clients.into_iter().map(id).collect()
}

#[test]
fn ids_go_on_behind_those_of_the_worker_that_gave_most() {
    let args = ["--source", "-"];
    for is_last in [false, true] {
        let mut world = world(1, &args);
        let before = ids(&mut world, 5);
        let mut world = world.hand_over(|busy, birth| {
            let idle = handler(configured(&args), None, birth.clone());
            let mut workers = if is_last { [idle, busy] } else { [busy, idle] };
            let state = ProcessState { format: FORMAT, ..export_states(&mut workers) };
            handler(configured(&args), Some(state), birth)
        });
        let after = ids(&mut world, 5);
        assert!(after.iter().all(|id| !before.contains(id)), "{before:?} {after:?}");
    }
}
