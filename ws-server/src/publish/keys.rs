//! What was published under which key: nothing twice, however often a request is tried.
//!
//! ```text
//!              begin                    end, last line in the history
//!   (nothing) ───────▶ Running ──────────────────────────────────────▶ Ended ───▶ forgotten when its last line leaves the
//!                        ▲  │ suspend                                    │        history
//!                        │  ▼                                            │ begin
//!                  resume│ Leaving                                       └───▶ Running
//!                        │  ┊ next process     settle
//!                      Adrift ──────────────────────────────────────▶ Ended
//! ```
//!
//! A record is adrift in the next process, until its connection has been adopted. Whoever shares these between threads puts one lock
//! around them.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    account::{Account, Record},
    key::ScopedKey,
};

/// All records of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    /// How many of the newest numbers the stream knows; it has at most so many records of requests that have ended.
    history: u64,
    pub(super) entries: BTreeMap<ScopedKey, Entry>,
    /// Those that have ended, by the number of their last line: no two have the same.
    by_last: BTreeMap<u64, ScopedKey>,
    /// Those that have ended without a line, with the newest number at that time.
    without_lines: BTreeSet<(u64, ScopedKey)>,
}

/// How a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A connection has its account.
    Running,
    /// The account was exported with a connection that this process has not adopted yet.
    Adrift(Record),
    /// The account was exported with a connection that the next process will adopt.
    Leaving(Record),
    /// The last try ended when the newest line had this number.
    Ended(Record, u64),
}

/// What a request under a key may do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub(crate) enum Begin {
    /// Go on with this account, and give it back by [`Keys::end`].
    Run(Account),
    /// A request under this key is still running: 409 (draft-ietf-httpapi-idempotency-key-header §2.7).
    Busy,
}

impl Keys {
    /// Without records, for a stream that knows so many of its newest numbers.
    pub(crate) fn new(history: u64) -> Self {
        Self { history, ..Self::default() }
    }

    /// For another length of the history.
    pub(crate) fn limit(&mut self, history: u64, newest: u64) {
        self.history = history;
        self.trim(newest);
    }

    /// True if nothing is to be remembered.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many records there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// A request begins under this key; `newest` is the number of the stream's newest line.
    pub(crate) fn begin(&mut self, key: ScopedKey, newest: u64) -> Begin {
        self.trim(newest);
        let earlier = match self.entries.get(&key) {
            None => None,
            Some(Entry::Running | Entry::Adrift(_) | Entry::Leaving(_)) => return Begin::Busy,
            Some(Entry::Ended(record, since)) => {
                let (record, since) = (*record, *since);
                self.unlist(&key, &record, since);
                Some(record)
            }
        };
        self.entries.insert(key.clone(), Entry::Running);
        Begin::Run(Account::keyed(key, earlier))
    }

    /// A request has ended, however: what it has published stays known as long as the history knows its last line.
    pub(crate) fn end(&mut self, account: Account, newest: u64) {
        let record = account.record();
        let Some(key) = account.key else { return };
        self.put_ended(key, record, newest);
        self.trim(newest);
    }

    /// The connection of a request is on its way to the next process, or was given up on the way.
    pub(crate) fn suspend(&mut self, account: &Account) {
        let Some(key) = &account.key else { return };
        self.entries.insert(key.clone(), Entry::Leaving(account.record()));
    }

    /// The connection of a request was adopted; false if this process knows nothing of it: then it must not go on.
    #[must_use]
    pub(crate) fn resume(&mut self, account: &Account) -> bool {
        let Some(key) = &account.key else { return true };
        match self.entries.get_mut(key) {
            Some(entry @ Entry::Adrift(_)) => *entry = Entry::Running,
            _ => return false,
        }
        true
    }

    /// What the next process gets, where all that leave here are adrift.
    pub(crate) fn for_next_process(&self) -> Self {
        let mut next = self.clone();
        for entry in next.entries.values_mut() {
            if let Entry::Leaving(record) = *entry {
                *entry = Entry::Adrift(record);
            }
        }
        next
    }

    /// All connections have been adopted that could be: what is still adrift has been cut off. Some may be on their way to the next
    /// process already: where one restart follows the other, one worker adopts its last connections while another has exported its own.
    pub(crate) fn settle(&mut self, newest: u64) {
        let adrift: Vec<_> = self
            .entries
            .iter()
            .filter_map(|(key, entry)| match entry {
                Entry::Adrift(record) => Some((key.clone(), *record)),
                _ => None,
            })
            .collect();
        for (key, record) in adrift {
            self.put_ended(key, record, newest);
        }
        self.trim(newest);
    }

    /// Puts back what another process has written down.
    pub(super) fn put(&mut self, key: ScopedKey, entry: Entry) {
        match entry {
            Entry::Ended(record, since) => self.put_ended(key, record, since),
            entry => _ = self.entries.insert(key, entry),
        }
    }

    /// Records what a request has left behind; `since` is the number of the newest line at its end.
    fn put_ended(&mut self, key: ScopedKey, record: Record, since: u64) {
        let last = record.span.map(|(_, last)| last.number);
        match last {
            // Cut off before its first line: as if it had never come.
            None if !record.is_complete => {
                self.entries.remove(&key);
                return;
            }
            None => {
                self.without_lines.insert((since, key.clone()));
            }
            Some(last) => {
                // Only in damaged state have two records the same line.
                let other = self.by_last.insert(last, key.clone()).filter(|other| *other != key);
                other.and_then(|other| self.entries.remove(&other));
            }
        }
        self.entries.insert(key, Entry::Ended(record, since));
    }

    /// Takes a record that has ended out of the order in which they are forgotten.
    fn unlist(&mut self, key: &ScopedKey, record: &Record, since: u64) {
        match record.span {
            Some((_, last)) => _ = self.by_last.remove(&last.number),
            None => _ = self.without_lines.remove(&(since, key.clone())),
        }
    }

    /// Forgets what the history no longer knows.
    fn trim(&mut self, newest: u64) {
        let is_known = |number: u64| number.saturating_add(self.history) > newest;
        while let Some(first) = self.by_last.first_entry().filter(|first| !is_known(*first.key())) {
            self.entries.remove(&first.remove());
        }
        // Each of the others has a number of the history for itself.
        let most = usize::try_from(self.history).unwrap_or(usize::MAX).saturating_sub(self.by_last.len());
        while let Some((since, _)) = self.without_lines.first()
            && (!is_known(*since) || self.without_lines.len() > most)
        {
            let oldest = self.without_lines.pop_first();
            oldest.and_then(|(_, key)| self.entries.remove(&key));
        }
    }
}
