//! The connections of one worker: a dense table whose places carry a generation.

use slab::Slab;

use super::Token;

/// A table of connections by [`Token`].
pub(super) struct Table<T> {
    entries: Slab<(u32, T)>,
    next_generation: u32,
}

impl<T> Table<T> {
    pub(super) fn new() -> Self {
        Self { entries: Slab::new(), next_generation: 0 }
    }

    /// The token of the next connection. `None` while the table holds 2^32 of them.
    pub(super) fn next_token(&self) -> Option<Token> {
        let index = u32::try_from(self.entries.vacant_key()).ok()?;
        Some(Token { index, generation: self.next_generation })
    }

    /// Adds what `make` builds for [`Self::next_token`].
    pub(super) fn insert_with(&mut self, make: impl FnOnce(Token) -> T) -> Option<Token> {
        let token = self.next_token()?;
        self.entries.insert((token.generation, make(token)));
        self.next_generation = (self.next_generation + 1) % Token::RESERVED;
        Some(token)
    }

    pub(super) fn get(&self, token: Token) -> Option<&T> {
        match self.entries.get(token.index as usize) {
            Some((generation, entry)) if *generation == token.generation => Some(entry),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, token: Token) -> Option<&mut T> {
        match self.entries.get_mut(token.index as usize) {
            Some((generation, entry)) if *generation == token.generation => Some(entry),
            _ => None,
        }
    }

    pub(super) fn remove(&mut self, token: Token) -> Option<T> {
        self.get_mut(token)?;
        self.entries.try_remove(token.index as usize).map(|(_, entry)| entry)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|(_, (_, entry))| entry)
    }

    pub(super) fn tokens(&self) -> impl Iterator<Item = Token> + '_ {
        self.entries.iter().filter_map(|(index, (generation, _))| {
            Some(Token { index: u32::try_from(index).ok()?, generation: *generation })
        })
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
