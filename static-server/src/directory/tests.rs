//! Files and their siblings, as they come, change and go.
#![allow(clippy::disallowed_methods)] // the cache wants to know the time

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::*;
use crate::look::FOUND;

/// Late enough that every file is settled, in seconds since 1970.
const LATER: i64 = 1 << 40;
const SIZE: usize = 100_000;

fn directory(cache_bytes: usize) -> (tempfile::TempDir, Directory) {
    let dir = tempfile::tempdir().unwrap();
    for (name, size) in [("file", SIZE), ("file.gz", SIZE / 2), ("huge", 2 << 20)] {
        std::fs::write(dir.path().join(name), vec![b'1'; size]).unwrap();
    }
    let directory = Directory::new(Root::open(dir.path()).unwrap(), cache_bytes, Arc::default());
    (dir, directory)
}

/// True if the body is in memory; the tag.
fn asked(directory: &Directory, name: &str, now: Instant, wall: i64) -> (bool, Option<String>) {
    let resource = directory.load(name.as_bytes(), now, wall).unwrap().unwrap();
    let Representation { body, validators, .. } = &resource.identity;
    (matches!(body, Body::Disk { copy: Some(_), .. }), validators.etag.clone())
}

#[test]
fn a_large_file_that_is_asked_for_again_is_copied_under_the_same_tag_until_it_changes() {
    let (dir, directory) = directory(1 << 20);
    let now = Instant::now();
    let (is_copied, tag) = asked(&directory, "file", now, LATER);
    assert!(!is_copied && tag.is_some());
    assert_eq!(asked(&directory, "file", now, LATER), (true, tag.clone()));
    assert_eq!(asked(&directory, "file", now + Duration::from_mins(1), LATER), (true, tag.clone()));
    let again = directory.load(b"file", now, LATER).unwrap().unwrap();
    let Body::Disk { copy: Some(copy), .. } = &again.identity.body else { panic!("it is copied") };
    let mut bytes = vec![0; SIZE];
    copy.read(0, &mut bytes).unwrap();
    assert_eq!((copy.len(), bytes), (SIZE as u64, vec![b'1'; SIZE]));
    std::fs::write(dir.path().join("file"), vec![b'2'; SIZE + 1]).unwrap();
    let (is_copied, next) = asked(&directory, "file", now + Duration::from_mins(2), LATER);
    assert!(!is_copied && next != tag, "it is another one");
}

#[test]
fn a_file_is_not_copied_while_it_is_young_nor_where_it_finds_no_room() {
    for (cache_bytes, name, wall) in
        [(1 << 20, "file", 0), (1 << 18, "file", LATER), (0, "file", LATER), (1 << 30, "huge", LATER)]
    {
        let (_dir, directory) = directory(cache_bytes);
        let now = Instant::now();
        for _ in 0..3 {
            assert!(!asked(&directory, name, now, wall).0, "{name}, {cache_bytes} at {wall}");
        }
    }
}

#[test]
fn a_file_never_has_a_date_behind_the_clocks_whichever_way_that_is_set() {
    let (dir, directory) = directory(1 << 20);
    let file = File::open(dir.path().join("file")).unwrap();
    let modified = 1 << 33;
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 33)).unwrap();
    let mut now = Instant::now();
    for (wall, date) in [
        (modified - 1, None),
        (modified + 2, Some(modified)),
        (modified + 9, Some(modified)),
        (modified - 1, None),
        (modified - 1000, None),
        (LATER, Some(modified)),
    ] {
        now += FRESH;
        let resource = directory.load(b"file", now, wall).unwrap().unwrap();
        assert_eq!(resource.identity.validators.modified, date, "at {}", wall - modified);
    }
}

#[test]
fn a_version_that_is_no_longer_there_is_not_copied_for_the_one_before() {
    let (dir, directory) = directory(1 << 20);
    let now = Instant::now();
    let (_, tag) = asked(&directory, "file", now, LATER);
    std::fs::write(dir.path().join("file"), vec![b'2'; SIZE]).unwrap();
    assert_eq!(asked(&directory, "file", now, LATER), (false, tag), "half a second is not over");
}

/// Sets the time of a directory's last modification back, so that a name that comes or goes in it sets another one for sure.
fn set_back(path: &Path) {
    File::open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
}

