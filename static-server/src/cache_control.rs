//! How long a browser may keep a file without asking (RFC 9111 §5.2.2, RFC 8246).

/// The content under a name with a hash never changes: a year, without revalidation.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// A browser may keep everything else, but must revalidate it each time: a 304 costs one small answer.
const REVALIDATE: &str = "no-cache";

/// `Cache-Control` for a file of this name.
pub(crate) fn for_name(name: &[u8]) -> &'static str {
    let last = name.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    // The last part is the extension, which is never a hash; neither is the first one.
    let mut parts = last.split(|&byte| byte == b'.').rev().skip(1);
    let hashed = parts.any(|part| {
        let part = part.rsplit(|&byte| byte == b'-').next().unwrap_or_default();
        part.len() < last.len() && !last.starts_with(part) && is_hash(part)
    });
    if hashed { IMMUTABLE } else { REVALIDATE }
}

/// True for eight or more lower-case hexadecimal digits, letters and figures: `20240101` is a date, `deadbeef` a word.
fn is_hash(part: &[u8]) -> bool {
    part.len() >= 8
        && part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && part.iter().any(u8::is_ascii_digit)
        && part.iter().any(u8::is_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_with_a_hash_is_immutable() {
        for (name, immutable) in [
            ("app.3f2a1b9c.js", true),
            ("assets/app-3f2a1b9c0d.css", true),
            ("app.3f2a1b9c.min.js", true),
            ("app.js", false),
            ("photo-20240101.jpg", false),
            ("beef-deadbeef.txt", false),
            ("app.3F2A1B9C.js", false),
            ("app.3f2a1b9.js", false),
            ("3f2a1b9c.js", false),
            ("3f2a1b9c", false),
            ("app.3f2a1b9c", false),
            ("dir.3f2a1b9c.x/app.js", false),
        ] {
            assert_eq!(for_name(name.as_bytes()) == IMMUTABLE, immutable, "{name}");
        }
    }
}
