//! Patterns over paths, for `--immutable`.
//!
//! | in a pattern | stands for |
//! |---|---|
//! | `*` | any bytes but `/`, also none |
//! | `**` | any bytes, also none |
//! | `?` | one byte that is not `/` |
//! | any other byte | itself |
//!
//! A pattern that begins with `/` must match the whole path, one without any `/` its last segment. Nothing escapes, and a
//! byte of more elaborate patterns is refused rather than taken for itself.

use std::str::FromStr;
use thiserror::Error;

/// A pattern, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    tokens: Vec<Token>,
    /// False for a pattern over the last segment.
    whole_path: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Byte(u8),
    /// `?`
    One,
    /// `*`
    InSegment,
    /// `**`
    AcrossSegments,
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum GlobError {
    #[error("an empty pattern matches no file; try `/assets/*` or `*.woff2`")]
    Empty,
    #[error("a pattern with a `/` in it must begin with one: `/assets/*`")]
    NoLeadingSlash,
    #[error("only `*`, `**` and `?` stand for other bytes; `{0}` is not supported")]
    Unsupported(char),
    #[error("no file's path ends in `/`; `/assets/**` is everything beneath `/assets/`")]
    Directory,
    #[error("a pattern is over the names of files, as in `/a b.js`, not percent-encoded; `?` is any byte")]
    Encoded,
    #[error("`***` has no meaning; `**` stands for any bytes, slashes too")]
    Stars,
}

impl FromStr for Glob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, GlobError> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        let whole_path = text.starts_with('/');
        if !whole_path && text.contains('/') {
            return Err(GlobError::NoLeadingSlash);
        }
        if let Some(byte) = text.chars().find(|char| "[]{}\\".contains(*char) || char.is_control()) {
            return Err(GlobError::Unsupported(byte));
        }
        if text.contains("***") {
            return Err(GlobError::Stars);
        }
        if text.ends_with('/') {
            return Err(GlobError::Directory);
        }
        let is_encoded =
            |code: &[u8]| matches!(code, [b'%', rest @ ..] if rest.iter().all(u8::is_ascii_hexdigit));
        if text.as_bytes().windows(3).any(is_encoded) {
            return Err(GlobError::Encoded);
        }
        let (mut tokens, mut rest) = (Vec::new(), text.as_bytes());
        while let [first, tail @ ..] = rest {
            let (token, tail) = match (first, tail) {
                (b'*', [b'*', tail @ ..]) => (Token::AcrossSegments, tail),
                (b'*', tail) => (Token::InSegment, tail),
                (b'?', tail) => (Token::One, tail),
                (byte, tail) => (Token::Byte(*byte), tail),
            };
            tokens.push(token);
            rest = tail;
        }
        Ok(Glob { tokens, whole_path })
    }
}

impl Glob {
    /// True for a path of decoded bytes, without the slash at its beginning.
    ///
    /// The work is the product of the two lengths, however many stars there are.
    pub(crate) fn matches(&self, name: &[u8]) -> bool {
        let last = name.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let subject = if self.whole_path { &[b"/", name].concat() } else { last };
        let mut reached = self.start();
        for &byte in subject {
            let mut next = vec![false; reached.len()];
            for (place, token) in self.tokens.iter().enumerate().filter(|(place, _)| is_set(&reached, *place))
            {
                let (is_taken, stays) = match token {
                    Token::Byte(own) => (*own == byte, false),
                    Token::One => (byte != b'/', false),
                    Token::InSegment => (byte != b'/', true),
                    Token::AcrossSegments => (true, true),
                };
                if is_taken {
                    self.reach(&mut next, if stays { place } else { place + 1 });
                }
            }
            reached = next;
        }
        is_set(&reached, self.tokens.len())
    }

    /// The places of the pattern that no byte reaches.
    fn start(&self) -> Vec<bool> {
        let mut places = vec![false; self.tokens.len() + 1];
        self.reach(&mut places, 0);
        places
    }

    /// Marks a place, and those behind it that follow without a byte: a star may stand for none.
    fn reach(&self, places: &mut [bool], from: usize) {
        for place in from..places.len() {
            if let Some(mark) = places.get_mut(place) {
                *mark = true;
            }
            if !matches!(self.tokens.get(place), Some(Token::InSegment | Token::AcrossSegments)) {
                break;
            }
        }
    }
}

fn is_set(places: &[bool], place: usize) -> bool {
    places.get(place).is_some_and(|mark| *mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_path_or_the_last_segment() {
        for (pattern, name, expected) in [
            ("/assets/*", "assets/index-BqX3_Tz9.js", true),
            ("/assets/*", "assets/", true),
            ("/assets/*", "assets/fonts/a.woff2", false),
            ("/assets/**", "assets/fonts/a.woff2", true),
            ("/assets/**", "assets", false),
            ("/assets/*", "old/assets/a.js", false),
            ("/**/assets/*", "old/assets/a.js", true),
            ("/**/assets/*", "assets/a.js", false),
            ("*.woff2", "a.woff2", true),
            ("*.woff2", "deep/down/a.woff2", true),
            ("*.woff2", "a.woff2/x", false),
            ("*.woff2", "a.woff2.txt", false),
            ("app.????????.js", "app.3f2a1b9c.js", true),
            ("app.????????.js", "app.3f2a1b9.js", false),
            ("?", "", false),
            ("?", "dir/a", true),
            ("/a?b", "a/b", false),
            ("*", "any", true),
            ("**", "dir/any", true),
            ("/**", "dir/any", true),
            ("/app.js", "app.js", true),
            ("/app.js", "App.js", false),
            ("*-*-*.js", "a-b-c-d.js", true),
            ("caf\u{e9}.*", "caf\u{e9}.js", true),
        ] {
            assert_eq!(
                pattern.parse::<Glob>().unwrap().matches(name.as_bytes()),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn a_pattern_that_would_not_do_what_it_says_is_refused() {
        for (text, error) in [
            ("", GlobError::Empty),
            ("assets/*", GlobError::NoLeadingSlash),
            ("./a", GlobError::NoLeadingSlash),
            ("*.{js,css}", GlobError::Unsupported('{')),
            ("[ab].js", GlobError::Unsupported('[')),
            ("a\\*", GlobError::Unsupported('\\')),
            ("a\n", GlobError::Unsupported('\n')),
            ("/***", GlobError::Stars),
            ("/assets/", GlobError::Directory),
            ("/", GlobError::Directory),
            ("/a%20b.js", GlobError::Encoded),
        ] {
            assert_eq!(text.parse::<Glob>(), Err(error), "{text}");
        }
    }

    #[test]
    fn many_stars_take_no_longer_than_the_product_of_the_lengths() {
        let glob: Glob = format!("/{}b", "*a".repeat(200)).parse().unwrap();
        assert!(!glob.matches("a".repeat(4000).as_bytes()));
    }
}
