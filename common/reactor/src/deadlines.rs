//! Every connection's deadline, in coarse buckets: a later deadline costs nothing until the earlier bucket comes up.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use super::{CompactInstant, Token};

/// Width of a bucket in nanoseconds: a worker notices a deadline at most 16 ms late.
const BUCKET_NANOS: u64 = 16_000_000;
/// Connections whose deadline is at least so many buckets away share one with all of that time: a second.
const FAR: u64 = 64;

/// A bucket, counted from 1 at the start of the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bucket(NonZeroU64);

impl Bucket {
    fn new(number: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(number))
    }

    fn number(self) -> u64 {
        self.0.get() - 1
    }

    /// When the worker looks at it.
    #[inline]
    pub(super) fn due(self) -> CompactInstant {
        CompactInstant::since_start(self.number().saturating_mul(BUCKET_NANOS))
    }
}

/// Connections by the bucket in which the worker looks at them.
///
/// A connection has one live entry. Its deadline may move to later without a change here: when the bucket comes up,
/// the worker puts the connection into its new one. A far deadline is looked at once before its time, so that thousands of
/// connections with deadlines in the next half minute take a few dozen buckets, and not one each.
#[derive(Default)]
pub(super) struct Deadlines {
    buckets: BTreeMap<Bucket, Vec<Token>>,
}

impl Deadlines {
    /// The first bucket that ends at or after `at`; for a far one, the last before it that all of its second shares.
    fn bucket(at: CompactInstant, now: CompactInstant) -> Bucket {
        let number = at.nanos_since_start().div_ceil(BUCKET_NANOS);
        let is_far = number.saturating_sub(now.nanos_since_start() / BUCKET_NANOS) >= FAR;
        Bucket::new(if is_far { number - number % FAR } else { number })
    }

    /// Makes the worker look at the connection by `at`. `armed` is where its live entry is.
    #[inline(never)] // most connections have an entry that is early enough, and do not come here
    pub(super) fn arm(
        &mut self,
        token: Token,
        at: CompactInstant,
        now: CompactInstant,
        armed: &mut Option<Bucket>,
    ) {
        let bucket = Self::bucket(at, now);
        if armed.is_none_or(|earlier| bucket < earlier) {
            *armed = Some(bucket);
            self.buckets.entry(bucket).or_default().push(token);
        }
    }

    /// The instant of the first bucket; `None` without a connection.
    pub(super) fn next(&self) -> Option<CompactInstant> {
        self.buckets.first_key_value().map(|(bucket, _)| bucket.due())
    }

    /// Takes up to `most` connections of the first bucket that is due; each is due itself only if its live entry is this one. The
    /// others of the bucket stay in it.
    pub(super) fn pop(&mut self, now: CompactInstant, most: usize) -> Option<(Bucket, Vec<Token>)> {
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
mod tests {
    use std::time::Duration;

    use super::*;

    const BUCKET: Duration = Duration::from_nanos(BUCKET_NANOS);

    fn token(index: u32) -> Token {
        Token { index, generation: 0 }
    }

    fn at(time: Duration) -> CompactInstant {
        CompactInstant::since_start(u64::try_from(time.as_nanos()).unwrap())
    }

    fn millis(millis: u64) -> CompactInstant {
        at(Duration::from_millis(millis))
    }

    #[test]
    fn a_deadline_is_never_noticed_early_and_at_most_one_bucket_late() {
        for time in [0, 1, 15, 16, 17, 1000, 1024].map(Duration::from_millis) {
            let mut deadlines = Deadlines::default();
            deadlines.arm(token(1), at(time), millis(0), &mut None);
            let due = deadlines.next().unwrap();
            if time < BUCKET * 64 {
                assert!(due >= at(time) && due < at(time + BUCKET), "{time:?}");
            }
            assert_eq!(deadlines.pop(due, 9).unwrap().1, [token(1)]);
            assert!(deadlines.pop(millis(u64::MAX / 2_000_000), 9).is_none());
        }
    }

    #[test]
    fn a_bucket_of_many_is_taken_in_parts() {
        let mut deadlines = Deadlines::default();
        (0..5).for_each(|index| deadlines.arm(token(index), millis(0), millis(0), &mut None));
        let mut part = |most| deadlines.pop(millis(0), most).map_or(0, |(_, tokens)| tokens.len());
        assert_eq!([part(2), part(0), part(2), part(2), part(2)], [2, 0, 2, 1, 0]);
    }

    #[test]
    fn a_later_deadline_costs_no_entry_and_an_earlier_one_does() {
        let mut deadlines = Deadlines::default();
        let mut armed = None;
        for (time, entries) in [(5000, 1), (9000, 1), (4999, 1), (1000, 2)] {
            deadlines.arm(token(1), millis(time), millis(0), &mut armed);
            assert_eq!(deadlines.buckets.len(), entries, "{time} ms");
        }
    }

    #[test]
    fn far_deadlines_share_buckets_and_each_is_noticed_in_its_own_one() {
        let mut deadlines = Deadlines::default();
        let times: Vec<u64> = (0..2000).map(|index| 10_000 + index * 10).collect();
        let mut armed = vec![None; times.len()];
        for (index, time) in (0..).zip(&times) {
            deadlines.arm(token(index), millis(*time), millis(0), &mut armed[index as usize]);
        }
        assert!(deadlines.buckets.len() <= 21, "{} buckets", deadlines.buckets.len());
        let mut looks = 0;
        while let Some(now) = deadlines.next() {
            let (bucket, tokens) = deadlines.pop(now, usize::MAX).unwrap();
            for token in tokens {
                looks += 1;
                let (time, armed) = (times[token.index as usize], &mut armed[token.index as usize]);
                assert_eq!(armed.take(), Some(bucket));
                if millis(time) > now {
                    deadlines.arm(token, millis(time), now, armed);
                } else {
                    assert!(now < at(Duration::from_millis(time) + BUCKET), "{time} ms");
                }
            }
        }
        assert!(looks <= 2 * times.len(), "{looks} looks");
    }
}
