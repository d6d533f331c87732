//! One function over many items, on all processors: everybody waits for a hand-over.

use std::{num::NonZero, thread};

/// So few items are not worth a thread.
const FEW: usize = 1000;

/// Returns `f` of each part of the items, in their order.
pub(super) fn parts<T: Sync, U: Send>(items: &[T], f: impl Fn(&[T]) -> U + Sync) -> Vec<U> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let share = items.len().div_ceil(processors).max(FEW);
    let (ours, others) = items.split_at(items.len().min(share));
    let f = &f;
    thread::scope(|scope| {
        let threads: Vec<_> = others
            .chunks(share)
            .map(|part| (part, thread::Builder::new().spawn_scoped(scope, move || f(part))))
            .collect();
        let mut done = vec![f(ours)];
        for (part, thread) in threads {
            // Where the system refuses a thread, or `f` has panicked in it, it is this one's turn.
            done.push(thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(|| f(part)));
        }
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_has_its_place_however_many_there_are() {
        for count in [0, 1, FEW, FEW + 1, 10 * FEW + 7] {
            let items: Vec<usize> = (0..count).collect();
            let done = parts(&items, |part| part.iter().map(|item| item * 3).collect::<Vec<usize>>());
            assert!(done.into_iter().flatten().eq((0..count).map(|item| item * 3)));
        }
    }
}
