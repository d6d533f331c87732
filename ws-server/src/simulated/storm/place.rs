//! How far a client is in the stream, and what it may get next.

use common::id::MessageId;

use super::{
    said::ToldGap,
    shadow::{Published, Shadow},
};

/// The streams whose rules differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Dates, of which only the newest counts.
    Dates,
    /// Lines, of which only the newest counts.
    Latest,
    /// Each message, or the end.
    Ordered,
}

/// What the rules need to know of the world at the moment of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) kind: Kind,
    /// Its form tells gaps.
    pub(super) tells: bool,
    /// How many times something has happened for which messages may be skipped without a word: time has jumped.
    pub(super) excuses: u64,
    /// Dates with smaller numbers are of before the last hand-over.
    pub(super) first_date: u64,
    /// Each answer may begin with a gap, and have no message.
    pub(super) is_poll: bool,
    /// The client may have been too slow for what came just now.
    pub(super) is_slow: bool,
    /// The most messages that a newcomer gets at once.
    pub(super) greet: usize,
    /// The most messages that are kept, unless they are long.
    pub(super) history: usize,
    /// So many messages surely fit.
    pub(super) fits: bool,
}

/// What a client has said that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    Nothing,
    Id(MessageId),
    /// A number in the stream of that time.
    Number(u64),
    /// An id that no message has or had.
    Strange,
}

/// A client's place.
#[derive(Clone, Debug)]
pub(super) struct Place {
    since: Since,
    /// It reads no further than this.
    until: Option<MessageId>,
    /// How many messages had been published when it asked, and how many of them every worker had.
    asked_at: usize,
    delivered: usize,
    /// The fewest and the most that a newcomer has got at once since then.
    greet: (usize, usize),
    /// The fewest messages that a process has kept since then.
    history: usize,
    /// The newest message that every worker had then.
    everywhere: MessageId,
    /// The place of the next message; `None` before the first one.
    next: Option<usize>,
    /// The number of the last date.
    date: Option<u64>,
    /// A gap that it was told of, and that the next message has to explain.
    gap: Option<ToldGap>,
    excuses: u64,
    pub(super) messages: u64,
}

impl Place {
    /// A client asks now, when every worker has the first `delivered` messages.
    pub(super) fn new(
        (since, until): (Since, Option<MessageId>),
        shadow: &Shadow,
        delivered: usize,
        moment: Moment,
    ) -> Self {
        let Moment { excuses, greet, history, .. } = moment;
        let asked_at = shadow.len();
        let last = delivered.checked_sub(1).and_then(|place| shadow.get(place));
        Self {
            since,
            until,
            asked_at,
            delivered,
            greet: (greet, greet),
            history,
            everywhere: last.map(|last| last.id).unwrap_or_default(),
            next: None,
            date: None,
            gap: None,
            excuses,
            messages: 0,
        }
    }

    /// From now on a newcomer gets so many messages at once, and so many are kept.
    pub(super) fn follow(&mut self, Moment { greet, history, .. }: Moment) {
        let (fewest, most) = self.greet;
        self.greet = (fewest.min(greet), most.max(greet));
        self.history = self.history.min(history);
    }

    /// The place of the next message, if it has had one.
    pub(super) fn next(&self) -> Option<usize> {
        self.next
    }

    /// True if a worker had still to learn of the newest stream when it asked.
    pub(super) fn is_before_a_new_stream(&self, shadow: &Shadow) -> bool {
        shadow.last().is_some_and(|last| self.everywhere.epoch < last.id.epoch)
    }

    pub(super) fn last_date(&self) -> Option<u64> {
        self.date
    }

    /// It is told of a gap.
    pub(super) fn tell(&mut self, gap: ToldGap, shadow: &Shadow, moment: Moment) -> Result<(), String> {
        let gap = match self.gap.take() {
            None => gap,
            // Of what it is told that comes next, only the newest was still worth sending, or still kept.
            Some(before)
                if moment.kind != Kind::Ordered
                    || moment.is_poll
                    || !moment.fits
                    || before.next.is_none() =>
            {
                ToldGap {
                    missed: before.missed.zip(gap.missed).map(|(before, more)| before + more),
                    new_stream: before.new_stream || gap.new_stream,
                    next: gap.next,
                }
            }
            before => return Err(format!("{gap:?} behind {before:?}")),
        };
        if moment.kind != Kind::Dates
            && let Some(next) = &gap.next
        {
            let is_there = shadow.last().is_some_and(|last| {
                let (epoch, number) = next.split_once('_').unwrap_or_default();
                let known = last.id.epoch.to_string();
                epoch < known.as_str()
                    || epoch == known && number.parse().is_ok_and(|number: u64| number <= last.id.number)
            });
            if !is_there {
                return Err(format!("{gap:?} names a message that nobody has published"));
            }
        }
        self.gap = Some(gap);
        Ok(())
    }

