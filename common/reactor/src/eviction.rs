//! Which connection of a worker makes room for a newcomer when all places are taken.
//!
//! ```text
//!  unfinished   in the order of arrival: the first request is not complete;         evicted first
//!               those before the others that have been silent for a second
//!  idle         in the order in which each became idle: it waits for its next one   evicted next
//!  unnamed      let in without a place, until a proxy names its client              among each other
//!  answered     gets an answer where the oldest of its address makes room,          never
//!               whatever it is doing, and is not among the candidates there yet
//! ```
//!
//! A connection is in one of these lists, or in none: it gets an answer, is an opened stream, or closes. The lists are linked, so
//! that one enters, leaves or moves to the end in constant time; a connection in no list costs nothing but an empty [`LinkId`].

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use slab::Slab;

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

/// Names the link of a connection that is in a list; the connection keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinkId(NonZeroU32);

impl LinkId {
    /// `None` beyond 2^32 links, which are more than connections.
    fn new(key: usize) -> Option<Self> {
        NonZeroU32::new(u32::try_from(key).ok()?.wrapping_add(1)).map(Self)
    }

    fn key(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// A connection's neighbours in its list.
#[derive(Clone, Copy)]
struct Link {
    token: Token,
    list: List,
    before: Option<LinkId>,
    after: Option<LinkId>,
    has_spoken: bool,
    /// When it entered the list.
    since: Instant,
}

#[derive(Clone, Copy, Default)]
struct ListEnds {
    first: Option<LinkId>,
    last: Option<LinkId>,
    len: usize,
}

#[derive(Default)]
pub(super) struct Eviction {
    /// Of the connections that are in a list.
    links: Slab<Link>,
    lists: [ListEnds; 4],
    /// How many there are, for newcomers on other workers, and the number of this one.
    evictable: Evictable,
    worker: usize,
}

impl Eviction {
    pub(super) fn new(evictable: Evictable, worker: usize) -> Self {
        Self { evictable, worker, ..Self::default() }
    }

    /// Moves a connection, whose link this is, to the end of a list.
    #[inline]
    pub(super) fn push(&mut self, token: Token, linked: &mut Option<LinkId>, list: List, now: Instant) {
        match *linked {
            Some(id) if self.is_last(id, list) => self.stay_last(id, now),
            Some(id) => self.move_to_end(id, list, now),
            None => self.enter(token, linked, list, now),
        }
    }

    fn is_last(&self, id: LinkId, list: List) -> bool {
        self.lists.get(list as usize).is_some_and(|ends| ends.last == Some(id))
    }

    /// Makes the last one of a list the youngest again.
    #[inline]
    fn stay_last(&mut self, id: LinkId, now: Instant) {
        if let Some(link) = self.link_mut(id) {
            link.since = now;
        }
    }

    fn enter(&mut self, token: Token, linked: &mut Option<LinkId>, list: List, now: Instant) {
        let Some(id) = LinkId::new(self.links.vacant_key()) else { return };
        self.count_entered(list);
        let before = self.append(id, list);
        self.links.insert(Link { token, list, before, after: None, has_spoken: false, since: now });
        *linked = Some(id);
    }

    /// Takes a connection out of its list, if it is in one.
    pub(super) fn leave(&mut self, linked: &mut Option<LinkId>) {
        let Some(link) = linked.take().and_then(|id| self.links.try_remove(id.key())) else { return };
        self.join_neighbours(link);
        self.count_left(link.list);
    }

    fn count_entered(&mut self, list: List) {
        self.ends(list).len += 1;
        self.evictable.enter(self.worker, list);
    }

    fn count_left(&mut self, list: List) {
        self.ends(list).len -= 1;
        self.evictable.leave(self.worker, list);
    }

    /// Moves a link to the end of a list, from another one or in this one.
    fn move_to_end(&mut self, id: LinkId, list: List, now: Instant) {
        let Some(link) = self.link_mut(id) else { return };
        link.since = now;
        let left = *link;
        self.join_neighbours(left);
        if left.list != list {
            self.count_left(left.list);
            self.count_entered(list);
        }
        let before = self.append(id, list);
        if let Some(link) = self.link_mut(id) {
            (link.list, link.before, link.after) = (list, before, None);
        }
    }

    /// Makes a link the last one of a list; returns the one before it.
    fn append(&mut self, id: LinkId, list: List) -> Option<LinkId> {
        let ends = self.ends(list);
        let before = ends.last.replace(id);
        ends.first = ends.first.or(Some(id));
        if let Some(before) = before.and_then(|before| self.link_mut(before)) {
            before.after = Some(id);
        }
        before
    }

    /// Makes the neighbours of a link that has left its place each other's.
    fn join_neighbours(&mut self, link: Link) {
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
    }

    /// The first byte of the connection with this link has arrived.
    pub(super) fn has_spoken(&mut self, linked: Option<LinkId>) {
        if let Some(link) = linked.and_then(|id| self.link_mut(id)) {
            link.has_spoken = true;
        }
    }

    /// Since when this connection is in its list; `None` if it is in none.
    pub(super) fn since(&self, linked: Option<LinkId>) -> Option<Instant> {
        self.link(linked?).map(|link| link.since)
    }

    /// Moves a connection to those that are answered. It stays as old as it was.
    pub(super) fn answer(&mut self, token: Token, linked: &mut Option<LinkId>, now: Instant) {
        let since = self.since(*linked).unwrap_or(now);
        self.push(token, linked, List::Answered, since);
    }

    /// The connections that are answered.
    pub(super) fn answered(&self) -> impl Iterator<Item = Token> {
        self.iter(List::Answered).map(|link| link.token)
    }

    /// The connections whose first request is unfinished and that have come behind this instant, the newest first.
    pub(super) fn unfinished_after(&self, instant: Option<Instant>) -> impl Iterator<Item = Token> {
        let [unfinished, ..] = &self.lists;
        let last = unfinished.last.and_then(|last| self.link(last));
        let from_last = std::iter::successors(last, |link| self.link(link.before?));
        from_last.take_while(move |link| Some(link.since) > instant).map(|link| link.token)
    }

    /// True if no byte of this unfinished connection has come, and it has not had the time for one.
    pub(super) fn is_young(&self, linked: Option<LinkId>, now: Instant) -> bool {
        let link = linked.and_then(|id| self.link(id)).filter(|link| link.list != List::Idle);
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
        let [_, _, unnamed, _] = &self.lists;
        let oldest = self.iter(List::Unnamed).next().filter(|_| unnamed.len >= most)?;
        Some(oldest.token)
    }

    fn iter(&self, list: List) -> impl Iterator<Item = &Link> {
        let first = self.lists.get(list as usize).and_then(|ends| ends.first);
        std::iter::successors(first.and_then(|first| self.link(first)), |link| self.link(link.after?))
    }

    fn ends(&mut self, list: List) -> &mut ListEnds {
        let [unfinished, idle, unnamed, answered] = &mut self.lists;
        match list {
            List::Unfinished => unfinished,
            List::Idle => idle,
            List::Unnamed => unnamed,
            List::Answered => answered,
        }
    }

    fn link(&self, id: LinkId) -> Option<&Link> {
        self.links.get(id.key())
    }

    fn link_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.get_mut(id.key())
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

    /// The lists, and the link that each connection keeps.
    struct Linked {
        eviction: Eviction,
        links: [Option<LinkId>; 70],
    }

    impl Linked {
        fn new() -> Self {
            Self { eviction: Eviction::default(), links: [None; 70] }
        }

        fn push(&mut self, index: u32, list: List, now: Instant) {
            self.eviction.push(token(index), &mut self.links[index as usize], list, now);
        }

        fn speak(&mut self, index: u32) {
            self.eviction.has_spoken(self.links[index as usize]);
        }

        fn leave(&mut self, token: Token) {
            self.eviction.leave(&mut self.links[token.index as usize]);
        }

        fn choose(&self, scarce: Scarce, now: Instant) -> Option<Token> {
            self.eviction.choose(scarce, now)
        }
    }

    #[test]
    fn the_silent_go_first_then_the_oldest_head_then_the_idle_and_never_an_opened_stream() {
        let (mut eviction, begun) = (Linked::new(), Instant::now());
        (0..3).for_each(|index| eviction.push(index, List::Unfinished, begun));
        eviction.speak(0);
        eviction.speak(1);
        eviction.push(3, List::Idle, begun);
        eviction.push(4, List::Idle, begun);
        eviction.leave(token(4));
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
                eviction.leave(chosen);
            }
        }
    }

