//! Everything outside the workers: clocks, connections, queues of newcomers, descriptors, and what each poll has to report.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime};

use super::faults::Faults;
use super::pipe::{Pipe, SEND_BUFFER, Watch};
use super::seed::Seed;

/// Connections that wait to be accepted at one listening socket.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) waiting: VecDeque<usize>,
    /// The polls that watch it, each with the number that the socket has there.
    pub(crate) watchers: Vec<(usize, usize)>,
}

/// What the kernel keeps for one worker.
#[derive(Debug)]
pub(crate) struct Poll {
    /// Connections with an event, in the order in which it came.
    pub(crate) ready: VecDeque<usize>,
    /// Listeners with an event, by number.
    pub(crate) newcomers: BTreeSet<usize>,
    pub(crate) woken: Arc<AtomicBool>,
    /// When the worker went to sleep in the poll that has not returned yet.
    pub(crate) entered: Option<Instant>,
    /// The timeout of the latest poll that was allowed to sleep.
    pub(crate) asked: Option<Duration>,
    pub(crate) has_polled: bool,
    /// The next so many polls are interrupted.
    pub(crate) interruptions: u32,
    /// Descriptors of connections that the worker holds.
    pub(crate) descriptors: usize,
    /// Bytes that the worker has written.
    pub(crate) written: u64,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: Seed,
    pub(crate) now: Instant,
    pub(crate) wall: SystemTime,
    /// Time since the start of the world that the monotonic clock did not count.
    pub(crate) suspended: Duration,
    pub(crate) born: Instant,
    /// For so long the process is stopped once, behind the next reading of the wall clock.
    pub(crate) stop_between_clocks: Duration,
    pub(crate) pipes: Vec<Pipe>,
    pub(crate) queues: Vec<Queue>,
    pub(crate) polls: Vec<Poll>,
    pub(crate) faults: Faults,
    /// By the number of the descriptor: its connection. The lowest free number is the next one.
    pub(crate) descriptors: Vec<Option<usize>>,
    /// Numbers of descriptors that were used and are free.
    pub(crate) free: BTreeSet<usize>,
    /// So many descriptors of connections the process may have.
    pub(crate) max_descriptors: usize,
    /// Events that one poll takes.
    pub(crate) events: usize,
    /// One poll in so many reports what is not there; 0: none.
    pub(crate) spurious: u64,
    /// What the kernel keeps for each peer that connects from now on.
    pub(crate) send_buffer: usize,
    /// Adopted connections that got the options of their new process.
    pub(crate) configured: u64,
    /// One write in so many is short, to peers that connect from now on; 0: none.
    pub(crate) short_writes: u64,
    /// Polls of all workers.
    pub(crate) polled: u64,
    /// Calls that moved something.
    pub(crate) moved: u64,
    /// Accepts that found nobody.
    pub(crate) accepted_nobody: u64,
    /// Connections that were closed by a reset.
    pub(crate) resets: u64,
    /// Descriptors that were let go without a call of `close`.
    pub(crate) dropped: u64,
}

impl World {
    /// Without connections, on the first second of 2026.
    #[allow(clippy::disallowed_methods)] // only differences of it matter
    pub(crate) fn new(seed: u64) -> Self {
        let now = Instant::now();
        Self {
            seed: Seed(seed),
            now,
            wall: SystemTime::UNIX_EPOCH + Duration::from_hours(490_896),
            suspended: Duration::ZERO,
            born: now,
            stop_between_clocks: Duration::ZERO,
            pipes: Vec::new(),
            queues: Vec::new(),
            polls: Vec::new(),
            faults: Faults::default(),
            descriptors: Vec::new(),
            free: BTreeSet::new(),
            max_descriptors: usize::MAX,
            events: 256,
            spurious: 20,
            send_buffer: SEND_BUFFER,
            configured: 0,
            short_writes: 4,
            polled: 0,
            moved: 0,
            accepted_nobody: 0,
            resets: 0,
            dropped: 0,
        }
    }

    pub(crate) fn add_poll(&mut self, woken: Arc<AtomicBool>) -> usize {
        self.polls.push(Poll {
            ready: VecDeque::new(),
            newcomers: BTreeSet::new(),
            woken,
            entered: None,
            asked: None,
            has_polled: false,
            interruptions: 0,
            descriptors: 0,
            written: 0,
        });
        self.polls.len() - 1
    }

    pub(crate) fn add_queue(&mut self) {
        self.queues.push(Queue::default());
    }

    /// A newcomer is connected, and waits in this queue.
    pub(crate) fn arrive(&mut self, queue: usize, pipe: Pipe) -> usize {
        let number = self.pipes.len();
        self.pipes.push(pipe);
        if let Some(Queue { waiting, watchers }) = self.queues.get_mut(queue) {
            waiting.push_back(number);
            for (poll, listener) in watchers {
                if let Some(poll) = self.polls.get_mut(*poll) {
                    poll.newcomers.insert(*listener);
                }
            }
        }
        number
    }

    /// Something happened to this connection: the poll that watches it reports it, once.
    pub(crate) fn list(&mut self, number: usize) {
        let Some(pipe) = self.pipes.get_mut(number) else { return };
        if let Some(Watch { poll, .. }) = pipe.watch
            && !std::mem::replace(&mut pipe.listed, true)
            && let Some(poll) = self.polls.get_mut(poll)
        {
            poll.ready.push_back(number);
        }
    }

    /// A new descriptor for this connection, with the lowest number that is free.
    pub(crate) fn open(&mut self, pipe: usize, poll: usize) -> usize {
        self.count(poll, 1);
        let number = self.free.pop_first().unwrap_or(self.descriptors.len());
        match self.descriptors.get_mut(number) {
            Some(place) => *place = Some(pipe),
            None => self.descriptors.push(Some(pipe)),
        }
        number
    }

    /// Counts a descriptor of this worker on or off.
    pub(crate) fn count(&mut self, poll: usize, by: isize) {
        if let Some(poll) = self.polls.get_mut(poll) {
            poll.descriptors = poll.descriptors.saturating_add_signed(by);
        }
    }

    pub(crate) fn open_descriptors(&self) -> usize {
        self.descriptors.len() - self.free.len()
    }
}
