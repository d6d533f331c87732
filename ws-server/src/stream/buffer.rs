//! The stream as a ring of batches: lines, and the dates of an `ordered` clock.

use std::{sync::Arc, time::Instant};

use common::{
    framing::Framing,
    gap::Gap,
    id::{Epoch, MessageId, Since},
};

use super::{
    batch::{Batch, EncodedBytes},
    bounded::Part,
    clock::Clock,
    resume::{Extent, date_ahead},
    ring::{Found, Ring},
    settings::{Delivery, StreamOptions},
    subscription::{Next, Subscription},
};

/// Bytes that a subscriber of an `ordered` stream gets at once: one that asks for a long history does not hold up the others.
const MOST_AT_ONCE: usize = 256 * 1024;

/// The newest messages of one worker, and what subscribers get of them.
#[derive(Debug)]
pub(crate) struct Buffer {
    pub(super) epoch: Epoch,
    /// The number of the first line that can come, while the ring is empty.
    first_line: u64,
    pub(crate) ring: Ring,
    /// The clock that writes into the ring; `None` for lines.
    pub(crate) clock: Option<Clock>,
    delivery: Delivery,
    history: u64,
    greet: u64,
    /// When the oldest message came up that no broadcast has begun to send.
    due: Option<Instant>,
}

impl Buffer {
    pub(crate) fn new(
        options: &StreamOptions,
        first_line: MessageId,
        clock: Option<Clock>,
        encoded_bytes: Arc<EncodedBytes>,
    ) -> Self {
        Self {
            epoch: first_line.epoch,
            first_line: first_line.number,
            ring: Ring::new(options.ring_bounds(), encoded_bytes),
            clock,
            delivery: options.delivery(),
            history: options.history(),
            greet: options.greet(),
            due: None,
        }
    }

    pub(crate) fn configure(&mut self, options: &StreamOptions) {
        self.ring.limit(options.ring_bounds());
        self.history = options.history();
        self.greet = options.greet();
        if let Some(clock) = &mut self.clock {
            clock.configure(options);
        }
    }

    /// Adds what arrived from the source at `now`.
    pub(crate) fn publish(&mut self, batch: Arc<Batch>, now: Instant) {
        self.due = self.due.or(Some(now));
        self.ring.push(batch);
    }

    /// Adds the next date that is due, even without subscribers: clients that come later read it as history.
    pub(crate) fn publish_date(&mut self, now: Instant) {
        let Some(clock) = &mut self.clock else { return };
        let Some(slot) = clock.schedule.take_due(now, |_| true) else { return };
        let mut batch = Batch::new(clock.id_of(slot));
        let text = clock.text_of(slot);
        batch.push(|out| out.push_str(&text));
        self.due = self.due.or_else(|| clock.schedule.start_of(slot)).or(Some(now));
        self.ring.push(batch.shared());
    }

    /// Takes the arrival time of the oldest message that no broadcast has begun to send; the caller begins one.
    pub(crate) fn take_due(&mut self) -> Option<Instant> {
        self.due.take()
    }

    /// Gives a newcomer its place: after `since`, or before the last `greet` messages. `next_line` is the sequence number
    /// that the source will give next. Returns the gap before that place, if messages are missing.
    pub(crate) fn subscribe(
        &self,
        subscription: &mut Subscription,
        since: Option<Since>,
        next_line: u64,
        now: Instant,
    ) -> Option<Gap> {
        // The source's number decides, not the newest one in this ring: the client may come from a worker that was ahead.
        let (next, ahead) = match &self.clock {
            Some(Clock { schedule, .. }) => {
                let next = schedule.number_of(schedule.slot_at(now)).saturating_add(1);
                (next, date_ahead(next))
            }
            None => (next_line, next_line),
        };
        let resumption = since.map(|since| self.extent(next, ahead).resume(since));
        subscription.next = match resumption {
            Some(resumption) => resumption.next,
            None => self.first_of(self.greet, next),
        };
        let _ = self.readmit(subscription);
        resumption?.gap
    }

