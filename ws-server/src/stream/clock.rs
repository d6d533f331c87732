//! The dates of the clock: when each is due ([`Schedule`]), and what it says.

use std::{sync::Arc, time::Instant};

use common::{
    framing::{Framing, encode},
    gap::Gap,
    id::{Epoch, MessageId, Since},
};

use super::{
    bounded::Part,
    date_format::DateFormat,
    encodings::Encodings,
    resume::{Extent, Resumption, date_ahead},
    schedule::{ClockOrigin, Schedule, ScheduleState},
    settings::{Delivery, StreamOptions},
    subscription::{Next, Subscription},
    template::{Template, Values},
};

/// Most dates that a connection gets at once after a hand-over.
const MAX_MISSED: u8 = 100;

/// A schedule, and how its dates are written.
#[derive(Debug)]
pub(crate) struct Clock {
    pub(super) epoch: Epoch,
    pub(crate) schedule: Schedule,
    format: DateFormat,
    template: Template,
    /// Phases of the previous process's clock; 1 without one.
    previous_phases: u64,
}

impl Clock {
    /// The clock of one worker; `None` for lines, and with `--interval 0`. All workers pass the same `origin`.
    pub(crate) fn new(
        options: &StreamOptions,
        epoch: Epoch,
        origin: ClockOrigin,
        now: Instant,
    ) -> Option<Self> {
        if !options.is_clock() || options.interval.is_zero() {
            return None;
        }
        let one_phase = options.delivery() == Delivery::Ordered;
        Some(Self {
            epoch,
            schedule: Schedule::new(origin, now, options.interval, options.align, one_phase),
            format: options.format.clone(),
            template: options.template(),
            previous_phases: 1,
        })
    }

    /// Takes over another format and template; the interval stays until a restart.
    pub(crate) fn configure(&mut self, options: &StreamOptions) {
        self.format = options.format.clone();
        self.template = options.template();
    }

    /// Goes on where the previous process's clock stopped.
    pub(crate) fn adopt(&mut self, previous: &ScheduleState, now: Instant) {
        self.schedule.adopt(previous, now);
        self.previous_phases = previous.slots.max(1);
    }

    /// Appends a slot's message in one framing.
    pub(crate) fn encode(&self, slot: u64, framing: Framing, out: &mut Vec<u8>) {
        encode(framing, self.id_of(slot), &self.text_of(slot), out);
    }

    /// The id of a slot's message.
    pub(super) fn id_of(&self, slot: u64) -> MessageId {
        MessageId { epoch: self.epoch, number: self.schedule.number_of(slot) }
    }

    /// The text of a slot's message.
    pub(super) fn text_of(&self, slot: u64) -> String {
        let mut text = String::new();
        let date = self.format.write(self.schedule.wall_of(slot));
        let values = Values { date: &date, seq: self.schedule.number_of(slot), line: &date };
        self.template.fill(values, &mut text);
        text
    }

    /// A slot's message on its way to every subscriber of its phase.
    pub(crate) fn date(&self, slot: u64, now: Instant) -> Date {
        Date {
            id: self.id_of(slot),
            text: self.text_of(slot),
            phase: self.schedule.phase_of(slot),
            due: self.schedule.start_of(slot).unwrap_or(now),
            encodings: Encodings::default(),
        }
    }

    /// Gives a newcomer the phase of the present slot; that slot's date is due to it at once, unless the client has it. Returns
    /// the gap before it, if dates are missing.
    pub(crate) fn subscribe(
        &self,
        subscription: &mut Subscription,
        since: Option<Since>,
        now: Instant,
    ) -> Option<Gap> {
        let slot = self.schedule.slot_at(now);
        subscription.phase = phase(self.schedule.phase_of(slot));
        subscription.owed = 1;
        let newest = self.schedule.number_of(slot);
        let next = newest.saturating_add(1);
        let extent = Extent { epoch: self.epoch, oldest: newest, next, ahead: date_ahead(next) };
        let resumption = since.map(|since| extent.resume(since));
        let Resumption { next, gap } = resumption.unwrap_or(Resumption { next: newest, gap: None });
        (subscription.epoch, subscription.next) = (self.epoch, next);
        gap
    }

    /// Lets a newcomer, which has the phase of the present slot, share one of the slots before. The numbers are the same.
    pub(crate) fn share_slot(&self, subscription: &mut Subscription, count: impl Fn(usize) -> usize) {
        subscription.phase = phase(self.schedule.shared_phase(subscription.phase as usize, count));
    }

