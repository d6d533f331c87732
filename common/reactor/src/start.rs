//! Starts the workers and waits for their end. The main thread makes their polls and wakers before the first of them runs.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use super::arrivals::Arrivals;
use super::mail::Waker;
use super::system::{Kernel, Listener, System};
use super::worker::{AllBack, Worker};
use super::{Arriving, Control, ExportedConnection, Handler, Mailboxes, Settings};

/// Workers whose polls, wakers and listeners are ready, and whose threads do not run yet.
pub struct Reactor<H: Handler> {
    /// Each with its listeners.
    workers: Vec<(Kernel, Vec<Listener>)>,
    settings: Settings,
    control: Control,
    mailboxes: Mailboxes<H::Mail>,
    /// Connections of another process, and what is done when the workers have adopted all of them.
    arrivals: Option<(Arc<Arrivals<Kernel>>, AllBack)>,
}

/// What a worker's thread returns.
#[derive(Debug)]
pub struct Ended<H> {
    /// The handler that ran on it, in its last state.
    pub handler: H,
    /// Connections for the next process to adopt; none without a hand-over.
    pub exported: Vec<ExportedConnection<OwnedFd>>,
    /// The poll that still watches these. When the last process closes it, the kernel forgets one watch after the other: nobody shall wait
    /// for that.
    pub watches: Option<OwnedFd>,
}

impl<H: Handler + Send + 'static> Reactor<H>
where
    H::Mail: 'static,
{
    /// Makes one worker for each list of listeners.
    ///
    /// # Errors
    /// When the kernel refuses a poll, a waker, or to watch a listener.
    pub fn new(listeners: Vec<Vec<Listener>>, settings: Settings) -> io::Result<Self> {
        let mut workers = Vec::new();
        let mut wakers: Vec<Waker> = Vec::new();
        for listeners in listeners {
            let mut kernel = Kernel::new(&settings)?;
            for (number, listener) in listeners.iter().enumerate() {
                kernel.add_listener(listener, number)?;
            }
            let waker = kernel.waker();
            // Waking fails only when the worker is gone, and then nothing is left to wake.
            wakers.push(Arc::new(move || drop(waker.wake())));
            workers.push((kernel, listeners));
        }
        let (control, mailboxes) = (Control::new(&wakers), Mailboxes::new(&wakers));
        Ok(Self { workers, settings, control, mailboxes, arrivals: None })
    }

    /// The mailboxes of the workers, for other threads.
    pub fn mailboxes(&self) -> Mailboxes<H::Mail> {
        self.mailboxes.clone()
    }

    /// The control of all workers, for other threads.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Spreads `count` connections of another process over the workers, which take them part by part when they run, and adopt them.
    /// The worker that adopts the last of them calls `all_back`; nobody does where there are none.
    pub fn adopt(
        &mut self,
        count: usize,
        parts: impl Iterator<Item = Vec<Arriving<OwnedFd>>> + Send + 'static,
        all_back: impl Fn() + Send + Sync + 'static,
    ) {
        self.control.counters().to_adopt.store(count, Relaxed);
        let parts: <Kernel as System>::Parts = Box::new(parts);
        let arrivals = Arrivals::new(parts, self.workers.len());
        self.arrivals = Some((Arc::new(arrivals), Arc::new(all_back)));
    }

    /// Runs one thread per worker with one handler each, until the daemon has stopped and all connections are gone.
    ///
    /// # Errors
    /// When a thread cannot be started, a poll fails, or a worker panicked outside a connection; the others stop at once
    /// then.
    pub fn run(self, handlers: Vec<H>) -> io::Result<Vec<Ended<H>>> {
        let mut threads = Vec::new();
        let parts = self.workers.into_iter().zip(handlers).enumerate();
        for (number, ((kernel, listeners), handler)) in parts {
            let (settings, control) = (self.settings.clone(), self.control.clone());
            let (mailboxes, arrivals) = (self.mailboxes.clone(), self.arrivals.clone());
            let run = move || {
                let guard = StopOnFault(control.clone());
                let mut worker =
                    Worker::new(number, handler, kernel, listeners, settings, control, mailboxes);
                if let Some((arrivals, all_back)) = arrivals {
                    worker.adopt(arrivals, Some(all_back));
                }
                worker.run()?;
                std::mem::forget(guard);
                let Worker { handler, exported, connections, .. } = worker;
                let watches = if exported.is_empty() { None } else { connections.system.into_watches().ok() };
                Ok(Ended { handler, exported, watches })
            };
            threads.push(thread::Builder::new().name(format!("worker-{number}")).spawn(run)?);
        }
        let join = |thread: thread::JoinHandle<_>| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a worker panicked")))
        };
        // Waits for all of them, whatever became of the first.
        let ended: Vec<io::Result<Ended<H>>> = threads.into_iter().map(join).collect();
        ended.into_iter().collect()
    }
}

/// A worker that ends by a fault stops the others, too: half a daemon would hold its port and serve no connection.
struct StopOnFault(Control);

