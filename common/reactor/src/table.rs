//! The connections of one worker: a dense table whose places carry a generation.

use super::Token;
use super::connection::Entry;

/// Connections in one piece of the table. A table that grows takes one more piece: it copies nothing, and never has
/// room for many more connections than there were.
const PIECE: usize = 64;

pub(super) struct Table<C, S> {
    /// All full but the last one; `None` is a free place.
    pieces: Vec<Vec<Option<Entry<C, S>>>>,
    /// The free places; the one that became so last is taken next.
    free: Vec<u32>,
    /// Places, the free ones included.
    places: usize,
    next_generation: u32,
}

impl<C, S> Table<C, S> {
    pub(super) fn new() -> Self {
        Self { pieces: Vec::new(), free: Vec::new(), places: 0, next_generation: 0 }
    }

    /// Adds what `make` builds for its token. `None` while the table holds 2^32 connections.
    pub(super) fn insert_with(&mut self, make: impl FnOnce(Token) -> Entry<C, S>) -> Option<Token> {
        let index = match self.free.pop() {
            Some(index) => index,
            None => self.add_place()?,
        };
        let token = Token { index, generation: self.next_generation };
        *self.place(index)? = Some(make(token));
        self.next_generation = (self.next_generation + 1) % Token::RESERVED;
        Some(token)
    }

    fn add_place(&mut self) -> Option<u32> {
        let index = u32::try_from(self.places).ok()?;
        if self.places.is_multiple_of(PIECE) {
            self.pieces.push(Vec::with_capacity(PIECE));
        }
        self.pieces.last_mut()?.push(None);
        self.places += 1;
        Some(index)
    }

    #[inline]
    fn place(&mut self, index: u32) -> Option<&mut Option<Entry<C, S>>> {
        let index = index as usize;
        self.pieces.get_mut(index / PIECE)?.get_mut(index % PIECE)
    }

    pub(super) fn get(&self, token: Token) -> Option<&Entry<C, S>> {
        let index = token.index as usize;
        let entry = self.pieces.get(index / PIECE)?.get(index % PIECE)?.as_ref();
        entry.filter(|entry| entry.io.token == token)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, token: Token) -> Option<&mut Entry<C, S>> {
        self.place(token.index)?.as_mut().filter(|entry| entry.io.token == token)
    }

    pub(super) fn remove(&mut self, token: Token) -> Option<Entry<C, S>> {
        let entry = self.place(token.index)?.take_if(|entry| entry.io.token == token)?;
        self.free.push(token.index);
        Some(entry)
    }

    pub(super) fn len(&self) -> usize {
        self.places - self.free.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry<C, S>> {
        self.pieces.iter().flatten().flatten()
    }

    pub(super) fn tokens(&self) -> Vec<Token> {
        self.iter().map(|entry| entry.io.token).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CompactInstant;
    use crate::connection::Io;

    fn insert(table: &mut Table<(), char>, socket: char) -> Token {
        let deadline = CompactInstant::since_start(0);
        let make = |token| Entry { socket, io: Io::new(token, None, deadline), conn: None };
        table.insert_with(make).unwrap()
    }

    #[test]
    fn a_late_event_does_not_reach_the_next_connection_in_the_same_place() {
        let mut table = Table::new();
        let first = insert(&mut table, 'a');
        assert_eq!(table.remove(first).unwrap().socket, 'a');
        let second = insert(&mut table, 'b');
        assert_eq!(first.index, second.index);
        assert!(
            table.get(first).is_none() && table.get_mut(first).is_none() && table.remove(first).is_none()
        );
        assert_eq!(table.get_mut(second).unwrap().socket, 'b');
    }

    #[test]
    fn a_table_has_room_for_a_few_dozen_more_connections_than_it_ever_held() {
        let mut table = Table::new();
        let tokens: Vec<Token> = (0..1025).map(|_| insert(&mut table, 'a')).collect();
        let room: usize = table.pieces.iter().map(Vec::capacity).sum();
        assert!(room < 1025 + PIECE, "{room}");
        assert!(tokens.iter().all(|token| table.get(*token).is_some()));
        assert_eq!((table.len(), table.iter().count(), table.tokens()), (1025, 1025, tokens.clone()));
        for token in &tokens {
            table.remove(*token);
        }
        assert_eq!((table.len(), table.iter().count()), (0, 0));
        insert(&mut table, 'b');
        assert_eq!(table.pieces.iter().map(Vec::capacity).sum::<usize>(), room);
    }
}
