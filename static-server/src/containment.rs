//! Row ST-01 (P7): every path over the dangerous alphabet, against a model of what may answer it.
//!
//! ```text
//!  outer/             canaries, with the names of the files beneath the root
//!    beside/          the same
//!      root/          served: each file holds its own path
//! ```
//!
//! The model reads a target byte by byte and looks the result up in a table. It shares no code with the parser and asks no
//! file system, so that a mistake of either shows.

#![allow(clippy::disallowed_methods)] // the cache wants to know the time

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crate::directory::Directory;
use crate::open_error::OpenError;
use crate::path::RequestPath;
use crate::representation::Body;
use crate::root::Root;
use crate::site::{Content, Site};
use crate::tree::{Opened, Tree};

const ALPHABET: &[u8; 9] = b"./%2ef\\\0a";
const CANARY: &[u8] = b"outside";

/// What a name beneath the root is.
#[derive(Clone, Copy)]
enum Node {
    File,
    Directory,
    /// A link to this path beneath the root, and where it leads as a path from there.
    Inside(&'static str, &'static [u8]),
    /// A link out of the root.
    Outside(&'static str),
}

/// What lies beneath the root. The names are over the alphabet and what its escapes stand for: `%2e` for `.`, `%22` for
/// `"`, `%2a` for `*`, `%ee` and the like for themselves.
fn disk() -> BTreeMap<&'static [u8], Node> {
    let files: [&[u8]; 25] = [
        b"a",
        b"2",
        b"2f",
        b"\\",
        b"\\a",
        b"a\\..",
        b"..\\a",
        b"e.",
        b"a..",
        b"a.e",
        b"\"",
        b"*",
        b"*a",
        b"\xee",
        b"\xfa\xff",
        b".a",
        b"..a",
        b"...",
        b".\\a",
        b"e/a",
        b"e/\\",
        b"e/.a",
        b"e/2/a",
        b"e/index.html",
        b"index.html",
    ];
    let mut disk: BTreeMap<_, _> = files.map(|name| (name, Node::File)).into();
    disk.extend([b"e".as_slice(), b"e/2", b"f"].map(|name| (name, Node::Directory)));
    disk.extend([
        (b"aa".as_slice(), Node::Inside("e/a", b"e/a")),
        (b"ae", Node::Inside("./e/2/..", b"e")),
        (b"e/f", Node::Inside("../a", b"a")),
        (b"fa", Node::Outside("../a")),
        (b"ff", Node::Outside("..")),
        (b"f/a", Node::Outside("../../a")),
        (b"f/e", Node::Outside("../../root/a")),
        (b"e/e", Node::Outside("/")),
        (b"e/2/e", Node::Outside("/proc/self/root")),
    ]);
    disk
}

/// Makes the directories, and returns the root.
fn make(outer: &Path) -> PathBuf {
    let [beside, root] = ["beside", "beside/root"].map(|name| outer.join(name));
    fs::create_dir_all(&root).unwrap();
    // A directory comes before what it holds: its name is the shorter one.
    for (name, node) in disk() {
        let name = OsStr::from_bytes(name);
        match node {
            Node::Directory => {
                for parent in [outer, &beside, &root] {
                    fs::create_dir(parent.join(name)).unwrap();
                }
            }
            Node::File => {
                for parent in [outer, &beside] {
                    fs::write(parent.join(name), CANARY).unwrap();
                }
                fs::write(root.join(name), name.as_bytes()).unwrap();
            }
            Node::Inside(target, _) | Node::Outside(target) => symlink(target, root.join(name)).unwrap(),
        }
    }
    root
}

/// What may answer a target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// 400: no path, or one that holds what none may hold.
    Refused,
    /// 404 for a name that begins with a dot, whether it is there or not.
    Hidden,
    /// 404
    Missing,
    /// 301, to the same path with a slash behind it.
    Directory,
    /// The file of this path.
    File(Vec<u8>),
}

