//! What happens in a storm: actions as data, each drawn from the seed and its own place, so that a run without some of them has the
//! others as they were.

use reactor::simulation::Seed;

use super::{
    asking::{Home, PROXY, Token},
    seed::{self, below, pick},
    way::{MEDIA, PREFIXES, Way},
};

/// One action. `who` counts the clients that are there, modulo their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Connect {
        way: Way,
        since: AskedSince,
        manner: Manner,
        home: Home,
        /// It reads up to the last message but so many, and no further.
        until: Option<u64>,
        token: Token,
    },
    /// A peer that sends this, and no more for now.
    Intrude(Vec<u8>),
    /// The peer that intruded does something more.
    Misbehave {
        who: usize,
        deed: Deed,
    },
    /// A client sends a frame.
    Send {
        who: usize,
        frame: Frame,
    },
    /// One that reads slowly takes so many bytes.
    Read {
        who: usize,
        most: usize,
    },
    /// A client goes away.
    Leave {
        who: usize,
        how: Leaving,
    },
    /// The source has so many lines of about so many bytes.
    Publish {
        lines: usize,
        bytes: usize,
        jump: u64,
    },
    /// Many clients connect at once.
    Crowd {
        clients: usize,
        way: Way,
    },
    /// Every so many clients go away at once.
    Exodus {
        every: usize,
    },
    /// A client that does not read sends so many pings.
    Flood {
        who: usize,
        pings: usize,
    },
    Advance {
        millis: u64,
    },
    StepWall {
        seconds: i64,
    },
    /// The machine sleeps.
    Suspend {
        seconds: u64,
    },
    /// The process stands still (`SIGSTOP`).
    StandStill {
        millis: u64,
    },
    /// The next process has these settings.
    HandOver {
        variant: u64,
    },
    Reload {
        variant: u64,
    },
    /// Calls fail.
    Fault {
        call: usize,
        errno: usize,
        count: u32,
    },
}

/// What a client says that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AskedSince {
    Nothing,
    /// All but the last so many, by its id or the number alone.
    Behind(u64, bool),
    /// So many more than there are.
    Ahead(u64),
    /// Of a stream that never was.
    Elsewhere,
}

/// How a client takes what it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// At once, and it answers pings and Closes.
    Healthy,
    /// When [`Action::Read`] says so.
    Slow,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Ping(usize),
    Pong,
    Text(usize),
    Binary(usize),
    /// Half a text, whose rest comes with the next one.
    Close,
    /// A frame that no client may send.
    Wrong(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    Reset,
    /// It ends its side, and reads on.
    HalfClose,
    /// Both at once.
    Vanish,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Send(Vec<u8>),
    Read(usize),
    Reset,
    End,
}

/// The actions of a run, and after each so many turns.
pub(super) fn draw(run: u64, count: u64) -> Vec<(u64, Action, u8)> {
    (0..count)
        .map(|place| {
            let mut seed = seed::at(run, place);
            let turns = pick(&mut seed, &[0, 1, 1, 1, 2, 3, 5]);
            (place, action(&mut seed), turns)
        })
        .collect()
}

fn action(seed: &mut Seed) -> Action {
    let who = below(seed, 1 << 20);
    match seed.below(1000) {
        0..80 => connect(seed),
        80..120 => Action::Intrude(bytes(seed)),
        120..200 => Action::Misbehave { who, deed: deed(seed) },
        200..300 => Action::Send { who, frame: frame(seed) },
        300..400 => Action::Read { who, most: pick(seed, &[1, 7, 100, 1000, 3000, 10_000]) },
        400..440 => {
            Action::Leave { who, how: pick(seed, &[Leaving::Reset, Leaving::HalfClose, Leaving::Vanish]) }
        }
        440..640 => Action::Publish {
            lines: pick(seed, &[1, 1, 1, 2, 3, 10, 40]),
            bytes: pick(seed, &[0, 1, 10, 100, 120, 1000, 9000]),
            jump: pick(seed, &[0, 0, 0, 0, 1, 2, 100]),
        },
        640..950 => Action::Advance { millis: pick(seed, &[1, 3, 7, 10, 15, 16, 17, 30, 60, 100, 250, 250]) },
        950..955 => Action::Advance { millis: pick(seed, &[1_000, 2_500, 6_000, 31_000]) },
        955..957 => Action::Suspend { seconds: pick(seed, &[1, 20, 3600, 200_000]) },
        957..960 => Action::StepWall { seconds: pick(seed, &[-100_000, -3600, -1, 1, 2, 3600, 315_000_000]) },
        960..965 => Action::StandStill { millis: pick(seed, &[20, 300, 2_000, 9_000]) },
        965..972 => Action::HandOver { variant: seed.below(u64::MAX) },
        972..980 => Action::Reload { variant: seed.below(u64::MAX) },
        980..990 => {
            Action::Fault { call: below(seed, 64), errno: below(seed, 64), count: pick(seed, &[1, 1, 2, 5]) }
        }
        990..996 => Action::Flood { who, pings: pick(seed, &[10, 100, 3000]) },
        996 if seed.once_in(5) => Action::Crowd { clients: pick(seed, &[100, 400]), way: way(seed) },
        _ => Action::Exodus { every: pick(seed, &[1, 1, 2, 5]) },
    }
}

