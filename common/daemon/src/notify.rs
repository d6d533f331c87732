//! What the service manager is told (`sd_notify(3)`). Without one, nothing is said and nothing fails.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sd_notify::NotifyState;

/// How long the service manager may take to work off what was stored.
const BARRIER_TIMEOUT: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// True if there is a service manager that listens.
pub fn is_heard() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some_and(|path| !path.is_empty())
}

/// How often it wants to hear that all is well, if at all (`WatchdogSec=`).
pub(super) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|every| !every.is_zero())
}

/// The daemon serves.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// A line for `systemctl status`.
pub(super) fn status(text: &str) {
    // A line end would begin another assignment.
    tell(&[NotifyState::Status(&text.replace('\n', " "))]);
}

/// All is well.
pub(super) fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// The configuration is being read again; `ready` ends it.
pub(super) fn reloading() {
    tell(&[NotifyState::Reloading]);
}

/// The daemon is on its way out.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Lets the service manager keep these descriptors, and waits until it has them: what a process sent that is gone is
/// not worked off any more.
///
/// # Errors
/// It cannot be reached, or does not answer in five seconds.
pub(super) fn store(name: &str, descriptors: &[UnixDatagram]) -> io::Result<()> {
    if !is_heard() {
        return Err(io::Error::other("NOTIFY_SOCKET is not set"));
    }
    let descriptors: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
    // Their other ends are closed: a manager that polls them would take them for finished.
    let poll_not = NotifyState::Custom("FDPOLL=0");
    sd_notify::notify_with_fds(&[NotifyState::FdStore, NotifyState::FdName(name), poll_not], &descriptors)?;
    barrier()
}

/// The service manager need not keep these any more.
pub(super) fn remove(name: &str) {
    tell(&[NotifyState::FdStoreRemove, NotifyState::FdName(name)]);
}

/// Returns when everything that was told before is worked off: the manager then closes the descriptor that comes along.
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

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::debug!("telling the service manager: {error}");
    }
}