    #[test]
    fn a_newcomer_has_a_second_for_its_first_byte_before_it_goes_ahead_of_half_a_request() {
        let (mut eviction, begun) = (Linked::new(), Instant::now());
        eviction.push(0, List::Unfinished, begun);
        eviction.speak(0);
        eviction.push(1, List::Unfinished, begun);
        let before = begun + SILENCE / 2;
        assert_eq!(eviction.choose(Scarce::Heads, before), Some(token(0)));
        assert_eq!(eviction.choose(Scarce::Heads, begun + SILENCE), Some(token(1)));
    }

    #[test]
    fn a_silent_one_behind_many_that_have_spoken_stays() {
        let (mut eviction, begun) = (Linked::new(), Instant::now());
        for index in 0..65 {
            eviction.push(index, List::Unfinished, begun);
            if index < 64 {
                eviction.speak(index);
            }
        }
        assert_eq!(eviction.choose(Scarce::Places, begun + SILENCE), Some(token(0)));
    }

    #[test]
    fn those_that_have_come_behind_an_instant_are_found_without_a_look_at_the_others() {
        let (mut eviction, begun) = (Linked::new(), Instant::now());
        let at = |millis| begun + Duration::from_millis(millis);
        for index in 0..6 {
            eviction.push(index, List::Unfinished, at(u64::from(index)));
        }
        eviction.push(4, List::Idle, at(6));
        eviction.push(1, List::Unfinished, at(7));
        let behind = |instant| eviction.eviction.unfinished_after(instant).collect::<Vec<_>>();
        assert_eq!(behind(None), [1, 5, 3, 2, 0].map(token));
        assert_eq!(behind(Some(at(2))), [1, 5, 3].map(token));
        assert_eq!(behind(Some(at(7))), []);
    }

