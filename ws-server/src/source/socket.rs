//! The socket at a path that producers connect to: bound at the start, and again when its name is gone.

use std::{
    fs, io,
    os::unix::{
        fs::FileTypeExt,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use daemon::exit::{DaemonError, Exit};

use super::{identity::Identity, progress::lock};

/// The name of our socket; clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct SocketName {
    path: PathBuf,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    /// The file that we bound.
    ours: Option<Identity>,
    /// Another file that has our path.
    other: Option<Identity>,
    /// The daemon has stopped: the path is no longer ours.
    is_removed: bool,
}

impl std::fmt::Display for SocketName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "--source unix:{}", self.path.display())
    }
}

impl SocketName {
    /// Binds the socket.
    ///
    /// # Errors
    /// [`Exit::Permission`] or [`Exit::Unavailable`], with what is in the way.
    pub(super) fn bind(path: &Path) -> Result<(Self, UnixListener), DaemonError> {
        let listener = bind(path).map_err(|error| {
            let exit = match error.kind() {
                io::ErrorKind::PermissionDenied => Exit::Permission,
                _ => Exit::Unavailable,
            };
            DaemonError::new(exit, complaint(path, &error))
        })?;
        Ok((Self::adopt(path), listener))
    }

    /// The name of a socket that is bound already.
    pub(super) fn adopt(path: &Path) -> Self {
        let held = Held { ours: there(path).ok(), ..Held::default() };
        Self { path: path.to_owned(), held: Arc::new(Mutex::new(held)) }
    }

    /// Looks whether producers still find the socket, and binds another one if the path is free. `None` if all is well.
    ///
    /// # Errors
    /// What is in the way, for the operator. It is not touched, unless it is a socket that nobody listens on.
    pub(super) fn look(&self) -> Result<Option<UnixListener>, String> {
        let mut held = lock(&self.held);
        if held.is_removed {
            return Ok(None);
        }
        let there = match there(&self.path) {
            Ok(there) if held.ours == Some(there) => return Ok(None),
            // Binding connects to a socket that is there, to see if anybody listens: once is enough.
            Ok(there) if held.other == Some(there) => {
                return Err(format!("{self}: another file has this path"));
            }
            Ok(there) => Some(there),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(format!("{self}: {error}")),
        };
        match bind(&self.path) {
            Ok(listener) => {
                *held = Held { ours: self::there(&self.path).ok(), ..Held::default() };
                Ok(Some(listener))
            }
            Err(error) => {
                held.other = there;
                Err(complaint(&self.path, &error))
            }
        }
    }

    /// Removes our socket from the path, for good; the next start replaces one that cannot be removed.
    pub(super) fn remove(&self) {
        let mut held = lock(&self.held);
        held.is_removed = true;
        if held.ours.is_some() && there(&self.path).ok() == held.ours {
            _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes a socket that nobody listens on.
pub(super) fn remove_stale(path: &Path) {
    if is_stale(path) {
        _ = fs::remove_file(path);
    }
}

/// What is at the path itself, not where it leads.
fn there(path: &Path) -> io::Result<Identity> {
    fs::symlink_metadata(path).map(|metadata| Identity::of(&metadata))
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
}

/// Connecting to a regular file is refused as well: only a socket is stale.
fn is_stale(path: &Path) -> bool {
    is_socket(path)
        && UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// Binds the socket, in place of one that no process listens on any more.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path).or_else(|error| {
        if error.kind() != io::ErrorKind::AddrInUse || !is_stale(path) {
            return Err(error);
        }
        fs::remove_file(path)?;
        UnixListener::bind(path)
    })?;
    // A producer that is gone before `accept` must not hold up the thread that waits at the gate.
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn complaint(path: &Path, error: &io::Error) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let what = match (error.kind(), folder) {
        (io::ErrorKind::NotFound, Some(folder)) => {
            format!("the folder {} is missing; make it first", folder.display())
        }
        (io::ErrorKind::AddrInUse, _) if !is_socket(path) => {
            "a file that is no socket has this path; remove it, or say another path".to_owned()
        }
        (io::ErrorKind::AddrInUse, _) => "another process listens there".to_owned(),
        _ => error.to_string(),
    };
    format!("--source unix:{}: {what}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(path: &Path) -> (SocketName, UnixListener) {
        SocketName::bind(path).unwrap()
    }

    #[test]
    fn a_socket_left_behind_is_replaced_but_a_live_one_and_a_file_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let live = bound(&path);
        let error = SocketName::bind(&path).unwrap_err();
        assert_eq!(error.exit, Exit::Unavailable);
        assert!(error.message.contains("another process"), "{error}");
        drop(live);
        drop(bound(&path));
        fs::remove_file(&path).unwrap();
        fs::write(&path, "mine").unwrap();
        let error = SocketName::bind(&path).unwrap_err();
        assert!(error.message.contains("no socket"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"mine");
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none/s");
        let error = SocketName::bind(&path).unwrap_err();
        assert!(error.message.contains("/none is missing"), "{error}");
    }

    #[test]
    fn a_socket_whose_name_is_gone_is_bound_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let (name, _first) = bound(&path);
        assert!(name.look().unwrap().is_none());
        fs::remove_file(&path).unwrap();
        let second = name.look().unwrap().expect("another one");
        assert!(name.look().unwrap().is_none());
        let _producer = UnixStream::connect(&path).unwrap();
        second.accept().unwrap();
    }

    #[test]
    fn what_took_the_path_is_left_alone_until_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let (name, _first) = bound(&path);
        fs::remove_file(&path).unwrap();
        let (other, other_listener) = bound(&path);
        assert!(name.look().unwrap_err().contains("another process"));
        other_listener.accept().unwrap();
        // It is asked once, not at each look.
        assert!(name.look().unwrap_err().contains("another file"));
        assert_eq!(other_listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        name.remove();
        assert!(UnixStream::connect(&path).is_ok(), "it is the other's");
        other.remove();
        assert!(!path.exists());
        assert!(name.look().unwrap().is_none(), "nothing is bound after the removal");
    }
}
