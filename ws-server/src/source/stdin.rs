//! Lines from standard input.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    thread,
};

use daemon::{DaemonError, Exit, clock::now};
use rustix::{fs::OFlags, io::Errno};

use super::{
    complaint::Complaint,
    gate::{Gate, LOOK, PAUSE, Waited, borrowed},
    input::{Input, ReadResult, Reader},
    publisher::Publisher,
};

/// Returns the descriptor itself: `std::io::Stdin` takes one that cannot be read for one that has ended.
///
/// # Errors
/// [`Exit::Config`] in a unit without an input, [`Exit::NoInput`] if it is closed, [`Exit::System`] without descriptors.
pub(super) fn open() -> Result<OwnedFd, DaemonError> {
    let system = |error| DaemonError::system("opening standard input", &error);
    let input = io::stdin().as_fd().try_clone_to_owned().map_err(system)?;
    let stat = rustix::fs::fstat(&input).map_err(|error| system(error.into()))?;
    let flags = rustix::fs::fcntl_getfl(&input).map_err(|error| system(error.into()))?;
    match refusal(daemon::is_null(&stat), flags.contains(OFlags::RDWR), daemon::notify::is_unit()) {
        Some(refusal) => Err(refusal),
        None => Ok(input),
    }
}

/// Refuses an input that looks like one that has ended well, although there never was one.
fn refusal(is_null: bool, is_read_write: bool, is_unit: bool) -> Option<DaemonError> {
    if !is_null {
        return None;
    }
    if is_unit {
        let what = "--source -: standard input is /dev/null in this unit, so no line would ever come; \
                    say --source fifo:PATH or unix:PATH, or give the unit StandardInput=";
        return Some(DaemonError::new(Exit::Config, what));
    }
    // Rust opens /dev/null like this for a descriptor that was closed; others open it to read only.
    is_read_write.then(|| {
        DaemonError::new(
            Exit::NoInput,
            "--source -: standard input is closed or /dev/null: pipe lines into it, or say another source",
        )
    })
}

/// The error of an input that cannot be read.
pub(super) fn unreadable(error: Errno) -> DaemonError {
    DaemonError::new(Exit::NoInput, format!("--source -: standard input cannot be read: {error}"))
}

/// Publishes all of standard input, until it ends or the gate is closed; true at its end.
///
/// # Errors
/// It cannot be read, and never will be.
pub(super) fn read(input: OwnedFd, publisher: &Publisher, mut gate: Gate) -> Result<bool, Errno> {
    let mut reader = Reader::new(publisher);
    let mut inputs = [Input::new(input, publisher)];
    let mut complaint = Complaint::default();
    loop {
        let wait = publisher.settle(true).then_some(LOOK);
        let ready = match gate.wait(&borrowed(&inputs), wait) {
            Waited::Closed => return Ok(false),
            Waited::Ready(ready) => ready,
        };
        let [input] = &mut inputs;
        if ready != [true] {
            continue;
        }
        match reader.read(input) {
            Ok(ReadResult::Bytes) => complaint.withdraw(),
            Ok(ReadResult::End) => {
                publisher.catch_up();
                return Ok(true);
            }
            // Another process reads the same terminal or pipe, and was faster.
            Ok(ReadResult::Nothing) => thread::park_timeout(PAUSE),
            Err(error) if is_passing(error) => {
                complaint.make(format!("reading standard input: {error}"), now());
                if gate.pause() {
                    return Ok(false);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// True if a later read of the same descriptor may do better. A FIFO and a socket can always be read again; standard input can
/// also be a directory, a disk that fails or a terminal that is gone.
fn is_passing(error: Errno) -> bool {
    matches!(error, Errno::NOMEM | Errno::NOBUFS | Errno::MFILE | Errno::NFILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_input_is_refused_in_a_unit_and_where_it_was_closed() {
        let exit = |is_null, is_read_write, is_unit| {
            refusal(is_null, is_read_write, is_unit).map(|refusal| refusal.exit)
        };
        assert_eq!(exit(true, false, true), Some(Exit::Config));
        assert_eq!(exit(true, true, true), Some(Exit::Config));
        assert_eq!(exit(true, true, false), Some(Exit::NoInput));
        assert_eq!(exit(true, false, false), None, "an empty input, as a shell gives it");
        assert_eq!(exit(false, true, true), None, "a terminal, or a socket");
    }

    #[test]
    fn a_shortage_passes_and_an_input_that_cannot_be_read_does_not() {
        for error in [Errno::NOMEM, Errno::NOBUFS, Errno::NFILE] {
            assert!(is_passing(error), "{error}");
        }
        for error in [Errno::IO, Errno::ISDIR, Errno::BADF, Errno::INVAL, Errno::STALE] {
            assert!(!is_passing(error), "{error}");
        }
    }
}
