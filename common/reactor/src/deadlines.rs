//! Every connection's deadline, in coarse buckets: a later deadline costs nothing until the earlier bucket comes up.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Token;

/// Width of a bucket: a worker notices a deadline at most so late.
const BUCKET: Duration = Duration::from_millis(16);

/// A bucket's number, counted from the start of the worker.
pub(super) type Bucket = u64;

/// Connections by the bucket in which the worker looks at them.
///
/// A connection has one live entry. Its deadline may move to later without a change here: when the bucket comes up,
/// the worker puts the connection into its new one.
pub(super) struct Deadlines {
    start: Instant,
    buckets: BTreeMap<Bucket, Vec<Token>>,
}

impl Deadlines {
    pub(super) fn new(start: Instant) -> Self {
        Self { start, buckets: BTreeMap::new() }
    }

    /// The first bucket that ends at or after `at`.
    fn bucket(&self, at: Instant) -> Bucket {
        let nanos = at.saturating_duration_since(self.start).as_nanos();
        u64::try_from(nanos.div_ceil(BUCKET.as_nanos())).unwrap_or(u64::MAX)
    }

    /// Makes the worker look at the connection by `at`. `armed` is where its live entry is.
    pub(super) fn arm(&mut self, token: Token, at: Instant, armed: &mut Option<Bucket>) {
        let bucket = self.bucket(at);
        if armed.is_some_and(|earlier| earlier <= bucket) {
            return;
        }
        *armed = Some(bucket);
        self.buckets.entry(bucket).or_default().push(token);
    }

    /// The instant of the first bucket; `None` without a connection.
    pub(super) fn next(&self) -> Option<Instant> {
        let (bucket, _) = self.buckets.first_key_value()?;
        let millis = bucket.saturating_mul(u64::try_from(BUCKET.as_millis()).unwrap_or(u64::MAX));
        self.start.checked_add(Duration::from_millis(millis))
    }

    /// Takes up to `most` connections of the first bucket that is due; each is due itself only if its live entry is this one. The
    /// others of the bucket stay in it.
    pub(super) fn pop(&mut self, now: Instant, most: usize) -> Option<(Bucket, Vec<Token>)> {
        if most == 0 || self.next()? > now {
            return None;
        }
        let mut first = self.buckets.first_entry()?;
        let bucket = *first.key();
        let tokens = first.get_mut();
        let stay = tokens.len().saturating_sub(most);
        let taken = tokens.split_off(stay);
        if stay == 0 {
            first.remove();
        }
        Some((bucket, taken))
    }
}

#[cfg(any(test, feature = "simulated"))]
impl Deadlines {
    /// How many entries there are, those that count no more included.
    pub(super) fn armed(&self) -> usize {
        self.buckets.values().map(Vec::len).sum()
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    fn token(index: u32) -> Token {
        Token { index, generation: 0 }
    }

    #[test]
    fn a_deadline_is_never_noticed_early_and_at_most_one_bucket_late() {
        let start = Instant::now();
        for millis in [0, 1, 15, 16, 17, 1000] {
            let mut deadlines = Deadlines::new(start);
            let at = start + Duration::from_millis(millis);
            deadlines.arm(token(1), at, &mut None);
            let due = deadlines.next().unwrap();
            assert!(due >= at && due < at + BUCKET, "{millis} ms");
            assert!(deadlines.pop(due.checked_sub(Duration::from_nanos(1)).unwrap(), 9).is_none());
            assert_eq!(deadlines.pop(due, 9).unwrap().1, [token(1)]);
        }
    }

    #[test]
    fn a_bucket_of_many_is_taken_in_parts() {
        let start = Instant::now();
        let mut deadlines = Deadlines::new(start);
        (0..5).for_each(|index| deadlines.arm(token(index), start, &mut None));
        let mut part = |most| deadlines.pop(start, most).map_or(0, |(_, tokens)| tokens.len());
        assert_eq!([part(2), part(0), part(2), part(2), part(2)], [2, 0, 2, 1, 0]);
    }

    #[test]
    fn a_later_deadline_costs_no_entry_and_an_earlier_one_does() {
        let start = Instant::now();
        let mut deadlines = Deadlines::new(start);
        let mut armed = None;
        deadlines.arm(token(1), start + Duration::from_secs(5), &mut armed);
        deadlines.arm(token(1), start + Duration::from_secs(9), &mut armed);
        assert_eq!(deadlines.buckets.len(), 1);
        deadlines.arm(token(1), start + Duration::from_secs(1), &mut armed);
        assert_eq!(deadlines.buckets.len(), 2);
    }
}
