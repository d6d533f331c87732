//! What one connection has seen: the numbers of its messages, its pauses, its end.

use std::time::{Duration, Instant};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ended {
    /// A closing handshake with this code.
    Closed(u16),
    /// A closing handshake without a code: drafts 75 and 76.
    ClosedWithoutCode,
    /// The last chunk of an HTTP stream, or its end where there are no chunks.
    EndOfStream,
    /// The end of the connection without any of these.
    Cut,
    /// A reset.
    Reset,
    /// It never opened, or the server broke the protocol.
    Fault(String),
}

impl Ended {
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Closed(code) => code.to_string(),
            Self::ClosedWithoutCode => "closed".to_owned(),
            Self::EndOfStream => "end".to_owned(),
            Self::Cut => "cut".to_owned(),
            Self::Reset => "reset".to_owned(),
            Self::Fault(what) => what.clone(),
        }
    }
}

/// What one connection has seen since the last mark. It keeps the last message across marks.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Number and arrival of the last message.
    last: Option<(u64, Instant)>,
    /// The first message's line minus its number, where the source's lines are numbers, too.
    offset: Option<i64>,
    /// The arrival of the last message before the mark.
    before: Option<Instant>,
    pub(crate) messages: u64,
    /// How many numbers were left out.
    pub(crate) missing: u64,
    /// How many messages had a number that was not above the one before.
    pub(crate) doubled: u64,
    /// Ids of the clients that left.
    pub(crate) notices: Vec<u64>,
    /// The longest time between two messages.
    longest: Duration,
}

impl Record {
    /// Begins a new window: the counts start from 0.
    pub(crate) fn mark(&mut self) {
        let Self { last, offset, .. } = *self;
        *self = Self { last, offset, before: last.map(|last| last.1), ..Self::default() };
    }

    /// Records one text: `NUMBER DATE`, `NUMBER LINE`, or `ID disconnected`. A line that is a number must rise with the
    /// message's number.
    ///
    /// # Errors
    /// A sentence when it is none of them.
    pub(crate) fn text(&mut self, text: &str, now: Instant) -> Result<(), String> {
        let fault = || format!("neither a numbered date nor a notice: {text:?}");
        let (number, rest) = text.split_once(' ').ok_or_else(fault)?;
        if rest == "disconnected" {
            self.notices.extend(number.parse::<u64>());
            return Ok(());
        }
        let number: u64 = number.parse().map_err(|_| fault())?;
        self.messages += 1;
        if let Ok(line) = rest.parse::<i64>() {
            let offset = line.wrapping_sub_unsigned(number);
            if *self.offset.get_or_insert(offset) != offset {
                return Err(format!("message {number} has the line of another: {line}"));
            }
        }
        if let Some((before, at)) = self.last {
            match number.checked_sub(before) {
                None | Some(0) => self.doubled += 1,
                Some(step) => self.missing += step - 1,
            }
            self.longest = self.longest.max(now.duration_since(at));
        }
        self.last = Some((number, now));
        Ok(())
    }

    /// The number of the last message.
    pub(crate) fn number(&self) -> Option<u64> {
        self.last.map(|last| last.0)
    }

    /// The longest time without a message, including the one that lasts until `now`: a client that gets nothing more has
    /// a long one, too.
    pub(crate) fn longest_until(&self, now: Instant) -> Duration {
        let silence = self.last.map_or(Duration::ZERO, |(_, last)| now.saturating_duration_since(last));
        self.longest.max(silence)
    }

    /// How far the schedule of the messages has moved since the mark, for one message each `interval`.
    pub(crate) fn shift(&self, interval: Duration) -> Option<Duration> {
        let (before, (_, last)) = (self.before?, self.last?);
        if self.messages == 0 || interval.is_zero() {
            return None;
        }
        let offset = last.duration_since(before).as_nanos() % interval.as_nanos();
        let nanos = offset.min(interval.as_nanos() - offset);
        u64::try_from(nanos).ok().map(Duration::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(texts: &[&str]) -> Record {
        let mut record = Record::default();
        for text in texts {
            record.text(text, Instant::now()).unwrap();
        }
        record
    }

    #[test]
    fn consecutive_numbers_are_neither_missing_nor_doubled() {
        let record = after(&["7 Wed", "8 Wed", "3 disconnected", "9 Wed"]);
        let counts = (record.messages, record.missing, record.doubled);
        assert_eq!((counts, record.notices), ((3, 0, 0), vec![3]));
    }

    #[test]
    fn a_gap_and_a_double_are_seen_also_across_a_mark() {
        let mut record = after(&["7 Wed"]);
        record.mark();
        record.text("10 Wed", Instant::now()).unwrap();
        assert_eq!((record.missing, record.doubled), (2, 0));
        record.text("10 Wed", Instant::now()).unwrap();
        assert_eq!((record.missing, record.doubled), (2, 1));
        record.text("9 Wed", Instant::now()).unwrap();
        assert_eq!((record.missing, record.doubled), (2, 2));
    }

    #[test]
    fn the_longest_pause_and_the_shift_are_measured_across_a_mark() {
        let (mut record, start) = (Record::default(), Instant::now());
        record.text("1 Wed", start).unwrap();
        record.mark();
        record.text("2 Wed", start + Duration::from_millis(1300)).unwrap();
        record.text("3 Wed", start + Duration::from_millis(1990)).unwrap();
        assert_eq!(record.longest_until(start + Duration::from_secs(2)), Duration::from_millis(1300));
        assert_eq!(record.longest_until(start + Duration::from_secs(9)), Duration::from_millis(7010));
        assert_eq!(record.shift(Duration::from_secs(1)), Some(Duration::from_millis(10)));
    }

    #[test]
    fn a_line_that_moves_against_its_number_is_an_error() {
        let mut record = after(&["7 100", "8 101"]);
        record.mark();
        assert!(record.text("9 102", Instant::now()).is_ok());
        assert!(record.text("10 104", Instant::now()).is_err());
    }

    #[test]
    fn another_text_is_an_error() {
        assert!(Record::default().text("hello world", Instant::now()).is_err());
    }
}
