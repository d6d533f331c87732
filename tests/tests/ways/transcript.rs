//! The transcripts of `docs/ways.md`: what somebody types behind `$ `, and what comes.

/// A command, and what it prints.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The heading that it stands under.
    pub(crate) section: String,
    pub(crate) command: String,
    pub(crate) output: Vec<String>,
    /// The output goes on: the last line of the transcript is an ellipsis.
    pub(crate) goes_on: bool,
}

/// All steps of the fenced blocks `console`, in order.
pub(crate) fn steps(document: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut section, mut is_console, mut is_fenced) = ("", false, false);
    for line in document.lines() {
        if let Some(language) = line.strip_prefix("```") {
            is_fenced = !is_fenced;
            is_console = is_fenced && language == "console";
        } else if !is_fenced {
            section = line.strip_prefix("## ").unwrap_or(section);
        } else if is_console {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step {
                    section: section.to_owned(),
                    command: command.to_owned(),
                    output: Vec::new(),
                    goes_on: false,
                });
            } else if let Some(step) = steps.last_mut() {
                // A command that ends with a backslash goes on in the next line, as in a shell.
                if step.output.is_empty() && step.command.ends_with('\\') {
                    step.command.extend(["\n", line]);
                } else if line == "…" {
                    step.goes_on = true;
                } else {
                    step.output.push(line.to_owned());
                }
            }
        }
    }
    steps
}

/// A line without what differs from one run to the next: the date, the birth of the stream, how long to wait, the number of a connection.
pub(crate) fn comparable(line: &str) -> String {
    // `cat -v` shows the end of a head's line so.
    let line = line.strip_suffix('\r').or_else(|| line.strip_suffix("^M")).unwrap_or(line);
    for field in ["Date: ", "X-Connection-Id: ", "retry: "] {
        if line.starts_with(field) {
            return format!("{field}…");
        }
    }
    without_epochs(line)
}

/// Each id without its epoch: `01932f5a0c2e_7` becomes `…_7`.
fn without_epochs(line: &str) -> String {
    let mut result = String::new();
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once('_') {
        let digits =
            before.bytes().rev().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
        let is_id = digits == 12 && behind.starts_with(|next: char| next.is_ascii_digit());
        let kept = if is_id { before.len() - digits } else { before.len() };
        result.push_str(before.get(..kept).unwrap_or(before));
        result.push_str(if is_id { "…_" } else { "_" });
        rest = behind;
    }
    result + rest
}

#[test]
fn a_transcript_is_a_command_and_what_it_prints() {
    let document = "# A\n```console\n$ seq 2\n1\n2\n$ yes |\\\n  cat\ny\n…\n```\n```js\n$ none\n```\n## B\n```console\n$ true\n```\n";
    let step = |section: &str, command: &str, output: &[&str], goes_on| Step {
        section: section.to_owned(),
        command: command.to_owned(),
        output: output.iter().copied().map(str::to_owned).collect(),
        goes_on,
    };
    let wanted = [
        step("", "seq 2", &["1", "2"], false),
        step("", "yes |\\\n  cat", &["y"], true),
        step("B", "true", &[], false),
    ];
    assert_eq!(steps(document), wanted);
}

#[test]
fn only_what_differs_from_run_to_run_is_left_out() {
    for (line, wanted) in [
        ("id: 01932f5a0c2e_7\r", "id: …_7"),
        (r#"{"id":"01932f5a0c2e_7","next":"0a932f5a0c2e_9"}"#, r#"{"id":"…_7","next":"…_9"}"#),
        ("x01932f5a0c2e1_7 a_b 01932f5a0c2e_x", "x01932f5a0c2e1_7 a_b 01932f5a0c2e_x"),
        ("Date: Wed, 22 Sep 2010 20:19:18 GMT\r", "Date: …"),
        ("retry: 2235", "retry: …"),
        ("data: one", "data: one"),
    ] {
        assert_eq!(comparable(line), wanted);
    }
}
