//! What all clients hear beside the stream, in the one order in which each of them must hear it.

use std::collections::{HashMap, HashSet, VecDeque};

/// The texts that somebody has heard, in their order, and the sayings and leavers that must be among them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    texts: Vec<String>,
    places: HashMap<String, usize>,
    said: HashSet<String>,
    left: HashSet<u64>,
}

/// How one client follows the list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// The place of the text that it must hear next; `None` before the first one.
    next: Option<usize>,
    /// What it has heard until another client hears the first of them: a newcomer cannot know what came before, and nobody when others
    /// hear what it said itself.
    waiting: VecDeque<String>,
}

/// What a client has said itself, which it does not hear.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    /// Its number among all clients.
    pub(crate) serial: usize,
    /// How many texts it has said.
    pub(crate) said: u64,
}

impl Own {
    /// Its last text.
    pub(crate) fn text(&self) -> String {
        format!("say {} {}", self.serial, self.said)
    }

    fn is(&self, text: &str) -> bool {
        let mut words = text.split(' ');
        words.next() == Some("say") && words.next().is_some_and(|serial| serial.parse() == Ok(self.serial))
    }
}

/// What is wrong with a text that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// So many texts before it did not come.
    Missing(u64),
    /// It came before.
    Doubled,
}

impl Ledger {
    /// A client hears this text.
    pub(crate) fn hear(&mut self, place: &mut Place, text: &str, own: &Own) -> Result<(), Wrong> {
        let is_new = !self.places.contains_key(text);
        let is_newcomer = place.next.is_none() && !self.texts.is_empty();
        if !place.waiting.is_empty() || (is_new && (is_newcomer || self.lacks(own))) {
            place.waiting.push_back(text.to_owned());
            return self.catch_up(place, own);
        }
        let end = self.texts.len();
        let at = *self.places.entry(text.to_owned()).or_insert(end);
        if is_new {
            self.texts.push(text.to_owned());
        }
        let next = place.next.unwrap_or(at);
        if at < next {
            return Err(Wrong::Doubled);
        }
        place.next = Some(at + 1);
        match self.others(next, at, own) {
            0 => Ok(()),
            missing => Err(Wrong::Missing(missing)),
        }
    }

    /// True if nobody has heard yet what this client has said last: before or behind what it hears itself?
    fn lacks(&self, own: &Own) -> bool {
        own.said > 0 && !self.places.contains_key(&own.text())
    }

    /// Places what has waited, once the first text of it has a place.
    pub(crate) fn catch_up(&mut self, place: &mut Place, own: &Own) -> Result<(), Wrong> {
        if place.waiting.front().is_none_or(|first| !self.places.contains_key(first)) {
            return Ok(());
        }
        let mut result = Ok(());
        for text in std::mem::take(&mut place.waiting) {
            result = result.and(self.hear(place, &text, own));
        }
        result
    }

    /// How many texts this client has still to hear, or nobody else has heard.
    pub(crate) fn behind(&self, place: &Place, own: &Own) -> u64 {
        let to_come = place.next.map_or(0, |next| self.others(next, self.texts.len(), own));
        to_come + place.waiting.len() as u64
    }

    fn others(&self, from: usize, to: usize, own: &Own) -> u64 {
        self.texts[from..to].iter().filter(|text| !own.is(text)).count() as u64
    }

    /// Others must hear this text.
    pub(crate) fn expect_said(&mut self, text: String) {
        self.said.insert(text);
    }

    /// What this client has said may be lost with its connection, unless it was heard: a connection that is closed with input that was not
    /// read is reset, and the server need not read on.
    pub(crate) fn forgive(&mut self, own: &Own) {
        self.said.retain(|text| !own.is(text));
    }

    /// Others must hear that the client of this id has left.
    pub(crate) fn expect_left(&mut self, id: u64) {
        self.left.insert(id);
    }