    /// Gives a bounded read its part. All lines that the source has numbered belong to it, even if they are still on their way to
    /// this worker; of dates, those that are in the ring.
    pub(crate) fn read(
        &self,
        subscription: &mut Subscription,
        (since, until): (Option<Since>, Since),
        next_line: u64,
    ) -> Option<Gap> {
        let next = match &self.clock {
            Some(_) => self.ring.next().unwrap_or_else(|| self.oldest()),
            None => next_line,
        };
        let Part { next, end, gap } = self.extent(next, next).part(since, until);
        (subscription.next, subscription.end) = (next, Some(end));
        let _ = self.readmit(subscription);
        gap
    }

    /// What a client that resumes can get. Of a `latest` stream there is no more than a newcomer gets.
    fn extent(&self, next: u64, ahead: u64) -> Extent {
        let oldest = self.first_of(self.history.max(self.greet), next);
        Extent { epoch: self.epoch, oldest, next, ahead }
    }

    /// The number of the first of the last `count` messages, as far as they are kept.
    fn first_of(&self, count: u64, next: u64) -> u64 {
        self.oldest().max(next.saturating_sub(count))
    }

    /// The number of the oldest message that a subscriber can get: those before have left the ring.
    fn oldest(&self) -> u64 {
        let coming = || self.clock.as_ref().map_or(self.first_line, |clock| clock.schedule.next_number());
        self.ring.oldest().unwrap_or_else(coming)
    }

    /// Finds the place of what the subscriber gets next. All share one phase, whatever the previous process had. False if
    /// an `ordered` stream no longer has the message that would come next.
    pub(crate) fn readmit(&self, subscription: &mut Subscription) -> bool {
        subscription.phase = 0;
        subscription.position = self.ring.from(subscription.next);
        self.delivery == Delivery::Latest
            || self.ring.oldest().is_none_or(|oldest| oldest <= subscription.next)
    }

    /// The next messages of a subscriber, as many whole ones as fit into `room` bytes, but at least one.
    pub(crate) fn next(&self, subscription: &mut Subscription, framing: Framing, room: usize) -> Next<'_> {
        loop {
            if subscription.is_complete() {
                return Next::CaughtUp;
            }
            let batch = match self.ring.at(subscription.position) {
                Found::Batch(batch) => batch,
                Found::CaughtUp => return Next::CaughtUp,
                Found::Lost if self.delivery == Delivery::Latest && subscription.end.is_none() => {
                    subscription.position = self.ring.last(1);
                    continue;
                }
                Found::Lost => return Next::Behind,
            };
            if room == 0 {
                return Next::Full;
            }
            let message = subscription.position.message.max(batch.place_of(subscription.next));
            let to = subscription.end.map_or(usize::MAX, |end| batch.place_of(end));
            let encoded = self.ring.encoded(subscription.position, framing);
            let Some((encoded, (range, next))) =
                encoded.and_then(|encoded| Some((encoded, encoded.piece(message, to, room)?)))
            else {
                if let Some(end) = subscription.end.filter(|end| *end <= batch.number_of(message)) {
                    // A date that was skipped was the last one.
                    subscription.next = end;
                }
                subscription.position = subscription.position.next_batch();
                continue;
            };
            if let Some(gap) = subscription.skip_to(batch.number_of(message), self.epoch) {
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

    /// Most bytes that a subscriber gets at once. Of a `latest` stream all there is, or the rest would be skipped as outdated.
    pub(crate) fn most_at_once(&self) -> usize {
        if self.delivery == Delivery::Latest { usize::MAX } else { MOST_AT_ONCE }
    }

    /// A full socket has drained: of a `latest` stream only the newest message is still worth sending.
    pub(crate) fn skip_outdated(&self, subscription: &mut Subscription) {
        if self.delivery != Delivery::Latest || subscription.end.is_some() {
            return;
        }
        let newest = self.ring.last(1);
        if subscription.position.batch < newest.batch {
            subscription.position = newest;
        }
    }
}
