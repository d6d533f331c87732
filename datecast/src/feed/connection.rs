//! The connection to the server: made again, after a pause that grows, for as long as it takes.

use std::{
    io,
    os::unix::net::UnixStream,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use common::http::format_date;
use daemon::{
    ProducersSocket,
    clock::{now, wall},
    describe_path_error,
    unix_socket::{self, is_socket},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use crate::command::Backoff;

/// The pauses before the server is tried again.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);
/// Bytes that one write hands over at most: what the kernel keeps in one buffer. Of a write that takes several, and whose end meets
/// the close, the kernel says how many bytes it took and forgets that they were not read.
const WRITE: usize = 32 * 1024;
/// How long we wait after the system has refused something.
const PAUSE: Duration = Duration::from_millis(100);

/// What connects us to the server, or does not at the moment.
#[derive(Debug)]
pub(super) struct Connection {
    to: ProducersSocket,
    /// What waits meanwhile, for the log.
    waiter: &'static str,
    open: Option<Open>,
    backoff: Backoff,
    /// Not to be tried before.
    retry_at: Instant,
    /// Why there is none: said once.
    said: Option<String>,
}

#[derive(Debug)]
struct Open {
    stream: UnixStream,
    at: Instant,
    /// The same moment, for people.
    since: String,
}

/// The connection is no more; the next one has to begin with a whole line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost;

impl Connection {
    /// Not connected yet. `has_command` says what waits meanwhile.
    pub(super) fn new(to: ProducersSocket, has_command: bool) -> Self {
        let waiter = if has_command { "the command" } else { "standard input" };
        let backoff = Backoff::new(FIRST, LONGEST);
        Self { to, waiter, open: None, backoff, retry_at: now(), said: None }
    }

    /// The socket, if it is connected.
    pub(super) fn stream(&self) -> Option<&UnixStream> {
        self.open.as_ref().map(|open| &open.stream)
    }

    /// How long it is until [`Connection::try_again`] does something; `None` if it is connected.
    pub(super) fn pause(&self, now: Instant) -> Option<Duration> {
        self.open.is_none().then(|| self.retry_at.saturating_duration_since(now))
    }

    /// Connects if it is not connected and the pause is over.
    pub(super) fn try_again(&mut self, now: Instant) {
        if self.pause(now) != Some(Duration::ZERO) {
            return;
        }
        match unix_socket::connect(self.to.path()) {
            Ok(stream) => {
                log::info!("connected to {}", self.to);
                self.said = None;
                self.open = Some(Open { stream, at: now, since: format_date(wall()) });
            }
            Err(error) => {
                self.retry_at = now + self.backoff.pause_after(Duration::ZERO);
                let why = why_not(self.to.path(), &error);
                if self.said.as_ref() != Some(&why) {
                    log::warn!(
                        "{}: {why}; it is tried again until it works, and {} waits meanwhile",
                        self.to,
                        self.waiter
                    );
                    self.said = Some(why);
                }
            }
        }
    }

    /// Writes, and returns how many bytes the socket took: [`WRITE`] at most.
    pub(super) fn write(&mut self, bytes: &[u8], now: Instant) -> Result<usize, Lost> {
        let Some(open) = &self.open else { return Ok(0) };
        let some = bytes.get(..WRITE).unwrap_or(bytes);
        match rustix::io::write(&open.stream, some) {
            Ok(written) => Ok(written),
            Err(Errno::INTR | Errno::AGAIN) => Ok(0),
            Err(Errno::NOMEM | Errno::NOBUFS) => {
                wait_a_little();
                Ok(0)
            }
            Err(error) => Err(self.lose(error, now)),
        }
    }

    /// Looks whether the server has closed the connection. What it writes, such as the greeting of `--numbers given`, is for others.
    pub(super) fn look(&mut self, now: Instant) -> Result<(), Lost> {
        let Some(open) = &self.open else { return Ok(()) };
        match rustix::io::read(&open.stream, &mut [0; 256]) {
            Ok(0) => Err(self.lose(Errno::PIPE, now)),
            Ok(_) | Err(Errno::INTR | Errno::AGAIN) => Ok(()),
            Err(Errno::NOMEM | Errno::NOBUFS) => {
                wait_a_little();
                Ok(())
            }
            Err(error) => Err(self.lose(error, now)),
        }
    }

    fn lose(&mut self, error: Errno, now: Instant) -> Lost {
        let Some(Open { stream, at, .. }) = self.open.take() else { return Lost };
        let lost = if has_unread(&stream, error, PAUSE) {
            ", and the lines that it had not read yet are lost"
        } else {
            ""
        };
        log::warn!("{}: the server has closed the connection{lost}", self.to);
        self.retry_at = now + self.backoff.pause_after(now.saturating_duration_since(at));
        Lost
    }

    /// In a few words: since when it is connected, or why it is not.
    pub(super) fn status(&self) -> String {
        match (&self.open, &self.said) {
            (Some(open), _) => format!("feeding since {}", open.since),
            (None, Some(why)) => format!("waiting for {}: {why}", self.to),
            (None, None) => format!("waiting for {}", self.to),
        }
    }
}

/// Whether the other end, at which writing or reading failed by this error, was closed with bytes in it that nobody had read:
/// the kernel says so by ECONNRESET. A write can fail by EPIPE a moment before that is known here, so we read until the end comes,
/// for this time at most.
fn has_unread(stream: &UnixStream, error: Errno, patience: Duration) -> bool {
    if error == Errno::CONNRESET {
        return true;
    }
    let until = now() + patience;
    loop {
        match rustix::io::read(stream, &mut [0; 256]) {
            Ok(0) => return false,
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let left = until.saturating_duration_since(now());
                let Some(time) = Timespec::try_from(left).ok().filter(|_| !left.is_zero()) else {
                    return false;
                };
                // Whatever it says, the next read says it too.
                let _ = poll(&mut [PollFd::new(stream, PollFlags::IN)], Some(&time));
            }
            Err(error) => return error == Errno::CONNRESET,
        }
    }
}

/// Waits a little after the system has refused something: the socket is ready for it all the time.
pub(super) fn wait_a_little() {
    thread::park_timeout(PAUSE);
}

/// Why a server cannot be reached, and what to do.
fn why_not(path: &Path, error: &io::Error) -> String {
    let errno = Errno::from_io_error(error);
    if let (Some(Errno::NOENT), Some(name)) = (errno, named_stream(path)) {
        return format!(
            "nobody listens there yet; `systemctl enable --now ws-server@{name}.socket` changes that"
        );
    }
    match errno {
        Some(Errno::NOENT)
            if path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.exists()) =>
        {
            "nobody listens there yet".to_owned()
        }
        Some(Errno::CONNREFUSED) if is_socket(path) => "nobody listens there any more".to_owned(),
        Some(Errno::CONNREFUSED | Errno::PROTOTYPE) => {
            "this is no socket that a ws-server reads; say the PATH of its --source unix:PATH".to_owned()
        }
        Some(Errno::AGAIN) => "too many wait there for the server".to_owned(),
        Some(Errno::ACCESS | Errno::PERM) => {
            "this user may not write to the socket; make it a member of the socket's group (in a unit by \
             SupplementaryGroups=), or `namei -l` shows which folder refuses"
                .to_owned()
        }
        _ => describe_path_error(path, error),
    }
}