    /// It gets this date.
    pub(super) fn date(&mut self, number: u64, moment: Moment) -> Result<(), String> {
        let excused = self.excuses != moment.excuses || moment.is_slow;
        if number >= moment.first_date {
            self.excuses = moment.excuses;
        }
        let had = self.date.or(match self.since {
            Since::Id(MessageId { number, .. }) | Since::Number(number) => Some(number),
            Since::Nothing | Since::Strange => None,
        });
        let gap = self.gap.take();
        self.date = Some(number);
        self.messages += 1;
        if let Some(until) = self.until.filter(|until| number > until.number) {
            return Err(format!("date {number} in a read up to {until}"));
        }
        let (Some(had), false) = (had, gap.as_ref().is_some_and(|gap| gap.missed.is_none())) else {
            return Ok(());
        };
        if number <= had {
            return Err(format!("date {number} behind {had}"));
        }
        let missed = number - had - 1;
        match gap {
            Some(gap) if gap.missed == Some(missed) => Ok(()),
            // More were skipped since the head of the answer told it, and its way may tell of nothing later.
            Some(gap) if excused && gap.missed.is_some_and(|told| told < missed) => Ok(()),
            Some(gap) => Err(format!("date {number} behind {had}, but it was told {gap:?}")),
            None if missed == 0 || (!moment.tells && excused) => Ok(()),
            // Those of before it came, where dates may have been skipped, too.
            None if !moment.tells && self.messages <= moment.history.max(1) as u64 => Ok(()),
            None => Err(format!("date {number} behind {had}, and nothing was said")),
        }
    }

    /// It gets the message of this place.
    pub(super) fn message(&mut self, place: usize, shadow: &Shadow, moment: Moment) -> Result<(), String> {
        let excused =
            std::mem::replace(&mut self.excuses, moment.excuses) != moment.excuses || moment.is_slow;
        let expected = self.next.replace(place + 1);
        self.messages += 1;
        let gap = self.gap.take();
        let Some(got) = shadow.get(place) else { return Err("a message from nowhere".to_owned()) };
        if let Some(until) = self.until.filter(|until| got.id > *until) {
            return Err(format!("{} in a read up to {until}", got.id));
        }
        match expected {
            Some(expected) => going_on(expected, (place, got), gap, shadow, moment, excused),
            None => self.first((place, got), gap.as_ref(), shadow, moment, excused),
        }
    }

    /// A bounded read has come to its end: with the last message that was asked for, unless the client has that, or a gap was told.
    /// What is not kept may be missing without a word where none can be said, or where the client does not say what it has.
    pub(super) fn end(&self, shadow: &Shadow, moment: Moment) -> Result<(), String> {
        let Some(until) = self.until.filter(|_| moment.kind != Kind::Dates && moment.fits) else {
            return Ok(());
        };
        let had = match self.since {
            Since::Id(id) => id,
            Since::Number(number) => MessageId { number, ..until },
            Since::Nothing | Since::Strange => MessageId::default(),
        };
        let end = shadow.after(until);
        // The worker may have had another stream, or have got a new one before it answered: the bound says nothing there.
        let is_of_stream = |epoch| epoch == until.epoch;
        let is_present = is_of_stream(self.everywhere.epoch)
            && shadow.last().is_none_or(|last| is_of_stream(last.id.epoch));
        let is_kept = is_present && end + self.history > shadow.len();
        let is_told = is_kept || moment.tells && !matches!(self.since, Since::Nothing);
        if self.next == Some(end) || self.gap.is_some() || had >= until || !is_told {
            return Ok(());
        }
        Err(format!(
            "a read from {:?} up to {until} ends before message {:?} of {end}",
            self.since, self.next
        ))
    }

