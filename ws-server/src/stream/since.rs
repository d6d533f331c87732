//! What clients say that they have, as bytes for the next process.

use common::{
    codec::{Reader, Writer},
    id::{Epoch, MessageId, Since},
};

const NO_SINCE: u8 = 0;
const SINCE_NUMBER: u8 = 1;
const SINCE_ID: u8 = 2;
const SINCE_UNKNOWN: u8 = 3;
const SINCE_NOTHING: u8 = 4;

pub(crate) fn put_since(since: Option<Since>, to: &mut Writer) {
    let (kind, epoch, number) = match since {
        None => (NO_SINCE, 0, 0),
        Some(Since::Number(number)) => (SINCE_NUMBER, 0, number),
        Some(Since::Id(id)) => (SINCE_ID, id.epoch.as_millis(), id.number),
        Some(Since::Unknown) => (SINCE_UNKNOWN, 0, 0),
        Some(Since::Nothing(epoch)) => (SINCE_NOTHING, epoch.as_millis(), 0),
    };
    to.byte(kind);
    to.long(epoch);
    to.long(number);
}

/// Reads back what [`put_since`] wrote; `None` for anything else.
pub(crate) fn take_since(from: &mut Reader<'_>, since: &mut Option<Since>) -> Option<()> {
    let (kind, epoch, number) = (from.byte()?, Epoch::from_millis(from.long()?), from.long()?);
    *since = match kind {
        NO_SINCE => None,
        SINCE_NUMBER => Some(Since::Number(number)),
        SINCE_ID => Some(Since::Id(MessageId { epoch, number })),
        SINCE_UNKNOWN => Some(Since::Unknown),
        SINCE_NOTHING => Some(Since::Nothing(epoch)),
        _ => return None,
    };
    Some(())
}
