//! The thread that keeps the command: starts it, follows it, starts it again, and ends it with us.

use std::{
    io::{self, PipeReader, PipeWriter},
    thread::{self, JoinHandle},
    time::Duration,
};

use common::source_state::SourcePhase;
use daemon::{DaemonError, clock::now};

use super::{
    backoff::Backoff,
    desk::{Desk, Tell},
    ended::Ended,
    failure::no_thread,
    group::{adopt_orphans, reap_orphans},
    launch::Launch,
    options::CommandOptions,
    orders::{Order, Orders, Wake, orders},
    run::Run,
};

/// A command that was not started yet.
#[derive(Debug)]
pub(crate) struct Prepared {
    launch: Launch,
    respawn: bool,
    lines: PipeWriter,
    orders: Orders,
    wake: Wake,
}

/// Makes everything ready to start the command; its output will come out of the pipe, up to an end. `None` without a command.
///
/// # Errors
/// The system has no descriptors.
pub(crate) fn prepare(options: &CommandOptions) -> Result<Option<(Prepared, PipeReader)>, DaemonError> {
    let Some(launch) = Launch::new(&options.command, !options.no_pty) else { return Ok(None) };
    let system = |error| DaemonError::system("preparing the command", &error);
    let (reader, lines) = io::pipe().map_err(system)?;
    rustix::io::ioctl_fionbio(&lines, true).map_err(|error| system(error.into()))?;
    let (orders, wake) = orders().map_err(system)?;
    Ok(Some((Prepared { launch, respawn: options.respawn, lines, orders, wake }, reader)))
}

/// Why the command could not be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StartFailure {
    /// Our exit code: 127 if there is no such program, 126 if it cannot be run.
    pub(crate) code: u8,
    /// A sentence that names the command and the cure.
    pub(crate) message: String,
}

impl Prepared {
    /// Starts the command; `tell` is called, from another thread, whenever its state has changed.
    ///
    /// # Errors
    /// The command cannot be started.
    pub(crate) fn start(self, tell: Tell) -> Result<Command, StartFailure> {
        let Self { launch, respawn, lines, orders, wake } = self;
        let name = launch.name();
        let failure = |ended: Ended| StartFailure { code: ended.code(), message: ended.sentence(&name) };
        adopt_orphans();
        let first = Run::new(launch.start().map_err(failure)?);
        let keeper = Keeper {
            desk: Desk::new(name.clone(), lines, wake, tell),
            launch,
            backoff: respawn.then(Backoff::of_command),
        };
        let thread = thread::Builder::new().name("command".to_owned()).spawn(move || keeper.keep(first));
        let thread = thread.map_err(|error| failure(no_thread(&error)))?;
        Ok(Command { orders, thread: Some(thread) })
    }
}

/// A command that was started. Dropping it ends the command.
#[derive(Debug)]
pub(crate) struct Command {
    orders: Orders,
    thread: Option<JoinHandle<Option<u8>>>,
}

impl Command {
    /// What asks the command to end, and returns at once; its last lines and the end of the pipe follow. A second call kills it.
    pub(crate) fn ender(&self) -> Box<dyn Fn() + Send> {
        let orders = self.orders.clone();
        Box::new(move || {
            if orders.give(Order::End) != Order::Run {
                orders.give(Order::EndAtOnce);
            }
        })
    }

    /// Ends the command if it still runs, and waits until nothing of it is left, for some seconds at most. The exit code that says how
    /// it has ended by itself; `None` if it was ended by us, or is started again and again.
    pub(crate) fn end(mut self) -> Option<u8> {
        self.join()
    }

    fn join(&mut self) -> Option<u8> {
        self.orders.give(Order::End);
        self.thread.take()?.join().ok()?
    }
}

impl Drop for Command {
    fn drop(&mut self) {
        self.join();
    }
}

/// What the thread has.
struct Keeper {
    desk: Desk,
    launch: Launch,
    /// `None` for a command that is started once.
    backoff: Option<Backoff>,
}

impl Keeper {
    /// Follows one run after the other, until the command is to end. The exit code by which it has ended by itself, for good.
    fn keep(mut self, first: Run) -> Option<u8> {
        Wake::unblock();
        let mut run = Ok(first);
        loop {
            let since = now();
            let ended = match run {
                Ok(run) => run.follow(&mut self.desk),
                Err(not_started) => Some(not_started),
            };
            self.desk.end_line();
            let ended = ended.filter(|_| self.desk.order() == Order::Run)?;
            self.desk.settle();
            let ran = now().saturating_duration_since(since);
            let Some(pause) = self.backoff.as_mut().map(|backoff| backoff.pause_after(ran)) else {
                self.say_ended(&ended);
                reap_until_end(self.desk.close());
                return Some(ended.code());
            };
            self.say_waiting(&ended, pause);
            if !self.desk.pause(pause) {
                return None;
            }
            self.desk.say(SourcePhase::Running, "");
            run = self.launch.start().map(Run::new);
        }
    }

    fn say_ended(&self, ended: &Ended) {
        let sentence = ended.sentence(&self.desk.name);
        log::info!("{sentence}");
        self.desk.say(SourcePhase::Ended, &sentence);
    }

    fn say_waiting(&self, ended: &Ended, pause: Duration) {
        let sentence =
            format!("{}; it is started again in {} s", ended.sentence(&self.desk.name), pause.as_secs());
        log::warn!("{sentence}");
        self.desk.say(SourcePhase::Waiting, &sentence);
    }
}

/// The command has ended for good: what it has left behind may end later, and somebody has to wait for it.
fn reap_until_end(mut wake: Wake) {
    while wake.order() == Order::Run && wake.wait() {
        reap_orphans();
    }
}
