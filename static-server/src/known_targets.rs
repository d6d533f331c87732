//! The targets that a worker is asked for again and again, with their files in the cache: of one of these neither the path is parsed
//! again, nor the name looked up. Whether the file is still the answer, the cache says.

use crate::directory::KnownFile;
use crate::ready::ReadyAnswer;

/// Targets that a worker knows.
const PLACES: usize = 64;
/// Bytes of the longest one.
const LONGEST: usize = 256;

/// A table in which each target has one place, which it may have to share.
#[derive(Debug, Default)]
pub(crate) struct KnownTargets(Vec<Place>);

#[derive(Debug, Default)]
struct Place {
    /// Of the target that was asked for last.
    last: u64,
    target: Vec<u8>,
    file: Option<KnownFile>,
    ready: Option<ReadyAnswer>,
}

impl KnownTargets {
    /// The file of a target, and the place for a ready answer with it.
    pub(crate) fn file(&mut self, target: &[u8]) -> Option<(&KnownFile, &mut Option<ReadyAnswer>)> {
        let place = self.0.get_mut(number(hash(target)))?;
        let Place { file, ready, .. } = place;
        file.as_ref().filter(|_| place.target == target).map(|file| (file, ready))
    }

    /// Notes the file of a target that has been asked for twice in a row here: one that is asked for once takes no other one's place.
    pub(crate) fn note(&mut self, target: &[u8], file: impl FnOnce() -> Option<KnownFile>) {
        if target.len() > LONGEST {
            return;
        }
        if self.0.is_empty() {
            self.0.resize_with(PLACES, Place::default);
        }
        let hash = hash(target);
        let Some(place) = self.0.get_mut(number(hash)) else { return };
        if std::mem::replace(&mut place.last, hash) == hash {
            (place.file, place.ready) = (file(), None);
            place.target.clear();
            place.target.extend_from_slice(target);
        }
    }
}

/// A number that seldom is another target's, too, of its length and the bytes at both ends. Where a client finds two with the same
/// number, they only take each other's place. With the XXH3 of our entity tags, a GET took 170 instructions more, of 6,000.
fn hash(target: &[u8]) -> u64 {
    let ends = match (target.first_chunk(), target.last_chunk()) {
        (Some(first), Some(last)) => u64::from_le_bytes(*first).rotate_left(29) ^ u64::from_le_bytes(*last),
        _ => target.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    ends.wrapping_add(target.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The place of a hash.
fn number(hash: u64) -> usize {
    usize::try_from(hash >> 32).unwrap_or_default() % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Cache;

    fn known(targets: &mut KnownTargets, target: &[u8]) -> bool {
        targets.file(target).is_some()
    }

    #[test]
    fn a_target_is_known_from_the_second_time_in_a_row_on_and_no_other_one_is_taken_for_it() {
        let cache = Cache::new(10_000);
        let slot = cache.slot(b"file");
        cache.keep(b"file", &slot, 10);
        let mut targets = KnownTargets::default();
        let (long, too_long) = (vec![b'a'; LONGEST], vec![b'a'; LONGEST + 1]);
        for target in [b"/".as_slice(), b"/file.txt", b"/a-long-name-with-a-middle.txt", &long] {
            targets.note(target, || cache.kept(b"file"));
            assert!(!known(&mut targets, target));
            targets.note(target, || cache.kept(b"file"));
            assert!(known(&mut targets, target));
        }
        // Those that are shorter than a word have places of their own, too.
        let short = [b"/a.css".as_slice(), b"/b.css"];
        for target in short.into_iter().chain(short) {
            targets.note(target, || cache.kept(b"file"));
        }
        assert!(short.iter().all(|target| known(&mut targets, target)));
        targets.note(&too_long, || cache.kept(b"file"));
        targets.note(&too_long, || cache.kept(b"file"));
        assert!(!known(&mut targets, &too_long));
        // With the same hash as one above.
        let other = b"/a-long-name-with-a-muddle.txt";
        assert!(!known(&mut targets, other));
        targets.note(other, || None);
        assert!(!known(&mut targets, other) && !known(&mut targets, b"/a-long-name-with-a-middle.txt"));
    }
}
