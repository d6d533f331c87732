//! What JetStream answers to a published message: pure.

use serde_json::Value;

/// The answer to a message, or to the last one of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The (last) message has this number in the stream.
    Stored {
        /// The stream's sequence number.
        sequence: u64,
        /// The stream had a message of this id already, and this is its number.
        duplicate: bool,
        /// How many messages a batch had; `None` for a message alone.
        batch: Option<u64>,
    },
    /// The server has refused it, for this reason.
    Refused {
        /// `err_code`: a number of JetStream's own, 10000 and above; 0 where there was none.
        code: u64,
        description: String,
    },
    /// Not an answer of JetStream.
    Foreign,
}

/// Reads the payload of an answer: `{"stream":"LINES","seq":7}`.
pub(crate) fn answer(payload: &[u8]) -> Answer {
    let Ok(json) = serde_json::from_slice::<Value>(payload) else { return Answer::Foreign };
    if let Some(error) = json.get("error") {
        let code = error.get("err_code").and_then(Value::as_u64).unwrap_or_default();
        let description = error.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
        return Answer::Refused { code, description };
    }
    match json.get("seq").and_then(Value::as_u64) {
        // A batch that is known whole would have no number.
        None | Some(0) => Answer::Foreign,
        Some(sequence) => Answer::Stored {
            sequence,
            duplicate: json.get("duplicate").and_then(Value::as_bool).unwrap_or_default(),
            batch: json.get("batch").and(json.get("count")).and_then(Value::as_u64),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_real_servers_are_read() {
        let stored = |sequence, duplicate, batch| Answer::Stored { sequence, duplicate, batch };
        let refused = |code, description: &str| Answer::Refused { code, description: description.to_owned() };
        for (payload, expected) in [
            (r#"{"stream":"L","seq":1}"#, stored(1, false, None)),
            (r#"{"stream":"L","seq":2,"duplicate": true}"#, stored(2, true, None)),
            (r#"{"stream":"L", "domain":"hub", "seq":18446744073709551615}"#, stored(u64::MAX, false, None)),
            (r#"{"stream":"L","seq":15,"batch":"b1","count":5}"#, stored(15, false, Some(5))),
            (
                r#"{"error":{"code":400,"err_code":10201,"description":"atomic publish batch contains duplicate message id"},"stream":"L","seq":0}"#,
                refused(10201, "atomic publish batch contains duplicate message id"),
            ),
            (r#"{"error":{"code":503},"stream":"L","seq":0}"#, refused(0, "")),
            ("", Answer::Foreign),
            ("+OK", Answer::Foreign),
            (r#"{"stream":"L","seq":0}"#, Answer::Foreign),
            (r#"{"stream":"L","seq":-1}"#, Answer::Foreign),
        ] {
            assert_eq!(answer(payload.as_bytes()), expected, "{payload}");
        }
    }
}
