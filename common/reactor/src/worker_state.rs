//! What every callback of a worker may touch: its time, settings, lists and limits, but not its connections.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use super::connection::{Io, Lifecycle};
use super::control::EvictionMail;
use super::deadlines::Deadlines;
use super::evictable::{List, Room, Scarce};
use super::eviction::{Eviction, EvictionClass};
use super::known_addresses::KnownAddresses;
use super::network::Network;
use super::outbox::Spare;
use super::per_address::{Candidate, Place, is_pressed};
use super::settings::{LONG_TAIL, MAX_LONG_TAILS};
use super::{AddressEviction, CloseReason, CompactInstant, Control, Settings, Stats, Token};

/// How long a connection waits after the kernel was out of memory for it.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct WorkerState {
    /// Its index among the process's workers, from 0.
    pub(super) number: usize,
    /// When it started: what is kept for each connection is counted from here.
    pub(super) start: Instant,
    /// This turn's time, and the same as it is kept for each connection ([`WorkerState::set_now`]).
    pub(super) now: Instant,
    pub(super) compact_now: CompactInstant,
    /// The wall clock, as it was in this moment.
    pub(super) wall: SystemTime,
    /// The same in whole seconds since 1970 ([`WorkerState::set_wall`]).
    pub(super) wall_seconds: u64,
    /// When it was read; `None` before the first turn.
    pub(super) wall_read_at: Option<CompactInstant>,
    /// Connections of the previous process are not in the table yet.
    pub(super) is_adopting: bool,
    pub(super) settings: Settings,
    /// The listeners do not have these settings yet.
    pub(super) has_new_settings: bool,
    /// Borrowed, never cloned in a turn: its reference count would travel from core to core.
    pub(super) control: Control,
    pub(super) deadlines: Deadlines,
    pub(super) eviction: Eviction,
    /// Room that newcomers have taken here: one connection goes at the end of the turn for each entry.
    pub(super) rooms_due: Vec<Room>,
    /// An address has become short of places, or may be so under new settings: those that wait here have to be candidates.
    pub(super) candidates_due: bool,
    /// Those that had come by then were made candidates because of that, and are not looked at again. One that had not been served yet
    /// becomes a candidate when it is.
    pub(super) candidates_until: Option<Instant>,
    /// Connections to serve: an event came, or there is work left that no event will announce.
    pub(super) ready: VecDeque<Token>,
    /// Connections for which the kernel was out of memory, and when they are tried again.
    pub(super) short: Vec<Token>,
    pub(super) short_until: Option<Instant>,
    /// Connections to close at the end of the turn.
    pub(super) to_close: Vec<(Token, CloseReason)>,
    /// Each connection with a long tail has a clone of it.
    pub(super) long_tails: Arc<()>,
    pub(super) known_addresses: KnownAddresses,
    /// The memory of the last outbox that was emptied.
    pub(super) spare: Spare,
}

impl WorkerState {
    /// The numbers of this worker.
    #[inline]
    pub(super) fn stats(&self) -> Option<&Stats> {
        self.control.stats().get(self.number)
    }

    pub(super) fn list_ready(&mut self, io: &mut Io) {
        if !io.listed_ready {
            io.listed_ready = true;
            self.ready.push_back(io.token);
        }
    }

    /// The kernel was out of memory for a call about this connection: serves it again a little later.
    pub(super) fn retry_later(&mut self, io: &Io) {
        self.short.push(io.token);
        self.short_until.get_or_insert(self.now + SHORTAGE_PAUSE);
    }

    pub(super) fn schedule_close(&mut self, io: &mut Io, why: CloseReason) {
        if io.lifecycle != Lifecycle::Closing {
            io.lifecycle = Lifecycle::Closing;
            self.eviction.leave(&mut io.linked);
            self.to_close.push((io.token, why));
        }
    }

