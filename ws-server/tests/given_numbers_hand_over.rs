//! A restart of a server whose producers give the numbers: where it goes on, and what happens when the numbers become its own.

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
};

use harness::{Client, Holder, PATIENCE, Signal, eventually, handshake, make_fifo, scrape};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

/// A daemon behind a service manager, and where its lines come from.
struct Machine {
    holder: Holder,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Machine {
    fn start(kind: &str, numbers: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        if kind == "fifo" {
            make_fifo(&path);
        }
        let source = format!("{kind}:{}", path.display());
        let options = ["--hand-over", "on", "--source", &source, "--workers", "2", "--numbers", numbers];
        Self { holder: Holder::start(WS_SERVER, &options), path, _folder: folder }
    }

    fn producer(&self) -> BufReader<UnixStream> {
        let stream = UnixStream::connect(&self.path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        BufReader::new(stream)
    }

    /// A client that gets each message with its id before it.
    fn client(&self) -> Client {
        let mut client = self.holder.request(&handshake("/?ids=1&since=0", 13));
        client.head();
        client
    }

    /// Restarts the daemon with other numbers.
    fn restart_with(&mut self, numbers: &str) {
        numbers.clone_into(self.holder.args.last_mut().unwrap());
        self.holder.restart();
    }
}

fn line(producer: &mut BufReader<UnixStream>) -> String {
    let mut line = String::new();
    producer.read_line(&mut line).unwrap();
    line
}

fn write(producer: &mut BufReader<UnixStream>, text: &str) {
    producer.get_mut().write_all(text.as_bytes()).unwrap();
}

/// Writes numbered lines across restarts, some of which come twice; every client must get each of them once.
fn expect_all(machine: &mut Machine, mut write: impl FnMut(&str)) {
    write("1_of_no_epoch\tdropped\n1\tfirst\n!caught-up\n");
    let mut client = machine.client();
    assert_eq!(next(&mut client), "000000000000_1\tfirst");
    for round in 1..4_u64 {
        let first = round * 10;
        for number in first..first + 5 {
            write(&format!("{number}\t{number}\n"));
        }
        // The second half of this line comes after the restart, and its beginning is all there.
        write(&format!("{}\thalf ", first + 5));
        machine.holder.end(Signal::USR2);
        write("of a line\n");
        for number in first..first + 10 {
            write(&format!("000000000000_{number}\t{number}\n"));
        }
        machine.holder.start_next();
        for number in first..first + 10 {
            let text = if number == first + 5 { "half of a line".to_owned() } else { number.to_string() };
            assert_eq!(next(&mut client), format!("000000000000_{number}\t{text}"));
        }
    }
}

/// The next message; that there is a gap before it is no message.
fn next(client: &mut Client) -> String {
    loop {
        let text = client.text();
        if !text.starts_with("!\t") {
            return text;
        }
    }
}

#[test]
fn a_producer_on_the_socket_goes_on_and_is_not_greeted_again() {
    let mut machine = Machine::start("unix", "given");
    let mut producer = machine.producer();
    assert_eq!(line(&mut producer), "last none 000000000000\n");
    let socket = producer.get_ref().try_clone().unwrap();
    expect_all(&mut machine, |text| (&socket).write_all(text.as_bytes()).unwrap());
    // Another one learns where the stream is.
    assert_eq!(line(&mut machine.producer()), "last 39 000000000000\n");
    socket.set_nonblocking(true).unwrap();
    let mut more = String::new();
    let error = producer.read_line(&mut more).unwrap_err();
    assert_eq!((error.kind(), more.as_str()), (std::io::ErrorKind::WouldBlock, ""));
}

#[test]
fn lines_in_a_fifo_go_on_with_their_numbers() {
    let mut machine = Machine::start("fifo", "given");
    let mut fifo: File = OpenOptions::new().write(true).open(&machine.path).unwrap();
    expect_all(&mut machine, |text| fifo.write_all(text.as_bytes()).unwrap());
}

#[test]
fn a_number_that_was_taken_before_the_restart_is_not_taken_again_and_zero_is_one() {
    let mut machine = Machine::start("unix", "given");
    let mut producer = machine.producer();
    line(&mut producer);
    write(&mut producer, "0\tzero\n!caught-up\n");
    let mut client = machine.client();
    eventually(|| match line(&mut machine.producer()) {
        last if last == "last 0 000000000000\n" => Ok(()),
        other => Err(other),
    });
    machine.holder.restart();
    write(&mut producer, "0\tzero again\n1\tone\n");
    loop {
        match next(&mut client).as_str() {
            "000000000000_0\tzero" => {}
            "000000000000_1\tone" => break,
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_gap_that_was_said_before_the_restart_is_told_behind_it_and_a_new_epoch_goes_on() {
    let mut machine = Machine::start("unix", "given");
    let (mut producer, mut other) = (machine.producer(), machine.producer());
    line(&mut producer);
    write(&mut producer, "!caught-up\n00000000000a_1\told\n00000000000b_5\tnew\n!gap\n");
    let mut client = machine.client();
    eventually(|| match line(&mut machine.producer()) {
        last if last == "last 5 00000000000b\n" => Ok(()),
        other => Err(other),
    });
    while client.text() != "00000000000b_5\tnew" {}
    machine.holder.restart();
    // Of this producer nothing is lost: a jump of its numbers is no gap.
    write(&mut other, "00000000000b_7\tseven\n");
    assert_eq!(client.text(), "00000000000b_7\tseven");
    write(&mut producer, "00000000000b_9\tnine\n");
    assert_eq!(client.text(), "!\t{\"missed\":1,\"stream\":\"same\",\"next\":\"00000000000b_9\"}");
    assert_eq!(client.text(), "00000000000b_9\tnine");
}

#[test]
fn a_machine_that_was_caught_up_is_so_after_a_restart_and_one_that_was_not_is_not() {
    let mut machine = Machine::start("unix", "given");
    let folder = tempfile::tempdir().unwrap();
    let endpoint = folder.path().join("metrics");
    machine.holder.args.splice(0..0, ["--metrics".to_owned(), format!("unix:{}", endpoint.display())]);
    machine.holder.restart();
    let health = || scrape::ask_on(scrape::connect_unix(&endpoint), "GET", "/healthz");
    let wait_for = |status: &str| {
        eventually(|| Some(health()).filter(|answer| answer.starts_with(status)).ok_or_else(health));
    };
    wait_for("HTTP/1.1 503 ");
    let mut producer = machine.producer();
    write(&mut producer, "1\tone\n!caught-up\n");
    wait_for("HTTP/1.1 200 ");
    machine.holder.restart();
    wait_for("HTTP/1.1 200 ");
    // The kernel reports the hang-up before the next process looks: whatever came is read.
    drop(producer);
    assert_eq!(line(&mut machine.producer()), "last 1 000000000000\n");
}

#[test]
fn clients_do_not_wait_for_ever_if_the_last_line_came_before_the_restart() {
    for kind in ["unix", "fifo"] {
        let mut machine = Machine::start(kind, "given");
        let producer = match kind {
            "unix" => UnixStream::connect(&machine.path).unwrap().into(),
            _ => OwnedFd::from(OpenOptions::new().write(true).open(&machine.path).unwrap()),
        };
        let mut producer = File::from(producer);
        producer.write_all(b"1\tone\n").unwrap();
        machine.holder.restart();
        assert_eq!(next(&mut machine.client()), "000000000000_1\tone", "{kind}");
        drop(producer);
    }
}

#[test]
fn numbers_that_become_given_or_own_at_a_restart_begin_afresh_and_the_log_says_so() {
    let mut machine = Machine::start("unix", "own");
    let mut producer = machine.producer();
    write(&mut producer, "an own line\n12\thalf ");
    let mut client = machine.client();
    assert!(next(&mut client).ends_with("_1\tan own line"));
    machine.restart_with("given");
    // It was told nothing when it connected.
    assert_eq!(line(&mut producer), "last none 000000000000\n");
    write(&mut producer, "of a line\n13\tthirteen\n!caught-up\n");
    assert_eq!(next(&mut client), "000000000000_12\thalf of a line");
    assert_eq!(next(&mut client), "000000000000_13\tthirteen");
    machine.restart_with("own");
    write(&mut producer, "14\tas it is\n");
    let own = next(&mut client);
    assert!(own.ends_with("_1\t14\tas it is") && !own.starts_with("000000000000"), "{own}");
    machine.holder.signal(Signal::TERM);
    let (_, log) = machine.holder.wait();
    assert!(
        log.contains("the numbers are now this server's own, and were given before the restart"),
        "{log}"
    );
}
