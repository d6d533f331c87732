//! Messages to the service manager (`sd_notify(3)`). Without a service manager they go nowhere, and do not fail.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use sd_notify::NotifyState;

/// How long the service manager may take to process stored descriptors.
const BARRIER_TIMEOUT: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// True if a service manager reads our messages.
pub fn is_heard() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some_and(|path| !path.is_empty())
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

/// Returns when the service manager has processed every earlier message: it then closes the descriptor sent along.
fn barrier() -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    sd_notify::notify_with_fds(&[NotifyState::Custom("BARRIER=1")], &[writer.as_fd()])?;
    drop(writer);
    let mut ends = [PollFd::new(&reader, PollFlags::empty())];
    // Another signal may come meanwhile, and interrupts the wait in whichever thread it likes.
    match retry_on_intr(|| poll(&mut ends, Some(&BARRIER_TIMEOUT)))? {
        0 => Err(io::ErrorKind::TimedOut.into()),
        _ => Ok(()),
    }
}

/// Sends the assignments in one message; the log at level `debug` has what fails.
pub(super) fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::debug!("notifying the service manager: {error}");
    }
}

/// Tells the service manager that the program has started. For one that has no event loop, as [`status`] and [`stopping`] are.
pub fn ready() {
    send(&[NotifyState::Ready]);
}

/// Tells the service manager what the program is doing, in one line.
pub fn status(text: &str) {
    // A line end would begin the next assignment.
    send(&[NotifyState::Status(&text.replace('\n', " "))]);
}

/// Tells the service manager that the program is about to end.
pub fn stopping() {
    send(&[NotifyState::Stopping]);
}

/// True if systemd started this process as part of a unit.
pub fn is_unit() -> bool {
    std::env::var_os("INVOCATION_ID").is_some_and(|id| !id.is_empty())
}
