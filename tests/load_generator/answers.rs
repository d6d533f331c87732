//! The answers to long polls: one after the other on one connection.

/// One whole answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    /// The id behind which the next poll asks.
    pub(crate) last_id: Option<String>,
    /// The objects of JSON in it.
    pub(crate) lines: Vec<&'a str>,
    /// The connection is kept for the next poll.
    pub(crate) keeps: bool,
    /// Its bytes, with the head.
    pub(crate) len: usize,
}

/// The function that a script calls.
pub(crate) const CALLBACK: &str = "heard";

/// The answer that these bytes begin with; `None` while it is not whole.
///
/// # Errors
/// A sentence, when they begin with something else.
pub(crate) fn first(bytes: &[u8], is_script: bool) -> Result<Option<Answer<'_>>, String> {
    let Some(start) = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4) else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..start]);
    let status = head.split(' ').nth(1).unwrap_or_default();
    if status != "200" {
        return Err(format!("status {status}"));
    }
    let field = |name: &str| head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let size = field("Content-Length").and_then(|size| size.parse::<usize>().ok());
    let len = start + size.ok_or("an answer to a poll without its length")?;
    let Some(body) = bytes.get(start..len) else { return Ok(None) };
    let body = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let lines = if is_script { objects(body)? } else { body.lines().collect() };
    let last_id = field("Datecast-Last-Id").map(str::to_owned);
    Ok(Some(Answer { last_id, lines, keeps: field("Connection") != Some("close"), len }))
}

/// The objects that a script hands to its function. No text here holds a brace.
fn objects(script: &str) -> Result<Vec<&str>, String> {
    let call = script.strip_prefix("/**/").and_then(|call| call.strip_prefix(CALLBACK));
    let list = call.and_then(|call| call.split_once("\"messages\":["));
    let Some(objects) = list.and_then(|(_, objects)| objects.trim_end().strip_suffix("]});")) else {
        return Err(format!("no call of {CALLBACK}: {script:?}"));
    };
    Ok(objects.split_inclusive('}').map(|object| object.trim_start_matches(',')).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "HTTP/1.1 200 OK\r\nDatecast-Last-Id: 01932f5a0c2e_4\r\n";

    #[test]
    fn an_answer_of_lines_and_one_of_a_script_say_the_same() {
        for (is_script, body) in [
            (false, "{\"text\":\"3 a\"}\n{\"text\":\"4 b\"}\n"),
            (
                true,
                "/**/heard({\"last\":\"01932f5a0c2e_4\",\"messages\":[{\"text\":\"3 a\"},{\"text\":\"4 b\"}]});",
            ),
        ] {
            let bytes = format!("{HEAD}Content-Length: {}\r\n\r\n{body}HTTP/1.1 200", body.len());
            let len = bytes.len() - "HTTP/1.1 200".len();
            let answer = first(bytes.as_bytes(), is_script).unwrap().unwrap();
            assert_eq!(answer.lines, ["{\"text\":\"3 a\"}", "{\"text\":\"4 b\"}"]);
            assert_eq!(
                (answer.last_id.as_deref(), answer.keeps, answer.len),
                (Some("01932f5a0c2e_4"), true, len)
            );
            assert!((0..len).all(|end| first(&bytes.as_bytes()[..end], is_script) == Ok(None)));
        }
    }

    #[test]
    fn an_answer_may_be_empty_and_the_last_one() {
        let bytes = format!("{HEAD}Content-Length: 0\r\nConnection: close\r\n\r\n");
        let answer = first(bytes.as_bytes(), false).unwrap().unwrap();
        assert_eq!((answer.lines.len(), answer.keeps), (0, false));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for (bytes, why) in [
            ("HTTP/1.1 503 No\r\n\r\n", "status 503"),
            ("HTTP/1.1 200 OK\r\n\r\n", "an answer to a poll without its length"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", "no call of heard: \"no\""),
        ] {
            assert_eq!(first(bytes.as_bytes(), true), Err(why.to_owned()));
        }
    }
}