/// The body, and whether there is a sibling.
fn small(directory: &Directory, name: &str, now: Instant) -> Result<(String, bool), OpenError> {
    let resource = directory.load(name.as_bytes(), now, LATER)?.expect("a file");
    let Body::Memory(bytes) = &resource.identity.body else { panic!("it is small") };
    Ok((String::from_utf8_lossy(bytes).into_owned(), !resource.coded.is_empty()))
}

/// A root with a file in each of these folders, which holds the folder's name; `outside` lies beside the root.
fn folders(names: &[&str]) -> (tempfile::TempDir, PathBuf, Directory) {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("root");
    for folder in names.iter().map(|name| root.join(name)).chain([outer.path().join("outside")]) {
        std::fs::create_dir_all(&folder).unwrap();
        for file in ["file", "other"] {
            std::fs::write(folder.join(file), folder.file_name().unwrap().as_encoded_bytes()).unwrap();
        }
    }
    let directory = Directory::new(Root::open(&root).unwrap(), 1 << 20, Arc::default());
    (outer, root, directory)
}

/// Puts one directory in the place of another.
fn replace(root: &Path, old: &str, new: &str) {
    std::fs::rename(root.join(old), root.join("old")).unwrap();
    std::fs::rename(root.join(new), root.join(old)).unwrap();
}

#[test]
fn a_sibling_that_comes_goes_or_is_found_behind_its_link_shows_at_the_next_look() {
    let (_outer, root, directory) = folders(&["a"]);
    let is_packed = |looks| small(&directory, "a/file", looks).unwrap().1;
    let mut now = Instant::now();
    symlink("../packed", root.join("a/file.br")).unwrap();
    set_back(&root.join("a"));
    for path in [root.join("a/file.gz"), root.join("packed")] {
        assert!(!is_packed(now));
        std::fs::write(&path, "packed").unwrap();
        now += FRESH;
        assert!(is_packed(now), "{}", path.display());
        std::fs::remove_file(path).unwrap();
        now += FRESH;
    }
}

#[test]
fn a_sibling_that_comes_into_a_directory_that_had_none_shows_at_the_next_look() {
    let (_outer, root, directory) = folders(&["a", "b"]);
    let mut now = Instant::now();
    let lacks_siblings = |name: &[u8], now| {
        let look = (directory.begin_look(now), LATER);
        directory.folders.look(&directory.root, name, look, |folder| Ok(folder.lacks_siblings())).unwrap()
    };
    for folder in ["a", "b"] {
        let name = format!("{folder}/file");
        set_back(&root.join(folder));
        let lacks = (0..9).any(|_| lacks_siblings(name.as_bytes(), now));
        now += FOUND;
        assert!(lacks && lacks_siblings(name.as_bytes(), now), "and it is known still");
        assert!(!small(&directory, &name, now).unwrap().1);
        std::fs::write(root.join(format!("{folder}/file.gz")), "packed").unwrap();
        std::fs::write(root.join(format!("{folder}/other.gz")), "packed").unwrap();
        now += FRESH;
        assert!(small(&directory, &name, now).unwrap().1);
        assert!(small(&directory, &format!("{folder}/other"), now).unwrap().1, "which is asked for only now");
    }
}

#[test]
fn a_directory_that_takes_the_place_of_another_shows_within_half_a_second() {
    let (_outer, root, directory) = folders(&["a", "b"]);
    let now = Instant::now();
    assert_eq!(small(&directory, "a/file", now).unwrap().0, "a");
    replace(&root, "a", "b");
    assert_eq!(small(&directory, "a/file", now + FRESH).unwrap().0, "b");
}

#[test]
fn no_name_is_missing_that_another_directory_has_by_now() {
    let (_outer, root, directory) = folders(&["a", "b"]);
    std::fs::write(root.join("b/new"), "b").unwrap();
    let now = Instant::now();
    assert_eq!(small(&directory, "a/file", now).unwrap().0, "a");
    replace(&root, "a", "b");
    assert_eq!(small(&directory, "a/new", now).unwrap().0, "b");
    assert_eq!(small(&directory, "a/other", now).unwrap().0, "b");
}

