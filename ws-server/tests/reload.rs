//! HUP reads the configuration again: a right one takes effect at once, a wrong one changes nothing.

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::fs;

use harness::{Client, Daemon, Signal, is_js_date};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

/// A server whose configuration is this file.
fn server(config: &str) -> (Daemon, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), config).unwrap();
    let server = Daemon::start(WS_SERVER, &["--config", file.path().to_str().unwrap()]);
    (server, file)
}

fn line(client: &mut Client) -> String {
    String::from_utf8(client.until(b"\n")).unwrap().trim_end().to_owned()
}

#[test]
fn a_right_configuration_is_in_force_at_once_and_nobody_is_cut_off() {
    let (mut server, file) = server("template = \"old {seq}\"\ninterval = \"50ms\"\n");
    let mut client = server.request("GET / HTTP/1.0");
    client.head();
    assert!(line(&mut client).starts_with("old "));
    fs::write(
        file.path(),
        "template = \"new {seq}\"\ninterval = \"50ms\"\npath = [\"/stream\"]\nlog-level = \"debug\"\n",
    )
    .unwrap();
    server.signal(Signal::HUP);
    server.log_line("the configuration was read again");
    while line(&mut client).starts_with("old ") {}
    assert!(line(&mut client).starts_with("new "));
    assert_eq!(server.request("GET / HTTP/1.0").status(), 404, "the paths are new, too");
    server.log_line("DEBUG");
}

#[test]
fn limits_change_for_new_connections() {
    let (mut server, file) = server("");
    let mut clients: Vec<Client> = (0..3).map(|_| server.request("GET / HTTP/1.0")).collect();
    for client in &mut clients {
        assert!(client.head().starts_with("HTTP/1.1 200 "));
    }
    fs::write(file.path(), "max-connections-per-ip = 3\n").unwrap();
    server.signal(Signal::HUP);
    server.log_line("the configuration was read again");
    assert_eq!(server.request("GET / HTTP/1.0").status(), 503);
    for client in &mut clients {
        line(client);
    }
}

// OP-10
#[test]
fn a_wrong_configuration_changes_nothing_however_often_it_comes() {
    let (mut server, file) = server("template = \"old\"\ninterval = \"20ms\"\n");
    let mut client = server.request("GET / HTTP/1.0");
    client.head();
    for wrong in ["template = ", "interval = \"-1s\"", "nonsense = 1", "max-head = 0"] {
        fs::write(file.path(), wrong).unwrap();
        server.signal(Signal::HUP);
        let logged = server.log_line("the new configuration is wrong");
        assert!(logged.contains("the old one stays in force: "), "{logged}");
        for _ in 0..3 {
            assert_eq!(line(&mut client), "old");
        }
    }
    fs::remove_file(file.path()).unwrap();
    server.signal(Signal::HUP);
    server.log_line("the new configuration is wrong");
    assert_eq!(line(&mut client), "old");
    // The owner of the temporary file expects to remove it.
    fs::write(file.path(), "").unwrap();
}

#[test]
fn the_log_names_the_options_that_wait_for_a_restart() {
    let (mut server, file) = server("interval = \"50ms\"\n");
    let mut client = server.request("GET / HTTP/1.0");
    client.head();
    fs::write(file.path(), "interval = \"1h\"\nworkers = 7\nsource = \"-\"\n").unwrap();
    server.signal(Signal::HUP);
    let logged = server.log_line("takes effect with the next restart");
    for flag in ["--source", "--interval"] {
        assert!(logged.contains(flag), "{logged}");
    }
    for _ in 0..3 {
        assert!(is_js_date(&line(&mut client)), "the old source and interval stay");
    }
}

#[test]
fn metrics_and_log_format_wait_for_a_restart_too_but_are_checked_at_once() {
    let (mut server, file) = server("interval = \"50ms\"\n");
    fs::write(file.path(), "interval = \"50ms\"\nmetrics = \"127.0.0.1:0\"\nlog-format = \"json\"\n")
        .unwrap();
    server.signal(Signal::HUP);
    let logged = server.log_line("takes effect with the next restart");
    assert!(logged.contains("--metrics, --log-format: "), "{logged}");
    fs::write(file.path(), "metrics = \"0.0.0.0:9\"\n").unwrap();
    server.signal(Signal::HUP);
    let logged = server.log_line("the new configuration is wrong");
    assert!(logged.contains("--metrics 0.0.0.0:9"), "{logged}");
}
