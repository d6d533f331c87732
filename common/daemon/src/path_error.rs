//! Why a path of the configuration cannot be used, and what to do about it.

use std::{io, path::Path};

use rustix::io::Errno;

use crate::notify;

/// What a service of ours does not see, by the hardening of its unit.
const HIDDEN: [&str; 5] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];

/// Describes an error of opening or making what this path names, in words that say what to do.
pub fn describe_path_error(path: &Path, error: &io::Error) -> String {
    describe(path, error, notify::is_unit())
}

fn describe(path: &Path, error: &io::Error, is_unit: bool) -> String {
    use io::ErrorKind::{InvalidData, IsADirectory, NotADirectory, NotFound, PermissionDenied};
    let what = match error.kind() {
        NotFound => missing(path),
        PermissionDenied => {
            "this user has no permission for it; `namei -l` shows which folder or file refuses".to_owned()
        }
        IsADirectory => "this is a folder; name a file in it".to_owned(),
        NotADirectory => no_folder(path),
        InvalidData => "this is not text in UTF-8".to_owned(),
        _ => match Errno::from_io_error(error) {
            Some(Errno::LOOP) => {
                "its symbolic links lead round in a circle; `namei -l` shows them".to_owned()
            }
            Some(Errno::NAMETOOLONG) => {
                "the name is longer than a file's may be; say a shorter one".to_owned()
            }
            _ => error.to_string(),
        },
    };
    let is_hidden = is_unit && HIDDEN.iter().any(|hidden| path.starts_with(hidden));
    if is_hidden && matches!(error.kind(), NotFound | PermissionDenied) {
        return format!(
            "{what}. A service does not see {} (ProtectHome= and PrivateTmp= of its unit): move it to /srv or /etc/datecast",
            HIDDEN.join(", ")
        );
    }
    what
}

/// Names the part of a path that would have to be a folder.
fn no_folder(path: &Path) -> String {
    match path.ancestors().find(|part| part.exists()) {
        Some(part) if part != path => format!("{} is not a folder; say another path", part.display()),
        _ => "this is not a folder; say one".to_owned(),
    }
}

/// What a shell or a browser would have made of a path, which nobody does here.
fn unexpanded(path: &Path) -> Option<&'static str> {
    let text = path.to_str()?;
    let is_expanded = [
        (text == "~" || text.starts_with("~/"), "`~` is a word of the shell, which has not replaced it here"),
        (text.starts_with('$'), "the variable in it is one of the shell, which has not replaced it here"),
        (text.starts_with("file:"), "this is a URL"),
    ];
    is_expanded.into_iter().find(|(is_it, _)| *is_it).map(|(_, what)| what)
}

/// Names the first part of a path that is not there.
fn missing(path: &Path) -> String {
    if let Some(what) = unexpanded(path) {
        return format!("{what}; say the whole path, as in /srv/site");
    }
    let mut gap = path;
    while let Some(parent) = gap.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.exists())
    {
        gap = parent;
    }
    if gap != path {
        return format!("the folder {} is missing; make it first", gap.display());
    }
    match std::env::current_dir() {
        Ok(folder) if path.is_relative() => {
            format!("it does not exist in {}; make it, or say another path", folder.display())
        }
        _ => "it does not exist; make it, or say another path".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, kind: io::ErrorKind, is_unit: bool) -> String {
        describe(Path::new(path), &kind.into(), is_unit)
    }

    #[test]
    fn the_first_missing_part_is_named() {
        use io::ErrorKind::NotFound;
        assert_eq!(of("/nowhere/a/b", NotFound, false), "the folder /nowhere is missing; make it first");
        assert_eq!(of("/nowhere", NotFound, false), "it does not exist; make it, or say another path");
        assert!(of("nowhere", NotFound, false).starts_with("it does not exist in /"));
        assert!(of("~/site", NotFound, false).starts_with("`~` is a word of the shell"));
        assert!(of("$HOME/site", NotFound, false).starts_with("the variable in it"));
        assert!(of("file:///srv", NotFound, false).starts_with("this is a URL; say the whole path"));
    }

    #[test]
    fn a_service_learns_that_its_unit_hides_the_homes() {
        use io::ErrorKind::{InvalidData, NotFound, PermissionDenied};
        for (path, kind, is_unit, hint) in [
            ("/home/me/site", NotFound, true, true),
            ("/home/me/site", PermissionDenied, true, true),
            ("/root", PermissionDenied, true, true),
            ("/tmp/site", NotFound, true, true),
            ("/home/me/site", NotFound, false, false),
            ("/home/me/site", InvalidData, true, false),
            ("/srv/site", NotFound, true, false),
            ("/homes", NotFound, true, false),
        ] {
            assert_eq!(of(path, kind, is_unit).contains("ProtectHome="), hint, "{path} {kind}");
        }
    }
}
