//! What was published: the truth that every client is measured by.

use std::collections::HashMap;

use common::id::MessageId;

use crate::stream::Batch;

/// One message of a source.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) id: MessageId,
    pub(super) text: String,
    /// Messages before it are lost, and the source has said so.
    pub(super) follows_gap: bool,
}

/// Every message that a source has published, the first one first.
#[derive(Debug, Default)]
pub(super) struct Shadow {
    messages: Vec<Published>,
    /// By the beginning of their text, which no two share.
    places: HashMap<String, usize>,
}

/// What no two texts share.
pub(super) fn name_of(text: &str) -> &str {
    text.split(';').next().unwrap_or_default()
}

impl Shadow {
    /// A source publishes these.
    pub(super) fn publish(&mut self, batch: &Batch) {
        for (place, text) in batch.texts().enumerate() {
            let id = batch.id_of(place);
            if let Some(last) = self.messages.last() {
                assert!(last.id < id, "{id} is published behind {}", last.id);
            }
            let before = self.places.insert(name_of(text).to_owned(), self.messages.len());
            assert!(before.is_none(), "{text} is published twice");
            let follows_gap = place == 0 && batch.follows_gap();
            self.messages.push(Published { id, text: text.to_owned(), follows_gap });
        }
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn get(&self, place: usize) -> Option<&Published> {
        self.messages.get(place)
    }

    pub(super) fn last(&self) -> Option<&Published> {
        self.messages.last()
    }

    /// The place of this text.
    ///
    /// # Errors
    /// Nobody has published it, or not as it is.
    pub(super) fn find(&self, text: &str) -> Result<usize, String> {
        let place = self.places.get(name_of(text)).ok_or_else(|| format!("{text:?} was never published"))?;
        let published = &self.messages[*place].text;
        if published == text { Ok(*place) } else { Err(format!("{text:?}, but it was {published:?}")) }
    }

    /// True if this message of its stream, or a later one, is among the first `count`.
    pub(super) fn had(&self, id: MessageId, count: usize) -> bool {
        let end = MessageId { epoch: id.epoch, number: u64::MAX };
        let last = self.after(end).min(count).checked_sub(1).and_then(|place| self.get(place));
        last.is_some_and(|last| last.id.epoch == id.epoch && last.id >= id)
    }

    /// The place of the first message that comes after `id`.
    pub(super) fn after(&self, id: MessageId) -> usize {
        self.messages.partition_point(|message| message.id <= id)
    }
}
