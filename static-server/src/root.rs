//! The root's path, and the directory to which it leads now: one for all workers.
//!
//! A deployment turns the path to another directory, by a symbolic link or a rename. The worker that first sees it replaces
//! the directory for all of them, so that no client meets two releases: once an answer came from the next one, no later
//! answer comes from the last one.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use log::{info, warn};

use crate::open_error::OpenError;
use crate::tree::Tree;

#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
    release: RwLock<Release>,
    /// The number of that release; whoever replaces it counts on while nobody can take the next one.
    number: AtomicU64,
    /// Held by the worker that looks where the path leads; true after a look that failed.
    failed: Mutex<bool>,
}

/// The directory to which the path led at the last look.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    /// Counts the directories so far; what was read from another one is out of date.
    pub(crate) number: u64,
    pub(crate) tree: Arc<Tree>,
}

impl Root {
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let release = Release { number: 0, tree: Arc::new(Tree::open(path)?) };
        Ok(Root {
            path: path.to_owned(),
            release: RwLock::new(release),
            number: AtomicU64::new(0),
            failed: Mutex::default(),
        })
    }

    /// The directory that all workers use now, without a look.
    pub(crate) fn release(&self) -> Release {
        self.release.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of that directory.
    pub(crate) fn number(&self) -> u64 {
        self.number.load(Ordering::SeqCst)
    }

    /// Looks where the path leads now.
    ///
    /// # Errors
    /// `Busy` if the path cannot be opened: a deployment may be halfway. All workers go on with the last directory.
    pub(crate) fn look(&self) -> Result<Release, OpenError> {
        // One look at a time: an older one must not undo a newer.
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let (path, current) = (self.path.display(), self.release());
        if !*failed && current.tree.is_at(&self.path) {
            return Ok(current);
        }
        let tree = match Tree::open(&self.path) {
            Ok(tree) => tree,
            Err(error) => {
                if !std::mem::replace(&mut *failed, true) {
                    warn!("--root {path}: {error}; the directory that was there before is served on");
                }
                return Err(OpenError::Busy);
            }
        };
        if std::mem::take(&mut *failed) {
            info!("--root {path} is there again");
        }
        if tree.is_same(&current.tree) {
            return Ok(current);
        }
        let next = Release { number: current.number + 1, tree: Arc::new(tree) };
        let mut place = self.release.write().unwrap_or_else(PoisonError::into_inner);
        *place = next.clone();
        self.number.store(next.number, Ordering::SeqCst);
        drop(place);
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::tree::Found;

    /// The length of `file` in a release, which says which one it is.
    fn len(release: &Release) -> u64 {
        match release.tree.look(b"file") {
            Ok(Found::File(stamp)) => stamp.len,
            other => panic!("{other:?}"),
        }
    }

    fn releases() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        for (release, text) in [("one", "1"), ("two", "22")] {
            fs::create_dir(dir.path().join(release)).unwrap();
            fs::write(dir.path().join(release).join("file"), text).unwrap();
        }
        let current = dir.path().join("current");
        (dir, current)
    }

    #[test]
    fn a_link_that_turns_is_followed_and_while_it_is_gone_the_last_directory_stays() {
        let (_dir, current) = releases();
        symlink("one", &current).unwrap();
        let root = Root::open(&current).unwrap();
        assert_eq!((len(&root.look().unwrap()), root.release().number), (1, 0));
        fs::remove_file(&current).unwrap();
        assert_eq!(root.look().unwrap_err(), OpenError::Busy);
        assert_eq!((len(&root.release()), root.release().number), (1, 0));
        symlink("two", &current).unwrap();
        assert_eq!((len(&root.look().unwrap()), root.release().number), (2, 1));
        assert_eq!(len(&root.release()), 2, "for everybody");
    }

    #[test]
    fn a_directory_that_is_put_in_the_place_of_another_is_the_next_release() {
        let (dir, current) = releases();
        fs::rename(dir.path().join("one"), &current).unwrap();
        let root = Root::open(&current).unwrap();
        fs::rename(&current, dir.path().join("old")).unwrap();
        fs::rename(dir.path().join("two"), &current).unwrap();
        assert_eq!(len(&root.release()), 1);
        assert_eq!((len(&root.look().unwrap()), root.release().number), (2, 1));
    }

    #[test]
    fn a_link_in_the_middle_of_the_path_turns_the_root_too() {
        let (dir, current) = releases();
        for release in ["one", "two"] {
            let inner = dir.path().join(release).join("public");
            fs::create_dir(&inner).unwrap();
            fs::rename(dir.path().join(release).join("file"), inner.join("file")).unwrap();
        }
        symlink("one", &current).unwrap();
        let root = Root::open(&current.join("public")).unwrap();
        let next = dir.path().join("next");
        symlink("two", &next).unwrap();
        fs::rename(&next, &current).unwrap();
        assert_eq!(len(&root.look().unwrap()), 2);
    }
}
