//! Preconditions, in the order that RFC 9110 §13.2.2 fixes.

use common::http::Head;

use crate::date;
use crate::etag::{Comparison, list_holds};

/// What distinguishes the versions of a representation.
#[derive(Clone, Debug)]
pub(crate) struct Validators {
    /// The strong entity tag, with its quotes; `None` while the file is so young that only its bytes would tell.
    pub(crate) etag: Option<String>,
    /// The last modification in seconds since 1970, if no other version can have the same.
    pub(crate) modified: Option<i64>,
}

/// What the preconditions make of a GET or HEAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Answer it, and obey `Range` if `range` is true.
    Perform { range: bool },
    /// 304
    NotModified,
    /// 412
    Failed,
}

/// True if the request has a field that may be a precondition.
pub(crate) fn has_some(head: &Head<'_>) -> bool {
    head.has_field_beginning("If-")
}

/// Evaluates the preconditions of a GET or HEAD at `wall`, seconds since 1970.
pub(crate) fn evaluate(head: &Head<'_>, ours: &Validators, wall: i64) -> Outcome {
    if !has_some(head) {
        return Outcome::Perform { range: true };
    }
    let values = |name| head.get_all(name).collect::<Vec<_>>();
    // Step 1: "When recipient is the origin server and If-Match is present, evaluate the If-Match precondition: if true,
    // continue to step 3; if false, respond 412".
    let if_match = values("If-Match");
    if !if_match.is_empty() {
        // §13.1.1: "An origin server MUST use the strong comparison function when comparing entity tags for If-Match".
        if !list_holds(&if_match, ours.etag.as_deref(), Comparison::Strong) {
            return Outcome::Failed;
        }
    // Step 2: "When recipient is the origin server, If-Match is not present, and If-Unmodified-Since is present".
    } else if let (Some(since), Some(modified)) =
        (single_date(&values("If-Unmodified-Since"), wall), ours.modified)
        && modified > since
    {
        return Outcome::Failed;
    }
    // Step 3: "When If-None-Match is present, evaluate the If-None-Match precondition: if true, continue to step 5; if
    // false for GET/HEAD, respond 304 (Not Modified)".
    let if_none_match = values("If-None-Match");
    if !if_none_match.is_empty() {
        // §13.1.2: "A recipient MUST use the weak comparison function when comparing entity tags for If-None-Match".
        if list_holds(&if_none_match, ours.etag.as_deref(), Comparison::Weak) {
            return Outcome::NotModified;
        }
    // Step 4: "When the method is GET or HEAD, If-None-Match is not present, and If-Modified-Since is present".
    // §13.1.3: "A recipient MUST ignore If-Modified-Since if the request contains an If-None-Match header field".
    } else if let (Some(since), Some(modified)) =
        (single_date(&values("If-Modified-Since"), wall), ours.modified)
        && modified <= since
    {
        return Outcome::NotModified;
    }
    // Step 5: "When the method is GET and both Range and If-Range are present, evaluate the If-Range precondition".
    Outcome::Perform { range: if_range(&values("If-Range"), ours, wall) }
}

/// §13.1.3 and §13.1.4: "A recipient MUST ignore the … header field if the received field value is not a valid
/// HTTP-date" or "the field value has more than one member".
fn single_date(values: &[&[u8]], wall: i64) -> Option<i64> {
    let [value] = values else { return None };
    date::parse(value.trim_ascii(), wall)
}

