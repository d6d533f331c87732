//! HUP reads the configuration again: a right one takes effect at once, also on open connections; a wrong one changes nothing.
#![allow(clippy::unwrap_used)] // a test may fail anywhere

use std::fs;

use harness::http::request;
use harness::{Client, Daemon, Signal};

const STATIC_SERVER: &str = env!("CARGO_BIN_EXE_static-server");

/// The value of `X-Mark` on a connection that stays open.
fn mark(client: &mut Client) -> String {
    client.send(request("GET", "/", ""));
    let response = client.response();
    assert_eq!(response.status, 200);
    response.header("x-mark").unwrap().to_owned()
}

#[test]
fn a_right_configuration_serves_at_once_and_a_wrong_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let write = |text: &str| fs::write(&config, text).unwrap();
    write("header = [\"X-Mark: old\"]\n");
    let server = Daemon::start(
        STATIC_SERVER,
        &["--config", config.to_str().unwrap(), "--workers", "2", "--keep-alive-requests", "0"],
    );
    let mut client = server.connect();
    assert_eq!(mark(&mut client), "old");
    write("header = [\"X-Mark: new\"]\n");
    server.signal(Signal::HUP);
    // Without a reload, the test ends after so many requests.
    assert!((0..1_000_000).any(|_| mark(&mut client) == "new"));
    for wrong in ["header = [\"no field\"]", "root = \"/nowhere/at/all\"", "nonsense = 1"] {
        write(wrong);
        server.signal(Signal::HUP);
        assert!((0..200).all(|_| mark(&mut client) == "new"), "{wrong}");
    }
    // The daemon still listens to signals: the next right configuration takes effect.
    write("header = [\"X-Mark: last\"]\n");
    server.signal(Signal::HUP);
    assert!((0..1_000_000).any(|_| mark(&mut client) == "last"));
}
