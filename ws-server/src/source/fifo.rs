//! Lines from a FIFO, which is opened again whenever its writers have left.

use std::{fs::File, os::unix::fs::FileTypeExt, path::Path};

use common::daemon::exit::{Exit, Failure};

use super::Publisher;

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
    loop {
        // Waits for the first writer.
        let opened = File::open(path);
        drop(previous.take());
        let outcome = opened.and_then(|file| {
            let result = publisher.publish_all(&file);
            previous = Some(file);
            result
        });
        if let Err(error) = outcome {
            log::error!("reading {}: {error}; no more lines will come", path.display());
            return;
        }
    }
}