impl Drop for StopOnFault {
    fn drop(&mut self) {
        self.0.stop_at_once();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::{
        CloseReason, CompactInstant, Context, Exported, Flow, Progress, Stats, Stop, Token, Traffic, Turn,
        Wake,
    };

    /// It panics outside a connection, if it is to; and counts its mail and its input.
    #[derive(Debug, Default)]
    struct Faulty {
        panics: bool,
        exports: bool,
        count: usize,
        lost: Vec<Vec<u8>>,
        /// What it has counted, at each close.
        closed: Option<mpsc::Sender<usize>>,
    }

    impl Handler for Faulty {
        type Conn = ();
        type Mail = ();

        fn on_open(&mut self, _: &mut Context<'_>) -> ((), Flow) {
            ((), Flow::Continue)
        }

        fn on_data(&mut self, (): &mut (), input: &mut [u8], _: &mut Context<'_>) -> Progress {
            self.count += input.len();
            Progress { consumed: input.len(), flow: Flow::Continue }
        }

        fn on_deadline(&mut self, (): &mut (), _: &mut Context<'_>) -> Flow {
            Flow::CloseWhenFlushed
        }

        fn export(&mut self, (): &mut (), _: usize, _: &mut Context<'_>) -> Option<Exported> {
            self.exports.then(Exported::default)
        }

        fn on_close(&mut self, (): (), _: Token, _: CloseReason, _: CompactInstant) {
            if let Some(closed) = &self.closed {
                closed.send(self.count).unwrap();
            }
        }

        fn on_lost(&mut self, state: &[u8], _: Instant, _: Instant) {
            self.lost.push(state.to_vec());
        }

        fn on_mail(&mut self, (): (), _: &mut Turn<'_, ()>) {
            self.count += 1;
        }

        fn on_turn(&mut self, _: &mut Turn<'_, ()>) -> Wake {
            assert!(!self.panics, "as asked");
            Wake::Idle
        }
    }

    /// No wait of these tests is longer.
    const PATIENCE: Duration = Duration::from_secs(30);

    type Outcome = io::Result<Vec<Ended<Faulty>>>;

    /// Runs it in a thread of its own, and tells how it has ended.
    fn run(reactor: Reactor<Faulty>, handlers: Vec<Faulty>) -> mpsc::Receiver<Outcome> {
        let (done, ended) = mpsc::channel();
        thread::spawn(move || done.send(reactor.run(handlers)));
        ended
    }

    #[test]
    fn a_worker_that_ends_by_a_fault_stops_the_others() {
        for faulty in 0..3 {
            let reactor =
                Reactor::new(vec![Vec::new(), Vec::new(), Vec::new()], Settings::default()).unwrap();
            let control = reactor.control();
            let handlers =
                (0..3).map(|number| Faulty { panics: number == faulty, ..Faulty::default() }).collect();
            let ended = run(reactor, handlers).recv_timeout(PATIENCE);
            control.stop_at_once(); // so that none outlives the test
            let error = ended.expect("the others go on").unwrap_err();
            assert_eq!(error.to_string(), "a worker panicked");
        }
    }

    #[test]
    fn what_a_client_sent_before_it_left_is_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = mio::net::UnixListener::bind(&path).unwrap();
        // More than a worker reads in one turn, of a client that is gone before the first.
        UnixStream::connect(&path).unwrap().write_all(&vec![0; 100_000]).unwrap();
        let reactor = Reactor::new(vec![vec![listener.into()]], Settings::default()).unwrap();
        let control = reactor.control();
        let (closed, count) = mpsc::channel();
        let handler = Faulty { closed: Some(closed), ..Faulty::default() };
        let ended = run(reactor, vec![handler]);
        let count = count.recv_timeout(PATIENCE);
        control.stop_at_once();
        assert_eq!(count, Ok(100_000));
        ended.recv_timeout(PATIENCE).expect("it stops").unwrap();
        assert_eq!(control.stats()[0].traffic(), Traffic { read: 100_000, written: 0 });
    }

    /// The one worker of a process that hands over so many connections, which it has run; and their peers.
    fn handed_over(count: usize, handler: Faulty) -> (Worker<Faulty, Kernel>, Vec<UnixStream>) {
        let settings = Settings::default();
        let (kernel, mailboxes) = (Kernel::new(&settings).unwrap(), Mailboxes::new(&[]));
        let control = Control::new(&[Arc::new(|| ())]);
        let mut worker = Worker::new(0, handler, kernel, Vec::new(), settings, control.clone(), mailboxes);
        let mut open = || {
            let (ours, peer) = UnixStream::pair().unwrap();
            peer.set_read_timeout(Some(PATIENCE)).unwrap();
            let (socket, address) = worker.connections.system.adopt(ours.into(), None).unwrap();
            let token = worker.connections.insert(socket, address).unwrap();
            worker.connections.open(token, b"", |_| Some(((), Flow::Continue)));
            peer
        };
        let peers = (0..count).map(|_| open()).collect();
        control.stop(Stop::HandOver);
        worker.run().unwrap();
        (worker, peers)
    }

