//! Lines from a FIFO, which is opened again whenever all its writers have closed it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::{FileTypeExt, OpenOptionsExt},
    },
    path::Path,
};

use daemon::exit::{DaemonError, Exit};

use super::{
    gate::{Gate, Gated, is_closed},
    producer::{PAUSE, Producer},
    publisher::Publisher,
};

/// Opening and reading never wait; the gate does.
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();

/// Refuses a path that is not a FIFO.
pub(super) fn check(path: &Path) -> Result<(), DaemonError> {
    let wrong =
        |what: &str| DaemonError::new(Exit::NoInput, format!("--source fifo:{}: {what}", path.display()));
    let metadata = std::fs::metadata(path).map_err(|error| wrong(&error.to_string()))?;
    if metadata.file_type().is_fifo() { Ok(()) } else { Err(wrong("not a FIFO; `mkfifo PATH` makes one")) }
}

/// Publishes what all writers write, one after the other or together. Once the gate is closed, it returns the FIFO, in
/// which the writers wait for the next reader.
pub(super) fn read(
    path: &Path,
    publisher: &Publisher,
    gate: &Gate,
    previous_fifo: Option<Producer>,
) -> Vec<Producer> {
    let mut splitter = publisher.splitter();
    // Held while the FIFO is opened again: a writer that came in between would otherwise get SIGPIPE.
    let mut previous: Option<File> = None;
    if let Some(Producer { descriptor, partial }) = previous_fifo {
        splitter.adopt(partial);
        previous = Some(File::from(descriptor));
    }
    let mut complained = false;
    loop {
        let opened = Fifo::open(path);
        let outcome = opened.and_then(|mut fifo| {
            drop(previous.take());
            complained = false;
            let result = publisher.publish_all(&mut splitter, Gated { input: &mut fifo, gate });
            previous = Some(fifo.file);
            result
        });
        match outcome {
            Ok(()) => splitter = publisher.splitter(),
            Err(error) if is_closed(&error) => break,
            // No more descriptors, or the FIFO is being replaced.
            Err(error) => {
                if !std::mem::replace(&mut complained, true) {
                    log::error!("reading {}: {error}; trying again", path.display());
                }
                // No read is under way that would notice the gate.
                if gate.is_closed_within(PAUSE) {
                    break;
                }
            }
        }
    }
    let fifo = previous.map(|file| Producer { descriptor: file.into(), partial: splitter.into_partial() });
    fifo.into_iter().collect()
}

/// One round: from the first bytes to when all writers have left.
struct Fifo {
    file: File,
    /// A writer of our own until the first bytes are there. Without one, opening waits for a writer, and what another
    /// one wrote and left behind just before would lie there until the next one comes.
    writer: Option<File>,
}

impl Fifo {
    fn open(path: &Path) -> io::Result<Self> {
        // Open for both is what never waits.
        let writer = OpenOptions::new().read(true).write(true).open(path)?;
        // Not to wait even if the FIFO was replaced since: nobody may have the new one open for writing.
        let file = OpenOptions::new().read(true).custom_flags(NONBLOCK).open(path)?;
        Ok(Self { file, writer: Some(writer) })
    }
}

impl Read for &mut Fifo {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.writer = None;
        Ok(read)
    }
}

impl AsFd for Fifo {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
