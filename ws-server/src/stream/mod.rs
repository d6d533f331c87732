//! What comes when: the numbered stream as one worker serves it. Pure: time arrives as an argument.
//!
//! ```text
//!  Stream::Paced   clock ── Date, once an interval to each phase ──▶ Next::Shared to each subscriber of that phase
//!  Stream::Buffer  lines ── batches ──▶ ring ◀── a position in it is a Subscription ──▶ Next::Shared as far as there is room
//! ```
//!
//! The stream decides what a subscriber gets ([`Next`]); the caller sends it.

mod batch;
mod bounded;
mod buffer;
mod clock;
mod date_format;
mod encodings;
#[cfg(test)]
mod machines;
mod placing;
mod resume;
mod ring;
mod runs;
mod schedule;
mod settings;
mod since;
mod source_news;
mod state;
mod subscription;
mod template;
#[cfg(test)]
mod tests;
mod window;

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use common::{
    framing::Framing,
    gap::Gap,
    id::{Epoch, MessageId, Since},
};

use self::buffer::Buffer;
pub(crate) use self::{
    batch::{Batch, EncodedBytes},
    clock::{Clock, Date},
    date_format::DateFormat,
    encodings::Encodings,
    ring::RingBegin,
    schedule::{ClockOrigin, ScheduleState},
    settings::{AtEof, Delivery, Numbering, Numbers, SourceKind, StreamOptions},
    since::{put_since, take_since},
    source_news::{SourceChange, SourceNews},
    state::{
        put_batch, put_change, put_marks, put_schedule, take_batch, take_change, take_marks, take_schedule,
    },
    subscription::{Next, Subscription},
    template::{Template, Values as TemplateValues},
};

/// The numbered stream of one worker.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one a worker")]
pub(crate) enum Stream {
    /// Dates of which only the newest counts: each subscriber gets its own, at its own phase.
    Paced(Clock),
    /// Lines, and dates of an `ordered` clock: one ring for all.
    Buffer(Buffer),
}

impl Stream {
    /// An empty stream; all workers pass the same `origin`, `encoded_bytes` and id for the first line that will come.
    pub(crate) fn new(
        options: &StreamOptions,
        first_line: MessageId,
        origin: ClockOrigin,
        encoded_bytes: &Arc<EncodedBytes>,
        now: Instant,
    ) -> Self {
        match Clock::new(options, first_line.epoch, origin, now) {
            Some(clock) if options.delivery() == Delivery::Latest => Self::Paced(clock),
            clock => Self::Buffer(Buffer::new(options, first_line, clock, Arc::clone(encoded_bytes))),
        }
    }

    /// The source still brings what there was before, so newcomers wait, or does so no longer.
    pub(crate) fn set_filling(&mut self, is_filling: bool, now: Instant) {
        match self {
            Self::Buffer(buffer) if is_filling => buffer.is_filling = true,
            Self::Buffer(buffer) => buffer.end_filling(now),
            Self::Paced(_) => {}
        }
    }

    /// True while newcomers wait for their places.
    pub(crate) fn is_filling(&self) -> bool {
        matches!(self, Self::Buffer(Buffer { is_filling: true, .. }))
    }

    /// True for a subscriber that waits for a stream that is not likely to come.
    pub(crate) fn waits_in_vain(&self, subscription: &Subscription) -> bool {
        matches!(self, Self::Buffer(buffer) if buffer.waits_in_vain(subscription))
    }

    /// In how many slots a subscriber's next date is due, which is when its turn comes; those of a ring all wait for the same.
    pub(crate) fn turn_of(&self, subscription: &Subscription) -> u32 {
        match self {
            Self::Paced(clock) => clock.turn_of(subscription),
            Self::Buffer(_) => 0,
        }
    }

    /// The epoch of its newest numbers.
    pub(crate) fn epoch(&self) -> Epoch {
        match self {
            Self::Paced(clock) => clock.epoch,
            Self::Buffer(buffer) => buffer.ring.next().epoch,
        }
    }

