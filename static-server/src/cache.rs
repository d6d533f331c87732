//! Ready answers in memory, bounded in bytes: one cache for all workers, so that no two of them show different versions.
//!
//! Each name has a slot behind a lock of its own. A worker holds it while it looks at the file, so that the workers see the
//! versions of a file in one order; a slow file does not delay requests for another one.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The memory that an entry takes besides its value and its name.
const OVERHEAD: usize = 128;

/// Entries by name; it evicts entries that were not used lately first (second chance).
#[derive(Debug)]
pub(crate) struct Cache<T> {
    table: Mutex<Table<T>>,
    /// Counts the entries that were kept and then dropped.
    dropped: AtomicU64,
    max_bytes: usize,
}

/// The slot of an entry that is kept, for a caller that comes back to it without its name.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    slot: Weak<Slot<T>>,
    /// How many entries had been dropped by then: while there are no more, it is still kept.
    dropped: u64,
}

/// The place of one name: empty while nobody has its file.
pub(crate) type Slot<T> = Mutex<Option<T>>;

#[derive(Debug)]
struct Table<T> {
    entries: HashMap<Arc<[u8]>, Entry<T>>,
    /// The names of the entries that are kept, the next candidate for eviction first.
    queue: VecDeque<Arc<[u8]>>,
    /// The cost of the entries that are kept.
    bytes: usize,
}

#[derive(Debug)]
struct Entry<T> {
    slot: Arc<Slot<T>>,
    /// `None` while the first worker looks at the file.
    cost: Option<usize>,
    /// Used since the eviction last passed it.
    used: bool,
}

impl<T> Cache<T> {
    /// A cache of at most `max_bytes`, by the costs that callers pass to [`keep`](Cache::keep).
    pub(crate) fn new(max_bytes: usize) -> Self {
        Cache { table: Mutex::new(Table::new()), dropped: AtomicU64::new(0), max_bytes }
    }

    /// The slot of a name. The caller that fills it calls [`keep`](Cache::keep), or else gives it up with
    /// [`remove`](Cache::remove).
    pub(crate) fn slot(&self, name: &[u8]) -> Arc<Slot<T>> {
        let mut table = self.table();
        if let Some(entry) = table.entries.get_mut(name) {
            entry.used = true;
            return entry.slot.clone();
        }
        let slot = Arc::new(Mutex::new(None));
        table.entries.insert(name.into(), Entry { slot: slot.clone(), cost: None, used: false });
        slot
    }

    /// The slot of a name that is kept.
    pub(crate) fn kept(&self, name: &[u8]) -> Option<Kept<T>> {
        let table = self.table();
        let entry = table.entries.get(name).filter(|entry| entry.cost.is_some())?;
        Some(Kept { slot: Arc::downgrade(&entry.slot), dropped: self.dropped.load(Ordering::SeqCst) })
    }

    /// The same slot again; `None` once any entry was dropped, which may have been this one. So whatever makes room sees each use of those
    /// that stay.
    pub(crate) fn slot_of(&self, kept: &Kept<T>) -> Option<Arc<Slot<T>>> {
        kept.slot.upgrade().filter(|_| self.has_all_since(kept))
    }

    /// True while no entry has been dropped since this one was found.
    pub(crate) fn has_all_since(&self, kept: &Kept<T>) -> bool {
        self.dropped.load(Ordering::SeqCst) == kept.dropped
    }

    /// True if a value of this cost is not too large to be kept.
    pub(crate) fn takes(&self, name: &[u8], cost: usize) -> bool {
        cost.saturating_add(name.len()).saturating_add(OVERHEAD) <= self.max_bytes / 4
    }

    /// Keeps the value of a slot, which costs `cost` bytes, unless it alone would take more than a quarter of the cache.
    pub(crate) fn keep(&self, name: &[u8], slot: &Arc<Slot<T>>, cost: usize) {
        let mut table = self.table();
        let Some(name) = table.name_of(name, slot) else { return };
        if !self.takes(&name, cost) {
            return self.drop_from(&mut table, &name);
        }
        let cost = cost.saturating_add(name.len()).saturating_add(OVERHEAD);
        // What it costs now does not count beside what it will.
        if table.bytes + cost > self.max_bytes {
            table.set_cost(&name, 0);
            while table.bytes + cost > self.max_bytes && table.evict() {
                self.count_dropped();
            }
        }
        table.set_cost(&name, cost);
    }

    /// Drops a name, if it still has this slot.
    pub(crate) fn remove(&self, name: &[u8], slot: &Arc<Slot<T>>) {
        let mut table = self.table();
        if table.name_of(name, slot).is_some() {
            self.drop_from(&mut table, name);
        }
    }

    /// Drops a name.
    pub(crate) fn forget(&self, name: &[u8]) {
        self.drop_from(&mut self.table(), name);
    }

    /// Drops all names.
    pub(crate) fn clear(&self) {
        let mut table = self.table();
        *table = Table::new();
        self.count_dropped();
    }

    fn drop_from(&self, table: &mut Table<T>, name: &[u8]) {
        if table.remove(name) {
            self.count_dropped();
        }
    }

