//! What one round measured, and which promises it saw broken.

use std::{fmt, time::Duration};

use crate::{canaries::Seen, knock::Knocked, lateness::Spread, swarm::Met, usage::Usage, victim::Dates};

#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) mode: &'static str,
    pub(crate) victim: &'static str,
    /// During the attack; losses also after it.
    pub(crate) seen: Seen,
    pub(crate) dates: Option<Dates>,
    pub(crate) visitors: Knocked,
    pub(crate) met: Met,
    pub(crate) before: Usage,
    pub(crate) most: Usage,
    /// Descriptors when the attack was over, and how long it took until then; `None`: it never came so far.
    pub(crate) after: usize,
    pub(crate) freed_in: Option<Duration>,
    pub(crate) broken: Vec<String>,
}

impl Outcome {
    pub(crate) fn losses(&self) -> u64 {
        self.seen.missing + self.seen.ended.values().sum::<u64>()
    }

    /// True if the server counts dates that were too late to be sent.
    pub(crate) fn has_skipped(&self) -> bool {
        self.dates.is_some_and(|dates| dates.skipped > 0)
    }

    /// What it says of its dates, in its metrics.
    fn said(&self) -> String {
        let said =
            |dates: Dates| format!("; it says {} ms late, {} dates skipped", ms(dates.worst), dates.skipped);
        self.dates.map(said).unwrap_or_default()
    }

    /// How long the server's threads were ready and had no core, in the attack.
    pub(crate) fn waited(&self) -> Duration {
        self.most.waited.saturating_sub(self.before.waited)
    }
}

pub(crate) fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}

pub(crate) fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1_048_576.0)
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spread { p50, p999, worst } = self.seen.lateness;
        let visits = Spread::of(self.visitors.waits.clone());
        write!(
            out,
            "{} on {}: late {} {} {} ms (p50, p99.9, worst of {} messages), lost {}, doubled {}, notices {}; \
             visitors {:?}, {} ms at worst; attackers {:?}; RSS {} to {} MiB, kernel {} to {} MiB, processor {:.1} s, \
             waited {} ms for a core{}; descriptors {} to {} to {}, freed in {:?}; ended {:?}",
            self.mode,
            self.victim,
            ms(p50),
            ms(p999),
            ms(worst),
            self.seen.messages,
            self.losses(),
            self.seen.doubled,
            self.seen.notices,
            self.visitors.outcomes,
            ms(visits.worst),
            self.met,
            mib(self.before.rss),
            mib(self.most.rss),
            mib(self.before.kernel),
            mib(self.most.kernel),
            self.most.processor.saturating_sub(self.before.processor).as_secs_f64(),
            ms(self.waited()),
            self.said(),
            self.before.descriptors,
            self.most.descriptors,
            self.after,
            self.freed_in,
            self.seen.ended,
        )
    }
}
