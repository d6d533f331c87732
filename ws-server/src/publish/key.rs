//! The value of `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header §2.1): a String of RFC 8941 §3.3.3.

use std::{fmt, sync::Arc};

/// Characters of a key.
pub(super) const MAX_KEY: usize = 255;

/// A key as its client chose it, and for whom it counts: two tokens never share a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ScopedKey {
    /// The name of the token that publishes; `None` where none is needed.
    pub(crate) scope: Option<Arc<str>>,
    /// 1 to 255 characters of printable ASCII.
    pub(crate) key: Arc<str>,
}

/// Why a value is no key; its `Display` is what the client of a 400 reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadKey {
    /// More than one field of that name.
    Several,
    /// Not one quoted string, perhaps with parameters.
    NotAString,
    /// `""`.
    Empty,
    /// More than 255 characters.
    TooLong,
}

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Several => "There is more than one Idempotency-Key",
            Self::NotAString => "Idempotency-Key is no quoted string",
            Self::Empty => "Idempotency-Key is empty",
            Self::TooLong => "Idempotency-Key has more than 255 characters",
        })?;
        f.write_str(": send one such as curl -H 'Idempotency-Key: \"8e03978e\"'")
    }
}

/// Reads the key from the values of all fields of that name; `None` if there is no such field.
///
/// # Errors
/// [`BadKey`] for anything but one non-empty string; parameters behind it are ignored.
pub(crate) fn parse<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> Result<Option<Arc<str>>, BadKey> {
    let mut values = values.into_iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(BadKey::Several);
    }
    // RFC 8941 §4.2: "Discard any leading SP characters from input_string", and behind the item again.
    let (key, rest) = string(value.trim_ascii()).ok_or(BadKey::NotAString)?;
    skip_parameters(rest)?;
    match key.len() {
        0 => Err(BadKey::Empty),
        1..=MAX_KEY => Ok(Some(key.into())),
        _ => Err(BadKey::TooLong),
    }
}

/// A String (RFC 8941 §4.2.5) without its quotes and escapes, and what follows it.
fn string(value: &[u8]) -> Option<(String, &[u8])> {
    let mut text = String::new();
    let mut rest = value.strip_prefix(b"\"")?;
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'"' => return Some((text, rest)),
            b'\\' => {
                let (&escaped, after) = rest.split_first()?;
                rest = after;
                // "Else, if next_char is not DQUOTE or "\", fail parsing."
                if !matches!(escaped, b'"' | b'\\') {
                    return None;
                }
                text.push(escaped.into());
            }
            // "Else, if char is in the range %x00-1f or %x7f-ff (i.e., it is not in VCHAR or SP), fail parsing."
            b' '..=b'~' => text.push(byte.into()),
            _ => return None,
        }
    }
}

/// Passes over `;name=value` (RFC 8941 §4.2.3.2), as often as it comes; what a value may be is not looked at.
fn skip_parameters(mut rest: &[u8]) -> Result<(), BadKey> {
    while let Some(parameter) = rest.strip_prefix(b";") {
        let parameter = parameter.trim_ascii_start();
        let end = parameter.iter().position(|byte| !is_parameter(*byte)).unwrap_or(parameter.len());
        let (name, after) = parameter.split_at(end);
        rest = after;
        if name.is_empty() {
            return Err(BadKey::NotAString);
        }
        if name.ends_with(b"=") && rest.starts_with(b"\"") {
            (_, rest) = string(rest).ok_or(BadKey::NotAString)?;
        }
    }
    match rest {
        [] => Ok(()),
        // RFC 9110 §5.3: a proxy may have joined two fields.
        rest if rest.trim_ascii_start().starts_with(b",") => Err(BadKey::Several),
        _ => Err(BadKey::NotAString),
    }
}

/// The characters of a parameter's name, its `=`, and of values that are not quoted.
fn is_parameter(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_string_is_a_key_and_its_parameters_are_ignored() {
        let longest = "x".repeat(MAX_KEY);
        for (value, key) in [
            ("\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            ("\"a\"", "a"),
            ("  \"a\"  ", "a"),
            ("\" a b \"", " a b "),
            (r#""a\"b\\c""#, r#"a"b\c"#),
            ("\",;=\"", ",;="),
            ("\"a\";b", "a"),
            ("\"a\";b=1;c=?0; d=\"x;,\\\"y\";e=:aGk=:", "a"),
            (&format!("\"{longest}\""), &longest),
        ] {
            assert_eq!(parse([value.as_bytes()]).unwrap().as_deref(), Some(key), "{value}");
        }
        assert_eq!(parse([]), Ok(None));
    }

    #[test]
    fn anything_else_is_refused_with_what_is_wrong() {
        let too_long = format!("\"{}\"", "x".repeat(MAX_KEY + 1));
        for (value, why) in [
            (&b""[..], BadKey::NotAString),
            (b"8e03978e", BadKey::NotAString),
            (b"'8e03978e'", BadKey::NotAString),
            (b"\"", BadKey::NotAString),
            (b"\"a", BadKey::NotAString),
            (b"\"a\\\"", BadKey::NotAString),
            (b"\"a\\b\"", BadKey::NotAString),
            (b"\"a\"b", BadKey::NotAString),
            (b"\"a\" ;b", BadKey::NotAString),
            (b"\"a\";", BadKey::NotAString),
            (b"\"a\";;b", BadKey::NotAString),
            (b"\"a\";b=\"", BadKey::NotAString),
            (b"\"a\tb\"", BadKey::NotAString),
            (b"\"a\x7fb\"", BadKey::NotAString),
            ("\"\u{e4}\"".as_bytes(), BadKey::NotAString),
            (b"(\"a\")", BadKey::NotAString),
            (b"\"a\", \"b\"", BadKey::Several),
            (b"\"a\";x ,\"b\"", BadKey::Several),
            (b"\"\"", BadKey::Empty),
            (b"\"\";a", BadKey::Empty),
            (too_long.as_bytes(), BadKey::TooLong),
        ] {
            assert_eq!(parse([value]), Err(why), "{}", value.escape_ascii());
        }
        assert_eq!(parse([&b"\"a\""[..], b"\"a\""]), Err(BadKey::Several));
        assert!(BadKey::NotAString.to_string().ends_with("curl -H 'Idempotency-Key: \"8e03978e\"'"));
    }

    #[test]
    fn a_quoted_text_is_read_back_whatever_is_in_it() {
        proptest::proptest!(|(key in "[ -~]{1,255}")| {
            let quoted = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
            let read = parse([quoted.as_bytes()]).unwrap();
            proptest::prop_assert_eq!(read.as_deref(), Some(&*key));
        });
    }
}
