//! Whether a directory has packed siblings at all: one listing of it takes the place of three looks for each of its files, each of which
//! leaves a missing name in the kernel's memory.
//!
//! A listing goes on by a piece with each look, so that no turn waits for that of a large directory, except where the file system reads all
//! of it for its first piece (overlayfs does). What it found to be missing is so while the directory has the stamp that it had before the
//! listing began ([`crate::folder::Folder::names`]), on file systems that change that with each name ([`keeps_stamps`]).

use std::collections::VecDeque;
use std::fs::File;
use std::mem::MaybeUninit;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::fs::{Mode, OFlags, RawDir, fstatfs, openat};
use rustix::io::Errno;

use crate::encoding::Coding;
use crate::look::FRESH;
use crate::stamp::Stamp;

/// Bytes that are read with one look: a dozen names, which take about as long as three looks, and more than one of 255 bytes.
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
    /// A worker reads a piece of it, without the lock.
    is_being_read: bool,
}

impl State {
    fn known(&self, stamp: &Stamp) -> Option<bool> {
        self.known.iter().find_map(|(known, lacks)| (known == stamp).then_some(*lacks))
    }

    fn keep(&mut self, stamp: Stamp, lacks: bool) {
        let excess = (self.known.len() + 1).saturating_sub(KNOWN);
        self.known.drain(..excess);
        self.known.push_back((stamp, lacks));
    }
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
    /// True if the directory that has this stamp has no packed sibling, false if it may have one, `None` if that is not known behind the
    /// next piece of its listing.
    pub(crate) fn go_on(&self, directory: &File, stamp: Stamp, now: Instant) -> Option<bool> {
        let begun = {
            let mut state = self.lock();
            if let Some(known) = state.known(&stamp) {
                return Some(known);
            }
            let is_others =
                state.listing.as_ref().is_some_and(|other| other.stamp != stamp && !other.is_left(now));
            if state.is_being_read || is_others {
                return None;
            }
            state.is_being_read = true;
            state.listing.take().filter(|listing| listing.stamp == stamp)
        };
        // No other worker waits for the disk meanwhile.
        let listing = begun.map_or_else(|| Listing::begin(directory, stamp, now), Ok);
        let found = match &listing {
            Ok(listing) => listing.read_piece(),
            // One may look in a directory and not list it.
            Err(Errno::ACCESS | Errno::OPNOTSUPP) => Some(false),
            Err(_) => None,
        };
        let mut state = self.lock();
        state.is_being_read = false;
        match found {
            Some(lacks) => state.keep(stamp, lacks),
            None => state.listing = listing.ok().map(|listing| Listing { last: now, ..listing }),
        }
        found
    }

    /// Closes the directory whose listing is going on.
    pub(crate) fn close(&self) {
        self.lock().listing = None;
    }

    /// The same if nobody has gone on with it lately; true if it is still open.
    pub(crate) fn close_left(&self, now: Instant) -> bool {
        let mut state = self.lock();
        state.listing.take_if(|listing| listing.is_left(now));
        state.listing.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listing {
    /// Opens a directory for its listing.
    ///
    /// # Errors
    /// [`Errno::OPNOTSUPP`] where its stamp says nothing about its names; those of openat(2).
    fn begin(directory: &File, stamp: Stamp, now: Instant) -> Result<Self, Errno> {
        if !keeps_stamps(directory) {
            return Err(Errno::OPNOTSUPP);
        }
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

/// True if the file system is one that sets a directory's times whenever a name in it comes or goes. Not so those of networks, which
/// remember times for a while, and many in user space.
fn keeps_stamps(directory: &File) -> bool {
    fstatfs(directory).is_ok_and(|found| LOCAL.iter().any(|magic| i128::from(found.f_type) == *magic))
}

/// `f_type` of statfs(2): ext2 to ext4, XFS, Btrfs, F2FS, bcachefs, ZFS, tmpfs, `SquashFS`, EROFS, and overlayfs, of which the layers "are not
/// allowed" to change (the kernel's `filesystems/overlayfs`).
const LOCAL: [i128; 10] = [
    0xEF53,
    0x5846_5342,
    0x9123_683E,
    0xF2F5_2010,
    0xCA45_1A4E,
    0x2FC1_2FC1,
    0x0102_1994,
    0x7371_7368,
    0xE0F5_E1E2,
    0x794C_7630,
];

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
    fn a_listing_that_has_ended_is_not_begun_again_and_nobody_waits_for_one() {
        let listings = Listings::default();
        let (_dir, file, stamp) = directory(500, &[]);
        assert!(to_the_end(&listings, &file, stamp).0);
        assert_eq!(listings.go_on(&file, stamp, Instant::now()), Some(true));
        assert!(!listings.close_left(Instant::now()), "none is open");
        listings.lock().is_being_read = true;
        let (_other, other, other_stamp) = directory(0, &[]);
        assert_eq!(listings.go_on(&other, other_stamp, Instant::now()), None);
        assert_eq!(listings.lock().known(&other_stamp), None);
    }

    #[test]
    fn a_directory_whose_times_may_stand_still_may_have_siblings() {
        let (proc, local) = (File::open("/proc/self").unwrap(), tempfile::tempfile().unwrap());
        assert!(!keeps_stamps(&proc) && keeps_stamps(&local));
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
