//! The stream as a ring of batches: lines, and the dates of an `ordered` clock.

use std::{sync::Arc, time::Instant};

use common::{framing::Framing, gap::Gap, id::MessageId};

use super::{
    batch::{Batch, EncodedBytes},
    clock::Clock,
    ring::{Found, Position, Ring},
    runs::Taker,
    settings::{Delivery, Numbers, StreamOptions},
    subscription::{Next, Subscription},
    window::CoalescingWindow,
};

/// Bytes that a subscriber of an `ordered` stream gets at once: one that asks for a long history does not hold up the others.
const MOST_AT_ONCE: usize = 256 * 1024;

/// The newest messages of one worker, and what subscribers get of them.
#[derive(Debug)]
pub(crate) struct Buffer {
    pub(crate) ring: Ring,
    /// The clock that writes into the ring; `None` for lines.
    pub(crate) clock: Option<Clock>,
    pub(super) delivery: Delivery,
    pub(super) history: u64,
    pub(super) greet: u64,
    /// The numbers are given: what a client has may be ahead of what has come here.
    pub(super) is_given: bool,
    /// The source still brings what there was before: newcomers wait for their places.
    pub(super) is_filling: bool,
    /// When the oldest message came up that no broadcast has begun to send.
    due: Option<Instant>,
    /// Lines that come within it wait for its end.
    window: CoalescingWindow,
    /// Where the ring ended when a connection last heard of a stop.
    end: Option<Position>,
}

impl Buffer {
    pub(crate) fn new(
        options: &StreamOptions,
        first_line: MessageId,
        clock: Option<Clock>,
        encoded_bytes: Arc<EncodedBytes>,
    ) -> Self {
        let is_given = options.numbers == Numbers::Given;
        Self {
            ring: Ring::new(options.ring_bounds(), first_line, !is_given, encoded_bytes),
            clock,
            delivery: options.delivery(),
            history: options.history(),
            greet: options.greet(),
            is_given,
            is_filling: false,
            due: None,
            window: CoalescingWindow::new(options.coalesce()),
            end: None,
        }
    }

    pub(crate) fn configure(&mut self, options: &StreamOptions) {
        self.ring.limit(options.ring_bounds());
        self.history = options.history();
        self.greet = options.greet();
        self.window.configure(options.coalesce());
        if let Some(clock) = &mut self.clock {
            clock.configure(options);
        }
    }

    /// Adds what arrived from the source at `now`.
    pub(crate) fn publish(&mut self, batch: Arc<Batch>, now: Instant) {
        self.due = self.due.or(Some(now));
        self.window.count();
        self.ring.push(batch);
    }

    /// Adds the next date that is due, even without subscribers: clients that come later read it as history.
    pub(crate) fn publish_date(&mut self, now: Instant) {
        let Some(clock) = &mut self.clock else { return };
        let Some(slot) = clock.schedule.take_due(now, Some) else { return };
        let mut batch = Batch::new(clock.id_of(slot));
        let text = clock.text_of(slot);
        batch.push(|out| out.push_str(&text));
        self.due = self.due.or_else(|| clock.schedule.start_of(slot)).or(Some(now));
        self.ring.push(batch.shared());
    }

    /// The source has brought what there was before, or newcomers wait no longer for it: at `now` they get their places.
    pub(crate) fn end_filling(&mut self, now: Instant) {
        if std::mem::take(&mut self.is_filling) {
            self.due = self.due.or(Some(now));
        }
    }

    /// When the next broadcast begins; `None` without anything to send.
    pub(crate) fn next_broadcast(&self) -> Option<Instant> {
        self.due.map(|due| self.window.ends().map_or(due, |end| end.max(due)))
    }

