//! The tokens of a source file, without its comments, literals and test code.

/// Words, `::`, and all else as single characters.
pub(crate) fn tokens(source: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let len = if rest.starts_with("::") { 2 } else { word.max(first.len_utf8()) };
        let skipped = skipped(rest);
        if skipped.is_none() {
            tokens.push(&rest[..len]);
        }
        rest = &rest[skipped.unwrap_or(len)..];
    }
    without_tests(&tokens)
}

/// The length of a space, a comment, a string or a character that begins here.
fn skipped(source: &str) -> Option<usize> {
    let to = |begin: usize, end: &str| {
        Some(source[begin..].find(end).map_or(source.len(), |at| begin + at + end.len()))
    };
    let raw = ["r", "br", "cr"].iter().find_map(|prefix| source.strip_prefix(prefix));
    if let Some((hashes, _)) =
        raw.and_then(|raw| raw.split_once('"')).filter(|it| it.0.trim_matches('#').is_empty())
    {
        let begin = source.find('"').unwrap_or_default() + 1;
        return to(begin, &format!("\"{hashes}"));
    }
    match source.as_bytes() {
        [b'/', b'/', ..] => to(2, "\n"),
        [b'/', b'*', ..] => to(2, "*/"),
        [b'\'', b'\\', ..] => to(3, "'"),
        // Without a quote behind its first character, it is a lifetime.
        [b'\'', ..] => source.char_indices().nth(2).filter(|(_, c)| *c == '\'').map(|(at, _)| at + 1),
        [b'"', bytes @ ..] => {
            let mut at = 0;
            while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'"') {
                at += if *byte == b'\\' { 2 } else { 1 };
            }
            Some(at + 2)
        }
        _ => source.chars().next().filter(|c| c.is_whitespace()).map(char::len_utf8),
    }
}

/// Leaves out the item behind each `#[cfg(test)]`, which ends with its `;` or its braces.
fn without_tests<'s>(tokens: &[&'s str]) -> Vec<&'s str> {
    const ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let Some(begin) = tokens.windows(7).position(|window| window == ATTRIBUTE) else {
        return tokens.to_vec();
    };
    let mut depth = 0;
    let end = (begin + 7..tokens.len()).find(|&at| {
        depth += match tokens[at] {
            "{" | "(" | "[" => 1,
            "}" | ")" | "]" => -1,
            _ => 0,
        };
        // A `use` goes on to the `;` behind its braces.
        depth == 0 && (tokens[at] == ";" || tokens[at] == "}" && tokens.get(at + 1) != Some(&";"))
    });
    let rest = end.map_or(&[][..], |end| &tokens[end + 1..]);
    [&tokens[..begin], &without_tests(rest)].concat()
}