fn connect(seed: &mut Seed) -> Action {
    let manner = pick(seed, &[Manner::Healthy, Manner::Healthy, Manner::Slow, Manner::Never]);
    let since = match seed.below(8) {
        0..4 => AskedSince::Nothing,
        4..6 => AskedSince::Behind(pick(seed, &[0, 0, 1, 2, 5, 9, 10, 11, 50, 5000]), seed.once_in(2)),
        6 => AskedSince::Ahead(pick(seed, &[1, 2, 3, 5000])),
        _ => AskedSince::Elsewhere,
    };
    let home = Home { host: pick(seed, &[1, 2, 3, PROXY]), behind_proxy: pick(seed, &[1, 2, 3]) };
    let until = seed.once_in(8).then(|| pick(seed, &[0, 0, 1, 5, 50]));
    let token = pick(seed, &[Token::Lasting, Token::Lasting, Token::Revocable]);
    Action::Connect { way: way(seed), since, manner, home, until, token }
}

fn way(seed: &mut Seed) -> Way {
    let prefix = pick(seed, &PREFIXES);
    match seed.below(10) {
        0 => Way::Hixie75(prefix),
        1 => Way::Hixie76(prefix),
        2 => Way::Hybi07(prefix),
        3 => Way::Hybi08(prefix),
        4..6 => Way::Rfc6455(prefix),
        6..9 => Way::Stream(pick(seed, &MEDIA), seed.once_in(2)),
        _ => Way::Poll { wait: pick(seed, &[0, 1, 25]), is_script: seed.once_in(3) },
    }
}

fn frame(seed: &mut Seed) -> Frame {
    match seed.below(10) {
        0..4 => Frame::Ping(pick(seed, &[0, 1, 125])),
        4 => Frame::Pong,
        5..8 => Frame::Text(pick(seed, &[0, 1, 100, 200])),
        8 => Frame::Binary(pick(seed, &[0, 1, 130])),
        _ => match seed.below(4) {
            0 => Frame::Close,
            _ => Frame::Wrong(pick(seed, &[0xC1, 0x83, 0x8B, 0x09, 0x80, 0x00, 0x48])),
        },
    }
}

fn deed(seed: &mut Seed) -> Deed {
    match seed.below(6) {
        0 => Deed::Reset,
        1 => Deed::End,
        2 => Deed::Read(pick(seed, &[1, 100, 100_000])),
        _ => Deed::Send(bytes(seed)),
    }
}

/// What strangers send.
fn bytes(seed: &mut Seed) -> Vec<u8> {
    const BEGINNINGS: [&[u8]; 16] = [
        b"",
        b"G",
        b"GET / HTTP/1.1\r\nHost",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /?poll=25 HTTP/1.1\r\nHost: a\r\n\r\nGET /?poll=25 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key1: 1 2\r\nSec-WebSocket-Key2: 1 2\r\n\r\n123",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 99\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x85\0\0\0\0hello\x89\x80\0\0\0\0",
        b"<policy-file-request/>\0",
        b"<policy-file",
        b"\x16\x03\x01\x02",
        b"\x88\x82\0\0\0\0\x03\xe8",
        b"\x01\x81\0\0\0\0a",
        b"DELETE / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab",
    ];
    if seed.once_in(4) {
        return (0..seed.below(60)).map(|_| u8::try_from(seed.below(256)).expect("a byte")).collect();
    }
    let all = pick(seed, &BEGINNINGS);
    if seed.once_in(3) { all[..below(seed, all.len() + 1)].to_vec() } else { all.to_vec() }
}
