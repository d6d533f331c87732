//! The signs of life that a client asks for: `?heartbeat=N`.

use std::{
    num::NonZeroU16,
    time::{Duration, Instant},
};

use common::{
    codec::{Reader, Writer},
    framing::{Framing, encode_heartbeat},
};
use reactor::Context;

/// When a client hears from us at the latest; nothing for one that has not asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulse(Option<Box<Beat>>);

#[derive(Clone, Debug)]
struct Beat {
    seconds: NonZeroU16,
    /// When the client was last sent something that it notices.
    sent_at: Instant,
    /// What else the connection's deadline is for.
    other: Instant,
}

impl Beat {
    fn due(&self) -> Instant {
        self.sent_at + Duration::from_secs(self.seconds.get().into())
    }
}

impl Pulse {
    /// For a client that wants to hear something after so many seconds.
    pub(super) fn new(seconds: Option<NonZeroU16>, now: Instant) -> Self {
        Self(seconds.map(|seconds| Box::new(Beat { seconds, sent_at: now, other: now })))
    }

    pub(super) fn is_asked(&self) -> bool {
        self.0.is_some()
    }

    /// The client was sent something that it notices.
    pub(crate) fn sent(&mut self, now: Instant) {
        if let Some(beat) = &mut self.0 {
            beat.sent_at = now;
        }
    }

    /// Sets the deadline of an open connection, so long from now; it may come earlier for a sign of life.
    pub(super) fn set_timeout(&mut self, time: Duration, cx: &mut Context<'_>) {
        let Some(beat) = &mut self.0 else { return cx.set_timeout(time) };
        beat.other = cx.now() + time;
        cx.set_deadline(beat.other.min(beat.due()));
    }

    /// The deadline of an open connection has passed: sends the sign of life that is due. True if the deadline was for something
    /// else, too.
    pub(crate) fn beat(&mut self, framing: Framing, cx: &mut Context<'_>) -> bool {
        let now = cx.now();
        let Some(beat) = &mut self.0 else { return true };
        if beat.due() <= now {
            // What waits for a full socket is more of a sign than this.
            if !cx.is_blocked() {
                encode_heartbeat(framing, beat.seconds.get(), cx.out());
            }
            beat.sent_at = now;
        }
        if beat.other <= now {
            return true;
        }
        cx.set_deadline(beat.other.min(beat.due()));
        false
    }

    /// What else the deadline is for has stood still for so long: nobody read what would have answered it.
    pub(super) fn put_off(&mut self, time: Duration) {
        if let Some(beat) = &mut self.0 {
            beat.other = beat.other.checked_add(time).unwrap_or(beat.other);
        }
    }

    /// Writes down one that is asked for.
    pub(super) fn put(&self, now: Instant, to: &mut Writer) {
        if let Some(beat) = &self.0 {
            to.long(beat.seconds.get().into());
            to.millis(now.saturating_duration_since(beat.sent_at));
            to.millis(beat.other.saturating_duration_since(now));
        }
    }

    /// Reads back what [`Pulse::put`] wrote at this moment.
    pub(super) fn take_over(from: &mut Reader<'_>, written_at: Instant) -> Option<Self> {
        let seconds = NonZeroU16::new(u16::try_from(from.word()?).ok()?)?;
        let sent_at = written_at.checked_sub(from.millis()?).unwrap_or(written_at);
        let other = written_at.checked_add(from.millis()?)?;
        Some(Self(Some(Box::new(Beat { seconds, sent_at, other }))))
    }
}
