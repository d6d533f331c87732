//! The text of a message: `{date}`, `{seq}`, `{line}` and `{json}` are filled in, everything else stands for itself.

use std::{fmt::Write as _, str::FromStr};

use common::json::push_json;

/// The value of `--template`, cut into its parts once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Date,
    Seq,
    Line,
    /// The line as a JSON string; with the clock, the date.
    Json,
}

/// What a template is filled in with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values<'v> {
    pub(crate) date: &'v str,
    pub(crate) seq: u64,
    /// With the clock, the date.
    pub(crate) line: &'v str,
}

const PLACEHOLDERS: [(&str, Part); 4] =
    [("date", Part::Date), ("seq", Part::Seq), ("line", Part::Line), ("json", Part::Json)];

impl FromStr for Template {
    type Err = String;

    /// Cuts a template. Only a single word in braces is a placeholder: `{"at":"{date}"}` needs no escapes. `{{word}}` stands for
    /// the text `{word}`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (mut parts, mut literal) = (Vec::new(), String::new());
        let mut rest = text;
        while let Some((before, brace)) = rest.find('{').map(|at| rest.split_at(at)) {
            literal.push_str(before);
            rest = brace;
            if let Some((word, after)) = braced(rest, "{{", "}}") {
                _ = write!(literal, "{{{word}}}");
                rest = after;
            } else if let Some((word, after)) = braced(rest, "{", "}") {
                let known = PLACEHOLDERS.iter().find(|(name, _)| *name == word);
                let (_, part) = known.ok_or_else(|| unknown(word))?;
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(part.clone());
                rest = after;
            } else {
                literal.push('{');
                rest = rest.strip_prefix('{').unwrap_or_default();
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { parts })
    }
}

/// The word between these braces at the beginning of `text`, and what follows.
fn braced<'t>(text: &'t str, open: &str, close: &str) -> Option<(&'t str, &'t str)> {
    let inside = text.strip_prefix(open)?;
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    let (word, rest) = inside.split_at_checked(inside.find(|letter| !is_part(letter))?)?;
    let rest = rest.strip_prefix(close)?;
    (!word.is_empty()).then_some((word, rest))
}

fn unknown(word: &str) -> String {
    let known = PLACEHOLDERS.map(|(name, _)| format!("{{{name}}}")).join(", ");
    format!("{{{word}}} is none of {known}; write {{{{{word}}}}} for the text {{{word}}}")
}

impl Template {
    /// The date and nothing else.
    pub(crate) fn date() -> Self {
        Self { parts: vec![Part::Date] }
    }

    /// The line and nothing else.
    pub(crate) fn line() -> Self {
        Self { parts: vec![Part::Line] }
    }

    /// True if the message is the line and nothing else, which saves filling the template in.
    pub(crate) fn is_line_only(&self) -> bool {
        self.parts == [Part::Line]
    }

    pub(crate) fn has_date(&self) -> bool {
        self.parts.contains(&Part::Date)
    }

    pub(crate) fn has_line(&self) -> bool {
        self.parts.contains(&Part::Line)
    }

    pub(crate) fn has_json(&self) -> bool {
        self.parts.contains(&Part::Json)
    }

    pub(crate) fn fill(&self, values: Values<'_>, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Date => out.push_str(values.date),
                Part::Line => out.push_str(values.line),
                Part::Json => push_json(values.line, out),
                Part::Seq => {
                    // Writing to a String cannot fail.
                    let _infallible = write!(out, "{}", values.seq);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> String {
        let mut out = String::new();
        let values = Values { date: "now", seq: 7, line: "text" };
        template.parse::<Template>().unwrap().fill(values, &mut out);
        out
    }

    #[test]
    fn words_are_filled_in_and_all_else_stays() {
        assert_eq!(filled("{date}"), "now");
        assert_eq!(filled(r#"{"n":{seq},"at":"{date}","{date":{}}"#), r#"{"n":7,"at":"now","{date":{}}"#);
        assert_eq!(filled(r#"{"a":{"n":{seq}}}"#), r#"{"a":{"n":7}}"#);
        assert_eq!(filled("{line}{line} {seq}{"), "texttext 7{");
        assert_eq!(filled(r#"{"n":{seq},"text":{json}}"#), r#"{"n":7,"text":"text"}"#);
        assert_eq!(filled("{ date } {d\u{e4}te} {} {"), "{ date } {d\u{e4}te} {} {");
        assert_eq!(filled(""), "");
    }

    #[test]
    fn a_word_in_two_braces_is_text() {
        assert_eq!(filled("{{seq}} {{lin}} {seq}}"), "{seq} {lin} 7}");
        assert_eq!(filled("{{{seq}}}"), "{{seq}}");
        assert_eq!(filled("{{seq}"), "{7");
    }

    #[test]
    fn a_word_in_braces_that_is_no_placeholder_is_refused_with_those_that_are() {
        for word in ["lin", "Date", "SEQ", "json_", "1", "x-y"] {
            let error = format!("say {{{word}}}").parse::<Template>().unwrap_err();
            let expected = format!(
                "{{{word}}} is none of {{date}}, {{seq}}, {{line}}, {{json}}; write {{{{{word}}}}} for"
            );
            assert!(error.starts_with(&expected), "{error}");
        }
    }

    #[test]
    fn a_template_of_only_the_line_is_known() {
        assert!("{line}".parse::<Template>().unwrap().is_line_only());
        assert!(!"{line} ".parse::<Template>().unwrap().is_line_only());
        assert!("a {date}".parse::<Template>().unwrap().has_date());
    }
}
