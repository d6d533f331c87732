//! Paths that are written differently and mean the same (RFC 3986 §6.2.2).

use super::query::hex_digit;

/// True if two paths are equivalent: only their percent-encoding differs.
pub fn is_same_path(one: &[u8], other: &[u8]) -> bool {
    units(one).eq(units(other))
}

/// True if a path is the same as `folder`, or below it.
pub fn is_path_within(folder: &[u8], path: &[u8]) -> bool {
    let mut rest = units(path);
    units(folder).all(|unit| rest.next() == Some(unit)) && matches!(rest.next(), None | Some((false, b'/')))
}

/// The bytes of a path, decoded; `true` marks an encoded one whose meaning would change without its encoding.
fn units(path: &[u8]) -> impl Iterator<Item = (bool, u8)> + '_ {
    let mut rest = path;
    std::iter::from_fn(move || {
        let (&byte, tail) = rest.split_first()?;
        if let (b'%', [high, low, after @ ..]) = (byte, tail)
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            rest = after;
            let byte = high << 4 | low;
            // RFC 9110 §4.2.3: "Characters other than those in the "reserved" set are equivalent to their
            // percent-encoded octets".
            let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || byte >= 0x80;
            return Some((!plain, byte));
        }
        rest = tail;
        Some((false, byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_encoding_of_reserved_characters_makes_another_path() {
        for (one, other, same) in [
            ("/echo", "/echo", true),
            ("/echo", "/%65cho", true),
            ("/stra\u{df}e", "/stra%C3%9Fe", true),
            ("/stra%c3%9fe", "/stra%C3%9Fe", true),
            ("/a%2fb", "/a%2Fb", true),
            ("/a/b", "/a%2Fb", false),
            ("/a%", "/a%25", false),
            ("/a%20", "/a ", false),
            ("/echo", "/Echo", false),
            ("/echo", "/echo/", false),
            ("/a%4", "/a%4", true),
        ] {
            assert_eq!(is_same_path(one.as_bytes(), other.as_bytes()), same, "{one} {other}");
        }
    }

    #[test]
    fn a_folder_holds_itself_and_what_is_below_it() {
        for (path, is_within) in [
            ("/stream", true),
            ("/stream/", true),
            ("/stream/x/y", true),
            ("/%73tream/x", true),
            ("/stream%2fx", false),
            ("/streams", false),
            ("/strea", false),
            ("/", false),
            ("/a/stream", false),
            ("", false),
        ] {
            assert_eq!(is_path_within(b"/stream", path.as_bytes()), is_within, "{path}");
        }
    }
}
