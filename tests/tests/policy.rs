//! A validator that other people wrote accepts the policy document: libxml2's `xmllint --dtdvalid`.
//!
//! Ignored by default: `tests/run policy` installs xmllint first.

#![allow(clippy::expect_used)]

use std::io::Write;
use std::process::{Command, Stdio};

use harness::{Daemon, binary, project};

/// The policy that a Flash client gets from this daemon, without the NUL that ends it.
fn policy_of(daemon: &Daemon) -> Vec<u8> {
    let (mut answer, was_reset) = daemon.connect().exchange(b"<policy-file-request/>\0");
    assert!(!was_reset, "the document ends with the stream");
    assert_eq!(answer.pop(), Some(0), "one NUL ends the document");
    assert!(!answer.contains(&0), "only one NUL");
    answer
}

/// Whether xmllint finds the document valid, and what it says.
fn validate(document: &[u8]) -> (bool, String) {
    let dtd = project().join("tests/clients/cross-domain-policy.dtd");
    let mut command = Command::new("xmllint");
    command.args(["--nonet", "--noout", "--dtdvalid"]).arg(dtd).arg("-");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("start xmllint");
    child.stdin.take().expect("stdin is piped").write_all(document).expect("write the document");
    let output = child.wait_with_output().expect("wait for xmllint");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn assert_valid(daemon: &Daemon) {
    let document = policy_of(daemon);
    let (valid, message) = validate(&document);
    assert!(valid, "{message}\n{}", String::from_utf8_lossy(&document));
}

#[test]
#[ignore = "needs xmllint"]
fn the_default_policy_is_valid() {
    assert_valid(&Daemon::start(binary("policy-server"), &[]));
}

#[test]
#[ignore = "needs xmllint"]
fn a_policy_of_many_grants_is_valid() {
    let grants = ["--allow", "*.example.com:40132,8000-8100", "--allow", "example.org:40132"];
    assert_valid(&Daemon::start(
        binary("policy-server"),
        &[&grants[..], &["--site-control", "all"]].concat(),
    ));
}

#[test]
#[ignore = "needs xmllint"]
fn the_policy_inside_the_stream_server_is_valid() {
    assert_valid(&Daemon::start(binary("ws-server"), &[]));
}

#[test]
#[ignore = "needs xmllint"]
fn the_policy_of_one_port_for_all_is_valid() {
    assert_valid(&Daemon::start(binary("datecast"), &["--interval", "1s"]));
}

/// What ws-server and `datecast` answer on the port of the stream itself, for SWFs of these domains.
fn inline_policy(daemon: &Daemon, domains: &[&str]) -> String {
    let port = daemon.address().port();
    let grant = |domain| format!("  <allow-access-from domain=\"{domain}\" to-ports=\"{port}\"/>\n");
    let grants = domains.iter().map(grant).collect::<Vec<_>>().concat();
    format!(
        "<?xml version=\"1.0\"?>\n\
         <!DOCTYPE cross-domain-policy SYSTEM \"http://www.adobe.com/xml/dtds/cross-domain-policy.dtd\">\n\
         <cross-domain-policy>\n{grants}</cross-domain-policy>\n"
    )
}

#[test]
fn the_port_of_the_stream_grants_itself_byte_for_byte() {
    let stream = Daemon::start(binary("ws-server"), &[]);
    assert_eq!(String::from_utf8_lossy(&policy_of(&stream)), inline_policy(&stream, &["*"]));
    let front = Daemon::start(binary("datecast"), &["--interval", "1s"]);
    let own = ["localhost", "127.0.0.1"];
    assert_eq!(String::from_utf8_lossy(&policy_of(&front)), inline_policy(&front, &own));
}

#[test]
#[ignore = "needs xmllint"]
fn the_validator_refuses_what_is_no_policy() {
    let (valid, message) =
        validate(b"<cross-domain-policy><allow-access-from domain=\"*\"/></cross-domain-policy>");
    assert!(!valid && message.contains("to-ports"), "the control: a grant without ports; {message}");
}
