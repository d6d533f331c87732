//! The tokens of a file.
//!
//! ```text
//! # name  token
//! alice   8b1a9953c4611296a827abf8c47804d7
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

use super::grant::{Grant, digest};

/// The most bytes of a file of tokens.
pub const MAX_FILE: usize = 1 << 20;

/// A token of fewer characters can be guessed: 16 hexadecimal digits are 64 bits.
const SHORT: usize = 16;

/// The tokens that let a request in, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenList {
    grants: Vec<Arc<Grant>>,
    short: Vec<usize>,
}

/// What is wrong with a file of tokens. No message shows any of its text: where name and token have changed places, the one looks
/// like the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "a message says what its variant means")]
pub enum TokenFileError {
    #[error("longer than 1 MiB")]
    TooLong,
    #[error(
        "no token stands in it, which would lock everybody out; add a line `NAME TOKEN`, where `openssl rand -hex 16` makes a token"
    )]
    Empty,
    #[error(
        "line {0}: the token is missing; a line is `NAME TOKEN`, where `openssl rand -hex 16` makes a token"
    )]
    NoToken(usize),
    #[error(
        "line {0}: something stands behind the token; a line is `NAME TOKEN`, and a comment is a line of its own that begins with #"
    )]
    TooManyWords(usize),
    #[error("line {0}: a name is made of letters, digits, `-`, `_` and `.`; a line is `NAME TOKEN`")]
    Name(usize),
    #[error(
        "line {0}: a token is made of letters, digits and `-._~+/`, with `=` at its end only; `openssl rand -hex 16` makes one"
    )]
    Token(usize),
    #[error("line {0}: line {1} has the same name; give each token a name of its own")]
    SameName(usize, usize),
    #[error("line {0}: line {1} has the same token; make another one with `openssl rand -hex 16`")]
    SameToken(usize, usize),
}

impl TokenList {
    /// Reads the text of a file: a line `NAME TOKEN` for each token; blank lines and those that begin with `#` count as nothing.
    ///
    /// # Errors
    /// The first line that is wrong, or that there is none.
    pub fn parse(text: &[u8]) -> Result<Self, TokenFileError> {
        if text.len() > MAX_FILE {
            return Err(TokenFileError::TooLong);
        }
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        let (mut grants, mut short) = (Vec::<Arc<Grant>>::new(), Vec::new());
        let mut places = Places::default();
        for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
            let Some((name, token)) = parse_line(number, line)? else { continue };
            let grant = Grant::new(name, token);
            if let Some(&first) = places.names.get(&grant.name) {
                return Err(TokenFileError::SameName(number, first));
            }
            if let Some(&first) = places.digests.get(&grant.digest) {
                return Err(TokenFileError::SameToken(number, first));
            }
            places.names.insert(Arc::clone(&grant.name), number);
            places.digests.insert(grant.digest, number);
            if token.len() < SHORT {
                short.push(number);
            }
            grants.push(Arc::new(grant));
        }
        if grants.is_empty() { Err(TokenFileError::Empty) } else { Ok(Self { grants, short }) }
    }

    /// The numbers of the lines whose tokens can be guessed: they have fewer than 16 characters.
    pub fn short_lines(&self) -> &[usize] {
        &self.short
    }

    /// The grant of this token. How long that takes says nothing about the tokens of the list, nor which of them it is: it compares
    /// digests, all of them, each in constant time.
    pub fn find(&self, token: &[u8]) -> Option<Arc<Grant>> {
        let digest = digest(token);
        // One more than the place of the grant; 0 for none.
        let mut found = 0_u64;
        for (place, grant) in (1..).zip(&self.grants) {
            found.conditional_assign(&place, grant.digest.ct_eq(&digest));
        }
        let place = usize::try_from(found).ok()?.checked_sub(1)?;
        self.grants.get(place).cloned()
    }

    /// True if the grant is still in force: the list has the same token under the same name.
    pub fn has(&self, grant: &Grant) -> bool {
        self.grants.iter().any(|known| **known == *grant)
    }
}

/// The line of each name and each digest.
#[derive(Default)]
struct Places {
    names: BTreeMap<Arc<str>, usize>,
    digests: BTreeMap<[u8; 32], usize>,
}

/// The name and the token of a line; `None` for one without a token.
fn parse_line(number: usize, line: &[u8]) -> Result<Option<(&str, &[u8])>, TokenFileError> {
    let line = line.trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return Ok(None);
    }
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (name, token) = (words.next().unwrap_or_default(), words.next());
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let name = std::str::from_utf8(name).ok().filter(|name| name.as_bytes().iter().all(is_name));
    let name = name.ok_or(TokenFileError::Name(number))?;
    let token = token.ok_or(TokenFileError::NoToken(number))?;
    if words.next().is_some() {
        return Err(TokenFileError::TooManyWords(number));
    }
    if is_b64token(token) { Ok(Some((name, token))) } else { Err(TokenFileError::Token(number)) }
}

