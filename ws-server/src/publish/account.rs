//! What one request has published so far and, under a key, what an earlier try has.
//!
//! ```text
//!  lines of the body:   1 … k        k+1 …            an earlier try was cut off behind line k: compared, then published
//!                       1 … n        n+1              an earlier try has ended with n lines: compared, then refused
//!                       1 …                           no earlier try: published
//! ```

use std::fmt::Write;

use common::id::MessageId;

use super::{digest::LineChain, key::ScopedKey};

/// One request that publishes, between two pieces of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// Under which it is recorded.
    pub(super) key: Option<ScopedKey>,
    /// What earlier tries under this key have published.
    pub(super) earlier: Option<Record>,
    /// What this one has sent and published, that of the earlier ones included once it is compared.
    pub(super) so_far: Record,
    /// Its lines are others than those of an earlier try.
    pub(super) is_refused: bool,
}

/// What is out under a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(super) lines: LineChain,
    /// The ids of the first and of the last line.
    pub(super) span: Option<(MessageId, MessageId)>,
    pub(super) dropped: Dropped,
    /// The body had its regular end: there are no more lines.
    pub(super) is_complete: bool,
}

/// Lines of a request that were not published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// Longer than `--max-line`.
    pub(crate) too_long: u64,
    /// Not UTF-8, under `--invalid-utf8 drop`.
    pub(crate) not_utf8: u64,
}

/// What is to be done with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is new.
    Publish,
    /// An earlier try has published it.
    Known,
}

/// The lines under a key are others than those of an earlier try: 422 (draft-ietf-httpapi-idempotency-key-header §2.7), and no line
/// of the request is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OtherBody;

/// What the client of a request that has ended is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// The ids of the first and of the last line of all tries.
    pub(crate) span: Option<(MessageId, MessageId)>,
    pub(crate) lines: u64,
    pub(crate) dropped: Dropped,
}

impl Account {
    /// Of a request without a key: every line is new.
    pub(crate) fn unkeyed() -> Self {
        Self { key: None, earlier: None, so_far: Record::default(), is_refused: false }
    }

    /// Of a request under a key, and what was published under it before.
    pub(super) fn keyed(key: ScopedKey, earlier: Option<Record>) -> Self {
        Self { key: Some(key), earlier, ..Self::unkeyed() }
    }

    /// True for a request that has to be ended, so that its key is free for a retry.
    pub(super) fn is_keyed(&self) -> bool {
        self.key.is_some()
    }

    /// Judges the next line as it is before the template. A new one must be published, and its id given to
    /// [`Self::published`], before anything else happens to the account.
    ///
    /// # Errors
    /// [`OtherBody`] for this line and all that follow.
    pub(crate) fn line(&mut self, line: &str) -> Result<Verdict, OtherBody> {
        if self.is_refused {
            return Err(OtherBody);
        }
        let lines = &mut self.so_far.lines;
        if self.key.is_some() {
            lines.add(line);
        } else {
            lines.count();
        }
        let Some(earlier) = &self.earlier else { return Ok(Verdict::Publish) };
        let is_other = match lines.count.cmp(&earlier.lines.count) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => lines.digest != earlier.lines.digest,
            std::cmp::Ordering::Greater if earlier.is_complete => true,
            std::cmp::Ordering::Greater => return Ok(Verdict::Publish),
        };
        if is_other {
            self.is_refused = true;
            return Err(OtherBody);
        }
        if lines.count == earlier.lines.count {
            self.so_far.span = earlier.span;
        }
        Ok(Verdict::Known)
    }

    /// The lines to be published since the last call have these ids, and those between them perhaps.
    pub(crate) fn published(&mut self, first: MessageId, last: MessageId) {
        let first = self.so_far.span.map_or(first, |(first, _)| first);
        self.so_far.span = Some((first, last));
    }

    /// Lines were dropped instead of being given to [`Self::line`].
    pub(crate) fn dropped(&mut self, more: Dropped) {
        let dropped = &mut self.so_far.dropped;
        dropped.too_long = dropped.too_long.saturating_add(more.too_long);
        dropped.not_utf8 = dropped.not_utf8.saturating_add(more.not_utf8);
    }

    /// The body has come to its regular end, its last line included: what the client is told.
    ///
    /// # Errors
    /// [`OtherBody`] if an earlier try has published more than this body holds.
    pub(crate) fn finish(&mut self) -> Result<Receipt, OtherBody> {
        if self.is_refused || self.is_comparing() {
            self.is_refused = true;
            return Err(OtherBody);
        }
        self.so_far.is_complete = true;
        let Record { lines, span, dropped, .. } = self.record();
        Ok(Receipt { span, lines: lines.count, dropped })
    }

    /// True while an earlier try has published more lines than this one has sent.
    fn is_comparing(&self) -> bool {
        self.earlier.is_some_and(|earlier| self.so_far.lines.count < earlier.lines.count)
    }

    /// What is out under its key if it ends now.
    pub(super) fn record(&self) -> Record {
        match self.earlier {
            Some(earlier) if self.is_refused || earlier.is_complete || self.is_comparing() => earlier,
            _ => self.so_far,
        }
    }
}

