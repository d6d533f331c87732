//! Attacks on a stream.

use std::time::Duration;

use harness::frame;

use crate::{
    dialect::Dialect,
    modes::{Mode, SLOW, SMALL},
    plan::{End, Plan, Reads, Then},
    victim::{Service, Settings},
};

/// Ten times the rate of the tutorial.
const LINES: Settings =
    Settings { service: Service::Lines, interval: Duration::from_millis(100), padding: 0, options: &[] };
/// Messages that fill a buffer in a second.
const LONG_LINES: Settings = Settings { padding: 4000, ..LINES };
/// The tutorial's, where thousands of clients get each date.
const DATES: Settings =
    Settings { service: Service::Dates, interval: Duration::from_secs(1), padding: 0, options: &[] };
/// A quarter of these may be in their handshake.
const FEW: Settings = Settings { options: &["--max-connections", "400"], ..LINES };
const HALF_A_HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n";
const CLOSE: [u8; 2] = 1000_u16.to_be_bytes();

pub(crate) fn all() -> Vec<Mode> {
    [slow_readers(), floods(), handshakes(), ends()].concat()
}

/// Attackers whose handshake is over.
fn open(count: usize) -> Plan {
    let opening = Dialect::Rfc6455.request().into_bytes();
    Plan { count, opening, awaits_answer: true, ..Plan::default() }
}

fn slow_readers() -> Vec<Mode> {
    let stuck = Plan { receive_buffer: SMALL, reads: Reads::Never, ..open(1000) };
    let lines = Dialect::LinesChunked.request().into_bytes();
    let closed_window = Mode::new(
        "zero-window",
        "1,000 HTTP streams whose window is closed",
        LONG_LINES,
        Plan { opening: lines, ..stuck.clone() },
    );
    vec![
        Mode::new("never-reads", "1,000 clients read nothing of 40 KB a second", LONG_LINES, stuck.clone()),
        Mode::new(
            "reads-bytes",
            "1,000 read two bytes a second",
            LONG_LINES,
            Plan { reads: Reads::Slowly(SLOW), ..stuck },
        ),
        Mode { is_for_ours: true, ..closed_window },
    ]
}

/// Attackers that send more than anyone may, and come back whenever they are closed.
fn floods() -> Vec<Mode> {
    let again = |then| Plan { then, again: Some(200), ..open(50) };
    let fragments = [frame(0x01, b"x"), frame(0x00, b"x").repeat(131_000)].concat();
    // The longest length that RFC 6455 §5.2 allows, and the first bytes of it.
    let huge = [&b"\x81\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0"[..], &[b'x'; 16384]].concat();
    let pings = Plan { reads: Reads::Never, ..again(Then::Repeat(frame(0x89, &[b'p'; 125]))) };
    vec![
        Mode::new(
            "tiny-fragments",
            "50 send a message of 131,000 fragments, again and again",
            LINES,
            again(Then::Once(fragments)),
        ),
        Mode::new("huge-lengths", "50 announce a message of 2^63-1 bytes", LINES, again(Then::Once(huge))),
        Mode::new("ping-flood", "50 send pings without a pause and read nothing", LINES, pings),
        Mode::new(
            "message-flood",
            "50 send messages without a pause",
            LINES,
            again(Then::Repeat(frame(0x81, b"x"))),
        ),
    ]
}

fn handshakes() -> Vec<Mode> {
    let half = Plan { count: 3000, opening: HALF_A_HEAD.to_vec(), again: Some(1000), ..Plan::default() };
    let dribble = Plan {
        count: 1000,
        then: Then::Dribble(Dialect::Rfc6455.request().into_bytes(), SLOW),
        again: Some(500),
        ..Plan::default()
    };
    vec![
        Mode::new(
            "half-open-handshakes",
            "3,000 stop in the middle of their handshake, 1,000 more a second; ours has 400 places",
            FEW,
            half,
        ),
        Mode::new("handshake-dribble", "1,000 send two bytes of their handshake a second", LINES, dribble),
    ]
}

/// Connections that end as none should.
fn ends() -> Vec<Mode> {
    let leave = |count, end| Plan { end, ..open(count) };
    let again = |plan| Plan { again: Some(2000), ..plan };
    let says = |bytes| Plan { then: Then::Once(bytes), reads: Reads::Never, ..open(1000) };
    let herd = Mode::new(
        "reconnect-herd",
        "5,000 clients leave and come back at once",
        DATES,
        Plan { again: Some(20_000), ..leave(5000, End::CloseOnce) },
    );
    vec![
        Mode::new("close-storm", "5,000 clients leave at once", DATES, leave(5000, End::Close)),
        Mode::new(
            "connect-and-close",
            "one address connects 2,000 times a second, and leaves",
            DATES,
            again(Plan { per_address: usize::MAX, ..leave(200, End::Close) }),
        ),
        Mode::new(
            "close-not-finished",
            "1,000 send a Close and keep the connection",
            LINES,
            says(frame(0x88, &CLOSE)),
        ),
        // §5.1: "The server MUST close the connection upon receiving a frame that is not masked."
        Mode::new(
            "close-not-answered",
            "1,000 break the protocol and never answer the Close",
            LINES,
            says(b"\x81\x01x".to_vec()),
        ),
        Mode::new(
            "fin-without-close",
            "1,000 end their side without a Close",
            LINES,
            Plan { end: End::Finish, ..open(1000) },
        ),
        Mode::new(
            "reset-storm",
            "2,000 clients a second reset their connection after the handshake",
            DATES,
            again(leave(500, End::Reset)),
        ),
        Mode::new(
            "connect-and-reset",
            "2,000 a second connect and reset",
            LINES,
            again(Plan { count: 500, end: End::Reset, ..Plan::default() }),
        ),
        Mode { is_ended: false, ..herd },
    ]
}
