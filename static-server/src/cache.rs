//! Ready answers in memory, bounded in bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long we trust an entry without a look at its file. Half a second, because we open the root itself again as
/// seldom: together we see a change within a second.
pub(crate) const FRESH: Duration = Duration::from_millis(500);

/// Entries by name; it evicts entries that were not used lately first (second chance).
#[derive(Debug)]
pub(crate) struct Cache<T> {
    entries: HashMap<Arc<[u8]>, Entry<T>>,
    queue: VecDeque<Arc<[u8]>>,
    bytes: usize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Entry<T> {
    value: Arc<T>,
    cost: usize,
    /// When we last compared it with its file.
    checked: Instant,
    /// Used since the eviction last passed it.
    used: bool,
}

#[derive(Debug)]
pub(crate) enum Cached<T> {
    /// Compared with its file within the last [`FRESH`].
    Fresh(Arc<T>),
    /// The caller must compare it with its file first.
    Stale(Arc<T>),
    Nothing,
}

impl<T> Cache<T> {
    /// A cache of at most `max_bytes`, by the costs that callers pass to [`insert`](Cache::insert).
    pub(crate) fn new(max_bytes: usize) -> Self {
        Cache { entries: HashMap::new(), queue: VecDeque::new(), bytes: 0, max_bytes }
    }

    pub(crate) fn get(&mut self, name: &[u8], now: Instant) -> Cached<T> {
        let Some(entry) = self.entries.get_mut(name) else { return Cached::Nothing };
        entry.used = true;
        if now.saturating_duration_since(entry.checked) < FRESH {
            Cached::Fresh(entry.value.clone())
        } else {
            Cached::Stale(entry.value.clone())
        }
    }

    /// Notes that the entry still agrees with its file.
    pub(crate) fn renew(&mut self, name: &[u8], now: Instant) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.checked = now;
        }
    }

    /// Keeps a value that costs `cost` bytes, unless it alone would take more than a quarter of the cache.
    pub(crate) fn insert(&mut self, name: &[u8], value: Arc<T>, cost: usize, now: Instant) {
        self.remove(name);
        let cost = cost.saturating_add(name.len()).saturating_add(128);
        if cost > self.max_bytes / 4 {
            return;
        }
        while self.bytes.saturating_add(cost) > self.max_bytes {
            if !self.evict() {
                return;
            }
        }
        let name: Arc<[u8]> = name.into();
        self.queue.push_back(name.clone());
        self.bytes += cost;
        self.entries.insert(name, Entry { value, cost, checked: now, used: false });
    }

    pub(crate) fn remove(&mut self, name: &[u8]) {
        if let Some(entry) = self.entries.remove(name) {
            self.bytes -= entry.cost;
            self.queue.retain(|queued| queued.as_ref() != name);
        }
    }

    /// Drops the entry that was unused for the longest time; false if the cache is empty.
    fn evict(&mut self) -> bool {
        while let Some(name) = self.queue.pop_front() {
            match self.entries.get_mut(&name) {
                Some(entry) if entry.used => {
                    entry.used = false;
                    self.queue.push_back(name);
                }
                Some(entry) => {
                    self.bytes -= entry.cost;
                    self.entries.remove(&name);
                    return true;
                }
                None => {}
            }
        }
        false
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    fn has(cache: &Cache<u8>, name: &[u8]) -> bool {
        cache.entries.contains_key(name)
    }

    #[test]
    fn an_entry_is_fresh_for_half_a_second_and_then_stale() {
        let now = Instant::now();
        let mut cache = Cache::new(10_000);
        cache.insert(b"a", Arc::new(1), 10, now);
        assert!(matches!(cache.get(b"a", now + FRESH / 2), Cached::Fresh(_)));
        assert!(matches!(cache.get(b"a", now + FRESH), Cached::Stale(_)));
        cache.renew(b"a", now + FRESH);
        assert!(matches!(cache.get(b"a", now + FRESH), Cached::Fresh(_)));
        assert!(matches!(cache.get(b"b", now), Cached::Nothing));
    }

    #[test]
    fn the_bound_holds_and_used_entries_stay() {
        let now = Instant::now();
        let mut cache = Cache::new(10_000);
        cache.insert(b"used", Arc::new(0), 1000, now);
        for number in 0..200_u8 {
            cache.get(b"used", now);
            cache.insert(&[number], Arc::new(number), 1000, now);
            assert!(cache.bytes <= 10_000);
            assert_eq!(cache.queue.len(), cache.entries.len());
        }
        assert!(has(&cache, b"used") && has(&cache, &[199]) && !has(&cache, &[0]));
        cache.insert(b"large", Arc::new(1), 5000, now);
        assert!(!has(&cache, b"large"));
    }

    #[test]
    fn without_room_nothing_is_kept() {
        let mut cache = Cache::new(0);
        cache.insert(b"a", Arc::new(1), 0, Instant::now());
        assert!(!has(&cache, b"a"));
    }
}
