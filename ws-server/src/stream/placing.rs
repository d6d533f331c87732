//! Where in the ring a subscriber begins: a newcomer, one that resumes, a bounded read, and one of the previous process.

use std::{cmp::Ordering, time::Instant};

use common::{
    framing::Framing,
    gap::Gap,
    id::{MessageId, Since},
};

use super::{
    bounded::Part,
    buffer::Buffer,
    clock::Clock,
    resume::{Extent, Resumption, date_ahead},
    ring::{Found, Position},
    settings::Delivery,
    subscription::{Next, Subscription},
};

impl Buffer {
    /// Gives a newcomer its place: after `since`, or before the last `greet` messages. `head` is the smallest id that the source
    /// can give next. Returns the gap before that place, if messages are missing. While the source still brings what there was
    /// before, a newcomer waits without a place.
    pub(crate) fn subscribe(
        &self,
        subscription: &mut Subscription,
        since: Option<Since>,
        head: MessageId,
        now: Instant,
    ) -> Option<Gap> {
        if self.is_filling {
            subscription.wait_for_place(since);
            return None;
        }
        if self.is_given {
            return self.place(subscription, since, head);
        }
        // The source's number decides, not the newest one in this ring: the client may come from a worker that was ahead.
        let (next, ahead) = match &self.clock {
            Some(Clock { schedule, .. }) => {
                let next = schedule.number_of(schedule.slot_at(now)).saturating_add(1);
                (next, date_ahead(next))
            }
            None => (head.number, head.number),
        };
        let resumption = since.map(|since| self.extent(next, ahead).resume(since));
        let number = resumption.map_or_else(|| self.first_of(self.greet, next), |resumption| resumption.next);
        subscription.go_on_at(MessageId { number, ..self.ring.next() });
        let _ = self.readmit(subscription);
        self.with_skipped(resumption.and_then(|resumption| resumption.gap), subscription, since)
    }

    /// The gap of a client that begins behind dates that were skipped: they are missing, too, to one that says what it has. It
    /// hears of them here, since not every framing can tell it between the messages. A bounded read misses none beyond its end.
    fn with_skipped(
        &self,
        gap: Option<Gap>,
        subscription: &mut Subscription,
        since: Option<Since>,
    ) -> Option<Gap> {
        let skipped = self.at(subscription.position).and_then(|here| {
            let to = subscription.end().map_or(here.number, |end| here.number.min(end));
            subscription.skip_to(to, here.epoch)
        });
        let Some(skipped) = skipped.filter(|_| since.is_some()) else { return gap };
        let Some(gap) = gap else { return Some(skipped) };
        let missed = gap.missed.zip(skipped.missed).map(|(missed, skipped)| missed.saturating_add(skipped));
        Some(Gap { missed, next: skipped.next, ..gap })
    }

    /// [`Buffer::subscribe`], where numbers are given. What the client has may be ahead: it then waits for that.
    fn place(&self, subscription: &mut Subscription, since: Option<Since>, head: MessageId) -> Option<Gap> {
        let next = self.ring.next();
        // Another worker may have got more than this one: of a stream that has ended since, any number.
        let ahead = match head.epoch.cmp(&next.epoch) {
            Ordering::Less => next.number,
            Ordering::Equal => head.number.max(next.number),
            Ordering::Greater => u64::MAX,
        };
        subscription.has_nothing = matches!(since, None | Some(Since::Nothing(_)));
        let extent = self.extent(next.number, ahead.saturating_add(self.history));
        let resumption = match since {
            None => Resumption { next: self.ring.floor(count(self.greet)), gap: None },
            Some(Since::Id(MessageId { epoch, number })) if epoch > next.epoch => {
                subscription.go_on_at(MessageId { epoch, number: number.saturating_add(1) });
                subscription.position = self.ring.end();
                return None;
            }
            Some(Since::Nothing(epoch)) if epoch > next.epoch => {
                subscription.go_on_at(MessageId { epoch, number: 0 });
                subscription.position = self.ring.end();
                return None;
            }
            // It has missed nothing if it gets all that ever came here.
            Some(Since::Nothing(epoch)) if epoch == next.epoch || epoch.as_millis() == 0 => {
                let misses = !self.ring.is_all_from(extent.oldest);
                let gap = misses.then_some(Gap { missed: None, new_stream: false, next: None });
                Resumption { next: extent.oldest, gap }
            }
            Some(since) => extent.resume(since),
        };
        subscription.go_on_at(MessageId { number: resumption.next, ..next });
        let _ = self.readmit(subscription);
        let here = self.at(subscription.position);
        // Here, since not every framing can tell it between the messages.
        let gap = resumption.gap.or_else(|| {
            let here = here.filter(|_| since.is_some() && self.ring.follows_gap(subscription.position))?;
            subscription.skip_to(here.number, here.epoch)
        });
        gap.map(|gap| Gap { next: here, ..gap })
    }

