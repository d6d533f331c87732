//! The socket at a path that producers connect to: bound at the start, and again when its name is gone.

use std::{
    fs, io,
    os::unix::net::{SocketAddr, UnixListener},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use daemon::{
    DaemonError, Exit, FileIdentity,
    unix_socket::{self, SocketFile},
};

use super::progress::lock;

/// The name of our socket; clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct SocketName {
    path: PathBuf,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    /// The file that we bound.
    ours: Option<SocketFile>,
    /// Another file that has our path.
    other: Option<FileIdentity>,
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
    /// [`Exit::Permission`](daemon::Exit::Permission) or [`Exit::Unavailable`](daemon::Exit::Unavailable), with what is in the
    /// way.
    pub(super) fn bind(path: &Path) -> Result<(Self, UnixListener), DaemonError> {
        let listener = unix_socket::bind(path).map_err(|error| failure(path, &error))?;
        Ok((Self::adopt(path), listener))
    }

    /// The name of a socket that is bound already.
    pub(super) fn adopt(path: &Path) -> Self {
        let held = Held { ours: SocketFile::at(path), ..Held::default() };
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
        let there = match FileIdentity::at(&self.path) {
            Ok(there) if held.ours.as_ref().is_some_and(|ours| ours.identity() == there) => return Ok(None),
            // Binding connects to a socket that is there, to see if anybody listens: once is enough.
            Ok(there) if held.other == Some(there) => {
                return Err(format!("{self}: another file has this path"));
            }
            Ok(there) => Some(there),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(format!("{self}: {error}")),
        };
        match unix_socket::bind(&self.path) {
            Ok(listener) => {
                *held = Held { ours: SocketFile::at(&self.path), ..Held::default() };
                Ok(Some(listener))
            }
            Err(error) => {
                held.other = there;
                Err(failure(&self.path, &error).message)
            }
        }
    }

    /// Removes our socket from the path, for good.
    pub(super) fn remove(&self) {
        let mut held = lock(&self.held);
        held.is_removed = true;
        if let Some(ours) = &held.ours {
            ours.remove();
        }
    }
}

/// Checks that the socket that systemd has opened for producers is bound to this path.
///
/// # Errors
/// [`Exit::Config`] with both paths.
pub(super) fn check_inherited(path: &Path, listener: &UnixListener) -> Result<(), DaemonError> {
    let address = listener.local_addr().ok();
    let bound = address.as_ref().and_then(SocketAddr::as_pathname);
    if bound.is_some_and(|bound| bound == path || leads_to_the_same(bound, path)) {
        return Ok(());
    }
    let bound = bound.unwrap_or(Path::new("(no path)")).display();
    let path = path.display();
    let what = format!(
        "--source unix:{path}: the inherited socket `lines` is bound to {bound}; say --source unix:{bound}, or \
         ListenStream={path} in its socket unit"
    );
    Err(DaemonError::new(Exit::Config, what))
}

/// True if these are two ways to one file, as by `/var/run`.
fn leads_to_the_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    real(one).is_some_and(|one| Some(one) == real(other))
}

fn failure(path: &Path, error: &io::Error) -> DaemonError {
    unix_socket::bind_failure(&format!("--source unix:{}", path.display()), path, error)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn bound(path: &Path) -> (SocketName, UnixListener) {
        SocketName::bind(path).unwrap()
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
    fn an_inherited_socket_has_the_path_of_the_source_or_both_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(check_inherited(&path, &listener), Ok(()));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert_eq!(check_inherited(&link.join("s"), &listener), Ok(()));
        let other = folder.path().join("other");
        let failure = check_inherited(&other, &listener).unwrap_err();
        assert_eq!(failure.exit, Exit::Config);
        for part in
            [format!("--source unix:{}: ", other.display()), format!("--source unix:{}, or", path.display())]
        {
            assert!(failure.message.contains(&part), "{failure}");
        }
    }

    #[test]
    fn what_took_the_path_is_left_alone_until_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let (name, _first) = bound(&path);
        fs::remove_file(&path).unwrap();
        let (other, other_listener) = bound(&path);
        assert!(name.look().unwrap_err().contains("another program"));
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
