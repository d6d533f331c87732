//! One process hands its connections over to the next one, at any moment.

use std::time::{Duration, Instant};

use super::{Birth, Simulation, Successor};
use crate::{Handler, Stop};

/// The longest time that a hand-over may take: what was begun, and what ends in the old process.
const LONGEST: Duration = Duration::from_secs(1);

impl<H: Handler> Simulation<H> {
    /// Hands every connection of the one worker over to a new process in the same world, whose handler `make` builds from the
    /// old one.
    ///
    /// # Panics
    /// As [`Self::hand_over_to`].
    #[must_use]
    pub fn hand_over(self, make: impl FnOnce(H, Birth<H::Mail>) -> H) -> Self {
        let next = Successor { workers: 1, settings: self.settings.clone(), delay: Duration::ZERO };
        self.hand_over_to(next, |mut old, birth| old.pop().map(|old| make(old, birth)).into_iter().collect())
    }

    /// Hands every connection over to a new process in the same world, with other settings and another number of workers.
    /// The workers are stepped in an order from the seed, wherever each of them is; newcomers wait for the next process.
    /// `make` gets the old handlers, by the number of their worker, and makes the new ones.
    ///
    /// # Panics
    /// If a worker fails or does not end within a second, or an invariant does not hold.
    #[must_use]
    pub fn hand_over_to(
        mut self,
        next: Successor,
        make: impl FnOnce(Vec<H>, Birth<H::Mail>) -> Vec<H>,
    ) -> Self {
        self.control.stop(Stop::HandOver);
        let begun = self.now();
        self.run_to_its_end();
        let Successor { workers, settings, delay } = next;
        self.advance(delay);
        self.stalls.forgive(self.now() - begun);
        let (mut old, mut exported) = (Vec::new(), Vec::new());
        for stepped in self.workers {
            exported.extend(stepped.worker.exported);
            old.push(stepped.worker.handler);
        }
        // As in the memory between two processes.
        exported.sort_by_key(|live| live.exported.turn);
        let mut next = Self::start(self.world, settings, workers, |birth| make(old, birth), exported);
        self.stalls.note(next.settings.write_timeout);
        next.stalls = self.stalls;
        next
    }

    /// Steps all workers to their last turn; time passes while they sleep.
    fn run_to_its_end(&mut self) {
        let begun: Instant = self.now();
        for turns in 1_u64.. {
            match self.choose(Self::is_awake) {
                Some(worker) if turns % 1000 != 0 => drop(self.turn_of(worker)),
                _ => self.advance(Duration::from_millis(1)),
            }
            if !self.goes_on() {
                return;
            }
            assert!(self.now() < begun + LONGEST, "the hand-over has no end");
        }
    }
}
