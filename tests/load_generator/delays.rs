//! How late many messages were, in memory that does not grow with their number: those of all connections together to a tenth of a
//! millisecond, and those of each connection to a sixteenth of themselves.

use std::time::Duration;

use crate::json;

/// Tenths of a millisecond that are told apart, which are one minute; whatever is later counts as that late.
const TENTHS: usize = 600_000;

/// The messages of all connections.
#[derive(Debug)]
pub(crate) struct Pooled {
    tenths: Vec<u32>,
    total: u64,
    worst: Duration,
}

impl Pooled {
    pub(crate) fn new() -> Self {
        Self { tenths: vec![0; TENTHS], total: 0, worst: Duration::ZERO }
    }

    pub(crate) fn add(&mut self, late: Duration) {
        // To the nearest tenth, as they are printed.
        let tenth = ((late.as_micros() + 50) / 100).min(TENTHS as u128 - 1) as usize;
        self.tenths[tenth] += 1;
        self.total += 1;
        self.worst = self.worst.max(late);
    }

    pub(crate) fn clear(&mut self) {
        self.tenths.fill(0);
        (self.total, self.worst) = (0, Duration::ZERO);
    }

    /// `{"p50": …, "p99": …, "max": …}` in milliseconds, by nearest rank; `null` without values.
    pub(crate) fn percentiles(&self) -> String {
        if self.total == 0 {
            return "null".to_owned();
        }
        let at = |percent| place(&self.tenths, rank(self.total, percent)) as f64 / 10.0;
        format!(r#"{{"p50":{:.1},"p99":{:.1},"max":{}}}"#, at(50), at(99), json::milliseconds(self.worst))
    }
}

/// The smallest step is 64 µs. Up to eight of them are buckets of their own; from there on, each doubling has eight buckets, up to 67 s.
const STEP: u32 = 6;
const BUCKETS: usize = 144;

/// The messages of one connection.
#[derive(Debug)]
pub(crate) struct OfOne {
    buckets: [u32; BUCKETS],
    total: u64,
    worst: Duration,
}

impl OfOne {
    pub(crate) fn new() -> Self {
        Self { buckets: [0; BUCKETS], total: 0, worst: Duration::ZERO }
    }

    pub(crate) fn add(&mut self, late: Duration) {
        self.buckets[bucket(late)] += 1;
        self.total += 1;
        self.worst = self.worst.max(late);
    }

    pub(crate) fn clear(&mut self) {
        // Those above are empty: ten thousand clients are cleared while messages come.
        self.buckets[..=bucket(self.worst)].fill(0);
        (self.total, self.worst) = (0, Duration::ZERO);
    }

