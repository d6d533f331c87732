//! Texts as JSON strings.

use std::fmt::Write as _;

/// Appends a text as a JSON string, with its quotes. It is also one in JavaScript before ES2019, where U+2028 and U+2029 end a
/// line: old pages `eval` what they get. `<` is escaped, so that no text ends the script that it stands in, or looks like a document.
pub fn push_json(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' => out.push_str("\\u003c"),
            // RFC 8259 §7: "the characters that MUST be escaped: quotation mark, reverse solidus, and the control characters
            // (U+0000 through U+001F)."
            '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                let _infallible = write!(out, "\\u{:04x}", u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_as_json_is_one_string_whatever_it_holds() {
        let json = |text: &str| {
            let mut out = String::new();
            push_json(text, &mut out);
            out
        };
        assert_eq!(json(r#"say "hi" \o/"#), r#""say \"hi\" \\o/""#);
        assert_eq!(
            json("\0\u{8}\t\n\u{b}\u{c}\r\u{1f}\u{7f}"),
            "\"\\u0000\\u0008\\t\\n\\u000b\\u000c\\r\\u001f\u{7f}\""
        );
        assert_eq!(json("\u{2028}\u{2029}\u{2030}\u{fffd}"), "\"\\u2028\\u2029\u{2030}\u{fffd}\"");
        assert_eq!(json(""), r#""""#);
    }
}
