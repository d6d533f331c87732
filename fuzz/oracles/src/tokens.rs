//! Files of tokens, and the token that a request presents.

use common::http::{Head, HeadLimits, shown_target};
use common::token::{TokenFileError, TokenList, presented};

use crate::{allocation, input::Choices};

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    if choices.byte().is_multiple_of(2) { file(choices.rest()) } else { request(choices.rest()) }
}

fn file(text: &[u8]) {
    let most = 1024 + 512 * text.len() as u64;
    let list = match allocation::within(most, || TokenList::parse(text)) {
        Ok(list) => list,
        Err(error) => {
            let lines = text.iter().filter(|&&byte| byte == b'\n').count() + 1;
            let said = error.to_string();
            if let TokenFileError::SameName(later, first) | TokenFileError::SameToken(later, first) = error {
                assert!(first < later && later <= lines, "{said}");
            }
            return;
        }
    };
    // Each line's token lets in, under the line's name, and no beginning of it does.
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    for line in text.split(|&byte| byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        let Some((name, token)) = line.trim_ascii().split_once(|letter: char| letter.is_ascii_whitespace())
        else {
            continue;
        };
        if name.starts_with('#') {
            continue;
        }
        let token = token.trim_ascii();
        let grant = list.find(token.as_bytes()).expect("a token of the file");
        assert_eq!(&*grant.name, name);
        assert!(list.has(&grant));
        assert!(list.find(&[token.as_bytes(), b"x"].concat()).is_none_or(|other| other.name != grant.name));
    }
    assert!(list.find(b"").is_none());
}

/// What a request presents is in no line of the log.
fn request(bytes: &[u8]) {
    let (target, fields) =
        bytes.split_at(bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len()));
    let bytes =
        [b"GET /", target, b" HTTP/1.0\r\n", fields.get(1..).unwrap_or_default(), b"\r\n\r\n"].concat();
    let Ok(head) = Head::parse(&bytes, HeadLimits::default()) else { return };
    let (with, without) = (presented(&head, true), presented(&head, false));
    assert!(without.is_none() || with == without, "a cookie counts last");
    if head.get("Authorization").is_some() {
        assert!(without.is_some(), "an Authorization counts, even a wrong one");
    }
    let by_query = head.query_param("token");
    assert_eq!(by_query.is_some() || head.get("Authorization").is_some(), without.is_some());
    // A token that could be nothing else in the target, as it stands there. Where a byte is shown as `\xNN`, its digits may
    // spell the token by chance.
    let is_told = |token: &[u8]| {
        token.len() >= 8
            && token.iter().all(u8::is_ascii_digit)
            && head.target.iter().all(u8::is_ascii_graphic)
    };
    if let Some(token) = by_query.filter(|token| is_told(token)) {
        let shown = shown_target(head.target).to_string();
        let rest = shown.matches(&*String::from_utf8_lossy(&token)).count();
        let told = String::from_utf8_lossy(head.target).matches(&*String::from_utf8_lossy(&token)).count();
        assert!(rest < told.max(1), "{shown}");
    }
}
