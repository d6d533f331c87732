//! The notices as plain data, for the next process.

use common::codec::{Reader, Writer};
use daemon::clock::Moment;

use super::{board::NoticeState, departures::Departures};
use crate::connection::{Notice, Payload};

pub(crate) fn put_departures(departures: &Departures, to: &mut Writer) {
    to.long(departures.ids.len() as u64);
    departures.ids.iter().for_each(|id| to.long(*id));
    to.long(departures.more);
}

pub(crate) fn take_departures(from: &mut Reader<'_>) -> Option<Departures> {
    let ids = (0..from.long()?).map(|_| from.long()).collect::<Option<_>>()?;
    Some(Departures { ids, more: from.long()? })
}

/// Appends all but the departures.
pub(crate) fn put_notices(notices: &NoticeState, at: Moment, to: &mut Writer) {
    to.long(notices.next);
    to.long(notices.notices.len() as u64);
    for Notice { from, payload } in &notices.notices {
        to.long(*from);
        match payload {
            Payload::Text(text) => {
                to.flag(true);
                to.bytes(text.as_bytes());
            }
            Payload::Binary(bytes) => {
                to.flag(false);
                to.bytes(bytes);
            }
        }
    }
    to.long(notices.sent_at.len() as u64);
    for sent_at in &notices.sent_at {
        to.long(at.write(*sent_at));
    }
}

/// Reads them back beside the departures.
pub(crate) fn take_notices(departures: Departures, from: &mut Reader<'_>, at: Moment) -> Option<NoticeState> {
    let next = from.long()?;
    let notices = (0..from.long()?).map(|_| take_notice(from)).collect::<Option<_>>()?;
    let sent_at = (0..from.long()?).map(|_| at.read(from.long()?)).collect::<Option<_>>()?;
    Some(NoticeState { next, notices, departures, sent_at })
}

fn take_notice(from: &mut Reader<'_>) -> Option<Notice> {
    let (author, is_text, bytes) = (from.long()?, from.flag()?, from.bytes()?.to_vec());
    let payload =
        if is_text { Payload::Text(String::from_utf8(bytes).ok()?) } else { Payload::Binary(bytes) };
    Some(Notice { from: author, payload })
}
