//! A handler that uses every callback and every flow: its peer says in single bytes what it should do.

use std::collections::HashMap;
use std::fs::File;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::*;

/// Peers from this address are those of a proxy.
pub(super) const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 99));
/// The first byte of what a refused newcomer gets, and of what a connection gets whose state cannot be read.
pub(super) const REFUSED: u8 = b'!';
pub(super) const UNREADABLE: u8 = b'?';
/// Connections that a broadcast visits in one turn.
const VISITS: usize = 8;
const LIFE: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(700);

/// What a file has at each place.
pub(super) fn file_byte(at: usize) -> u8 {
    u8::try_from(at % 241).unwrap()
}

/// A frame: its number on the connection, its length, and bytes that follow from both.
pub(super) fn frame(number: u32, len: usize) -> Vec<u8> {
    let mut frame = header(b's', number, len);
    frame.extend((0..len).map(|at| u8::try_from((at + number as usize) % 251).unwrap()));
    frame
}

fn header(kind: u8, number: u32, len: usize) -> Vec<u8> {
    [&[kind][..], &number.to_be_bytes(), &u32::try_from(len).unwrap().to_be_bytes()].concat()
}

#[derive(Clone)]
pub(super) enum Mail {
    Broadcast,
    Configure(Box<Settings>),
    Resume,
}

pub(super) struct Conn {
    /// Frames that it was sent.
    number: u32,
    deadline: Instant,
    /// How often it goes on after its deadline.
    lives: u8,
    /// Frames that it gets one after the other, each once the one before is out.
    pump: u8,
    /// It goes on after the end of its peer.
    goes_on: bool,
    /// It ends in this process.
    stays: bool,
    /// The next process cannot read its state.
    is_unreadable: bool,
}

pub(super) struct Storm {
    file: Arc<File>,
    pages: Arc<Pages>,
    /// Each connection that it knows, and whether it has had its `on_stop`.
    pub(super) live: HashMap<Token, bool>,
    /// Where broadcasts stand: the connections that are still to be visited.
    to_visit: Vec<Token>,
    next_tick: Option<Instant>,
    pub(super) ticks: u64,
}

impl Storm {
    pub(super) fn new(file: Arc<File>) -> Self {
        let pages = Arc::new(PageStore::new().unwrap().copy(&file, 30_000).unwrap());
        Self { file, pages, live: HashMap::new(), to_visit: Vec::new(), next_tick: None, ticks: 0 }
    }

    fn enter(&mut self, cx: &mut Context<'_>) {
        assert_eq!(self.live.insert(cx.token(), false), None, "a token that lives already");
    }

    fn send(conn: &mut Conn, len: usize, cx: &mut Context<'_>) {
        cx.send(&frame(conn.number, len));
        conn.number += 1;
    }

    /// Carries out one command; `None` if it is not complete.
    fn obey(&self, conn: &mut Conn, input: &[u8], cx: &mut Context<'_>) -> Option<(usize, Flow)> {
        let (command, rest) = input.split_first()?;
        let argument = rest.first().copied();
        match command {
            b's' => Self::send(conn, 10, cx),
            b'm' => (0..20).for_each(|_| Self::send(conn, 300, cx)),
            b'b' => {
                let bytes: Arc<[u8]> = frame(conn.number, 20_000).into();
                match conn.number % 4 {
                    0 => cx.send_shared(&bytes, 0..bytes.len()),
                    1 => cx.send_now(&bytes),
                    2 => cx.send_joined(&bytes, &bytes, 5_000..bytes.len()),
                    _ => cx.send_with_body(&bytes[..5_000], &bytes, 5_000..bytes.len()),
                }
                conn.number += 1;
            }
            b'P' => {
                let frames: Vec<Arc<[u8]>> =
                    (0..20).map(|more| frame(conn.number + more, 300).into()).collect();
                conn.number += 20;
                let mut pieces = Pieces::default();
                for bytes in &frames {
                    cx.gather(&mut pieces, bytes, 0..bytes.len());
                }
                cx.send_pieces(&mut pieces);
            }
            b'B' => (0..5).for_each(|_| Self::send(conn, 20_000, cx)),
            b'f' => {
                cx.send(&header(b'f', conn.number, 30_000));
                conn.number += 1;
                match conn.number % 2 {
                    0 => cx.send_file(self.file.clone(), 0, 30_000),
                    _ => cx.send_pages(self.pages.clone(), 0, 30_000),
                }
            }
            b'd' => {
                conn.deadline = cx.now() + Duration::from_millis(u64::from(argument?) * 8);
                cx.set_deadline(conn.deadline);
                return Some((2, Flow::Continue));
            }
            b'n' => {
                let host = argument?;
                if !cx.set_real_peer(Some(IpAddr::from([10, 0, 0, host % 8]))) {
                    return Some((2, Flow::CloseWhenFlushed));
                }
                return Some((2, Flow::Continue));
            }
            b'L' => {
                let wanted = usize::from(argument?) * 64 + 2;
                return (input.len() >= wanted).then_some((wanted, Flow::Continue));
            }
            b'e' => cx.set_established(),
            b'i' => cx.set_idle(),
            b'p' => cx.pause_input(),
            b'x' => cx.ignore_input(),
            b'w' => {
                conn.pump = 5;
                cx.want_drain();
            }
            b'g' => conn.goes_on = true,
            b'y' => conn.stays = true,
            b'u' => conn.is_unreadable = true,
            b'c' => return Some((1, Flow::CloseWhenFlushed)),
            b'F' => return Some((1, Flow::Finish)),
            b'C' => return Some((1, Flow::Close)),
            b'R' => return Some((1, Flow::Reset)),
            _ => {}
        }
        Some((1, Flow::Continue))
    }
}

