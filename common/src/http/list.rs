//! Comma-separated lists in the values of header fields (RFC 9110 §5.6.1), and the weights of their elements.

/// The elements of a list, without the blanks around them. A comma in a quoted string separates nothing.
pub fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    // §5.6.1.2: "A recipient MUST parse and ignore a reasonable number of empty list elements"; a head's own length
    // limits their number here.
    split(value, b',').filter(|element| !element.is_empty())
}

/// True for names and tokens that differ by case alone; most have the case in which we write them.
pub(super) fn is_same(text: &[u8], ours: &[u8]) -> bool {
    text == ours || text.eq_ignore_ascii_case(ours)
}

/// True if the list, which has no blanks around it, has this element (any case).
pub(super) fn has(value: &[u8], token: &[u8]) -> bool {
    // Most lists have one element, whose blanks are gone with those of its field.
    is_same(value, token) || value.contains(&b',') && elements(value).any(|element| is_same(element, token))
}

/// What an element of `Accept` or `Accept-Encoding` names, and its weight in thousandths, 1000 if it has none (§12.4.2);
/// a weight of `None` is malformed.
pub fn weighted(element: &[u8]) -> (&[u8], Option<u16>) {
    let mut parts = split(element, b';');
    let name = parts.next().unwrap_or_default();
    // §5.6.6: "Parameter names are case insensitive".
    let is_weight = |part: &&[u8]| part.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"q="));
    match parts.find(is_weight) {
        Some(weight) => (name, quality(weight.get(2..).unwrap_or_default())),
        None => (name, Some(1000)),
    }
}

/// Parses a weight such as `0.5` into thousandths; `None` if it is malformed.
fn quality(value: &[u8]) -> Option<u16> {
    let (whole, fraction) = match value {
        [whole] | [whole, b'.'] => (*whole, [].as_slice()),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (*whole, fraction),
        _ => return None,
    };
    let mut thousandths = match whole {
        b'0' => 0_u16,
        b'1' => 1000,
        _ => return None,
    };
    for (digit, place) in fraction.iter().zip([100, 10, 1]) {
        let digit = char::from(*digit).to_digit(10).and_then(|digit| u16::try_from(digit).ok())?;
        thousandths += digit * place;
    }
    (thousandths <= 1000).then_some(thousandths)
}

/// Splits at a separator outside of quoted strings (§5.6.4), and trims each part.
fn split(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    value
        .split(move |&byte| {
            let is_quoted = quoted;
            // In quotes, a backslash takes the meaning from the byte behind it.
            quoted ^= byte == b'"' && !escaped;
            escaped = is_quoted && byte == b'\\' && !escaped;
            byte == separator && !is_quoted
        })
        .map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(value: &str) -> Vec<&str> {
        elements(value.as_bytes()).map(|element| std::str::from_utf8(element).unwrap()).collect()
    }

    #[test]
    fn empty_elements_are_ignored_and_blanks_are_not_part_of_one() {
        assert_eq!(list("a, b"), ["a", "b"]);
        assert_eq!(list(", a,\t,, b ,"), ["a", "b"]);
        assert_eq!(list("a"), ["a"]);
        assert_eq!(list(" , ,"), [""; 0]);
        assert_eq!(list(""), [""; 0]);
    }

    #[test]
    fn a_comma_in_a_quoted_string_separates_nothing() {
        assert_eq!(list(r#"a;x="1,2", b"#), [r#"a;x="1,2""#, "b"]);
        assert_eq!(list(r#"a;x="\",\\", b"#), [r#"a;x="\",\\""#, "b"]);
        assert_eq!(list(r"a\, b"), [r"a\", "b"]);
        assert_eq!(list(r#""a, b"#), [r#""a, b"#], "a string without its end");
    }

    #[test]
    fn a_weight_is_found_behind_other_parameters_and_in_any_case() {
        for (element, name, weight) in [
            ("gzip", "gzip", Some(1000)),
            ("gzip;q=0.5", "gzip", Some(500)),
            ("gzip ; Q=0.5", "gzip", Some(500)),
            ("text/x;a=\"1;q=0\";q=1.000", "text/x", Some(1000)),
            ("text/x;charset=utf-8;q=0", "text/x", Some(0)),
            ("a;q=0.", "a", Some(0)),
            ("a;q=0.123", "a", Some(123)),
            ("a;q=1.001", "a", None),
            ("a;q=0.1234", "a", None),
            ("a;q=2", "a", None),
            ("a;q=", "a", None),
            ("a;q=0.x", "a", None),
        ] {
            assert_eq!(weighted(element.as_bytes()), (name.as_bytes(), weight), "{element}");
        }
    }
}