    /// How many texts nobody has heard, and how many leavers were not announced.
    pub(crate) fn unheard(&self) -> (usize, usize) {
        let said = self.said.iter().filter(|text| !self.places.contains_key(*text)).count();
        let left = self.left.iter().filter(|id| !self.places.contains_key(&format!("{id} disconnected")));
        (said, left.count())
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none() -> Own {
        Own { serial: 9, said: 0 }
    }

    #[test]
    fn clients_that_hear_the_same_in_one_order_are_right_wherever_they_begin() {
        let (mut ledger, mut first, mut second) = (Ledger::default(), Place::default(), Place::default());
        for text in ["say 1 1", "7 disconnected", "say 2 1"] {
            assert_eq!(ledger.hear(&mut first, text, &none()), Ok(()));
        }
        assert_eq!(ledger.behind(&second, &none()), 0);
        assert_eq!(ledger.hear(&mut second, "7 disconnected", &none()), Ok(()));
        assert_eq!(ledger.behind(&second, &none()), 1);
        assert_eq!(ledger.behind(&second, &Own { serial: 2, said: 1 }), 0, "its own text does not come");
    }

    #[test]
    fn a_newcomer_that_reads_first_does_not_decide_the_order() {
        let (mut ledger, mut first, mut newcomer) = (Ledger::default(), Place::default(), Place::default());
        ledger.hear(&mut first, "a", &none()).unwrap();
        assert_eq!(ledger.hear(&mut newcomer, "c", &none()), Ok(()));
        assert_eq!(ledger.behind(&newcomer, &none()), 1);
        assert_eq!(ledger.hear(&mut first, "b", &none()), Ok(()));
        assert_eq!(ledger.hear(&mut first, "c", &none()), Ok(()));
        assert_eq!(ledger.hear(&mut newcomer, "d", &none()), Ok(()));
        assert_eq!(ledger.behind(&first, &none()), 1);
        assert_eq!(ledger.hear(&mut first, "d", &none()), Ok(()));
        assert_eq!(ledger.behind(&newcomer, &none()), 0);
        assert_eq!(ledger.hear(&mut newcomer, "f", &none()), Ok(()), "e may come");
        assert_eq!(ledger.hear(&mut first, "e", &none()), Err(Wrong::Missing(1)));
    }

    #[test]
    fn who_has_spoken_does_not_decide_the_order_before_others_have_heard_it() {
        let (mut ledger, mut author, mut other) = (Ledger::default(), Place::default(), Place::default());
        let own = Own { serial: 3, said: 1 };
        for place in [&mut author, &mut other] {
            ledger.hear(place, "a", &none()).unwrap();
        }
        assert_eq!(ledger.hear(&mut author, "b", &own), Ok(()));
        assert_eq!(ledger.behind(&author, &own), 1, "b waits");
        for text in ["say 3 1", "b"] {
            assert_eq!(ledger.hear(&mut other, text, &none()), Ok(()));
        }
        assert_eq!(ledger.catch_up(&mut author, &own), Ok(()));
        assert_eq!(ledger.behind(&author, &own), 0);
    }

    #[test]
    fn a_text_that_is_missing_or_comes_twice_is_noticed() {
        let (mut ledger, mut first, mut second) = (Ledger::default(), Place::default(), Place::default());
        for text in ["a", "b", "c", "d"] {
            ledger.hear(&mut first, text, &none()).unwrap();
        }
        ledger.hear(&mut second, "a", &none()).unwrap();
        assert_eq!(ledger.hear(&mut second, "d", &none()), Err(Wrong::Missing(2)));
        assert_eq!(ledger.hear(&mut second, "d", &none()), Err(Wrong::Doubled));
        assert_eq!(ledger.hear(&mut second, "b", &none()), Err(Wrong::Doubled), "another order");
    }

    #[test]
    fn what_nobody_heard_is_counted() {
        let (mut ledger, mut place) = (Ledger::default(), Place::default());
        ledger.expect_said("say 1 1".to_owned());
        ledger.expect_said("say 1 2".to_owned());
        ledger.expect_left(7);
        ledger.hear(&mut place, "say 1 1", &none()).unwrap();
        assert_eq!(ledger.unheard(), (1, 1));
        ledger.hear(&mut place, "7 disconnected", &none()).unwrap();
        assert_eq!(ledger.unheard(), (1, 0));
    }
}
