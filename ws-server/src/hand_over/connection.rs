//! One connection as bytes: what it speaks, and where in the stream it is.

use std::time::{Duration, Instant};

use common::{
    codec::{Reader, Writer},
    frame::CloseCode,
    framing::{Framing, finish},
    http::HeadScan,
    websocket::WebSocket,
};

use crate::{
    connection::{Conn, Member, Socket, State},
    http_stream::NO_ROOM,
    opening::Wish,
    ring::Position,
};

const OPENING: u8 = 0;
const WEBSOCKET: u8 = 1;
const STREAM: u8 = 2;

/// Writes a connection down; `has` is the number of the newest message that it has. `None` of one that is on its way out.
pub(crate) fn to_bytes(conn: &Conn, has: u64, now: Instant) -> Option<Vec<u8>> {
    let mut to = Writer::default();
    match &conn.state {
        State::Opening { told, .. } => {
            to.byte(OPENING);
            to.address(*told);
        }
        State::WebSocket(socket) => {
            to.byte(WEBSOCKET);
            put_socket(socket, &mut to);
        }
        State::Stream => to.byte(STREAM),
        State::Done => return None,
    }
    let member = &conn.member;
    to.long(member.id);
    to.long(millis(now.saturating_duration_since(member.since)));
    to.byte(u8::try_from(member.framing.index()).ok()?);
    to.long(member.phase as u64);
    to.long(member.date);
    to.flag(member.pending);
    to.long(has);
    Some(to.into_bytes())
}

/// Reads a connection back; `None` for anything else than what [`to_bytes`] wrote.
pub(crate) fn from_bytes(bytes: &[u8], now: Instant) -> Option<Conn> {
    let mut from = Reader::new(bytes);
    let state = match from.byte()? {
        OPENING => State::Opening { scan: HeadScan::default(), told: from.address()? },
        WEBSOCKET => State::WebSocket(socket(&mut from, now)?),
        STREAM => State::Stream,
        _ => return None,
    };
    let member = Member {
        id: from.long()?,
        since: now.checked_sub(Duration::from_millis(from.long()?)).unwrap_or(now),
        framing: *Framing::ALL.get(usize::from(from.byte()?))?,
        phase: usize::try_from(from.long()?).ok()?,
        date: from.long()?,
        pending: from.flag()?,
        has: from.long()?,
        position: Position::default(),
        announcement: 0,
        finishing: false,
    };
    from.is_empty().then_some(Conn { state, member, ending: None })
}

/// What says goodbye in the connection's own dialect: the server is being restarted, and cannot take it along.
pub(crate) fn farewell(conn: &Conn) -> Vec<u8> {
    let mut out = Vec::new();
    match &conn.state {
        State::Opening { .. } => out.extend_from_slice(NO_ROOM),
        State::WebSocket(socket) => {
            socket.protocol.clone().close(CloseCode::RESTART, crate::handler::RESTARTING, &mut out);
        }
        State::Stream => finish(conn.member.framing, &mut out),
        State::Done => {}
    }
    out
}

fn put_socket(socket: &Socket, to: &mut Writer) {
    to.bytes(&socket.protocol.to_bytes());
    to.flag(socket.awaiting_pong);
    to.flag(socket.pong.is_some());
    to.bytes(socket.pong.as_deref().unwrap_or_default());
    to.bytes(&socket.message);
    to.flag(socket.wish.since.is_some());
    to.long(socket.wish.since.unwrap_or_default());
    to.flag(socket.wish.numbered);
}

fn socket(from: &mut Reader<'_>, now: Instant) -> Option<Box<Socket>> {
    let protocol = WebSocket::from_bytes(from.bytes()?).ok()?;
    let (awaiting_pong, has_pong, pong) = (from.flag()?, from.flag()?, from.bytes()?);
    let message = from.bytes()?.to_vec();
    let (has_since, since, numbered) = (from.flag()?, from.long()?, from.flag()?);
    let wish = Wish { since: has_since.then_some(since), numbered };
    let mut socket = Socket::new(protocol, wish, now);
    socket.awaiting_pong = awaiting_pong;
    socket.pong = has_pong.then(|| pong.into());
    socket.message = message;
    Some(socket)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
