//! What a parser allocates.

/// Runs a parser that must allocate nothing.
///
/// # Panics
/// If it does.
pub fn none<T>(run: impl FnOnce() -> T) -> T {
    within(0, run)
}

/// Runs a parser that may hold so many bytes at once.
///
/// # Panics
/// If it holds more.
pub fn within<T>(most: u64, run: impl FnOnce() -> T) -> T {
    let mut result = None;
    let measured = allocation_counter::measure(|| result = Some(run()));
    assert!(measured.bytes_max <= most, "{} bytes allocated, {most} are allowed", measured.bytes_max);
    result.expect("the closure has run")
}
