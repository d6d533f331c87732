//! Unix sockets by their path: bound in place of one that a killed process left behind, and removed only while the name is ours.

use std::{
    fs, io,
    os::unix::{
        fs::FileTypeExt as _,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::{
    exit::{DaemonError, Exit, limit},
    file_identity::FileIdentity,
    path_error::describe_path_error,
};

/// Binds a listening, non-blocking socket, in place of one on which no process listens any more.
///
/// # Errors
/// What the system answers; [`bind_failure`] puts it into words.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path).or_else(|error| {
        if error.kind() != io::ErrorKind::AddrInUse || !is_stale(path) {
            return Err(error);
        }
        fs::remove_file(path)?;
        UnixListener::bind(path)
    })?;
    // A client that is gone before `accept` must not hold up the thread that accepts.
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Makes the error for a path that [`bind`] could not bind: [`Exit::Permission`] or [`Exit::Unavailable`]. `option` is the
/// option with its value.
pub fn bind_failure(option: &str, path: &Path, error: &io::Error) -> DaemonError {
    let (exit, what) = match error.kind() {
        io::ErrorKind::PermissionDenied => (
            Exit::Permission,
            "this user may not make a socket there; let it write to the folder, or say another path"
                .to_owned(),
        ),
        io::ErrorKind::AddrInUse if is_socket(path) => {
            (Exit::Unavailable, "another program listens there; stop it, or say another path".to_owned())
        }
        io::ErrorKind::AddrInUse => {
            (Exit::Unavailable, "there is a file with this name; remove it, or say another path".to_owned())
        }
        _ => (Exit::Unavailable, format!("{}{}", describe_path_error(path, error), limit(error))),
    };
    DaemonError::new(exit, format!("{option}: {what}"))
}

/// Removes a socket on which no process listens; anything else stays.
pub fn remove_stale(path: &Path) {
    if is_stale(path) {
        _ = fs::remove_file(path);
    }
}

/// True if what is at this path is a socket.
pub fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
}

/// Connecting to a regular file is refused as well: only a socket is stale.
fn is_stale(path: &Path) -> bool {
    is_socket(path) && connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// Connects a socket that does not block.
///
/// # Errors
/// What the system answers: `ENOENT` or `ECONNREFUSED` if nobody listens, `EACCES`, and `EAGAIN` where the backlog of the listener
/// is full, in which a blocking `connect` would wait for room.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(socket.into())
}

/// The file that gives a bound socket its name.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    identity: FileIdentity,
}

impl SocketFile {
    /// The file at this path right after the socket was bound; `None` if it is gone already.
    pub fn at(path: &Path) -> Option<Self> {
        Some(Self { path: path.to_owned(), identity: FileIdentity::at(path).ok()? })
    }

    /// Which file it is.
    pub fn identity(&self) -> FileIdentity {
        self.identity
    }

    /// Removes it, unless another file has the path by now. One that cannot be removed is replaced by the next [`bind`].
    pub fn remove(&self) {
        if FileIdentity::at(&self.path).ok() == Some(self.identity) {
            _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(path: &Path) -> DaemonError {
        bind_failure("--option", path, &bind(path).expect_err("not bound"))
    }

    #[test]
    fn a_socket_left_behind_is_replaced_but_a_live_one_and_a_file_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s");
        let live = bind(&path).expect("bound");
        assert_eq!(failure(&path).exit, Exit::Unavailable);
        assert!(failure(&path).message.starts_with("--option: another program listens there"));
        drop(live);
        drop(bind(&path).expect("what is left behind is replaced"));
        fs::remove_file(&path).expect("removed");
        fs::write(&path, "mine").expect("written");
        assert!(failure(&path).message.contains("file with this name"));
        remove_stale(&path);
        assert_eq!(fs::read(&path).expect("still there"), b"mine");
    }

    #[test]
    fn a_full_backlog_is_a_live_socket_and_holds_up_nobody() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s");
        let listener = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
        listener.bind(&SockAddr::unix(&path).expect("an address")).expect("bound");
        listener.listen(0).expect("listening");
        let _waiting = connect(&path).expect("the first one waits in the backlog");
        assert_eq!(connect(&path).expect_err("no room").kind(), io::ErrorKind::WouldBlock);
        assert!(failure(&path).message.contains("another program listens there"));
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let failure = failure(&folder.path().join("none/s"));
        assert!(failure.message.contains("/none is missing"), "{failure}");
    }

    #[test]
    fn a_socket_is_removed_by_its_name_unless_another_has_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s");
        let bound = || (bind(&path).expect("bound"), SocketFile::at(&path).expect("a name"));
        let (_ours, file) = bound();
        fs::remove_file(&path).expect("removed");
        let (_others, other_file) = bound();
        file.remove();
        assert!(path.exists());
        other_file.remove();
        assert!(!path.exists());
    }
}