    #[test]
    fn a_connection_whose_handler_cannot_export_it_ends_at_a_hand_over() {
        let (worker, mut peers) = handed_over(1, Faulty::default());
        assert!(worker.exported.is_empty());
        assert_eq!(peers[0].read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn every_connection_brings_its_cookie_along_however_many_turns_it_takes_to_ask_for_them() {
        let count = 2 * crate::settings::TURN_CONNECTIONS + 7;
        let (worker, _peers) = handed_over(count, Faulty { exports: true, ..Faulty::default() });
        assert_eq!(worker.exported.len(), count);
        for live in worker.exported {
            assert_eq!(live.cookie, socket2::SockRef::from(&live.descriptor).cookie().ok());
        }
    }

    /// A connection of another process, and its peer.
    fn arriving(state: u8) -> (UnixStream, Arriving<OwnedFd>) {
        let (ours, peer) = UnixStream::pair().unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        #[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
        let written_at = Instant::now();
        let connection = Arriving {
            descriptor: Some(ours.into()),
            cookie: None,
            queued: Vec::new(),
            unconsumed: Vec::new(),
            deadline: Duration::from_secs(20),
            stalled: None,
            counted: None,
            exported: Exported { state: vec![state], closing_bytes: b"moved".to_vec(), turn: 0 },
            written_at,
            peer: None,
        };
        (peer, connection)
    }

    #[test]
    fn a_connection_of_another_process_that_was_lost_on_the_way_is_told_to_the_handler() {
        let mut reactor = Reactor::new(vec![Vec::new(), Vec::new()], Settings::default()).unwrap();
        let control = reactor.control();
        let (mut peer, there) = arriving(0);
        let lost = (1..4).map(|state| arriving(state).1.map_descriptor(|_| None));
        let parts = std::iter::once(there).chain(lost).map(|live| vec![live]).collect::<Vec<_>>();
        let (done, all_back) = mpsc::channel();
        reactor.adopt(4, parts.into_iter(), move || done.send(()).unwrap());
        let ended = run(reactor, vec![Faulty::default(), Faulty::default()]);
        all_back.recv_timeout(PATIENCE).expect("the lost ones count, too");
        let mut got = [0; 5];
        peer.read_exact(&mut got).unwrap();
        assert_eq!((&got, control.counters().snapshot().adopted), (b"moved", 1));
        control.stop(Stop::Shutdown);
        let ended = ended.recv_timeout(PATIENCE).expect("they stop").unwrap();
        let lost: Vec<_> = ended.iter().map(|ended| ended.handler.lost.concat()).collect();
        assert_eq!(lost, [vec![2], vec![1, 3]], "dealt in turn");
    }

    #[test]
    fn that_all_are_back_is_told_once_and_not_where_there_are_none() {
        for count in [0, 1, 3] {
            let mut reactor =
                Reactor::new((0..4).map(|_| Vec::new()).collect(), Settings::default()).unwrap();
            let control = reactor.control();
            let (peers, exported): (Vec<_>, Vec<_>) = (0..count).map(arriving).unzip();
            let all_back = Arc::new(AtomicUsize::new(0));
            let times = Arc::clone(&all_back);
            reactor.adopt(exported.len(), std::iter::once(exported), move || {
                times.fetch_add(1, Relaxed);
            });
            // Those that have none look once before they stop, too.
            control.stop(Stop::Shutdown);
            let ended = run(reactor, (0..4).map(|_| Faulty::default()).collect());
            ended.recv_timeout(PATIENCE).expect("they stop").unwrap();
            assert_eq!(all_back.load(Relaxed), usize::from(count > 0), "{count} connections");
            drop(peers);
        }
    }

    #[test]
    fn each_worker_gets_its_mail_and_its_share_of_the_adopted_and_says_that_it_has_ended() {
        let mut reactor = Reactor::new(vec![Vec::new(), Vec::new()], Settings::default()).unwrap();
        let (control, mailboxes) = (reactor.control(), reactor.mailboxes());
        assert_eq!(mailboxes.workers(), 2);
        (0..3).for_each(|mail| mailboxes.send(mail % 2, ()));
        let (peers, exported): (Vec<_>, Vec<_>) = (0..5).map(arriving).unzip();
        let all_back = Arc::new(AtomicUsize::new(0));
        let times = Arc::clone(&all_back);
        reactor.adopt(5, std::iter::once(exported), move || {
            times.fetch_add(1, Relaxed);
        });
        let ended = run(reactor, vec![Faulty::default(), Faulty::default()]);
        for mut peer in peers {
            let mut got = [0; 5];
            peer.read_exact(&mut got).unwrap();
            assert_eq!(&got, b"moved", "its handler cannot read the state");
        }
        assert!(!control.stats().iter().any(Stats::has_ended));
        control.stop(Stop::Shutdown);
        let ended = ended.recv_timeout(PATIENCE).expect("they stop").unwrap();
        assert_eq!(ended.iter().map(|ended| ended.handler.count).collect::<Vec<_>>(), [2, 1]);
        assert!(control.stats().iter().all(Stats::has_ended));
        assert_eq!(all_back.load(Relaxed), 1, "one of them had the last");
    }
}
