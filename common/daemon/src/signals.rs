//! Signals: a handler sets a flag and writes one byte; a thread reads the byte and acts.
//!
//! `TERM`, `INT` and `QUIT` drain and stop (a second one stops at once), `USR2` hands over or drains for a restart, `HUP` reads the
//! configuration again, or stops if the terminal that we were started from has gone, `USR1` logs the counters. A second `USR2` does
//! not disturb a hand-over.

use std::{
    io::{self, Read as _},
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use nix::sys::signal::{SigSet, Signal};
use sd_notify::NotifyState;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2},
    flag, low_level,
};

use crate::{exit::DaemonError, last_reload::LastReload, metrics::CLOSED_BY, notify, terminal::Terminal};
use reactor::{Control, Snapshot, Stop};

/// How long the thread waits after the system has refused to wait for a signal.
const PAUSE: Duration = Duration::from_millis(100);

/// The signals that mean something to the daemon.
const HANDLED: [i32; 6] = [SIGTERM, SIGINT, SIGQUIT, SIGUSR2, SIGUSR1, SIGHUP];

/// Lets the signals through that the parent blocked: a blocked one never reaches its handler. Before any other thread starts,
/// as each inherits the mask of the one that starts it. A signal that the parent ignored needs nothing: [`catch`] handles it.
pub(super) fn unblock() {
    let signals: SigSet = HANDLED.into_iter().filter_map(|signal| Signal::try_from(signal).ok()).collect();
    // It fails for an unknown signal only.
    _ = signals.thread_unblock();
}

/// The signals no longer do what the system does by default; those that have come wait for [`Caught::watch`].
#[derive(Debug)]
pub(super) struct Caught {
    read: UnixStream,
    flags: Vec<(i32, Arc<AtomicBool>)>,
    terminal: Terminal,
}

/// Catches the signals from now on: before anything is started that is to be ended in order, and before the connections of the previous
/// process are taken, which would end with us.
///
/// # Errors
/// The system refuses a signal handler or the pipe.
pub(super) fn catch() -> Result<Caught, DaemonError> {
    try_catch().map_err(|error| taking_over(&error))
}

fn try_catch() -> io::Result<Caught> {
    let (read, write) = UnixStream::pair()?;
    let mut flags = Vec::new();
    let terminal = Terminal::look();
    for signal in HANDLED {
        let raised = Arc::new(AtomicBool::new(false));
        // In this order, the flag is set before the byte arrives.
        flag::register(signal, Arc::clone(&raised))?;
        low_level::pipe::register(signal, write.try_clone()?)?;
        flags.push((signal, raised));
    }
    Ok(Caught { read, flags, terminal })
}

fn taking_over(error: &io::Error) -> DaemonError {
    DaemonError::system("taking over the signals", error)
}

impl Caught {
    /// Acts on the signals, in a thread of its own.
    ///
    /// # Errors
    /// The system refuses the thread.
    pub(super) fn watch(self, actions: Actions) -> Result<(), DaemonError> {
        let thread = thread::Builder::new().name("signals".to_owned());
        thread.spawn(move || self.act(&actions)).map(drop).map_err(|error| taking_over(&error))
    }

    fn act(self, actions: &Actions) {
        let Self { mut read, flags, mut terminal } = self;
        let mut byte = [0];
        loop {
            match read.read(&mut byte) {
                Ok(0) => return, // no handler of a signal is left
                Ok(_) => {}
                Err(error) => {
                    log::error!("waiting for a signal: {error}");
                    thread::park_timeout(PAUSE);
                }
            }
            for (signal, raised) in &flags {
                if raised.swap(false, Ordering::AcqRel) {
                    actions.handle(*signal, &mut terminal);
                }
            }
        }
    }
}

pub(super) struct Actions {
    pub(super) control: Control,
    pub(super) reload: Box<dyn Fn() -> Result<(), DaemonError> + Send>,
    pub(super) prepare_hand_over: Option<Box<dyn Fn() + Send>>,
    pub(super) before_stop: Option<Box<dyn Fn() -> bool + Send>>,
    pub(super) catch_up: Option<Box<dyn Fn() + Send>>,
    pub(super) last_reload: LastReload,
}

impl Actions {
    fn handle(&self, signal: i32, terminal: &mut Terminal) {
        match signal {
            // After a Ctrl-C that takes long, people press Ctrl-\: its default would leave behind what we have started.
            SIGTERM | SIGINT | SIGQUIT => self.stop(),
            SIGUSR2 => self.restart(),
            SIGUSR1 => log::info!("{}", counters(&self.control)),
            _ if !terminal.is_gone() => self.reload(),
            _ if terminal.ends_us() => self.stop(),
            _ => {}
        }
    }

    fn stop(&self) {
        log::info!("stopping; a second signal stops at once");
        notify::send(&[NotifyState::Stopping]);
        let waits = !self.control.is_stopping() && self.before_stop.as_ref().is_some_and(|before| before());
        if !waits {
            self.stop_now(Stop::Shutdown);
        }
    }

    fn restart(&self) {
        if self.control.stopping() == Some(Stop::HandOver) {
            // It asks for what is under way. As a second stop it would cut off the clients whose turn has not come.
            log::info!("the live connections are being handed over already");
            return;
        }
        notify::send(&[NotifyState::Stopping]);
        // A signal after another stop ends at once, without `prepare`: the source may be waiting for a worker that has ended.
        if let Some(prepare) = self.prepare_hand_over.as_ref().filter(|_| !self.control.is_stopping()) {
            log::info!("handing the live connections over to the next process");
            prepare();
            self.control.stop(Stop::HandOver);
        } else {
            log::info!("stopping for a restart");
            self.stop_now(Stop::Restart);
        }
    }

    /// A second stop waits for nothing.
    fn stop_now(&self, stop: Stop) {
        if let Some(catch_up) = self.catch_up.as_ref().filter(|_| !self.control.is_stopping()) {
            catch_up();
        }
        self.control.stop(stop);
    }

    /// If the new configuration is wrong, the old one stays in force.
    fn reload(&self) {
        if self.control.is_stopping() {
            log::info!("ignoring the reload: the daemon is stopping");
            return;
        }
        notify::send(&[NotifyState::Reloading]);
        let result = (self.reload)();
        self.last_reload.set(result.as_ref().copied());
        match result {
            Ok(()) => log::info!("the configuration was read again"),
            Err(failure) => {
                log::error!("the new configuration is wrong, the old one stays in force: {failure}");
            }
        }
        notify::send(&[NotifyState::Ready]);
    }
}

/// Formats the counters as one line for the operator.
fn counters(control: &Control) -> String {
    let Snapshot { open, heads, accepted, refused, adopted, accept_errors, closed } =
        control.counters().snapshot();
    let closed: Vec<String> =
        CLOSED_BY.iter().zip(closed).map(|(by, count)| format!("{by}={count}")).collect();
    format!(
        "open={open} heads={heads} accepted={accepted} refused={refused} accept_errors={accept_errors} \
         adopted={adopted} closed: {}",
        closed.join(" ")
    )
}
