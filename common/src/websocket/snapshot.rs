//! A connection's state as bytes, so that it can outlive its process.

use super::{Input, Limits, Message, Opcode, Phase, Version, WebSocket, hybi::OpenFrame};
use crate::frame::hixie::Inside;
use crate::utf8::Utf8;

/// The first byte: what follows has this layout. A new layout gets a new number.
const LAYOUT: u8 = 1;

/// The bytes are no state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Written by a version with another layout.
    #[error("layout {0} of a connection's state is not known")]
    Layout(u8),
    /// Too short, too long, or with a value that no state has.
    #[error("damaged state of a connection")]
    Damaged,
}

impl WebSocket {
    /// The whole state, as at most 100 bytes of plain data.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut to = vec![LAYOUT, version_number(self.version)];
        put(&mut to, self.limits.max_message);
        put(&mut to, self.limits.max_fragments.into());
        self.put_phase(&mut to);
        to.push(self.message.opcode.map_or(0, Opcode::number));
        put(&mut to, self.message.len);
        put(&mut to, self.message.fragments.into());
        to.extend_from_slice(&[self.message.utf8.needed, self.message.utf8.low, self.message.utf8.high]);
        self.put_input(&mut to);
        to
    }

    /// Reads back what [`WebSocket::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`SnapshotError`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut from = Reader(bytes);
        match from.byte() {
            Some(LAYOUT) => {}
            Some(other) => return Err(SnapshotError::Layout(other)),
            None => return Err(SnapshotError::Damaged),
        }
        let socket = from.socket().ok_or(SnapshotError::Damaged)?;
        if from.0.is_empty() { Ok(socket) } else { Err(SnapshotError::Damaged) }
    }

    fn put_phase(&self, to: &mut Vec<u8>) {
        match self.phase {
            Phase::AwaitingKey { first, second, third, len } => {
                to.extend_from_slice(&[0, len]);
                put(to, first.into());
                put(to, second.into());
                to.extend_from_slice(&third);
            }
            Phase::Opening => to.push(1),
            Phase::Open => to.push(2),
            Phase::Closing => to.push(3),
            Phase::Closed => to.push(4),
            Phase::Failed => to.push(5),
        }
    }

    fn put_input(&self, to: &mut Vec<u8>) {
        match self.input {
            Input::Hybi(None) | Input::Hixie(Inside::Nothing) => to.push(0),
            Input::Hybi(Some(frame)) => {
                to.extend_from_slice(&[1, frame.fin.into()]);
                to.extend_from_slice(&frame.key);
                put(to, frame.taken);
                put(to, frame.len);
            }
            Input::Hixie(Inside::Text { delivered }) => to.extend_from_slice(&[2, delivered.into()]),
            Input::Hixie(Inside::Length { closing, len, count }) => {
                to.extend_from_slice(&[3, closing.into(), count]);
                put(to, len);
            }
            Input::Hixie(Inside::Skipped(left)) => {
                to.push(4);
                put(to, left);
            }
        }
    }
}

fn put(to: &mut Vec<u8>, number: u64) {
    to.extend_from_slice(&number.to_le_bytes());
}

fn version_number(version: Version) -> u8 {
    match version {
        Version::Hixie75 => 75,
        Version::Hixie76 => 76,
        Version::Hybi07 => 7,
        Version::Hybi08 => 8,
        Version::Rfc6455 => 13,
    }
}

/// The bytes that are still to be read.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn long(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn word(&mut self) -> Option<u32> {
        self.long()?.try_into().ok()
    }

    fn socket(&mut self) -> Option<WebSocket> {
        let version = match self.byte()? {
            75 => Version::Hixie75,
            76 => Version::Hixie76,
            7 => Version::Hybi07,
            8 => Version::Hybi08,
            13 => Version::Rfc6455,
            _ => return None,
        };
        let limits = Limits { max_message: self.long()?, max_fragments: self.word()? };
        let phase = self.phase(version)?;
        let message = self.message()?;
        let input = self.input(version)?;
        Some(WebSocket { version, limits, phase, message, input })
    }

    fn phase(&mut self, version: Version) -> Option<Phase> {
        Some(match self.byte()? {
            0 if version == Version::Hixie76 => {
                let len = self.byte().filter(|&len| len < 8)?;
                Phase::AwaitingKey { len, first: self.word()?, second: self.word()?, third: self.take()? }
            }
            1 => Phase::Opening,
            2 => Phase::Open,
            3 => Phase::Closing,
            4 => Phase::Closed,
            5 => Phase::Failed,
            _ => return None,
        })
    }

    fn message(&mut self) -> Option<Message> {
        let opcode = match self.byte()? {
            0 => None,
            1 => Some(Opcode::Text),
            2 => Some(Opcode::Binary),
            _ => return None,
        };
        let (len, fragments) = (self.long()?, self.word()?);
        let [needed, low, high] = self.take()?;
        (needed <= 3).then_some(Message { opcode, len, fragments, utf8: Utf8 { needed, low, high } })
    }

    fn input(&mut self, version: Version) -> Option<Input> {
        let hixie = version.is_hixie();
        Some(match self.byte()? {
            0 if hixie => Input::Hixie(Inside::Nothing),
            0 => Input::Hybi(None),
            1 if !hixie => {
                let (fin, key) = (self.flag()?, self.take()?);
                let (taken, len) = (self.long()?, self.long()?);
                if taken > len {
                    return None;
                }
                Input::Hybi(Some(OpenFrame { fin, key, taken, len }))
            }
            2 if hixie => Input::Hixie(Inside::Text { delivered: self.flag()? }),
            3 if hixie => {
                let (closing, count) = (self.flag()?, self.byte()?);
                Input::Hixie(Inside::Length { closing, count, len: self.long()? })
            }
            4 if hixie => Input::Hixie(Inside::Skipped(self.long()?)),
            _ => return None,
        })
    }
}
