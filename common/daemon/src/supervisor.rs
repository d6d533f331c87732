//! The supervisor: a thread that wakes the workers once a second, checks that their loops turn, and reports to the service
//! manager and to the metrics endpoint.

use std::{io, sync::Arc, thread, time::Duration};

use sd_notify::NotifyState;

use crate::{clock::now, health::Health, last_reload::LastReload, metrics::DaemonMetrics, notify};
use reactor::{Control, Stats};

/// Time between two checks, unless the watchdog wants them closer together.
const INTERVAL: Duration = Duration::from_secs(1);
/// Time between two checks before all workers have turned for the first time.
const STARTING_INTERVAL: Duration = Duration::from_millis(10);
/// A check that comes so late says nothing about the workers: they may have been stopped as well.
const LATE: Duration = Duration::from_millis(200);
/// How many more times a late check looks, [`STARTING_INTERVAL`] apart, before a worker counts as hanging.
const LOOKS: u32 = 50;

/// Starts the supervisor if a service manager or a metrics endpoint listens to it. The answer is the health that it keeps up
/// to date.
///
/// # Errors
/// The system refuses the thread.
pub(super) fn start(
    control: Control,
    metrics: Arc<dyn DaemonMetrics>,
    last_reload: LastReload,
    has_endpoint: bool,
) -> io::Result<Arc<Health>> {
    let health = Arc::new(Health::new("the supervisor hangs"));
    if notify::is_heard() || has_endpoint {
        let written = Arc::clone(&health);
        let run = move || supervise(&control, &*metrics, &last_reload, &written);
        thread::Builder::new().name("supervisor".to_owned()).spawn(run)?;
    }
    Ok(health)
}

fn supervise(control: &Control, metrics: &dyn DaemonMetrics, last_reload: &LastReload, health: &Health) {
    // `WatchdogSec=`: how long the service manager waits for our sign of life before it restarts the daemon.
    let watchdog = sd_notify::watchdog_enabled().filter(|within| !within.is_zero());
    // Three checks in the time of the watchdog: one may be late.
    let interval = watchdog.map_or(INTERVAL, |within| (within / 3).min(INTERVAL));
    let mut turns = vec![0; control.stats().len()];
    while !all_turned(control, &mut turns) {
        thread::park_timeout(STARTING_INTERVAL);
    }
    notify::send(&[NotifyState::Ready]);
    health.update(metrics.health());
    let mut published = String::new();
    loop {
        // A line end would begin the next assignment.
        let status = last_reload.before(metrics.status(&control.counters().snapshot())).replace('\n', " ");
        if status != published {
            notify::send(&[NotifyState::Status(&status)]);
            published = status;
        }
        let asleep = now();
        thread::park_timeout(interval);
        let mut alive = all_turned(control, &mut turns);
        if !alive && asleep.elapsed() > interval + LATE {
            // The whole process was stopped, perhaps before the workers could turn.
            alive = (0..LOOKS).any(|_| {
                thread::park_timeout(STARTING_INTERVAL);
                all_turned(control, &mut turns)
            });
        }
        if is_fed(alive, watchdog) {
            notify::send(&[NotifyState::Watchdog]);
        }
        health.update(diagnose(alive, control, metrics));
    }
}

/// True if every worker has turned since the last check, which found these `turns`, or has ended: in a drain one worker may
/// end long before another. The check wakes them all, so none can sleep through to the next one.
fn all_turned(control: &Control, turns: &mut [u64]) -> bool {
    let mut all = true;
    for (stats, before) in control.stats().iter().zip(turns) {
        let now = stats.turns();
        all &= now != *before || stats.has_ended();
        *before = now;
    }
    control.wake();
    all
}

/// True if the watchdog gets a sign of life: while a loop hangs there is none, so that the service manager restarts the daemon.
fn is_fed(alive: bool, watchdog: Option<Duration>) -> bool {
    alive && watchdog.is_some()
}