    /// Takes the arrival time of the oldest message that no broadcast has begun to send, if one may begin `now`, as the caller then
    /// does.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Instant> {
        self.next_broadcast().filter(|begin| *begin <= now)?;
        self.window.begin_round(now);
        self.due.take()
    }

    /// The broadcast that has begun last is over; `clock` says what time that is.
    pub(crate) fn end_round(&mut self, clock: impl FnOnce() -> Instant) {
        self.window.end_round(clock);
    }

    /// The next messages of a subscriber, as many whole ones as fit into `room` bytes, but at least one.
    pub(crate) fn next(&self, subscription: &mut Subscription, framing: Framing, room: usize) -> Next<'_> {
        if !self.ring.is_newest(subscription.position)
            && let Some(next) = self.next_of_run(subscription, framing, room)
        {
            return next;
        }
        self.next_of_batch(subscription, framing, room)
    }

    fn next_of_batch(&self, subscription: &mut Subscription, framing: Framing, room: usize) -> Next<'_> {
        loop {
            if subscription.is_complete() {
                return Next::CaughtUp;
            }
            let batch = match self.ring.at(subscription.position) {
                Found::Batch(batch) => batch,
                Found::CaughtUp if subscription.waits_for_place() && !self.is_filling => {
                    match self.place_newcomer(subscription, framing) {
                        Some(next) => return next,
                        None => continue,
                    }
                }
                Found::CaughtUp => return Next::CaughtUp,
                Found::Lost if self.delivery == Delivery::Latest && subscription.end().is_none() => {
                    (subscription.position, subscription.is_behind_gap) = (self.ring.last(1), true);
                    continue;
                }
                Found::Lost => return Next::Behind,
            };
            if room == 0 {
                return Next::Full;
            }
            if batch.epoch() != subscription.epoch {
                match self.cross(subscription, batch, framing) {
                    Some(next) => return next,
                    None => continue,
                }
            }
            let message = subscription.position.message.max(batch.place_of(subscription.next));
            let to = subscription.end().map_or(usize::MAX, |end| batch.place_of(end));
            let encoded = self.ring.encoded(subscription.position, framing);
            let Some((encoded, (range, next))) =
                encoded.and_then(|encoded| Some((encoded, encoded.piece(message, to, room)?)))
            else {
                if let Some(end) = subscription.end().filter(|end| *end <= batch.number_of(message)) {
                    // A date that was skipped was the last one.
                    subscription.next = end;
                }
                subscription.position = subscription.position.next_batch();
                continue;
            };
            if batch.number_of(message) > subscription.next
                && let Some(gap) = self.jump(subscription, batch.id_of(message))
            {
                return Next::Gap(gap);
            }
            subscription.next = batch.number_of(next);
            subscription.position.message = next;
            if next == batch.len() {
                // At once, so that the next call does not look into this batch again.
                subscription.position = subscription.position.next_batch();
            }
            return Next::Shared {
                bytes: &encoded.bytes,
                range,
                messages: next.saturating_sub(message) as u64,
            };
        }
    }

    /// As [`Buffer::next`], of all batches that follow as one, for a subscriber that gets the first of them from its beginning on.
    fn next_of_run(
        &self,
        subscription: &mut Subscription,
        framing: Framing,
        room: usize,
    ) -> Option<Next<'_>> {
        let Position { batch, message: 0 } = subscription.position else { return None };
        if room == 0 {
            return None;
        }
        let taker = Taker { room, end: subscription.end() };
        let run = self.ring.run(batch, framing, taker)?;
        let (range, count) = run.piece(subscription.next_id(), taker)?;
        subscription.next = run.number_of(count);
        subscription.position = match run.batch_behind(count) {
            Some(batch) => Position { batch, message: 0 },
            None => self.ring.from(subscription.next_id()),
        };
        Some(Next::Shared { bytes: &run.encoded.bytes, range, messages: count as u64 })
    }

    /// True if nothing comes behind what the subscriber has just got: [`Buffer::next`] would say [`Next::CaughtUp`].
    #[inline]
    pub(crate) fn ends_at(&self, subscription: &Subscription) -> bool {
        subscription.position >= self.ring.end() && !subscription.waits_for_place()
    }

    /// A connection hears of a stop: those that have heard of one need no message that comes from now on.
    pub(crate) fn mark_end(&mut self) {
        self.end = Some(self.ring.end());
    }

    /// True if the subscriber has all messages from before the stop.
    pub(crate) fn is_past_end(&self, subscription: &Subscription) -> bool {
        self.end.is_some_and(|end| subscription.position >= end) && !subscription.waits_for_place()
    }

    /// A subscriber of another epoch has come to this batch. One of a later epoch waits for that; for the others a new stream begins,
    /// of which nothing is told to one that has had nothing.
    #[cold]
    fn cross(
        &self,
        subscription: &mut Subscription,
        batch: &Batch,
        framing: Framing,
    ) -> Option<Next<'static>> {
        if batch.epoch() < subscription.epoch {
            subscription.position =
                self.ring.from(subscription.next_id()).max(subscription.position.next_batch());
            return None;
        }
        if let Some(end) = subscription.end() {
            // No message of this stream comes after the end of another one.
            subscription.next = subscription.next.max(end);
            return None;
        }
        let has_nothing = subscription.next == 0 && subscription.has_nothing;
        if !has_nothing && !framing.tells_gaps() {
            return Some(Next::Over);
        }
        let next = batch.id_of(subscription.position.message);
        subscription.go_on_at(next);
        subscription.is_behind_gap = false;
        (!has_nothing).then_some(Next::Gap(Gap { missed: None, new_stream: true, next: Some(next) }))
    }

    /// The number of the `next` message is not the one after the last that the subscriber has: it gets the gap between, if that
    /// is one.
    #[cold]
    fn jump(&self, subscription: &mut Subscription, next: MessageId) -> Option<Gap> {
        let has_nothing = subscription.next == 0 && subscription.has_nothing;
        let follows_gap = self.ring.follows_gap(subscription.position) && !has_nothing;
        if !follows_gap && !subscription.is_behind_gap {
            subscription.next = next.number;
            return None;
        }
        subscription.is_behind_gap = false;
        subscription.skip_to(next.number, next.epoch)
    }

    /// Most bytes that a subscriber gets at once. Of a `latest` stream all there is, or the rest would be skipped as outdated.
    pub(crate) fn most_at_once(&self) -> usize {
        if self.delivery == Delivery::Latest { usize::MAX } else { MOST_AT_ONCE }
    }

    /// A full socket has drained: of a `latest` stream only the newest message is still worth sending.
    pub(crate) fn skip_outdated(&self, subscription: &mut Subscription) {
        if self.delivery != Delivery::Latest || subscription.end().is_some() {
            return;
        }
        let newest = self.ring.last(1);
        if subscription.position.batch < newest.batch {
            let next = subscription.position.max(self.ring.from(subscription.next_id()));
            // What the ring has dropped meanwhile is missing, too.
            subscription.is_behind_gap |= next < newest || !self.ring.has(subscription.next_id());
            subscription.position = newest;
        }
    }
}
