//! Opening handshakes: the reference's vectors, and hostile ones.

use super::*;
use crate::Version;
use crate::http::{Head, HeadLimits, HeadScan};
use crate::websocket::{Event, MessageLimits, WebSocket};
use proptest::prelude::*;

/// Both keys, the third, the two numbers, the digest.
type Vector = (&'static str, &'static str, &'static [u8; 8], u32, u32, &'static [u8; 16]);

const KEYS: [Vector; 2] = [
    (
        "4 @1  46546xW%0l 1 5",
        "12998 5 Y3 1  .P00",
        b"^n:ds[4U",
        829_309_203,
        259_970_620,
        b"8jKS'y:G*Co,Wxa-",
    ),
    (
        "18x 6]8vM;54 *(5:  {   U1]8  z [  8",
        "1_ tx7X d  <  nw  334J702) 7]o}` 0",
        b"Tm[K T2u",
        155_712_099,
        173_347_027,
        b"fQJ,fN/4F4!~K~MH",
    ),
];

/// Names and values of header fields.
type Fields<'f> = &'f [(&'f str, &'f str)];

/// An opening handshake with these fields after the ones that all dialects have.
fn request(fields: Fields<'_>) -> String {
    let mut text = String::from(
        "GET /echo?x HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n",
    );
    for (name, value) in fields {
        text.extend([name, ": ", value, "\r\n"]);
    }
    text + "\r\n"
}

/// The status of the answer to a request: 101, 200 for ordinary HTTP, or the error's.
fn status(request: &str) -> (u16, Option<Version>) {
    let head = Head::parse(request.as_bytes(), HeadLimits::default());
    match head.map_err(HandshakeError::from).and_then(|head| {
        detect(&head).map(|found| match found {
            Detected::WebSocket(offer) => (101, Some(offer.version)),
            Detected::Http => (200, None),
        })
    }) {
        Ok(found) => found,
        Err(error) => (error.status(), None),
    }
}

fn accept(request: &str, secure: bool) -> (Vec<u8>, WebSocket) {
    let head = Head::parse(request.as_bytes(), HeadLimits::default()).unwrap();
    let Ok(Detected::WebSocket(offer)) = detect(&head) else { panic!("no offer: {request}") };
    let mut out = Vec::new();
    let socket = offer.accept(secure, Some(42), &[], MessageLimits::default(), &mut out);
    (out, socket)
}

const KEY: (&str, &str) = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");