/// RFC 6750 §2.1: "b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=""
fn is_b64token(token: &[u8]) -> bool {
    let end = token.iter().rposition(|&byte| byte != b'=').map_or(0, |last| last + 1);
    let body = token.get(..end).unwrap_or_default();
    !body.is_empty() && body.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "8b1a9953c4611296a827abf8c47804d7";

    fn names(text: &str) -> Vec<String> {
        let list = TokenList::parse(text.as_bytes()).unwrap();
        list.grants.iter().map(|grant| grant.name.to_string()).collect()
    }

    #[test]
    fn a_line_is_a_name_and_a_token_and_comments_count_as_nothing() {
        assert_eq!(names(&format!("alice {ALICE}")), ["alice"]);
        assert_eq!(
            names(&format!(
                "\u{feff}# readers\r\n\n  \t\n\talice \t {ALICE}\t\r\n #x y z\nb-_.1 A.~+/-_0==\n"
            )),
            ["alice", "b-_.1"]
        );
    }

    #[test]
    fn a_mistake_is_named_by_its_line_and_never_by_its_text() {
        use TokenFileError::*;
        for (text, error) in [
            ("", Empty),
            ("# alice SECRET\n\n", Empty),
            ("a SECRET1\nSECRET", NoToken(2)),
            ("SECRET%", Name(1)),
            ("\n\na SECRET # of Alice", TooManyWords(3)),
            ("a: SECRET", Name(1)),
            ("\u{e4} SECRET", Name(1)),
            ("\"a\" SECRET", Name(1)),
            ("a 'SECRET'", Token(1)),
            ("a SEC=RET", Token(1)),
            ("a ==", Token(1)),
            ("a SECRET\0", Token(1)),
            ("a SECR\u{20ac}T", Token(1)),
            ("a SECRET1\n\na SECRET2", SameName(3, 1)),
            ("a SECRET\nb x\nc SECRET", SameToken(3, 1)),
        ] {
            let found = TokenList::parse(text.as_bytes()).unwrap_err();
            assert_eq!(found, error, "{text:?}");
            assert!(!found.to_string().contains("SEC"), "{found}");
        }
        assert_eq!(TokenList::parse(&vec![b'#'; MAX_FILE + 1]), Err(TooLong));
        assert_eq!(TokenList::parse(&vec![b'#'; MAX_FILE]), Err(Empty));
    }

    #[test]
    fn a_short_token_is_named_by_its_line() {
        let list = TokenList::parse(b"# c\na 0123456789abcde\nb 0123456789abcdef\nc x").unwrap();
        assert_eq!(list.short_lines(), [2, 4]);
    }

    #[test]
    fn a_token_is_found_whole_and_by_itself() {
        let list = TokenList::parse(format!("alice {ALICE}\nbob QUJD/+==\ncarol c").as_bytes()).unwrap();
        for (token, name) in [
            (ALICE, Some("alice")),
            ("QUJD/+==", Some("bob")),
            ("c", Some("carol")),
            ("QUJD/+=", None),
            ("qujd/+==", None),
            (&ALICE[1..], None),
            (&format!("{ALICE} "), None),
            ("alice", None),
            ("", None),
        ] {
            let found = list.find(token.as_bytes());
            assert_eq!(found.as_ref().map(|grant| &*grant.name), name, "{token}");
        }
    }

    #[test]
    fn a_grant_is_in_force_by_its_name_and_its_token() {
        let list = TokenList::parse(format!("alice {ALICE}\nbob QUJD").as_bytes()).unwrap();
        assert!(list.has(&Grant::new("alice", ALICE.as_bytes())));
        assert!(!list.has(&Grant::new("alice", b"QUJD")), "its token has changed");
        assert!(!list.has(&Grant::new("carol", ALICE.as_bytes())), "its token has another name now");
    }

    proptest::proptest! {
        #[test]
        fn no_message_and_no_debug_shows_a_token(before in "[ -~\n]{0,40}", after in "[ -~\n]{0,40}") {
            let text = format!("{before}S3CR3T{after}");
            let (shown, is_name) = match TokenList::parse(text.as_bytes()) {
                Err(error) => (format!("{error} {error:?}"), false),
                // A name may be shown.
                Ok(list) => {
                    (format!("{list:?}"), list.grants.iter().any(|grant| grant.name.contains("S3CR3T")))
                }
            };
            proptest::prop_assert!(is_name || !shown.contains("S3CR3T"), "{}", shown);
        }
    }
}
