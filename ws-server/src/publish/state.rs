//! Accounts and keys as plain data, for the next process.

use common::{
    codec::{Reader, Writer},
    id::{Epoch, MessageId},
};

use super::{
    account::{Account, Dropped, Record},
    digest::LineChain,
    key::{MAX_KEY, ScopedKey},
    keys::{Entry, Keys},
};

/// Appends what one request has published.
pub(crate) fn put_account(account: &Account, to: &mut Writer) {
    to.flag(account.key.is_some());
    if let Some(key) = &account.key {
        put_key(key, to);
    }
    to.flag(account.earlier.is_some());
    if let Some(earlier) = &account.earlier {
        put_record(earlier, to);
    }
    put_record(&account.so_far, to);
    to.flag(account.is_refused);
}

/// Reads it back.
pub(crate) fn take_account(from: &mut Reader<'_>) -> Option<Account> {
    let key = if from.flag()? { Some(take_key(from)?) } else { None };
    let earlier = if from.flag()? { Some(take_record(from)?) } else { None };
    Some(Account { key, earlier, so_far: take_record(from)?, is_refused: from.flag()? })
}

/// Appends all records but those of running requests: once this is written, every connection has ended or is on its way.
pub(crate) fn put_keys(keys: &Keys, to: &mut Writer) {
    let known = || keys.entries.iter().filter(|(_, entry)| **entry != Entry::Running);
    to.long(known().count() as u64);
    for (key, entry) in known() {
        put_key(key, to);
        match entry {
            Entry::Running => {}
            Entry::Adrift(record) | Entry::Leaving(record) => {
                to.flag(false);
                put_record(record, to);
            }
            Entry::Ended(record, since) => {
                to.flag(true);
                put_record(record, to);
                to.long(*since);
            }
        }
    }
}

/// Reads them back; how long they are known is for [`Keys::limit`] to say.
pub(crate) fn take_keys(from: &mut Reader<'_>) -> Option<Keys> {
    let mut keys = Keys::new(u64::MAX);
    for _ in 0..from.long()? {
        let (key, has_ended, record) = (take_key(from)?, from.flag()?, take_record(from)?);
        let entry = if has_ended { Entry::Ended(record, from.long()?) } else { Entry::Adrift(record) };
        keys.put(key, entry);
    }
    Some(keys)
}

fn put_key(ScopedKey { scope, key }: &ScopedKey, to: &mut Writer) {
    to.flag(scope.is_some());
    to.bytes(scope.as_deref().unwrap_or_default().as_bytes());
    to.bytes(key.as_bytes());
}

fn take_key(from: &mut Reader<'_>) -> Option<ScopedKey> {
    let has_scope = from.flag()?;
    let mut text = || std::str::from_utf8(from.bytes()?).ok();
    let (scope, key) = (text()?, text()?);
    let is_key = (1..=MAX_KEY).contains(&key.len());
    is_key.then(|| ScopedKey { scope: has_scope.then(|| scope.into()), key: key.into() })
}

fn put_record(record: &Record, to: &mut Writer) {
    to.long(record.lines.count);
    to.raw(&record.lines.digest);
    to.flag(record.span.is_some());
    if let Some((first, last)) = record.span {
        for id in [first, last] {
            to.long(id.epoch.as_millis());
            to.long(id.number);
        }
    }
    to.long(record.dropped.too_long);
    to.long(record.dropped.not_utf8);
    to.flag(record.is_complete);
}

fn take_record(from: &mut Reader<'_>) -> Option<Record> {
    let lines = LineChain { count: from.long()?, digest: from.take()? };
    let span = if from.flag()? { Some((take_id(from)?, take_id(from)?)) } else { None };
    let dropped = Dropped { too_long: from.long()?, not_utf8: from.long()? };
    Some(Record { lines, span, dropped, is_complete: from.flag()? })
}

fn take_id(from: &mut Reader<'_>) -> Option<MessageId> {
    Some(MessageId { epoch: Epoch::from_millis(from.long()?), number: from.long()? })
}
