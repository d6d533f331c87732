//! The loop: from the input to the connection, until the input has ended or somebody wants us to stop.

use std::{
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use daemon::{DaemonError, Exit, clock::now, notify};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, read},
};

use super::{
    connection::{Connection, wait_a_little},
    outgoing::Outgoing,
    report::{Report, lines_of},
    signals::{Signals, Wish},
};

/// Bytes of one read.
const READ_SIZE: usize = 64 * 1024;
/// How long a stop waits for a server that takes nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// Everything that the loop works with.
pub(super) struct Feeder {
    /// `None` once it has ended.
    input: Option<OwnedFd>,
    buffer: Vec<u8>,
    outgoing: Outgoing,
    connection: Connection,
    signals: Signals,
    report: Report,
    /// Ends the command; standard input needs nothing.
    end_command: Option<Box<dyn Fn() + Send>>,
    wish: Wish,
    /// Once we are to stop: when to give up a server that takes nothing of what waits.
    give_up_at: Option<Instant>,
}

impl Feeder {
    pub(super) fn new(
        input: OwnedFd,
        connection: Connection,
        signals: Signals,
        report: Report,
        end_command: Option<Box<dyn Fn() + Send>>,
    ) -> Self {
        Self {
            input: Some(input),
            buffer: vec![0; READ_SIZE],
            outgoing: Outgoing::default(),
            connection,
            signals,
            report,
            end_command,
            wish: Wish::None,
            give_up_at: None,
        }
    }

    /// Feeds until the last line is written, or until we are to stop and the server takes no more.
    ///
    /// # Errors
    /// Standard input cannot be read.
    pub(super) fn run(mut self) -> Result<(), DaemonError> {
        self.connection.try_again(now());
        notify::ready();
        let mut outcome = Ok(());
        while self.input.is_some() || !self.outgoing.is_empty() {
            self.report.say(&self.connection.status(), self.outgoing.lines(), now());
            let ready = self.wait();
            self.heed_signals();
            if self.has_given_up() {
                self.say_given_up();
                break;
            }
            if ready.is_closed && self.connection.look(now()).is_err() {
                self.begin_again();
            }
            self.connection.try_again(now());
            if ready.has_input
                && let Err(error) = self.read()
            {
                outcome = Err(error);
            }
            self.write();
        }
        log::info!("fed {}", lines_of(self.outgoing.lines()));
        outcome
    }

    /// Waits until there is something to do.
    fn wait(&self) -> ReadyFor {
        let mut polled = vec![PollFd::new(&self.signals, PollFlags::IN)];
        if let Some(stream) = self.connection.stream() {
            let writes = if self.outgoing.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
            polled.push(PollFd::new(stream, PollFlags::IN | PollFlags::RDHUP | writes));
        }
        let input_at = polled.len();
        if let Some(input) = self.input.as_ref().filter(|_| self.outgoing.is_empty()) {
            polled.push(PollFd::new(input, PollFlags::IN));
        }
        let time = self.time().and_then(|time| Timespec::try_from(time).ok());
        match poll(&mut polled, time.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return ReadyFor::default(),
            Err(_) => {
                wait_a_little();
                return ReadyFor::default();
            }
        }
        let is_closed = self.connection.stream().and(polled.get(1)).is_some_and(|it| {
            it.revents().intersects(PollFlags::IN | PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR)
        });
        let has_input = polled.get(input_at).is_some_and(|it| !it.revents().is_empty());
        ReadyFor { is_closed, has_input }
    }

    /// How long to wait at most; `None`: for ever.
    fn time(&self) -> Option<Duration> {
        let now = now();
        let give_up = self.give_up_at.filter(|_| !self.outgoing.is_empty());
        let give_up = give_up.map(|at| at.saturating_duration_since(now));
        [self.connection.pause(now), give_up, Report::interval()].into_iter().flatten().min()
    }

    /// Does what the signals that have come ask for.
    fn heed_signals(&mut self) {
        let wish = self.signals.wish();
        if wish == self.wish {
            return;
        }
        if self.wish == Wish::None {
            log::info!("stopping; a second signal stops at once");
            notify::stopping();
        }
        self.wish = wish;
        self.give_up_at = Some(now() + PATIENCE);
        match &self.end_command {
            // Its last lines, and the end of the pipe, follow.
            Some(end) => end(),
            None => self.end_input(),
        }
    }

    fn has_given_up(&self) -> bool {
        let is_over = self.give_up_at.is_some_and(|at| now() >= at) && !self.outgoing.is_empty();
        self.wish == Wish::AtOnce || is_over
    }

    fn say_given_up(&self) {
        let waiting = self.outgoing.lines_waiting();
        if waiting > 0 {
            log::warn!("stopped with {} that the server had not taken: lost", lines_of(waiting));
        }
    }

    /// Reads once.
    ///
    /// # Errors
    /// It cannot be read, and never will be: that is its end.
    fn read(&mut self) -> Result<(), DaemonError> {
        let Some(input) = &self.input else { return Ok(()) };
        match read(input, &mut self.buffer) {
            Ok(0) => self.end_input(),
            Ok(count) => {
                self.outgoing.push(self.buffer.get(..count).unwrap_or_default());
                self.be_patient();
            }
            Err(Errno::INTR) => {}
            // Another process reads the same pipe, and was faster; or the system is short of memory.
            Err(Errno::AGAIN | Errno::NOMEM | Errno::NOBUFS) => wait_a_little(),
            Err(error) => {
                self.end_input();
                let what = format!("standard input cannot be read: {error}");
                return Err(DaemonError::new(Exit::NoInput, what));
            }
        }
        Ok(())
    }

    fn end_input(&mut self) {
        self.input = None;
        self.outgoing.end_line();
    }

    /// Writes what the server takes.
    fn write(&mut self) {
        while !self.outgoing.is_empty() {
            match self.connection.write(self.outgoing.waiting(), now()) {
                Ok(0) => return,
                Ok(count) => {
                    self.outgoing.advance(count);
                    self.be_patient();
                }
                Err(_) => return self.begin_again(),
            }
        }
    }

    /// Once we are to stop, each step gives the server more time for the next one.
    fn be_patient(&mut self) {
        self.give_up_at = self.give_up_at.map(|_| now() + PATIENCE);
    }

    fn begin_again(&mut self) {
        if !self.outgoing.begin_again() {
            log::warn!(reason = "long"; "a line of more than 1 MiB was cut; its rest is not sent");
        }
    }
}

/// What the wait has found.
#[derive(Clone, Copy, Debug, Default)]
struct ReadyFor {
    /// The connection has ended, perhaps.
    is_closed: bool,
    /// There is input, or its end.
    has_input: bool,
}
