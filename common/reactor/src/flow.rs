//! The words between the reactor and a handler: what becomes of a connection, when to call again, why something ends.

use std::time::Instant;

/// What `Handler::on_data` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input that the handler has used; the reactor shows the rest again, with what arrives next.
    pub consumed: usize,
    /// What becomes of the connection, as after every callback.
    pub flow: Flow,
}

/// What becomes of a connection after a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The connection stays open.
    Continue,
    /// The peer gets what is queued, then the end of the stream. The reactor reads what the peer still sends and throws it
    /// away, bounded in time and bytes, so that no reset overtakes the answer.
    CloseWhenFlushed,
    /// As `CloseWhenFlushed`, where the protocol says that the peer sends nothing more: once the kernel has taken everything, the
    /// reactor closes without reading on. It does read on where it knows of bytes that the handler has not used, or cannot rule
    /// them out.
    Finish,
    /// The reactor closes it in this turn; what is queued is lost.
    Close,
    /// As `Close`, by a reset: the peer must not take what it has for the whole, and its protocol has no other way to say so.
    Reset,
}

/// When the reactor calls `Handler::on_turn` next; mail and events bring the call forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// In the next turn, which polls for events without sleeping.
    Again,
    /// At this instant at the latest.
    At(Instant),
    /// At this instant, or milliseconds later: it takes no system call of its own.
    About(Instant),
    /// As `At`; mail that was sent lazily waits until then, or until anything else makes a turn.
    AtDeferringMail(Instant),
    /// With the next event or mail.
    Idle,
}

impl Wake {
    /// The earlier one, for a handler of two parts.
    #[must_use]
    pub fn or_earlier(self, other: Self) -> Self {
        match (self, other) {
            (Self::Again, _) | (_, Self::Again) => Self::Again,
            (Self::Idle, wake) | (wake, Self::Idle) => wake,
            _ if other.order() < self.order() => other,
            _ => self,
        }
    }

    /// The instant of those that have one.
    #[inline]
    pub(super) fn instant(self) -> Option<Instant> {
        match self {
            Self::At(at) | Self::AtDeferringMail(at) | Self::About(at) => Some(at),
            Self::Again | Self::Idle => None,
        }
    }

    /// The instant of those that have to be there in time, by a system call of their own.
    #[inline]
    pub(super) fn exact(self) -> Option<Instant> {
        self.instant().filter(|_| !matches!(self, Self::About(_)))
    }

    /// The instant, and of two at one instant first the one that asks for more.
    fn order(self) -> (Option<Instant>, u8) {
        let rank = match self {
            Self::AtDeferringMail(_) => 1,
            Self::About(_) => 2,
            Self::At(_) | Self::Again | Self::Idle => 0,
        };
        (self.instant(), rank)
    }
}

/// Why the daemon stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It goes away (`SIGTERM`, `SIGINT`, `SIGQUIT`): WebSocket 1001.
    Shutdown,
    /// It will be back at once (`SIGUSR2` without a hand-over): WebSocket 1012.
    Restart,
    /// Another process adopts the connections (`SIGUSR2` with a hand-over, `Handler::export`); the others end here.
    HandOver,
    /// The source has ended and its last lines were passed on; slow clients still get the rest: WebSocket 1000.
    Finished,
    /// The same, but the source was ended for a stop like `Shutdown`: slow clients have the drain timeout for the rest.
    FinishedForStop,
}

/// Why a connection was closed, for counters and logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The handler ended it.
    Handler,
    /// The peer finished sending first.
    Peer,
    /// A read or write failed (most often a reset).
    Error,
    /// The peer did not take one whole queued segment within the write timeout.
    Slow,
    /// A newcomer needed the place.
    Evicted,
    /// The drain timeout was over.
    Drained,
    /// The handler panicked.
    Panic,
    /// It lives on in the next process.
    HandedOver,
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // Any instant will do.
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn of_two_wakes_the_earlier_one_counts_and_the_exact_one_of_two_at_one_instant() {
        let soon = Instant::now();
        let later = soon + Duration::from_secs(1);
        let at = |at| [Wake::At(at), Wake::AtDeferringMail(at), Wake::About(at)];
        let in_order = [&[Wake::Again][..], &at(soon), &at(later), &[Wake::Idle]].concat();
        for (number, earlier) in in_order.iter().enumerate() {
            for later in &in_order[number..] {
                assert_eq!((earlier.or_earlier(*later), later.or_earlier(*earlier)), (*earlier, *earlier));
            }
        }
    }
}
