//! The stages of one run of the command, from its start until nothing of it is left. Pure: what has happened and the time come as
//! arguments.
//!
//! ```text
//!  Running ── it has exited ──▶ Lingering ── its output has ended, or 1 s ──▶ Ending ── all are gone ──▶ Over
//!     │                                                                     (TERM)                       ▲
//!     └── it is to end ──────────────────────────────────────────────────────▶│                          │
//!     │                                                                       └── 5 s ──▶ Killed ── gone, or 1 s
//!     └── at once ─────────────────────────────────────────────────────────────────────▶ (KILL)
//! ```

use std::time::{Duration, Instant};

use super::orders::Order;

/// How long what the command has started and left behind may still write.
const LINGER: Duration = Duration::from_secs(1);
/// How long the processes of the command have to end in order.
const TERM_TIME: Duration = Duration::from_secs(5);
/// How long the kernel has to end processes that were killed; one that waits for a disk takes longer.
const KILL_TIME: Duration = Duration::from_secs(1);

/// Where a run is; with the moment at which the next stage begins in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Running,
    /// The command has exited, but others hold its output open: late lines may come.
    Lingering(Instant),
    /// The group was asked to end.
    Ending(Instant),
    /// The group was killed.
    Killed(Instant),
    Over,
}

/// What has happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) order: Order,
    /// The command itself has exited.
    pub(super) has_exited: bool,
    /// No process has its output open.
    pub(super) output_has_ended: bool,
    /// No process of its group is left.
    pub(super) is_gone: bool,
}

impl Stage {
    /// The stage that follows from these facts; the same one if nothing does.
    pub(super) fn next(self, facts: Facts, now: Instant) -> Self {
        let is_over = |until: Instant| now >= until;
        match self {
            Self::Running | Self::Lingering(_) | Self::Ending(_) if facts.order == Order::EndAtOnce => {
                Self::Killed(now + KILL_TIME)
            }
            Self::Running if facts.order == Order::End => Self::Ending(now + TERM_TIME),
            Self::Running if facts.has_exited => Self::Lingering(now + LINGER),
            Self::Lingering(until)
                if facts.order == Order::End || facts.output_has_ended || is_over(until) =>
            {
                Self::Ending(now + TERM_TIME)
            }
            Self::Ending(_) | Self::Killed(_) if facts.has_exited && facts.is_gone => Self::Over,
            Self::Ending(until) if is_over(until) => Self::Killed(now + KILL_TIME),
            Self::Killed(until) if is_over(until) => Self::Over,
            stage => stage,
        }
    }

    /// When the next stage begins in any case.
    pub(super) fn deadline(self) -> Option<Instant> {
        match self {
            Self::Running | Self::Over => None,
            Self::Lingering(until) | Self::Ending(until) | Self::Killed(until) => Some(until),
        }
    }

    /// True from the first signal on that the group got: its leader can be waited for.
    pub(super) fn is_ending(self) -> bool {
        matches!(self, Self::Ending(_) | Self::Killed(_) | Self::Over)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_in_order_and_in_bounded_time() {
        let now = Instant::now();
        let (earlier, later) =
            (now.checked_sub(Duration::from_millis(1)).unwrap(), now + Duration::from_millis(1));
        let (linger, term, kill) =
            (Stage::Lingering(now + LINGER), Stage::Ending(now + TERM_TIME), Stage::Killed(now + KILL_TIME));
        let facts = |order, facts: &str| Facts {
            order,
            has_exited: facts.contains("exited"),
            output_has_ended: facts.contains("output"),
            is_gone: facts.contains("gone"),
        };
        let (run, end, at_once) = (Order::Run, Order::End, Order::EndAtOnce);
        for (stage, order, what, next) in [
            (Stage::Running, run, "", Stage::Running),
            // A program may close its output and go on.
            (Stage::Running, run, "output", Stage::Running),
            (Stage::Running, run, "exited", linger),
            (Stage::Running, end, "", term),
            (Stage::Running, end, "exited", term),
            (Stage::Running, at_once, "", kill),
            (Stage::Lingering(later), run, "exited", Stage::Lingering(later)),
            (Stage::Lingering(later), run, "exited output", term),
            (Stage::Lingering(earlier), run, "exited", term),
            (Stage::Lingering(later), end, "exited", term),
            (Stage::Lingering(later), at_once, "exited", kill),
            (Stage::Ending(later), end, "", Stage::Ending(later)),
            (Stage::Ending(later), end, "exited output", Stage::Ending(later)),
            (Stage::Ending(later), end, "exited gone", Stage::Over),
            (Stage::Ending(earlier), end, "exited", kill),
            (Stage::Ending(later), at_once, "exited", kill),
            (Stage::Killed(later), at_once, "exited", Stage::Killed(later)),
            (Stage::Killed(later), at_once, "exited gone", Stage::Over),
            (Stage::Killed(earlier), end, "", Stage::Over),
            (Stage::Over, at_once, "", Stage::Over),
        ] {
            assert_eq!(stage.next(facts(order, what), now), next, "{stage:?} {order:?} {what:?}");
        }
    }
}
