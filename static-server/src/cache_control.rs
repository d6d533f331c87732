//! How long a browser may keep a file without asking (RFC 9111 §5.2.2, RFC 8246).

use crate::glob::Glob;
use crate::mime;

/// The operator says that the content under this name never changes: a year, without revalidation.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// A browser may keep everything else, but must revalidate it each time: a 304 costs one small answer.
const REVALIDATE: &str = "no-cache";

/// `Cache-Control` for a file of this name and type, of which `immutable` lists those that never change.
///
/// We never guess from a name: no deployment can call back what a browser keeps for a year. Nor is a page immutable,
/// whatever the patterns say, since it names the version of everything else.
pub(crate) fn for_file(name: &[u8], content_type: &str, immutable: &[Glob]) -> &'static str {
    if !mime::is_page(content_type) && immutable.iter().any(|glob| glob.matches(name)) {
        IMMUTABLE
    } else {
        REVALIDATE
    }
}

/// `Cache-Control` for an answer that is about a status and not a file.
pub(crate) fn for_status(status: u16) -> &'static str {
    match status {
        // What is missing or elsewhere now may be here with the next deployment.
        301 | 404 => REVALIDATE,
        // RFC 9111 §4.2.2 lets a cache keep some of the others (405, 414, 501) as long as it thinks right.
        _ => "no-store",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_immutable(name: &str, patterns: &[&str]) -> bool {
        let globs: Vec<Glob> = patterns.iter().map(|text| text.parse().unwrap()).collect();
        for_file(name.as_bytes(), &mime::content_type(name.as_bytes()), &globs) == IMMUTABLE
    }

    #[test]
    fn no_name_is_immutable_by_its_looks() {
        for name in [
            "app.3f2a1b9c.js",
            "assets/index-BqX3_Tz9.js",
            "post-1a2b3c4d.html",
            "0b0f9a3e-4b7c-4e55-8a52-8d1f5e0c9d11",
            "507f1f77bcf86cd799439011.json",
        ] {
            assert!(!is_immutable(name, &[]), "{name}");
        }
    }

    #[test]
    fn the_patterns_say_what_is_immutable_and_a_page_never_is() {
        let patterns = ["/assets/*", "*.woff2"];
        for (name, expected) in [
            ("assets/index-BqX3_Tz9.js", true),
            ("fonts/a.woff2", true),
            ("app.js", false),
            ("assets/index.html", false),
            ("assets/old.HTM", false),
            ("assets/strict.xhtml", false),
        ] {
            assert_eq!(is_immutable(name, &patterns), expected, "{name}");
        }
    }
}
