//! Copies bytes from what the command writes to into the pipe that the stream reads.
//!
//! It reads no more while the pipe is full: then the command's terminal fills up, and the command waits.

use std::{ops::Range, os::fd::AsFd};

use rustix::io::{Errno, read, write};

/// Bytes of one read. A terminal gives at most 4 KiB at once, a pipe up to this.
const SIZE: usize = 64 * 1024;

/// Bytes on their way; never more than one read.
#[derive(Debug)]
pub(super) struct Copier {
    buffer: Vec<u8>,
    pending: Range<usize>,
    /// The last byte that was read is in the middle of a line.
    is_in_line: bool,
}

/// What a read has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// This many bytes.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// No process has its other end open.
    End,
}

/// Nobody reads the stream any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoReader;

impl Default for Copier {
    fn default() -> Self {
        Self { buffer: vec![0; SIZE], pending: 0..0, is_in_line: false }
    }
}

impl Copier {
    /// True if bytes wait for room in the pipe: they are to be written before anything else is read.
    pub(super) fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The bytes that wait.
    pub(super) fn waiting(&self) -> &[u8] {
        self.buffer.get(self.pending.clone()).unwrap_or_default()
    }

    /// Reads once, from a descriptor that does not block.
    pub(super) fn read(&mut self, output: impl AsFd) -> Found {
        debug_assert!(!self.is_waiting(), "what waits would be lost");
        match read(output, &mut self.buffer) {
            Ok(0) => Found::End,
            Ok(count) => {
                self.pending = 0..count;
                self.is_in_line = self.buffer.get(count - 1) != Some(&b'\n');
                Found::Bytes(count)
            }
            Err(Errno::INTR | Errno::AGAIN | Errno::NOMEM) => Found::Nothing,
            // EIO is how a terminal says that no process has its other end open; no other error can be followed by bytes.
            Err(_) => Found::End,
        }
    }

    /// Writes what the pipe takes.
    ///
    /// # Errors
    /// The reading end of the pipe is closed; what waited is dropped.
    pub(super) fn write(&mut self, lines: impl AsFd) -> Result<(), NoReader> {
        match write(lines, self.waiting()) {
            Ok(written) => self.pending.start += written,
            Err(Errno::INTR | Errno::AGAIN | Errno::NOMEM) => {}
            Err(_) => {
                self.pending = 0..0;
                return Err(NoReader);
            }
        }
        Ok(())
    }

    /// Drops what waits.
    pub(super) fn give_up(&mut self) {
        self.pending = 0..0;
    }

    /// Ends a half line, so that what another run writes begins a new one.
    pub(super) fn end_line(&mut self) {
        debug_assert!(!self.is_waiting(), "what waits would be lost");
        if std::mem::take(&mut self.is_in_line)
            && let Some(first) = self.buffer.first_mut()
        {
            *first = b'\n';
            self.pending = 0..1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Read as _, Write as _},
        thread,
    };

    use super::*;

    #[test]
    fn bytes_wait_for_room_and_none_is_lost() {
        let (output, mut command) = io::pipe().unwrap();
        let (mut stream, lines) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&lines, true).unwrap();
        let all: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let expected = all.clone();
        let writer = thread::spawn(move || command.write_all(&all).unwrap());
        let copy = thread::spawn(move || {
            let mut copier = Copier::default();
            while copier.read(&output) != Found::End {
                while copier.is_waiting() {
                    copier.write(&lines).unwrap();
                    thread::yield_now();
                }
            }
        });
        let mut copied = Vec::new();
        stream.read_to_end(&mut copied).unwrap();
        assert!(copied == expected);
        writer.join().unwrap();
        copy.join().unwrap();
    }

    #[test]
    fn a_half_line_is_ended_and_a_whole_one_is_not() {
        for (written, copied) in [("", ""), ("a\n", "a\n"), ("a\nb", "a\nb\n"), ("\n", "\n")] {
            let (output, mut command) = io::pipe().unwrap();
            let (mut stream, lines) = io::pipe().unwrap();
            command.write_all(written.as_bytes()).unwrap();
            drop(command);
            let mut copier = Copier::default();
            if copier.read(&output) != Found::End {
                copier.write(&lines).unwrap();
            }
            copier.end_line();
            if copier.is_waiting() {
                copier.write(&lines).unwrap();
            }
            copier.end_line();
            assert!(!copier.is_waiting(), "it is ended once");
            drop(lines);
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            assert_eq!(text, copied);
        }
    }

    #[test]
    fn without_a_reader_nothing_waits() {
        let (output, mut command) = io::pipe().unwrap();
        let (stream, lines) = io::pipe().unwrap();
        drop(stream);
        command.write_all(b"lost").unwrap();
        let mut copier = Copier::default();
        assert_eq!(copier.read(&output), Found::Bytes(4));
        assert_eq!(copier.write(&lines), Err(NoReader));
        assert!(!copier.is_waiting());
    }
}
