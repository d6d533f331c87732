//! Messages to the service manager (`sd_notify(3)`). Without a service manager they go nowhere, and do not fail.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sd_notify::NotifyState;

/// How long the service manager may take to process stored descriptors.
const BARRIER_TIMEOUT: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// True if a service manager reads our messages.
pub fn is_heard() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some_and(|path| !path.is_empty())
}

/// How long the service manager waits for [`alive`] before it restarts the daemon (`WatchdogSec=`); `None`: it does not.
pub(super) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|every| !every.is_zero())
}

pub(super) fn ready() {
    send(&[NotifyState::Ready]);
}

/// Sets the line that `systemctl status` shows.
pub(super) fn status(text: &str) {
    // A line end would begin the next assignment.
    send(&[NotifyState::Status(&text.replace('\n', " "))]);
}

/// Resets the watchdog.
pub(super) fn alive() {
    send(&[NotifyState::Watchdog]);
}

/// Announces that the daemon reads its configuration again; [`ready`] ends the reload.
pub(super) fn reloading() {
    send(&[NotifyState::Reloading]);
}

pub(super) fn stopping() {
    send(&[NotifyState::Stopping]);
}

/// Lets the service manager keep these descriptors, and waits until it has them: it ignores the messages of a process that
/// has already exited.
///
/// # Errors
/// The service manager cannot be reached, or does not answer in five seconds.
pub(super) fn store(name: &str, descriptors: &[UnixDatagram]) -> io::Result<()> {
    if !is_heard() {
        return Err(io::Error::other("NOTIFY_SOCKET is not set"));
    }
    let descriptors: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
    // Their other ends are closed: a service manager that polls them would see a hang-up and drop them.
    let poll_not = NotifyState::Custom("FDPOLL=0");
    sd_notify::notify_with_fds(&[NotifyState::FdStore, NotifyState::FdName(name), poll_not], &descriptors)?;
    barrier()
}

/// Lets the service manager drop the descriptors of this name.
pub(super) fn remove(name: &str) {
    send(&[NotifyState::FdStoreRemove, NotifyState::FdName(name)]);
}

/// Returns when the service manager has processed every earlier message: it then closes the descriptor sent along.
fn barrier() -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    sd_notify::notify_with_fds(&[NotifyState::Custom("BARRIER=1")], &[writer.as_fd()])?;
    drop(writer);
    let mut ends = [PollFd::new(&reader, PollFlags::empty())];
    match poll(&mut ends, Some(&BARRIER_TIMEOUT))? {
        0 => Err(io::ErrorKind::TimedOut.into()),
        _ => Ok(()),
    }
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::debug!("notifying the service manager: {error}");
    }
}
