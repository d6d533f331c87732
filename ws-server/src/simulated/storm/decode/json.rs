//! As much of JSON as the server writes.

/// Takes a string with its quotes from the front of `text`; the rest, too.
pub(super) fn string(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut value = String::new();
    loop {
        let letter = rest.chars().next()?;
        rest = &rest[letter.len_utf8()..];
        match letter {
            '"' => return Some((value, rest)),
            '\\' => {
                let escaped = rest.chars().next()?;
                rest = &rest[escaped.len_utf8()..];
                match escaped {
                    '"' | '\\' | '/' => value.push(escaped),
                    'n' => value.push('\n'),
                    'r' => value.push('\r'),
                    't' => value.push('\t'),
                    'b' => value.push('\u{8}'),
                    'f' => value.push('\u{c}'),
                    'u' => {
                        value.push(char::from_u32(u32::from_str_radix(rest.get(..4)?, 16).ok()?)?);
                        rest = rest.get(4..)?;
                    }
                    _ => return None,
                }
            }
            letter if letter < ' ' => return None,
            letter => value.push(letter),
        }
    }
}

/// The value of a member whose value is a string or a number without spaces.
pub(in super::super) fn member<'j>(json: &'j str, name: &str) -> Option<&'j str> {
    let (_, rest) = json.split_once(&format!("\"{name}\":"))?;
    rest.split([',', '}']).next().map(|value| value.trim_matches('"'))
}