impl Handler for Storm {
    type Conn = Conn;
    type Mail = Mail;

    fn on_open(&mut self, cx: &mut Context<'_>) -> (Conn, Flow) {
        self.enter(cx);
        let deadline = cx.now() + LIFE;
        cx.set_deadline(deadline);
        let conn = Conn {
            number: 0,
            deadline,
            lives: 3,
            pump: 0,
            goes_on: false,
            stays: false,
            is_unreadable: false,
        };
        (conn, Flow::Continue)
    }

    fn on_data(&mut self, conn: &mut Conn, input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        assert!(self.live.contains_key(&cx.token()) && !input.is_empty());
        match self.obey(conn, input, cx) {
            Some((consumed, flow)) => Progress { consumed, flow },
            None => Progress { consumed: 0, flow: Flow::Continue },
        }
    }

    fn on_end(&mut self, conn: &mut Conn, _: &mut [u8], cx: &mut Context<'_>) -> Flow {
        Self::send(conn, 4, cx);
        if conn.goes_on { Flow::Continue } else { Flow::CloseWhenFlushed }
    }

    fn on_drain(&mut self, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        assert_eq!(cx.queued(), 0, "it has drained");
        if conn.pump > 0 {
            conn.pump -= 1;
            Self::send(conn, 3000, cx);
            cx.want_drain();
        }
        Flow::Continue
    }

    fn on_deadline(&mut self, conn: &mut Conn, cx: &mut Context<'_>) -> Flow {
        assert!(cx.now() >= conn.deadline, "a deadline is early");
        conn.deadline = cx.now() + LIFE;
        cx.set_deadline(conn.deadline);
        cx.resume_input();
        conn.lives = conn.lives.saturating_sub(1);
        if conn.lives > 0 {
            return Flow::Continue;
        }
        match conn.number % 3 {
            0 => Flow::Close,
            1 => Flow::Reset,
            _ => Flow::CloseWhenFlushed,
        }
    }

    fn on_stop(&mut self, conn: &mut Conn, _: Stop, cx: &mut Context<'_>) -> Flow {
        let stopped = self.live.insert(cx.token(), true);
        assert_eq!(stopped, Some(false), "one stop for each connection");
        Self::send(conn, 1, cx);
        if conn.number.is_multiple_of(4) { Flow::Continue } else { Flow::CloseWhenFlushed }
    }

    fn export(&mut self, conn: &mut Conn, _: usize, cx: &mut Context<'_>) -> Option<Exported> {
        if conn.stays {
            return None;
        }
        Self::send(conn, 2, cx);
        let mut state = conn.number.to_be_bytes().to_vec();
        state.extend([conn.lives, conn.pump, u8::from(conn.goes_on), u8::from(conn.is_unreadable)]);
        Some(Exported { state, closing_bytes: vec![UNREADABLE], turn: 0 })
    }

    fn adopt(&mut self, state: &[u8], _: Instant, cx: &mut Context<'_>) -> Option<(Conn, Flow)> {
        let &[a, b, c, d, lives, pump, goes_on, is_unreadable] = state else { return None };
        if is_unreadable > 0 {
            return None;
        }
        self.enter(cx);
        if pump > 0 {
            cx.want_drain();
        }
        let number = u32::from_be_bytes([a, b, c, d]);
        // The deadline of the other process stands.
        let deadline = cx.now();
        let goes_on = goes_on > 0;
        let conn = Conn { number, deadline, lives, pump, goes_on, stays: false, is_unreadable: false };
        Some((conn, Flow::Continue))
    }

    fn on_close(&mut self, _: Conn, token: Token, _: CloseReason, _: CompactInstant) {
        assert!(self.live.remove(&token).is_some(), "a connection is closed once");
    }

    fn on_refuse(&mut self) -> &[u8] {
        &[REFUSED]
    }

    fn is_proxy(&self, peer: Option<IpAddr>) -> bool {
        peer == Some(PROXY)
    }

    fn on_mail(&mut self, mail: Mail, turn: &mut Turn<'_, Conn>) {
        match mail {
            Mail::Broadcast => self.to_visit.extend(self.live.keys()),
            Mail::Configure(settings) => turn.configure(*settings),
            Mail::Resume => {
                for token in turn.tokens() {
                    turn.visit(token, |_, cx| {
                        cx.resume_input();
                        Flow::Continue
                    });
                }
            }
        }
        self.to_visit.sort_unstable();
    }

    fn on_turn(&mut self, turn: &mut Turn<'_, Conn>) -> Wake {
        for _ in 0..VISITS {
            let Some(token) = self.to_visit.pop() else { break };
            turn.visit(token, |conn, cx| {
                if cx.queued() < 10_000 {
                    Self::send(conn, 50, cx);
                }
                Flow::Continue
            });
        }
        let now = turn.now();
        let next = *self.next_tick.get_or_insert(now + TICK);
        if next <= now {
            self.ticks += 1;
            self.next_tick = Some(now + TICK);
        }
        if self.to_visit.is_empty() { Wake::At(self.next_tick.unwrap_or(now)) } else { Wake::Again }
    }
}