/// The model: reads the target byte by byte, with the segment so far and the segments before it.
fn verdict(disk: &BTreeMap<&'static [u8], Node>, target: &[u8]) -> Verdict {
    let (mut segments, mut segment, mut at) = (Vec::new(), Vec::new(), 1);
    if target.first() != Some(&b'/') {
        return Verdict::Refused;
    }
    loop {
        let byte = match target.get(at) {
            None | Some(b'/') => {
                match segment.as_slice() {
                    b".." => return Verdict::Refused,
                    b"" | b"." => {}
                    [b'.', ..] => return Verdict::Hidden,
                    _ => segments.push(segment.clone()),
                }
                if at >= target.len() {
                    return found(disk, &segments, matches!(segment.as_slice(), b"" | b"."));
                }
                segment.clear();
                at += 1;
                continue;
            }
            Some(b'%') => {
                let digits = target.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
                let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let Some(value) = value else { return Verdict::Refused };
                at += 2;
                value
            }
            Some(&byte) => byte,
        };
        at += 1;
        segment.push(byte);
        if byte == 0 || byte == b'/' {
            return Verdict::Refused;
        }
    }
}

/// Looks up the segments, and the index of a directory if the path ended in a slash.
fn found(disk: &BTreeMap<&'static [u8], Node>, segments: &[Vec<u8>], slash: bool) -> Verdict {
    let mut here: &[u8] = b"";
    let mut is_file = false;
    let index = slash.then(|| b"index.html".to_vec());
    for segment in segments.iter().chain(&index) {
        let name = if here.is_empty() { segment.clone() } else { [here, b"/", segment].concat() };
        let Some((name, node)) = disk.get_key_value(name.as_slice()).filter(|_| !is_file) else {
            return Verdict::Missing;
        };
        here = match node {
            Node::Outside(_) => return Verdict::Missing,
            Node::Inside(_, target) => target,
            Node::File | Node::Directory => name,
        };
        is_file = matches!(disk.get(here), Some(Node::File));
    }
    if is_file { Verdict::File(here.to_vec()) } else { Verdict::Directory }
}

/// What serves the root: the site as it answers requests, and below it both ways to a file.
struct Served {
    disk: BTreeMap<&'static [u8], Node>,
    site: Site,
    by_kernel: Tree,
    by_walk: Tree,
}

impl Served {
    fn new(root: &Path) -> Self {
        // Without a cache: each name is looked up on the disk.
        let directory = Directory::new(Root::open(root).unwrap(), 0, Arc::default());
        let site = Site::new(Content::Directory(directory), false);
        let [by_kernel, by_walk] = [Tree::open(root).unwrap(), Tree::open(root).unwrap().walking()];
        Served { disk: disk(), site, by_kernel, by_walk }
    }

    /// Compares what the server makes of a target with the model, and returns that. `missing` counts the names that are not
    /// there: the site, which looks twice where its root leads before it says so, is asked for every eighth of them.
    fn check(&self, target: &[u8], missing: &mut usize) -> Verdict {
        let model = verdict(&self.disk, target);
        let path = match RequestPath::parse(target) {
            Ok(path) => path,
            Err(error) => {
                let refusal = if error.status() == 404 { Verdict::Hidden } else { Verdict::Refused };
                assert_eq!(refusal, model, "{}", target.escape_ascii());
                return model;
            }
        };
        let [by_kernel, by_walk] = [&self.by_kernel, &self.by_walk].map(|tree| opened(tree, path.name()));
        assert_eq!(by_kernel, by_walk, "{}", target.escape_ascii());
        if !path.is_directory() {
            assert_eq!(by_kernel, model, "{}", target.escape_ascii());
        }
        *missing += usize::from(by_kernel == Verdict::Missing);
        if by_kernel != Verdict::Missing || missing.is_multiple_of(8) {
            assert_eq!(self.of_site(&path), model, "{}", target.escape_ascii());
        }
        model
    }

