//! What docs/architecture.md names is there: the files, and the functions at the stops of its four walks.
//!
//! ```text
//! ## Four walks
//! ### A byte comes in
//! 1. `common/reactor/src/worker/reading.rs` `Worker::read`: what happens at this stop …
//! ```
//!
//! A stop is a file, then one or more functions or methods of a type, then a colon.

#![allow(clippy::expect_used)]

use std::fs;
use std::ops::RangeInclusive;

use harness::project;

const HEADING: &str = "## Four walks";
const WALKS: usize = 4;
/// How many stops a walk may have.
const STOPS: RangeInclusive<usize> = 3..=10;

#[test]
fn the_four_walks_and_all_files_of_the_architecture_are_there() {
    let document = fs::read_to_string(project().join("docs/architecture.md")).expect("the document");
    let faults = faults(&document, |path| fs::read_to_string(project().join(path)).ok());
    assert!(faults.is_empty(), "docs/architecture.md:\n{}", faults.join("\n"));
}

/// What is wrong with a document, a sentence each; `read` gives the text of a file.
fn faults(document: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let walks = walks(document);
    if walks.len() != WALKS {
        faults.push(format!("under `{HEADING}` there are {} walks, not {WALKS}", walks.len()));
    }
    for (name, stops) in &walks {
        if !STOPS.contains(&stops.len()) {
            faults.push(format!("{name}: {} stops, not {STOPS:?}", stops.len()));
        }
        for (index, stop) in stops.iter().enumerate() {
            let number = index + 1;
            let sentence = fault_of(stop, number, &read);
            faults.extend(sentence.map(|sentence| format!("{name}, stop {number}: {sentence}")));
        }
    }
    let files =
        code_spans(document).into_iter().filter(|span| span.rsplit_once('.').is_some_and(|it| it.1 == "rs"));
    let missing = files.filter(|file| read(file).is_none());
    faults.extend(missing.map(|file| format!("there is no `{file}`")));
    faults
}

/// The walks: the name of each with its stops, each stop on one line.
fn walks(document: &str) -> Vec<(String, Vec<String>)> {
    let mut walks: Vec<(String, Vec<String>)> = Vec::new();
    let lines = document.lines().skip_while(|line| line.trim_end() != HEADING).skip(1);
    for line in lines.take_while(|line| !line.starts_with("## ")) {
        if let Some(name) = line.strip_prefix("### ") {
            walks.push((name.trim().to_owned(), Vec::new()));
        } else if let Some((_, stops)) = walks.last_mut() {
            if line.starts_with(|c: char| c.is_ascii_digit()) {
                stops.push(line.to_owned());
            } else if let Some(stop) = stops.last_mut().filter(|_| line.starts_with(' ')) {
                stop.push(' ');
                stop.push_str(line.trim());
            }
        }
    }
    walks
}

/// What is wrong with a stop that should have this number.
fn fault_of(stop: &str, number: usize, read: impl Fn(&str) -> Option<String>) -> Option<String> {
    let Some(text) = stop.strip_prefix(&format!("{number}. ")) else {
        return Some(format!("its number in {stop:?}"));
    };
    // The first colon outside of the backticks.
    let mut is_code = false;
    let end = text.find(|c| {
        is_code ^= c == '`';
        c == ':' && !is_code
    });
    let Some(head) = end.and_then(|end| text.get(..end)) else {
        return Some("no colon behind its functions".to_owned());
    };
    let spans = code_spans(head);
    let [file, functions @ ..] = &spans[..] else { return Some("no file".to_owned()) };
    if !head.starts_with('`') || functions.is_empty() {
        return Some(format!("not a file and its functions: {head:?}"));
    }
    let Some(source) = read(file) else { return Some(format!("there is no `{file}`")) };
    let missing = functions.iter().find(|function| !defines(&source, function));
    missing.map(|function| format!("`{file}` does not define `{function}`"))
}

/// Whether a source defines this function; for `Type::method`, whether it also has an `impl` of the type or is its trait.
fn defines(source: &str, function: &str) -> bool {
    let (type_name, function) =
        function.rsplit_once("::").map_or((None, function), |(it, method)| (Some(it), method));
    let has = |is_it: &dyn Fn(&str) -> bool| {
        source.lines().any(|line| !line.trim_start().starts_with("//") && is_it(line))
    };
    let is_block =
        |line: &str, name| (has_word(line, "impl") || has_word(line, "trait")) && has_word(line, name);
    has(&|line| has_word(line, &format!("fn {function}")))
        && type_name.is_none_or(|name| has(&|line| is_block(line, name)))
}

