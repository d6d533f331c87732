//! Who gets the stream: the connections of one worker in dense lists, one for each phase and framing.

use common::framing::Framing;
use reactor::Token;

const FRAMINGS: usize = Framing::ALL.len();

/// Where a connection is listed.
#[derive(Clone, Copy, Debug)]
struct Place {
    list: u32,
    index: u32,
    generation: u32,
}

/// The connections of one worker that get the stream.
#[derive(Debug)]
pub(crate) struct Room {
    /// `phase * FRAMINGS + framing`.
    lists: Vec<Vec<Token>>,
    /// By the token's index: joining and leaving take constant time.
    places: Vec<Option<Place>>,
    /// Members of each phase.
    occupied: Vec<usize>,
    /// Members of all phases.
    members: usize,
}

impl Room {
    /// An empty room.
    pub(crate) fn new(phases: usize) -> Self {
        let phases = phases.max(1);
        Self {
            lists: vec![Vec::new(); phases.saturating_mul(FRAMINGS)],
            places: Vec::new(),
            occupied: vec![0; phases],
            members: 0,
        }
    }

    /// True if there is nobody at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.members == 0
    }

    /// True if there is somebody in a phase.
    pub(crate) fn has_phase(&self, phase: usize) -> bool {
        self.occupied.get(phase).is_some_and(|members| *members > 0)
    }

    /// Adds a connection.
    pub(crate) fn join(&mut self, token: Token, phase: usize, framing: Framing) {
        self.leave(token);
        let number = phase.saturating_mul(FRAMINGS).saturating_add(framing.index());
        let Some(list) = self.lists.get_mut(number) else { return };
        let (Ok(number), Ok(index)) = (u32::try_from(number), u32::try_from(list.len())) else { return };
        list.push(token);
        self.members = self.members.saturating_add(1);
        if let Some(members) = self.occupied.get_mut(phase) {
            *members = members.saturating_add(1);
        }
        let at = token.index as usize;
        if self.places.len() <= at {
            self.places.resize(at.saturating_add(1), None);
        }
        if let Some(place) = self.places.get_mut(at) {
            *place = Some(Place { list: number, index, generation: token.generation });
        }
    }

    /// Takes a connection out; true if it was in.
    pub(crate) fn leave(&mut self, token: Token) -> bool {
        let Some(slot) = self.places.get_mut(token.index as usize) else { return false };
        let Some(place) = slot.take_if(|place| place.generation == token.generation) else { return false };
        let Some(list) = self.lists.get_mut(place.list as usize) else { return false };
        list.swap_remove(place.index as usize);
        self.members = self.members.saturating_sub(1);
        if let Some(members) = self.occupied.get_mut(place.list as usize / FRAMINGS) {
            *members = members.saturating_sub(1);
        }
        let moved = list.get(place.index as usize).copied();
        if let Some(moved) =
            moved.and_then(|token| self.places.get_mut(token.index as usize)).and_then(Option::as_mut)
        {
            moved.index = place.index;
        }
        true
    }
}

/// A walk over some lists that survives joining and leaving on the way: who stays all the time is met at least
/// once. Each list is walked from its end, because leaving moves the last one of a list forward.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    list: usize,
    last_list: usize,
    below: usize,
}

impl Walk {
    /// Everybody of one phase.
    pub(crate) fn phase(phase: usize) -> Self {
        let list = phase.saturating_mul(FRAMINGS);
        Self { list, last_list: list.saturating_add(FRAMINGS), below: usize::MAX }
    }

    /// Everybody.
    pub(crate) fn all(room: &Room) -> Self {
        Self { list: 0, last_list: room.lists.len(), below: usize::MAX }
    }

    /// The next member and its framing.
    pub(crate) fn next(&mut self, room: &Room) -> Option<(Token, Framing)> {
        while self.list < self.last_list {
            let list = room.lists.get(self.list)?;
            self.below = self.below.min(list.len());
            if let Some(at) = self.below.checked_sub(1) {
                self.below = at;
                let framing = Framing::ALL.get(self.list % FRAMINGS)?;
                return Some((*list.get(at)?, *framing));
            }
            self.list = self.list.saturating_add(1);
            self.below = usize::MAX;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn token(index: u32) -> Token {
        Token { index, generation: 0 }
    }

    fn met(room: &Room, mut walk: Walk) -> Vec<u32> {
        std::iter::from_fn(|| walk.next(room)).map(|(token, _)| token.index).collect()
    }

    #[test]
    fn a_walk_meets_everybody_of_its_phase_with_their_framing() {
        let mut room = Room::new(3);
        room.join(token(0), 1, Framing::Hybi);
        room.join(token(1), 1, Framing::Lines);
        room.join(token(2), 2, Framing::Hybi);
        let mut walk = Walk::phase(1);
        assert_eq!(walk.next(&room), Some((token(0), Framing::Hybi)));
        assert_eq!(walk.next(&room), Some((token(1), Framing::Lines)));
        assert_eq!(walk.next(&room), None);
        assert_eq!(met(&room, Walk::all(&room)), [0, 1, 2]);
        assert!(room.has_phase(2) && !room.has_phase(0) && !room.has_phase(9));
    }

    #[test]
    fn a_late_word_about_an_earlier_connection_changes_nothing() {
        let mut room = Room::new(1);
        room.join(Token { index: 4, generation: 1 }, 0, Framing::Hixie);
        assert!(!room.leave(Token { index: 4, generation: 0 }));
        assert!(!room.leave(token(99)));
        assert!(room.has_phase(0));
        assert!(room.leave(Token { index: 4, generation: 1 }));
        assert!(!room.has_phase(0));
    }

    proptest! {
        #[test]
        fn who_stays_is_met_whatever_the_others_do(
            leavers in proptest::collection::vec((0_usize..40, 0_u32..60), 0..40),
            joiners in proptest::collection::vec((0_usize..40, 0_u32..20), 0..20),
        ) {
            let mut room = Room::new(2);
            for index in 0..60 {
                room.join(token(index), index as usize % 2, Framing::ALL[index as usize % 3]);
            }
            let mut walk = Walk::all(&room);
            let mut seen = BTreeSet::new();
            for step in 0..1000 {
                for (_, index) in leavers.iter().filter(|(at, _)| *at == step) {
                    room.leave(token(*index));
                }
                for (_, index) in joiners.iter().filter(|(at, _)| *at == step) {
                    room.join(token(100 + index), 0, Framing::Hybi);
                }
                let Some((token, _)) = walk.next(&room) else { break };
                seen.insert(token.index);
            }
            for index in 0..60 {
                let left = leavers.iter().any(|(_, leaver)| *leaver == index);
                prop_assert!(left || seen.contains(&index), "{index} was missed");
            }
        }
    }
}
