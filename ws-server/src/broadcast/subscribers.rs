//! The connections of one worker that get the stream, in dense lists: one for each phase and framing.

use std::ops::Range;

use common::framing::Framing;
use reactor::Token;

const FRAMINGS: usize = Framing::ALL.len();

/// Where a connection stands in the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    list: u32,
    index: u32,
}

impl Entry {
    /// Of a connection that is no subscriber.
    const NOWHERE: Self = Self { list: u32::MAX, index: u32::MAX };
}

#[derive(Debug)]
pub(crate) struct Subscribers {
    /// By `phase * FRAMINGS + framing`.
    lists: Vec<Vec<Token>>,
    /// By the token's index, so that adding and removing take constant time.
    places: Vec<Entry>,
    /// How many subscribers each phase has.
    occupied: Vec<usize>,
    count: usize,
}

impl Subscribers {
    pub(crate) fn new(phases: usize) -> Self {
        let phases = phases.max(1);
        Self {
            lists: vec![Vec::new(); phases.saturating_mul(FRAMINGS)],
            places: Vec::new(),
            occupied: vec![0; phases],
            count: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The first phase from this one on, and behind the last one from 0 on, that has subscribers.
    pub(crate) fn next_phase(&self, phase: usize) -> Option<usize> {
        let (before, from) = self.occupied.split_at_checked(phase)?;
        let first = |counts: &[usize]| counts.iter().position(|count| *count > 0);
        first(from).map(|ahead| phase.saturating_add(ahead)).or_else(|| first(before))
    }

    /// How many subscribers the phase has.
    pub(crate) fn count_in(&self, phase: usize) -> usize {
        self.occupied.get(phase).copied().unwrap_or(0)
    }

    pub(crate) fn add(&mut self, token: Token, phase: usize, framing: Framing) {
        self.remove(token);
        let number = phase.saturating_mul(FRAMINGS).saturating_add(framing.index());
        debug_assert!(number < self.lists.len(), "the stream gave a phase that it does not have");
        let Some(list) = self.lists.get_mut(number) else { return };
        let (Ok(number), Ok(index)) = (u32::try_from(number), u32::try_from(list.len())) else { return };
        list.push(token);
        self.count = self.count.saturating_add(1);
        if let Some(count) = self.occupied.get_mut(phase) {
            *count = count.saturating_add(1);
        }
        let at = token.index as usize;
        if self.places.len() <= at {
            self.places.resize(at.saturating_add(1), Entry::NOWHERE);
        }
        if let Some(place) = self.places.get_mut(at) {
            *place = Entry { list: number, index };
        }
    }

    /// Removes a connection; true if it was a subscriber.
    pub(crate) fn remove(&mut self, token: Token) -> bool {
        let Some(slot) = self.places.get_mut(token.index as usize) else { return false };
        let place = *slot;
        let Some(list) = self.lists.get_mut(place.list as usize) else { return false };
        // A later connection may have the same index.
        if list.get(place.index as usize) != Some(&token) {
            return false;
        }
        *slot = Entry::NOWHERE;
        list.swap_remove(place.index as usize);
        self.count = self.count.saturating_sub(1);
        if let Some(count) = self.occupied.get_mut(place.list as usize / FRAMINGS) {
            *count = count.saturating_sub(1);
        }
        let moved = list.get(place.index as usize).copied();
        if let Some(moved) = moved.and_then(|token| self.places.get_mut(token.index as usize)) {
            moved.index = place.index;
        }
        true
    }

    /// The subscribers of one list, and their framing.
    pub(super) fn list(&self, number: usize) -> Option<(&[Token], Framing)> {
        let framing = Framing::ALL.get(number % FRAMINGS)?;
        self.lists.get(number).map(|list| (list.as_slice(), *framing))
    }

    /// The numbers of the lists of one phase.
    pub(super) fn lists_of(phase: usize) -> Range<usize> {
        let first = phase.saturating_mul(FRAMINGS);
        first..first.saturating_add(FRAMINGS)
    }

    /// The numbers of all lists.
    pub(super) fn all_lists(&self) -> Range<usize> {
        0..self.lists.len()
    }
}

#[cfg(test)]
impl Subscribers {
    /// Entries of all lists.
    pub(crate) fn listed(&self) -> usize {
        self.lists.iter().map(Vec::len).sum()
    }
}
