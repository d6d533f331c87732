//! What people get wrong on the command line, in the environment and in the file, and the one line that each gets: it names
//! the option, the value, and what to do. The table is `table.txt`, and that of the bridge to NATS, which is built apart, `bridge.txt`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::{
    env, fs,
    net::TcpListener,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use harness::{Daemon, binary, command, eventually, project};

const TABLE: &str = include_str!("table.txt");
const BRIDGE: &str = include_str!("bridge.txt");
/// The words that make a program another one: `datecast feed` says so in its messages.
const COMMANDS: [&str; 4] = ["feed", "follow", "publish", "create"];

/// One row: a command, the file of `--config file`, the exit code and the message.
#[derive(Debug, Default)]
struct Mistake<'t> {
    command: &'t str,
    file: Vec<&'t str>,
    exit: i32,
    message: &'t str,
}

fn rows(table: &str) -> Vec<Mistake<'_>> {
    let mut rows: Vec<Mistake<'_>> = Vec::new();
    for line in table.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            rows.push(Mistake { command, ..Mistake::default() });
        } else if let Some(content) = line.strip_prefix("| ") {
            rows.last_mut().expect("a command before its file").file.push(content);
        } else if let Some((exit, message)) = line.split_once(": ").filter(|_| !line.starts_with('#')) {
            let row = rows.last_mut().expect("a command before its message");
            (row.exit, row.message) = (exit.parse().expect("an exit code"), message);
        }
    }
    rows
}

/// The words of a command, which may stand in single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in line.split('\'').enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// The release of the bridge: in the folder of `NATS_BINARIES`, or where cargo puts it.
fn bridge(name: &str) -> PathBuf {
    let given = env::var_os("NATS_BINARIES").map(PathBuf::from);
    project().join(given.unwrap_or_else(|| "datecast-nats/target/release".into())).join(name)
}

/// The command in this folder: variables, a daemon, its arguments.
fn prepare(line: &str, folder: &Path, program: fn(&str) -> PathBuf) -> (String, Command) {
    let words = words(line);
    let name = words.iter().position(|word| !word.contains('=')).expect("a daemon's name");
    let (variables, rest) = words.split_at(name);
    let (name, arguments) = rest.split_first().expect("a daemon's name");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut command = command(program(name), &arguments);
    command.current_dir(folder);
    command.envs(variables.iter().filter_map(|variable| variable.split_once('=')));
    let called = arguments.first().filter(|word| COMMANDS.contains(word));
    (called.map_or(name.clone(), |word| format!("{name} {word}")), command)
}

#[test]
fn every_mistake_gets_its_message() {
    each_gets_its_message(TABLE, binary);
}

#[test]
#[ignore = "it needs a release build of datecast-nats, a workspace of its own"]
fn every_mistake_with_the_bridge_gets_its_message() {
    each_gets_its_message(BRIDGE, bridge);
}

/// `program`: the path of a program of this name.
fn each_gets_its_message(table: &str, program: fn(&str) -> PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().canonicalize().expect("its path");
    fs::write(at.join("plain"), "").expect("written");
    fs::write(at.join("binary"), [0xff, 0xfe]).expect("written");
    fs::create_dir(at.join("folder")).expect("made");
    symlink("loop", at.join("loop")).expect("made");
    let taken = TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = taken.local_addr().expect("an address").port().to_string();

    let mut wrong = Vec::new();
    for Mistake { command, file, exit, message } in rows(table) {
        fs::write(at.join("file"), file.join("\n") + "\n").expect("written");
        let (name, prepared) = prepare(&command.replace("{port}", &port), &at, program);
        let mut daemon = Daemon::spawn(prepared);
        eventually(|| if daemon.is_running() { Err(format!("{command}: it runs")) } else { Ok(()) });
        let (status, log) = daemon.wait();
        let expected = message.replace("{port}", &port).replace("{folder}", &at.display().to_string());
        if status.code() != Some(exit) || log.trim_end() != format!("{name}: {expected}") {
            wrong.push(format!("$ {command}\n{}: {}\n", status.code().unwrap_or(-1), log.trim_end()));
        }
    }
    assert!(wrong.is_empty(), "{} rows differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_has_a_hundred_mistakes_and_no_message_ends_without_a_cure() {
    let table = rows(TABLE);
    assert!(table.len() >= 100, "{}", table.len());
    for Mistake { command, message, .. } in table.iter().chain(&rows(BRIDGE)) {
        // clap's and Rust's own words name no cure.
        for bare in ["os error", "invalid digit", "unexpected", "Usage:", "possible values"] {
            assert!(!message.contains(bare), "{command}: {message}");
        }
    }
}
