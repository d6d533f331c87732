//! Strong entity tags (RFC 9110 §8.8.3). They hold nothing of the machine, so that copies of a file on two machines agree.

use twox_hash::XxHash3_64;

use crate::digits::Digits;
use crate::encoding::Coding;

/// The tag of a small file: its bytes tell two versions apart, however quickly they follow each other. Their hash is XXH3 of 64 bits
/// (<https://xxhash.com>).
pub(crate) fn of_bytes(bytes: &[u8], coding: Option<Coding>) -> String {
    // The same on every machine and in every build, and quick: the event loop waits for it.
    let hash = XxHash3_64::oneshot(bytes);
    quoted(bytes.len() as u64, &Digits::hexadecimal(hash, 16), coding)
}

/// The tag of a large file: its size, and the second of its last modification. No finer, because programs that copy files
/// keep whole seconds; so a caller gives it only to a version whose second is over.
pub(crate) fn of_version(len: u64, modified: i64, coding: Option<Coding>) -> String {
    quoted(len, &Digits::hexadecimal(modified.cast_unsigned(), 1), coding)
}

fn quoted(len: u64, version: &Digits, coding: Option<Coding>) -> String {
    let len = Digits::hexadecimal(len, 1);
    // §8.8.3.3: "a content-coded representation … needs to be distinguished from the unencoded representation".
    let (dash, coding) = coding.map_or(("", ""), |coding| ("-", coding.token()));
    ["\"", len.as_str(), "-", version.as_str(), dash, coding, "\""].concat()
}

/// How to compare two tags (RFC 9110 §8.8.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// "two entity tags are equivalent if both are not weak and their opaque-tags match character-by-character."
    Strong,
    /// "two entity tags are equivalent if their opaque-tags match character-by-character, regardless of either or both
    /// being tagged as "weak"."
    Weak,
}

/// True if the fields' values list the tag `ours` (a strong one, quotes included), or are `*` alone, which matches a file
/// without a tag, too. The list ends where it is malformed.
pub(crate) fn list_holds(values: &[&[u8]], ours: Option<&str>, comparison: Comparison) -> bool {
    let is_ours = |(weak, tag): (bool, &[u8])| {
        ours.is_some_and(|ours| tag == ours.as_bytes()) && !(weak && comparison == Comparison::Strong)
    };
    matches!(values, [value] if value.trim_ascii() == b"*")
        || values.iter().any(|value| Tags(value).any(is_ours))
}

/// The tags of one field value: whether `W/` stands before it, and the tag with its quotes.
struct Tags<'v>(&'v [u8]);

impl<'v> Iterator for Tags<'v> {
    type Item = (bool, &'v [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // Any number of commas and blanks stands between tags (§5.6.1.2).
        let start = self.0.iter().position(|byte| !matches!(byte, b',' | b' ' | b'\t'))?;
        let rest = self.0.get(start..)?;
        // §8.8.3: `weak = %s"W/"`, case-sensitive.
        let (weak, rest) = rest.strip_prefix(b"W/").map_or((false, rest), |rest| (true, rest));
        // The quotes may contain a comma, so we cannot split the list at commas.
        let end = rest.strip_prefix(b"\"")?.iter().position(|&byte| byte == b'"')? + 2;
        let (tag, rest) = rest.split_at_checked(end)?;
        if !matches!(rest.first(), None | Some(b',' | b' ' | b'\t')) {
            return None;
        }
        self.0 = rest;
        Some((weak, tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_strong_quoted_and_follows_its_version() {
        let of_text = |text: &str| of_bytes(text.as_bytes(), None);
        // As xxHash itself computes them: every build and machine must, too.
        assert_eq!(of_text("hello"), "\"5-9555e8555c62dcfd\"");
        assert_eq!(of_text(""), "\"0-2d06800538d394c2\"");
        assert_ne!(of_text("one"), of_text("two"));
        assert_ne!(of_bytes(b"x", None), of_bytes(b"x", Some(Coding::Gzip)));
        assert_eq!(of_version(255, 784_111_777, None), "\"ff-2ebc98a1\"");
        assert_eq!(of_version(255, -1, Some(Coding::Gzip)), "\"ff-ffffffffffffffff-gzip\"");
    }

    #[test]
    fn the_rfc_s_comparison_table_holds() {
        use Comparison::{Strong, Weak};
        for (theirs, ours, comparison, expected) in [
            ("W/\"1\"", "\"1\"", Strong, false),
            ("W/\"1\"", "\"1\"", Weak, true),
            ("\"1\"", "\"1\"", Strong, true),
            ("\"2\"", "\"1\"", Weak, false),
            ("\"2\", \"1\"", "\"1\"", Strong, true),
            (" ,, \"a,b\" , \"1\"", "\"1\"", Strong, true),
            ("\"a,\"1\"", "\"1\"", Weak, false),
            ("w/\"1\"", "\"1\"", Weak, false),
            ("1", "\"1\"", Weak, false),
            ("\"1", "\"1\"", Weak, false),
            ("\"1\"x", "\"1\"", Weak, false),
            ("", "\"1\"", Weak, false),
        ] {
            assert_eq!(list_holds(&[theirs.as_bytes()], Some(ours), comparison), expected, "{theirs}");
        }
        assert!(list_holds(&[b"\"2\"", b"\"1\""], Some("\"1\""), Strong), "several fields are one list");
        assert!(list_holds(&[b"*"], None, Strong) && !list_holds(&[b"\"1\""], None, Weak));
    }
}