/// The name of the stream whose units have a socket for lines at this path.
fn named_stream(path: &Path) -> Option<&str> {
    path.to_str()?.strip_prefix("/run/ws-server@")?.strip_suffix("/lines")
}

#[cfg(test)]
mod tests {
    use std::{io::Read as _, os::unix::net::UnixListener};

    use super::*;

    fn connection(path: &Path) -> Connection {
        Connection::new(format!("unix:{}", path.display()).parse().unwrap(), true)
    }

    #[test]
    fn it_is_tried_again_after_pauses_that_grow_and_says_why_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let mut connection = connection(&path);
        let mut at = now();
        for pause in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            connection.try_again(at);
            assert_eq!(connection.pause(at), Some(Duration::from_millis(pause)));
            assert!(connection.status().ends_with(": nobody listens there yet"));
            connection.try_again(at + Duration::from_millis(pause - 1));
            assert_eq!(connection.pause(at), Some(Duration::from_millis(pause)), "not before");
            at += Duration::from_millis(pause);
        }
        let _listener = UnixListener::bind(&path).unwrap();
        connection.try_again(at);
        assert!(connection.pause(at).is_none() && connection.status().starts_with("feeding since "));
        // It was short, so the pauses go on to grow; a long one begins them again.
        for (lived, pause) in [(4999, 5000), (5000, 100)] {
            at += Duration::from_millis(lived);
            connection.lose(Errno::PIPE, at);
            assert_eq!(connection.pause(at), Some(Duration::from_millis(pause)));
            at += Duration::from_millis(pause);
            connection.try_again(at);
        }
    }

    #[test]
    fn an_end_is_noticed_by_a_look_and_by_a_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        for (is_read, writes) in [(true, false), (true, true), (false, false), (false, true)] {
            let mut connection = connection(&path);
            connection.try_again(now());
            assert_eq!(connection.look(now()), Ok(()));
            assert_eq!(connection.write(b"line\n", now()), Ok(5));
            let (mut server, _) = listener.accept().unwrap();
            if is_read {
                server.read_exact(&mut [0; 5]).unwrap();
            }
            drop(server);
            let noticed =
                if writes { connection.write(b"x", now()).map(drop) } else { connection.look(now()) };
            assert_eq!(noticed, Err(Lost));
            assert!(connection.stream().is_none());
        }
    }

    #[test]
    fn a_write_that_fails_before_the_close_is_whole_knows_that_bytes_were_unread() {
        let (ours, server) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        rustix::io::write(&ours, b"line\n").unwrap();
        let closing = thread::spawn(move || {
            thread::park_timeout(PAUSE / 5);
            drop(server);
        });
        assert!(has_unread(&ours, Errno::PIPE, Duration::from_secs(20)));
        closing.join().unwrap();
    }

    #[test]
    fn a_write_is_no_larger_than_a_buffer_of_the_kernel() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let _listener = UnixListener::bind(&path).unwrap();
        let mut connection = connection(&path);
        connection.try_again(now());
        assert_eq!(connection.write(&vec![b'x'; 100_000], now()), Ok(WRITE));
    }

    #[test]
    fn an_end_after_everything_was_read_leaves_nothing_unread() {
        let (ours, mut server) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        rustix::io::write(&ours, b"line\n").unwrap();
        server.read_exact(&mut [0; 5]).unwrap();
        std::io::Write::write_all(&mut server, &[b'g'; 1000]).unwrap();
        assert!(!has_unread(&ours, Errno::PIPE, PAUSE), "it is still open");
        drop(server);
        assert!(!has_unread(&ours, Errno::PIPE, PAUSE), "its greeting was not read, but that is ours");
    }

    #[test]
    fn each_reason_has_its_cure() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let left_behind = folder.path().join("s");
        drop(UnixListener::bind(&left_behind).unwrap());
        for (path, part) in [
            (file, "say the PATH of its --source"),
            (left_behind, "nobody listens there any more"),
            (folder.path().join("none/s"), "/none is missing"),
        ] {
            let error = unix_socket::connect(&path).unwrap_err();
            assert!(why_not(&path, &error).contains(part), "{}: {error}", path.display());
        }
        assert!(why_not(folder.path(), &Errno::ACCESS.into()).contains("SupplementaryGroups="));
        let named = why_not(Path::new("/run/ws-server@a.b/lines"), &Errno::NOENT.into());
        assert!(named.starts_with("nobody listens there yet; ") && named.contains(" ws-server@a.b.socket` "));
    }
}
