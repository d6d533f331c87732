//! Lines from every process that connects to a Unix socket: several producers, one stream.

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
    gate::{Gate, Gated, is_closed},
    producer::{PAUSE, Producer},
    progress::lock,
    publisher::Publisher,
};

/// Binds the socket, in place of one that no process listens on any more.
pub(super) fn bind(path: &Path) -> Result<UnixListener, DaemonError> {
    let bound = UnixListener::bind(path).or_else(|error| {
        // Connecting to a regular file is refused as well: remove nothing but a socket.
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

/// Reads from each producer in a thread of its own, and closes those beyond `--max-producers`. Once the gate is closed, it returns the
/// listener and, behind it, the producers.
pub(super) fn serve(
    listener: UnixListener,
    publisher: &Publisher,
    max_producers: usize,
    gate: &Gate,
    previous: Vec<Producer>,
) -> Vec<Producer> {
    let producers = Producers { publisher, gate, connected: AtomicUsize::new(0), exported: Mutex::default() };
    let mut complained = false;
    let accepting = thread::scope(|scope| {
        // A producer that is gone before `accept` must not hold up the thread that waits at the gate.
        listener.set_nonblocking(true)?;
        for Producer { descriptor, partial } in previous {
            producers.start(scope, UnixStream::from(descriptor), partial);
        }
        loop {
            if !gate.wait(&listener)? {
                return io::Result::Ok(());
            }
            match listener.accept() {
                Ok((stream, _)) if producers.connected.load(Ordering::Acquire) < max_producers => {
                    complained = false;
                    producers.start(scope, stream, Some(Vec::new()));
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
    let mut exported = std::mem::take(&mut *lock(&producers.exported));
    exported.insert(0, Producer { descriptor: listener.into(), partial: Some(Vec::new()) });
    exported
}

struct Producers<'c> {
    publisher: &'c Publisher,
    gate: &'c Gate,
    connected: AtomicUsize,
    /// Those that were connected when the gate was closed.
    exported: Mutex<Vec<Producer>>,
}

impl Producers<'_> {
    /// Reads from a producer in a thread of its own.
    fn start<'s>(&'s self, scope: &'s Scope<'s, '_>, stream: UnixStream, partial: Option<Vec<u8>>) {
        self.connected.fetch_add(1, Ordering::AcqRel);
        let read = move || {
            let mut splitter = self.publisher.splitter();
            splitter.adopt(partial);
            match self.publisher.publish_all(&mut splitter, Gated { input: &stream, gate: self.gate }) {
                Ok(()) => {}
                Err(error) if is_closed(&error) => {
                    let producer = Producer { descriptor: stream.into(), partial: splitter.into_partial() };
                    lock(&self.exported).push(producer);
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