    /// Goes on where the stream of the previous process stopped.
    pub(crate) fn adopt(
        &mut self,
        schedule: Option<&ScheduleState>,
        (begin, ring): (Option<RingBegin>, &[Arc<Batch>]),
        now: Instant,
    ) {
        if let (Some(clock), Some(schedule)) = (self.clock_mut(), schedule) {
            clock.adopt(schedule, now);
        }
        if let Self::Buffer(buffer) = self {
            if let Some(begin) = begin {
                buffer.ring.begin_at(begin);
            }
            for batch in ring {
                buffer.ring.push(Arc::clone(batch));
            }
        }
    }

    /// Frees what is encoded of old messages, as far as `--max-backlog` asks for it.
    pub(crate) fn trim(&mut self) {
        if let Self::Buffer(buffer) = self {
            buffer.ring.trim();
        }
    }

    /// Takes over options that may change while it runs.
    pub(crate) fn configure(&mut self, options: &StreamOptions) {
        match self {
            Self::Paced(clock) => clock.configure(options),
            Self::Buffer(buffer) => buffer.configure(options),
        }
    }

    /// The clock; `None` if the messages are lines.
    pub(crate) fn clock(&self) -> Option<&Clock> {
        match self {
            Self::Paced(clock) => Some(clock),
            Self::Buffer(buffer) => buffer.clock.as_ref(),
        }
    }

    fn clock_mut(&mut self) -> Option<&mut Clock> {
        match self {
            Self::Paced(clock) => Some(clock),
            Self::Buffer(buffer) => buffer.clock.as_mut(),
        }
    }

    /// Over how many phases subscribers are spread.
    pub(crate) fn phases(&self) -> usize {
        self.clock().map_or(1, |clock| clock.schedule.phases())
    }

    /// Moves the schedule to `now` before the first subscriber, so that earlier dates do not count as skipped.
    pub(crate) fn skip_unwatched(&mut self, now: Instant) {
        if let Self::Paced(clock) = self {
            clock.schedule.skip_to(now);
        }
    }

    /// Gives a newcomer its place. It resumes after `since`, if it names one; `head` is the smallest id that the source
    /// can give next. Returns the gap before its first message, if messages are missing.
    pub(crate) fn subscribe(
        &self,
        subscription: &mut Subscription,
        since: Option<Since>,
        head: MessageId,
        now: Instant,
    ) -> Option<Gap> {
        match self {
            Self::Paced(clock) => clock.subscribe(subscription, since, now),
            Self::Buffer(buffer) => buffer.subscribe(subscription, since, head, now),
        }
    }

    /// Lets a newcomer share a slot that has just passed, so that a slot has enough messages for its wakeup; `count` says how
    /// many subscribers a phase has.
    pub(crate) fn share_slot(&self, subscription: &mut Subscription, count: impl Fn(usize) -> usize) {
        if let Self::Paced(clock) = self {
            clock.share_slot(subscription, count);
        }
    }

    /// Gives a bounded read its part of the history: after `since`, or from the oldest message on, up to `until`. Returns the gap
    /// before it, if messages are missing.
    pub(crate) fn read(
        &self,
        subscription: &mut Subscription,
        (since, until): (Option<Since>, Since),
        head: MessageId,
        now: Instant,
    ) -> Option<Gap> {
        match self {
            Self::Paced(clock) => clock.read(subscription, (since, until), now),
            Self::Buffer(buffer) => buffer.read(subscription, (since, until), head),
        }
    }

    /// Gives a subscriber of the previous process its place again. False if an `ordered` stream has lost messages that it has not
    /// got: [`Next::Gap`] says how many.
    pub(crate) fn readmit(&self, subscription: &mut Subscription, now: Instant) -> bool {
        match self {
            Self::Paced(clock) => {
                clock.readmit(subscription, now);
                true
            }
            Self::Buffer(buffer) => buffer.readmit(subscription),
        }
    }