impl Receipt {
    /// The status of the answer: a request none of whose lines could be published has failed.
    pub(crate) fn status(&self) -> u16 {
        match self.dropped {
            _ if self.lines > 0 => 200,
            Dropped { too_long: 1.., .. } => 413,
            Dropped { not_utf8: 1.., .. } => 422,
            Dropped { .. } => 200,
        }
    }

    /// The body of the answer, one line of JSON.
    pub(crate) fn json(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        _ = match self.span {
            Some((first, last)) => write!(out, r#"{{"first":"{first}","last":"{last}""#),
            None => write!(out, r#"{{"first":null,"last":null"#),
        };
        _ = write!(out, r#","lines":{}"#, self.lines);
        let dropped = self.dropped.too_long.saturating_add(self.dropped.not_utf8);
        if dropped > 0 {
            _ = write!(out, r#","dropped":{dropped}"#);
        }
        out.push_str("}\n");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::id::Epoch;

    fn id(number: u64) -> MessageId {
        MessageId { epoch: Epoch::from_millis(0x0193_2f5a_0c2e), number }
    }

    #[test]
    fn a_request_without_a_key_publishes_every_line_and_tells_the_first_and_last_id() {
        let mut account = Account::unkeyed();
        for number in [15, 17] {
            assert_eq!(account.line("the same"), Ok(Verdict::Publish));
            account.published(id(number), id(number));
        }
        let receipt = account.finish().unwrap();
        assert_eq!(receipt.status(), 200);
        assert_eq!(
            receipt.json(),
            "{\"first\":\"01932f5a0c2e_15\",\"last\":\"01932f5a0c2e_17\",\"lines\":2}\n"
        );
    }

    #[test]
    fn the_answer_tells_of_dropped_lines_and_is_an_error_if_there_was_no_other() {
        let table = [
            (0, 0, 0, 200, r#"{"first":null,"last":null,"lines":0}"#),
            (0, 2, 0, 413, r#"{"first":null,"last":null,"lines":0,"dropped":2}"#),
            (0, 0, 1, 422, r#"{"first":null,"last":null,"lines":0,"dropped":1}"#),
            (0, 1, 1, 413, r#"{"first":null,"last":null,"lines":0,"dropped":2}"#),
            (1, 1, 1, 200, r#"{"first":"01932f5a0c2e_7","last":"01932f5a0c2e_7","lines":1,"dropped":2}"#),
        ];
        for (lines, too_long, not_utf8, status, json) in table {
            let mut account = Account::unkeyed();
            account.dropped(Dropped { too_long, not_utf8 });
            for _ in 0..lines {
                account.line("a").unwrap();
                account.published(id(7), id(7));
            }
            let receipt = account.finish().unwrap();
            assert_eq!((receipt.status(), receipt.json()), (status, format!("{json}\n")));
        }
    }
}