// WS-26, WS-27
#[test]
fn dialects_are_told_apart_in_one_fixed_order() {
    let version = |number| ("Sec-WebSocket-Version", number);
    let (key1, key2) = (("Sec-WebSocket-Key1", KEYS[0].0), ("Sec-WebSocket-Key2", KEYS[0].1));
    let long_key = ("Sec-WebSocket-Key", "longer-than-sixteen-bytes-from-Flash");
    let table: &[(Fields<'_>, (u16, Option<Version>))] = &[
        (&[], (101, Some(Version::Hixie75))),
        (&[key1, key2], (101, Some(Version::Hixie76))),
        (&[version("7"), KEY], (101, Some(Version::Hybi07))),
        (&[version("8"), KEY], (101, Some(Version::Hybi08))),
        (&[version("13"), KEY], (101, Some(Version::Rfc6455))),
        (&[version("8"), long_key], (101, Some(Version::Hybi08))),
        (&[version("13"), long_key], (400, None)),
        // bits behind the sixteenth byte that are not zero
        (&[version("13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZR==")], (101, Some(Version::Rfc6455))),
        (
            &[version("13"), ("Sec-WebSocket-Key", " \tdGhlIHNhbXBsZSBub25jZQ==\t ")],
            (101, Some(Version::Rfc6455)),
        ),
        (&[version("13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ")], (400, None)),
        (&[version("13")], (400, None)),
        (&[version("7"), ("Sec-WebSocket-Key", "")], (400, None)),
        (&[version("13"), KEY, KEY], (400, None)),
        (&[version("13"), version("13"), KEY], (400, None)),
        (&[version("13"), version("8"), KEY], (400, None)),
        // never an older dialect instead
        (&[version("0"), KEY], (426, None)),
        (&[version("6"), KEY], (426, None)),
        (&[version("9"), KEY], (426, None)),
        (&[version("99"), KEY], (426, None)),
        (&[version("13, 8"), KEY], (426, None)),
        (&[version("013"), KEY], (426, None)),
        (&[version(""), KEY], (426, None)),
        (&[KEY], (426, None)),
        (&[version("99")], (426, None)),
        // two dialects at once
        (&[key1], (400, None)),
        (&[key2], (400, None)),
        (&[key1, key1, key2], (400, None)),
        (&[key1, key2, KEY], (400, None)),
        (&[key1, key2, version("13"), KEY], (400, None)),
        (&[key1, version("13"), KEY], (400, None)),
        // a body where frames should begin
        (&[version("13"), KEY, ("Content-Length", "3")], (400, None)),
        (&[version("13"), KEY, ("Transfer-Encoding", "chunked")], (400, None)),
        (&[version("13"), KEY, ("Content-Length", "0")], (101, Some(Version::Rfc6455))),
        // The third key is the one body that is none, and draft 76 alone has it.
        (&[key1, key2, ("Content-Length", "8")], (101, Some(Version::Hixie76))),
        (&[key1, key2, ("Content-Length", "7")], (400, None)),
        (&[("Content-Length", "8")], (400, None)),
        (&[version("13"), KEY, ("Content-Length", "8")], (400, None)),
    ];
    for (fields, expected) in table {
        assert_eq!(status(&request(fields)), *expected, "{fields:?}");
    }
    assert!(HandshakeError::UnsupportedVersion.headers().contains(&("Sec-WebSocket-Version", "13, 8, 7")));
    assert_eq!(HandshakeError::BadKey.headers(), []);
}

#[test]
fn a_connection_of_draft_76_waits_for_its_third_key() {
    let both = [("Sec-WebSocket-Key1", KEYS[0].0), ("Sec-WebSocket-Key2", KEYS[0].1)];
    let (_, mut socket) = accept(&request(&both), false);
    let (mut key3, mut out) = (*KEYS[0].2, Vec::new());
    let (mut most, mut last) = key3.split_at_mut(7);
    assert_eq!(socket.receive(&mut most, &mut out), Ok(None));
    assert!(socket.is_awaiting_key() && out.is_empty());
    assert_eq!(socket.receive(&mut last, &mut out), Ok(Some(Event::Opened)));
    assert!(!socket.is_awaiting_key());
}

// WS-33
#[test]
fn a_request_without_the_upgrade_is_ordinary_http() {
    let whole = request(&[("Sec-WebSocket-Version", "13"), KEY]);
    for (from, to) in [
        ("GET", "POST"),
        ("HTTP/1.1", "HTTP/1.0"),
        ("Upgrade: WebSocket", "Upgrade: h2c"),
        ("Upgrade: WebSocket", "Upgrade: websockets"),
        ("Connection: Upgrade", "Connection: keep-alive"),
    ] {
        assert_eq!(status(&whole.replacen(from, to, 1)), (200, None), "{to}");
    }
    let firefox = whole.replacen("Connection: Upgrade", "Connection: keep-alive, uPGRADE", 1);
    assert_eq!(status(&firefox), (101, Some(Version::Rfc6455)));
}

#[test]
fn the_modern_dialects_get_the_accept_value_and_the_id() {
    for (number, version) in [("13", Version::Rfc6455), ("8", Version::Hybi08), ("7", Version::Hybi07)] {
        let (out, socket) = accept(&request(&[("Sec-WebSocket-Version", number), KEY]), false);
        // The key and its answer are RFC 6455's own example (§1.3).
        let expected = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX-Connection-Id: 42\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(socket.version(), version);
    }
}

#[test]
fn the_dialect_names_the_field_of_the_origin() {
    for (number, field) in [("13", "Origin"), ("8", "Sec-WebSocket-Origin"), ("7", "Sec-WebSocket-Origin")] {
        let text = request(&[("Sec-WebSocket-Version", number), KEY, (field, "http://a")]);
        let head = Head::parse(text.as_bytes(), HeadLimits::default()).unwrap();
        let Ok(Detected::WebSocket(offer)) = detect(&head) else { panic!() };
        assert_eq!(offer.origin, Some(&b"http://a"[..]));
    }
}

#[test]
fn the_shell_style_request_gets_the_answer_of_draft_75_byte_for_byte() {
    let shell = "GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n";
    let expected = "HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
                    WebSocket-Origin: undefined\r\nWebSocket-Location: ws://localhost/echo\r\n\
                    WebSocket-Protocol: *\r\n\r\n";
    let (out, mut socket) = accept(shell, false);
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    assert_eq!(expected.find("WebSocket-Origin"), Some(85));
    assert_eq!(socket.receive(&mut &mut [][..], &mut Vec::new()), Ok(Some(Event::Opened)));
}

#[test]
fn the_location_is_the_url_that_the_client_used() {
    let (out, _) = accept(&request(&[("Origin", "https://a.example")]), true);
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("\r\nWebSocket-Location: wss://localhost/echo?x\r\n"), "{text}");
    assert!(text.contains("\r\nWebSocket-Origin: https://a.example\r\n"), "{text}");
}

