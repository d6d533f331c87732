//! Attacks on files, on the policy, on published lines and on the metrics.

use std::time::Duration;

use crate::{
    modes::{Mode, SLOW, SMALL},
    plan::{End, Plan, Reads, Then},
    victim::{Service, Settings},
};

const INTERVAL: Duration = Duration::from_millis(100);
const FILES: Settings = Settings { service: Service::Files, interval: INTERVAL, padding: 0, options: &[] };
const POLICY: Settings = Settings { service: Service::Policy, ..FILES };
const METRICS: Settings = Settings { service: Service::Metrics, ..FILES };
const PUBLISHED: Settings = Settings { service: Service::Published, ..FILES };

const PAGE: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const BIG: &[u8] = b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n";
const POLICY_REQUEST: &[u8] = b"<policy-file-request/>\0";

pub(crate) fn all() -> Vec<Mode> {
    [files(), policies(), others()].concat()
}

/// Attackers from one address that connect as fast as they can, and say nothing.
fn flood() -> Plan {
    Plan { count: 2000, per_address: usize::MAX, again: Some(2000), ..Plan::default() }
}

/// A head of a kilobyte that never ends, byte by byte.
fn dribble(count: usize, opening: &[u8]) -> Plan {
    let then = Then::Dribble(vec![b'x'; 1024], SLOW);
    Plan { count, opening: opening.to_vec(), then, again: Some(500), ..Plan::default() }
}

fn files() -> Vec<Mode> {
    let download = Plan {
        count: 1000,
        receive_buffer: SMALL,
        opening: BIG.to_vec(),
        awaits_answer: true,
        ..Plan::default()
    };
    let again = |then| Plan { count: 20, then, again: Some(50), ..Plan::default() };
    let ranges = (0..1000).map(|from| format!("{from}-")).collect::<Vec<_>>().join(",");
    let bomb = format!("GET / HTTP/1.1\r\nHost: a\r\nRange: bytes={ranges}\r\n\r\n");
    vec![
        Mode::new(
            "slowloris",
            "1,000 send two bytes of a head a second",
            FILES,
            dribble(1000, b"GET / HTTP/1.1\r\nHost: a\r\nX: "),
        ),
        Mode::new(
            "slow-read",
            "1,000 read two bytes a second of a gigabyte",
            FILES,
            Plan { reads: Reads::Slowly(SLOW), ..download.clone() },
        ),
        Mode::new(
            "never-reads-a-file",
            "1,000 ask for a gigabyte and read nothing",
            FILES,
            Plan { reads: Reads::Never, ..download },
        ),
        Mode::new(
            "pipelining",
            "20 send 100,000 requests at once, again and again",
            FILES,
            again(Then::Once(PAGE.repeat(100_000))),
        ),
        Mode::new(
            "range-bomb",
            "20 ask for 1,000 ranges, without a pause",
            FILES,
            again(Then::Repeat(bomb.into_bytes())),
        ),
        Mode::new(
            "slow-body",
            "1,000 announce a body, and send two bytes of it a second",
            FILES,
            dribble(1000, POST),
        ),
        Mode::new(
            "flood-of-files",
            "one address connects 2,000 times a second and says nothing",
            FILES,
            flood(),
        ),
    ]
}

fn policies() -> Vec<Mode> {
    let silent = Plan { count: 1000, ..Plan::default() };
    let asked = Plan { opening: POLICY_REQUEST.to_vec(), receive_buffer: SMALL, ..silent.clone() };
    let endless =
        Plan { count: 200, then: Then::Repeat(vec![b'x'; 1024]), again: Some(500), ..Plan::default() };
    let slowly = Then::Dribble(POLICY_REQUEST.to_vec(), SLOW);
    vec![
        Mode::new("silent", "1,000 say nothing", POLICY, silent.clone()),
        Mode::new(
            "dribble",
            "1,000 send two bytes of the request a second",
            POLICY,
            Plan { then: slowly, ..silent },
        ),
        Mode::new("endless", "200 send bytes without an end", POLICY, endless),
        Mode::new(
            "never-reads-the-policy",
            "1,000 ask and read nothing",
            POLICY,
            Plan { reads: Reads::Never, ..asked },
        ),
        Mode::new(
            "flood-of-policies",
            "one address connects 2,000 times a second and says nothing",
            POLICY,
            flood(),
        ),
    ]
}

fn others() -> Vec<Mode> {
    let garbage = Plan { count: 50, then: Then::Repeat(b"x".to_vec()), again: Some(200), ..Plan::default() };
    vec![
        Mode::new("slow-post", "1,000 publish two bytes a second", PUBLISHED, dribble(1000, POST)),
        Mode::new(
            "cut-off-posts",
            "1,000 a second begin to publish and reset",
            PUBLISHED,
            Plan {
                then: Then::Once(b"half a line".to_vec()),
                end: End::Reset,
                again: Some(1000),
                ..dribble(500, POST)
            },
        ),
        Mode::new(
            "metrics-slowloris",
            "500 send two bytes of a head a second to the metrics",
            METRICS,
            dribble(500, b"GET /metrics HTTP/1.1\r\nX: "),
        ),
        Mode::new("metrics-flood", "50 send bytes without an end to the metrics", METRICS, garbage),
    ]
}