    /// What a subscriber gets next, if its socket has `room` bytes.
    #[inline]
    pub(crate) fn next(
        &self,
        subscription: &mut Subscription,
        framing: Framing,
        room: usize,
        now: Instant,
    ) -> Next<'_> {
        match self {
            Self::Paced(clock) => clock.next(subscription, now),
            Self::Buffer(buffer) => buffer.next(subscription, framing, room),
        }
    }

    /// True if nothing comes behind what a subscriber has just got, as far as that is known without another [`Stream::next`].
    #[inline]
    pub(crate) fn ends_at(&self, subscription: &Subscription) -> bool {
        matches!(self, Self::Buffer(buffer) if buffer.ends_at(subscription))
    }

    /// Most bytes that a subscriber gets at once, however fast its socket takes them.
    pub(crate) fn most_at_once(&self) -> usize {
        match self {
            Self::Paced(_) => usize::MAX,
            Self::Buffer(buffer) => buffer.most_at_once(),
        }
    }

    /// A connection hears of a stop: those that have heard of one need no line that comes from now on.
    pub(crate) fn mark_end(&mut self) {
        if let Self::Buffer(buffer) = self {
            buffer.mark_end();
        }
    }

    /// True if the subscriber has all lines from before the stop.
    pub(crate) fn is_past_end(&self, subscription: &Subscription) -> bool {
        matches!(self, Self::Buffer(buffer) if buffer.is_past_end(subscription))
    }

    /// A subscriber's full socket has drained: where only the newest message counts, it goes on from there.
    pub(crate) fn skip_outdated(&self, subscription: &mut Subscription) {
        if let Self::Buffer(buffer) = self {
            buffer.skip_outdated(subscription);
        }
    }

    /// Adds what arrived from the source at `now`.
    pub(crate) fn publish(&mut self, batch: Arc<Batch>, now: Instant) {
        if let Self::Buffer(buffer) = self {
            buffer.publish(batch, now);
        }
    }

    /// The messages that were new have gone out to all; `clock` says what time it is by now.
    pub(crate) fn end_round(&mut self, clock: impl FnOnce() -> Instant) {
        if let Self::Buffer(buffer) = self {
            buffer.end_round(clock);
        }
    }

    /// When the next date is due that has a recipient, or lines that wait for others go out; `next_occupied` says which phases have
    /// subscribers, as for [`Schedule::next_due`](schedule::Schedule::next_due).
    pub(crate) fn next_due(&self, next_occupied: impl Fn(usize) -> Option<usize>) -> Option<Instant> {
        match self {
            Self::Paced(clock) => clock.schedule.next_due(next_occupied),
            Self::Buffer(buffer) => {
                let date = buffer.clock.as_ref().and_then(|clock| clock.schedule.next_due(Some));
                date.into_iter().chain(buffer.next_broadcast()).min()
            }
        }
    }

    /// True while lines wait for others: those that come are sent with them, by [`Stream::next_due`].
    pub(crate) fn is_coalescing(&self) -> bool {
        matches!(self, Self::Buffer(buffer) if buffer.next_broadcast().is_some())
    }

    /// Lets the dates follow a step of the wall clock; true after one.
    pub(crate) fn follow_wall_clock(&mut self, now: Instant, wall: SystemTime) -> bool {
        self.clock_mut().is_some_and(|clock| clock.schedule.follow_wall_clock(now, wall))
    }

    /// The schedule of its dates, for the next process.
    pub(crate) fn schedule(&self) -> Option<ScheduleState> {
        self.clock().map(|clock| clock.schedule.state())
    }

    /// The smallest id that can come next to this worker.
    #[cfg(test)]
    pub(crate) fn next_id(&self) -> MessageId {
        match self {
            Self::Paced(_) => MessageId { epoch: self.epoch(), number: 0 },
            Self::Buffer(buffer) => buffer.ring.next(),
        }
    }

    /// Where these begin that [`Stream::batches`] gives.
    pub(crate) fn ring_begin(&self) -> RingBegin {
        match self {
            Self::Paced(_) => RingBegin::default(),
            Self::Buffer(buffer) => buffer.ring.begin(),
        }
    }

    /// Its newest messages, for the next process.
    pub(crate) fn batches(&self) -> Vec<Arc<Batch>> {
        match self {
            Self::Paced(_) => Vec::new(),
            Self::Buffer(buffer) => buffer.ring.batches().map(Arc::clone).collect(),
        }
    }
}
