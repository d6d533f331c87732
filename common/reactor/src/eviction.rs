//! Which connection of a worker makes room for a newcomer when all places are taken.
//!
//! ```text
//!  unfinished   in the order of arrival: the first request is not complete;         evicted first
//!               those before the others that have been silent for a second
//!  idle         in the order in which each became idle: it waits for its next one   evicted next
//!  unnamed      let in without a place, until a proxy names its client              among each other
//! ```
//!
//! A connection is in one of these lists, or in none: it gets an answer, is an opened stream, or closes. The lists are linked
//! through one table by the connections' places, so that one enters, leaves or moves to the end in constant time.

use std::time::{Duration, Instant};

use super::Token;
use super::evictable::{Evictable, List, Scarce};

/// How many of the oldest unfinished ones a search looks at for one from which no byte has arrived.
const LOOK_AHEAD: usize = 64;
/// A connection that says nothing for this long goes before the others, and at a stop without an answer. A younger one may have its request under way: if it went first, too,
/// a flood of half requests would keep out all other newcomers.
pub(super) const SILENCE: Duration = Duration::from_secs(1);

/// How readily a connection makes room for a newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EvictionClass {
    /// No byte has arrived.
    Silent,
    /// Part of its first request has arrived.
    Head,
    /// It waits for its next request.
    Idle,
    /// It gets an answer, or is an opened stream.
    Established,
}

impl EvictionClass {
    /// True until its first request is complete.
    pub(super) fn is_unfinished(self) -> bool {
        matches!(self, Self::Silent | Self::Head)
    }
}

/// The neighbours of a connection in its list, by their places.
#[derive(Clone, Copy)]
struct Link {
    token: Token,
    list: List,
    before: Option<u32>,
    after: Option<u32>,
    has_spoken: bool,
    /// When it entered the list.
    since: Instant,
}

#[derive(Clone, Copy, Default)]
struct ListEnds {
    first: Option<u32>,
    last: Option<u32>,
    len: usize,
}

#[derive(Default)]
pub(super) struct Eviction {
    /// By the place of the connection; `None` for one that is in no list.
    links: Vec<Option<Link>>,
    lists: [ListEnds; 3],
    /// How many there are, for newcomers on other workers, and the number of this one.
    evictable: Evictable,
    worker: usize,
}

impl Eviction {
    pub(super) fn new(evictable: Evictable, worker: usize) -> Self {
        Self { evictable, worker, ..Self::default() }
    }

    /// Moves a connection to the end of a list.
    pub(super) fn push(&mut self, token: Token, list: List, now: Instant) {
        let has_spoken = self.link(token.index).is_some_and(|link| link.has_spoken);
        self.remove(token);
        let ends = self.ends(list);
        let before = ends.last.replace(token.index);
        ends.first = ends.first.or(before).or(Some(token.index));
        ends.len += 1;
        self.evictable.enter(self.worker, list);
        if let Some(before) = before.and_then(|before| self.link_mut(before)) {
            before.after = Some(token.index);
        }
        let place = token.index as usize;
        if self.links.len() <= place {
            self.links.resize(place + 1, None);
        }
        if let Some(link) = self.links.get_mut(place) {
            *link = Some(Link { token, list, before, after: None, has_spoken, since: now });
        }
    }

    /// Takes a connection out of its list, if it is in one.
    pub(super) fn remove(&mut self, token: Token) {
        let Some(link) = self.links.get_mut(token.index as usize).and_then(Option::take) else { return };
        debug_assert_eq!(link.token, token, "a connection leaves its list before another one has its place");
        if let Some(before) = link.before.and_then(|before| self.link_mut(before)) {
            before.after = link.after;
        }
        if let Some(after) = link.after.and_then(|after| self.link_mut(after)) {
            after.before = link.before;
        }
        let ends = self.ends(link.list);
        if link.before.is_none() {
            ends.first = link.after;
        }
        if link.after.is_none() {
            ends.last = link.before;
        }
        ends.len -= 1;
        self.evictable.leave(self.worker, link.list);
    }

    /// The first byte of this connection has arrived.
    pub(super) fn has_spoken(&mut self, token: Token) {
        if let Some(link) = self.link_mut(token.index) {
            link.has_spoken = true;
        }
    }

    /// True if no byte of this unfinished connection has come, and it has not had the time for one.
    pub(super) fn is_young(&self, token: Token, now: Instant) -> bool {
        let link = self.link(token.index).filter(|link| link.list != List::Idle);
        link.is_some_and(|link| !link.has_spoken && now.saturating_duration_since(link.since) < SILENCE)
    }

    /// The connection that makes room; `None` if none may.
    pub(super) fn choose(&self, scarce: Scarce, now: Instant) -> Option<Token> {
        let unfinished = || {
            let is_silent =
                |link: &&Link| !link.has_spoken && now.saturating_duration_since(link.since) >= SILENCE;
            let silent = self.iter(List::Unfinished).take(LOOK_AHEAD).find(is_silent);
            silent.or_else(|| self.iter(List::Unfinished).next())
        };
        let idle = || self.iter(List::Idle).next().filter(|_| scarce == Scarce::Places);
        unfinished().or_else(idle).map(|link| link.token)
    }

