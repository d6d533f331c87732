//! Paths of static-server: no target names anything outside of the root, nothing hidden, and nothing twice decoded.

use crate::{allocation, input::Choices};

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let absolute = choices.byte() % 4 == 3;
    let rest = choices.rest();
    let target = if absolute { [b"http://a", rest].concat() } else { [b"/", rest].concat() };
    let (path, query) = split(&target);
    let parsed =
        allocation::within(64 * target.len() as u64 + 1024, || static_server::fuzzing::path(&target, query));
    let Ok((name, is_directory, location)) = parsed else { return };
    let segments: Vec<&[u8]> = name.split(|&byte| byte == b'/').collect();
    for segment in &segments {
        assert!(!segment.is_empty() || name.is_empty(), "an empty segment in {}", name.escape_ascii());
        assert!(!segment.starts_with(b".") || *segment == b".well-known", "hidden: {}", name.escape_ascii());
        assert!(!segment.iter().any(u8::is_ascii_control), "{}", name.escape_ascii());
    }
    assert!(name.len() <= target.len());
    // Decoded once: what has no percent sign stands in the target as it is.
    if !absolute && !path.contains(&b'%') {
        let plain = path.split(|&byte| byte == b'/').filter(|segment| !matches!(*segment, b"" | b"."));
        assert!(
            plain.eq(segments.iter().copied().filter(|segment| !segment.is_empty())),
            "{}",
            path.escape_ascii()
        );
    }
    // Where a client is sent is the same place, on this very origin.
    assert!(location.starts_with('/') && !location.starts_with("//"), "{location}");
    assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{location}");
    let again = static_server::fuzzing::path(location.as_bytes(), None).expect("our own Location");
    assert_eq!((&again.0, again.1), (&name, true), "{location} of {is_directory}");
}

/// Path and query, as the request has them.
fn split(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match target.iter().position(|&byte| byte == b'?') {
        Some(at) => (&target[..at], Some(&target[at + 1..])),
        None => (target, None),
    }
}
