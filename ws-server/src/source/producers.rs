//! Lines from everybody who connects to a Unix socket: several producers, one stream.

use std::{
    io,
    os::unix::{
        fs::FileTypeExt,
        net::{UnixListener, UnixStream},
    },
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, Scope},
};

use daemon::exit::{DaemonError, Exit};

use super::{
    PAUSE, Producer, Publisher,
    gate::{Gate, Gated, is_closed},
    lock,
};

/// Binds the socket; one that nobody listens on any more makes room.
pub(super) fn bind(path: &Path) -> Result<UnixListener, DaemonError> {
    let bound = UnixListener::bind(path).or_else(|error| {
        // Connecting to a file is refused as well: only what is a socket may be taken away.
        let stale = error.kind() == io::ErrorKind::AddrInUse
            && std::fs::symlink_metadata(path).is_ok_and(|there| there.file_type().is_socket())
            && UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
        if !stale {
            return Err(error);
        }
        std::fs::remove_file(path)?;
        UnixListener::bind(path)
    });
    bound.map_err(|error| {
        let exit = match error.kind() {
            io::ErrorKind::PermissionDenied => Exit::Permission,
            _ => Exit::Unavailable,
        };
        DaemonError::new(exit, format!("--source unix:{}: {error}", path.display()))
    })
}

/// Reads from each producer in a thread of its own; one too many is let go. When the gate is closed, what is left is the
/// listener, and behind it the producers.
pub(super) fn serve(
    listener: UnixListener,
    publisher: &Publisher,
    max_producers: usize,
    gate: &Gate,
    inherited: Vec<Producer>,
) -> Vec<Producer> {
    let crowd = Crowd { publisher, gate, connected: AtomicUsize::new(0), left: Mutex::default() };
    let mut complained = false;
    let accepting = thread::scope(|scope| {
        // Who is gone before it is accepted must not hold up the thread that waits at the gate.
        listener.set_nonblocking(true)?;
        for Producer { descriptor, partial } in inherited {
            crowd.start(scope, UnixStream::from(descriptor), partial);
        }
        loop {
            if !gate.wait(&listener)? {
                return io::Result::Ok(());
            }
            match listener.accept() {
                Ok((stream, _)) if crowd.connected.load(Ordering::Acquire) < max_producers => {
                    complained = false;
                    crowd.start(scope, stream, Some(Vec::new()));
                }
                Ok(_) => {
                    log::warn!("a producer was let go: {max_producers} are connected (--max-producers)");
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::WouldBlock
                    ) => {}
                // No more descriptors or memory: they come back when connections close.
                Err(error) => {
                    if !std::mem::replace(&mut complained, true) {
                        log::error!("accepting a producer: {error}; trying again");
                    }
                    thread::park_timeout(PAUSE);
                }
            }
        }
    });
    if let Err(error) = accepting {
        log::error!("waiting for producers: {error}");
    }
    let mut left = std::mem::take(&mut *lock(&crowd.left));
    left.insert(0, Producer { descriptor: listener.into(), partial: Some(Vec::new()) });
    left
}

/// The producers that are connected.
struct Crowd<'c> {
    publisher: &'c Publisher,
    gate: &'c Gate,
    connected: AtomicUsize,
    /// Those that were still there when the gate was closed.
    left: Mutex<Vec<Producer>>,
}

impl Crowd<'_> {
    /// Reads from a producer in a thread of its own.
    fn start<'s>(&'s self, scope: &'s Scope<'s, '_>, stream: UnixStream, partial: Option<Vec<u8>>) {
        self.connected.fetch_add(1, Ordering::AcqRel);
        let read = move || {
            let mut splitter = self.publisher.splitter();
            splitter.resume(partial);
            match self.publisher.publish_all(&mut splitter, Gated { input: &stream, gate: self.gate }) {
                Ok(()) => {}
                Err(error) if is_closed(&error) => {
                    let producer = Producer { descriptor: stream.into(), partial: splitter.into_partial() };
                    lock(&self.left).push(producer);
                }
                Err(error) => log::debug!("a producer: {error}"),
            }
            self.connected.fetch_sub(1, Ordering::AcqRel);
        };
        if let Err(error) = thread::Builder::new().name("producer".to_owned()).spawn_scoped(scope, read) {
            self.connected.fetch_sub(1, Ordering::AcqRel);
            log::error!("starting a producer's thread: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_left_behind_is_replaced_but_a_live_one_and_a_file_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let live = bind(&path).unwrap();
        assert_eq!(bind(&path).unwrap_err().exit, Exit::Unavailable);
        drop(live);
        drop(bind(&path).unwrap());
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "mine").unwrap();
        assert_eq!(bind(&path).unwrap_err().exit, Exit::Unavailable);
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    }
}