    #[test]
    fn one_without_a_place_goes_once_there_are_as_many_as_may_be() {
        let (mut eviction, begun) = (Linked::new(), Instant::now());
        assert_eq!(eviction.eviction.oldest_unnamed(2), None);
        for (index, oldest) in [(0, None), (1, Some(token(0))), (2, Some(token(0)))] {
            eviction.push(index, List::Unnamed, begun);
            assert_eq!(eviction.eviction.oldest_unnamed(2), oldest);
        }
    }

    #[test]
    fn any_order_of_pushes_and_removals_is_that_of_a_plain_list() {
        let mut numbers = (1..).map(|step: u64| step.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40);
        let mut next = |below: u64| numbers.next().map_or(0, |number| number % below);
        let (mut eviction, begun) = (Linked::new(), Instant::now());
        let mut plain: Vec<(u64, Token)> = Vec::new();
        for _ in 0..20_000 {
            let token = token(u32::try_from(next(40)).unwrap());
            plain.retain(|(_, other)| *other != token);
            match next(4) {
                list @ 0..=2 => {
                    let lists = [List::Unfinished, List::Idle, List::Unnamed];
                    eviction.push(token.index, lists[usize::try_from(list).unwrap()], begun);
                    plain.push((list, token));
                }
                _ => eviction.leave(token),
            }
            for list in [List::Unfinished, List::Idle, List::Unnamed] {
                let listed = eviction.eviction.iter(list).map(|link| link.token);
                let wanted = plain.iter().filter(|(of, _)| *of == list as u64).map(|(_, token)| *token);
                assert!(listed.eq(wanted.clone()));
                assert_eq!(eviction.eviction.ends(list).len, wanted.count());
            }
        }
    }
}
