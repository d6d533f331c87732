//! An answer that is given again and again, in one piece: the kernel takes head and body from there, and nothing is copied before.
//!
//! Each worker has its own. Whether it is still the answer, the look at the disk says that showed its file.

use std::sync::Arc;

use common::http::Head;

use crate::encoding::{self, Coding};
use crate::look::Look;
use crate::representation::Resource;
use crate::response::{Answer, END, FirstLines};

/// Bytes of the longest body that is kept so.
const LONGEST: usize = 16 * 1024;

/// The whole of a representation with its head, as a client of HTTP/1.1 gets it on a connection that goes on.
#[derive(Debug)]
pub(crate) struct ReadyAnswer {
    look: Look,
    /// The siblings of its file, and which of these it is of.
    siblings: Vec<Coding>,
    coding: Option<Coding>,
    /// Bytes of the first lines, which change from second to second.
    first: usize,
    /// Of which second they are, since 1970.
    second: i64,
    /// Bytes of the body.
    body: usize,
    bytes: Arc<[u8]>,
}

impl ReadyAnswer {
    /// The answer to this request with a resource that this look showed, in the second of these first lines; `None` if it is too long, or
    /// not in memory.
    pub(crate) fn made(resource: &Resource, look: Look, head: &Head<'_>, first: &FirstLines) -> Option<Self> {
        let siblings: Vec<_> = resource.coded.iter().map(|(coding, _)| *coding).collect();
        let coding = coding_for(head, &siblings);
        let it = resource.of(coding);
        let body = it.body.memory().filter(|body| body.len() <= LONGEST)?;
        let mut bytes = Vec::with_capacity(first.of_ok().len() + it.fields.len() + END.len() + body.len());
        Answer::whole(it.fields.clone(), it.len).write_head(first, false, &mut bytes);
        bytes.extend_from_slice(body);
        Some(Self {
            look,
            siblings,
            coding,
            first: first.of_ok().len(),
            second: first.second(),
            body: body.len(),
            bytes: bytes.into(),
        })
    }

    /// The look that showed the file.
    pub(crate) fn look(&self) -> &Look {
        &self.look
    }

    /// True if the request asks for the coding that this is of.
    pub(crate) fn is_for(&self, head: &Head<'_>) -> bool {
        coding_for(head, &self.siblings) == self.coding
    }

    /// The same in the second of these first lines; `None` if they have another length.
    pub(crate) fn renewed(&mut self, first: &FirstLines) -> Option<&mut Self> {
        if self.second != first.second() {
            let place = Arc::make_mut(&mut self.bytes).get_mut(..self.first);
            place.filter(|place| place.len() == first.of_ok().len())?.copy_from_slice(first.of_ok());
            self.second = first.second();
        }
        Some(self)
    }

    /// Head and body.
    pub(crate) fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// Bytes of the body, which stands at the end.
    pub(crate) fn body_len(&self) -> u64 {
        self.body as u64
    }
}

/// The coding that a request asks for where these are offered; `None` is the file itself.
fn coding_for(head: &Head<'_>, offered: &[Coding]) -> Option<Coding> {
    if offered.is_empty() {
        return None; // as mostly
    }
    encoding::choose_for(head, |coding| offered.contains(&coding))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use std::time::Instant;

    use common::http::HeadLimits;

    use super::*;
    use crate::fields::SharedFields;
    use crate::representation::{Body, Facts, Representation};

    fn of(coding: Option<Coding>, bytes: &[u8]) -> Representation {
        let facts = Facts { name: b"a.txt", coding, varies: false, modified: None, is_settled: true };
        Representation::new(facts, Body::Memory(bytes.into()), &SharedFields::default())
    }

    fn resource(bytes: &[u8], packed: Option<&[u8]>) -> Resource {
        let coded = packed.map(|packed| (Coding::Gzip, of(Some(Coding::Gzip), packed)));
        Resource { identity: of(None, bytes), coded: coded.into_iter().collect() }
    }

    fn made(resource: &Resource, head: &Head<'_>, second: i64) -> Option<ReadyAnswer> {
        let look = Look { at: Instant::now(), release: 0, changes: 0 };
        ReadyAnswer::made(resource, look, head, &at(second))
    }

    fn head(text: &[u8]) -> Head<'_> {
        Head::parse(text, HeadLimits { max_bytes: 1000, max_headers: 10, max_target: 100 }).unwrap()
    }

    fn plain() -> Head<'static> {
        head(b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n")
    }

    fn packed() -> Head<'static> {
        head(b"GET /a.txt HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
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
    fn it_is_what_is_written_elsewhere_in_each_second() {
        for body in [b"first".as_slice(), b"a longer one", b""] {
            let resource = resource(body, None);
            let identity = &resource.identity;
            let mut ready = made(&resource, &plain(), 0).unwrap();
            assert_eq!(ready.body_len(), body.len() as u64);
            for second in [0, 0, 1, 1_000_000_000, 1] {
                let sent = ready.renewed(&at(second)).unwrap().bytes().clone();
                let again = ready.renewed(&at(second + 1)).unwrap().bytes().clone();
                assert_eq!(*sent, *written(identity, &at(second)), "which a client may still take");
                assert_eq!(*again, *written(identity, &at(second + 1)));
            }
            assert!(ready.renewed(&at(i64::MAX)).is_none(), "which has no date");
            let mut undated = made(&resource, &plain(), i64::MAX).unwrap();
            let bytes = undated.renewed(&at(i64::MAX)).map(|ready| ready.bytes().clone()).unwrap();
            assert_eq!(*bytes, *written(identity, &at(i64::MAX)));
        }
    }

    #[test]
    fn it_is_for_those_that_get_its_coding() {
        let both = resource(b"as it is", Some(b"packed"));
        for (mine, other, it) in [(plain(), packed(), &both.identity), (packed(), plain(), &both.coded[0].1)]
        {
            let ready = made(&both, &mine, 0).unwrap();
            assert_eq!(**ready.bytes(), *written(it, &at(0)));
            assert!(ready.is_for(&mine) && !ready.is_for(&other));
        }
        let alone = made(&resource(b"as it is", None), &plain(), 0).unwrap();
        assert!(alone.is_for(&plain()) && alone.is_for(&packed()));
    }

    #[test]
    fn none_is_made_of_a_long_body() {
        assert!(made(&resource(&vec![b'a'; LONGEST], None), &plain(), 0).is_some());
        assert!(made(&resource(&vec![b'a'; LONGEST + 1], None), &plain(), 0).is_none());
    }
}