    /// What the site answers.
    fn of_site(&self, path: &RequestPath<'_>) -> Verdict {
        match self.site.find(path, Instant::now(), 0) {
            Ok(None) => Verdict::Directory,
            Ok(Some(resource)) => match &resource.identity.body {
                Body::Memory(bytes) => Verdict::File(bytes.to_vec()),
                Body::Disk { .. } => panic!("no file is that large"),
            },
            Err(OpenError::Missing) => Verdict::Missing,
            Err(error) => panic!("{path:?}: {error}"),
        }
    }
}

/// What a tree has of this name; a file says by its content which one it is.
fn opened(tree: &Tree, name: &[u8]) -> Verdict {
    match tree.open_file(name) {
        Ok(Opened::Directory) => Verdict::Directory,
        Ok(Opened::File(mut file, _)) => {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            Verdict::File(bytes)
        }
        Err(OpenError::Missing) => Verdict::Missing,
        Err(error) => panic!("{}: {error}", name.escape_ascii()),
    }
}

/// All targets of this length that begin with a slash and this byte.
fn targets(len: u32, first: u8) -> impl Iterator<Item = Vec<u8>> {
    (0..9_usize.pow(len - 1)).map(move |number| {
        let rest = (0..len - 1).map(|place| ALPHABET[number / 9_usize.pow(place) % 9]);
        [b'/', first].into_iter().chain(rest).collect()
    })
}

/// How often each verdict was met, the files each by itself.
fn count(served: &Served, targets: impl Iterator<Item = Vec<u8>>) -> BTreeMap<Verdict, usize> {
    let (mut counts, mut missing) = (BTreeMap::new(), 0);
    for target in targets {
        *counts.entry(served.check(&target, &mut missing)).or_default() += 1;
    }
    counts
}

#[test]
fn of_all_paths_of_up_to_seven_bytes_only_files_beneath_the_root_answer() {
    let outer = tempfile::tempdir().unwrap();
    let served = Served::new(&make(outer.path()));
    let mut counts = count(&served, [b"/".to_vec()].into_iter());
    thread::scope(|scope| {
        let served = &served;
        let halves = [&ALPHABET[..5], &ALPHABET[5..]].map(|half| {
            let all = half.iter().flat_map(|first| (1..=7).flat_map(|len| targets(len, *first)));
            scope.spawn(move || count(served, all))
        });
        for (verdict, count) in halves.into_iter().flat_map(|half| half.join().unwrap()) {
            *counts.entry(verdict).or_default() += count;
        }
    });
    assert_eq!(counts.values().sum::<usize>(), (0..=7).map(|len| 9_usize.pow(len)).sum());
    // Each file has answered, but for the hidden ones.
    let files = disk().into_iter().filter(|(_, node)| matches!(node, Node::File)).map(|(name, _)| name);
    let public =
        files.filter(|name| !name.split(|&byte| byte == b'/').any(|segment| segment.starts_with(b".")));
    let mut expected: Vec<Verdict> = public.map(|name| Verdict::File(name.to_vec())).collect();
    expected.extend([Verdict::Refused, Verdict::Hidden, Verdict::Missing, Verdict::Directory]);
    expected.sort();
    assert_eq!(counts.into_keys().collect::<Vec<_>>(), expected);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(20_000))]
    #[test]
    fn of_longer_paths_too(pieces in proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..12)) {
        thread_local!(static SERVED: (tempfile::TempDir, Served) = {
            let outer = tempfile::tempdir().unwrap();
            let root = make(outer.path());
            (outer, Served::new(&root))
        });
        let target = [b"/".as_slice(), &pieces.concat()].concat();
        SERVED.with(|(_, served)| served.check(&target, &mut 7));
    }
}

/// What longer paths are made of.
const PIECES: [&[u8]; 20] = [
    b"..",
    b"/",
    b"/",
    b"/",
    b".",
    b"%2e",
    b"%2E%2e",
    b"%2f",
    b"%5c",
    b"%252e",
    b"%00",
    b"%c0%ae",
    b"e",
    b"a",
    b"2",
    b"f",
    b"ae",
    b"%61",
    b"index.html",
    b"%",
];