    /// Keeps the input that the handler did not consume; false if it is long and there are too many of those. Input that the handler
    /// would consume does not count as a long one.
    pub(super) fn keep_tail(&self, io: &mut Io, rest: &[u8], resume: bool) -> bool {
        if rest.is_empty() && io.tail.len() == 0 {
            return true; // as mostly: nothing to keep, and nothing that was kept
        }
        let mut long = io.tail.take_long();
        if !resume && rest.len() <= LONG_TAIL {
            long = None;
        } else if !resume && long.is_none() {
            // One reference is ours.
            if Arc::strong_count(&self.long_tails) > MAX_LONG_TAILS {
                return false;
            }
            long = Some(Arc::clone(&self.long_tails));
        }
        io.tail.replace(rest, long);
        true
    }

    #[inline]
    pub(super) fn arm(&mut self, io: &mut Io) {
        let at = io.next_deadline();
        if io.lifecycle != Lifecycle::Closing && io.armed.is_none_or(|armed| armed.due() > at) {
            self.deadlines.arm(io.token, at, self.compact_now, &mut io.armed);
        }
    }

    /// Sets the time of this turn: it is converted once, and not for each connection.
    pub(super) fn set_now(&mut self, now: Instant) {
        self.now = now;
        self.compact_now = self.compact(now);
    }

    /// Sets the wall clock's time: it is converted once, and not for each connection. A time before 1970 counts as 0.
    pub(super) fn set_wall(&mut self, wall: SystemTime) {
        self.wall = wall;
        self.wall_seconds = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    }

    /// So long from now, as it is kept for a connection.
    pub(super) fn after(&self, time: Duration) -> CompactInstant {
        self.compact_now.saturating_add(time)
    }

    /// As it is kept for a connection.
    pub(super) fn compact(&self, at: Instant) -> CompactInstant {
        CompactInstant::new(at, self.start)
    }

