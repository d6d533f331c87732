//! Numbers that a worker counts without atomics on its path, and publishes once a turn for other threads to read.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// So many numbers are published together: a turn changes few of them.
const PART: usize = 4;

/// `N` numbers, which one worker owns and names by their index.
#[derive(Debug)]
pub struct Tally<const N: usize> {
    numbers: [u64; N],
    /// A bit for each part of [`PART`] numbers of which one has changed since the last turn.
    changed: u64,
    published: Arc<[AtomicU64; N]>,
}

impl<const N: usize> Default for Tally<N> {
    fn default() -> Self {
        const { assert!(N <= 64 * PART, "each part has a bit") };
        let published = Arc::new(std::array::from_fn(|_| AtomicU64::new(0)));
        Self { numbers: [0; N], changed: 0, published }
    }
}

impl<const N: usize> Tally<N> {
    /// Adds to a number; an index out of range does nothing.
    pub fn add(&mut self, index: usize, more: u64) {
        if let Some(number) = self.numbers.get_mut(index).filter(|_| more > 0) {
            *number = number.wrapping_add(more);
            self.changed |= 1 << (index / PART);
        }
    }

    /// Sets a number; an index out of range does nothing.
    pub fn set(&mut self, index: usize, value: u64) {
        if let Some(number) = self.numbers.get_mut(index).filter(|number| **number != value) {
            *number = value;
            self.changed |= 1 << (index / PART);
        }
    }

    /// Makes the numbers visible to [`Totals`]; without a change it writes nothing.
    pub fn publish(&mut self) {
        let mut changed = std::mem::take(&mut self.changed);
        while changed != 0 {
            let part = changed.trailing_zeros() as usize;
            changed &= changed - 1;
            let part = part * PART..N.min((part + 1) * PART);
            let numbers = self.numbers.get(part.clone()).unwrap_or_default();
            for (published, number) in self.published.get(part).unwrap_or_default().iter().zip(numbers) {
                published.store(*number, Relaxed);
            }
        }
    }
}

/// The published numbers of all workers; clones read the same ones.
#[derive(Clone, Debug)]
pub struct Totals<const N: usize>(Vec<Arc<[AtomicU64; N]>>);

impl<const N: usize> Totals<N> {
    /// Returns the totals of these tallies; later changes show once they are published.
    pub fn of<'t>(tallies: impl IntoIterator<Item = &'t Tally<N>>) -> Self {
        Self(tallies.into_iter().map(|tally| Arc::clone(&tally.published)).collect())
    }

    /// Returns the sum of one number over all workers.
    pub fn get(&self, index: usize) -> u64 {
        self.of_workers(index).fold(0, u64::wrapping_add)
    }

    /// Returns the largest value of one number among all workers.
    pub fn max(&self, index: usize) -> u64 {
        self.of_workers(index).max().unwrap_or_default()
    }

    fn of_workers(&self, index: usize) -> impl Iterator<Item = u64> {
        self.0.iter().filter_map(move |published| published.get(index)).map(|number| number.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_many_is_published_by_itself() {
        let mut tallies = [Tally::<100>::default()];
        let totals = Totals::of(&tallies);
        for index in 0..100 {
            tallies[0].add(index, 1);
            tallies[0].publish();
            assert_eq!((0..100).map(|index| totals.get(index)).sum::<u64>(), index as u64 + 1);
            assert_eq!(totals.get(index), 1);
        }
    }

    #[test]
    fn what_is_published_is_read_as_a_sum_and_nothing_before() {
        let mut tallies = [Tally::<3>::default(), Tally::default()];
        let totals = Totals::of(&tallies);
        for tally in &mut tallies {
            tally.add(1, 2);
            tally.set(2, 7);
            tally.add(99, 1);
        }
        assert_eq!(totals.get(1), 0);
        tallies.iter_mut().for_each(Tally::publish);
        tallies[0].add(1, 1);
        tallies[0].publish();
        assert_eq!((totals.max(1), totals.max(99)), (3, 0));
        assert_eq!((totals.get(0), totals.get(1), totals.get(2), totals.get(3)), (0, 5, 14, 0));
    }
}
