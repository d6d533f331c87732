//! Looks after the workers: wakes them now and then, sees whether they turn, and tells the service manager.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::{metrics::DaemonMetrics, notify};
use reactor::{Control, Stats};

/// Between two looks, unless the watchdog wants them closer together.
const EVERY: Duration = Duration::from_secs(1);
/// A judgement that is older than this is none.
const STALE: Duration = Duration::from_secs(4);
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
        let turns = control.stats().iter().map(Stats::turns).collect();
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

/// The newest judgement of the supervisor.
#[derive(Debug)]
pub(super) struct Verdict(Mutex<(Instant, Result<(), String>)>);

impl Verdict {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new((now(), Err("starting".to_owned())))))
    }

    fn give(&self, verdict: Result<(), String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (now(), verdict);
    }

    /// What is wrong; a judgement that is old says that the supervisor itself hangs.
    pub(super) fn now(&self) -> Result<(), String> {
        let (at, verdict) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now().saturating_duration_since(*at) > STALE {
            return Err("the supervisor hangs".to_owned());
        }
        verdict.clone()
    }
}

/// Watches the workers in a thread of its own, if there is somebody to tell: the service manager that the daemon is ready,
/// that all is well, and its status in a line; the metrics endpoint, which is there or not, whether all is well.
///
/// # Errors
/// The thread cannot be started.
pub(super) fn start(
    control: Control,
    metrics: Arc<dyn DaemonMetrics>,
    has_endpoint: bool,
) -> io::Result<Arc<Verdict>> {
    let verdict = Verdict::new();
    if !notify::is_heard() && !has_endpoint {
        return Ok(verdict);
    }
    let judged = Arc::clone(&verdict);
    let run = move || supervise(&control, &*metrics, &judged);
    thread::Builder::new().name("supervisor".to_owned()).spawn(run)?;
    Ok(verdict)
}

fn supervise(control: &Control, metrics: &dyn DaemonMetrics, verdict: &Verdict) {
    let watchdog = notify::watchdog();
    // Three looks in the time of the watchdog: one may be late.
    let every = watchdog.map_or(EVERY, |within| (within / 3).min(EVERY));
    let mut watch = Watch::new(control.clone());
    while !watch.look() {
        thread::park_timeout(FIRST);
    }
    notify::ready();
    verdict.give(Ok(()));
    let mut said = String::new();
    loop {
        let status = metrics.status(&control.counters().snapshot());
        if status != said {
            notify::status(&status);
            said = status;
        }
        thread::park_timeout(every);
        let alive = watch.look();
        if alive && watchdog.is_some() {
            notify::alive();
        }
        verdict.give(judge(alive, control, metrics));
    }
}

/// What is wrong, the worst first.
fn judge(alive: bool, control: &Control, metrics: &dyn DaemonMetrics) -> Result<(), String> {
    if !alive {
        return Err("a worker's loop hangs".to_owned());
    }
    if control.is_stopping() {
        return Err("stopping".to_owned());
    }
    if control.stats().iter().any(Stats::is_paused) {
        return Err("no connections are accepted: out of descriptors or memory".to_owned());
    }
    metrics.health()
}

#[allow(
    clippy::disallowed_methods,
    reason = "a thread that looks at others has no turn to be told the time of"
)]
fn now() -> Instant {
    Instant::now()
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
        let mut watch = Watch::new(control.clone());
        assert!(!watch.look(), "nobody runs yet");
        let turn = |worker: usize| control.stats()[worker].turned(false, Traffic::default());
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

    /// Nothing to say.
    struct NoVitals;

    impl DaemonMetrics for NoVitals {
        fn status(&self, _: &reactor::Snapshot) -> String {
            String::new()
        }

        fn collect(&self, _: &mut crate::metrics::Exposition) {}
    }

    // OP-09, OP-17
    #[test]
    fn the_verdict_is_bad_while_one_worker_hangs_and_good_again_when_it_goes_on() {
        let reactor =
            Reactor::<Hanging>::new(vec![vec![], vec![]], reactor::Settings::default()).expect("made");
        let (control, mailboxes) = (reactor.control(), reactor.mailboxes());
        let workers = thread::spawn(move || reactor.run(vec![Hanging, Hanging]).map(drop));
        let verdict = start(control.clone(), Arc::new(NoVitals), true).expect("started");
        let wait_for = |wanted: &Result<(), String>| {
            let begin = now();
            while verdict.now() != *wanted {
                assert!(begin.elapsed() < Duration::from_secs(10), "it is {:?}", verdict.now());
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

    /// Hangs as long as it is told.
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
            // The sender's end says that it is enough.
            _ = wait.recv();
        }
    }
}