#[test]
fn the_key_numbers_of_draft_76_hold() {
    for (key1, key2, _, first, second, _) in KEYS {
        assert_eq!(key::key_number(key1.as_bytes()), Some(first));
        assert_eq!(key::key_number(key2.as_bytes()), Some(second));
    }
}

// WS-24, WS-34
#[test]
fn the_head_of_draft_76_goes_out_at_once_and_the_digest_with_the_last_byte_of_the_third_key() {
    for (key1, key2, third, _, _, digest) in KEYS {
        let text =
            request(&[("Sec-WebSocket-Key1", key1), ("Sec-WebSocket-Key2", key2), ("Origin", "http://a")]);
        let tail = [&third[..], b"\x00first\xFF"].concat();
        for split in 0..=tail.len() {
            let (out, mut socket) = accept(&text, false);
            let expected = "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\n\
                            Connection: Upgrade\r\nSec-WebSocket-Origin: http://a\r\n\
                            Sec-WebSocket-Location: ws://localhost/echo?x\r\nSec-WebSocket-Protocol: *\r\n\r\n";
            assert_eq!(String::from_utf8(out).unwrap(), expected);
            let (mut out, mut opened, mut received) = (Vec::new(), 0, Vec::new());
            let (mut front, mut back) = (tail[..split].to_vec(), tail[split..].to_vec());
            for mut input in [&mut front[..], &mut back[..]] {
                while let Some(event) = socket.receive(&mut input, &mut out).unwrap() {
                    match event {
                        Event::Opened => opened += 1,
                        Event::Data { chunk, .. } => received.extend_from_slice(chunk),
                        other => panic!("{other:?}"),
                    }
                }
                assert_eq!(opened == 1, !out.is_empty());
            }
            assert_eq!(
                (opened, out.as_slice(), received.as_slice()),
                (1, &digest[..], &b"first"[..]),
                "{split}"
            );
        }
    }
}

// WS-23
#[test]
fn every_small_key_of_draft_76_is_a_number_or_refused() {
    let alphabet = [b'0', b'1', b'7', b' ', b'x'];
    for length in 0..=6_u32 {
        for number in 0..5_u32.pow(length) {
            let key: Vec<u8> =
                (0..length).map(|place| alphabet[(number / 5_u32.pow(place) % 5) as usize]).collect();
            let digits: String =
                key.iter().filter(|byte| byte.is_ascii_digit()).map(|&byte| char::from(byte)).collect();
            let spaces = u32::try_from(key.split(|&byte| byte == b' ').count() - 1).unwrap();
            let expected = digits.parse::<u32>().ok().filter(|digits| spaces > 0 && digits % spaces == 0);
            assert_eq!(key::key_number(&key), expected.map(|digits| digits / spaces), "{key:?}");
        }
    }
    for (key, expected) in [
        ("4294967295 ", Some(u32::MAX)),
        ("4294967296 ", None),
        ("8589934590  ", Some(u32::MAX)),
        ("18446744073709551615 ", None),
        ("18446744073709551616 ", None),
        ("99999999999999999999999999999999 ", None),
        ("12", None),
        (" ", None),
        ("", None),
    ] {
        assert_eq!(key::key_number(key.as_bytes()), expected, "{key}");
        let text = request(&[("Sec-WebSocket-Key1", key), ("Sec-WebSocket-Key2", "a 1")]);
        // Blanks at the ends of a value are not part of it.
        assert_eq!(status(&text).0, 400);
    }
}

// WS-22
#[test]
fn a_control_byte_in_an_echoed_value_is_refused() {
    for byte in (0..0x20_u8).chain([0x7F]) {
        let byte = char::from(byte);
        for text in [
            request(&[("Origin", &format!("http://a{byte}b"))]),
            request(&[]).replacen("localhost", &format!("local{byte}host"), 1),
            request(&[]).replacen("/echo", &format!("/ec{byte}ho"), 1),
        ] {
            let mut scan = HeadScan::default();
            let refused =
                scan.find_end(text.as_bytes(), HeadLimits::default()).is_err() || status(&text).0 == 400;
            assert!(refused, "{text:?}");
        }
    }
}