#[test]
fn a_look_in_a_directory_is_as_old_as_the_directory_s() {
    let (_outer, root, directory) = folders(&["a", "b"]);
    let now = Instant::now();
    small(&directory, "a/file", now).unwrap();
    assert_eq!(small(&directory, "a/other", now + FOUND / 2).unwrap().0, "a");
    replace(&root, "a", "b");
    assert_eq!(small(&directory, "a/other", now + FRESH).unwrap().0, "b");
}

#[test]
fn a_directory_that_leaves_the_root_shows_nothing_more_though_a_link_leads_to_it() {
    let (outer, root, directory) = folders(&["a"]);
    let now = Instant::now();
    small(&directory, "a/file", now).unwrap();
    std::fs::rename(root.join("a"), outer.path().join("away")).unwrap();
    symlink("../away", root.join("a")).unwrap();
    assert_eq!(small(&directory, "a/file", now + FRESH), Err(OpenError::Missing));
    assert_eq!(small(&directory, "a/other", now + FRESH), Err(OpenError::Missing));
}

#[test]
fn nothing_is_opened_in_a_directory_that_has_left_the_root() {
    let (outer, root, directory) = folders(&["a"]);
    let now = Instant::now();
    small(&directory, "a/file", now).unwrap();
    std::fs::rename(root.join("a"), outer.path().join("away")).unwrap();
    assert_eq!(small(&directory, "a/other", now), Err(OpenError::Missing));
    symlink("../outside/file", root.join("link")).unwrap();
    assert_eq!(small(&directory, "link", now), Err(OpenError::Missing));
}

#[test]
fn a_change_that_is_seen_ends_the_trust_in_directories_that_were_found_before() {
    let (_outer, root, directory) = folders(&["a", "b"]);
    std::fs::write(root.join("page"), "first").unwrap();
    let now = Instant::now();
    assert_eq!(small(&directory, "page", now).unwrap().0, "first");
    let later = now + FRESH * 19 / 20;
    assert_eq!(small(&directory, "a/file", later).unwrap().0, "a");
    replace(&root, "a", "b");
    std::fs::write(root.join("page"), "the second").unwrap();
    assert_eq!(small(&directory, "a/file", later).unwrap().0, "a");
    assert_eq!(small(&directory, "page", now + FRESH).unwrap().0, "the second");
    assert_eq!(
        small(&directory, "a/other", now + FRESH).unwrap().0,
        "b",
        "who has the page gets what it names"
    );
}

#[test]
fn a_known_file_is_recalled_only_where_a_load_would_look_at_nothing() {
    let (_dir, directory) = directory(1 << 20);
    let now = Instant::now();
    let load = |now| directory.load(b"file", now, LATER).unwrap().unwrap();
    assert!(directory.known(b"file").is_none());
    load(now);
    let known = directory.known(b"file").unwrap();
    // Before the next load.
    let is_recalled = |now| {
        let recalled = directory.recall(&known, now);
        let loaded = load(now);
        recalled.is_some_and(|(recalled, _)| Arc::ptr_eq(&recalled, &loaded))
    };
    assert!(!is_recalled(now), "the second load copies it");
    assert!(is_recalled(now) && is_recalled(now + FRESH / 2));
    let later = now + FRESH;
    assert!(!is_recalled(later), "a look is due");
    assert!(is_recalled(later));
    directory.changes.fetch_add(1, Ordering::SeqCst);
    assert!(!is_recalled(later), "another file has changed");
    assert!(is_recalled(later));
    directory.forget(b"file");
    load(later);
    load(later);
    assert!(!is_recalled(later) && directory.known(b"file").is_some(), "it has another slot");
}

/// The file of a directory as it is recalled once it has been asked for often enough.
fn recalled(directory: &Directory, now: Instant) -> (KnownFile, Look) {
    (0..2).for_each(|_| drop(directory.load(b"file", now, LATER).unwrap()));
    let known = directory.known(b"file").unwrap();
    let look = directory.recall(&known, now).unwrap().1;
    (known, look)
}

