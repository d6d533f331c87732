//! A document for a browser without scripts: how much it has, what it says at its end, and where the next one begins.

use std::fmt::Write as _;

use common::{
    codec::{Reader, Writer},
    framing::{Farewell, GoOn},
    http::{Head, query_param},
    id::{Epoch, Since},
};

/// So many messages are enough for one document: a browser keeps all of them.
const MOST_MESSAGES: u64 = 5_000;
/// Bytes of a document.
const MOST_BYTES: u64 = 1024 * 1024;

/// Seconds before a browser goes on by itself after a restart.
const SOON: u16 = 2;
/// Before a document of what there is now is loaded anew.
const AGAIN: u16 = 10;
/// After a stop, from which not every server comes back: the next document replaces this one, also by an error.
const LATER: u16 = 10;

/// The document of a connection; nothing for any other framing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document(Option<Box<Page>>);

#[derive(Clone, Debug, Default)]
struct Page {
    /// The query of its address without the id to begin after, encoded; `&` at its end unless it is empty.
    query: String,
    /// The parameters that say where this document begins, in the same form.
    begin: String,
    messages: u64,
    bytes: u64,
}

impl Document {
    /// An empty document for this request.
    pub(super) fn new(head: &Head<'_>) -> Self {
        let query = head.query().unwrap_or_default();
        let (begin, query) = (kept(query, says_begin), kept(query, |pair| !says_begin(pair)));
        Self(Some(Box::new(Page { query, begin, ..Page::default() })))
    }

    pub(super) fn is_one(&self) -> bool {
        self.0.is_some()
    }

    /// Counts what was sent.
    pub(crate) fn add(&mut self, messages: u64, bytes: usize) {
        if let Some(page) = &mut self.0 {
            page.messages = page.messages.saturating_add(messages);
            page.bytes = page.bytes.saturating_add(bytes as u64);
        }
    }

    /// True for a document that has grown long enough.
    pub(crate) fn is_full(&self) -> bool {
        self.0.as_ref().is_some_and(|page| page.messages >= MOST_MESSAGES || page.bytes >= MOST_BYTES)
    }

    /// What it says at its end, which the metrics know by this name; `had` is what it has.
    pub(super) fn farewell(&self, ending: &str, had: Option<Since>) -> Farewell {
        let (said, after) = match ending {
            "renewed" => ("This page is full, and goes on with the next message.", Some(0)),
            "read" => {
                ("These are the messages until now. This page looks again every 10 seconds.", Some(AGAIN))
            }
            "finished" => ("The stream has ended.", None),
            "revoked" => ("The token is no longer valid.", None),
            "stopped" => ("The server has stopped. This page tries again in 10 seconds.", Some(LATER)),
            "slow" => ("This browser fell behind. The page goes on in a moment.", Some(SOON)),
            _ => ("The server starts again. The page goes on in a moment.", Some(SOON)),
        };
        // A bounded read begins again with what it has shown: a browser that draws at the end only shows no other document before.
        let is_whole = ending == "read";
        let address = || if is_whole { self.same() } else { self.next(had) };
        Farewell { said, go_on: after.and_then(|after| Some(GoOn { address: address()?, after })), is_whole }
    }

    /// The address of this document, relative to itself.
    fn same(&self) -> Option<String> {
        let Page { begin, query, .. } = self.0.as_deref()?;
        Some(format!("?{begin}{query}").trim_end_matches('&').to_owned())
    }

    /// The address of the next document, relative to this one's.
    fn next(&self, had: Option<Since>) -> Option<String> {
        let page = self.0.as_ref()?;
        let query = &page.query;
        Some(match had {
            None | Some(Since::Unknown) => format!("?{}", query.trim_end_matches('&')),
            Some(had) => format!("?{query}since={had}"),
        })
    }

    /// Writes down a document, of which this is the epoch.
    pub(super) fn put(&self, epoch: Epoch, to: &mut Writer) {
        if let Some(page) = &self.0 {
            to.bytes(page.query.as_bytes());
            to.bytes(page.begin.as_bytes());
            to.long(epoch.as_millis());
            to.long(page.messages);
            to.long(page.bytes);
        }
    }