    /// Gives a bounded read the present date, if that is what it asks for: there is no other one.
    pub(crate) fn read(
        &self,
        subscription: &mut Subscription,
        (since, until): (Option<Since>, Since),
        now: Instant,
    ) -> Option<Gap> {
        let slot = self.schedule.slot_at(now);
        subscription.phase = phase(self.schedule.phase_of(slot));
        let newest = self.schedule.number_of(slot);
        let next = newest.saturating_add(1);
        let extent = Extent { epoch: self.epoch, oldest: newest, next, ahead: next };
        let Part { next, end, gap } = extent.part(since, until);
        (subscription.epoch, subscription.next) = (self.epoch, next);
        subscription.set_end(Some(end));
        subscription.owed = u8::from(next < end);
        gap
    }

    /// In how many slots the next date of this subscriber is due.
    pub(crate) fn turn_of(&self, subscription: &Subscription) -> u32 {
        phase(self.schedule.slots_until(subscription.phase as usize))
    }

    /// Gives a subscriber of the previous process its phase again; what it missed meanwhile is due to it at once.
    pub(crate) fn readmit(&self, subscription: &mut Subscription, now: Instant) {
        let phases = self.schedule.phases();
        let scaled = u64::from(subscription.phase).saturating_mul(phases as u64) / self.previous_phases;
        let own = usize::try_from(scaled).unwrap_or(0).min(phases.saturating_sub(1));
        subscription.phase = phase(own);
        let Some(newest) = self.schedule.newest_of(own, now) else { return };
        let next = self.schedule.number_of(newest).saturating_add(1);
        let missed = next.saturating_sub(subscription.next);
        // A socket that was full already gets the newest date only, and so does one that would get too many.
        subscription.owed = match u8::try_from(missed) {
            Ok(missed) if subscription.owed == 0 && missed <= MAX_MISSED => missed,
            _ => 1,
        };
    }

    /// The oldest date that is due to this subscriber alone. What is due to all comes with [`Date::next`].
    pub(crate) fn next(&self, subscription: &mut Subscription, now: Instant) -> Next<'static> {
        while let Some(back) = subscription.owed.checked_sub(1) {
            let Some(newest) = self.schedule.newest_of(subscription.phase as usize, now) else { break };
            let slot = newest.saturating_sub(u64::from(back).saturating_mul(self.schedule.phases() as u64));
            let number = self.schedule.number_of(slot);
            if let Some(gap) = subscription.skip_to(number, self.epoch) {
                return Next::Gap(gap);
            }
            subscription.owed = back;
            if number >= subscription.next {
                subscription.next = number.saturating_add(1);
                return Next::Date(slot);
            }
        }
        if let Some(end) = subscription.end() {
            // What it has not got by now is no longer the present date.
            subscription.next = subscription.next.max(end);
        }
        Next::CaughtUp
    }
}

/// A phase as a subscription has it: there are no more than slots in an interval.
fn phase(phase: usize) -> u32 {
    u32::try_from(phase).unwrap_or(0)
}

/// A date on its way to every subscriber of one phase.
#[derive(Debug)]
pub(crate) struct Date {
    id: MessageId,
    text: String,
    /// The phase whose subscribers get it.
    pub(crate) phase: usize,
    /// When it was due.
    pub(crate) due: Instant,
    encodings: Encodings,
}

impl Date {
    /// Counts a subscriber that has the date before this one, as nearly all do, as having this one, too: the caller sends it. False for the
    /// others; what it is to them says [`Date::next`].
    #[inline]
    pub(crate) fn advance(&self, subscription: &mut Subscription) -> bool {
        let is_next = self.id.number == subscription.next;
        if is_next {
            subscription.next = self.id.number.saturating_add(1);
        }
        is_next
    }

    /// The date in one framing.
    pub(crate) fn bytes(&mut self, framing: Framing) -> &Arc<[u8]> {
        let Self { id, text, encodings, .. } = self;
        encodings.get(framing, |out| encode(framing, *id, text, out))
    }

    /// What this date is to one subscriber; `has_room` is false while earlier bytes wait for its socket.
    pub(crate) fn next(
        &mut self,
        subscription: &mut Subscription,
        framing: Framing,
        has_room: bool,
    ) -> Next<'_> {
        // Already sent by `Clock::next` in this slot.
        if self.id.number < subscription.next {
            return Next::CaughtUp;
        }
        // If the socket is full, the newest date follows once it has drained.
        if !has_room {
            subscription.owed = subscription.owed.max(1);
            return Next::Full;
        }
        if let Some(gap) = subscription.skip_to(self.id.number, self.id.epoch) {
            return Next::Gap(gap);
        }
        subscription.next = self.id.number.saturating_add(1);
        let bytes = self.bytes(framing);
        Next::Shared { bytes, range: 0..bytes.len(), messages: 1 }
    }
}
