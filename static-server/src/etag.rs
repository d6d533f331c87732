//! Strong entity tags (RFC 9110 §8.8.3).

use std::hash::{DefaultHasher, Hash, Hasher};

/// A strong tag over what distinguishes two versions of a file: its bytes, or its [`Stamp`](crate::root::Stamp).
///
/// It is a hash, because we keep inode numbers to ourselves. Two processes of one build compute the same tag.
pub(crate) fn strong(version: &impl Hash) -> String {
    // `new()` has fixed keys: every worker computes the same tag.
    let mut hasher = DefaultHasher::new();
    version.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
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

/// True if the fields' values list the tag `ours` (a strong one, quotes included), or are `*` alone, which any tag matches.
/// The list ends where it is malformed.
pub(crate) fn list_holds(values: &[&[u8]], ours: &str, comparison: Comparison) -> bool {
    let is_ours =
        |(weak, tag): (bool, &[u8])| tag == ours.as_bytes() && !(weak && comparison == Comparison::Strong);
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
        let tag = strong(&(1, 2));
        assert_eq!(tag.len(), 18);
        assert!(tag.starts_with('"') && tag.ends_with('"'));
        assert_eq!(tag, strong(&(1, 2)));
        assert_ne!(tag, strong(&(1, 3)));
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
            assert_eq!(list_holds(&[theirs.as_bytes()], ours, comparison), expected, "{theirs}");
        }
        assert!(list_holds(&[b"\"2\"", b"\"1\""], "\"1\"", Strong), "several fields are one list");
    }
}