    /// Counted under the table's lock, so that nobody gets another slot of the name before.
    fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }

    fn table(&self) -> MutexGuard<'_, Table<T>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Table<T> {
    fn new() -> Self {
        Table { entries: HashMap::new(), queue: VecDeque::new(), bytes: 0 }
    }

    /// The table's own copy of a name, if that has this slot.
    fn name_of(&self, name: &[u8], slot: &Arc<Slot<T>>) -> Option<Arc<[u8]>> {
        let (name, entry) = self.entries.get_key_value(name)?;
        Arc::ptr_eq(&entry.slot, slot).then(|| name.clone())
    }

    fn set_cost(&mut self, name: &Arc<[u8]>, cost: usize) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        match entry.cost.replace(cost) {
            Some(before) => self.bytes -= before,
            None => self.queue.push_back(name.clone()),
        }
        self.bytes += cost;
    }

    /// Drops a name; true if it was kept.
    fn remove(&mut self, name: &[u8]) -> bool {
        let Some(cost) = self.entries.remove(name).and_then(|entry| entry.cost) else { return false };
        self.bytes -= cost;
        self.queue.retain(|queued| queued.as_ref() != name);
        true
    }

    /// Drops the entry that was unused for the longest time; false if nothing is kept.
    fn evict(&mut self) -> bool {
        while let Some(name) = self.queue.pop_front() {
            let Some(entry) = self.entries.get_mut(&name) else { continue };
            if std::mem::take(&mut entry.used) {
                self.queue.push_back(name);
                continue;
            }
            self.bytes -= entry.cost.unwrap_or_default();
            self.entries.remove(&name);
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(cache: &Cache<u8>, name: &[u8]) -> bool {
        cache.table().entries.contains_key(name)
    }

    fn keep(cache: &Cache<u8>, name: &[u8], cost: usize) {
        let slot = cache.slot(name);
        *slot.lock().unwrap() = Some(1);
        cache.keep(name, &slot, cost);
    }

    #[test]
    fn all_workers_get_the_same_slot() {
        let cache = Cache::new(10_000);
        keep(&cache, b"a", 10);
        assert!(Arc::ptr_eq(&cache.slot(b"a"), &cache.slot(b"a")));
        assert!(cache.slot(b"a").lock().unwrap().is_some() && cache.slot(b"b").lock().unwrap().is_none());
    }

    #[test]
    fn the_bound_holds_and_used_entries_stay() {
        let cache = Cache::new(10_000);
        keep(&cache, b"used", 1000);
        for number in 0..200_u8 {
            drop(cache.slot(b"used"));
            let slot = cache.slot(&[number]);
            cache.keep(&[number], &slot, 1000);
            // A file that changes pays for its new size only.
            cache.keep(&[number], &slot, 900);
            let table = cache.table();
            let costs: usize = table.entries.values().filter_map(|entry| entry.cost).sum();
            assert!(table.bytes <= 10_000 && table.bytes == costs);
            assert_eq!(table.queue.len(), table.entries.len());
        }
        assert!(has(&cache, b"used") && has(&cache, &[199]) && !has(&cache, &[0]));
        keep(&cache, b"large", 5000);
        assert!(!has(&cache, b"large"));
    }

    #[test]
    fn a_name_without_a_value_leaves_nothing_behind() {
        let cache = Cache::<u8>::new(10_000);
        let (first, again) = (cache.slot(b"none"), cache.slot(b"none"));
        cache.remove(b"none", &first);
        assert!(!has(&cache, b"none"));
        // A worker that was late must not drop the next slot of the name.
        keep(&cache, b"none", 10);
        cache.remove(b"none", &again);
        assert!(has(&cache, b"none"));
        cache.forget(b"none");
        assert!(!has(&cache, b"none") && cache.table().bytes == 0 && cache.table().queue.is_empty());
    }

    #[test]
    fn a_slot_is_known_without_its_name_until_an_entry_is_dropped() {
        let cache = Cache::new(10_000);
        drop(cache.slot(b"a"));
        assert!(cache.kept(b"a").is_none(), "not kept yet");
        let ends: [fn(&Cache<u8>); 5] = [
            |cache| cache.forget(b"a"),
            |cache| cache.remove(b"b", &cache.slot(b"b")),
            |cache| cache.clear(),
            |cache| (0..9).for_each(|name| keep(cache, &[name], 2000)),
            |cache| keep(cache, b"a", 5000),
        ];
        for (number, end) in ends.into_iter().enumerate() {
            keep(&cache, b"a", 10);
            keep(&cache, b"b", 10);
            let kept = cache.kept(b"a").unwrap();
            cache.remove(b"none", &cache.slot(b"none"));
            keep(&cache, b"b", 20);
            let same = cache.slot_of(&kept).is_some_and(|slot| Arc::ptr_eq(&slot, &cache.slot(b"a")));
            assert!(same, "{number}: nothing that was kept has gone");
            end(&cache);
            assert!(cache.slot_of(&kept).is_none(), "{number}");
        }
    }

    #[test]
    fn without_room_nothing_is_kept() {
        let cache = Cache::new(0);
        keep(&cache, b"a", 0);
        assert!(!has(&cache, b"a"));
    }
}
