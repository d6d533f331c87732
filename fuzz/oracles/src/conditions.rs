//! `If-Match`, `If-None-Match`, `If-Modified-Since` and their kin; `Accept-Encoding`, `--immutable` and `--header`.

use common::http::{Head, HeadLimits, format_date};
use static_server::fuzzing::{coding, header_field, pattern, precondition};
use std::time::{Duration, UNIX_EPOCH};

use crate::input::Choices;

const ETAG: &str = "\"5-a430d84680aabd0b\"";
const MODIFIED: u64 = 784_111_777;
const WALL: i64 = 1_800_000_000;

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let (kind, has_etag, has_date) = (choices.byte() % 4, choices.mostly(), choices.mostly());
    let rest = choices.rest();
    let etag = has_etag.then_some(ETAG);
    let modified = has_date.then_some(MODIFIED.cast_signed());
    match kind {
        0 | 1 => preconditions(rest, etag, modified),
        2 => codings(rest),
        _ => options(rest),
    }
}

fn preconditions(fields: &[u8], etag: Option<&str>, modified: Option<i64>) {
    let bytes = [b"GET / HTTP/1.0\r\n", fields, b"\r\n\r\n"].concat();
    let Ok(head) = Head::parse(&bytes, HeadLimits::default()) else { return };
    let (status, range) = precondition(&head, etag, modified, WALL);
    let has = |name: &str| head.get(name).is_some();
    if status == 412 {
        assert!(has("If-Match") || has("If-Unmodified-Since"));
    }
    if status == 304 {
        assert!(has("If-None-Match") || has("If-Modified-Since"));
        // RFC 9110 §13.1.3: If-Modified-Since counts only without If-None-Match.
        assert!(
            !has("If-None-Match")
                || head.get_all("If-None-Match").any(|value| value.contains(&b'"') || value.contains(&b'*'))
        );
    }
    if !range {
        assert!(status != 200 || has("If-Range"));
    }
    // With what we send ourselves in front, the verdict is known.
    let date = format_date(UNIX_EPOCH + Duration::from_secs(MODIFIED));
    let verdict = |field: String| {
        let bytes = [b"GET / HTTP/1.0\r\n", field.as_bytes(), b"\r\n\r\n"].concat();
        let head = Head::parse(&bytes, HeadLimits::default()).expect("a request");
        precondition(&head, etag, modified, WALL)
    };
    if etag.is_some() {
        assert_eq!(verdict(format!("If-None-Match: {ETAG}")), (304, false));
        assert_eq!(verdict(format!("If-None-Match: \"x\", W/{ETAG}")), (304, false));
        assert_eq!(verdict(format!("If-Match: W/{ETAG}")), (412, false));
    }
    if modified.is_some() {
        assert_eq!(verdict(format!("If-Modified-Since: {date}")), (304, false));
        assert_eq!(verdict(format!("If-Unmodified-Since: {date}")), (200, true));
    }
}

fn codings(value: &[u8]) {
    for exist in [&[][..], &["gzip"], &["br", "zstd", "gzip"]] {
        let chosen = coding(&[value], exist);
        if let Some(chosen) = chosen {
            assert!(exist.contains(&chosen));
            let lower = value.to_ascii_lowercase();
            let is_named = lower.windows(chosen.len()).any(|part| part == chosen.as_bytes());
            assert!(is_named || value.contains(&b'*'), "{chosen} for {}", value.escape_ascii());
        }
    }
    assert_eq!(coding(&[], &["br", "zstd", "gzip"]), None);
}

fn options(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Some((name, value)) = header_field(text) {
        assert!(name.bytes().chain(value.bytes()).all(|byte| (b' '..=b'~').contains(&byte)), "{text:?}");
        assert_eq!(header_field(&format!("{name}: {value}")), Some((name, value)));
    }
    let (glob, path) = text.split_once('\n').unwrap_or((text, text));
    let name = path.trim_start_matches('/').as_bytes();
    if let Some(matches) = pattern(glob, name) {
        assert_eq!(matches, model(glob, name), "{glob:?} over {path:?}");
    }
}

/// The same by recursion, which takes exponential time.
fn model(glob: &str, name: &[u8]) -> bool {
    if glob.matches('*').count() > 4 {
        return pattern(glob, name).unwrap_or_default();
    }
    let whole = [b"/", name].concat();
    let last = name.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    fits(glob.as_bytes(), if glob.starts_with('/') { &whole } else { last })
}

fn fits(glob: &[u8], name: &[u8]) -> bool {
    match (glob, name) {
        ([], name) => name.is_empty(),
        ([b'*', b'*', rest @ ..], _) => (0..=name.len()).any(|skip| fits(rest, &name[skip..])),
        ([b'*', rest @ ..], _) => {
            let segment = name.iter().position(|&byte| byte == b'/').unwrap_or(name.len());
            (0..=segment).any(|skip| fits(rest, &name[skip..]))
        }
        ([b'?', rest @ ..], [byte, tail @ ..]) => *byte != b'/' && fits(rest, tail),
        ([own, rest @ ..], [byte, tail @ ..]) => own == byte && fits(rest, tail),
        (_, []) => false,
    }
}