    /// A percentile by nearest rank, which of fewer than 100 messages is the worst; `None` without messages.
    pub(crate) fn percentile(&self, percent: u64) -> Option<Duration> {
        let rank = rank(self.total, percent);
        match self.total {
            0 => None,
            total if rank == total => Some(self.worst),
            _ => Some(middle(place(&self.buckets, rank))),
        }
    }
}

fn bucket(late: Duration) -> usize {
    let steps = late.as_micros() >> STEP;
    let Some(doublings) = steps.max(1).ilog2().checked_sub(3) else { return steps as usize };
    let of_this_doubling = (steps >> doublings) as usize - 8;
    (8 * (doublings as usize + 1) + of_this_doubling).min(BUCKETS - 1)
}

/// The middle of a bucket.
fn middle(bucket: usize) -> Duration {
    let (doublings, first) = match bucket / 8 {
        0 => (0, bucket),
        above => (above as u32 - 1, 8 + bucket % 8),
    };
    Duration::from_micros((2 * first as u64 + 1) << (doublings + STEP - 1))
}

fn rank(total: u64, percent: u64) -> u64 {
    (total * percent).div_ceil(100).max(1)
}

/// Which count the value of this rank is in.
fn place(counts: &[u32], rank: u64) -> usize {
    let mut seen = 0;
    counts
        .iter()
        .position(|count| {
            seen += u64::from(*count);
            seen >= rank
        })
        .unwrap_or(0)
}

/// What the connections have among themselves: `typical`, the 99th percentile of the connection in the middle; `worst`, that of the one that
/// has the greatest; and `always`, the greatest median of a connection, which is great only where some clients are always late. In
/// milliseconds; `null` without values.
pub(crate) fn by_connection<'a>(all: impl Iterator<Item = &'a OfOne> + Clone) -> String {
    let mut late: Vec<Duration> = all.clone().filter_map(|one| one.percentile(99)).collect();
    late.sort_unstable();
    let Some(worst) = late.last().copied() else { return "null".to_owned() };
    let typical = late[rank(late.len() as u64, 50) as usize - 1];
    let always = all.filter_map(|one| one.percentile(50)).max().unwrap_or_default();
    let [typical, worst, always] = [typical, worst, always].map(json::milliseconds);
    format!(r#"{{"typical":{typical},"worst":{worst},"always":{always}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_one(millis: impl Iterator<Item = u64>) -> OfOne {
        let mut one = OfOne::new();
        millis.for_each(|late| one.add(Duration::from_millis(late)));
        one
    }

    #[test]
    fn all_together_have_the_percentiles_of_a_sorted_list_as_they_are_printed() {
        let (mut pooled, mut list) = (Pooled::new(), Vec::new());
        assert_eq!(pooled.percentiles(), "null");
        for number in 0..1000_u64 {
            // Each number below 1000 once, in another order.
            let late = Duration::from_micros(number * 379 % 1000 * 130);
            pooled.add(late);
            list.push(late);
        }
        assert_eq!(pooled.percentiles(), json::percentiles(list));
        pooled.clear();
        pooled.add(Duration::from_hours(1));
        assert_eq!(pooled.percentiles(), r#"{"p50":59999.9,"p99":59999.9,"max":3600000.0}"#);
    }

    #[test]
    fn the_middle_of_a_bucket_is_within_a_sixteenth_and_the_buckets_rise() {
        let (mut last, mut micros) = (0, 1_u64);
        while micros < 60_000_000 {
            let at = bucket(Duration::from_micros(micros));
            assert!(at >= last && at <= last + 1, "{micros} µs: {at} behind {last}");
            let (exact, middle) = (u128::from(micros), middle(at).as_micros());
            assert!(middle.abs_diff(exact) <= (exact / 16).max(32), "{micros} µs: {middle}");
            last = at;
            micros += (micros / 64).max(1);
        }
        assert_eq!(bucket(Duration::from_hours(1)), BUCKETS - 1);
    }

    #[test]
    fn a_connection_of_few_messages_has_its_worst_one_and_forgets_it_at_a_mark() {
        let mut one = of_one([1, 977, 3].into_iter());
        assert_eq!(one.percentile(99), Some(Duration::from_millis(977)));
        one.clear();
        assert_eq!(one.percentile(99), None);
        one.add(Duration::from_millis(2));
        assert_eq!((one.percentile(50), one.total), (Some(Duration::from_millis(2)), 1));
        assert_eq!(one.buckets.iter().sum::<u32>(), 1);
    }

    #[test]
    fn one_client_that_is_always_late_shows_and_many_that_are_late_once_do_not_look_like_it() {
        let same =
            |typical, worst, always| format!(r#"{{"typical":{typical},"worst":{worst},"always":{always}}}"#);
        let mut all: Vec<OfOne> = (0..99).map(|_| of_one([0, 0, 0, 40].into_iter())).collect();
        assert_eq!(by_connection(all.iter()), same("40.0", "40.0", "0.0"));
        all.push(of_one([40, 40, 40, 40].into_iter()));
        // The middle of its bucket.
        assert_eq!(by_connection(all.iter()), same("40.0", "40.0", "38.9"));
        assert_eq!(by_connection([].iter()), "null");
    }
}
