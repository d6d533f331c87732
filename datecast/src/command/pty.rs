//! A pseudo terminal. A program that writes to it flushes each line, as on every terminal; into a pipe it would write 4 KiB at a
//! time.

use std::{io, os::fd::OwnedFd};

use rustix::{
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{LocalModes, OptionalActions, OutputModes, Winsize, tcgetattr, tcsetattr, tcsetwinsize},
};

/// The two ends of a pseudo terminal.
#[derive(Debug)]
pub(super) struct Pty {
    /// Our end: what the command writes is read here. A read fails with `EIO` once no process has the slave open.
    pub(super) master: OwnedFd,
    /// The end of the command: a terminal to it.
    pub(super) slave: OwnedFd,
}

impl Pty {
    /// Opens a pseudo terminal of this size, which is the controlling terminal of no process.
    ///
    /// # Errors
    /// The system has no more of them, no more descriptors, or no `/dev/ptmx`.
    pub(super) fn open(size: Winsize) -> io::Result<Self> {
        // Without NOCTTY, it would become ours if we lead a session without a terminal, as a service does.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        // By the master, not by a name: `/dev/pts` may be another one here, or missing.
        let slave = ioctl_tiocgptpeer(&master, flags)?;
        let mut modes = tcgetattr(&slave)?;
        // Bytes arrive as they were written: no CR before each LF.
        modes.output_modes.remove(OutputModes::OPOST);
        // Nobody types; and no answer of ours to a question of the program may show up as its output.
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
        tcsetattr(&slave, OptionalActions::Now, &modes)?;
        tcsetwinsize(&slave, size)?;
        Ok(Self { master, slave })
    }
}

#[cfg(test)]
mod tests {
    use rustix::{io::Errno, termios::tcgetwinsize};

    use super::*;

    fn pty() -> Pty {
        Pty::open(Winsize { ws_row: 7, ws_col: 300, ws_xpixel: 0, ws_ypixel: 0 }).unwrap()
    }

    #[test]
    fn bytes_arrive_as_they_were_written_and_the_end_is_eio() {
        let Pty { master, slave } = pty();
        let bytes = b"a\nb\r\n\ttab\x00\x04\xff";
        // What is typed there is no output.
        assert_eq!(rustix::io::write(&master, b"typed\n").unwrap(), 6);
        assert_eq!(rustix::io::write(&slave, bytes).unwrap(), bytes.len());
        drop(slave);
        let mut all = Vec::new();
        let end = loop {
            let mut buffer = [0; 100];
            match rustix::io::read(&master, &mut buffer) {
                Ok(read) => all.extend_from_slice(&buffer[..read]),
                Err(error) => break error,
            }
        };
        assert_eq!((all.as_slice(), end), (&bytes[..], Errno::IO));
    }

    #[test]
    fn the_command_sees_a_terminal_of_the_given_size() {
        let pty = pty();
        assert!(rustix::termios::isatty(&pty.slave));
        let size = tcgetwinsize(&pty.slave).unwrap();
        assert_eq!((size.ws_col, size.ws_row), (300, 7));
    }
}
