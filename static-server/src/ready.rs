//! An answer that is given again and again, in one piece: the kernel takes head and body from there, and nothing is copied before.

use std::sync::{Arc, Weak};

use crate::representation::Representation;
use crate::response::{Answer, END, FirstLines};

/// Bytes of the longest body that is kept so.
const LONGEST: usize = 16 * 1024;

/// The whole of a representation with its head, as a client of HTTP/1.1 gets it on a connection that goes on.
#[derive(Debug, Default)]
pub(crate) struct ReadyAnswer {
    /// The fields of the representation: each version has its own, whose place in memory no other one gets while this is here.
    fields: Option<Weak<[u8]>>,
    /// Bytes of the first lines, which change from second to second.
    first: usize,
    /// Of which second they are, since 1970.
    second: i64,
    bytes: Vec<u8>,
}

impl ReadyAnswer {
    /// The answer with this representation in the second of these first lines; `None` if it is too long, or not in memory.
    pub(crate) fn of(&mut self, it: &Representation, first: &FirstLines) -> Option<&[u8]> {
        let body = it.body.memory().filter(|body| body.len() <= LONGEST)?;
        let is_of_it = |fields: &Weak<[u8]>| std::ptr::eq(fields.as_ptr(), Arc::as_ptr(&it.fields));
        let lines = first.of_ok();
        let is_new = !self.fields.as_ref().is_some_and(is_of_it) || self.first != lines.len();
        if is_new {
            *self = Self::made(it, body, first);
        }
        if !is_new && self.second != first.second() {
            self.bytes.get_mut(..self.first)?.copy_from_slice(lines);
            self.second = first.second();
        }
        Some(&self.bytes)
    }

    fn made(it: &Representation, body: &[u8], first: &FirstLines) -> Self {
        let mut bytes = Vec::with_capacity(first.of_ok().len() + it.fields.len() + END.len() + body.len());
        Answer::whole(it.fields.clone(), it.len).write_head(first, false, &mut bytes);
        bytes.extend_from_slice(body);
        let fields = Some(Arc::downgrade(&it.fields));
        Self { fields, first: first.of_ok().len(), second: first.second(), bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::SharedFields;
    use crate::representation::{Body, Facts};

    fn of(bytes: &[u8]) -> Representation {
        let facts = Facts { name: b"a.txt", coding: None, varies: false, modified: None, is_settled: true };
        Representation::new(facts, Body::Memory(bytes.into()), &SharedFields::default())
    }

    fn at(second: i64) -> FirstLines {
        let mut first = FirstLines::default();
        first.renew(second);
        first
    }

    /// What is written where no answer is ready.
    fn written(it: &Representation, first: &FirstLines) -> Vec<u8> {
        let mut bytes = Vec::new();
        Answer::whole(it.fields.clone(), it.len).write_head(first, false, &mut bytes);
        bytes.extend_from_slice(it.body.memory().unwrap());
        bytes
    }

    #[test]
    fn it_is_that_of_the_version_and_the_second_and_of_no_other_ones() {
        let (mut ready, other) = (ReadyAnswer::default(), of(b"other"));
        for second in [0, 0, 1, 1_000_000_000, 1] {
            // Each has the memory that the one before has had, if that may be used again.
            for body in [b"first".as_slice(), b"again", b"a longer one", b""] {
                let (it, first) = (of(body), at(second));
                assert_eq!(ready.of(&it, &first), Some(&*written(&it, &first)));
                assert_eq!(ready.of(&it, &at(second + 1)), Some(&*written(&it, &at(second + 1))));
                assert_eq!(ready.of(&other, &first), Some(&*written(&other, &first)));
            }
        }
        let undated = at(i64::MAX);
        assert_eq!(ready.of(&other, &undated), Some(&*written(&other, &undated)));
        assert_eq!(ready.of(&other, &at(1)), Some(&*written(&other, &at(1))));
    }

    #[test]
    fn none_is_kept_of_a_long_body() {
        let mut ready = ReadyAnswer::default();
        assert!(ready.of(&of(&vec![b'a'; LONGEST]), &at(0)).is_some());
        assert!(ready.of(&of(&vec![b'a'; LONGEST + 1]), &at(0)).is_none());
        assert!(ready.bytes.capacity() < LONGEST + 1024, "one answer");
    }
}