    /// Its first message.
    fn first(
        &self,
        (place, got): (usize, &Published),
        gap: Option<&ToldGap>,
        shadow: &Shadow,
        moment: Moment,
        excused: bool,
    ) -> Result<(), String> {
        let had = match self.since {
            Since::Id(id) => id,
            Since::Number(number) => MessageId { epoch: got.id.epoch, number },
            // From the oldest one that is kept.
            Since::Nothing if self.until.is_some() => return Ok(()),
            Since::Nothing => {
                let (fewest, most) = self.greet;
                let from = self.delivered.saturating_sub(most);
                let is_early = place < from;
                return match gap {
                    _ if is_early => {
                        Err(format!("a newcomer gets {}, {} of {}", got.id, place, self.asked_at))
                    }
                    _ if moment.kind == Kind::Ordered
                        && moment.fits
                        && place > shadow.len().saturating_sub(fewest)
                        && place > self.asked_at =>
                    {
                        Err(format!("a newcomer of message {} begins with {place}", self.asked_at))
                    }
                    _ => Ok(()),
                };
            }
            Since::Strange => return Ok(()),
        };
        let expected = shadow.after(had);
        // A number alone is one of the stream that the worker had which was asked.
        let is_older = matches!(self.since, Since::Number(_)) && self.everywhere.epoch < got.id.epoch;
        let was_published = shadow.had(had, self.asked_at);
        match gap {
            None if place == expected => Ok(()),
            None if got.id.epoch == had.epoch && moment.tells => {
                Err(format!("it has {had}, gets {}, and nothing was said", got.id))
            }
            None if place < expected && got.id.epoch == had.epoch && was_published => {
                Err(format!("it has {had}, and gets {} again", got.id))
            }
            Some(gap) if gap.new_stream => {
                if got.id.epoch == had.epoch && !is_older {
                    Err(format!("it has {had}, gets {}, and was told {gap:?}", got.id))
                } else {
                    Ok(())
                }
            }
            Some(ToldGap { missed: Some(missed), .. }) => {
                // More were skipped since the head of the answer told it, and its way may tell of nothing later.
                let is_headed = !moment.tells && excused && moment.kind == Kind::Latest;
                let most = place.saturating_sub(expected) as u64;
                let is_true = is_true(*missed, (place, got), (expected, had))
                    || is_headed && (1..most).contains(missed);
                let is_kept = moment.fits
                    && moment.kind == Kind::Ordered
                    && expected >= shadow.len().saturating_sub(self.history)
                    && !got.follows_gap;
                if !is_true || is_kept {
                    return Err(format!("it has {had}, gets {}, and was told {gap:?}", got.id));
                }
                Ok(())
            }
            // It has what nobody has published.
            Some(gap) if was_published && got.id.epoch == had.epoch => {
                Err(format!("it has {had}, which was published, and was told {gap:?}"))
            }
            None | Some(_) => Ok(()),
        }
    }
}

/// True if so many are missing between what a client had and what it gets. Where numbers jump, it may be told of those that never were.
fn is_true(missed: u64, (place, got): (usize, &Published), (expected, had): (usize, MessageId)) -> bool {
    let published = place.saturating_sub(expected) as u64;
    let numbers = got.id.number.saturating_sub(had.number + 1);
    missed > 0 && (published.min(numbers)..=numbers).contains(&missed)
}

/// A message that is not its first.
fn going_on(
    expected: usize,
    (place, got): (usize, &Published),
    gap: Option<ToldGap>,
    shadow: &Shadow,
    moment: Moment,
    excused: bool,
) -> Result<(), String> {
    let had = shadow.get(expected.saturating_sub(1)).map(|had| had.id).unwrap_or_default();
    if place < expected {
        return Err(format!("{} again, behind {had}", got.id));
    }
    if let Some(gap) = gap {
        let is_true = match gap.missed {
            _ if got.id.epoch != had.epoch => gap.new_stream,
            Some(missed) => is_true(missed, (place, got), (expected, had)),
            None => false,
        };
        return if is_true { Ok(()) } else { Err(format!("{} behind {had}, and {gap:?}", got.id)) };
    }
    if place == expected {
        let is_silent = moment.tells && (got.follows_gap || got.id.epoch != had.epoch);
        return if is_silent { Err(format!("{} behind {had}, and no gap was told", got.id)) } else { Ok(()) };
    }
    let may_skip = !moment.tells && moment.kind == Kind::Latest && excused;
    if may_skip { Ok(()) } else { Err(format!("{} behind {had}, and nothing was said", got.id)) }
}