    /// When the first deadline is looked at; `None` without a connection.
    #[cfg(any(test, feature = "simulated"))]
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next().map(|next| next.to_instant(self.start))
    }

    /// The connection as one that makes room for a newcomer of its address; `None` if it does not.
    #[inline]
    pub(super) fn candidate(&self, token: Token, class: EvictionClass) -> Option<Candidate> {
        let makes_room = class.is_unfinished() || self.settings.address_eviction == AddressEviction::Oldest;
        (self.settings.max_per_address > 0 && makes_room).then_some((self.number, token))
    }

    /// The connection was read from: if it may make room at its address, it is a candidate from now on, and no earlier, since
    /// its request may have been there. While it waits for its first request at an address with places left, or is answered then, it becomes
    /// one only when those of any address are short (`offer_due`): most have gone before that.
    #[inline]
    pub(super) fn offer_place(&mut self, io: &mut Io) {
        if self.candidate(io.token, io.eviction_class).is_some() {
            self.offer_place_of_candidate(io); // as few
        }
    }

    fn offer_place_of_candidate(&mut self, io: &mut Io) {
        let is_listed_later = |network| {
            let since = self.eviction.since(io.linked);
            io.eviction_class != EvictionClass::Idle
                && since > self.candidates_until
                && !self.is_pressed(network)
        };
        if !io.counted().is_some_and(is_listed_later) {
            self.make_candidate(io);
        }
    }

    /// From now on the connection makes room at its address, if it may.
    pub(super) fn make_candidate(&mut self, io: &mut Io) {
        if !io.offers_place()
            && let Some(candidate) = self.candidate(io.token, io.eviction_class)
            && let Some(mut place) = io.take_place()
        {
            let since = self.eviction.since(io.linked).unwrap_or(self.now);
            self.control.counters().addresses.offer(&mut place, candidate, since);
            io.set_place(place);
            if io.eviction_class == EvictionClass::Established {
                self.eviction.leave(&mut io.linked);
            }
        }
    }

    /// The connection's first request is complete: it makes no room for others any more, but at its address, where the settings say so.
    /// There, one that has waited stays as old as it is; others have just come, and most of them are gone at once.
    pub(super) fn leave_unfinished(&mut self, io: &mut Io) {
        let is_candidate_later = io.armed.is_some()
            && self.candidate(io.token, EvictionClass::Established).is_some()
            && io.counted().is_some()
            && !io.offers_place();
        if is_candidate_later {
            self.eviction.answer(io.token, &mut io.linked, self.now);
        } else {
            self.eviction.leave(&mut io.linked);
        }
    }

    /// True if places at this address are short, or the worker does not know it.
    pub(super) fn is_pressed(&self, network: Network) -> bool {
        let taken = self.known_addresses.find(network);
        taken.is_none_or(|taken| is_pressed(taken.load(Relaxed), self.settings.max_per_address))
    }

    /// The first request is complete: no newcomer takes the connection's place any more, where the settings say so. One that has
    /// lost it in this moment, to a newcomer on another worker, ends without an answer, so that nobody is answered and then evicted.
    pub(super) fn keep_place(&mut self, io: &mut Io) {
        if self.settings.address_eviction != AddressEviction::OldestUnfinished || !io.offers_place() {
            return;
        }
        let Some(mut place) = io.take_place() else { return };
        if self.control.counters().addresses.keep(&mut place) {
            io.set_place(place);
        } else {
            self.schedule_close(io, CloseReason::Evicted);
        }
    }

    /// A place at this address; `None` if `max` are taken (0: no limit). The one with which places become short makes those candidates
    /// that wait, on all workers.
    pub(super) fn enter_place(&mut self, address: IpAddr, max: usize) -> Option<Place> {
        let (place, before) =
            self.control.counters().addresses.enter(&mut self.known_addresses, address, max)?;
        let limit = self.settings.max_per_address;
        if is_pressed(before + 1, limit) && !is_pressed(before, limit) {
            self.candidates_due = true;
            let evictions = self.control.evictions();
            let others = (0..evictions.workers()).filter(|worker| *worker != self.number);
            others.for_each(|worker| evictions.send(worker, EvictionMail::Candidates));
        }
        Some(place)
    }

    /// Gives back the connection's place at its address, if it has one. False if a newcomer has taken it already.
    pub(super) fn leave_place(&self, io: &mut Io) -> bool {
        let addresses = &self.control.counters().addresses;
        io.take_place().is_none_or(|place| addresses.leave(&self.known_addresses, place))
    }

    /// What a newcomer lacks; `None` while the limits of the process leave room for it.
    pub(super) fn scarce(&self) -> Option<Scarce> {
        let counters = self.control.counters();
        let unnamed = counters.unnamed.load(Relaxed);
        let reaches = |count: &AtomicUsize, limit: usize| {
            limit > 0 && count.load(Relaxed).saturating_sub(unnamed) >= limit
        };
        if reaches(&counters.open, self.settings.max_connections) {
            Some(Scarce::Places)
        } else if reaches(&counters.heads, self.settings.max_heads) {
            Some(Scarce::Heads)
        } else {
            None
        }
    }

    /// Where a newcomer that lacks this finds room; `None` if no connection of any worker makes room.
    pub(super) fn find_room(&self, scarce: Scarce) -> Option<Room> {
        self.control.evictable().find(self.number, scarce)
    }

    /// Takes room for a newcomer: its worker, this one or another, closes a connection at the end of its turn.
    pub(super) fn take_room(&mut self, room: Room) {
        self.control.evictable().take(room);
        if room.worker == self.number {
            self.rooms_due.push(room);
        } else {
            self.control.evictions().send(room.worker, EvictionMail::For(room));
        }
    }

    /// Takes a place for a connection that was let in without one; at the end of the turn another one makes room, where all
    /// are taken. False if none may.
    pub(super) fn settle_room(&mut self, io: &mut Io) -> bool {
        if !io.owes_room {
            return true;
        }
        if let Some(scarce) = self.scarce() {
            let Some(room) = self.find_room(scarce) else { return false };
            self.take_room(room);
        }
        self.forgive_room(io);
        if io.eviction_class.is_unfinished() {
            self.eviction.push(io.token, &mut io.linked, List::Unfinished, self.now);
        }
        true
    }

    fn forgive_room(&self, io: &mut Io) {
        if std::mem::take(&mut io.owes_room) {
            self.control.counters().unnamed.fetch_sub(1, Relaxed);
        }
    }

    /// Counts off a connection that a handler knew, or was to know.
    pub(super) fn count_closed(&mut self, io: &mut Io, why: CloseReason) {
        self.eviction.leave(&mut io.linked);
        self.forgive_room(io);
        self.leave_place(io);
        self.control.counters().count_closed(why, io.eviction_class.is_unfinished());
    }
}
