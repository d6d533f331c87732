//! Lines from a FIFO, which is opened again whenever all its writers have closed it, and when another one takes its place.
//!
//! Each open checks what was opened, as the path may have changed in between. A FIFO that has lost its name is read to its end beside the new one: its
//! writers may have it open for long.

use std::{
    fs::{self, File, FileType},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::FileTypeExt,
    },
    path::{Path, PathBuf},
};

use daemon::{FileIdentity, clock::now, describe_path_error, regular::open_at_once};
use rustix::io::Errno;

use super::{
    complaint::Complaint,
    gate::{Gate, LOOK, Waited, borrowed},
    input::{Input, ReadResult, Reader},
    producer::Producer,
    publisher::Publisher,
};
use crate::pace::Pace;

/// The FIFO at this path, and those that the previous process had open.
#[derive(Debug)]
pub(crate) struct OpenedFifo {
    path: PathBuf,
    at_path: OwnedFd,
    previous: Vec<Producer>,
}

impl OpenedFifo {
    /// Opens the FIFO.
    ///
    /// # Errors
    /// Nothing is there, it is no FIFO, or it cannot be opened.
    pub(super) fn new(path: &Path, previous: Vec<Producer>) -> Result<Self, String> {
        let (file, _) = open(path)?;
        Ok(Self { path: path.to_owned(), at_path: file.into(), previous })
    }

    /// Publishes what all writers write. Once the gate is closed, it returns the FIFOs, in which the writers wait for the next
    /// reader.
    pub(super) fn read(self, publisher: &Publisher, mut gate: Gate) -> Vec<Producer> {
        let mut reader = Reader::new(publisher);
        let mut fifos = Fifos::new(self, publisher);
        loop {
            fifos.look(&mut reader);
            let ready = match gate.wait(&borrowed(fifos.waiting()), Some(LOOK)) {
                Waited::Closed => return fifos.export(),
                Waited::Ready(ready) => ready,
            };
            if fifos.read(&ready, &mut reader).is_err() && gate.pause() {
                return fifos.export();
            }
        }
    }
}

/// All FIFOs that are read.
struct Fifos {
    path: PathBuf,
    open: Vec<Fifo>,
    looks: Pace,
    complaint: Complaint,
}

struct Fifo {
    input: Input,
    identity: Option<FileIdentity>,
    /// A writer has written something.
    has_writer: bool,
    /// All its writers have left: `poll` would report that again and again, until it is opened again.
    has_ended: bool,
}

impl AsFd for Fifo {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }
}

impl Fifo {
    /// Reads once; an error is the system's.
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), Errno> {
        let result = reader.read(&mut self.input)?;
        self.has_ended = result == ReadResult::End;
        self.has_writer = result == ReadResult::Bytes || (self.has_writer && !self.has_ended);
        Ok(())
    }
}

impl Fifos {
    fn new(OpenedFifo { path, at_path, previous }: OpenedFifo, publisher: &Publisher) -> Self {
        let at_path = Input::new(at_path, publisher);
        let mut open: Vec<Fifo> = previous
            .into_iter()
            .map(|producer| Input::adopt(producer, publisher))
            .chain([at_path])
            .map(|input| Fifo {
                identity: FileIdentity::of_open(&input),
                input,
                has_writer: false,
                has_ended: false,
            })
            .collect();
        // The previous process had the same one open, with the beginning of a line.
        let last = open.last().and_then(|fifo| fifo.identity);
        if open.iter().filter(|fifo| fifo.identity == last).count() > 1 {
            open.pop();
        }
        Self { path, open, looks: Pace::default(), complaint: Complaint::default() }
    }

    /// Those whose writers have not left.
    fn waiting(&self) -> impl Iterator<Item = &Fifo> {
        self.open.iter().filter(|fifo| !fifo.has_ended)
    }

    /// Reads once from each that is `ready`, in the order of [`Fifos::waiting`]. At the end of one, the path is to be looked at.
    fn read(&mut self, ready: &[bool], reader: &mut Reader<'_>) -> Result<(), Errno> {
        let waiting = self.open.iter_mut().filter(|fifo| !fifo.has_ended);
        for (fifo, _) in waiting.zip(ready).filter(|(_, ready)| **ready) {
            if let Err(error) = fifo.read(reader) {
                self.complaint.make(format!("reading {}: {error}", self.path.display()), now());
                return Err(error);
            }
            if fifo.has_ended {
                self.looks.hurry();
            }
        }
        Ok(())
    }

    /// Looks, now and then, which FIFO is at the path, and opens it unless it is open.
    fn look(&mut self, reader: &mut Reader<'_>) {
        let now = now();
        if !self.looks.is_due(LOOK, now) {
            return;
        }
        reader.publisher.settle(self.open.iter().any(|fifo| fifo.has_writer));
        let there = fs::metadata(&self.path).ok().map(|metadata| FileIdentity::of(&metadata));
        let is_open = there.is_some() && self.waiting().any(|fifo| fifo.identity == there);
        let found = if is_open { Ok(there) } else { self.open_again(reader.publisher) };
        // An old one without writers says so only to a reader; a late writer of one that has ended finds it held open.
        for fifo in self.open.iter_mut().filter(|fifo| fifo.has_ended || Ok(fifo.identity) != found) {
            // What cannot be read now is tried again at the next look.
            _ = fifo.read(reader);
        }
        match found {
            Ok(_) => {
                self.complaint.withdraw();
                self.open.retain(|fifo| !fifo.has_ended);
            }
            Err(what) => self.complaint.make(what, now),
        }
    }

    /// Opens what is at the path.
    fn open_again(&mut self, publisher: &Publisher) -> Result<Option<FileIdentity>, String> {
        let (file, identity) = open(&self.path)?;
        // The one that has ended is held until here: a writer that came in between would otherwise get SIGPIPE.
        self.open.retain(|fifo| !fifo.has_ended || fifo.identity != Some(identity));
        let input = Input::new(file.into(), publisher);
        self.open.push(Fifo { input, identity: Some(identity), has_writer: false, has_ended: false });
        Ok(Some(identity))
    }

    fn export(self) -> Vec<Producer> {
        self.open.into_iter().map(|fifo| fifo.input.export()).collect()
    }
}

/// Opens the FIFO at this path to read, and judges what was opened; the error is for the operator.
fn open(path: &Path) -> Result<(File, FileIdentity), String> {
    let wrong = |what: String| format!("--source fifo:{}: {what}", path.display());
    // Reading never waits, either; the gate does.
    let (file, metadata) = open_at_once(path).map_err(|error| {
        wrong(match Errno::from_io_error(&error) {
            Some(Errno::NOENT) if has_folder(path) => {
                format!("there is none; `mkfifo {}` makes one", path.display())
            }
            Some(Errno::NXIO) => "this is a socket; say unix:PATH, or make a FIFO with mkfifo".to_owned(),
            _ => describe_path_error(path, &error),
        })
    })?;
    match kind(metadata.file_type()) {
        None => Ok((file, FileIdentity::of(&metadata))),
        Some(kind) => Err(wrong(format!("this is a {kind}, not a FIFO; `mkfifo PATH` makes one"))),
    }
}

/// True if a FIFO could be made at this path.
fn has_folder(path: &Path) -> bool {
    path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.is_dir())
}

/// What is no FIFO.
fn kind(file: FileType) -> Option<&'static str> {
    match file {
        file if file.is_fifo() => None,
        file if file.is_file() => Some("file"),
        file if file.is_dir() => Some("directory"),
        _ => Some("device"),
    }
}