/// Returns the worst of what is wrong as one sentence.
fn diagnose(alive: bool, control: &Control, metrics: &dyn DaemonMetrics) -> Result<(), String> {
    let fault = if !alive {
        "a worker's loop hangs"
    } else if control.is_stopping() {
        "stopping"
    } else if control.stats().iter().any(Stats::is_paused) {
        "no connections are accepted: out of descriptors or memory"
    } else {
        return metrics.health();
    };
    Err(fault.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reactor::{Reactor, Traffic};

    #[test]
    fn a_worker_that_does_not_turn_is_noticed_and_one_that_turns_again_too() {
        let control = Reactor::<Hanging>::new(vec![vec![], vec![]], reactor::Settings::default())
            .expect("made")
            .control();
        let mut turns = [0; 2];
        let mut check = || all_turned(&control, &mut turns);
        assert!(!check(), "nobody runs yet");
        let turn = |worker: usize| control.stats()[worker].turned(false, Traffic::default());
        turn(0);
        assert!(!check(), "the other one hangs");
        turn(0);
        turn(1);
        assert!(check());
        assert!(!check());
        control.stats()[0].end();
        assert!(!check(), "the other one hangs while the first is done");
        turn(1);
        assert!(check());
    }

    // OP-09
    #[test]
    fn the_watchdog_is_not_fed_while_a_worker_hangs() {
        let watchdog = Some(Duration::from_secs(10));
        assert!(is_fed(true, watchdog) && !is_fed(false, watchdog));
        assert!(!is_fed(true, None), "nobody waits for a sign");
    }

    struct NoMetrics;

    impl DaemonMetrics for NoMetrics {
        fn status(&self, _: &reactor::Snapshot) -> String {
            String::new()
        }

        fn collect(&self, _: &mut crate::metrics::Exposition) {}
    }

    // OP-09, OP-17
    #[test]
    fn health_is_bad_while_one_worker_hangs_and_good_again_when_it_goes_on() {
        let reactor =
            Reactor::<Hanging>::new(vec![vec![], vec![]], reactor::Settings::default()).expect("made");
        let (control, mailboxes) = (reactor.control(), reactor.mailboxes());
        let workers = thread::spawn(move || reactor.run(vec![Hanging, Hanging]).map(drop));
        let health =
            start(control.clone(), Arc::new(NoMetrics), LastReload::default(), true).expect("started");
        let wait_for = |wanted: &Result<(), String>| {
            let begin = now();
            while health.current() != *wanted {
                assert!(begin.elapsed() < Duration::from_secs(10), "it is {:?}", health.current());
                thread::park_timeout(Duration::from_millis(5));
            }
        };
        wait_for(&Ok(()));
        let (go_on, wait) = std::sync::mpsc::channel();
        mailboxes.send(1, wait);
        wait_for(&Err("a worker's loop hangs".to_owned()));
        drop(go_on);
        wait_for(&Ok(()));
        control.stop(reactor::Stop::Shutdown);
        workers.join().expect("no panic").expect("ended");
    }

    /// Each piece of mail makes it hang until the mail's sender is dropped.
    struct Hanging;

    impl reactor::Handler for Hanging {
        type Conn = ();
        type Mail = std::sync::mpsc::Receiver<()>;

        fn on_open(&mut self, _: &mut reactor::Context<'_>) -> ((), reactor::Flow) {
            ((), reactor::Flow::Close)
        }

        fn on_data(
            &mut self,
            (): &mut (),
            input: &mut [u8],
            _: &mut reactor::Context<'_>,
        ) -> reactor::Progress {
            reactor::Progress { consumed: input.len(), flow: reactor::Flow::Close }
        }

        fn on_deadline(&mut self, (): &mut (), _: &mut reactor::Context<'_>) -> reactor::Flow {
            reactor::Flow::Close
        }

        fn on_mail(&mut self, wait: Self::Mail, _: &mut reactor::Turn<'_, ()>) {
            _ = wait.recv();
        }
    }
}