    /// Gives a newcomer the place for which it has waited; `None` if it gets what comes there.
    #[cold]
    pub(super) fn place_newcomer(
        &self,
        subscription: &mut Subscription,
        framing: Framing,
    ) -> Option<Next<'static>> {
        let mut placed = *subscription;
        let since = placed.take_newcomer();
        let gap = self.place(&mut placed, since, self.ring.next());
        // The head of the answer could have told it, and was sent when there was nothing to tell.
        if gap.is_some() && !framing.tells_gaps() && !framing.media_type().is_empty() {
            return Some(Next::Over);
        }
        *subscription = placed;
        gap.map(Next::Gap)
    }

    /// Gives a bounded read its part. All lines that the source has numbered belong to it, even if they are still on their way to
    /// this worker; of dates, those that are in the ring.
    pub(crate) fn read(
        &self,
        subscription: &mut Subscription,
        (since, until): (Option<Since>, Since),
        head: MessageId,
    ) -> Option<Gap> {
        let here = self.ring.next();
        let next = match &self.clock {
            Some(_) if self.ring.is_empty() => self.oldest(),
            None if head.epoch == here.epoch => head.number,
            _ => here.number,
        };
        let Part { next, end, gap } = self.extent(next, next).part(since, until);
        subscription.go_on_at(MessageId { number: next, ..here });
        subscription.set_end(Some(end));
        let _ = self.readmit(subscription);
        let gap = if self.is_given { gap } else { self.with_skipped(gap, subscription, since) };
        let next = if self.is_given { self.at(subscription.position) } else { gap.and_then(|gap| gap.next) };
        gap.map(|gap| Gap { next: next.filter(|next| next.number < end), ..gap })
    }

    /// True for a subscriber that waits for an epoch that may never come: the source may be another one than before.
    pub(crate) fn waits_in_vain(&self, subscription: &Subscription) -> bool {
        let is_later = subscription.epoch > self.ring.next().epoch;
        self.is_given && !self.ring.is_empty() && is_later && !subscription.waits_for_place()
    }

    /// What a client that resumes can get. Of a `latest` stream there is no more than a newcomer gets.
    fn extent(&self, next: u64, ahead: u64) -> Extent {
        let oldest = self.first_of(self.history.max(self.greet), next);
        Extent { epoch: self.ring.next().epoch, oldest, next, ahead }
    }

    /// The number of the first of the last `count` messages, as far as they are kept.
    fn first_of(&self, count: u64, next: u64) -> u64 {
        if self.is_given {
            return self.ring.floor(self::count(count));
        }
        self.oldest().max(next.saturating_sub(count))
    }

    /// The number of the oldest message that a subscriber can get: those before have left the ring.
    fn oldest(&self) -> u64 {
        let coming = || match &self.clock {
            Some(clock) => clock.schedule.next_number(),
            None => self.ring.next().number,
        };
        self.ring.oldest().unwrap_or_else(coming)
    }

    /// The id of the message at this place; `None` if it is the end.
    fn at(&self, position: Position) -> Option<MessageId> {
        match self.ring.at(position) {
            Found::Batch(batch) => Some(batch.id_of(position.message)),
            Found::CaughtUp | Found::Lost => None,
        }
    }

    /// Finds the place of what the subscriber gets next. All share one phase, whatever the previous process had. False if
    /// an `ordered` stream no longer has the message that would come next.
    pub(crate) fn readmit(&self, subscription: &mut Subscription) -> bool {
        subscription.phase = 0;
        if subscription.waits_for_place() {
            subscription.position = Position::NOWHERE;
            return true;
        }
        subscription.position = self.ring.from(subscription.next_id());
        let is_whole = self.ring.has(subscription.next_id());
        subscription.is_behind_gap = !is_whole;
        self.delivery == Delivery::Latest || is_whole
    }
}

fn count(messages: u64) -> usize {
    usize::try_from(messages).unwrap_or(usize::MAX)
}
