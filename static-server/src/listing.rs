//! Whether a directory has packed siblings at all: one listing of it takes the place of three looks for each of its files, each of which
//! leaves a missing name in the kernel's memory.
//!
//! A listing goes on by a piece with each look, so that no turn waits for that of a large directory. What it found to be missing is so
//! while the directory has the stamp that it had before the listing began ([`crate::folder::Folder::names`]).

use std::collections::VecDeque;
use std::fs::File;
use std::mem::MaybeUninit;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rustix::fs::{Mode, OFlags, RawDir, openat};
use rustix::io::Errno;

use crate::encoding::Coding;
use crate::look::FRESH;
use crate::stamp::Stamp;

/// Bytes that are read with one look: a dozen names, which take about as long as three looks, and more than the longest one.
const PIECE: usize = 512;
/// Directories of which it is known.
const KNOWN: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Listings(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The stamps of directories, and whether each has no packed sibling. The oldest one is first.
    known: VecDeque<(Stamp, bool)>,
    /// The one that is going on: there is one for all directories, as it takes a descriptor.
    listing: Option<Listing>,
}

#[derive(Debug)]
struct Listing {
    directory: File,
    /// The directory's, before the listing.
    stamp: Stamp,
    /// When somebody last went on with it.
    last: Instant,
}

impl Listings {
    /// True if the directory that has this stamp has no packed sibling, false if it may have one, `None` if that is not known.
    pub(crate) fn known(&self, stamp: &Stamp) -> Option<bool> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.known.iter().find_map(|(known, lacks)| (known == stamp).then_some(*lacks))
    }

    /// The same, behind the next piece of the directory's listing.
    pub(crate) fn go_on(&self, directory: &File, stamp: Stamp, now: Instant) -> Option<bool> {
        // While another worker goes on with one, this one need not wait.
        let mut state = self.0.try_lock().ok()?;
        if state.listing.as_ref().is_some_and(|listing| listing.stamp != stamp && !listing.is_left(now)) {
            return None;
        }
        let listing = state.listing.take().filter(|listing| listing.stamp == stamp);
        let found = match listing.map_or_else(|| Listing::begin(directory, stamp, now), Ok) {
            Ok(mut listing) => {
                listing.last = now;
                let found = listing.read_piece();
                state.listing = found.is_none().then_some(listing);
                found
            }
            // One may look in a directory and not list it.
            Err(_) => Some(false),
        };
        if let Some(lacks) = found {
            let excess = (state.known.len() + 1).saturating_sub(KNOWN);
            state.known.drain(..excess);
            state.known.push_back((stamp, lacks));
        }
        found
    }

    /// Closes the directory whose listing is going on.
    pub(crate) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).listing = None;
    }

    /// The same if nobody has gone on with it lately; true if it is still open.
    pub(crate) fn close_left(&self, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.listing.take_if(|listing| listing.is_left(now));
        state.listing.is_some()
    }
}

impl Listing {
    fn begin(directory: &File, stamp: Stamp, now: Instant) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(directory, ".", flags, Mode::empty())?.into();
        Ok(Listing { directory, stamp, last: now })
    }

    /// True if nobody has gone on with it lately.
    fn is_left(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= FRESH
    }

    /// Reads the next names; what they say, as above.
    fn read_piece(&self) -> Option<bool> {
        let mut buffer = [MaybeUninit::uninit(); PIECE];
        let mut names = RawDir::new(&self.directory, &mut buffer);
        while let Some(entry) = names.next() {
            let Ok(entry) = entry else { return Some(false) };
            if may_be_sibling(entry.file_name().to_bytes()) {
                return Some(false);
            }
            if names.is_buffer_empty() {
                return None;
            }
        }
        // readdir(3): of a name that comes or goes meanwhile, it "is unspecified" whether it is listed.
        Some(Stamp::of_file(&self.directory) == Ok(self.stamp))
    }
}

/// True if a look for a sibling may find what has this name. There are file systems that tell neither upper and lower case apart nor
/// two ways to write a letter that is not of ASCII.
fn may_be_sibling(name: &[u8]) -> bool {
    let has = |ending: &[u8]| {
        let at = name.len().checked_sub(ending.len()).and_then(|at| name.get(at..));
        at.is_some_and(|end| end.eq_ignore_ascii_case(ending))
    };
    !name.is_ascii() || Coding::ALL.into_iter().any(|coding| has(coding.ending()))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // the listing wants to know the time
mod tests {
    use std::time::SystemTime;

    use super::*;

    /// A directory with so many files and these, whose next change sets another time for sure.
    fn directory(count: usize, more: &[&str]) -> (tempfile::TempDir, File, Stamp) {
        let dir = tempfile::tempdir().unwrap();
        for name in
            (0..count).map(|number| format!("{number}.txt")).chain(more.iter().map(ToString::to_string))
        {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let file = File::open(dir.path()).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let stamp = Stamp::of_file(&file).unwrap();
        (dir, file, stamp)
    }

    /// What the listing says at its end, and how many looks that takes.
    fn to_the_end(listings: &Listings, directory: &File, stamp: Stamp) -> (bool, usize) {
        let pieces = (1..100).map(|looks| (listings.go_on(directory, stamp, Instant::now()), looks));
        let found = pieces.filter_map(|(found, looks)| found.map(|found| (found, looks)));
        found.take(1).last().expect("it has an end")
    }

    #[test]
    fn a_directory_lacks_siblings_unless_a_name_may_be_one_s() {
        for (more, lacks) in [
            ([].as_slice(), true),
            (&["gz", "x.gzip", "br.txt", ".g"], true),
            (&["x.gz"], false),
            (&["x.br"], false),
            (&["x.zst"], false),
            (&["X.GZ"], false),
            (&[".gz"], false),
            (&["x.z\u{17f}t"], false),
        ] {
            let (_dir, file, stamp) = directory(9, more);
            assert_eq!(to_the_end(&Listings::default(), &file, stamp).0, lacks, "{more:?}");
        }
    }

    #[test]
    fn a_listing_goes_on_by_a_piece_with_each_look_and_sees_each_name() {
        let listings = Listings::default();
        let (_dir, file, stamp) = directory(500, &[]);
        let (lacks, looks) = to_the_end(&listings, &file, stamp);
        assert!(lacks && looks >= 500 * 24 / PIECE, "{looks}");
        let (_dir, file, stamp) = directory(500, &["x.gz"]);
        assert!(!to_the_end(&listings, &file, stamp).0);
    }

    #[test]
    fn a_directory_that_changes_while_it_is_listed_may_have_siblings() {
        let listings = Listings::default();
        let (dir, file, stamp) = directory(500, &[]);
        assert_eq!(listings.go_on(&file, stamp, Instant::now()), None);
        std::fs::write(dir.path().join("500.txt"), "").unwrap();
        assert!(!to_the_end(&listings, &file, stamp).0);
    }

    #[test]
    fn one_directory_is_listed_at_a_time_until_nobody_goes_on_with_it() {
        let listings = Listings::default();
        let [(_one, one, one_stamp), (_two, two, two_stamp)] = [directory(500, &[]), directory(0, &[])];
        let now = Instant::now();
        assert_eq!(listings.go_on(&one, one_stamp, now), None);
        let looks = |now| (0..9).find_map(|_| listings.go_on(&two, two_stamp, now));
        assert_eq!(looks(now + FRESH / 2), None);
        assert_eq!(looks(now + FRESH), Some(true));
        // The other one begins anew.
        assert!(to_the_end(&listings, &one, one_stamp).0);
    }
}
