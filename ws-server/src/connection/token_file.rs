//! `--token-file` and `--publish-token-file`.

use std::{io, os::unix::fs::MetadataExt as _, path::Path, sync::Arc};

use common::token::{MAX_FILE, TokenList};
use daemon::{DaemonError, Exit, describe_path_error, notify, regular};

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
        .map_err(|error| wrong(Exit::NoInput, unreadable(path, &error, notify::is_unit())))?;
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

/// Why it cannot be read; for a service whose user may not, how its group may.
fn unreadable(path: &Path, error: &io::Error, is_unit: bool) -> String {
    let what = describe_path_error(path, error);
    if !is_unit || error.kind() != io::ErrorKind::PermissionDenied {
        return what;
    }
    let shown = path.display();
    format!("{what}; `chgrp datecast {shown} && chmod 640 {shown}` lets the services read the file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_without_permission_learns_which_group_has_it() {
        use io::ErrorKind::{NotFound, PermissionDenied};
        for (kind, is_unit, hint) in
            [(PermissionDenied, true, true), (PermissionDenied, false, false), (NotFound, true, false)]
        {
            let text = unreadable(Path::new("/etc/datecast/x.tokens"), &kind.into(), is_unit);
            assert_eq!(text.contains("`chgrp datecast /etc/datecast/x.tokens && "), hint, "{text}");
        }
    }
}
