//! The daemon's notifications to a service manager: READY, STATUS, WATCHDOG, RELOADING and STOPPING.

#![allow(clippy::unwrap_used, reason = "for tests")]

use harness::{Holder, Signal};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

#[test]
fn it_notifies_that_it_is_ready_its_status_and_that_it_stops() {
    let mut holder = Holder::start(WS_SERVER, &["--interval", "50ms"]);
    holder.wait_for("STATUS=0 clients");
    let mut client = holder.request("GET / HTTP/1.0");
    client.head();
    client.until(b"\n");
    let status = loop {
        let before = holder.notifications.len();
        holder.wait_for("WATCHDOG=1");
        if let Some(status) =
            holder.notifications[before..].iter().find(|line| line.starts_with("STATUS=1 clients"))
        {
            break status.clone();
        }
    };
    let late = status.strip_prefix("STATUS=1 clients, last date ").unwrap().strip_suffix(" ms late").unwrap();
    assert!(late.parse::<u64>().unwrap() < 1000, "{status}");
    holder.signal(Signal::TERM);
    holder.wait_for("STOPPING=1");
    assert!(holder.wait().0.success());
}

// OP-09
#[test]
fn it_feeds_the_watchdog_only_while_its_loops_turn() {
    let mut holder = Holder::start(WS_SERVER, &["--workers", "2"]);
    for _ in 0..3 {
        holder.wait_for("WATCHDOG=1");
    }
    holder.signal(Signal::STOP);
    assert!(holder.is_silent());
    holder.signal(Signal::CONT);
    holder.wait_for("WATCHDOG=1");
}

#[test]
fn it_notifies_the_beginning_and_the_end_of_a_reload() {
    let mut holder = Holder::start(WS_SERVER, &[]);
    let from = holder.notifications.len();
    holder.signal(Signal::HUP);
    holder.wait_for("READY=1");
    let notified: Vec<&String> =
        holder.notifications[from..].iter().filter(|line| line.ends_with("=1")).collect();
    let reloading = notified.iter().position(|line| *line == "RELOADING=1").unwrap();
    let ready = notified.iter().position(|line| *line == "READY=1").unwrap();
    assert!(reloading < ready, "{notified:?}");
}

#[test]
fn its_status_says_that_a_reload_failed_until_one_succeeds() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let mut holder = Holder::start(WS_SERVER, &["--config", path]);
    holder.wait_for("STATUS=0 clients");
    std::fs::write(path, "max-line = \"16 kilo\"\n").unwrap();
    holder.signal(Signal::HUP);
    let what = "`max-line`: invalid value '16 kilo' for '--max-line <SIZE>': a size is written `4096`, `16KiB`, `1MiB` or `0` (bytes)";
    holder.wait_for(&format!(
        "STATUS=the reload failed, the old configuration is in force: {path}: {what}; 0 clients"
    ));
    std::fs::write(path, "").unwrap();
    holder.signal(Signal::HUP);
    holder.wait_for("STATUS=0 clients");
}

/// A control of the holder: on a busy machine it would go on before the next process serves.
#[test]
fn what_a_process_left_unread_is_not_taken_for_the_next_one() {
    let mut holder = Holder::start(WS_SERVER, &[]);
    holder.signal(Signal::HUP);
    holder.wait_for("RELOADING=1");
    // The `READY=1` behind it stays unread.
    holder.end(Signal::TERM);
    holder.start_next();
    let last = |line| holder.notifications.iter().rposition(|sent| sent == line);
    assert!(
        last("STOPPING=1").is_some() && last("STOPPING=1") < last("READY=1"),
        "{:?}",
        holder.notifications
    );
}
