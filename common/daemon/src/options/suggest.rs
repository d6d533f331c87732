//! Guesses the option that was meant by a name that is no option.

/// Names that other programs have for an option of ours.
const ALIASES: &[(&[&str], &str)] = &[
    (&["d", "dir", "directory", "docroot", "folder", "public"], "root"),
    (&["c", "conf", "configuration"], "config"),
    (&["t", "test", "dry-run", "validate"], "check"),
    (&["threads", "processes", "jobs", "j", "w"], "workers"),
    (&["cors", "origins", "allowed-origins"], "allow-origin"),
    (&["subprotocol", "subprotocols"], "protocol"),
];

/// What to write instead of a name that is no option and has this value, each name as `as_written` writes it; empty if
/// nothing is like it.
pub(super) fn hint<'c>(
    name: &str,
    value: &str,
    options: impl Iterator<Item = &'c str>,
    as_written: impl Fn(&str) -> String,
) -> String {
    let options: Vec<&str> = options.collect();
    let lower = name.to_ascii_lowercase();
    let alias = ALIASES.iter().find(|(names, option)| names.contains(&&*lower) && options.contains(option));
    let meant = match lower.as_str() {
        "p" | "port" | "a" | "addr" | "address" | "b" | "bind" | "host" if options.contains(&"listen") => {
            let port = if value.parse::<u16>().is_ok() { value } else { "PORT" };
            return format!(
                "; say {} and `localhost:{port}`, or `[::]:{port}` for other machines, too",
                as_written("listen")
            );
        }
        "v" | "verbose" | "debug" | "q" | "quiet" => {
            return format!("; say {} and `debug` or `error`", as_written("log-level"));
        }
        "" | "stdin" | "in" | "input" if options.contains(&"source") => {
            return format!("; standard input is {} and `-`", as_written("source"));
        }
        "tls" | "ssl" | "cert" | "key" | "https" => {
            return "; TLS is a proxy's part, see docs/operations.md".to_owned();
        }
        _ if alias.is_some() => alias.map(|(_, option)| *option),
        _ => closest(&lower, options.iter().copied()).or_else(|| only_one_with(&lower, &options)),
    };
    meant.map(|long| format!("; did you mean {}?", as_written(long))).unwrap_or_default()
}

/// The one option whose name has this word in it.
fn only_one_with<'c>(word: &str, options: &[&'c str]) -> Option<&'c str> {
    let mut all = options.iter().filter(|option| option.split('-').any(|part| part == word));
    all.next().copied().filter(|_| all.next().is_none())
}

/// The candidate that is closest to this word, if it is close enough to be meant.
fn closest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let word = word.to_ascii_lowercase().replace('_', "-");
    let near = candidates.into_iter().filter(|candidate| can_be_close(&word, candidate));
    let near = near.map(|candidate| (distance(&word, candidate), candidate));
    let (distance, candidate) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= most_wrong(&word)).then_some(candidate)
}

/// Every third letter of a word may be wrong.
fn most_wrong(word: &str) -> usize {
    word.len().div_ceil(3)
}

/// False for words whose lengths differ by too much: a key of the file may be a mebibyte long, and its distances cost a minute.
fn can_be_close(word: &str, candidate: &str) -> bool {
    word.len().abs_diff(candidate.len()) <= most_wrong(word)
}

/// How many letters to insert, remove, replace or swap with the next to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let other = other.as_bytes();
    // The distances of the beginnings of `other` from the last two beginnings of `one`.
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    let mut last = None;
    for (count, letter) in one.bytes().enumerate() {
        let mut next = vec![count + 1];
        let mut left = None;
        for (at, &there) in other.iter().enumerate() {
            let of = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut best = (of(&row, at) + usize::from(letter != there)).min(of(&row, at + 1) + 1);
            best = best.min(of(&next, at) + 1);
            if last == Some(there) && left == Some(letter) {
                best = best.min(of(&before, at.wrapping_sub(1)) + 1);
            }
            next.push(best);
            left = Some(there);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(letter);
    }
    row.last().copied().unwrap_or(one.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_the_letters_that_differ() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("max-line", "max-line", 0),
            ("maxline", "max-line", 1),
            ("max-lnie", "max-line", 1),
            ("max-lime", "max-line", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn no_distance_is_computed_of_a_word_that_is_far_too_long() {
        for (len, expected) in [(7, true), (8, true), (13, true), (14, false), (1 << 20, false)] {
            assert_eq!(can_be_close(&"x".repeat(len), "max-line"), expected, "{len}");
        }
    }

    #[test]
    fn only_what_is_close_is_suggested() {
        let names = ["max-line", "max-head", "workers", "listen"];
        for (word, expected) in [
            ("MAXLINE", Some("max-line")),
            ("max_lin", Some("max-line")),
            ("worker", Some("workers")),
            ("listne", Some("listen")),
            ("SERVICE_HOST", None),
            ("x", None),
        ] {
            assert_eq!(closest(word, names), expected, "{word}");
        }
    }
}
