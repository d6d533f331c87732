//! What the messages of ws-server look like.

/// True for a date as V8 printed it in 2010.
pub fn is_js_date(text: &str) -> bool {
    text.len() == 39 && text.ends_with(" GMT+0000 (UTC)") && text.as_bytes()[3] == b' '
}

/// How many dates a log of ws-server says were skipped, as they were late by half an interval.
pub fn skipped_dates(log: &str) -> u64 {
    let lines = log.lines().filter(|line| line.contains(" dates were skipped"));
    lines.map(|line| line.split(' ').find_map(|word| word.parse::<u64>().ok()).expect("a count")).sum()
}

/// The text of an event stream without the `retry:` field at its beginning, which is at least two seconds.
pub fn after_retry(text: &str) -> &str {
    let (milliseconds, rest) = text
        .strip_prefix("retry: ")
        .and_then(|text| text.split_once("\n\n"))
        .unwrap_or_else(|| panic!("no retry field: {text:?}"));
    assert!((2000..3000).contains(&milliseconds.parse().expect("a number")), "{milliseconds}");
    rest
}
