//! `--token-file` and `--publish-token-file`.

use std::{os::unix::fs::MetadataExt as _, path::Path, sync::Arc};

use common::token::{MAX_FILE, TokenList};
use daemon::{DaemonError, Exit, describe_path_error, regular};

/// Reads the file that this flag names, if it names one; warns of a file that all can read, and of tokens that can be guessed.
///
/// # Errors
/// It cannot be read, or a line of it is wrong. The message shows nothing of the file's text.
pub(super) fn read_if_any(flag: &str, path: Option<&Path>) -> Result<Option<Arc<TokenList>>, DaemonError> {
    path.map(|path| read(flag, path).map(Arc::new)).transpose()
}

fn read(flag: &str, path: &Path) -> Result<TokenList, DaemonError> {
    let shown = path.display();
    let wrong = |exit, what: String| DaemonError::new(exit, format!("--{flag} {shown}: {what}"));
    // Reading one byte more than allowed shows whether the file is too long or just fits.
    let (text, metadata) = regular::read_with_metadata(path, MAX_FILE as u64 + 1)
        .map_err(|error| wrong(Exit::NoInput, describe_path_error(path, &error)))?;
    let tokens = TokenList::parse(&text).map_err(|error| wrong(Exit::Config, error.to_string()))?;
    if metadata.mode() & 0o004 != 0 {
        log::warn!(
            "--{flag} {shown}: every user of this machine can read it; `chmod o= {shown}` keeps them out"
        );
    }
    if let [first, ..] = tokens.short_lines() {
        log::warn!(
            "--{flag} {shown}: line {first}: a token of fewer than 16 characters can be guessed; `openssl rand -hex 16` makes a \
             better one"
        );
    }
    Ok(tokens)
}
