//! `--reload`, the `ExecReload=` of the units: it fails where the configuration is wrong, and the daemon goes on with the old one. And what the units
//! promise beside that.

#![allow(clippy::expect_used, reason = "a test fails by a panic")]

use std::{fs, process::Output};

use harness::{Daemon, Signal, binary, command};

const DAEMONS: [&str; 3] = ["ws-server", "policy-server", "static-server"];

/// `NAME --reload PID --config FILE`, as systemd runs it.
fn reload(name: &str, pid: u32, config: &str) -> Output {
    let mut command = command(binary(name), &["--reload", &pid.to_string(), "--config", config]);
    // A wrong configuration at the start waits a second before the next start; nobody waits here.
    command.env("INVOCATION_ID", "0123456789abcdef0123456789abcdef");
    command.output().expect("it runs")
}

#[test]
fn a_reload_succeeds_or_says_what_is_wrong_in_the_unit_and_in_the_daemon() {
    for name in DAEMONS {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().to_str().expect("text");
        let mut daemon = Daemon::start(binary(name), &["--config", path]);

        let right = reload(name, daemon.pid(), path);
        assert_eq!(right.status.code(), Some(0), "{name}: {right:?}");
        assert!(right.stdout.is_empty() && right.stderr.is_empty(), "{name}: {right:?}");
        daemon.log_line("the configuration was read again");

        fs::write(path, "linger = \"soon\"\n").expect("written");
        let wrong = reload(name, daemon.pid(), path);
        assert_eq!(wrong.status.code(), Some(78), "{name}: {wrong:?}");
        let text = String::from_utf8_lossy(&wrong.stderr);
        assert!(text.contains("`linger`") && text.contains("soon"), "{name}: {text}");
        let logged = daemon.log_line("the old one stays in force: ");
        assert!(logged.contains("`linger`"), "{name}: {logged}");

        let nobody = reload(name, i32::MAX.unsigned_abs(), path);
        assert_eq!(nobody.status.code(), Some(78), "{name}: the configuration is wrong first: {nobody:?}");
        fs::write(path, "").expect("written");
        let nobody = reload(name, i32::MAX.unsigned_abs(), path);
        assert_eq!(nobody.status.code(), Some(71), "{name}: {nobody:?}");
        assert!(
            String::from_utf8_lossy(&nobody.stderr).contains("--reload 2147483647: no process has this id")
        );
        for pid in ["0", "1", "-1", "x", "4294967296"] {
            let output = command(binary(name), &["--reload", pid]).output().expect("it runs");
            assert_eq!(output.status.code(), Some(64), "{name} {pid}: {output:?}");
        }
        assert!(daemon.is_running());
    }
}

#[test]
fn a_reload_leaves_a_process_of_another_program_alone() {
    let daemon = Daemon::start(binary("policy-server"), &[]);
    for name in ["ws-server", "static-server"] {
        let pid = daemon.pid();
        let output = command(binary(name), &["--reload", &pid.to_string()]).output().expect("it runs");
        assert_eq!(output.status.code(), Some(64), "{name}: {output:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            text.contains(&format!("--reload {pid}: that process is policy-server, not {name}")),
            "{text}"
        );
    }
    daemon.signal(Signal::TERM);
    let (_, log) = daemon.wait();
    assert!(!log.contains("read again"), "no HUP came: {log}");
}

#[test]
fn a_fifo_in_the_place_of_the_file_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).expect("made");
    for name in DAEMONS {
        let output = reload(name, i32::MAX.unsigned_abs(), path.to_str().expect("text"));
        assert_eq!(output.status.code(), Some(66), "{name}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("this is not a regular file"), "{output:?}");
    }
}

/// The service manager runs the two with the same configuration, and without a program that the package does not bring.
#[test]
fn every_unit_reloads_with_the_flags_of_its_start() {
    for name in DAEMONS {
        let unit =
            fs::read_to_string(harness::project().join(format!("systemd/{name}.service"))).expect("a unit");
        let line = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)).expect(key);
        let start = line("ExecStart=");
        let (program, flags) = start.split_once(' ').expect("flags");
        assert_eq!(line("ExecReload="), format!("{program} --reload $MAINPID {flags}"));
        assert_eq!(program, format!("/usr/bin/{name}"));
    }
}

// PO-07
/// What a service manager opens for a daemon needs no privilege, and no unit has one.
#[test]
fn no_unit_has_a_capability() {
    let mut units = 0;
    for folder in ["systemd", "systemd/nats"] {
        for entry in fs::read_dir(harness::project().join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "service") {
                continue;
            }
            let unit = fs::read_to_string(&path).expect("a unit");
            for line in ["CapabilityBoundingSet=", "AmbientCapabilities=", "NoNewPrivileges=yes"] {
                let key = line.split_inclusive('=').next().expect("a key");
                let set: Vec<&str> = unit.lines().filter(|set| set.starts_with(key)).collect();
                assert_eq!(set, [line], "{}", path.display());
            }
            units += 1;
        }
    }
    assert!(units >= 6, "{units} units");
}
