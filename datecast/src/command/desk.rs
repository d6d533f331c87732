//! What the command's thread works with from run to run: the pipe to the stream, what wakes it, and whom it tells.

use std::{
    io::PipeWriter,
    os::fd::{AsFd as _, OwnedFd},
    thread,
    time::Duration,
};

use common::source_state::{SourcePhase, SourceState};
use daemon::clock::{now, wait_until};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::{
    copier::{Copier, NoReader},
    ended::signal_name,
    group::reap_orphans,
    orders::{Order, Wake},
};

/// How long the thread waits after the system has refused to wait for anything.
const PAUSE: Duration = Duration::from_millis(100);
/// How long bytes wait for room in the pipe once the command is to end: then its reader may have ended before.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the state of a command waits for its last lines to be read.
const READING: Duration = Duration::from_secs(1);

/// Whom the thread tells what has become of the command.
pub(crate) type Tell = Box<dyn Fn(SourceState) + Send>;

pub(super) struct Desk {
    /// The name of the command.
    pub(super) name: String,
    pub(super) copier: Copier,
    /// The end of the pipe that the stream reads; it does not block. Closing it is the end of the stream.
    lines: PipeWriter,
    wake: Wake,
    /// The stream reads no more: nobody would see what the command writes.
    is_unread: bool,
    tell: Tell,
}

/// Why [`Desk::wait`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// There is output to be read, or it has ended.
    Readable,
    /// An order, news of the process, or room in the pipe that was used.
    Woken,
    /// The time is over.
    Over,
}

impl Desk {
    pub(super) fn new(name: String, lines: PipeWriter, wake: Wake, tell: Tell) -> Self {
        Self { name, copier: Copier::default(), lines, wake, is_unread: false, tell }
    }

    /// The order in force.
    pub(super) fn order(&self) -> Order {
        let order = self.wake.order();
        if self.is_unread { order.max(Order::End) } else { order }
    }

    /// Tells what has become of the command.
    pub(super) fn say(&self, phase: SourcePhase, said: &str) {
        (self.tell)(SourceState::new(phase, said));
    }

    /// Tells that a signal has stopped the command, or with `None` that it goes on.
    pub(super) fn say_stopped(&self, signal: Option<i32>) {
        let name = &self.name;
        let Some(signal) = signal else { return self.say(SourcePhase::Running, "") };
        let by = signal_name(signal);
        let what = format!("{name} is stopped by {by}");
        if by.contains("SIGTT") {
            log::warn!(
                "{what}: it wants to ask something on this terminal, and cannot do it from here; give it the answer in advance, \
                 or pipe it: {name} … | datecast"
            );
        } else {
            log::warn!("{what}");
        }
        self.say(SourcePhase::Running, &what);
    }

    /// Tells that the command draws on a whole screen.
    pub(super) fn say_drawing(&self) {
        let what = format!("{} draws on a whole screen, and a page shows lines", self.name);
        log::warn!(
            "{what}: give it its option for lines, as in top -b, or write a loop, as in sh -c 'while date; do sleep 1; done'"
        );
        self.say(SourcePhase::Running, &what);
    }

    /// Waits for this long at most. Bytes that wait for room in the pipe come first: meanwhile no output is readable.
    pub(super) fn wait(&mut self, output: Option<&OwnedFd>, time: Option<Duration>) -> Wait {
        let timeout = time.and_then(|time| Timespec::try_from(time).ok());
        let mut polled = vec![PollFd::new(&self.wake, PollFlags::IN)];
        if self.copier.is_waiting() {
            polled.push(PollFd::new(&self.lines, PollFlags::OUT));
        } else if let Some(output) = output {
            polled.push(PollFd::new(output, PollFlags::IN));
        }
        match poll(&mut polled, timeout.as_ref()) {
            Ok(0) => return Wait::Over,
            Ok(_) => {}
            Err(Errno::INTR) => return Wait::Woken,
            Err(_) => {
                thread::park_timeout(PAUSE);
                return Wait::Woken;
            }
        }
        let has_news = |at: usize| polled.get(at).is_some_and(|it: &PollFd| !it.revents().is_empty());
        let (is_woken, is_ready) = (has_news(0), has_news(1));
        if is_woken {
            self.wake.clear();
        }
        match (is_ready, self.copier.is_waiting()) {
            (true, true) => {
                self.write();
                Wait::Woken
            }
            (true, false) => Wait::Readable,
            (false, _) => Wait::Woken,
        }
    }

    fn write(&mut self) {
        if self.copier.write(self.lines.as_fd()) == Err(NoReader) {
            self.is_unread = true;
        }
    }

    /// Waits until the pipe has taken what was read. Once the command is to end, it gives up a reader that does not read.
    pub(super) fn flush(&mut self) {
        while self.copier.is_waiting() {
            let time = match self.order() {
                Order::Run => None,
                Order::End => Some(PATIENCE),
                Order::EndAtOnce => Some(Duration::ZERO),
            };
            if self.wait(None, time) == Wait::Over {
                self.copier.give_up();
            }
        }
    }

    /// Ends a half line, so that what another run writes begins a new one.
    pub(super) fn end_line(&mut self) {
        self.copier.end_line();
        self.flush();
    }

    /// Waits until the stream has read what is in the pipe, so that clients hear of the end behind the last lines.
    pub(super) fn settle(&self) {
        wait_until(READING, || {
            self.order() != Order::Run || rustix::io::ioctl_fionread(&self.lines).unwrap_or(0) == 0
        });
    }

    /// Closes the pipe, which is the end of the stream.
    pub(super) fn close(self) -> Wake {
        self.wake
    }

    /// Waits before the command is started again; false if it is not to be started any more.
    pub(super) fn pause(&mut self, time: Duration) -> bool {
        let until = now() + time;
        loop {
            let left = until.saturating_duration_since(now());
            if self.order() != Order::Run || left.is_zero() {
                return self.order() == Order::Run;
            }
            self.wait(None, Some(left));
            reap_orphans();
        }
    }
}
