//! Opening handshakes of every dialect, their answer, and the first bytes behind them.

use common::handshake::{self, Detected, Offer};
use common::http::{Head, HeadLimits, HeadScan, is_field_value};
use common::websocket::MessageLimits;
use common::{Version, http};

use crate::{frames, input::Choices};

/// What may stand before the input, so that it needs not find the fields that every handshake has.
const BEGINNINGS: [&str; 3] = [
    "",
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
    "GET /x?y HTTP/1.1\r\nHost: a:80\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nOrigin: http://a\r\n",
];

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let beginning = choices.one_of(&BEGINNINGS);
    let (secure, cut) = (choices.byte() % 2 == 1, usize::from(choices.byte()));
    let bytes = [beginning.as_bytes(), choices.rest()].concat();
    let Ok(Some(len)) = HeadScan::default().find_end(&bytes, HeadLimits::default()) else { return };
    let (bytes, behind) = bytes.split_at(len);
    let Ok(head) = Head::parse(bytes, HeadLimits::default()) else { return };
    match handshake::detect(&head) {
        Ok(Detected::Http) => {}
        Ok(Detected::WebSocket(offer)) => accept(&head, &offer, secure, behind, cut),
        Err(error) => {
            assert!(matches!(error.status(), 400 | 426), "{error}");
            assert_eq!(error.status() == 426, !error.headers().is_empty(), "a 426 names our versions");
        }
    }
}

/// Answers the offer, and passes on what follows it.
fn accept(head: &Head<'_>, offer: &Offer<'_>, secure: bool, behind: &[u8], cut: usize) {
    assert_eq!((head.method, head.minor_version), ("GET", 1));
    assert!(head.body() == http::Body::None || offer.version == Version::Hixie76);
    let (mut out, limits) = (Vec::new(), MessageLimits::default());
    let protocols = ["datecast".to_owned()];
    let socket = offer.accept(secure, Some(7), &protocols, limits, &mut out);
    assert_eq!(socket.version(), offer.version);
    check_answer(&out);
    assert!(out.len() <= 300 + head.target.len() + 3 * 4096, "an answer of {} bytes", out.len());
    if offer.version == Version::Hixie76 {
        let numbers = ["Sec-WebSocket-Key1", "Sec-WebSocket-Key2"].map(|name| number(head.get(name)));
        assert!(numbers.iter().all(Option::is_some), "keys that draft 76 §5.2 refuses");
    }
    frames::check(&socket, behind, cut, limits);
}

/// One head of an answer, of lines without control bytes (WS-22: an echoed value must not split it).
fn check_answer(out: &[u8]) {
    let text = out.strip_suffix(b"\r\n\r\n").expect("the end of a head");
    let mut lines = 0;
    for line in text.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.is_empty() && is_field_value(line), "{}", line.escape_ascii());
        assert!(lines == 0 || line.contains(&b':'));
        lines += 1;
    }
    assert!(text.starts_with(b"HTTP/1.1 101 "));
    assert!((4..=7).contains(&lines), "{lines} lines");
}

/// Draft 76 §5.2, steps 4 to 7, in wide numbers.
fn number(key: Option<&[u8]>) -> Option<u32> {
    let digits: String =
        key?.iter().filter(|byte| byte.is_ascii_digit()).map(|&byte| char::from(byte)).collect();
    let blanks = key?.iter().filter(|&&byte| byte == b' ').count() as u128;
    let number: u128 = digits.parse().ok()?;
    (blanks > 0 && number.is_multiple_of(blanks)).then(|| u32::try_from(number / blanks).ok())?
}
