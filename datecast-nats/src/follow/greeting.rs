//! What a ws-server says to a producer that connects: pure.

use std::fmt;

use common::id::{Epoch, MessageId, Since};

/// Bytes of the longest greeting: `last 18446744073709551615 ffffffffffff`, with its end.
pub(super) const LONGEST: usize = 64;

/// What ws-server has: the newest number of this epoch, if it has any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) epoch: Epoch,
    pub(super) last: Option<u64>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last {
            Some(number) => write!(f, "{}", MessageId { epoch: self.epoch, number }),
            None => write!(f, "nothing of epoch {}", self.epoch),
        }
    }
}

/// Reads `last NUMBER EPOCH` or `last none EPOCH`, without the line end; `None` for anything else.
pub(super) fn parse(line: &[u8]) -> Option<Position> {
    let line = std::str::from_utf8(line).ok()?;
    let (number, epoch) = line.strip_prefix("last ")?.split_once(' ')?;
    let is_none = number == "none";
    let id = format!("{epoch}_{}", if is_none { "0" } else { number });
    let Some(Since::Id(MessageId { epoch, number })) = Since::parse(id.as_bytes()) else { return None };
    Some(Position { epoch, last: (!is_none).then_some(number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_has_a_number_or_none_and_an_epoch() {
        let epoch = Epoch::from_millis(0x0193_2f5a_0c2e);
        for (line, last) in [
            ("last none 01932f5a0c2e", None),
            ("last 0 01932f5a0c2e", Some(0)),
            ("last 18446744073709551615 01932f5a0c2e", Some(u64::MAX)),
        ] {
            assert!(line.len() < LONGEST);
            assert_eq!(parse(line.as_bytes()), Some(Position { epoch, last }));
        }
        for wrong in [
            "",
            "last",
            "last 5",
            "last none",
            "last 5 1",
            "last -1 01932f5a0c2e",
            "last 5 01932F5A0C2E",
            "hello 5 01932f5a0c2e",
        ] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(parse(b"last \xff 01932f5a0c2e"), None);
    }
}