#[test]
fn what_was_recalled_holds_for_as_long_as_a_recall_would_return_it() {
    let (_dir, directory) = directory(1 << 20);
    let now = Instant::now();
    let (known, look) = recalled(&directory, now);
    let holds = |later| directory.is_as_recalled(&known, &look, later);
    assert!(holds(now) && holds(now + FRESH / 2));
    assert!(!holds(now + FRESH), "a look is due");
    directory.changes.fetch_add(1, Ordering::SeqCst);
    assert!(!holds(now), "another file has changed");
    let (known, look) = recalled(&directory, now);
    let holds = |later| directory.is_as_recalled(&known, &look, later);
    assert!(holds(now));
    directory.forget(b"file");
    assert!(!holds(now), "the cache has dropped it");
}

#[test]
fn other_bytes_under_the_same_stamp_are_a_change() {
    let (dir, directory) = directory(1 << 20);
    for (name, text) in [("young", "new"), ("other", "old")] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let now = Instant::now();
    let changes_after = |number: u32| {
        directory.load(b"young", now + FRESH * number, 0).unwrap();
        directory.changes.load(Ordering::SeqCst)
    };
    let (_, before) = (changes_after(0), changes_after(1));
    assert_eq!(changes_after(2), before, "the same, read again");
    let other = directory.load(b"other", now, LATER).unwrap().unwrap();
    directory.cache.slot(b"young").lock().unwrap().as_mut().unwrap().resource = other;
    assert_eq!(changes_after(3), before + 1);
}

/// The whole file that was opened for an answer.
fn opened(directory: &Directory, name: &str, now: Instant) -> Vec<u8> {
    let resource = directory.load(name.as_bytes(), now, 0).unwrap().unwrap();
    let Body::Disk { file: Some(file), stamp, .. } = &resource.identity.body else { panic!("it is open") };
    let mut bytes = vec![0; usize::try_from(stamp.len).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

#[test]
fn a_young_large_file_is_opened_for_each_answer_and_sent_as_it_was_then_whatever_takes_its_name() {
    let (dir, directory) = directory(1 << 20);
    let (path, now) = (dir.path().join("file"), Instant::now());
    let resource = directory.load(b"file", now, 0).unwrap().unwrap();
    for (number, more) in (b'2'..=b'9').zip(1..) {
        std::fs::write(dir.path().join("new"), vec![number; SIZE + more]).unwrap();
        std::fs::rename(dir.path().join("new"), &path).unwrap();
        for _ in 0..3 {
            assert_eq!(
                opened(&directory, "file", now),
                vec![number; SIZE + more],
                "also in the same instant"
            );
        }
    }
    let Body::Disk { file: Some(file), .. } = &resource.identity.body else { panic!("it is open") };
    let mut bytes = vec![0; SIZE];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(bytes, vec![b'1'; SIZE]);
}

#[test]
fn no_file_stays_open_in_the_cache() {
    let (_dir, directory) = directory(1 << 20);
    let now = Instant::now();
    for wall in [0, LATER] {
        for name in ["file", "huge"] {
            drop(directory.load(name.as_bytes(), now, wall).unwrap());
            let slot = directory.cache.slot(name.as_bytes());
            let place = slot.lock().unwrap();
            let mut resource = Resource::clone(&place.as_ref().unwrap().resource);
            for it in resource.all_mut() {
                assert!(
                    matches!(&it.body, Body::Disk { file: None, .. } | Body::Memory(_)),
                    "{name} at {wall}"
                );
            }
        }
    }
}

#[test]
fn a_file_that_is_opened_by_its_name_is_the_one_that_its_stamp_is_of() {
    let (dir, directory) = directory(1 << 20);
    let (path, now) = (dir.path().join("file"), Instant::now());
    let stamp = |resource: Arc<Resource>| match &resource.identity.body {
        Body::Disk { stamp, .. } => *stamp,
        Body::Memory(_) => panic!("it is large"),
    };
    let before = stamp(directory.load(b"file", now, LATER).unwrap().unwrap());
    assert!(directory.open(b"file", &before).is_some());
    for bytes in [vec![b'2'; SIZE], vec![b'2'; SIZE + 1], vec![b'2'; SIZE - 1]] {
        std::fs::write(dir.path().join("new"), bytes).unwrap();
        std::fs::rename(dir.path().join("new"), &path).unwrap();
        assert!(directory.open(b"file", &before).is_none());
    }
    std::fs::remove_file(&path).unwrap();
    assert!(directory.open(b"file", &before).is_none());
}