    /// Reads back what [`Document::put`] wrote.
    pub(super) fn take_over(from: &mut Reader<'_>) -> Option<Self> {
        let query = String::from_utf8(from.bytes()?.to_vec()).ok()?;
        let begin = String::from_utf8(from.bytes()?.to_vec()).ok()?;
        // Its connection says it, too.
        let _epoch = from.long()?;
        let (messages, bytes) = (from.long()?, from.long()?);
        Some(Self(Some(Box::new(Page { query, begin, messages, bytes }))))
    }
}

/// True for a parameter that says where to begin, however its name is encoded: behind it another one would not count.
fn says_begin(pair: &[u8]) -> bool {
    ["since", "lastEventId"].iter().any(|name| query_param(pair, name).is_some())
}

/// Some of a query's parameters, for another one behind them. Bytes that could end an attribute, or mean something to a `Refresh`, are
/// encoded.
fn kept(query: &[u8], is_wanted: impl Fn(&[u8]) -> bool) -> String {
    let mut kept = String::new();
    for pair in query.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty() && is_wanted(pair)) {
        for &byte in pair {
            if byte.is_ascii_alphanumeric() || b"-._~%=+!*/:@?".contains(&byte) {
                kept.push(char::from(byte));
            } else {
                let _infallible = write!(kept, "%{byte:02X}");
            }
        }
        kept.push('&');
    }
    kept
}

#[cfg(test)]
mod tests {
    use common::{http::HeadLimits, id::MessageId};

    use super::*;

    fn document(target: &str) -> Document {
        let bytes = format!("GET {target} HTTP/1.0\r\n\r\n");
        let head = Head::parse(bytes.as_bytes(), HeadLimits::default()).unwrap();
        Document::new(&head)
    }

    fn had(number: u64) -> Since {
        Since::Id(MessageId { epoch: Epoch::from_millis(0xAB), number })
    }

    #[test]
    fn the_next_document_begins_behind_this_one_at_the_same_address() {
        for (target, last, address) in [
            ("/stream.html", Some(had(7)), "?since=0000000000ab_7"),
            ("/stream.html", None, "?"),
            ("/?since=3", Some(had(7)), "?since=0000000000ab_7"),
            (
                "/?token=abc&since=3&heartbeat=15",
                Some(had(7)),
                "?token=abc&heartbeat=15&since=0000000000ab_7",
            ),
            ("/?token=abc&&lastEventId=3", None, "?token=abc"),
            ("/?%73ince=3&a=1&last%45ventId=2", Some(had(7)), "?a=1&since=0000000000ab_7"),
            ("/?a=\"'><b>;c\\", Some(had(7)), "?a=%22%27%3E%3Cb%3E%3Bc%5C&since=0000000000ab_7"),
            ("/?a=%22&sinces=1", Some(had(7)), "?a=%22&sinces=1&since=0000000000ab_7"),
            ("/?a=\u{e9}", Some(had(7)), "?a=%C3%A9&since=0000000000ab_7"),
        ] {
            assert_eq!(document(target).next(last).unwrap(), address, "{target}");
        }
        assert_eq!(Document::default().next(Some(had(7))), None);
    }

    #[test]
    fn a_document_is_full_by_its_messages_or_its_bytes() {
        let mut document = document("/");
        document.add(MOST_MESSAGES - 1, 3);
        assert!(!document.is_full());
        document.add(1, 3);
        assert!(document.is_full());
        let mut document = self::document("/");
        document.add(1, 1024 * 1024);
        assert!(document.is_full());
        let mut other = Document::default();
        other.add(u64::MAX, usize::MAX);
        assert!(!other.is_full());
    }

    #[test]
    fn a_bounded_read_is_loaded_anew_from_its_beginning() {
        let address = |target| document(target).farewell("read", Some(had(7))).go_on.unwrap().address;
        assert_eq!(address("/stream.html?until=9"), "?until=9");
        assert_eq!(address("/stream.html?until=9&since=3&token=abc"), "?since=3&until=9&token=abc");
    }

    #[test]
    fn a_document_goes_on_by_itself_but_behind_the_end_of_its_stream_or_its_token() {
        let after = |ending| document("/").farewell(ending, Some(had(7))).go_on.map(|go_on| go_on.after);
        assert_eq!(after("renewed"), Some(0));
        assert_eq!(after("read"), Some(AGAIN));
        assert_eq!(after("restarted"), Some(SOON));
        assert_eq!(after("slow"), Some(SOON));
        assert_eq!(after("stopped"), Some(LATER));
        assert_eq!(after("finished"), None);
        assert_eq!(after("revoked"), None);
    }
}