/// §13.1.5: true if the answer may be the range.
fn if_range(values: &[&[u8]], ours: &Validators, wall: i64) -> bool {
    let [value] = values else { return values.is_empty() };
    let value = value.trim_ascii();
    if value.starts_with(b"\"") {
        // "if the field value is an entity tag, compare by the strong comparison function".
        return ours.etag.as_ref().is_some_and(|etag| value == etag.as_bytes());
    }
    // "If the HTTP-date validator provided is not a strong validator in the sense defined by Section 8.8.2.2, the
    // condition is false. If the HTTP-date validator provided exactly matches the Last-Modified field value … true."
    // §8.8.2.2: a date is strong if the server "reliably knows that the associated representation did not change twice during
    // the second covered by the presented validator". We give a date only to a version whose second is over.
    ours.modified.is_some() && date::parse(value, wall) == ours.modified
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::http::HeadLimits;

    const MODIFIED: i64 = 784_111_777;
    const AT: &[u8] = b"Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &[u8] = b"Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &[u8] = b"Sun, 06 Nov 1994 08:49:38 GMT";
    const WHOLE: Outcome = Outcome::Perform { range: true };

    fn with(validators: &Validators, fields: &[(&str, &'static [u8])]) -> Outcome {
        let mut head = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
        for (name, value) in fields {
            let name = match *name {
                "match" => "If-Match",
                "none" => "If-None-Match",
                "modified" => "If-Modified-Since",
                "unmodified" => "If-Unmodified-Since",
                _ => "If-Range",
            };
            head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        head.extend(b"\r\n");
        let head = Head::parse(&head, HeadLimits::default()).unwrap();
        evaluate(&head, validators, MODIFIED + 10)
    }

    fn of(fields: &[(&str, &'static [u8])]) -> Outcome {
        with(&Validators { etag: Some("\"v2\"".to_owned()), modified: Some(MODIFIED) }, fields)
    }

    #[test]
    fn each_precondition_alone_is_evaluated() {
        use Outcome::{Failed, NotModified};
        for (name, value, expected) in [
            ("match", b"\"v2\"".as_slice(), WHOLE),
            ("match", b"*", WHOLE),
            ("match", b"W/\"v2\"", Failed),
            ("match", b"\"v1\"", Failed),
            ("match", b"", Failed),
            ("none", b"\"v2\"", NotModified),
            ("none", b"W/\"v2\"", NotModified),
            ("none", b"*", NotModified),
            ("none", b"\"v1\", \"v3\"", WHOLE),
            ("modified", AT, NotModified),
            ("modified", AFTER, NotModified),
            ("modified", BEFORE, WHOLE),
            ("modified", b"Sunday, 06-Nov-94 08:49:37 GMT", NotModified),
            ("modified", b"Sun Nov  6 08:49:37 1994", NotModified),
            ("modified", b"Sun Nov  6 08:49:36 1994", WHOLE),
            ("modified", b"yesterday", WHOLE),
            ("unmodified", AT, WHOLE),
            ("unmodified", AFTER, WHOLE),
            ("unmodified", BEFORE, Failed),
            ("unmodified", b"yesterday", WHOLE),
        ] {
            assert_eq!(of(&[(name, value)]), expected, "{name}: {}", value.escape_ascii());
        }
    }

    #[test]
    fn tags_go_before_dates_and_match_before_none_match() {
        assert_eq!(of(&[("match", b"\"v2\""), ("unmodified", BEFORE)]), WHOLE);
        assert_eq!(of(&[("none", b"\"v1\""), ("modified", AFTER)]), WHOLE);
        assert_eq!(of(&[("match", b"\"v1\""), ("none", b"\"v2\"")]), Outcome::Failed);
        assert_eq!(of(&[("match", b"\"v2\""), ("none", b"\"v2\"")]), Outcome::NotModified);
        assert_eq!(of(&[("unmodified", BEFORE), ("modified", AT)]), Outcome::Failed);
    }

    #[test]
    fn a_date_given_twice_is_ignored() {
        assert_eq!(of(&[("modified", AT), ("modified", AT)]), WHOLE);
        assert_eq!(of(&[("unmodified", BEFORE), ("unmodified", BEFORE)]), WHOLE);
    }

    #[test]
    fn a_range_is_obeyed_only_for_the_same_version() {
        for (value, range) in [
            (b"\"v2\"".as_slice(), true),
            (b"W/\"v2\"", false),
            (b"\"v1\"", false),
            (b"*", false),
            (AT, true),
            (b"Sunday, 06-Nov-94 08:49:37 GMT", true),
            (b"Sun Nov  6 08:49:37 1994", true),
            (BEFORE, false),
            (AFTER, false),
            (b"", false),
        ] {
            assert_eq!(of(&[("range", value)]), Outcome::Perform { range }, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn a_version_without_validators_is_sent_whole_whatever_the_client_has() {
        let young = Validators { etag: None, modified: None };
        for (name, value, expected) in [
            ("match", b"*".as_slice(), WHOLE),
            ("match", b"\"v2\"", Outcome::Failed),
            ("none", b"*", Outcome::NotModified),
            ("none", b"\"v2\"", WHOLE),
            ("modified", AT, WHOLE),
            ("unmodified", BEFORE, WHOLE),
            ("range", AT, Outcome::Perform { range: false }),
            ("range", b"\"v2\"", Outcome::Perform { range: false }),
        ] {
            assert_eq!(with(&young, &[(name, value)]), expected, "{name}: {}", value.escape_ascii());
        }
    }
}
