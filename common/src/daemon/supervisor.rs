//! Looks after the workers: wakes them now and then, sees whether they turn, and tells the service manager.

use std::{io, thread, time::Duration};

use super::notify;
use crate::reactor::Control;

/// Between two looks, unless the watchdog wants them closer together.
const EVERY: Duration = Duration::from_secs(1);
/// Between two looks before the workers have turned for the first time.
const FIRST: Duration = Duration::from_millis(10);

/// What was seen of the workers.
#[derive(Debug)]
pub(super) struct Watch {
    control: Control,
    /// The turns of each worker at the last look.
    turns: Vec<u64>,
}

impl Watch {
    pub(super) fn new(control: Control) -> Self {
        let turns = control.stats().iter().map(crate::reactor::Stats::turns).collect();
        Self { control, turns }
    }

    /// True if every worker has turned since the last look, or has come to its end. Each was woken then: none sleeps through
    /// it. In a drain one worker may be done long before another, which is no reason to end them all.
    pub(super) fn look(&mut self) -> bool {
        let mut alive = true;
        for (stats, before) in self.control.stats().iter().zip(&mut self.turns) {
            let now = stats.turns();
            alive &= now != *before || stats.has_ended();
            *before = now;
        }
        self.control.wake();
        alive
    }
}

/// Watches the workers in a thread of its own, if there is a service manager to tell: that the daemon is ready, that all
/// is well, and `status` in a line.
///
/// # Errors
/// The thread cannot be started.
pub(super) fn start(control: Control, status: Box<dyn Fn() -> String + Send>) -> io::Result<()> {
    if !notify::is_heard() {
        return Ok(());
    }
    let watchdog = notify::watchdog();
    // Three looks in the time of the watchdog: one may be late.
    let every = watchdog.map_or(EVERY, |within| (within / 3).min(EVERY));
    let run = move || {
        let mut watch = Watch::new(control);
        while !watch.look() {
            thread::park_timeout(FIRST);
        }
        notify::ready();
        let mut said = String::new();
        loop {
            let now = status();
            if now != said {
                notify::status(&now);
                said = now;
            }
            thread::park_timeout(every);
            if watch.look() && watchdog.is_some() {
                notify::alive();
            }
        }
    };
    thread::Builder::new().name("supervisor".to_owned()).spawn(run).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::Reactor;

    #[test]
    fn a_worker_that_does_not_turn_is_noticed_and_one_that_turns_again_too() {
        let control = Reactor::<NoHandler>::new(vec![vec![], vec![]], crate::reactor::Settings::default())
            .expect("made")
            .control();
        let mut watch = Watch::new(control.clone());
        assert!(!watch.look(), "nobody runs yet");
        let turn = |worker: usize| control.stats()[worker].turned(false);
        turn(0);
        assert!(!watch.look(), "the other one hangs");
        turn(0);
        turn(1);
        assert!(watch.look());
        assert!(!watch.look());
        control.stats()[0].end();
        assert!(!watch.look(), "the other one hangs while the first is done");
        turn(1);
        assert!(watch.look());
    }

    /// No daemon at all.
    struct NoHandler;

    impl crate::reactor::Handler for NoHandler {
        type Conn = ();
        type Mail = ();

        fn on_open(&mut self, _: &mut crate::reactor::Context<'_>) -> ((), crate::reactor::Flow) {
            ((), crate::reactor::Flow::Close)
        }

        fn on_data(
            &mut self,
            (): &mut (),
            input: &mut [u8],
            _: &mut crate::reactor::Context<'_>,
        ) -> crate::reactor::Progress {
            crate::reactor::Progress { consumed: input.len(), flow: crate::reactor::Flow::Close }
        }

        fn on_deadline(&mut self, (): &mut (), _: &mut crate::reactor::Context<'_>) -> crate::reactor::Flow {
            crate::reactor::Flow::Close
        }
    }
}
