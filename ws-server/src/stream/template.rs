//! The text of a message: `{date}`, `{seq}` and `{line}` are filled in, everything else stands for itself.

use std::fmt::Write as _;

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
}

const WORDS: [(&str, Part); 3] = [("{date}", Part::Date), ("{seq}", Part::Seq), ("{line}", Part::Line)];

impl Template {
    /// Cuts a template. Braces around anything else are text: `{"at":"{date}"}` needs no escapes.
    pub(crate) fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        loop {
            let next = WORDS
                .iter()
                .filter_map(|(word, part)| rest.find(word).map(|at| (at, word, part)))
                .min_by_key(|found| found.0);
            let Some((at, word, part)) = next else { break };
            let (literal, after) = rest.split_at(at);
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            parts.push(part.clone());
            rest = after.get(word.len()..).unwrap_or_default();
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Self { parts }
    }

    /// True if the message is the line and nothing else, which saves filling the template in.
    pub(crate) fn is_line_only(&self) -> bool {
        self.parts == [Part::Line]
    }

    pub(crate) fn has_date(&self) -> bool {
        self.parts.contains(&Part::Date)
    }

    pub(crate) fn fill(&self, date: &str, seq: u64, line: &str, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Date => out.push_str(date),
                Part::Line => out.push_str(line),
                Part::Seq => {
                    // Writing to a String cannot fail.
                    let _infallible = write!(out, "{seq}");
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
        Template::new(template).fill("now", 7, "text", &mut out);
        out
    }

    #[test]
    fn words_are_filled_in_and_all_else_stays() {
        assert_eq!(filled("{date}"), "now");
        assert_eq!(filled(r#"{"n":{seq},"at":"{date}","{date":{}}"#), r#"{"n":7,"at":"now","{date":{}}"#);
        assert_eq!(filled("{line}{line} {seq}{"), "texttext 7{");
        assert_eq!(filled(""), "");
        assert_eq!(filled("{{seq}}"), "{7}");
    }

    #[test]
    fn a_template_of_only_the_line_is_known() {
        assert!(Template::new("{line}").is_line_only());
        assert!(!Template::new("{line} ").is_line_only());
        assert!(Template::new("a {date}").has_date());
    }
}