    /// The oldest one without a place, if there are `most` of them already.
    pub(super) fn oldest_unnamed(&self, most: usize) -> Option<Token> {
        let [_, _, unnamed] = &self.lists;
        let oldest = self.iter(List::Unnamed).next().filter(|_| unnamed.len >= most)?;
        Some(oldest.token)
    }

    fn iter(&self, list: List) -> impl Iterator<Item = &Link> {
        let first = self.lists.get(list as usize).and_then(|ends| ends.first);
        std::iter::successors(first.and_then(|first| self.link(first)), |link| self.link(link.after?))
    }

    fn ends(&mut self, list: List) -> &mut ListEnds {
        let [unfinished, idle, unnamed] = &mut self.lists;
        match list {
            List::Unfinished => unfinished,
            List::Idle => idle,
            List::Unnamed => unnamed,
        }
    }

    fn link(&self, place: u32) -> Option<&Link> {
        self.links.get(place as usize)?.as_ref()
    }

    fn link_mut(&mut self, place: u32) -> Option<&mut Link> {
        self.links.get_mut(place as usize)?.as_mut()
    }
}

#[cfg(any(test, feature = "simulated"))]
impl Eviction {
    /// How many connections are on its lists.
    pub(super) fn listed(&self) -> usize {
        self.lists.iter().map(|ends| ends.len).sum()
    }

    /// How many connections are on this list.
    pub(super) fn listed_as(&self, list: List) -> usize {
        self.iter(list).count()
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // Any instant will do.
mod tests {
    use super::*;

    fn token(index: u32) -> Token {
        Token { index, generation: 0 }
    }

    #[test]
    fn the_silent_go_first_then_the_oldest_head_then_the_idle_and_never_an_opened_stream() {
        let (mut eviction, begun) = (Eviction::default(), Instant::now());
        (0..3).for_each(|index| eviction.push(token(index), List::Unfinished, begun));
        eviction.has_spoken(token(0));
        eviction.has_spoken(token(1));
        eviction.push(token(3), List::Idle, begun);
        eviction.push(token(4), List::Idle, begun);
        eviction.remove(token(4));
        for (scarce, victim) in [
            (Scarce::Heads, Some(2)),
            (Scarce::Places, Some(0)),
            (Scarce::Heads, Some(1)),
            (Scarce::Heads, None),
            (Scarce::Places, Some(3)),
            (Scarce::Places, None),
        ] {
            let chosen = eviction.choose(scarce, begun + SILENCE);
            assert_eq!(chosen, victim.map(token));
            if let Some(chosen) = chosen {
                eviction.remove(chosen);
            }
        }
    }

    #[test]
    fn a_newcomer_has_a_second_for_its_first_byte_before_it_goes_ahead_of_half_a_request() {
        let (mut eviction, begun) = (Eviction::default(), Instant::now());
        eviction.push(token(0), List::Unfinished, begun);
        eviction.has_spoken(token(0));
        eviction.push(token(1), List::Unfinished, begun);
        let before = begun + SILENCE / 2;
        assert_eq!(eviction.choose(Scarce::Heads, before), Some(token(0)));
        assert_eq!(eviction.choose(Scarce::Heads, begun + SILENCE), Some(token(1)));
    }

    #[test]
    fn a_silent_one_behind_many_that_have_spoken_stays() {
        let (mut eviction, begun) = (Eviction::default(), Instant::now());
        for index in 0..65 {
            eviction.push(token(index), List::Unfinished, begun);
            if index < 64 {
                eviction.has_spoken(token(index));
            }
        }
        assert_eq!(eviction.choose(Scarce::Places, begun + SILENCE), Some(token(0)));
    }

    #[test]
    fn one_without_a_place_goes_once_there_are_as_many_as_may_be() {
        let (mut eviction, begun) = (Eviction::default(), Instant::now());
        assert_eq!(eviction.oldest_unnamed(2), None);
        for (index, oldest) in [(0, None), (1, Some(token(0))), (2, Some(token(0)))] {
            eviction.push(token(index), List::Unnamed, begun);
            assert_eq!(eviction.oldest_unnamed(2), oldest);
        }
    }

    #[test]
    fn any_order_of_pushes_and_removals_is_that_of_a_plain_list() {
        let mut numbers = (1..).map(|step: u64| step.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40);
        let mut next = |below: u64| numbers.next().map_or(0, |number| number % below);
        let (mut eviction, begun) = (Eviction::default(), Instant::now());
        let mut plain: Vec<(u64, Token)> = Vec::new();
        for _ in 0..20_000 {
            let token = token(u32::try_from(next(40)).unwrap());
            plain.retain(|(_, other)| *other != token);
            match next(4) {
                list @ 0..=2 => {
                    let lists = [List::Unfinished, List::Idle, List::Unnamed];
                    eviction.push(token, lists[usize::try_from(list).unwrap()], begun);
                    plain.push((list, token));
                }
                _ => eviction.remove(token),
            }
            for list in [List::Unfinished, List::Idle, List::Unnamed] {
                let listed = eviction.iter(list).map(|link| link.token);
                let wanted = plain.iter().filter(|(of, _)| *of == list as u64).map(|(_, token)| *token);
                assert!(listed.eq(wanted.clone()));
                assert_eq!(eviction.ends(list).len, wanted.count());
            }
        }
    }
}
