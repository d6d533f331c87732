//! Media types by a file's name.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The `Content-Type` for a file of this name: text with its charset, an unknown type as bytes.
pub(crate) fn content_type(name: &[u8]) -> String {
    let guess = match mime_guess::from_path(Path::new(OsStr::from_bytes(name))).first_raw() {
        // RFC 9239 §6: "text/javascript" is the one for scripts and modules; the others are obsolete.
        Some("application/javascript") => "text/javascript",
        guess => guess.unwrap_or(OCTETS),
    };
    if needs_charset(guess) { [guess, "; charset=utf-8"].concat() } else { guess.to_owned() }
}

/// The type of bytes (RFC 9110 §8.3); with `nosniff` a browser does not guess another.
const OCTETS: &str = "application/octet-stream";

/// RFC 6657 lets clients guess the charset of a text that names none; JSON and its kin are UTF-8 by definition, but old
/// browsers do not know that.
fn needs_charset(media_type: &str) -> bool {
    media_type.starts_with("text/")
        || media_type.ends_with("+xml")
        || media_type.ends_with("+json")
        || matches!(media_type, "application/json" | "application/xml")
}

/// True for HTML in either syntax.
pub(crate) fn is_page(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    matches!(media_type, "text/html" | "application/xhtml+xml")
}

/// True for a type that a browser opens as a document with script, which needs the Content-Security-Policy.
pub(crate) fn is_document(content_type: &str) -> bool {
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
    fn documents_are_distinguished_from_assets() {
        assert!(is_document("text/html; charset=utf-8"));
        assert!(is_document("image/svg+xml; charset=utf-8"));
        assert!(!is_document("text/javascript; charset=utf-8"));
    }
}
