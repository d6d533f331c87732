//! Lines from a FIFO, which is opened again whenever its writers have left.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::FileTypeExt,
    path::Path,
    thread,
};

use common::daemon::exit::{Exit, Failure};

use super::{PAUSE, Publisher};

/// Looks whether there is a FIFO.
pub(super) fn check(path: &Path) -> Result<(), Failure> {
    let said = |what: &str| Failure::new(Exit::NoInput, format!("--source fifo:{}: {what}", path.display()));
    let metadata = std::fs::metadata(path).map_err(|error| said(&error.to_string()))?;
    if metadata.file_type().is_fifo() { Ok(()) } else { Err(said("not a FIFO; `mkfifo PATH` makes one")) }
}

/// Publishes what all writers write, one after the other or together.
pub(super) fn read(path: &Path, publisher: &Publisher) {
    // Held while the FIFO is opened again: a writer that came in between would else be told that nobody reads.
    let mut previous: Option<File> = None;
    let mut complained = false;
    loop {
        let opened = Fifo::open(path);
        let outcome = opened.and_then(|mut fifo| {
            drop(previous.take());
            complained = false;
            let result = publisher.publish_all(&mut fifo);
            previous = Some(fifo.file);
            result
        });
        if let Err(error) = outcome {
            // No more descriptors, or the FIFO is being replaced.
            if !std::mem::replace(&mut complained, true) {
                log::error!("reading {}: {error}; trying again", path.display());
            }
            thread::park_timeout(PAUSE);
        }
    }
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
        Ok(Self { file: File::open(path)?, writer: Some(writer) })
    }
}

impl Read for Fifo {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.writer = None;
        Ok(read)
    }
}
