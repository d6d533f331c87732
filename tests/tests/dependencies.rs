//! Each crate that a manifest names has its reason in `docs/architecture.md` (OP-18), and no reason is for a crate that nobody has.

#![allow(clippy::expect_used, reason = "a test fails by a panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

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

/// The crates of others under `[dependencies]` in a member's manifest: name, and whether it adds features to those of the workspace.
fn asked_for(manifest: &str) -> impl Iterator<Item = (&str, bool)> {
    let section = manifest.split("[dependencies]\n").nth(1).unwrap_or_default();
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| {
        let (name, wanted) = line.split_once([' ', '.'])?;
        wanted.contains("workspace = true").then(|| (name, wanted.contains("features")))
    })
}

/// The crates that several of these manifests name, and to which one of them adds features.
fn built_twice<'a>(members: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    let mut asked: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
    for (name, adds) in members.into_iter().flat_map(asked_for) {
        let (times, added) = asked.entry(name).or_default();
        *times += 1;
        *added |= adds;
    }
    asked.into_iter().filter(|(_, (times, added))| *times > 1 && *added).map(|(name, _)| name).collect()
}

// Else a build of one member compiles such a crate, and all that depend on it, another time than a build of all.
#[test]
fn the_features_of_a_shared_crate_stand_in_the_workspace() {
    let read = |path: &str| fs::read_to_string(project().join(path)).expect(path);
    let workspace = read("Cargo.toml");
    let (_, members) = workspace.split_once("members = [").expect("the members");
    let (members, _) = members.split_once(']').expect("their end");
    let folders = members.split(", ").map(|name| name.trim_matches('"'));
    let manifests: Vec<String> = folders.map(|folder| read(&format!("{folder}/Cargo.toml"))).collect();
    assert_eq!(manifests.len(), 10);
    assert_eq!(built_twice(manifests.iter().map(String::as_str)), BTreeSet::new());
}

#[test]
fn added_features_of_a_shared_crate_would_be_found() {
    let one = "[dependencies]\nnix.workspace = true\nlog.workspace = true\nmio = { workspace = true, features = [\"a\"] }\n";
    let other = "[dependencies]\nnix = { workspace = true, features = [\"fs\"] }\nlog.workspace = true\n[dev-dependencies]\n";
    assert_eq!(built_twice([one, other]), BTreeSet::from(["nix"]));
}