/// Whether this stands in a line with no letter, digit or `_` beside it.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, behind) =
            (line.get(..at).unwrap_or_default(), line.get(at + word.len()..).unwrap_or_default());
        !before.ends_with(is_part) && !behind.starts_with(is_part)
    })
}

/// What stands in backticks, but for blocks of code.
fn code_spans(document: &str) -> Vec<&str> {
    let text = document.split("```").step_by(2);
    text.flat_map(|text| text.split('`').skip(1).step_by(2)).collect()
}

#[cfg(test)]
mod tests {
    use super::faults;

    /// Three stops of a walk.
    const STOPS: &str = "1. `a.rs` `read`: first\n   and more: of it\n2. `a.rs` `Worker::turn` `read`: `x.y`: then\n3. `b/mod.rs` `Handler::on_data`: last\n";

    /// A document with four walks of these stops.
    fn document(stops: &str) -> String {
        let walk = format!("### A walk\n\n{stops}\nA sentence.\n\n");
        format!(
            "# Title\n\n`a.rs` is a file.\n\n```text\n`none.rs`\n```\n\n## Four walks\n\n{}## After\n\n1. no stop\n",
            walk.repeat(4)
        )
    }

    fn file(path: &str) -> Option<String> {
        let source = match path {
            "a.rs" => {
                "pub fn read<R>(reader: R) {}\n// fn gone()\nimpl<H: Handler> Worker<H> {\n    fn turn(&mut self) {}\n}"
            }
            "b/mod.rs" => "pub trait Handler {\n    fn on_data(&mut self);\n}",
            _ => return None,
        };
        Some(source.to_owned())
    }

    #[test]
    fn a_right_document_has_no_fault() {
        assert_eq!(faults(&document(STOPS), file), [""; 0]);
    }

    #[test]
    fn each_wrong_stop_is_named_with_its_walk() {
        for (right, wrong, sentence) in [
            ("`read`: first", "`reads`: first", "A walk, stop 1: `a.rs` does not define `reads`"),
            ("`read`: first", "`rea`: first", "A walk, stop 1: `a.rs` does not define `rea`"),
            ("`read`: first", "`gone`: first", "A walk, stop 1: `a.rs` does not define `gone`"),
            (
                "`read`: first",
                "first: `read`",
                "A walk, stop 1: not a file and its functions: \"`a.rs` first\"",
            ),
            (
                "1. `a.rs`",
                "1. In `a.rs`",
                "A walk, stop 1: not a file and its functions: \"In `a.rs` `read`\"",
            ),
            ("1. `a.rs` `read`", "1. nothing", "A walk, stop 1: no file"),
            ("2. `a.rs`", "2. `c.rs`", "A walk, stop 2: there is no `c.rs`"),
            ("2. `a.rs`", "4. `a.rs`", "A walk, stop 2: its number"),
            ("Worker::turn", "Work::turn", "A walk, stop 2: `a.rs` does not define `Work::turn`"),
            ("Worker::turn", "Worker::read_all", "A walk, stop 2: `a.rs` does not define `Worker::read_all`"),
            ("`: last", "` last", "A walk, stop 3: no colon"),
        ] {
            assert!(STOPS.contains(right), "{right}");
            let found = faults(&document(&STOPS.replace(right, wrong)), file);
            assert!(
                found.len() >= 4 && found.iter().any(|fault| fault.starts_with(sentence)),
                "{wrong}: {found:?}"
            );
        }
    }

    #[test]
    fn there_are_four_walks_of_three_to_ten_stops() {
        let five = document(STOPS).replace("## After", "### A fifth\n\n## After");
        assert_eq!(faults(&five, file).len(), 2, "one walk too many, and none of its stops");
        let none = document(STOPS).replace("## Four walks", "## Walks");
        assert_eq!(faults(&none, file), ["under `## Four walks` there are 0 walks, not 4"]);
        let stop = |number| format!("{number}. `a.rs` `read`: it");
        let stops = |count: usize| (1..=count).map(stop).collect::<Vec<_>>().join("\n") + "\n";
        for (count, expected) in [(2, 4), (3, 0), (10, 0), (11, 4)] {
            assert_eq!(faults(&document(&stops(count)), file).len(), expected, "{count} stops");
        }
    }

    #[test]
    fn every_source_file_in_backticks_exists() {
        let wrong = document(STOPS).replace("`a.rs` is a file", "`a.rs` and `d/e.rs` are files");
        assert_eq!(faults(&wrong, file), ["there is no `d/e.rs`"]);
    }
}
