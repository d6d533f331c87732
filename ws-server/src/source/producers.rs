//! Lines from everybody who connects to a Unix socket: several producers, one stream.

use std::{
    io,
    os::unix::{
        fs::FileTypeExt,
        net::{UnixListener, UnixStream},
    },
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use common::daemon::exit::{Exit, Failure};

use super::{PAUSE, Publisher};

/// Binds the socket; one that nobody listens on any more makes room.
pub(super) fn bind(path: &Path) -> Result<UnixListener, Failure> {
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
        Failure::new(exit, format!("--source unix:{}: {error}", path.display()))
    })
}

/// Reads from each producer in a thread of its own; one too many is let go.
pub(super) fn serve(listener: &UnixListener, publisher: &Publisher, max_producers: usize) {
    let producers = AtomicUsize::new(0);
    let mut complained = false;
    thread::scope(|scope| {
        for stream in listener.incoming() {
            let stream = match stream {
                Ok(stream) => stream,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                // No more descriptors or memory: they come back when connections close.
                Err(error) => {
                    if !std::mem::replace(&mut complained, true) {
                        log::error!("accepting a producer: {error}; trying again");
                    }
                    thread::park_timeout(PAUSE);
                    continue;
                }
            };
            complained = false;
            if producers.fetch_add(1, Ordering::AcqRel) >= max_producers {
                producers.fetch_sub(1, Ordering::AcqRel);
                log::warn!("a producer was let go: {max_producers} are connected (--max-producers)");
                continue;
            }
            let producers = &producers;
            let read = move || {
                if let Err(error) = publisher.publish_all(stream) {
                    log::debug!("a producer: {error}");
                }
                producers.fetch_sub(1, Ordering::AcqRel);
            };
            if let Err(error) = thread::Builder::new().name("producer".to_owned()).spawn_scoped(scope, read) {
                producers.fetch_sub(1, Ordering::AcqRel);
                log::error!("starting a producer's thread: {error}");
            }
        }
    });
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
