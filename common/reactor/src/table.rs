//! The connections of one worker: a dense table whose places carry a generation.

use slab::Slab;

/// Names a connection of one worker: its place in the table and the generation of that place, so that a late event
/// never reaches the next connection in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token {
    /// Its place in the table, which a later connection may get.
    pub index: u32,
    /// Counts the connections of the worker; no two in one place have the same.
    pub generation: u32,
}

impl Token {
    /// No connection has this generation: it marks the listeners and the waker.
    pub(super) const RESERVED: u32 = u32::MAX;
}

pub(super) struct Table<T> {
    entries: Slab<(u32, T)>,
    next_generation: u32,
}

impl<T> Table<T> {
    pub(super) fn new() -> Self {
        Self { entries: Slab::new(), next_generation: 0 }
    }

    /// Adds what `make` builds for its token. `None` while the table holds 2^32 connections.
    pub(super) fn insert_with(&mut self, make: impl FnOnce(Token) -> T) -> Option<Token> {
        let index = u32::try_from(self.entries.vacant_key()).ok()?;
        let token = Token { index, generation: self.next_generation };
        self.entries.insert((token.generation, make(token)));
        self.next_generation = (self.next_generation + 1) % Token::RESERVED;
        Some(token)
    }

    pub(super) fn get(&self, token: Token) -> Option<&T> {
        let (generation, entry) = self.entries.get(token.index as usize)?;
        (*generation == token.generation).then_some(entry)
    }

    pub(super) fn get_mut(&mut self, token: Token) -> Option<&mut T> {
        let (generation, entry) = self.entries.get_mut(token.index as usize)?;
        (*generation == token.generation).then_some(entry)
    }

    pub(super) fn remove(&mut self, token: Token) -> Option<T> {
        self.get(token)?;
        self.entries.try_remove(token.index as usize).map(|(_, entry)| entry)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|(_, (_, entry))| entry)
    }

    pub(super) fn tokens(&self) -> Vec<Token> {
        let token = |(index, (generation, _)): (usize, &(u32, T))| {
            Some(Token { index: u32::try_from(index).ok()?, generation: *generation })
        };
        self.entries.iter().filter_map(token).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_event_does_not_reach_the_next_connection_in_the_same_place() {
        let mut table = Table::new();
        let first = table.insert_with(|_| 'a').unwrap();
        assert_eq!(table.remove(first), Some('a'));
        let second = table.insert_with(|_| 'b').unwrap();
        assert_eq!(first.index, second.index);
        assert_eq!(table.get_mut(first), None);
        assert_eq!(table.remove(first), None);
        assert_eq!(table.get_mut(second), Some(&mut 'b'));
    }
}
