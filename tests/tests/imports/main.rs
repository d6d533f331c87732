//! A reader goes down, never back up: no two source files of a crate import each other, directly or round a corner, and the
//! crates depend on each other in one direction.
//!
//! A file imports the files that define what its paths lead to; a `pub use` on the way only passes on. Code behind
//! `#[cfg(test)]` does not count.

#![allow(clippy::panic, clippy::expect_used, clippy::indexing_slicing)] // A check says what is wrong by a panic.

mod cycles;
mod modules;
mod planted;
mod tokens;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use harness::project;

use cycles::cycles;
use modules::Files;

/// The crates without cycles.
const CRATES: [&str; 8] = [
    "common",
    "common/reactor",
    "common/daemon",
    "ws-server",
    "policy-server",
    "static-server",
    "datecast",
    "datecast-nats",
];
/// What the core may depend on: none of them touches descriptors, threads or the environment.
const PURE_CRATES: [&str; 8] = ["base64", "httparse", "md-5", "sha1", "sha2", "subtle", "thiserror", "time"];

#[test]
fn no_two_files_of_a_crate_import_each_other() {
    let mut found = Vec::new();
    for name in CRATES {
        let chains = cycles(&sources(&project().join(name).join("src")));
        found.extend(chains.iter().map(|chain| format!("{name}: {chain}")));
    }
    assert!(found.is_empty(), "these files import each other:\n{}", found.join("\n"));
}

#[test]
fn crates_depend_on_each_other_in_one_direction() {
    let down: [(&str, &[&str]); 8] = [
        ("common", &[]),
        ("common/reactor", &[]),
        ("common/daemon", &["common", "reactor"]),
        ("policy-server", &["common", "daemon", "reactor"]),
        ("static-server", &["common", "daemon", "reactor"]),
        ("ws-server", &["common", "daemon", "reactor"]),
        ("datecast", &["common", "daemon", "reactor", "policy-server", "static-server", "ws-server"]),
        ("datecast-nats", &["common", "daemon"]),
    ];
    let own = own_crates();
    assert!(own.contains("reactor") && own.contains("ws-server"), "{own:?}");
    for (folder, allowed) in down {
        let dependencies = dependencies(&manifest(folder));
        for name in dependencies.iter().filter(|name| own.contains(*name)) {
            assert!(allowed.contains(&name.as_str()), "{folder} must not depend on {name}");
        }
    }
}

#[test]
fn the_core_depends_on_pure_crates_only() {
    let common = manifest("common");
    let dependencies = dependencies(&common);
    assert!(dependencies.iter().eq(PURE_CRATES), "{dependencies:?}");
    // No other table adds one, and no name stands for another crate.
    let tables: Vec<&str> = common.lines().filter(|line| line.contains("dependencies")).collect();
    assert_eq!(tables, ["[dependencies]", "[dev-dependencies]"]);
    for name in PURE_CRATES {
        assert!(common.contains(&format!("\n{name}.workspace = true\n")), "{name}");
    }
    assert!(!manifest("").contains("package = "), "a dependency under another name");
}

#[test]
fn the_bridge_to_nats_has_the_lints_of_the_daemons() {
    let (daemons, bridge) = (manifest(""), manifest("datecast-nats"));
    for table in ["rust", "clippy"] {
        let lints = lints(&daemons, &format!("[workspace.lints.{table}]"));
        assert!(!lints.is_empty());
        assert_eq!(self::lints(&bridge, &format!("[lints.{table}]")), lints);
    }
}

/// The lints under this heading, without comments.
fn lints<'m>(manifest: &'m str, heading: &str) -> BTreeSet<&'m str> {
    let lines = manifest.lines().skip_while(|line| *line != heading).skip(1);
    let lines =
        lines.take_while(|line| !line.starts_with('[')).map(|line| line.split('#').next().unwrap_or(line));
    lines.map(str::trim).filter(|line| !line.is_empty()).collect()
}

/// All `.rs` files below a folder.
fn sources(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(folder).expect("below it").display().to_string();
                files.insert(name, fs::read_to_string(&path).expect("text"));
            }
        }
    }
    files
}

fn manifest(folder: &str) -> String {
    fs::read_to_string(project().join(folder).join("Cargo.toml")).expect("a manifest")
}

/// The names of the workspace's own crates.
fn own_crates() -> BTreeSet<String> {
    let workspace = manifest("");
    let members =
        workspace.split_once("members = [").and_then(|(_, rest)| rest.split_once(']')).expect("members").0;
    let folders =
        members.split(',').map(|member| member.trim().trim_matches('"')).filter(|member| !member.is_empty());
    let name = |folder| {
        let manifest = manifest(folder);
        let line = manifest.lines().find_map(|line| line.strip_prefix("name = ")).expect("a name");
        line.trim_matches('"').to_owned()
    };
    folders.map(name).collect()
}

/// The names under `[dependencies]` and its like for one platform.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut is_inside = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            is_inside = line.ends_with("dependencies]") && !line.contains("dev-dependencies");
        } else if is_inside && !line.starts_with('#') && line.contains('=') {
            names.extend(line.split(['.', '=', ' ']).next().map(str::to_owned));
        }
    }
    names
}
