//! Each crate that a manifest names has its reason in `docs/architecture.md` (OP-18), and no reason is for a crate that nobody has.

#![allow(clippy::expect_used, reason = "a test fails by a panic")]

use std::{collections::BTreeSet, fs};

use harness::project;

/// The manifests of the three workspaces that name crates of others; those of the members only say `workspace = true`.
const MANIFESTS: [&str; 5] = [
    "Cargo.toml",
    "datecast-nats/Cargo.toml",
    "datecast-nats/manual/Cargo.toml",
    "fuzz/Cargo.toml",
    "fuzz/oracles/Cargo.toml",
];

/// The crates of others under `[…dependencies]` in a manifest whose dependencies have a line each.
fn named(manifest: &str) -> BTreeSet<String> {
    let mut in_dependencies = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            in_dependencies = line.trim_end().ends_with("dependencies]");
        } else if in_dependencies && !line.starts_with('#') && !line.contains("path = \"") {
            names.extend(line.split_once(" = ").map(|(name, _)| name.to_owned()));
        }
    }
    names
}

/// The crates of the section: the first column of its tables, and what its sentences list behind a colon.
fn explained(document: &str) -> BTreeSet<String> {
    let (_, section) = document.split_once("\n## Dependencies\n").expect("the section");
    let section = section.split("\n## ").next().expect("its end");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split('|').next());
    let text = section.lines().filter(|line| !line.starts_with('|')).collect::<Vec<_>>().join(" ");
    let lists: Vec<&str> =
        text.split(". ").filter_map(|sentence| Some(sentence.split_once(": ")?.1)).collect();
    let names = rows.chain(lists).flat_map(|list| list.split(", "));
    names.map(|name| name.trim_matches([' ', '.']).to_owned()).filter(|name| name != "crate").collect()
}

#[test]
fn every_dependency_has_its_reason_and_every_reason_its_dependency() {
    let read = |path: &str| fs::read_to_string(project().join(path)).expect(path);
    let manifests: BTreeSet<String> = MANIFESTS.iter().flat_map(|path| named(&read(path))).collect();
    let document = explained(&read("docs/architecture.md"));
    let unexplained: Vec<_> = manifests.difference(&document).collect();
    let unused: Vec<_> = document.difference(&manifests).collect();
    assert!(
        unexplained.is_empty() && unused.is_empty(),
        "without a reason: {unexplained:?}; gone: {unused:?}"
    );
}

#[test]
fn a_crate_without_a_reason_would_be_found() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\nours = { path = \"../ours\" }\nlog = \"1\"\n[dev-dependencies]\nevil = \"1\"\n";
    assert_eq!(named(manifest).into_iter().collect::<Vec<_>>(), ["evil", "log"]);
    let document = "x\n## Dependencies\n\n| crate | for what |\n|---|---|\n| log | the log |\n\nFor tests: a, b. To fuzz: c.\n\n## Next\n";
    assert_eq!(explained(document).into_iter().collect::<Vec<_>>(), ["a", "b", "c", "log"]);
}

// P13: the daemons stay small.
#[test]
fn the_daemons_have_at_most_twenty_four_direct_dependencies() {
    let manifest = fs::read_to_string(project().join("Cargo.toml")).expect("a manifest");
    let (daemons, _) =
        manifest.split_once("# For manual pages").expect("the mark behind those of the daemons");
    let count = named(daemons).len();
    assert!(count <= 24, "{count}");
}
