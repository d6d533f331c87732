//! HUP reads the configuration again (PO-09, OP-10): a right one takes effect at once, a wrong one changes nothing.
#![allow(clippy::expect_used, reason = "a test fails by a panic")]

use std::fs;

use harness::{Daemon, Signal};

const POLICY_SERVER: &str = env!("CARGO_BIN_EXE_policy-server");
/// The request without its end.
const REQUEST: &[u8] = b"<policy-file-request/>";

/// A daemon whose configuration is this file.
fn daemon(config: &str) -> (Daemon, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), config).expect("written");
    let daemon = Daemon::start(POLICY_SERVER, &["--config", file.path().to_str().expect("text")]);
    (daemon, file)
}

fn policy(daemon: &Daemon) -> String {
    let (answer, _) = daemon.connect().exchange([REQUEST, b"\0"].concat());
    String::from_utf8(answer).expect("text")
}

#[test]
fn another_grant_is_served_at_once() {
    let (mut daemon, file) = daemon("allow = [\"a.example:2000\"]\n");
    assert!(policy(&daemon).contains("a.example"));
    fs::write(file.path(), "allow = [\"b.example:3000\"]\n").expect("written");
    daemon.signal(Signal::HUP);
    daemon.log_line("the configuration was read again");
    let now = policy(&daemon);
    assert!(now.contains("domain=\"b.example\" to-ports=\"3000\"") && !now.contains("a.example"), "{now}");
}

#[test]
fn a_policy_that_flash_would_refuse_leaves_the_old_one_in_force() {
    let (mut daemon, file) = daemon("allow = [\"a.example:2000\"]\n");
    for wrong in
        ["allow = [\"b.example:80\"]", "allow = [\"b.example\"]", "file = \"/nowhere\"", "lifetime = 0"]
    {
        fs::write(file.path(), wrong).expect("written");
        daemon.signal(Signal::HUP);
        daemon.log_line("the new configuration is wrong, the old one stays in force: ");
        assert!(policy(&daemon).contains("a.example"), "{wrong}");
    }
}
