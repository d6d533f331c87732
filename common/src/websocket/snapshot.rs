//! A connection's state as bytes, so that the connection can outlive its process.

use super::message::{Message, MessageLimits};
use super::socket::{Input, Inside, OpenFrame, ReadyState, WebSocket};
use super::utf8::Utf8;
use crate::Version;
use crate::codec::{Reader, Writer};
use crate::frame::Opcode;

/// The first byte, which names the layout of the others. A new layout gets a new number.
const LAYOUT: u8 = 1;

const VERSIONS: [(u8, Version); 5] = [
    (75, Version::Hixie75),
    (76, Version::Hixie76),
    (7, Version::Hybi07),
    (8, Version::Hybi08),
    (13, Version::Rfc6455),
];

/// The states from number 1 on; number 0 is [`ReadyState::AwaitingKey`].
const READY_STATES: [(u8, ReadyState); 5] = [
    (1, ReadyState::Opening),
    (2, ReadyState::Open),
    (3, ReadyState::Closing),
    (4, ReadyState::Closed),
    (5, ReadyState::Failed),
];

/// Why bytes are not the state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A version with another layout wrote them.
    #[error("a connection's state has the unknown layout {0}")]
    Layout(u8),
    /// They are too few, too many, or hold a value that no state has.
    #[error("a connection's state is damaged")]
    Damaged,
}

impl WebSocket {
    /// Encodes the whole state, in at most 100 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.raw(&[LAYOUT, number_of(&VERSIONS, self.version)]);
        to.long(self.limits.max_message);
        to.long(self.limits.max_fragments.into());
        self.write_ready_state(&mut to);
        to.byte(self.message.opcode.map_or(0, Opcode::number));
        to.long(self.message.len);
        to.long(self.message.fragments.into());
        to.raw(&self.message.utf8.to_bytes());
        self.write_input(&mut to);
        to.into_bytes()
    }

    /// Decodes what [`WebSocket::to_bytes`] encoded.
    ///
    /// # Errors
    /// [`SnapshotError`] for any other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut from = Reader::new(bytes);
        match from.byte() {
            Some(LAYOUT) => {}
            Some(other) => return Err(SnapshotError::Layout(other)),
            None => return Err(SnapshotError::Damaged),
        }
        let socket = read_socket(&mut from).ok_or(SnapshotError::Damaged)?;
        if from.is_empty() { Ok(socket) } else { Err(SnapshotError::Damaged) }
    }

    fn write_ready_state(&self, to: &mut Writer) {
        to.byte(number_of(&READY_STATES, self.ready_state));
        if let ReadyState::AwaitingKey { first, second, third, len } = self.ready_state {
            to.byte(len);
            to.long(first.into());
            to.long(second.into());
            to.raw(&third);
        }
    }

    fn write_input(&self, to: &mut Writer) {
        match self.input {
            Input::Hybi(None) | Input::Hixie(Inside::Nothing) => to.byte(0),
            Input::Hybi(Some(frame)) => {
                to.raw(&[1, frame.fin.into()]);
                to.raw(&frame.key);
                to.long(frame.taken);
                to.long(frame.len);
            }
            Input::Hixie(Inside::Text { delivered }) => to.raw(&[2, delivered.into()]),
            Input::Hixie(Inside::Length { closing, len, count }) => {
                to.raw(&[3, closing.into(), count]);
                to.long(len);
            }
            Input::Hixie(Inside::Skipped(left)) => {
                to.byte(4);
                to.long(left);
            }
        }
    }
}

/// The number that stands for a value in its table; 0 for one that is not there.
fn number_of<T: Copy + PartialEq>(table: &[(u8, T)], value: T) -> u8 {
    table.iter().find(|(_, known)| *known == value).map_or(0, |(number, _)| *number)
}

fn value_of<T: Copy>(table: &[(u8, T)], number: u8) -> Option<T> {
    table.iter().find(|(known, _)| *known == number).map(|(_, value)| *value)
}

fn read_socket(from: &mut Reader<'_>) -> Option<WebSocket> {
    let version = value_of(&VERSIONS, from.byte()?)?;
    let limits = MessageLimits { max_message: from.long()?, max_fragments: from.word()? };
    let ready_state = read_ready_state(from, version)?;
    let message = read_message(from)?;
    let input = read_input(from, version)?;
    Some(WebSocket { version, limits, ready_state, message, input })
}

fn read_ready_state(from: &mut Reader<'_>, version: Version) -> Option<ReadyState> {
    let number = from.byte()?;
    if number > 0 || version != Version::Hixie76 {
        return value_of(&READY_STATES, number);
    }
    let len = from.byte().filter(|&len| len < 8)?;
    Some(ReadyState::AwaitingKey { len, first: from.word()?, second: from.word()?, third: from.take()? })
}

fn read_message(from: &mut Reader<'_>) -> Option<Message> {
    let opcode = match from.byte()? {
        0 => None,
        1 => Some(Opcode::Text),
        2 => Some(Opcode::Binary),
        _ => return None,
    };
    let (len, fragments) = (from.long()?, from.word()?);
    let utf8 = Utf8::from_bytes(from.take()?)?;
    Some(Message { opcode, len, fragments, utf8 })
}

fn read_input(from: &mut Reader<'_>, version: Version) -> Option<Input> {
    let hixie = version.is_hixie();
    Some(match from.byte()? {
        0 if hixie => Input::Hixie(Inside::Nothing),
        0 => Input::Hybi(None),
        1 if !hixie => {
            let (fin, key) = (from.flag()?, from.take()?);
            let (taken, len) = (from.long()?, from.long()?);
            if taken > len {
                return None;
            }
            Input::Hybi(Some(OpenFrame { fin, key, taken, len }))
        }
        2 if hixie => Input::Hixie(Inside::Text { delivered: from.flag()? }),
        3 if hixie => {
            let (closing, count) = (from.flag()?, from.byte()?);
            Input::Hixie(Inside::Length { closing, count, len: from.long()? })
        }
        4 if hixie => Input::Hixie(Inside::Skipped(from.long()?)),
        _ => return None,
    })
}
