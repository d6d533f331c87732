//! Ids of messages as a client reads them.

/// Splits an id into its epoch, twelve hexadecimal digits, and its number.
///
/// # Panics
/// If it is no id.
pub fn split_id(id: &str) -> (&str, u64) {
    let (epoch, number) = id.split_once('_').unwrap_or_else(|| panic!("no id: {id:?}"));
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    assert!(epoch.len() == 12 && epoch.bytes().all(is_digit), "{id:?}");
    (epoch, number.parse().unwrap_or_else(|_| panic!("no number: {id:?}")))
}

/// The same text with every number in place of its id, as `id: 7` for `id: 01932f5a0c2e_7`.
pub fn without_epochs(text: &str) -> String {
    let short = |line: &str| match line.strip_prefix("id: ") {
        Some(id) => format!("id: {}", split_id(id).1),
        None => line.to_owned(),
    };
    text.split('\n').map(short).collect::<Vec<_>>().join("\n")
}
