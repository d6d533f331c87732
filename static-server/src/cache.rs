//! Ready answers in memory, bounded in bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an entry is believed without a look at its file. Half a second, because the root itself is looked up as
/// seldom: together a change is seen within a second.
pub const FRESH: Duration = Duration::from_millis(500);

/// Entries by name; the ones that were not asked for lately go first (second chance).
#[derive(Debug)]
pub struct Cache<T> {
    entries: HashMap<Arc<[u8]>, Entry<T>>,
    queue: VecDeque<Arc<[u8]>>,
    bytes: usize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Entry<T> {
    value: Arc<T>,
    cost: usize,
    checked: Instant,
    used: bool,
}

/// What the cache knows of a name.
#[derive(Debug)]
pub enum Cached<T> {
    /// Good to answer with.
    Fresh(Arc<T>),
    /// To be compared with its file first.
    Stale(Arc<T>),
    /// Nothing.
    Nothing,
}

impl<T> Cache<T> {
    /// A cache of at most `max_bytes`, by the costs that are told to [`insert`](Cache::insert).
    pub fn new(max_bytes: usize) -> Self {
        Cache { entries: HashMap::new(), queue: VecDeque::new(), bytes: 0, max_bytes }
    }

    /// Looks a name up.
    pub fn get(&mut self, name: &[u8], now: Instant) -> Cached<T> {
        let Some(entry) = self.entries.get_mut(name) else { return Cached::Nothing };
        entry.used = true;
        if now.saturating_duration_since(entry.checked) < FRESH {
            Cached::Fresh(entry.value.clone())
        } else {
            Cached::Stale(entry.value.clone())
        }
    }

    /// The entry was compared with its file, and is as the file.
    pub fn renew(&mut self, name: &[u8], now: Instant) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.checked = now;
        }
    }

    /// Keeps a value that costs `cost` bytes, unless it alone is more than a quarter of all.
    pub fn insert(&mut self, name: &[u8], value: Arc<T>, cost: usize, now: Instant) {
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

    /// Forgets a name.
    pub fn remove(&mut self, name: &[u8]) {
        if let Some(entry) = self.entries.remove(name) {
            self.bytes -= entry.cost;
            self.queue.retain(|queued| queued.as_ref() != name);
        }
    }

    /// Drops the entry that was not asked for the longest; false if there is none.
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
    fn an_entry_is_believed_for_half_a_second_and_then_checked() {
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
    fn the_bound_holds_and_what_is_used_stays() {
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
