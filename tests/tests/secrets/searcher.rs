//! Finds a secret in what a run wrote, however it is spelt there.

/// A half of a secret is as bad as the whole, and what cuts a text in the middle leaves one.
#[derive(Debug)]
pub(crate) struct Searcher {
    /// Name of the secret, spelling, and the text to look for, in small letters where letters may be of either case.
    needles: Vec<(String, &'static str, String)>,
}

impl Searcher {
    /// Looks for these secrets, each with its name; they have 24 characters or more.
    pub(crate) fn new(secrets: &[(&str, &str)]) -> Self {
        let mut needles = Vec::new();
        for (name, secret) in secrets {
            assert!(secret.len() >= 24 && secret.is_ascii(), "{secret}");
            let (first, second) = secret.split_at(secret.len() / 2);
            for half in [first, second] {
                needles.push(((*name).to_owned(), "any case", half.to_ascii_lowercase()));
                needles.push((
                    (*name).to_owned(),
                    "reversed",
                    half.to_ascii_lowercase().chars().rev().collect(),
                ));
                let hex: String = half.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
                needles.push(((*name).to_owned(), "hexadecimal", hex));
                for before in 0..3 {
                    needles.push(((*name).to_owned(), "base64", base64_within(half.as_bytes(), before)));
                }
            }
        }
        Self { needles }
    }

    /// Where a secret is in these bytes: its name, its spelling, and what stands around it.
    pub(crate) fn find(&self, bytes: &[u8]) -> Vec<String> {
        // The search of `str` is fast also in a build that is not optimized.
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let once = unescaped(bytes);
        let hays = [text(bytes), text(&once), text(&unescaped(&once))];
        let small = hays.each_ref().map(|hay| hay.to_ascii_lowercase());
        let mut found = Vec::new();
        for (name, spelling, needle) in &self.needles {
            // Letters of base64 of the other case are other letters.
            let hays = if *spelling == "base64" { &hays } else { &small };
            if let Some((hay, at)) = hays.iter().find_map(|hay| Some((hay, hay.find(needle)?))) {
                let around = &hay.as_bytes()[at.saturating_sub(60)..hay.len().min(at + needle.len() + 20)];
                found.push(format!("{name}, {spelling}: {}", around.escape_ascii()));
            }
        }
        found
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The letters of base64 (RFC 4648 §4) that these bytes make wherever so many bytes, modulo 3, come before them.
fn base64_within(bytes: &[u8], before: usize) -> String {
    let bits = [vec![0; before], bytes.to_vec()].concat();
    let bit = |at: usize| usize::from(bits[at / 8] >> (7 - at % 8) & 1);
    // Only letters all of whose bits are of these bytes.
    let first = (before * 8).div_ceil(6);
    let letter =
        |at: usize| char::from(ALPHABET[(at * 6..at * 6 + 6).fold(0, |value, at| value * 2 + bit(at))]);
    (first..bits.len() * 8 / 6).map(letter).collect()
}

/// The bytes with `%2B`, `\x2b` and `\u002b` resolved.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        let digits = match rest {
            [b'%', ..] => 1..3,
            [b'\\', b'x', ..] => 2..4,
            [b'\\', b'u', b'0', b'0', ..] => 4..6,
            _ => 0..0,
        };
        let end = digits.end;
        let digits = rest.get(digits).and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            plain.push(byte);
            rest = &rest[end..];
        } else {
            plain.push(first);
            rest = &rest[1..];
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "Rd3rT0ken-._~+/ZqXw91b74==";

    fn base64(bytes: &[u8]) -> String {
        // The letters of whole groups; the rest is left away.
        base64_within(&bytes[..bytes.len() / 3 * 3], 0)
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
        assert_eq!(base64_within(b"Man", 0), "TWFu");
    }

    #[test]
    fn a_planted_secret_is_found_in_every_spelling_and_in_halves() {
        let searcher = Searcher::new(&[("reader", SECRET)]);
        let swapped: String = SECRET
            .chars()
            .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
            .collect();
        let percent: String = SECRET.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
        let mixed = SECRET.replace('+', "%2b").replace('/', "%2F").replace('=', "%3D");
        let json = SECRET.replace('+', "\\u002b").replace('-', "\\x2d");
        for (kind, text) in [
            ("plain", SECRET.to_owned()),
            ("the other case", swapped),
            ("backwards", SECRET.chars().rev().collect()),
            ("percent", percent.clone()),
            ("percent twice", percent.replace('%', "%25")),
            ("percent where it must be", mixed),
            ("escapes", json),
            ("base64", base64(format!("{SECRET}..").as_bytes())),
            ("base64 behind one byte", base64(format!("x{SECRET}..").as_bytes())),
            ("base64 of a field", base64(format!("user:{SECRET}..").as_bytes())),
            ("hexadecimal", SECRET.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()),
            ("the first half", SECRET[..SECRET.len() / 2].to_owned()),
            ("the second half", SECRET[SECRET.len() / 2..].to_owned()),
        ] {
            let log = format!("2026-11-26T07:00:00Z TRACE 127.0.0.1:4711: {text} and more\n");
            assert!(!searcher.find(log.as_bytes()).is_empty(), "{kind}: {log}");
            let log = format!("{{\"message\":\"{text}\"}}\n");
            assert!(!searcher.find(log.as_bytes()).is_empty(), "{kind}: {log}");
        }
    }

    #[test]
    fn what_is_no_secret_is_not_found() {
        let searcher = Searcher::new(&[("reader", SECRET)]);
        for text in [
            "",
            "GET /?token=\u{2026} HTTP/1.1",
            "Rd3rT0",
            "%",
            "%2",
            "\\x",
            "\\u00",
            "Authorization: Bearer",
        ] {
            assert!(searcher.find(text.as_bytes()).is_empty(), "{text}");
        }
    }
}
