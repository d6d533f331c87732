//! Media types by a file's name.

/// The `Content-Type` for a file of this name: text always with its charset, the unknown as bytes.
pub fn content_type(name: &[u8]) -> String {
    let last = name.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let Some(dot) = last.iter().rposition(|&byte| byte == b'.') else { return OCTETS.to_owned() };
    let Some(extension) = last.get(dot + 1..).and_then(|extension| std::str::from_utf8(extension).ok())
    else {
        return OCTETS.to_owned();
    };
    let guess = match mime_guess::from_ext(extension).first_raw() {
        // RFC 9239 §6: "text/javascript" is the one for scripts and modules; the others are obsolete.
        Some("application/javascript") => "text/javascript",
        guess => guess.unwrap_or(OCTETS),
    };
    if needs_charset(guess) { format!("{guess}; charset=utf-8") } else { guess.to_owned() }
}

/// RFC 9110 §8.3: with `nosniff` nothing else is made of it.
const OCTETS: &str = "application/octet-stream";

/// RFC 6657 leaves a text without charset to guessing; JSON and friends are UTF-8 by definition, and old browsers want
/// to be told.
fn needs_charset(media_type: &str) -> bool {
    media_type.starts_with("text/")
        || media_type.ends_with("+xml")
        || media_type.ends_with("+json")
        || matches!(media_type, "application/json" | "application/xml")
}

/// True for what a browser opens as a document that can run script: these get the Content-Security-Policy.
pub fn is_document(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    matches!(media_type, "text/html" | "text/xml" | "application/xml" | "application/pdf")
        || media_type.ends_with("+xml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_follow_the_last_extension() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a/b/style.css", "text/css; charset=utf-8"),
            ("app.js", "text/javascript; charset=utf-8"),
            ("m.mjs", "text/javascript; charset=utf-8"),
            ("favicon.svg", "image/svg+xml; charset=utf-8"),
            ("x.PNG", "image/png"),
            ("data.json", "application/json; charset=utf-8"),
            ("app.wasm", "application/wasm"),
            ("font.woff2", "font/woff2"),
            ("notes.txt", "text/plain; charset=utf-8"),
            ("noextension", "application/octet-stream"),
            ("a.html/file", "application/octet-stream"),
            ("strange.qqq", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name.as_bytes()), expected, "{name}");
        }
        assert_eq!(content_type(b"x.\xff"), OCTETS);
    }

    #[test]
    fn documents_are_told_from_assets() {
        assert!(is_document("text/html; charset=utf-8"));
        assert!(is_document("image/svg+xml; charset=utf-8"));
        assert!(!is_document("text/javascript; charset=utf-8"));
    }
}