// WS-21, WS-31
#[test]
fn the_answer_accepts_no_extension_and_by_itself_no_subprotocol() {
    let blanks = " ".repeat(7000);
    for (name, value) in [
        ("Sec-WebSocket-Protocol", format!("a,{blanks},b")),
        ("Sec-WebSocket-Protocol", "d\u{e9}j\u{e0}".to_owned()),
        ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits=99".to_owned()),
        ("Sec-WebSocket-Extensions", "constructor, __proto__, x-webkit-deflate-frame".to_owned()),
    ] {
        let (out, _) = accept(&request(&[("Sec-WebSocket-Version", "13"), KEY, (name, &value)]), false);
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains("Protocol:") && !text.contains("Extensions"), "{text}");
    }
}

/// The subprotocol in the answer to a client that sends these fields, where the server serves these.
fn chosen(fields: Fields<'_>, served: &[&str]) -> Option<String> {
    let text = request(fields);
    let head = Head::parse(text.as_bytes(), HeadLimits::default()).unwrap();
    let Ok(Detected::WebSocket(offer)) = detect(&head) else { panic!("no offer: {text}") };
    let served: Vec<String> = served.iter().map(ToString::to_string).collect();
    let mut out = Vec::new();
    offer.accept(false, Some(42), &served, MessageLimits::default(), &mut out);
    let answer = String::from_utf8(out).unwrap();
    let line = answer.lines().find(|line| line.contains("WebSocket-Protocol: "))?;
    line.split_once(": ").map(|(_, value)| value.to_owned())
}

#[test]
fn a_modern_client_gets_the_first_of_its_subprotocols_that_is_served() {
    for (offered, served, expected) in [
        (&["a, b"][..], &["b", "a"][..], Some("a")),
        (&[",, b ,a"], &["a", "b"], Some("b")),
        (&["c", "b", "a"], &["a", "b"], Some("b")),
        (&["A"], &["a"], None),
        (&["c"], &["a"], None),
        (&["a"], &[], None),
        (&[], &["a"], None),
        (&[","], &["a"], None),
    ] {
        for version in ["13", "8", "7"] {
            let mut fields = vec![("Sec-WebSocket-Version", version), KEY];
            fields.extend(offered.iter().map(|value| ("Sec-WebSocket-Protocol", *value)));
            assert_eq!(chosen(&fields, served).as_deref(), expected, "{offered:?} {served:?}");
        }
    }
}

#[test]
fn a_client_of_the_drafts_gets_back_the_subprotocol_that_it_asks_for() {
    for (asked, served, expected) in [
        (Some("sample"), &[][..], "sample"),
        (Some("two words"), &[], "two words"),
        (Some("sample"), &["other", "sample"], "sample"),
        (Some("sample"), &["other"], "*"),
        (Some("with\ta tab"), &[], "*"),
        (Some(""), &[], "*"),
        (None, &["other"], "*"),
        (None, &[], "*"),
    ] {
        let old: Vec<_> = asked.map(|value| ("WebSocket-Protocol", value)).into_iter().collect();
        let keys = [("Sec-WebSocket-Key1", KEYS[0].0), ("Sec-WebSocket-Key2", KEYS[0].1)];
        let new: Vec<_> =
            keys.into_iter().chain(asked.map(|value| ("Sec-WebSocket-Protocol", value))).collect();
        assert_eq!(chosen(&old, served).as_deref(), Some(expected), "draft 75: {asked:?}");
        assert_eq!(chosen(&new, served).as_deref(), Some(expected), "draft 76: {asked:?}");
    }
}

proptest! {
    // WS-22
    #[test]
    fn every_answer_is_one_head(origin in "[\\x00-\\x{7f}é]{0,20}", target in "[\\x00-\\x{7f}é]{0,20}", host in "[ -~]{0,12}") {
        let text = format!("GET /{target} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: {origin}\r\n\r\n");
        if let Ok(head) = Head::parse(text.as_bytes(), HeadLimits::default())
            && let Ok(Detected::WebSocket(offer)) = detect(&head)
        {
            let mut out = Vec::new();
            offer.accept(false, Some(1), &[], MessageLimits::default(), &mut out);
            prop_assert_eq!(out.windows(4).filter(|bytes| bytes == b"\r\n\r\n").count(), 1);
            prop_assert!(out.ends_with(b"\r\n\r\n"));
            prop_assert_eq!(out.split(|&byte| byte == b'\n').count(), 8);
        }
    }

    // WS-23
    #[test]
    fn keys_of_any_bytes_never_panic(key in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = (key::key_number(&key), key::is_hybi_key(&key, Version::Rfc6455), key::accept_value(&key));
    }
}
